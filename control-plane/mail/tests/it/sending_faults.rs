//! A scripted SMTP server that says no, goes away or keeps silent at every stage.

use crate::{
    script::{Peer, Script},
    support::{composed, draft, password, send, tokens},
};
use engine::provider::Secret;
use fixtures::sandbox::{GoogleSetup, Sandbox, SandboxOptions, Service};
use mail::{Composed, Login, NotSent, OAuthError, Outcome, SmtpOptions, SmtpSender, Stage};
use std::time::Duration;

/// What the server does in the place of its usual answer to a command that begins so, on connections up to `connections`.
#[derive(Clone, Copy)]
struct Fault {
    at: &'static str,
    answer: Answer,
    connections: u32,
}

#[derive(Clone, Copy)]
enum Answer {
    Say(&'static str),
    Close,
    Silence,
}

/// The end of the message, as a command.
const END: &str = ".";

async fn stub(fault: Fault) -> Script {
    Script::start(move |peer| serve(peer, Some(fault))).await
}

async fn serve(mut peer: Peer, fault: Option<Fault>) {
    peer.say("220 stub ESMTP").await;
    let mut in_message = false;
    while let Some(line) = peer.line().await {
        if in_message && line != END {
            continue;
        }
        let fault = fault.filter(|fault| line.starts_with(fault.at) && peer.number <= fault.connections);
        let usual = match line.split(' ').next().unwrap() {
            "EHLO" => "250-stub\r\n250-AUTH PLAIN LOGIN XOAUTH2\r\n250 8BITMIME",
            "AUTH" => "235 2.7.0 welcome",
            "DATA" => "354 go on",
            "QUIT" => "221 bye",
            END => "250 2.0.0 queued as 1",
            _ => "250 2.0.0 ok",
        };
        let answer = match fault.map_or(Answer::Say(usual), |fault| fault.answer) {
            Answer::Say(answer) => answer,
            Answer::Close => return,
            Answer::Silence => return peer.silence().await,
        };
        in_message = answer.starts_with("354");
        peer.say(answer).await;
    }
}

fn message() -> Composed {
    composed(&draft("support@tandem.test", "ada@tandem.test", "one", "hello"))
}

fn options() -> SmtpOptions {
    SmtpOptions {
        greeting: Duration::from_millis(500),
        command: Duration::from_millis(500),
        message: Duration::from_millis(500),
        ..SmtpOptions::default()
    }
}

fn sender(script: &Script) -> SmtpSender {
    SmtpSender::new(script.server(), password("support@tandem.test", "right"), options()).unwrap()
}

async fn outcome(at: &'static str, answer: Answer) -> Outcome {
    let script = stub(Fault { at, answer, connections: u32::MAX }).await;
    sender(&script).send(&message()).await
}

#[tokio::test]
async fn a_no_is_told_with_its_stage_and_codes() {
    for (at, stage) in
        [("MAIL", Stage::Sender), ("RCPT", Stage::Recipient), ("DATA", Stage::Data), (END, Stage::Message)]
    {
        for (words, temporary, code, enhanced) in [
            ("451 4.7.1 greylisted", true, 451, Some("4.7.1")),
            ("554-5.7.1 no\r\n554 5.7.1 spam", false, 554, Some("5.7.1")),
            ("550 no", false, 550, None),
        ] {
            let outcome = outcome(at, Answer::Say(words)).await;
            let Outcome::Refused(refusal) = outcome else { panic!("{at} {words}: {outcome:?}") };
            assert_eq!((refusal.temporary, refusal.stage, refusal.code), (temporary, stage, code), "{at}");
            assert_eq!(refusal.enhanced.map(|code| code.to_string()).as_deref(), enhanced);
            assert_eq!(refusal.recipient.is_some(), stage == Stage::Recipient);
        }
    }
}

#[tokio::test]
async fn only_what_is_lost_after_the_message_is_unknown() {
    for answer in [Answer::Close, Answer::Silence, Answer::Say("nonsense"), Answer::Say("250 out of step")] {
        for at in ["EHLO", "AUTH", "MAIL", "RCPT", "DATA"] {
            if matches!((at, answer), ("EHLO" | "MAIL" | "RCPT", Answer::Say("250 out of step"))) {
                continue;
            }
            let outcome = outcome(at, answer).await;
            assert!(matches!(outcome, Outcome::NotSent(_)), "{at}: {outcome:?}");
        }
    }
    for answer in [Answer::Close, Answer::Silence, Answer::Say("nonsense"), Answer::Say("354 again")] {
        let outcome = outcome(END, answer).await;
        assert!(matches!(outcome, Outcome::Unknown { .. }), "{outcome:?}");
    }
}

#[tokio::test]
async fn after_an_unknown_outcome_the_same_mail_is_sent_again() {
    let script = stub(Fault { at: END, answer: Answer::Close, connections: 1 }).await;
    let (sender, message) = (sender(&script), message());
    assert!(matches!(sender.send(&message).await, Outcome::Unknown { .. }));
    let outcome = sender.send(&message).await;
    assert_eq!(outcome, Outcome::Accepted { reply: "2.0.0 queued as 1".to_owned() });
    let ids = script.lines().iter().filter(|line| line.contains(&message.message_id.to_string())).count();
    assert_eq!(ids, 2);
}

#[tokio::test]
async fn a_kept_connection_that_the_server_closed_is_made_anew() {
    let script = Script::start(|mut peer| async move {
        // One message on each connection, and then it goes without a word.
        peer.say("220 stub ESMTP").await;
        while let Some(line) = peer.line().await {
            let answer = match line.split(' ').next().unwrap() {
                "EHLO" => "250-stub\r\n250 AUTH PLAIN",
                "AUTH" => "235 welcome",
                "DATA" => "354 go on",
                END => "250 queued",
                "MAIL" | "RCPT" => "250 ok",
                _ => continue,
            };
            peer.say(answer).await;
            if line == END {
                return;
            }
        }
    })
    .await;
    let sender = sender(&script);
    for number in 1..=3 {
        send(&sender, &draft("support@tandem.test", "ada@tandem.test", &format!("mail {number}"), "hello"))
            .await;
    }
    assert_eq!(script.lines().iter().filter(|line| *line == END).count(), 3);
}

#[tokio::test]
async fn without_starttls_no_password_is_shown() {
    let script = Script::start(|peer| serve(peer, None)).await;
    let server = mail::Server { security: mail::Security::StartTls, ..script.server() };
    let sender = SmtpSender::new(server, password("support@tandem.test", "right"), options()).unwrap();
    assert_eq!(sender.send(&message()).await, Outcome::NotSent(NotSent::NotOffered("STARTTLS")));
    assert!(!script.lines().iter().any(|line| line.starts_with("AUTH")), "{:?}", script.lines());
}

#[tokio::test]
async fn a_server_that_repeats_the_password_does_not_bring_it_into_an_error() {
    let script = stub(Fault {
        at: "AUTH",
        answer: Answer::Say("535 5.7.8 not hunter2-hunter2"),
        connections: u32::MAX,
    })
    .await;
    let login =
        Login::Password { user: "a@tandem.test".to_owned(), password: Secret::new("hunter2-hunter2") };
    let sender = SmtpSender::new(script.server(), login.clone(), options()).unwrap();
    let outcome = sender.send(&message()).await;
    assert!(matches!(outcome, Outcome::NotSent(NotSent::Login(_))), "{outcome:?}");
    assert!(!format!("{outcome:?} {login:?} {sender:?}").contains("hunter2"), "{outcome:?}");
}

/// As Gmail refuses a token: first the reason as a question, and after an empty answer the refusal.
async fn gmail() -> Script {
    Script::start(|mut peer| async move {
        peer.say("220 stub ESMTP").await;
        while let Some(line) = peer.line().await {
            let good = base64_simd::STANDARD
                .encode_to_string("user=support@tandem.test\x01auth=Bearer ya29.sandbox-000002\x01\x01");
            let answer = match line.split(' ').next().unwrap() {
                "EHLO" => "250-stub\r\n250 AUTH LOGIN PLAIN XOAUTH2",
                "AUTH" if line == format!("AUTH XOAUTH2 {good}") => "235 2.7.0 Accepted",
                "AUTH" => "334 eyJzdGF0dXMiOiI0MDEifQ==",
                "" => "535 5.7.8 Username and Password not accepted",
                "DATA" => "354 go on",
                _ => "250 ok",
            };
            peer.say(answer).await;
            if answer.starts_with("354") {
                while peer.line().await.is_some_and(|line| line != END) {}
                peer.say("250 queued").await;
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_refused_token_is_renewed_once() {
    let sandbox = Sandbox::start(SandboxOptions::without_delay()).await.unwrap();
    let url = format!("{}/google/token", sandbox.base_url());
    let mailbox = "support@tandem.test".to_owned();
    let secret = GoogleSetup::default().client_secret;
    let source = tokens(&url, &secret, &GoogleSetup::refresh_token(&mailbox));
    let script = gmail().await;
    let login = |tokens| Login::OAuth2 { user: mailbox.clone(), tokens };
    let sender = SmtpSender::new(script.server(), login(source.clone()), options()).unwrap();
    let outcome = sender.send(&message()).await;
    assert_eq!(outcome, Outcome::Accepted { reply: "queued".to_owned() });
    assert_eq!(sandbox.requests(Service::Google), 2);
    // The third token is refused as well: that is the end of it.
    let other = tokens(&url, &secret, &GoogleSetup::refresh_token(&mailbox));
    let outcome = SmtpSender::new(script.server(), login(other), options()).unwrap().send(&message()).await;
    let Outcome::NotSent(NotSent::Login(words)) = outcome else { panic!("{outcome:?}") };
    assert!(words.starts_with("535"), "{words}");
    assert_eq!(sandbox.requests(Service::Google), 4);
    // And without permission nothing is asked at the mail server.
    sandbox.knobs().change(|knobs| knobs.google_tokens.revoked = true);
    let lines = script.lines().len();
    let gone = tokens(&url, &secret, &GoogleSetup::refresh_token(&mailbox));
    let outcome = SmtpSender::new(script.server(), login(gone), options()).unwrap().send(&message()).await;
    let Outcome::NotSent(error @ NotSent::Token(OAuthError::ReconnectNeeded(_))) = outcome else {
        panic!("{outcome:?}")
    };
    assert!(!error.is_temporary());
    assert_eq!(script.lines().len(), lines);
}

#[tokio::test]
async fn messages_wait_for_a_connection_and_not_for_ever() {
    let script = stub(Fault { at: "MAIL", answer: Answer::Silence, connections: 1 }).await;
    let options = SmtpOptions {
        connections: 1,
        busy: Duration::from_millis(100),
        command: Duration::from_millis(600),
        ..options()
    };
    let sender = SmtpSender::new(script.server(), password("support@tandem.test", "right"), options).unwrap();
    let first = tokio::spawn({
        let sender = sender.clone();
        async move { sender.send(&message()).await }
    });
    while !script.lines().iter().any(|line| line.starts_with("MAIL")) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(sender.send(&message()).await, Outcome::NotSent(NotSent::Busy));
    let lost = first.await.unwrap();
    assert!(matches!(lost, Outcome::NotSent(NotSent::Unreachable(_))), "{lost:?}");
    assert!(matches!(sender.send(&message()).await, Outcome::Accepted { .. }));
}
