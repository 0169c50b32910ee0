//! Servers, mailboxes, drafts, and an inbox that can be told to fail.

use engine::provider::Secret;
use futures_util::future::BoxFuture;
use mail::{
    ComposeLimits, Composed, Draft, EmailAddress, Fetched, ImapAccount, ImapOptions, Inbox, InboxError,
    Login, Mailbox, MessageId, OAuthCredentials, OAuthOptions, Outcome, Poller, PollerState, Position,
    Security, SmtpOptions, SmtpSender, TokenSource, compose,
    test_server::{MailServer, MailServerOptions, TestMailbox},
};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::{sync::watch, time::timeout};

/// Bound of every wait for an effect.
pub(crate) const SOON: Duration = Duration::from_secs(60);
/// Sunday, 21 November 2026.
pub(crate) const NOW: i64 = 1_795_219_200_000_000;

pub(crate) async fn server() -> Option<MailServer> {
    MailServer::start(MailServerOptions::default()).await
}

pub(crate) fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

pub(crate) fn new_id() -> MessageId {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    MessageId::parse(&format!("{number}.{}@tandem.test", std::process::id())).unwrap()
}

pub(crate) fn draft(from: &str, to: &str, subject: &str, text: &str) -> Draft {
    Draft {
        from: Mailbox::from(address(from)),
        to: vec![Mailbox::from(address(to))],
        cc: Vec::new(),
        reply_to: None,
        bounces_to: None,
        subject: subject.to_owned(),
        text: Some(text.to_owned()),
        html: None,
        attachments: Vec::new(),
        message_id: new_id(),
        date: NOW,
        thread: None,
        automatic: None,
        unsubscribe: None,
    }
}

pub(crate) fn composed(draft: &Draft) -> Composed {
    compose(draft, &ComposeLimits::default(), None).unwrap()
}

pub(crate) fn sender(server: &MailServer, from: &TestMailbox, security: Security) -> SmtpSender {
    let options = SmtpOptions { extra_roots: Some(server.certificate()), ..SmtpOptions::default() };
    SmtpSender::new(server.smtp(security), from.login(), options).unwrap()
}

/// Sends, and expects that it is taken.
pub(crate) async fn send(sender: &SmtpSender, draft: &Draft) {
    let outcome = sender.send(&composed(draft)).await;
    assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
}

/// Waits are short where something fails, and polls long where nothing does.
pub(crate) fn imap_options(server: &MailServer) -> ImapOptions {
    ImapOptions {
        first_wait: Duration::from_millis(10),
        longest_wait: Duration::from_millis(200),
        extra_roots: Some(server.certificate()),
        ..ImapOptions::default()
    }
}

pub(crate) fn poller(
    server: &MailServer,
    mailbox: &TestMailbox,
    inbox: &MemoryInbox,
    options: ImapOptions,
) -> Poller {
    start(server.account(mailbox, Security::Tls), inbox, options)
}

pub(crate) fn start(account: ImapAccount, inbox: &MemoryInbox, options: ImapOptions) -> Poller {
    Poller::start(account, Arc::new(inbox.clone()), options).unwrap()
}

/// Waits until the poller's state is so.
pub(crate) async fn until(poller: &Poller, so: impl FnMut(&PollerState) -> bool) -> PollerState {
    let mut state = poller.state();
    let found = timeout(SOON, state.wait_for(so)).await;
    match found {
        Ok(state) => state.unwrap().clone(),
        Err(_) => panic!("it never became so: {:?}", *poller.state().borrow()),
    }
}

pub(crate) fn tokens(token_url: &str, client_secret: &str, refresh_token: &str) -> TokenSource {
    tokens_with(token_url, client_secret, refresh_token, OAuthOptions::default())
}

pub(crate) fn tokens_with(
    token_url: &str,
    client_secret: &str,
    refresh_token: &str,
    options: OAuthOptions,
) -> TokenSource {
    let credentials = OAuthCredentials {
        token_url: token_url.parse().unwrap(),
        client_id: fixtures::sandbox::GoogleSetup::default().client_id,
        client_secret: Secret::new(client_secret),
        refresh_token: Secret::new(refresh_token),
    };
    TokenSource::new(credentials, options).unwrap()
}

pub(crate) fn password(user: &str, password: &str) -> Login {
    Login::Password { user: user.to_owned(), password: Secret::new(password) }
}

/// Keeps mail in memory and knows it by its `Message-ID`, as callers have to; also every call of `keep`.
#[derive(Clone, Debug)]
pub(crate) struct MemoryInbox {
    state: Arc<watch::Sender<Kept>>,
    broken: Arc<Mutex<Broken>>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Kept {
    pub(crate) mails: Vec<Fetched>,
    pub(crate) calls: usize,
    pub(crate) position: Option<Position>,
}

impl Kept {
    pub(crate) fn subjects(&self) -> Vec<&str> {
        self.mails.iter().map(|fetched| fetched.mail.as_ref().unwrap().subject.as_str()).collect()
    }
}

/// What the next calls of `keep` do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Broken {
    #[default]
    No,
    /// Fail without keeping anything.
    Fail,
    /// Never return, with nothing kept.
    HangBefore,
    /// Never return, with everything kept.
    HangAfter,
}

impl Default for MemoryInbox {
    fn default() -> Self {
        Self { state: Arc::new(watch::Sender::new(Kept::default())), broken: Arc::default() }
    }
}

impl MemoryInbox {
    pub(crate) fn break_it(&self, how: Broken) {
        *self.broken.lock().unwrap() = how;
    }

    pub(crate) fn kept(&self) -> Kept {
        self.state.borrow().clone()
    }

    /// Waits until what is kept is so.
    pub(crate) async fn until(&self, so: impl FnMut(&Kept) -> bool) -> Kept {
        let mut state = self.state.subscribe();
        let found = timeout(SOON, state.wait_for(so)).await;
        match found {
            Ok(state) => state.unwrap().clone(),
            Err(_) => panic!("it never became so: {:?}", self.kept()),
        }
    }
}

impl Inbox for MemoryInbox {
    fn position(&self) -> BoxFuture<'_, Result<Option<Position>, InboxError>> {
        Box::pin(async { Ok(self.state.borrow().position) })
    }

    fn keep(&self, mail: Fetched) -> BoxFuture<'_, Result<(), InboxError>> {
        Box::pin(async move {
            let broken = *self.broken.lock().unwrap();
            let keeps = matches!(broken, Broken::No | Broken::HangAfter);
            self.state.send_modify(|kept| {
                kept.calls += 1;
                let id = |fetched: &Fetched| fetched.mail.as_ref().and_then(|mail| mail.message_id.clone());
                if keeps {
                    kept.position = mail.position.or(kept.position);
                    if !kept.mails.iter().any(|known| id(known).is_some() && id(known) == id(&mail)) {
                        kept.mails.push(mail);
                    }
                }
            });
            match broken {
                Broken::No => Ok(()),
                Broken::Fail => Err(InboxError("the database is not there".to_owned())),
                Broken::HangBefore | Broken::HangAfter => std::future::pending().await,
            }
        })
    }

    fn advance(&self, position: Position) -> BoxFuture<'_, Result<(), InboxError>> {
        Box::pin(async move {
            self.state.send_modify(|kept| kept.position = Some(position));
            Ok(())
        })
    }
}
