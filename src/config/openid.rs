//! The OpenID provider at which people can sign in.

use engine::provider::Secret;
use serde::Deserialize;

/// The OpenID provider at which people can sign in, beside passwords. There is one once [`OpenId::issuer`] is set.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OpenId {
    /// As in our own addresses: the provider sends people back to `/v1/auth/oidc/{name}/callback`.
    pub name: String,
    /// Its issuer identifier, to the letter.
    pub issuer: Option<String>,
    /// Our name there.
    pub client_id: Option<String>,
    /// Our secret there.
    pub client_secret: Option<Secret>,
    /// For which hosts of email addresses it vouches; empty: for all.
    pub email_hosts: Vec<String>,
}

impl Default for OpenId {
    fn default() -> Self {
        Self {
            name: "openid".to_owned(),
            issuer: None,
            client_id: None,
            client_secret: None,
            email_hosts: Vec::new(),
        }
    }
}
