//! Mail out: one server, one account, a few connections that are kept, and an outcome that says what the caller has to do.
//!
//! | outcome | what follows |
//! |---|---|
//! | [`Outcome::Accepted`] | the server has it |
//! | [`Outcome::Refused`] | temporary: again later; permanent: never, and the code says whether the recipient or we are at fault |
//! | [`Outcome::NotSent`] | the server never had it: again later, or after somebody has changed the settings |
//! | [`Outcome::Unknown`] | nobody knows: send the same bytes again; receivers know them by their `Message-ID` |
//!
//! All recipients of a message or none: when one is refused, nothing is sent.

mod connection;
mod options;
mod pool;
mod reply;

pub use options::SmtpOptions;
pub use reply::EnhancedCode;

use crate::{
    address::EmailAddress,
    compose::Composed,
    net::{Login, Server, SetupError},
    oauth::OAuthError,
};
use connection::Fault;
use pool::Pool;
use std::fmt;

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The server has taken it over.
    Accepted {
        /// What it said, often with its own number for the message.
        reply: String,
    },
    /// The server said no; it does not have it.
    Refused(Refusal),
    /// It was not handed over.
    NotSent(NotSent),
    /// The connection went, or no answer came, after the whole message was sent.
    Unknown {
        /// What happened.
        cause: String,
    },
}

/// What a server was asked when it said no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// To take a message from this sender.
    Sender,
    /// To take one for this recipient.
    Recipient,
    /// To be sent the message.
    Data,
    /// To take what it was sent.
    Message,
}

/// A server's no.
#[derive(Clone, PartialEq, Eq)]
pub struct Refusal {
    /// 4xx: the same may be taken later. 5xx: never.
    pub temporary: bool,
    /// At what.
    pub stage: Stage,
    /// The recipient that it is about.
    pub recipient: Option<EmailAddress>,
    /// Such as 550.
    pub code: u16,
    /// Such as 5.1.1 (RFC 3463).
    pub enhanced: Option<EnhancedCode>,
    /// The server's words, on one line, shortened.
    pub text: String,
}

impl Refusal {
    /// Whether it is the recipient's address that is no good, and not what was written or who wrote it (RFC 3463: `5.1.x` about a
    /// destination address, and a disabled mailbox).
    #[must_use]
    pub fn is_bad_recipient(&self) -> bool {
        let about_address = match &self.enhanced {
            Some(code) => {
                matches!((code.class, code.subject, code.detail), (5, 1, 0..=3 | 6 | 10) | (5, 2, 1))
            }
            None => matches!(self.code, 550 | 551 | 553),
        };
        !self.temporary && self.stage == Stage::Recipient && about_address
    }
}

impl fmt::Debug for Refusal {
    /// The server's words stay out: they repeat addresses.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let enhanced = self.enhanced.map(|code| code.to_string()).unwrap_or_default();
        write!(f, "Refusal({:?}, {} {enhanced})", self.stage, self.code)
    }
}

/// Why a message was not handed over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    /// No connection, no greeting, no TLS, or lost before the message was sent.
    #[error("the mail server cannot be reached: {0}")]
    Unreachable(String),
    /// It does not offer what the settings ask for: STARTTLS, or a way to log in.
    #[error("the mail server does not offer {0}")]
    NotOffered(&'static str),
    /// It refuses the password, or the token even after it was renewed.
    #[error("the mail server refuses the login: {0}")]
    Login(String),
    /// There is no token.
    #[error("no access token for the mail server")]
    Token(#[from] OAuthError),
    /// All connections were busy for too long.
    #[error("all connections to the mail server are busy")]
    Busy,
}

impl NotSent {
    /// Whether trying again later can help without anybody changing the settings.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Busy | Self::Token(OAuthError::Unavailable { .. }) => true,
            Self::NotOffered(_)
            | Self::Login(_)
            | Self::Token(OAuthError::ReconnectNeeded(_) | OAuthError::Configuration(_)) => false,
        }
    }
}

/// Sends by one server and account; clones share the connections.
#[derive(Clone, Debug)]
pub struct SmtpSender {
    pool: Pool,
}

impl SmtpSender {
    /// Gets ready; nothing is connected yet.
    ///
    /// # Errors
    /// If the settings cannot be meant so.
    pub fn new(server: Server, login: Login, options: SmtpOptions) -> Result<Self, SetupError> {
        Ok(Self { pool: Pool::new(connection::Target::new(server, login, options)?) })
    }

    /// Hands a message to the server.
    pub async fn send(&self, message: &Composed) -> Outcome {
        let mut fresh = false;
        loop {
            let (mut connection, permit) = match self.pool.connection(fresh).await {
                Ok(taken) => taken,
                Err(error) => return Outcome::NotSent(error),
            };
            let was_kept = connection.was_kept;
            let outcome = connection.send(message).await;
            match outcome {
                Ok(reply) => {
                    self.pool.keep(connection, permit);
                    return Outcome::Accepted { reply };
                }
                Err(Fault::Refused(refusal)) => {
                    // 421: the server closes the connection.
                    if refusal.code != 421 && connection.reset().await {
                        self.pool.keep(connection, permit);
                    }
                    return Outcome::Refused(refusal);
                }
                // The server may have closed it while nobody looked; it has nothing of the message.
                Err(Fault::Lost(_)) if was_kept && !fresh => fresh = true,
                Err(Fault::Lost(cause)) => return Outcome::NotSent(NotSent::Unreachable(cause)),
                Err(Fault::LostAfterMessage(cause)) => return Outcome::Unknown { cause },
            }
        }
    }

    /// Connects and logs in, and nothing else.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn check(&self) -> Result<(), NotSent> {
        let (connection, permit) = self.pool.connection(true).await?;
        self.pool.keep(connection, permit);
        Ok(())
    }

    /// Says goodbye on the connections that are kept.
    pub async fn close(&self) {
        for connection in self.pool.drain() {
            connection.quit().await;
        }
    }
}
