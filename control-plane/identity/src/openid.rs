//! Signing in at an OpenID provider (OpenID Connect Core 1.0): authorization code with PKCE (RFC 7636), state and nonce.
//!
//! What has to be remembered while the user is away stands in a signed token that the user's browser keeps; state, nonce and
//! code verifier follow from it and from our key, and are kept nowhere. A provider vouches for an email address only where
//! it says that it has verified it.

mod id_token;
mod provider;

pub use id_token::IdClaims;
pub use provider::{OpenIdError, OpenIdOptions, OpenIdProvider};

use crate::{
    Identity, IdentityError,
    client::Client,
    invitation::unproven,
    service::again,
    session,
    sign_in::SignedIn,
    token::{Purpose, Verified},
};
use base64_simd::URL_SAFE_NO_PAD;
use engine::provider::Secret;
use provider::Connection;
use serde_json::json;
use sha2::{Digest, Sha256};
use store::{
    Filter, Stored,
    model::identity::{User, UserStatus},
};
use subtle::ConstantTimeEq;
use url::Url;

/// The providers at which users can sign in.
#[derive(Debug, Default)]
pub struct OpenId {
    providers: Vec<Connection>,
}

impl OpenId {
    /// These providers; nothing is asked of them yet.
    ///
    /// # Errors
    /// [`OpenIdError::Client`] when there can be no HTTP client.
    pub fn new(providers: Vec<OpenIdProvider>, options: OpenIdOptions) -> Result<Self, OpenIdError> {
        let connect = |provider| Connection::new(provider, options);
        Ok(Self { providers: providers.into_iter().map(connect).collect::<Result<_, _>>()? })
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.providers.iter().map(|connection| connection.provider.name.as_str())
    }

    fn get(&self, name: &str) -> Result<&Connection, OpenIdError> {
        let found = self.providers.iter().find(|connection| connection.provider.name == name);
        found.ok_or(OpenIdError::UnknownProvider)
    }
}

/// A sign-in at a provider that has begun.
#[derive(Clone, Debug)]
pub struct Started {
    /// Where the user is sent.
    pub url: Url,
    /// What the user's browser keeps until it is back, and shows to nobody else.
    pub flow: Secret,
}

/// With what the user came back from the provider.
#[derive(Clone, Debug)]
pub struct Returned<'a> {
    /// What the browser kept.
    pub flow: &'a str,
    /// As it came from the provider.
    pub state: &'a str,
    /// As it came from the provider.
    pub code: &'a Secret,
}

impl Identity {
    /// The providers at which users can sign in.
    #[must_use]
    pub fn openid(&self) -> &OpenId {
        &self.openid
    }

    /// Sends a user to a provider.
    ///
    /// # Errors
    /// [`IdentityError::OpenId`].
    pub async fn begin_openid(
        &self,
        provider: &str,
        client: &Client,
        now: i64,
    ) -> Result<Started, IdentityError> {
        let connection = self.openid.get(provider)?;
        self.count_network(client, now)?;
        let flow = self.tokens.issue(Purpose::OpenId, provider, now, self.options.openid_life)?.token;
        let verified = self.tokens.verify(Purpose::OpenId, &flow, now)?;
        let secrets = self.flow_secrets(&verified);
        let challenge = URL_SAFE_NO_PAD.encode_to_string(Sha256::digest(secrets.verifier.reveal()));
        let (state, nonce) = (secrets.state.reveal(), secrets.nonce.reveal());
        let url = connection.authorization_url(state, nonce, &challenge, now).await?;
        Ok(Started { url, flow: Secret::new(&flow) })
    }

    /// Lets a user in who is back from a provider.
    ///
    /// # Errors
    /// [`IdentityError::Refused`] if what came back does not belong to what was begun; [`IdentityError::OpenId`].
    pub async fn finish_openid(
        &self,
        provider: &str,
        returned: Returned<'_>,
        client: &Client,
        now: i64,
    ) -> Result<SignedIn, IdentityError> {
        let connection = self.openid.get(provider)?;
        self.count_network(client, now)?;
        let verified = self.tokens.verify(Purpose::OpenId, returned.flow, now)?;
        let secrets = self.flow_secrets(&verified);
        let same_state = bool::from(secrets.state.reveal().as_bytes().ct_eq(returned.state.as_bytes()));
        if verified.subject != provider || !same_state {
            return Err(IdentityError::Refused);
        }
        let claims = connection.claims(returned.code, &secrets.verifier, secrets.nonce.reveal(), now).await?;
        let user = self.user_of(connection, &claims, client, now).await?;
        self.first_proof(&user, None, "openid", client, now).await
    }

    fn flow_secrets(&self, flow: &Verified) -> FlowSecrets {
        let secret = |label| Secret::new(&self.tokens.secret_of(flow, label));
        FlowSecrets {
            state: secret("openid state"),
            nonce: secret("openid nonce"),
            verifier: secret("openid verifier"),
        }
    }

    /// The user that the provider means: known by its subject there, or by a verified email address.
    async fn user_of(
        &self,
        connection: &Connection,
        claims: &IdClaims,
        client: &Client,
        now: i64,
    ) -> Result<Stored<User>, IdentityError> {
        let subject =
            format!("{} {}", connection.provider.issuer.as_str().trim_end_matches('/'), claims.subject);
        let platform = self.store.platform();
        let known = platform.list::<User>(&Filter::first(2).of(&subject)).await?;
        if let [user] = known.as_slice() {
            return Ok(user.clone());
        }
        let email = connection.provider.vouched_email(claims).ok_or(OpenIdError::NoVerifiedEmail)?;
        again!(async {
            let found = platform.find::<User>(&email).await?.ok_or(OpenIdError::NoSuchUser)?;
            if found.value.openid_subject.is_some() || found.value.status == UserStatus::Disabled {
                return Err(OpenIdError::NoSuchUser.into());
            }
            self.link(&found, &subject, client, now).await
        })
    }

    /// From now on the user is the provider's. Whoever set a password before never proved that the address is theirs, so
    /// nothing that they set proves anything any more.
    async fn link(
        &self,
        user: &Stored<User>,
        subject: &str,
        client: &Client,
        now: i64,
    ) -> Result<Stored<User>, IdentityError> {
        let sessions = self.sessions(&user.id, now).await?;
        let mut tx = self.store.platform().begin(&client.user(&user.id), now).await?;
        let after = User {
            openid_subject: Some(subject.to_owned()),
            status: UserStatus::Active,
            ..unproven(user.value.clone())
        };
        let linked = tx.update(&user.id, user.version, after).await?;
        session::end(&mut *tx, sessions, None).await?;
        tx.note("user.openid", user.id.as_str(), &json!({ "subject": subject })).await?;
        tx.commit().await?;
        Ok(linked)
    }
}

/// What follows from a flow's token and is kept nowhere.
struct FlowSecrets {
    state: Secret,
    nonce: Secret,
    verifier: Secret,
}
