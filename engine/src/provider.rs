//! What the clients of outside services share: an error that says what to do about it, secrets that cannot be
//! printed, and one TLS configuration.

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use std::{fmt, sync::Arc, time::Duration};
use tokio::task::JoinHandle;

pub mod http;
pub(crate) mod liveness;
mod mask;
pub(crate) mod tls;
pub(crate) mod websocket;

pub use mask::masked;

/// Why a provider did not serve, classified for the decision that follows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{provider}: {doing}: {message}")]
pub struct ProviderError {
    /// The provider's name as configured, such as `deepgram`.
    pub provider: String,
    /// What was being done, such as `connecting`.
    pub doing: &'static str,
    /// What the provider or the network said; never a secret.
    pub message: String,
    /// What follows from it.
    pub kind: ErrorKind,
}

impl ProviderError {
    /// Puts an error together; whatever a service said must have gone through [`quoted`].
    pub(crate) fn new(
        provider: &str,
        doing: &'static str,
        message: impl Into<String>,
        kind: ErrorKind,
    ) -> Self {
        Self { provider: provider.to_owned(), doing, message: message.into(), kind }
    }

    /// The service took longer than it may.
    #[must_use]
    pub fn timed_out(provider: &str, doing: &'static str, within: Duration) -> Self {
        let message = format!("no answer within {} ms", within.as_millis());
        Self::new(provider, doing, message, ErrorKind::Transient)
    }
}

/// Longest part of a service's own words that an error repeats, in characters: enough for a reason, too short
/// for a page of HTML.
const LONGEST_QUOTE: usize = 300;

/// A service's own words, fit for an error: short, on one line, and without the credential should they repeat it.
pub(crate) fn quoted(text: &str, secret: Option<&Secret>) -> String {
    let without_secret = secret.map_or_else(|| text.to_owned(), |secret| masked(text, secret));
    without_secret
        .trim()
        .chars()
        .take(LONGEST_QUOTE)
        .map(|char| if char.is_control() { ' ' } else { char })
        .collect()
}

/// Where JSON was not understood, without repeating it: it may hold what a caller said.
pub(crate) fn misunderstood(error: &serde_json::Error) -> String {
    format!("a message that is not understood (line {}, column {})", error.line(), error.column())
}

/// What a failure means for what is done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum ErrorKind {
    /// The network, a time-out, a 5xx: the same provider may be tried again at once.
    Transient,
    /// Too many requests: not before `after_ms`, if the provider said so.
    RateLimited {
        /// Milliseconds that the provider asks us to wait.
        after_ms: Option<u64>,
    },
    /// The key is wrong, or not paid for: this provider will not serve until somebody changes its settings.
    Auth,
    /// The request itself was refused: sending it again changes nothing.
    Rejected,
}

impl ErrorKind {
    /// Whether the same provider may be tried again for the same request.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        match self {
            Self::Transient | Self::RateLimited { .. } => true,
            Self::Auth | Self::Rejected => false,
        }
    }
}

/// A credential. It has no `Display`, its `Debug` says nothing, it does not serialise, and what is read instead of one is not
/// repeated in the error.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The usual error would show what is there instead: a password of digits only is a number where its quotes are missing.
        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(text) => Ok(Self(text.into())),
            _ => Err(D::Error::custom("a secret must be a text")),
        }
    }
}

impl Secret {
    /// Takes the credential in.
    #[must_use]
    pub fn new(value: &str) -> Self {
        Self(value.into())
    }

    /// The credential itself, for the one place that sends it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A task that ends when its owner goes.
#[derive(Debug)]
pub struct AbortOnDrop(pub JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// How long a client waits for its service; part of each client's settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectLimits {
    /// TCP, TLS and upgrade or response headers together.
    pub connect: Duration,
}

impl Default for ConnectLimits {
    /// 3 s: a caller bears no longer pause, and TCP, TLS and upgrade across an ocean need less than 1 s.
    fn default() -> Self {
        Self { connect: Duration::from_secs(3) }
    }
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
