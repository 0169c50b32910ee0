//! Access tokens from a refresh token (RFC 6749 section 6), as Google and Microsoft give them for mail.
//!
//! - A token is renewed when 80 % of its life is over, and never used in its last minute.
//! - Whoever needs one at the same time waits for the same request.
//! - `invalid_grant` is final: somebody has to connect the mailbox again. It is remembered, and the server is not asked any more.
//! - While a token still lives, a server that cannot be reached troubles nobody.

use engine::provider::{Secret, http::HttpOptions, http::http_client, masked};
use reqwest::{StatusCode, header::RETRY_AFTER};
use serde::Deserialize;
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Mutex, watch},
    time::{Instant, timeout},
};
use url::Url;

/// Longest part of a server's own words that an error repeats, in characters.
const LONGEST_QUOTE: usize = 200;
/// Longest life that a token is believed to have; usual is an hour, and clocks cannot be set by whatever a server says.
const LONGEST_LIFE: Duration = Duration::from_secs(24 * 3_600);

/// What a provider gave when the mailbox was connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuthCredentials {
    /// Where tokens are: `https://oauth2.googleapis.com/token`, or the sandbox.
    pub token_url: Url,
    /// Our application there.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Secret,
    /// The mailbox's lasting permission.
    pub refresh_token: Secret,
}

impl OAuthCredentials {
    /// Where Google's tokens are.
    pub const GOOGLE: &str = "https://oauth2.googleapis.com/token";
}

/// How tokens are fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OAuthOptions {
    /// How connections are made and kept.
    pub http: HttpOptions,
    /// Longest wait for a whole answer. Default 10 s: mail can wait, and Google answers within one.
    pub answer: Duration,
    /// Longest answer that is read, in bytes. Default 64 KiB.
    pub answer_bytes: usize,
    /// Part of a token's life, in percent, after which it is renewed. Default 80.
    pub renew_at_percent: u32,
    /// The end of a token's life in which it is not used any more. Default 60 s: a login and a slow server.
    pub margin: Duration,
    /// How long a token lives whose answer does not say. Default 5 min, far below what is usual.
    pub assumed_life: Duration,
}

impl Default for OAuthOptions {
    fn default() -> Self {
        Self {
            http: HttpOptions::default(),
            answer: Duration::from_secs(10),
            answer_bytes: 64 * 1024,
            renew_at_percent: 80,
            margin: Duration::from_secs(60),
            assumed_life: Duration::from_secs(300),
        }
    }
}

impl OAuthOptions {
    /// How long after it was asked for a token is renewed, and how long it is used at all.
    fn spans(&self, expires_in_s: Option<u64>) -> (Duration, Duration) {
        let life =
            expires_in_s.map_or(self.assumed_life, |seconds| Duration::from_secs(seconds).min(LONGEST_LIFE));
        let usable = life.saturating_sub(self.margin);
        ((life * self.renew_at_percent.min(100) / 100).min(usable), usable)
    }
}

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OAuthError {
    /// The permission is gone (`invalid_grant`): revoked, expired, or the password was changed. Only the mailbox's owner can give it
    /// again.
    #[error("the mailbox has to be connected again: {0}")]
    ReconnectNeeded(String),
    /// Our application is not known, or asks for what it may not.
    #[error("the OAuth2 client is refused: {0}")]
    Configuration(String),
    /// It may work later.
    #[error("the token server gives no token: {cause}")]
    Unavailable {
        /// What happened.
        cause: String,
        /// When it asks to be asked again.
        after: Option<Duration>,
    },
}

/// A token that lives at least for its margin. `Debug` does not show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessToken {
    secret: Secret,
    number: u64,
}

impl AccessToken {
    /// The token itself, for the one place that sends it.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        &self.secret
    }
}

/// Tokens of one mailbox; clones share them.
#[derive(Clone)]
pub struct TokenSource {
    shared: Arc<Shared>,
}

struct Shared {
    credentials: OAuthCredentials,
    options: OAuthOptions,
    http: reqwest::Client,
    /// Locked while a token is fetched, so that it is fetched once.
    held: Mutex<Held>,
    /// Tokens fetched so far.
    count: AtomicU64,
    rotated: watch::Sender<Option<Secret>>,
}

#[derive(Default)]
struct Held {
    token: Option<Live>,
    refresh_token: Option<Secret>,
    refused: Option<OAuthError>,
}

#[derive(Clone)]
struct Live {
    token: AccessToken,
    renew_at: Instant,
    unusable_at: Instant,
}

impl TokenSource {
    /// Gets ready; nothing is fetched yet.
    ///
    /// # Errors
    /// If the operating system gives no resolver.
    pub fn new(credentials: OAuthCredentials, options: OAuthOptions) -> Result<Self, reqwest::Error> {
        let http = http_client(options.http)?;
        Ok(Self {
            shared: Arc::new(Shared {
                credentials,
                options,
                http,
                held: Mutex::default(),
                count: AtomicU64::new(0),
                rotated: watch::Sender::new(None),
            }),
        })
    }

    /// A token that can be used.
    ///
    /// # Errors
    /// [`OAuthError`].
    pub async fn token(&self) -> Result<AccessToken, OAuthError> {
        let mut held = self.shared.held.lock().await;
        let now = Instant::now();
        if let Some(live) = held.token.as_ref().filter(|live| now < live.renew_at) {
            return Ok(live.token.clone());
        }
        let usable = held.token.clone().filter(|live| now < live.unusable_at);
        match (self.fetch(&mut held).await, usable) {
            (Err(OAuthError::Unavailable { cause, .. }), Some(live)) => {
                tracing::warn!(cause, "no new access token yet, the present one still lives");
                Ok(live.token)
            }
            (outcome, _) => outcome,
        }
    }

    /// A token in the place of one that a mail server refused, fetched unless somebody else has done it meanwhile.
    ///
    /// # Errors
    /// [`OAuthError`].
    pub async fn renewed(&self, refused: &AccessToken) -> Result<AccessToken, OAuthError> {
        let mut held = self.shared.held.lock().await;
        match &held.token {
            Some(live) if live.token.number != refused.number => Ok(live.token.clone()),
            Some(_) | None => self.fetch(&mut held).await,
        }
    }

    /// How many tokens were fetched.
    #[must_use]
    pub fn fetched(&self) -> u64 {
        self.shared.count.load(Ordering::Relaxed)
    }

    /// The refresh token that a provider gave in the place of the one it was asked with, to be kept instead of it. Google does not,
    /// Microsoft always does.
    #[must_use]
    pub fn rotated(&self) -> watch::Receiver<Option<Secret>> {
        self.shared.rotated.subscribe()
    }

    async fn fetch(&self, held: &mut Held) -> Result<AccessToken, OAuthError> {
        if let Some(refused) = &held.refused {
            return Err(refused.clone());
        }
        let shared = &*self.shared;
        let refresh_token = held.refresh_token.as_ref().unwrap_or(&shared.credentials.refresh_token);
        let asked_at = Instant::now();
        let answer = match timeout(shared.options.answer, shared.ask(refresh_token)).await {
            Ok(answer) => answer,
            Err(_) => Err(unavailable(format!("no answer within {:?}", shared.options.answer))),
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                if matches!(error, OAuthError::ReconnectNeeded(_)) {
                    held.refused = Some(error.clone());
                    held.token = None;
                }
                return Err(error);
            }
        };
        let (renew, usable) = shared.options.spans(answer.expires_in);
        let token = AccessToken {
            secret: answer.access_token,
            number: shared.count.fetch_add(1, Ordering::Relaxed) + 1,
        };
        held.token =
            Some(Live { token: token.clone(), renew_at: asked_at + renew, unusable_at: asked_at + usable });
        if let Some(rotated) = answer.refresh_token.filter(|rotated| rotated != refresh_token) {
            held.refresh_token = Some(rotated.clone());
            shared.rotated.send_replace(Some(rotated));
        }
        Ok(token)
    }
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenSource({})", self.shared.credentials.token_url)
    }
}

#[derive(Deserialize)]
struct Answer {
    access_token: Secret,
    expires_in: Option<u64>,
    refresh_token: Option<Secret>,
}

#[derive(Default, Deserialize)]
struct ErrorBody {
    #[serde(default)]
    error: String,
    #[serde(default)]
    error_description: String,
}

impl Shared {
    async fn ask(&self, refresh_token: &Secret) -> Result<Answer, OAuthError> {
        let credentials = &self.credentials;
        let form = [
            ("client_id", credentials.client_id.as_str()),
            ("client_secret", credentials.client_secret.reveal()),
            ("refresh_token", refresh_token.reveal()),
            ("grant_type", "refresh_token"),
        ];
        let request =
            self.http.post(credentials.token_url.clone()).form(&form).header("accept", "application/json");
        // Errors name the URL, which holds no secret, and not the form.
        let mut response = request.send().await.map_err(|error| unavailable(causes(&error)))?;
        let status = response.status();
        let after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| unavailable(causes(&error)))? {
            body.extend_from_slice(&chunk);
            if body.len() > self.options.answer_bytes {
                return Err(unavailable("the answer is too long".to_owned()));
            }
        }
        if status.is_success() {
            return serde_json::from_slice(&body)
                .map_err(|_| unavailable("the answer is no token".to_owned()));
        }
        Err(self.refusal(status, &body, refresh_token, after.map(Duration::from_secs)))
    }

    fn refusal(
        &self,
        status: StatusCode,
        body: &[u8],
        refresh_token: &Secret,
        after: Option<Duration>,
    ) -> OAuthError {
        let told: ErrorBody = serde_json::from_slice(body).unwrap_or_default();
        let words = [told.error.as_str(), told.error_description.as_str()].map(str::trim);
        let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
        let said = masked(&masked(&words.join(": "), refresh_token), &self.credentials.client_secret);
        let said: String =
            said.chars().take(LONGEST_QUOTE).map(|c| if c.is_control() { ' ' } else { c }).collect();
        let said = if said.is_empty() { format!("HTTP {}", status.as_u16()) } else { said };
        match (status.as_u16(), told.error.as_str()) {
            (_, "invalid_grant") => OAuthError::ReconnectNeeded(said),
            (408 | 425 | 429 | 500.., _) => OAuthError::Unavailable { cause: said, after },
            _ => OAuthError::Configuration(said),
        }
    }
}

fn unavailable(cause: String) -> OAuthError {
    OAuthError::Unavailable { cause, after: None }
}

fn causes(error: &reqwest::Error) -> String {
    let mut causes = Vec::new();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        causes.push(error.to_string());
        cause = error.source();
    }
    if causes.is_empty() { "the request failed".to_owned() } else { causes.join(": ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_at_four_fifths_of_its_life_and_never_used_in_its_last_minute() {
        let options = OAuthOptions::default();
        let seconds = Duration::from_secs;
        assert_eq!(options.spans(Some(3_600)), (seconds(2_880), seconds(3_540)));
        assert_eq!(options.spans(Some(100)), (seconds(40), seconds(40)));
        assert_eq!(options.spans(Some(30)), (Duration::ZERO, Duration::ZERO));
        assert_eq!(options.spans(None), (seconds(240), seconds(240)));
        assert_eq!(options.spans(Some(u64::MAX)).1, LONGEST_LIFE - seconds(60));
    }
}
