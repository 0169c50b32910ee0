//! One OpenID provider: what it says of itself (OpenID Connect Discovery 1.0), its keys, and the exchange of a code for an ID
//! token. What it says is kept for a while; keys are fetched again when a token names one that is not known.

use super::id_token::{Doubt, Expected, IdClaims, read};
use crate::service::{micros, normalized_email};
use base64_simd::STANDARD;
use engine::provider::{
    Secret,
    http::{HttpOptions, http_client},
};
use jsonwebtoken::jwk::JwkSet;
use reqwest::{RequestBuilder, header};
use serde::{Deserialize, de::DeserializeOwned};
use std::{fmt, sync::Arc, time::Duration};
use tokio::{sync::Mutex, time::timeout};
use url::{Url, form_urlencoded::byte_serialize};

/// Longest answer that is read, in bytes. A provider's documents have a few thousand.
const LONGEST_ANSWER: usize = 256 * 1024;

/// An OpenID provider, as it is set up.
#[derive(Clone)]
pub struct OpenIdProvider {
    /// As in our own addresses: lower-case letters, digits, hyphens.
    pub name: String,
    /// Its issuer identifier, to the letter.
    pub issuer: Url,
    /// Our name there.
    pub client_id: String,
    /// Our secret there.
    pub client_secret: Secret,
    /// To where it sends users back.
    pub redirect: Url,
    /// For which hosts of email addresses it vouches; empty: for all.
    pub email_hosts: Vec<String>,
}

impl fmt::Debug for OpenIdProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenIdProvider").field("name", &self.name).finish_non_exhaustive()
    }
}

impl OpenIdProvider {
    /// The email address that it has verified and may vouch for.
    pub(super) fn vouched_email(&self, claims: &IdClaims) -> Option<String> {
        let email = claims.email.as_deref().filter(|_| claims.email_verified)?;
        let email = normalized_email(email).ok()?;
        let (_, host) = email.rsplit_once('@')?;
        let vouches = self.email_hosts.is_empty() || self.email_hosts.iter().any(|known| known == host);
        vouches.then_some(email)
    }
}

/// How providers are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenIdOptions {
    /// Longest wait for an answer. Default 10 s: the user looks at an empty page meanwhile.
    pub answer: Duration,
    /// What a provider says of itself, and its keys, are kept so long. Default 1 h.
    pub kept: Duration,
    /// Keys are not fetched more often than this for tokens with unknown keys. Default 1 min.
    pub fetch_every: Duration,
    /// Whether providers without TLS are allowed: for tests on one machine. Default false.
    pub allow_http: bool,
}

impl Default for OpenIdOptions {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(10),
            kept: Duration::from_hours(1),
            fetch_every: Duration::from_mins(1),
            allow_http: false,
        }
    }
}

/// Why signing in at a provider failed.
#[derive(Debug, thiserror::Error)]
pub enum OpenIdError {
    /// None with this name is set up.
    #[error("there is no such provider")]
    UnknownProvider,
    /// There is no HTTP client.
    #[error("failed to set up the HTTP client for OpenID providers")]
    Client(#[source] reqwest::Error),
    /// It did not answer.
    #[error("{doing}: the provider did not answer")]
    Unreachable {
        /// What was being done.
        doing: &'static str,
        /// Why; `None`: not in time.
        #[source]
        source: Option<reqwest::Error>,
    },
    /// It refused.
    #[error("{doing}: the provider answered with status {status}")]
    Status {
        /// What was being done.
        doing: &'static str,
        /// HTTP status.
        status: u16,
    },
    /// Its answer is not understood.
    #[error("{doing}: the provider's answer is not understood")]
    Malformed {
        /// What was being done.
        doing: &'static str,
        /// Why; `None`: it is too long, or names addresses that are not allowed.
        #[source]
        source: Option<serde_json::Error>,
    },
    /// Its ID token is not to be believed.
    #[error("the provider's ID token is not good: {0}")]
    IdToken(&'static str),
    /// It does not say that it has verified the email address, or does not vouch for such addresses.
    #[error("the provider vouches for no email address")]
    NoVerifiedEmail,
    /// Nobody with this email address was invited.
    #[error("there is no user with this email address")]
    NoSuchUser,
}

/// What a provider says of itself (OpenID Connect Discovery 1.0, section 3).
#[derive(Debug, Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: Url,
    token_endpoint: Url,
    jwks_uri: Url,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

#[derive(Clone, Default)]
struct Known {
    metadata: Option<(Arc<Metadata>, i64)>,
    keys: Option<(Arc<JwkSet>, i64)>,
}

/// A provider, and what is known of it.
pub(super) struct Connection {
    pub(super) provider: OpenIdProvider,
    options: OpenIdOptions,
    http: reqwest::Client,
    /// Whoever finds it out of date fetches it; others wait for that.
    known: Mutex<Known>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("provider", &self.provider).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct TokenAnswer {
    id_token: String,
}

impl Connection {
    pub(super) fn new(provider: OpenIdProvider, options: OpenIdOptions) -> Result<Self, OpenIdError> {
        let http = http_client(HttpOptions::default()).map_err(OpenIdError::Client)?;
        Ok(Self { provider, options, http, known: Mutex::default() })
    }

    /// Where a user signs in.
    pub(super) async fn authorization_url(
        &self,
        state: &str,
        nonce: &str,
        challenge: &str,
        now: i64,
    ) -> Result<Url, OpenIdError> {
        let mut url = self.metadata(now).await?.authorization_endpoint.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.provider.client_id)
            .append_pair("redirect_uri", self.provider.redirect.as_str())
            .append_pair("scope", "openid email")
            .append_pair("state", state)
            .append_pair("nonce", nonce)
            .append_pair("code_challenge", challenge)
            .append_pair("code_challenge_method", "S256");
        Ok(url)
    }

    /// What the provider says of whoever it gave this code.
    pub(super) async fn claims(
        &self,
        code: &Secret,
        verifier: &Secret,
        nonce: &str,
        now: i64,
    ) -> Result<IdClaims, OpenIdError> {
        let metadata = self.metadata(now).await?;
        let token = self.exchange(&metadata, code, verifier).await?;
        let client_id = self.provider.client_id.as_str();
        let expected = Expected { issuer: &metadata.issuer, client_id, nonce, now };
        let keys = self.keys(&metadata, self.options.kept, now).await?;
        match read(&token, &keys, expected) {
            Err(Doubt::UnknownKey) => {
                // The provider may have exchanged its keys.
                let keys = self.keys(&metadata, self.options.fetch_every, now).await?;
                Ok(read(&token, &keys, expected)?)
            }
            done => Ok(done?),
        }
    }

    async fn exchange(
        &self,
        metadata: &Metadata,
        code: &Secret,
        verifier: &Secret,
    ) -> Result<String, OpenIdError> {
        const DOING: &str = "exchanging the code";
        let provider = &self.provider;
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code.reveal()),
            ("redirect_uri", provider.redirect.as_str()),
            ("code_verifier", verifier.reveal()),
        ];
        let methods = metadata.token_endpoint_auth_methods_supported.as_deref();
        let has = |method: &str| methods.is_some_and(|methods| methods.iter().any(|known| known == method));
        let mut request = self.http.post(metadata.token_endpoint.clone());
        if has("client_secret_post") && !has("client_secret_basic") {
            form.push(("client_id", &provider.client_id));
            form.push(("client_secret", provider.client_secret.reveal()));
        } else {
            request = request.header(header::AUTHORIZATION, self.basic());
        }
        let answer: TokenAnswer = self.ask(DOING, request.form(&form)).await?;
        Ok(answer.id_token)
    }

    /// RFC 6749, section 2.3.1.
    fn basic(&self) -> String {
        let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
        let pair = format!(
            "{}:{}",
            encoded(&self.provider.client_id),
            encoded(self.provider.client_secret.reveal())
        );
        format!("Basic {}", STANDARD.encode_to_string(pair))
    }

    async fn metadata(&self, now: i64) -> Result<Arc<Metadata>, OpenIdError> {
        const DOING: &str = "asking what the provider offers";
        let mut known = self.known.lock().await;
        if let Some((metadata, at)) = &known.metadata
            && now.saturating_sub(*at) < micros(self.options.kept)
        {
            return Ok(Arc::clone(metadata));
        }
        let issuer = self.provider.issuer.as_str().trim_end_matches('/');
        let url = format!("{issuer}/.well-known/openid-configuration");
        let metadata: Metadata = self.ask(DOING, self.http.get(url)).await?;
        let addresses = [&metadata.authorization_endpoint, &metadata.token_endpoint, &metadata.jwks_uri];
        let allowed =
            |url: &Url| url.scheme() == "https" || (url.scheme() == "http" && self.options.allow_http);
        if metadata.issuer.trim_end_matches('/') != issuer || !addresses.into_iter().all(allowed) {
            return Err(OpenIdError::Malformed { doing: DOING, source: None });
        }
        let metadata = Arc::new(metadata);
        known.metadata = Some((Arc::clone(&metadata), now));
        Ok(metadata)
    }

    /// The provider's keys, not older than `age`.
    async fn keys(&self, metadata: &Metadata, age: Duration, now: i64) -> Result<Arc<JwkSet>, OpenIdError> {
        let mut known = self.known.lock().await;
        if let Some((keys, at)) = &known.keys
            && now.saturating_sub(*at) < micros(age)
        {
            return Ok(Arc::clone(keys));
        }
        let request = self.http.get(metadata.jwks_uri.clone());
        let keys: Arc<JwkSet> = Arc::new(self.ask("fetching the provider's keys", request).await?);
        known.keys = Some((Arc::clone(&keys), now));
        Ok(keys)
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        doing: &'static str,
        request: RequestBuilder,
    ) -> Result<T, OpenIdError> {
        let answered = timeout(self.options.answer, self.answer(doing, request)).await;
        let body = answered.map_err(|_| OpenIdError::Unreachable { doing, source: None })??;
        serde_json::from_slice(&body).map_err(|source| OpenIdError::Malformed { doing, source: Some(source) })
    }

    async fn answer(&self, doing: &'static str, request: RequestBuilder) -> Result<Vec<u8>, OpenIdError> {
        let unreachable =
            |error: reqwest::Error| OpenIdError::Unreachable { doing, source: Some(error.without_url()) };
        let request = request.header(header::ACCEPT, "application/json");
        let mut response = request.send().await.map_err(unreachable)?;
        if !response.status().is_success() {
            return Err(OpenIdError::Status { doing, status: response.status().as_u16() });
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > LONGEST_ANSWER {
                return Err(OpenIdError::Malformed { doing, source: None });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}
