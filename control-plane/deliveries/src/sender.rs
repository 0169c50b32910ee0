//! Sends one message: to an address that may be reached, without following redirects, with bounded patience and memory.

use crate::{
    address::{BadAddress, Reach, check},
    resolver::{GuardedResolver, Lookup, NotPublic},
};
use engine::provider::http::{HttpOptions, http_client_builder};
use reqwest::{
    StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
};
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;

/// How messages are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderOptions {
    /// TCP and TLS. Default 5 s.
    pub connect: Duration,
    /// All of a try, from the name to the answer's end. Default 15 s: what the specification recommends at least.
    pub whole: Duration,
    /// So much of an answer's body is read, so that the connection can be used again; longer ones are cut off. Default 16 KiB.
    pub answer_bytes: usize,
    /// Where messages may go. Default: the public internet.
    pub reach: Reach,
}

impl Default for SenderOptions {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            whole: Duration::from_secs(15),
            answer_bytes: 16 * 1_024,
            reach: Reach::Public,
        }
    }
}

/// A message, signed.
#[derive(Clone, Debug)]
pub(crate) struct Message<'a> {
    pub(crate) url: &'a str,
    pub(crate) id: &'a str,
    pub(crate) timestamp_s: i64,
    pub(crate) signature: &'a str,
    pub(crate) body: Vec<u8>,
}

/// Why a message was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The address cannot be used.
    #[error("the address cannot be used: {0}")]
    Address(#[from] BadAddress),
    /// Its name leads to where a message may not go.
    #[error(transparent)]
    NotPublic(#[from] NotPublic),
    /// No connection, or it broke.
    #[error("no connection to the endpoint")]
    Unreachable(#[source] reqwest::Error),
    /// No answer in time.
    #[error("no answer within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// It answered with something else than 2xx.
    #[error("the endpoint answered with status {status}")]
    Status {
        /// Which.
        status: u16,
        /// Seconds that it asks to wait.
        retry_after_s: Option<i64>,
    },
}

impl Refusal {
    /// The status of the answer, if there was one.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Status { status, .. } => Some(*status),
            Self::Address(_) | Self::NotPublic(_) | Self::Unreachable(_) | Self::TimedOut(_) => None,
        }
    }

    /// Seconds that the receiver asks to wait.
    pub(crate) const fn asked_s(&self) -> Option<i64> {
        match self {
            Self::Status { retry_after_s, .. } => *retry_after_s,
            Self::Address(_) | Self::NotPublic(_) | Self::Unreachable(_) | Self::TimedOut(_) => None,
        }
    }
}

/// Sends messages.
#[derive(Clone, Debug)]
pub struct Sender {
    http: reqwest::Client,
    options: SenderOptions,
}

impl Sender {
    /// Gets ready.
    ///
    /// # Errors
    /// When there can be no HTTP client.
    pub fn new(options: SenderOptions, lookup: Arc<dyn Lookup>) -> Result<Self, reqwest::Error> {
        let http = HttpOptions { connect: options.connect, ..HttpOptions::default() };
        let http =
            http_client_builder(http).dns_resolver(GuardedResolver::new(lookup, options.reach)).build()?;
        Ok(Self { http, options })
    }

    /// Where messages may go.
    #[must_use]
    pub const fn reach(&self) -> Reach {
        self.options.reach
    }

    /// Sends a message once; gives the status of the answer, which is 2xx.
    pub(crate) async fn send(&self, message: Message<'_>) -> Result<u16, Refusal> {
        let whole = self.options.whole;
        timeout(whole, self.exchange(message)).await.unwrap_or(Err(Refusal::TimedOut(whole)))
    }

    async fn exchange(&self, message: Message<'_>) -> Result<u16, Refusal> {
        // An address that is written as a number never comes to the resolver.
        let url = check(message.url, self.options.reach)?;
        let request = self
            .http
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", message.id)
            .header("webhook-timestamp", message.timestamp_s)
            .header("webhook-signature", message.signature)
            .body(message.body);
        let mut response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after_s = asked.and_then(|text| text.trim().parse().ok());
        let mut read = 0;
        // What it says does not matter, and that it breaks off neither: the status has come.
        while read < self.options.answer_bytes
            && let Ok(Some(chunk)) = response.chunk().await
        {
            read += chunk.len();
        }
        if status.is_success() {
            Ok(status.as_u16())
        } else {
            Err(Refusal::Status { status: status.as_u16(), retry_after_s })
        }
    }
}

/// The receiver wants no more messages (HTTP 410).
pub(crate) fn is_gone(refusal: &Refusal) -> bool {
    refusal.status() == Some(StatusCode::GONE.as_u16())
}

fn unreachable(error: reqwest::Error) -> Refusal {
    if NotPublic::is_behind(&error) {
        return Refusal::NotPublic(NotPublic);
    }
    Refusal::Unreachable(error.without_url())
}
