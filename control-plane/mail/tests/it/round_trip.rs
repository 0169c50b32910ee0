//! From one mailbox to another, through Exim and Dovecot.

use crate::support::{
    MemoryInbox, address, composed, draft, imap_options, password, poller, send, sender, server, until,
};
use bytes::Bytes;
use mail::{
    Attachment, Draft, NotSent, Outcome, Phase, Security, SmtpOptions, SmtpSender, Stage, Thread, Unsubscribe,
};

#[tokio::test]
async fn a_mail_and_its_answer_arrive_with_files_and_thread() {
    let Some(server) = server().await else { return };
    let (ours, theirs) = (server.mailbox("support"), server.mailbox("ada"));
    let token = address(&ours.address).with_token("c0ffee").unwrap();
    let question = Draft {
        reply_to: Some(token.into()),
        html: Some("<p>Größe <b>M</b>?</p>".to_owned()),
        attachments: vec![Attachment {
            name: "März.pdf".to_owned(),
            media_type: "application/pdf".to_owned(),
            content: Bytes::from(vec![0x25; 200_000]),
            content_id: None,
        }],
        unsubscribe: Some(Unsubscribe { url: "https://tandem.example/u/1".parse().unwrap(), mail_to: None }),
        ..draft(&ours.address, &theirs.address, "Ihre Größe 😀", "Größe M?\n.\n..\nend")
    };
    send(&sender(&server, &ours, Security::StartTls), &question).await;

    let their_inbox = MemoryInbox::default();
    let _their_poller = poller(&server, &theirs, &their_inbox, imap_options(&server));
    let kept = their_inbox.until(|kept| kept.mails.len() == 1).await;
    let received = kept.mails[0].mail.clone().unwrap();
    assert_eq!(received.subject, "Ihre Größe 😀");
    assert_eq!(received.text, "Größe M?\n.\n..\nend");
    assert_eq!(received.message_id.as_ref(), Some(&question.message_id));
    assert_eq!(received.attachments[0].name.as_deref(), Some("März.pdf"));
    assert_eq!(received.attachments[0].content.len(), 200_000);
    assert!(kept.mails[0].received_at.is_some() && !kept.mails[0].headers_only);

    let answer = Draft {
        thread: received.thread_of_answer(),
        ..draft(
            &theirs.address,
            &received.answer_to().unwrap().address,
            &received.subject_of_answer(),
            "M, please.\n\nOn Sunday Tandem wrote:\n> Größe M?",
        )
    };
    assert_eq!(
        answer.thread,
        Some(Thread { in_reply_to: question.message_id.clone(), references: Vec::new() })
    );
    send(&sender(&server, &theirs, Security::Tls), &answer).await;

    let our_inbox = MemoryInbox::default();
    let _our_poller = poller(&server, &ours, &our_inbox, imap_options(&server));
    let kept = our_inbox.until(|kept| kept.mails.len() == 1).await;
    let received = kept.mails[0].mail.clone().unwrap();
    assert_eq!(received.thread_candidates(), [&question.message_id]);
    assert_eq!(received.new_text, "M, please.");
    assert_eq!(received.subject, "Re: Ihre Größe 😀");
    assert_eq!(received.token(&address(&ours.address)), Some("c0ffee"));
    assert_eq!(received.automatic, None);
}

#[tokio::test]
async fn one_connection_carries_several_messages_and_survives_a_refusal() {
    let Some(server) = server().await else { return };
    let (ours, theirs) = (server.mailbox("support"), server.mailbox("ada"));
    let sender = sender(&server, &ours, Security::StartTls);
    sender.check().await.unwrap();
    send(&sender, &draft(&ours.address, &theirs.address, "one", "one")).await;
    let refused = sender.send(&composed(&draft(&ours.address, "refused@tandem.test", "no", "no"))).await;
    let Outcome::Refused(refusal) = refused else { panic!("{refused:?}") };
    assert_eq!((refusal.temporary, refusal.stage, refusal.code), (false, Stage::Recipient, 550));
    assert_eq!(refusal.enhanced.unwrap().to_string(), "5.1.1");
    assert_eq!(refusal.recipient, Some(address("refused@tandem.test")));
    assert!(refusal.is_bad_recipient());
    let deferred = sender.send(&composed(&draft(&ours.address, "later@tandem.test", "later", "later"))).await;
    let Outcome::Refused(refusal) = deferred else { panic!("{deferred:?}") };
    assert_eq!((refusal.temporary, refusal.code, refusal.is_bad_recipient()), (true, 450, false));
    send(&sender, &draft(&ours.address, &theirs.address, "two", "two")).await;
    sender.close().await;
    let inbox = MemoryInbox::default();
    let _poller = poller(&server, &theirs, &inbox, imap_options(&server));
    let kept = inbox.until(|kept| kept.mails.len() == 2).await;
    let mut subjects = kept.subjects();
    subjects.sort_unstable();
    assert_eq!(subjects, ["one", "two"]);
    let connections = server.log().matches("no MAIL in SMTP connection").count();
    assert_eq!(connections, 0, "the connection of the check was used for the messages");
}

#[tokio::test]
async fn a_wrong_password_is_told_from_a_server_that_is_away() {
    let Some(server) = server().await else { return };
    let ours = server.mailbox("support");
    let options = SmtpOptions { extra_roots: Some(server.certificate()), ..SmtpOptions::default() };
    let with = |login, options| SmtpSender::new(server.smtp(Security::StartTls), login, options).unwrap();
    let wrong = with(password(&ours.address, "wrong-password"), options.clone()).check().await.unwrap_err();
    let NotSent::Login(words) = &wrong else { panic!("{wrong:?}") };
    assert!(words.starts_with("535") && !wrong.is_temporary(), "{words}");
    // Its certificate is nobody's whom the public web trusts.
    let untrusted = with(ours.login(), SmtpOptions::default()).check().await.unwrap_err();
    assert!(matches!(untrusted, NotSent::Unreachable(_)) && untrusted.is_temporary(), "{untrusted:?}");
    let closed = mail::Server { port: 1, ..server.smtp(Security::StartTls) };
    let away = SmtpSender::new(closed, ours.login(), options).unwrap().check().await.unwrap_err();
    assert!(matches!(away, NotSent::Unreachable(_)), "{away:?}");

    let inbox = MemoryInbox::default();
    let mut account = server.account(&ours, Security::Tls);
    account.login = password(&ours.address, "wrong-password");
    let poller = crate::support::start(account, &inbox, imap_options(&server));
    let state = until(&poller, |state| state.trouble.is_some()).await;
    assert!(state.trouble.unwrap().needs_owner());
    assert!(matches!(state.phase, Phase::ReconnectNeeded { until: Some(_) }), "{:?}", state.phase);
}
