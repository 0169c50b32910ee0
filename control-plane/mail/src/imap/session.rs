//! A connection that is logged in, with a folder open: commands, each with its own time, and answers read whole or not at all.
//!
//! The library reads the protocol; commands are run here, because its own do not tell a refused `FETCH` from a mail that is gone.

use super::{ImapAccount, ImapOptions, Trouble, check, link::Link};
use crate::{
    net::{self, Login, Security, xoauth2},
    oauth::AccessToken,
};
use async_imap::{
    Authenticator, Client, Session as ImapSession,
    error::Error,
    imap_proto::{
        AttributeValue, MailboxDatum, MessageSection, RequestId, Response, ResponseCode, SectionPath, Status,
    },
};
use bytes::Bytes;
use engine::provider::{Secret, masked};
use jiff::fmt::strtime;
use rustls::{ClientConfig, pki_types::ServerName};
use std::{io, sync::Arc, time::Duration};
use tokio::{
    sync::Notify,
    time::{Instant, timeout, timeout_at},
};

/// Longest part of a server's words that is kept, in characters.
const LONGEST_QUOTE: usize = 200;
/// Longest answer to a command that fetches no mail, in bytes: some 100,000 UIDs.
const ANSWER_BYTES: usize = 1024 * 1024;

/// What is the same for all connections of a poller.
#[derive(Debug)]
pub(super) struct Door {
    account: ImapAccount,
    name: ServerName<'static>,
    tls: Arc<ClientConfig>,
}

/// What is said of a folder when it is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Folder {
    pub(super) uid_validity: Option<u32>,
    pub(super) uid_next: Option<u32>,
}

/// What is known of a mail before it is fetched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Envelope {
    pub(super) bytes: u32,
    pub(super) received_at: Option<i64>,
}

/// Whether there is something to fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// Something changed in the folder.
    News,
    /// The time is over.
    Nothing,
}

pub(super) struct Session {
    imap: ImapSession<Link>,
    command: Duration,
    fetch: Duration,
    idle: bool,
}

impl Door {
    pub(super) fn new(account: ImapAccount, options: &ImapOptions) -> Result<Self, net::SetupError> {
        let name = check(&account)?;
        let tls = Arc::new(net::tls_config(options.extra_roots.as_deref())?);
        Ok(Self { account, name, tls })
    }

    /// Connects, logs in and finds out what the server can do.
    pub(super) async fn open(&self, options: &ImapOptions) -> Result<Session, Trouble> {
        let Login::OAuth2 { tokens, .. } = &self.account.login else {
            return self.enter(options, None).await;
        };
        let token = tokens.token().await?;
        match self.enter(options, Some(&token)).await {
            // The token may have been revoked before its end.
            Err(Trouble::Login(_)) => {
                let token = tokens.renewed(&token).await?;
                self.enter(options, Some(&token)).await
            }
            outcome => outcome,
        }
    }

    async fn enter(&self, options: &ImapOptions, token: Option<&AccessToken>) -> Result<Session, Trouble> {
        let server = &self.account.server;
        let unreachable = |error: io::Error| Trouble::Unreachable(network(&error));
        let addresses =
            net::resolve(server, options.may_reach, options.connect).await.map_err(unreachable)?;
        let stream = net::connect(&addresses, options.connect).await.map_err(unreachable)?;
        let mut link = match server.security {
            Security::Plain => Link::plain(stream),
            Security::Tls | Security::StartTls => Link::tls(
                net::secure(stream, &self.tls, &self.name, options.connect).await.map_err(unreachable)?,
            ),
        };
        link.grant(ANSWER_BYTES);
        let deadline = Instant::now() + options.command;
        let late = |_| Trouble::Unreachable(format!("no login within {:?}", options.command));
        let imap = timeout_at(deadline, self.log_in(Client::new(link), token)).await.map_err(late)??;
        let mut session = Session { imap, command: options.command, fetch: options.fetch, idle: false };
        let mut can_idle = false;
        session
            .run("CAPABILITY", "CAPABILITY", session.command, ANSWER_BYTES, |response| {
                if let Response::Capabilities(capabilities) = response {
                    can_idle = capabilities.iter().any(|capability| {
                        matches!(capability, async_imap::imap_proto::Capability::Atom(name) if name.eq_ignore_ascii_case("IDLE"))
                    });
                }
            })
            .await?;
        session.idle = can_idle && options.idle;
        Ok(session)
    }

    async fn log_in(
        &self,
        mut client: Client<Link>,
        token: Option<&AccessToken>,
    ) -> Result<ImapSession<Link>, Trouble> {
        let greeting = client.read_response().await.map_err(|error| lost(&error))?;
        match greeting.as_ref().map(|greeting| greeting.parsed()) {
            Some(Response::Data { status: Status::Ok, .. }) => {}
            Some(Response::Data { status: Status::Bye, outcome }) => {
                let words = outcome.information.as_deref().unwrap_or_default();
                return Err(Trouble::Unreachable(one_line(words)));
            }
            Some(_) => return Err(Trouble::Protocol),
            None => return Err(Trouble::Unreachable("closed before the greeting".to_owned())),
        }
        let (outcome, secret) = match (&self.account.login, token) {
            (Login::Password { user, password }, _) => {
                (client.login(user, password.reveal()).await, password.clone())
            }
            (Login::OAuth2 { user, .. }, Some(token)) => {
                let answer = TokenAnswer { text: xoauth2(user, token.secret()), said: false };
                (client.authenticate("XOAUTH2", answer).await, token.secret().clone())
            }
            (Login::OAuth2 { .. } | Login::Nobody, _) => {
                return Err(Trouble::Login("a mailbox needs a password or a token".to_owned()));
            }
        };
        outcome.map_err(|(error, _)| refused_login(error, &secret))
    }
}

/// Says who we are, and then nothing: the server's next question is the reason of its refusal.
struct TokenAnswer {
    text: String,
    said: bool,
}

impl Authenticator for TokenAnswer {
    type Response = String;

    fn process(&mut self, _challenge: &[u8]) -> String {
        if self.said {
            return String::new();
        }
        self.said = true;
        std::mem::take(&mut self.text)
    }
}

/// A refusal is about the credentials, unless the server says that it is about itself (RFC 5530).
fn refused_login(error: Error, secret: &Secret) -> Trouble {
    match error {
        Error::No(words) => {
            let passing = ["[UNAVAILABLE]", "[INUSE]", "[LIMIT]", "[SERVERBUG]"];
            let words = one_line(&masked(&words, secret));
            if passing.iter().any(|code| words.contains(code)) {
                Trouble::Unreachable(words)
            } else {
                Trouble::Login(words)
            }
        }
        Error::Bad(words) => Trouble::Refused { command: "LOGIN", words: one_line(&masked(&words, secret)) },
        Error::Io(error) => lost(&error),
        Error::ConnectionLost => Trouble::Unreachable("closed during the login".to_owned()),
        _ => Trouble::Protocol,
    }
}

impl Session {
    pub(super) fn can_idle(&self) -> bool {
        self.idle
    }

    /// Opens a folder.
    pub(super) async fn select(&mut self, folder: &str) -> Result<Folder, Trouble> {
        let name = folder.replace('\\', "\\\\").replace('"', "\\\"");
        let mut found = Folder::default();
        let command = format!("SELECT \"{name}\"");
        self.run("SELECT", &command, self.command, ANSWER_BYTES, |response| {
            if let Response::Data { outcome, .. } = response {
                match outcome.code {
                    Some(ResponseCode::UidValidity(number)) => found.uid_validity = Some(number),
                    Some(ResponseCode::UidNext(number)) => found.uid_next = Some(number),
                    Some(_) | None => {}
                }
            }
        })
        .await?;
        Ok(found)
    }

    /// Runs a search and gives its UIDs, in no order.
    pub(super) async fn search(&mut self, command: &str) -> Result<Vec<u32>, Trouble> {
        let mut uids = Vec::new();
        self.run("SEARCH", command, self.command, ANSWER_BYTES, |response| {
            if let Response::MailboxData(MailboxDatum::Search(found)) = response {
                uids.extend_from_slice(found);
            }
        })
        .await?;
        Ok(uids)
    }

    /// Size and date of a mail; `None` if it is gone.
    pub(super) async fn envelope(&mut self, uid: u32) -> Result<Option<Envelope>, Trouble> {
        let mut found = None;
        let command = format!("UID FETCH {uid} (UID RFC822.SIZE INTERNALDATE)");
        self.run("FETCH", &command, self.command, ANSWER_BYTES, |response| {
            let Some(attributes) = about(uid, response) else { return };
            let mut envelope = Envelope::default();
            for attribute in attributes {
                match attribute {
                    AttributeValue::Rfc822Size(bytes) => envelope.bytes = *bytes,
                    AttributeValue::InternalDate(date) => envelope.received_at = internal_date(date),
                    _ => {}
                }
            }
            found = Some(envelope);
        })
        .await?;
        Ok(found)
    }

    /// A mail without flagging it, or its headers; `None` if it is gone.
    pub(super) async fn mail(
        &mut self,
        uid: u32,
        headers_only: bool,
        most: u32,
    ) -> Result<Option<Bytes>, Trouble> {
        let what = if headers_only { "BODY.PEEK[HEADER]" } else { "BODY.PEEK[]" };
        let command = format!("UID FETCH {uid} (UID {what})");
        let most = if headers_only { 0 } else { usize::try_from(most).unwrap_or(usize::MAX) };
        let mut found = None;
        self.run("FETCH", &command, self.fetch, most.saturating_add(ANSWER_BYTES), |response| {
            for attribute in about(uid, response).unwrap_or_default() {
                let wanted = match attribute {
                    AttributeValue::BodySection { section: None, data, .. } if !headers_only => data.as_ref(),
                    AttributeValue::BodySection {
                        section: Some(SectionPath::Full(MessageSection::Header)),
                        data,
                        ..
                    } if headers_only => data.as_ref(),
                    _ => None,
                };
                if let Some(data) = wanted {
                    found = Some(Bytes::copy_from_slice(data));
                }
            }
        })
        .await?;
        Ok(found)
    }

    /// Flags a mail as read.
    pub(super) async fn seen(&mut self, uid: u32) -> Result<(), Trouble> {
        let command = format!("UID STORE {uid} +FLAGS.SILENT (\\Seen)");
        self.run("STORE", &command, self.command, ANSWER_BYTES, |_| {}).await
    }

    /// Waits until the server tells of something (RFC 2177) or somebody asks for a poll, for at most `limit`.
    pub(super) async fn listen(&mut self, limit: Duration, poke: &Notify) -> Result<Heard, Trouble> {
        self.imap.get_mut().grant(ANSWER_BYTES);
        let id = self.send("IDLE").await?;
        let mut heard = Heard::Nothing;
        let deadline = Instant::now() + limit;
        let answered_by = Instant::now() + self.command;
        let mut listening = false;
        while heard == Heard::Nothing {
            let until = if listening { deadline } else { answered_by };
            let response = tokio::select! {
                response = timeout_at(until, self.imap.read_response()) => response,
                () = poke.notified(), if listening => {
                    heard = Heard::News;
                    break;
                }
            };
            let response = match response {
                Err(_) if listening => break,
                Err(_) => return Err(Trouble::Unreachable("no answer to IDLE".to_owned())),
                Ok(response) => response.map_err(|error| lost(&error))?,
            };
            let response = response.ok_or_else(closed)?;
            match response.parsed() {
                Response::Continue(_) => listening = true,
                Response::MailboxData(MailboxDatum::Exists(_)) => heard = Heard::News,
                Response::Data { status: Status::Bye, .. } => return Err(closed()),
                // The server ends it by itself, or does not do it after all.
                Response::Done { tag, status, .. } if *tag == id => {
                    self.idle = *status == Status::Ok && listening;
                    return Ok(Heard::Nothing);
                }
                _ => {}
            }
        }
        let limit = self.command;
        let ending = async {
            self.imap.run_command_untagged("DONE").await.map_err(|error| protocol("IDLE", error))?;
            self.finish("IDLE", &id, |_| {}).await
        };
        timeout(limit, ending).await.map_err(|_| Trouble::Unreachable("no end of IDLE".to_owned()))??;
        Ok(heard)
    }

    async fn send(&mut self, command: &str) -> Result<RequestId, Trouble> {
        self.imap.run_command(command).await.map_err(|error| protocol("IDLE", error))
    }

    /// Runs a command, showing all untagged answers to `take`.
    async fn run(
        &mut self,
        name: &'static str,
        command: &str,
        limit: Duration,
        most: usize,
        take: impl FnMut(&Response<'_>),
    ) -> Result<(), Trouble> {
        self.imap.get_mut().grant(most);
        let running = async {
            let id = self.imap.run_command(command).await.map_err(|error| protocol(name, error))?;
            self.finish(name, &id, take).await
        };
        let late = |_| Trouble::Unreachable(format!("no answer to {name} within {limit:?}"));
        timeout(limit, running).await.map_err(late)?
    }

    async fn finish(
        &mut self,
        name: &'static str,
        id: &RequestId,
        mut take: impl FnMut(&Response<'_>),
    ) -> Result<(), Trouble> {
        loop {
            let response = self.imap.read_response().await.map_err(|error| lost(&error))?;
            let response = response.ok_or_else(closed)?;
            match response.parsed() {
                Response::Done { tag, status, outcome } if tag == id => {
                    return match status {
                        Status::Ok => Ok(()),
                        Status::No | Status::Bad | Status::Bye | Status::PreAuth => Err(Trouble::Refused {
                            command: name,
                            words: one_line(outcome.information.as_deref().unwrap_or_default()),
                        }),
                    };
                }
                Response::Data { status: Status::Bye, .. } => return Err(closed()),
                other => take(other),
            }
        }
    }
}

/// The attributes of an answer to a fetch, if it is about this mail.
fn about<'a>(uid: u32, response: &'a Response<'a>) -> Option<&'a [AttributeValue<'a>]> {
    let Response::Fetch(_, attributes) = response else { return None };
    let is_it =
        |attribute: &AttributeValue<'_>| matches!(attribute, AttributeValue::Uid(number) if *number == uid);
    attributes.iter().any(is_it).then_some(attributes.as_slice())
}

/// `17-Jul-1996 02:44:25 -0700` as unix µs.
fn internal_date(text: &str) -> Option<i64> {
    let time = strtime::parse("%d-%b-%Y %H:%M:%S %z", text.trim()).ok()?.to_timestamp().ok()?;
    Some(time.as_microsecond())
}

fn closed() -> Trouble {
    Trouble::Unreachable("the server closed the connection".to_owned())
}

/// An error of the library's that may repeat what came: only its kind is told.
fn protocol(command: &'static str, error: Error) -> Trouble {
    match error {
        Error::Io(error) => lost(&error),
        Error::ConnectionLost => closed(),
        Error::No(words) | Error::Bad(words) => Trouble::Refused { command, words: one_line(&words) },
        _ => Trouble::Protocol,
    }
}

/// What does not parse comes as an I/O error of the kind `Other`, with all of it in its text.
fn lost(error: &io::Error) -> Trouble {
    if error.kind() == io::ErrorKind::Other {
        return Trouble::Protocol;
    }
    Trouble::Unreachable(error.kind().to_string())
}

/// While connecting nothing of anybody's mail can be in an error.
fn network(error: &io::Error) -> String {
    one_line(&error.to_string())
}

fn one_line(text: &str) -> String {
    text.trim().chars().take(LONGEST_QUOTE).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_date_is_a_time() {
        assert_eq!(internal_date("17-Jul-1996 02:44:25 -0700"), Some(837_596_665_000_000));
        assert_eq!(internal_date(" 7-Jul-1996 02:44:25 +0000"), Some(836_707_465_000_000));
        assert_eq!(internal_date("yesterday"), None);
    }

    #[test]
    fn a_server_that_cannot_log_anybody_in_does_not_refuse_the_credentials() {
        let secret = Secret::new("hunter2");
        let no = |words: &str| refused_login(Error::No(words.to_owned()), &secret);
        assert_eq!(no("wrong hunter2"), Trouble::Login(masked("wrong hunter2", &secret)));
        assert!(matches!(no("[UNAVAILABLE] later"), Trouble::Unreachable(_)));
    }
}
