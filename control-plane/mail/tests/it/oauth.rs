//! Access tokens from the sandbox's Google, and mailboxes that are opened with them.

use crate::support::{MemoryInbox, draft, imap_options, send, start, tokens, tokens_with, until};
use fixtures::sandbox::{Fault, GoogleSetup, RequestKnobs, Sandbox, SandboxOptions, Service};
use mail::{
    Login, OAuthError, OAuthOptions, Phase, Security, SmtpOptions, SmtpSender, TokenSource, Trouble,
    test_server::{MailServer, MailServerOptions},
};
use std::time::Duration;

const MAILBOX: &str = "support@tandem.test";

struct Setup {
    sandbox: Sandbox,
    secret: String,
}

impl Setup {
    async fn new() -> Self {
        let sandbox = Sandbox::start(SandboxOptions::without_delay()).await.unwrap();
        Self { sandbox, secret: GoogleSetup::default().client_secret }
    }

    fn url(&self) -> String {
        format!("{}/google/token", self.sandbox.base_url())
    }

    fn tokens(&self, options: OAuthOptions) -> TokenSource {
        tokens_with(&self.url(), &self.secret, &GoogleSetup::refresh_token(MAILBOX), options)
    }

    fn asked(&self) -> u64 {
        self.sandbox.requests(Service::Google)
    }

    fn fail_first(&self, fault: Fault) {
        let request = RequestKnobs { fault: Some(fault), ..RequestKnobs::default() };
        self.sandbox.knobs().change(|knobs| {
            knobs.google.on_request.insert(1, request);
        });
    }
}

#[tokio::test]
async fn whoever_needs_a_token_at_the_same_time_waits_for_the_same_request() {
    let setup = Setup::new().await;
    setup.sandbox.knobs().change(|knobs| knobs.google.delay_ms = 50);
    let source = setup.tokens(OAuthOptions::default());
    let asking: Vec<_> = (0..20)
        .map(|_| {
            let source = source.clone();
            tokio::spawn(async move { source.token().await.unwrap() })
        })
        .collect();
    let mut tokens = Vec::new();
    for asked in asking {
        tokens.push(asked.await.unwrap());
    }
    assert!(tokens.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(setup.asked(), 1);
    // Two that were refused the same token renew it once.
    let (one, two) = tokio::join!(source.renewed(&tokens[0]), source.renewed(&tokens[0]));
    assert_eq!(one.unwrap(), two.unwrap());
    assert_eq!((setup.asked(), source.fetched()), (2, 2));
}

#[tokio::test]
async fn a_token_is_renewed_before_its_end_and_an_outage_meanwhile_does_no_harm() {
    let setup = Setup::new().await;
    // 80 % of 2 s is over before the token is of no use any more.
    setup.sandbox.knobs().change(|knobs| knobs.google_tokens.lifetime_s = 2);
    let options = OAuthOptions { renew_at_percent: 0, margin: Duration::ZERO, ..OAuthOptions::default() };
    let source = setup.tokens(options);
    let first = source.token().await.unwrap();
    setup
        .sandbox
        .knobs()
        .change(|knobs| knobs.google.fault = Some(Fault::Status { status: 503, retry_after_ms: None }));
    assert_eq!(source.token().await.unwrap(), first, "the token still lives");
    setup.sandbox.knobs().change(|knobs| knobs.google.fault = None);
    assert_ne!(source.token().await.unwrap(), first);
    assert_eq!(setup.asked(), 3);
    // One that is good for long is not asked for again.
    setup.sandbox.knobs().change(|knobs| knobs.google_tokens.lifetime_s = 3_599);
    let source = setup.tokens(OAuthOptions::default());
    let first = source.token().await.unwrap();
    assert_eq!(source.token().await.unwrap(), first);
    assert_eq!(setup.asked(), 4);
}

#[tokio::test]
async fn a_lost_permission_is_final_and_not_asked_about_again() {
    let setup = Setup::new().await;
    setup.sandbox.knobs().change(|knobs| knobs.google_tokens.revoked = true);
    let source = setup.tokens(OAuthOptions::default());
    for _ in 0..3 {
        let error = source.token().await.unwrap_err();
        let said = "invalid_grant: Token has been expired or revoked.".to_owned();
        assert_eq!(error, OAuthError::ReconnectNeeded(said));
    }
    assert_eq!(setup.asked(), 1);
}

#[tokio::test]
async fn what_passes_is_told_from_what_does_not() {
    for (fault, after) in [
        (Fault::Status { status: 503, retry_after_ms: Some(2_000) }, Some(Duration::from_secs(2))),
        (Fault::Status { status: 429, retry_after_ms: None }, None),
        (Fault::Refuse, None),
        (Fault::HalfOpen, None),
    ] {
        let setup = Setup::new().await;
        setup.fail_first(fault.clone());
        let source =
            setup.tokens(OAuthOptions { answer: Duration::from_millis(300), ..OAuthOptions::default() });
        let error = source.token().await.unwrap_err();
        let OAuthError::Unavailable { after: asked, .. } = &error else { panic!("{fault:?}: {error:?}") };
        assert_eq!(*asked, after, "{fault:?}");
        source.token().await.unwrap();
    }
    let setup = Setup::new().await;
    let other = tokens(&setup.url(), "other-secret", &GoogleSetup::refresh_token(MAILBOX));
    let error = other.token().await.unwrap_err();
    assert!(matches!(error, OAuthError::Configuration(_)), "{error:?}");
    assert!(!format!("{error:?} {other:?}").contains("other-secret"));
}

#[tokio::test]
async fn a_replaced_refresh_token_is_used_from_then_on_and_told() {
    let setup = Setup::new().await;
    setup.sandbox.knobs().change(|knobs| knobs.google_tokens.rotate = true);
    let source = setup.tokens(OAuthOptions::default());
    let rotated = source.rotated();
    let first = source.token().await.unwrap();
    let told = rotated.borrow().clone().unwrap();
    assert_eq!(told.reveal(), format!("{}#1", GoogleSetup::refresh_token(MAILBOX)));
    source.renewed(&first).await.unwrap();
    assert!(rotated.borrow().clone().unwrap().reveal().ends_with("#2"));
}

#[tokio::test]
async fn both_directions_log_in_with_a_token_and_renew_one_that_is_refused() {
    let setup = Setup::new().await;
    let tokeninfo = Some(format!("{}/google/tokeninfo", setup.sandbox.base_url()));
    let Some(server) = MailServer::start(MailServerOptions { tokeninfo }).await else { return };
    let ours = server.mailbox("support");
    let source = tokens(&setup.url(), &setup.secret, &GoogleSetup::refresh_token(&ours.address));
    let login = || Login::OAuth2 { user: ours.address.clone(), tokens: source.clone() };
    let options = SmtpOptions { extra_roots: Some(server.certificate()), ..SmtpOptions::default() };
    let sender = SmtpSender::new(server.smtp(Security::StartTls), login(), options).unwrap();
    send(&sender, &draft(&ours.address, &ours.address, "one", "to myself")).await;
    sender.close().await;

    let inbox = MemoryInbox::default();
    let account = || mail::ImapAccount { login: login(), ..server.account(&ours, Security::Tls) };
    let poller = start(account(), &inbox, imap_options(&server));
    inbox.until(|kept| kept.mails.len() == 1).await;
    assert_eq!(source.fetched(), 1, "one token for both directions: {}", server.log());
    poller.stop().await;

    // The token is revoked before its end: one more is fetched, and that is all.
    setup.sandbox.knobs().change(|knobs| knobs.google_tokens.dead_tokens = 1);
    let poller = start(account(), &inbox, imap_options(&server));
    let state = until(&poller, |state| state.polls == 1).await;
    assert_eq!((state.failures, source.fetched()), (0, 2));
    send(&sender, &draft(&ours.address, &ours.address, "two", "to myself")).await;
    inbox.until(|kept| kept.mails.len() == 2).await;
    poller.stop().await;

    // No token is good any more, though Google gives them: the login is refused, with the server's reason as a question first.
    setup.sandbox.knobs().change(|knobs| knobs.google_tokens.dead_tokens = u64::MAX);
    let poller = start(account(), &inbox, imap_options(&server));
    let state = until(&poller, |state| state.trouble.is_some()).await;
    assert!(matches!(state.trouble, Some(Trouble::Login(_))), "{state:?}");
    assert!(matches!(state.phase, Phase::ReconnectNeeded { until: Some(_) }), "{state:?}");
    poller.stop().await;

    // And without permission it stops asking.
    setup.sandbox.knobs().change(|knobs| knobs.google_tokens.revoked = true);
    let gone = tokens(&setup.url(), &setup.secret, &GoogleSetup::refresh_token(&ours.address));
    let account = mail::ImapAccount {
        login: Login::OAuth2 { user: ours.address.clone(), tokens: gone },
        ..server.account(&ours, Security::Tls)
    };
    let poller = start(account, &inbox, imap_options(&server));
    let state = until(&poller, |state| matches!(state.phase, Phase::ReconnectNeeded { until: None })).await;
    assert!(matches!(state.trouble, Some(Trouble::Token(OAuthError::ReconnectNeeded(_)))), "{state:?}");
}
