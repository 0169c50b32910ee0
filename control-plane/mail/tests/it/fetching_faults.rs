//! A scripted IMAP server that breaks off, refuses, announces too much and speaks nonsense.

use crate::{
    script::{Peer, Script},
    support::{MemoryInbox, password, start, until},
};
use mail::{ImapAccount, ImapOptions, Phase, Position, Trouble};
use std::time::Duration;

const MAIL: &str = "From: ada@tandem.test\r\nMessage-ID: <a1@tandem.test>\r\nSubject: one\r\n\r\nhello\r\n";

fn account(script: &Script) -> ImapAccount {
    ImapAccount {
        label: "test".to_owned(),
        server: script.server(),
        login: password("support@tandem.test", "right-password"),
        folder: "INBOX".to_owned(),
    }
}

fn options() -> ImapOptions {
    ImapOptions {
        command: Duration::from_millis(500),
        fetch: Duration::from_millis(500),
        first_wait: Duration::from_millis(5),
        longest_wait: Duration::from_millis(20),
        idle: false,
        mail_bytes: 10_000,
        ..ImapOptions::default()
    }
}

/// What the server does with a command.
enum Answer {
    Usual,
    /// Says this, with the command's tag in the place of `TAG`.
    Say(String),
    /// Says this, and goes away.
    Go(&'static str),
    Silence,
}

/// How a server goes wrong at a command.
type Wrong = fn(&str) -> Answer;

/// A mailbox with one mail, on a server that goes wrong on its first connection.
async fn stub(wrong: Wrong) -> Script {
    Script::start(move |peer| serve(peer, wrong)).await
}

async fn serve(mut peer: Peer, wrong: Wrong) {
    let first = peer.number == 1;
    let mut line = "* GREETING".to_owned();
    loop {
        let (tag, command) = line.split_once(' ').unwrap_or((&line, ""));
        match if first { wrong(command) } else { Answer::Usual } {
            Answer::Usual => peer.say(&usual(tag, command)).await,
            Answer::Say(text) => peer.say(&text.replace("TAG", tag)).await,
            Answer::Go(text) => return peer.raw(text.as_bytes()).await,
            Answer::Silence => return peer.silence().await,
        }
        match peer.line().await {
            Some(next) => line = next,
            None => return,
        }
    }
}

fn usual(tag: &str, command: &str) -> String {
    let length = MAIL.len();
    let data = match command {
        "GREETING" => return "* OK stub".to_owned(),
        "CAPABILITY" => "* CAPABILITY IMAP4rev1 IDLE\r\n".to_owned(),
        "IDLE" => return "+ idling".to_owned(),
        _ if command.starts_with("SELECT") => {
            "* 1 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT 10] ok\r\n".to_owned()
        }
        _ if command.contains("SEARCH") => "* SEARCH 9\r\n".to_owned(),
        _ if command.contains("RFC822.SIZE") => {
            format!("* 1 FETCH (UID 9 RFC822.SIZE {length} INTERNALDATE \"17-Jul-1996 02:44:25 -0700\")\r\n")
        }
        _ if command.contains("BODY.PEEK[]") => {
            format!("* 1 FETCH (UID 9 BODY[] {{{length}}}\r\n{MAIL})\r\n")
        }
        _ => String::new(),
    };
    format!("{data}{tag} OK done")
}

/// Fetches from such a server, and gives what was the matter; in the end the mail is kept once.
async fn recovers(wrong: Wrong) -> Trouble {
    let script = stub(wrong).await;
    let inbox = MemoryInbox::default();
    let poller = start(account(&script), &inbox, options());
    let mut state = poller.state();
    let mut trouble = None;
    let recovering = async {
        loop {
            let now = state.borrow_and_update().clone();
            trouble = trouble.take().or(now.trouble);
            if now.polls > 0 && trouble.is_some() {
                return;
            }
            state.changed().await.unwrap();
        }
    };
    tokio::time::timeout(crate::support::SOON, recovering).await.expect("it recovers");
    let kept = inbox.kept();
    assert_eq!(kept.subjects(), ["one"]);
    assert_eq!(kept.position, Some(Position { uid_validity: 7, last_uid: 9 }));
    assert!(script.lines().iter().any(|line| line.contains("UID STORE 9 +FLAGS.SILENT (\\Seen)")));
    trouble.unwrap()
}

#[tokio::test]
async fn a_connection_that_breaks_off_anywhere_loses_no_mail() {
    let cases: [(Wrong, &str); 7] = [
        (|command| if command == "GREETING" { Answer::Go("") } else { Answer::Usual }, "at the greeting"),
        (|command| if command.starts_with("LOGIN") { Answer::Go("") } else { Answer::Usual }, "at the login"),
        (
            |command| if command.contains("SEARCH") { Answer::Go("* SEARCH 9\r\n") } else { Answer::Usual },
            "in a search",
        ),
        (
            |command| match command.contains("BODY.PEEK") {
                true => Answer::Go("* 1 FETCH (UID 9 BODY[] {82}\r\nFrom: ada@tan"),
                false => Answer::Usual,
            },
            "in a mail",
        ),
        (
            |command| {
                if command.contains("RFC822.SIZE") {
                    Answer::Go("* BYE shutting down\r\n")
                } else {
                    Answer::Usual
                }
            },
            "with a goodbye",
        ),
        (|command| if command.contains("BODY.PEEK") { Answer::Silence } else { Answer::Usual }, "silently"),
        (|command| if command.contains("STORE") { Answer::Go("") } else { Answer::Usual }, "after keeping"),
    ];
    for (wrong, when) in cases {
        let trouble = recovers(wrong).await;
        assert!(matches!(trouble, Trouble::Unreachable(_)), "{when}: {trouble:?}");
    }
}

#[tokio::test]
async fn a_refused_fetch_is_not_a_mail_that_is_gone() {
    let trouble = recovers(|command| match command.contains("BODY.PEEK") {
        true => Answer::Say("TAG NO [SERVERBUG] disk".to_owned()),
        false => Answer::Usual,
    })
    .await;
    assert!(matches!(trouble, Trouble::Refused { command: "FETCH", .. }), "{trouble:?}");
}

#[tokio::test]
async fn a_mail_that_is_gone_is_passed_over() {
    let script = stub(|command| match command.contains("BODY.PEEK") {
        true => Answer::Say("TAG OK done".to_owned()),
        false => Answer::Usual,
    })
    .await;
    let inbox = MemoryInbox::default();
    let poller = start(account(&script), &inbox, options());
    let state = until(&poller, |state| state.polls == 1).await;
    assert_eq!((state.failures, state.kept), (0, 0));
    assert_eq!(inbox.kept().calls, 0);
}

#[tokio::test]
async fn no_answer_is_too_long_or_too_strange_for_it() {
    let trouble = recovers(|command| match command.contains("BODY.PEEK") {
        // More than the memory that a mail may take, announced and sent.
        true => Answer::Say(format!("* 1 FETCH (UID 9 BODY[] {{4000000}}\r\n{}", "x".repeat(4_000_000))),
        false => Answer::Usual,
    })
    .await;
    assert!(matches!(trouble, Trouble::Unreachable(_)), "{trouble:?}");
    let trouble = recovers(|command| match command.contains("SEARCH") {
        true => Answer::Say("this is not IMAP, my secret is hunter2".to_owned()),
        false => Answer::Usual,
    })
    .await;
    assert_eq!(trouble, Trouble::Protocol);
    // Read by the library, this would be the end of the whole program.
    let trouble = recovers(|command| match command.contains("SEARCH") {
        true => Answer::Say(format!("* 1 FETCH (BODYSTRUCTURE {}", "(".repeat(500_000))),
        false => Answer::Usual,
    })
    .await;
    assert!(matches!(trouble, Trouble::Unreachable(_)), "{trouble:?}");
    // Where the library panics the mailbox goes on all the same.
    let trouble = recovers(|command| match command.contains("RFC822.SIZE") {
        true => Answer::Say("* 1 FETCH (UID 9 INTERNALDATE NIL)\r\nTAG OK done".to_owned()),
        false => Answer::Usual,
    })
    .await;
    assert!(matches!(trouble, Trouble::Inside | Trouble::Protocol), "{trouble:?}");
}

#[tokio::test]
async fn a_server_that_cannot_idle_after_all_is_polled() {
    let script = stub(|command| match command {
        "IDLE" => Answer::Say("TAG BAD".to_owned()),
        _ => Answer::Usual,
    })
    .await;
    let inbox = MemoryInbox::default();
    let options = ImapOptions { idle: true, poll_every: Duration::from_millis(20), ..options() };
    let poller = start(account(&script), &inbox, options);
    let state =
        until(&poller, |state| state.polls >= 3 && state.phase == Phase::Listening { idle: false }).await;
    assert_eq!(state.failures, 0);
}
