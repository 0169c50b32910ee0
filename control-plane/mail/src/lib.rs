//! Email: out by SMTP, in by IMAP. Plain values in, typed outcomes out; nothing here knows a database, a tenant or a conversation.
//!
//! - [`compose()`] makes a message from a [`Draft`]: the same draft gives the same bytes, so that a retry is the same mail.
//! - [`SmtpSender`] hands it to a server and says what became of it: [`Outcome`]. A lost answer after the message's end is
//!   [`Outcome::Unknown`]: the caller sends the same message again, and receivers know it by its `Message-ID`.
//! - [`TokenSource`] keeps an OAuth2 access token fresh for both directions.
//! - [`Poller`] fetches a mailbox one mail at a time and marks a mail read only after an [`Inbox`] has kept it.
//! - [`parse()`] reads what came: text with and without the quoted history, attachments, threads, automatic mail, bounces.
//!
//! Passwords, tokens and the contents of mail are in no `Debug`, error or log of this crate.

pub mod address;
pub mod compose;
mod html;
pub mod imap;
mod message_id;
mod net;
pub mod oauth;
pub mod parse;
pub mod smtp;
#[cfg(feature = "test-server")]
#[expect(clippy::unwrap_used, reason = "a test whose server fails has failed")]
pub mod test_server;

pub use address::{AddressError, EmailAddress, Mailbox};
pub use compose::{
    Attachment, Automatic, ComposeError, ComposeLimits, Composed, DkimError, DkimKey, Draft, Thread,
    Unsubscribe, compose,
};
pub use imap::{
    Fetched, ImapAccount, ImapOptions, Inbox, InboxError, Phase, Poller, PollerState, Position, Trouble,
};
pub use message_id::{MessageId, MessageIdError};
pub use net::{Login, Security, Server, SetupError};
pub use oauth::{AccessToken, OAuthCredentials, OAuthError, OAuthOptions, TokenSource};
pub use parse::{Bounce, ParseLimits, Received, parse};
pub use smtp::{EnhancedCode, NotSent, Outcome, Refusal, SmtpOptions, SmtpSender, Stage};
