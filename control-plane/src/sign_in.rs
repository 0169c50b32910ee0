//! Puts together what knows who is who.

use crate::settings::ControlPlaneSettings;
use identity::{
    Identity, IdentityOptions,
    openid::{OpenId, OpenIdError},
    token::{SigningKey, Tokens},
};
use std::sync::Arc;
use store::Store;
use vault::{KeyRing, Vault};

/// As the settings say.
pub(crate) fn identity(
    settings: &ControlPlaneSettings,
    store: &Arc<dyn Store>,
    vault: &Arc<Vault>,
) -> Result<Identity, OpenIdError> {
    let sign_in = &settings.sign_in;
    let openid = OpenId::new(sign_in.openid.clone(), sign_in.openid_options)?;
    let issuer = settings.base_url.as_str();
    Ok(identity_on(store, vault, &settings.keys, issuer, openid, sign_in.options.clone()))
}

/// What tokens are signed with follows from the keys that protect stored credentials, and is exchanged with them.
pub(crate) fn identity_on(
    store: &Arc<dyn Store>,
    vault: &Arc<Vault>,
    keys: &KeyRing,
    issuer: &str,
    openid: OpenId,
    options: IdentityOptions,
) -> Identity {
    let roots = keys.derive("tokens");
    let mut signing: Vec<_> =
        roots.iter().map(|(id, root)| SigningKey::derived(id.as_str(), root.as_slice())).collect();
    let older = signing.split_off(1);
    #[expect(clippy::expect_used, reason = "a ring has at least one key")]
    let active = signing.pop().expect("a ring has at least one key");
    let tokens = Tokens::new(issuer.trim_end_matches('/'), active, older);
    Identity::new(Arc::clone(store), Arc::clone(vault), tokens, openid, options)
}
