//! Mail in: one mailbox over IMAP, one mail at a time, kept before it is flagged as read.
//!
//! - A mail is handed to [`Inbox::keep`]; only when that has returned is it flagged `\Seen` (and never by fetching it). Whatever
//!   breaks in between, the mail comes again, so `keep` has to know by the `Message-ID` what it has already.
//! - What is new is told by the highest UID that was kept, which the caller stores with the mail ([`Fetched::position`]). Unread mail
//!   of the last days below it is fetched as well: what an earlier failure left behind.
//! - Between polls the server tells of new mail (`IDLE`); a poll comes every minute all the same.
//! - One connection. When it goes there is another one after a growing wait. When the account's owner has to act, the state says so.

mod decide;
mod link;
mod nesting;
mod poller;
mod session;

pub use poller::Poller;

use crate::{
    net::{Login, Server, SetupError},
    oauth::OAuthError,
    parse::{ParseLimits, Received},
};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use std::{fmt, net::IpAddr, time::Duration};

/// A mailbox and how to get at it.
#[derive(Clone, Debug)]
pub struct ImapAccount {
    /// The caller's own name for it, for logs: an id, not an address.
    pub label: String,
    /// Where it is.
    pub server: Server,
    /// As whom.
    pub login: Login,
    /// Which folder, mostly `INBOX`.
    pub folder: String,
}

/// Every timeout and limit of fetching.
#[derive(Clone, Debug)]
pub struct ImapOptions {
    /// From poll to poll. Default 60 s.
    pub poll_every: Duration,
    /// Whether the server is asked to tell of new mail in between, where it can. Default yes.
    pub idle: bool,
    /// Name resolution, TCP and TLS, each. Default 10 s.
    pub connect: Duration,
    /// The answer to a command. Default 60 s: searching a large mailbox takes its time.
    pub command: Duration,
    /// Fetching one mail. Default 180 s: 10 MiB over a slow line.
    pub fetch: Duration,
    /// Largest mail that is fetched whole, in bytes. Default 10 MiB; of a larger one only the headers are.
    pub mail_bytes: u32,
    /// Mails of one poll; the rest comes with the next, which follows at once. Default 200.
    pub batch: usize,
    /// How old unread mail may be that is fetched although it is not new. Default 14 days; a mailbox that is connected for the first
    /// time brings that much.
    pub unread_days: u16,
    /// Wait after the first failure. Default 1 s; doubled with every further one, half of it left to chance.
    pub first_wait: Duration,
    /// Longest wait. Default 5 min.
    pub longest_wait: Duration,
    /// Wait after the server refused the login. Default 15 min: more would lock the account.
    pub refused_wait: Duration,
    /// What is read of a mail.
    pub parse: ParseLimits,
    /// Certificates that are trusted besides the public web's, PEM.
    pub extra_roots: Option<String>,
    /// Which addresses may be spoken to. Default: all.
    pub may_reach: fn(IpAddr) -> bool,
}

impl Default for ImapOptions {
    fn default() -> Self {
        Self {
            poll_every: Duration::from_secs(60),
            idle: true,
            connect: Duration::from_secs(10),
            command: Duration::from_secs(60),
            fetch: Duration::from_secs(180),
            mail_bytes: 10 * 1024 * 1024,
            batch: 200,
            unread_days: 14,
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_secs(300),
            refused_wait: Duration::from_secs(900),
            parse: ParseLimits::default(),
            extra_roots: None,
            may_reach: |_| true,
        }
    }
}

/// How far a mailbox was read: every mail up to `last_uid` was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Under which numbering; another one makes all UIDs worthless.
    pub uid_validity: u32,
    /// The highest UID that was kept, 0 for none.
    pub last_uid: u32,
}

/// A mail to be kept.
#[derive(Clone)]
pub struct Fetched {
    /// Its numbering, for a log.
    pub uid_validity: u32,
    /// Its number, for a log.
    pub uid: u32,
    /// To be stored with the mail, in the same transaction; `None` where the mail does not move the mark.
    pub position: Option<Position>,
    /// When the server got it, unix µs.
    pub received_at: Option<i64>,
    /// Its whole size, bytes.
    pub bytes: u32,
    /// It was too large: `raw` and `mail` are its headers.
    pub headers_only: bool,
    /// As it came.
    pub raw: Bytes,
    /// As it was read; `None` if it cannot be.
    pub mail: Option<Received>,
}

impl fmt::Debug for Fetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fetched(uid {}, {} bytes)", self.uid, self.bytes)
    }
}

/// The mail was not kept; it comes again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InboxError(pub String);

/// Where mail is kept. Each method may be given up at any await when the poller is stopped.
pub trait Inbox: Send + Sync + 'static {
    /// How far the mailbox was read; `None` if it never was.
    fn position(&self) -> BoxFuture<'_, Result<Option<Position>, InboxError>>;

    /// Keeps a mail and its position. A mail that is there already (by its `Message-ID`) is kept: `Ok`. An error keeps all later mail
    /// waiting, so it is for what passes; a mail that can never be kept has to be put aside.
    fn keep(&self, mail: Fetched) -> BoxFuture<'_, Result<(), InboxError>>;

    /// Stores a position without a mail: after the first poll, and when the server has numbered its mails anew.
    fn advance(&self, position: Position) -> BoxFuture<'_, Result<(), InboxError>>;
}

/// Why mail is not fetched at present. Shows no credential and nothing of a mail.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// No connection, or it went.
    #[error("the mailbox cannot be reached: {0}")]
    Unreachable(String),
    /// The server refuses the password, or the token even after it was renewed.
    #[error("the mailbox refuses the login: {0}")]
    Login(String),
    /// There is no token.
    #[error("no access token for the mailbox")]
    Token(#[from] OAuthError),
    /// The server refuses a command.
    #[error("the mailbox refuses {command}: {words}")]
    Refused {
        /// Such as `SELECT`.
        command: &'static str,
        /// The server's words, shortened.
        words: String,
    },
    /// The server's answer is not understood.
    #[error("the mailbox's answer is not understood")]
    Protocol,
    /// The caller did not keep a mail.
    #[error("the mail was not kept")]
    Inbox(#[from] InboxError),
    /// Something panicked; it is a fault of ours or of a library.
    #[error("reading the mailbox failed inside")]
    Inside,
}

impl Trouble {
    /// Whether the mailbox's owner has to act: connect it again, or change its settings.
    #[must_use]
    pub fn needs_owner(&self) -> bool {
        matches!(
            self,
            Self::Login(_) | Self::Token(OAuthError::ReconnectNeeded(_) | OAuthError::Configuration(_))
        )
    }
}

/// What a poller does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Connecting, or fetching.
    Working,
    /// Connected, and nothing is new.
    Listening {
        /// The server tells of new mail (`IDLE`).
        idle: bool,
    },
    /// Not connected; it tries again by itself.
    Waiting {
        /// When, unix µs.
        until: i64,
    },
    /// Not connected, and the mailbox's owner has to act. After a refused login it still tries now and then (`until`, unix µs);
    /// after `invalid_grant` it does not.
    ReconnectNeeded {
        /// When it tries again, if it does.
        until: Option<i64>,
    },
}

/// A poll that went through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PollDone {
    /// When it ended, unix µs.
    pub at: i64,
    /// Mails that were kept by it.
    pub kept: usize,
}

/// A mailbox's health.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PollerState {
    /// What is going on.
    pub phase: Phase,
    /// The last poll that went through.
    pub last_poll: Option<PollDone>,
    /// Why the last attempt failed; `None` once a poll has gone through.
    pub trouble: Option<Trouble>,
    /// Failures in a row.
    pub failures: u32,
    /// Polls that went through, and mails that were kept, since the start.
    pub polls: u64,
    /// See `polls`.
    pub kept: u64,
}

/// Checks an account's settings as far as they can be without asking the server.
fn check(account: &ImapAccount) -> Result<rustls::pki_types::ServerName<'static>, SetupError> {
    if account.server.security == crate::net::Security::StartTls {
        return Err(SetupError::StartTlsForMailbox);
    }
    if account.folder.is_empty() || account.folder.chars().any(char::is_control) {
        return Err(SetupError::Login);
    }
    crate::net::check(&account.server, &account.login)
}
