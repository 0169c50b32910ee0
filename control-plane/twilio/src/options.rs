//! Every timeout, limit and retry of the client.

use engine::provider::http::HttpOptions;
use std::time::Duration;
use url::Url;

/// How Twilio is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TwilioOptions {
    /// Where the API is, without the version: `https://api.twilio.com` (the default), a region's host, a proxy, the
    /// sandbox. `TWILIO_BASE_URL` in the program's configuration.
    pub base_url: Url,
    /// How connections are made and kept.
    pub http: HttpOptions,
    /// Longest wait for a whole answer, its body included. Default 15 s: buying a number takes some seconds, and a
    /// request that is given up too early is one whose outcome nobody knows.
    pub answer: Duration,
    /// Longest silence while media comes in. Default 10 s.
    pub media_idle: Duration,
    /// Longest answer that is read, in bytes. Default 8 MiB: a page of 1,000 calls is about 2 MiB.
    pub answer_bytes: usize,
    /// Entries in a page of a list. Default 200, of at most 1,000: some 400 KiB.
    pub page_size: u16,
    /// Pages of one list that are read. Default 500, so that a list that never ends does end.
    pub pages: u32,
    /// How fast each account is asked for all but the sending of messages.
    pub rate: RateOptions,
    /// How fast each account is given messages. Default: [`RateOptions::of_messages`].
    pub messages: RateOptions,
    /// When a request is sent again.
    pub retry: RetryOptions,
    /// How long after a request was given up Twilio's lists show what came of it for certain. Default 10 s: only then
    /// does an empty list mean that nothing was created.
    pub settle: Duration,
    /// How often the lists are asked meanwhile. Default 2 s.
    pub settle_poll: Duration,
    /// How far Twilio's clock and ours may lie apart. Default 60 s; what was created earlier than that before the
    /// request is not its outcome.
    pub clock_skew: Duration,
}

impl TwilioOptions {
    /// The defaults with another address.
    #[must_use]
    pub fn at(base_url: Url) -> Self {
        Self {
            base_url,
            http: HttpOptions::default(),
            answer: Duration::from_secs(15),
            media_idle: Duration::from_secs(10),
            answer_bytes: 8 * 1024 * 1024,
            page_size: 200,
            pages: 500,
            rate: RateOptions::default(),
            messages: RateOptions::of_messages(),
            retry: RetryOptions::default(),
            settle: Duration::from_secs(10),
            settle_poll: Duration::from_secs(2),
            clock_skew: Duration::from_secs(60),
        }
    }
}

impl Default for TwilioOptions {
    #[expect(clippy::expect_used, reason = "the address is a constant")]
    fn default() -> Self {
        Self::at(Url::parse("https://api.twilio.com").expect("a URL"))
    }
}

/// How fast one account is asked. An account has its own share: one that is busy does not slow down another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateOptions {
    /// Requests per second in the long run. Default 50: below what accounts are granted (100 at the same time).
    pub per_second: u32,
    /// Requests at once after a pause. Default 50.
    pub burst: u32,
    /// Requests at the same time. Default 20.
    pub concurrent: usize,
    /// Longest wait for one's turn. Default 20 s; beyond it the request is refused here, without being sent.
    pub longest_wait: Duration,
    /// Accounts' shares that are remembered. Default 20,000; beyond it those that were idle are forgotten.
    pub accounts: usize,
}

impl RateOptions {
    /// For the sending of messages: 200 a second, 50 at once, 50 at the same time, which leaves 50 of the 100 requests that accounts
    /// are granted at the same time. What a sender may send in a second (from one, of a long number, to some hundreds, of a short
    /// code) is kept to by Twilio's own queue, and by the pace of an account where one is set.
    #[must_use]
    pub fn of_messages() -> Self {
        Self { per_second: 200, burst: 50, concurrent: 50, ..Self::default() }
    }
}

impl Default for RateOptions {
    fn default() -> Self {
        Self {
            per_second: 50,
            burst: 50,
            concurrent: 20,
            longest_wait: Duration::from_secs(20),
            accounts: 20_000,
        }
    }
}

/// When a request is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryOptions {
    /// Attempts in all, the first included. Default 4.
    pub attempts: u32,
    /// Wait before the second. Default 250 ms; doubled before each further one, spread over half of it.
    pub first: Duration,
    /// Longest wait, also where Twilio asks for more (the failure is then passed on). Default 30 s.
    pub longest: Duration,
}

impl Default for RetryOptions {
    fn default() -> Self {
        Self { attempts: 4, first: Duration::from_millis(250), longest: Duration::from_secs(30) }
    }
}
