//! One TLS configuration for all clients: certificates come with the program, so that a machine without a
//! certificate bundle can reach its providers.

use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use std::sync::{Arc, LazyLock};

static CONFIG: LazyLock<Arc<ClientConfig>> = LazyLock::new(|| Arc::new(build()));

/// The configuration without ALPN, as a websocket needs it. Sessions are resumed across all its users.
pub(crate) fn client_config() -> Arc<ClientConfig> {
    Arc::clone(&CONFIG)
}

fn build() -> ClientConfig {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    #[expect(clippy::expect_used, reason = "the default protocol versions fit the default provider")]
    ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("protocol versions of the provider")
        .with_root_certificates(roots)
        .with_no_client_auth()
}
