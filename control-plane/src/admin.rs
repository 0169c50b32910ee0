//! For the command line of the machine itself: lets in those who run the platform. Needs no running server.

use crate::{
    clock::{now_us, rfc3339},
    sign_in::identity_on,
};
use engine::provider::Secret;
use identity::{IdentityError, invitation::Enabled, normalized_email, openid::OpenId};
use std::sync::Arc;
use store::{Store, model::audit::Actor, model::identity::User};
use vault::{KeyRing, Vault};

/// Somebody who can set a password now.
#[derive(Clone, Debug)]
pub struct Invited {
    /// The user's id.
    pub user: String,
    /// Good once; to be passed on to them.
    pub token: Secret,
    /// Until when, RFC 3339.
    pub expires_at: String,
}

impl From<Enabled> for Invited {
    fn from(enabled: Enabled) -> Self {
        Self {
            user: enabled.user.as_str().to_owned(),
            token: enabled.token,
            expires_at: rfc3339(enabled.expires_at),
        }
    }
}

/// Makes somebody one of those who run the platform.
///
/// # Errors
/// When the email address is none, or the store does not serve.
pub async fn invite_admin(
    store: &Arc<dyn Store>,
    keys: KeyRing,
    email: &str,
    name: &str,
) -> Result<Invited, IdentityError> {
    let identity = offline(store, keys);
    Ok(identity.make_platform_admin(email, name, now_us()).await?.into())
}

/// Lets a user set another password.
///
/// # Errors
/// When there is no such user, or the store does not serve.
pub async fn invite_to_reset(
    store: &Arc<dyn Store>,
    keys: KeyRing,
    email: &str,
) -> Result<Invited, IdentityError> {
    let identity = offline(store, keys);
    let found = store.platform().find::<User>(&normalized_email(email)?).await?;
    let user = found.ok_or(IdentityError::Missing("user"))?.id;
    Ok(identity.reset(&user, &Actor::system("command_line"), now_us()).await?.into())
}

fn offline(store: &Arc<dyn Store>, keys: KeyRing) -> identity::Identity {
    let vault = Arc::new(Vault::new(Arc::clone(store), keys.clone()));
    identity_on(
        store,
        &vault,
        &keys,
        "http://localhost",
        OpenId::default(),
        identity::IdentityOptions::default(),
    )
}
