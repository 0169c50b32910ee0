//! Every timeout and limit of the client.

use crate::Pace;
use engine::provider::http::HttpOptions;
use std::time::Duration;
use url::Url;

/// How Whapi is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhapiOptions {
    /// Where the API is: `https://gate.whapi.cloud` (the default), a proxy, the sandbox with its path.
    pub base_url: Url,
    /// How connections are made and kept.
    pub http: HttpOptions,
    /// Longest wait for a whole answer. Default 30 s: the session behind it talks to WhatsApp before it answers, and a
    /// send that is given up too early is one whose outcome nobody knows.
    pub answer: Duration,
    /// Longest wait for the answer to a message with media, and for media that come in. Default 120 s: the gateway
    /// fetches and converts them first.
    pub media_answer: Duration,
    /// Longest answer that is read, in bytes. Default 1 MiB: a list of 100 messages is about 100 KiB.
    pub answer_bytes: usize,
    /// Largest media, either way, in bytes. Default 16 MiB: WhatsApp's own limit for videos.
    pub media_bytes: usize,
    /// How fast each channel sends, unless it has a pace of its own. Default without limits.
    pub pace: Pace,
    /// Channels whose pace is remembered. Default 20,000; beyond it those that were idle are forgotten.
    pub channels: usize,
}

impl WhapiOptions {
    /// The defaults with another address.
    #[must_use]
    pub fn at(base_url: Url) -> Self {
        Self {
            base_url,
            http: HttpOptions::default(),
            answer: Duration::from_secs(30),
            media_answer: Duration::from_secs(120),
            answer_bytes: 1024 * 1024,
            media_bytes: 16 * 1024 * 1024,
            pace: Pace::default(),
            channels: 20_000,
        }
    }
}

impl Default for WhapiOptions {
    #[expect(clippy::expect_used, reason = "the address is a constant")]
    fn default() -> Self {
        Self::at(Url::parse("https://gate.whapi.cloud").expect("a URL"))
    }
}
