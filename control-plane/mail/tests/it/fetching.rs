//! The poller on a real mailbox.

use crate::support::{Broken, MemoryInbox, draft, imap_options, poller, send, sender, server, until};
use mail::{ImapOptions, Phase, Security};
use std::time::Duration;

/// Waits until so many mails of a mailbox are flagged as read, and none else.
async fn seen(mailbox: &mail::test_server::TestMailbox, count: usize) {
    let waiting = async {
        loop {
            let flagged = mailbox
                .files()
                .iter()
                .filter(|file| {
                    let name = file.file_name().unwrap().to_str().unwrap();
                    name.split_once(":2,").is_some_and(|(_, flags)| flags.contains('S'))
                })
                .count();
            if flagged == count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(crate::support::SOON, waiting).await.expect("it is flagged");
}

#[tokio::test]
async fn the_server_tells_of_new_mail_long_before_the_next_poll() {
    let Some(server) = server().await else { return };
    let (ours, theirs) = (server.mailbox("support"), server.mailbox("ada"));
    let inbox = MemoryInbox::default();
    let options = ImapOptions { poll_every: Duration::from_secs(3_600), ..imap_options(&server) };
    let poller = poller(&server, &ours, &inbox, options);
    until(&poller, |state| state.phase == Phase::Listening { idle: true } && state.polls == 1).await;
    let sender = sender(&server, &theirs, Security::StartTls);
    for number in 1..=3 {
        send(&sender, &draft(&theirs.address, &ours.address, &format!("mail {number}"), "hello")).await;
        inbox.until(|kept| kept.mails.len() == number).await;
    }
    assert_eq!(inbox.kept().subjects(), ["mail 1", "mail 2", "mail 3"]);
    seen(&ours, 3).await;
    let state = until(&poller, |state| matches!(state.phase, Phase::Listening { .. })).await;
    assert_eq!((state.kept, state.failures, state.trouble), (3, 0, None));
    // With hours to go for the next poll and the server silent, it stops at once.
    tokio::time::timeout(crate::support::SOON, poller.stop()).await.expect("it stops");
}

#[tokio::test]
async fn without_idle_the_poll_finds_it() {
    let Some(server) = server().await else { return };
    let (ours, theirs) = (server.mailbox("support"), server.mailbox("ada"));
    let inbox = MemoryInbox::default();
    let options = ImapOptions { idle: false, poll_every: Duration::from_millis(50), ..imap_options(&server) };
    let poller = poller(&server, &ours, &inbox, options);
    until(&poller, |state| state.phase == Phase::Listening { idle: false }).await;
    send(
        &sender(&server, &theirs, Security::StartTls),
        &draft(&theirs.address, &ours.address, "one", "hello"),
    )
    .await;
    inbox.until(|kept| kept.mails.len() == 1).await;
    let polls = poller.state().borrow().polls;
    until(&poller, |state| state.polls > polls + 2).await;
    assert_eq!(inbox.kept().calls, 1, "a mail that is kept does not come again");
}

#[tokio::test]
async fn a_mail_is_flagged_as_read_only_once_it_is_kept() {
    let Some(server) = server().await else { return };
    let (ours, theirs) = (server.mailbox("support"), server.mailbox("ada"));
    let inbox = MemoryInbox::default();
    inbox.break_it(Broken::Fail);
    let poller = poller(&server, &ours, &inbox, imap_options(&server));
    let sender = sender(&server, &theirs, Security::StartTls);
    send(&sender, &draft(&theirs.address, &ours.address, "one", "hello")).await;
    let tried = inbox.until(|kept| kept.calls >= 3).await;
    assert!(tried.mails.is_empty());
    let state = until(&poller, |state| state.failures > 0).await;
    assert!(!state.trouble.unwrap().needs_owner());
    seen(&ours, 0).await;
    inbox.break_it(Broken::No);
    let kept = inbox.until(|kept| kept.mails.len() == 1).await;
    assert_eq!(kept.subjects(), ["one"]);
    seen(&ours, 1).await;
    until(&poller, |state| state.failures == 0 && state.trouble.is_none()).await;
}

#[tokio::test]
async fn whatever_breaks_between_fetching_and_keeping_nothing_is_lost_and_nothing_doubled() {
    let Some(server) = server().await else { return };
    let (ours, theirs) = (server.mailbox("support"), server.mailbox("ada"));
    let sender = sender(&server, &theirs, Security::StartTls);
    let inbox = MemoryInbox::default();
    let options = || imap_options(&server);
    // The mark is set before there is any mail.
    let first = poller(&server, &ours, &inbox, options());
    until(&first, |state| state.polls == 1).await;
    first.stop().await;
    for (number, how) in [(1, Broken::HangBefore), (2, Broken::HangAfter), (3, Broken::HangAfter)] {
        send(&sender, &draft(&theirs.address, &ours.address, &format!("mail {number}"), "hello")).await;
        inbox.break_it(how);
        let calls = inbox.kept().calls;
        let killed = poller(&server, &ours, &inbox, options());
        inbox.until(|kept| kept.calls > calls).await;
        // In the middle of keeping, or with all of it kept and nothing flagged.
        drop(killed);
    }
    inbox.break_it(Broken::No);
    let last = poller(&server, &ours, &inbox, options());
    let kept = inbox.until(|kept| kept.mails.len() == 3).await;
    assert_eq!(kept.subjects(), ["mail 1", "mail 2", "mail 3"]);
    seen(&ours, 3).await;
    until(&last, |state| state.last_poll.is_some()).await;
    let kept = inbox.kept();
    assert!(
        kept.calls > kept.mails.len(),
        "what was kept and not flagged comes again and is known by its id"
    );
    assert_eq!(kept.mails.len(), 3);
}

#[tokio::test]
async fn a_mail_that_somebody_reads_first_is_fetched_all_the_same() {
    let Some(server) = server().await else { return };
    let (ours, theirs) = (server.mailbox("support"), server.mailbox("ada"));
    let sender = sender(&server, &theirs, Security::StartTls);
    let inbox = MemoryInbox::default();
    let first = poller(&server, &ours, &inbox, imap_options(&server));
    until(&first, |state| state.polls == 1).await;
    first.stop().await;
    send(&sender, &draft(&theirs.address, &ours.address, "one", "hello")).await;
    // A person's mail program, with its own memory, reads it.
    let person = MemoryInbox::default();
    let reading = poller(&server, &ours, &person, imap_options(&server));
    person.until(|kept| kept.mails.len() == 1).await;
    seen(&ours, 1).await;
    reading.stop().await;
    let _poller = poller(&server, &ours, &inbox, imap_options(&server));
    inbox.until(|kept| kept.mails.len() == 1).await;
}

#[tokio::test]
async fn a_new_numbering_brings_everything_again_and_loses_nothing() {
    let Some(server) = server().await else { return };
    let (ours, theirs) = (server.mailbox("support"), server.mailbox("ada"));
    let sender = sender(&server, &theirs, Security::StartTls);
    let inbox = MemoryInbox::default();
    let first = poller(&server, &ours, &inbox, imap_options(&server));
    for number in 1..=2 {
        send(&sender, &draft(&theirs.address, &ours.address, &format!("mail {number}"), "hello")).await;
        inbox.until(|kept| kept.mails.len() == number).await;
    }
    seen(&ours, 2).await;
    until(&first, |state| matches!(state.phase, Phase::Listening { .. })).await;
    first.stop().await;
    let before = inbox.kept();
    send(&sender, &draft(&theirs.address, &ours.address, "mail 3", "hello")).await;
    server.renumber(&ours);
    let _second = poller(&server, &ours, &inbox, imap_options(&server));
    let kept = inbox
        .until(|kept| {
            kept.mails.len() == 3
                && kept.position.unwrap().uid_validity != before.position.unwrap().uid_validity
        })
        .await;
    assert_eq!(kept.subjects(), ["mail 1", "mail 2", "mail 3"]);
    assert_eq!(kept.calls, before.calls + 3, "read mail came again too, and was known");
    assert_eq!(kept.position.unwrap().last_uid, 3);
}

#[tokio::test]
async fn of_a_mail_that_is_too_large_the_headers_are_kept() {
    let Some(server) = server().await else { return };
    let (ours, theirs) = (server.mailbox("support"), server.mailbox("ada"));
    let text = "many words ".repeat(1_000);
    send(
        &sender(&server, &theirs, Security::StartTls),
        &draft(&theirs.address, &ours.address, "large", &text),
    )
    .await;
    let inbox = MemoryInbox::default();
    let options = ImapOptions { mail_bytes: 5_000, ..imap_options(&server) };
    let _poller = poller(&server, &ours, &inbox, options);
    let kept = inbox.until(|kept| kept.mails.len() == 1).await;
    let fetched = &kept.mails[0];
    assert!(fetched.headers_only && fetched.bytes > 10_000 && fetched.raw.len() < 5_000);
    assert_eq!(kept.subjects(), ["large"]);
    assert_eq!(fetched.mail.as_ref().unwrap().text, "");
}

#[tokio::test]
async fn a_poll_comes_at_once_when_it_is_asked_for() {
    let Some(server) = server().await else { return };
    let ours = server.mailbox("support");
    for idle in [true, false] {
        let inbox = MemoryInbox::default();
        let options = ImapOptions { idle, poll_every: Duration::from_secs(3_600), ..imap_options(&server) };
        let poller = poller(&server, &ours, &inbox, options);
        until(&poller, |state| state.phase == Phase::Listening { idle }).await;
        poller.poll_now();
        let state = until(&poller, |state| state.polls == 2).await;
        assert_eq!(state.failures, 0);
    }
}
