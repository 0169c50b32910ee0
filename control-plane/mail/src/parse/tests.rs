//! Mail as other programs write it.

use super::*;
use crate::smtp::EnhancedCode;
use proptest::prelude::*;

fn read(text: &str) -> Received {
    parse(text.replace('\n', "\r\n").as_bytes(), &ParseLimits::default()).unwrap()
}

fn ids(ids: &[&MessageId]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

const ANSWER: &str = "\
Return-Path: <ada@example.com>
Delivered-To: support@tandem.example
From: =?UTF-8?Q?Ada_L=C3=B6velace?= <ada@example.com>
To: \"Support, Tandem\" <support+c0ffee@tandem.example>, bob@example.com
Cc: Carol <carol@example.com>
Subject: =?utf-8?B?UmU6IEdyw7zDn2U=?=
Message-ID: <a3@example.com>
In-Reply-To: <m2@tandem.example>
References: <m1@tandem.example> <a1@example.com>
 <m2@tandem.example>
Date: Mon, 2 Nov 2026 10:00:00 -0500
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=outer

--outer
Content-Type: multipart/alternative; boundary=inner

--inner
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

Ja, f=FCr Dienstag.

On Mon, 2 Nov 2026 at 09:00, Tandem <support@tandem.example> wrote:
> Monday?
--inner
Content-Type: text/html; charset=utf-8

<p>Ja, f&uuml;r Dienstag.</p>
--inner--
--outer
Content-Type: application/pdf; name=\"=?utf-8?Q?M=C3=A4rz.pdf?=\"
Content-Disposition: attachment; filename*=utf-8''M%C3%A4rz.pdf
Content-Transfer-Encoding: base64

JVBERi0=
--outer--
";

#[test]
fn an_answer_is_read_with_its_thread_text_and_files() {
    let mail = read(ANSWER);
    assert_eq!(mail.subject, "Re: Grüße");
    assert_eq!(mail.from.as_ref().unwrap().name.as_deref(), Some("Ada Lövelace"));
    assert_eq!(mail.to.len(), 2);
    assert_eq!(mail.date, Some(1_793_631_600_000_000));
    assert_eq!(
        mail.text,
        "Ja, für Dienstag.\n\nOn Mon, 2 Nov 2026 at 09:00, Tandem <support@tandem.example> wrote:\n> Monday?"
    );
    assert_eq!(mail.new_text, "Ja, für Dienstag.");
    assert!(mail.html.as_deref().unwrap().contains("f&uuml;r"));
    let file = &mail.attachments[0];
    assert_eq!(
        (file.name.as_deref(), file.media_type.as_str(), &file.content[..]),
        (Some("März.pdf"), "application/pdf", &b"%PDF-"[..])
    );
    assert_eq!(ids(&mail.thread_candidates()), ["m2@tandem.example", "a1@example.com", "m1@tandem.example"]);
    assert_eq!((mail.automatic, mail.bounce.as_ref()), (None, None));
    let ours = EmailAddress::parse("support@tandem.example").unwrap();
    assert_eq!(mail.token(&ours), Some("c0ffee"));
    assert!(!mail.is_from(&ours));
    let thread = mail.thread_of_answer().unwrap();
    assert_eq!(thread.in_reply_to.as_str(), "a3@example.com");
    assert_eq!(thread.references.len(), 3);
    assert_eq!(mail.subject_of_answer(), "Re: Grüße");
}

#[test]
fn a_mail_of_html_alone_has_a_text_and_its_quotation_is_found() {
    let mail = read(
        "From: a@example.com\nSubject: x\nContent-Type: text/html\n\n<div>Tuesday then</div><div class=\"gmail_quote\">\
         <div>On Mon, Tandem &lt;s@tandem.example&gt; wrote:<br></div><blockquote>Monday?</blockquote></div>\n",
    );
    assert_eq!(mail.new_text, "Tuesday then");
    assert!(mail.text.contains("> Monday?"));
}

#[test]
fn what_a_machine_wrote_is_told_from_what_a_person_wrote() {
    for (headers, reason) in [
        ("Auto-Submitted: auto-replied", Some(AutomaticReason::AutoSubmitted)),
        ("Auto-Submitted: auto-generated; x=y", Some(AutomaticReason::AutoSubmitted)),
        ("Auto-Submitted: no", None),
        ("Return-Path: <>", Some(AutomaticReason::NullSender)),
        ("Return-Path: <a@example.com>", None),
        ("X-Auto-Response-Suppress: OOF", Some(AutomaticReason::NoAnswerWanted)),
        ("List-Id: <news.example.com>", Some(AutomaticReason::List)),
        ("List-Unsubscribe: <https://example.com>\nPrecedence: bulk", Some(AutomaticReason::List)),
        ("Precedence: Bulk", Some(AutomaticReason::Bulk)),
        ("X-Other: bulk", None),
    ] {
        let mail = read(&format!("From: a@example.com\n{headers}\nSubject: x\n\nhello\n"));
        assert_eq!(mail.automatic, reason, "{headers}");
    }
    let from = |address: &str| read(&format!("From: {address}\nSubject: x\n\nhello\n")).automatic;
    assert_eq!(from("No-Reply@example.com"), Some(AutomaticReason::Sender));
    assert_eq!(from("bounce+1234@example.com"), Some(AutomaticReason::Sender));
    assert_eq!(from("nora@example.com"), None);
}

const BOUNCE: &str = "\
Return-Path: <>
From: Mail Delivery System <Mailer-Daemon@mx.example.com>
To: support@tandem.example
Subject: Mail delivery failed
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain

This message was not delivered.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.com

Final-Recipient: rfc822; Ada@example.com
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 <ada@example.com>
 no such user

Final-Recipient: rfc822;bob@example.com
Action: delayed
Status: 4.4.1 (timed out)

--b
Content-Type: text/rfc822-headers

From: support@tandem.example
Message-ID: <m7@tandem.example>
Subject: Your order

--b--
";

#[test]
fn a_bounce_names_the_mail_and_who_did_not_get_it() {
    for report in [
        BOUNCE.to_owned(),
        BOUNCE
            .replace("text/rfc822-headers", "message/rfc822")
            .replace("Subject: Your order\n\n", "Subject: Your order\n\nhello\n\n"),
    ] {
        let mail = read(&report);
        assert_eq!(mail.automatic, Some(AutomaticReason::Bounce));
        let bounce = mail.bounce.unwrap();
        assert_eq!(bounce.original.as_ref().unwrap().as_str(), "m7@tandem.example");
        let failed: Vec<_> = bounce.failed().collect();
        assert_eq!(failed.len(), 1);
        assert_eq!(failed[0].address, "Ada@example.com");
        assert_eq!(failed[0].status, EnhancedCode::at_start_of("5.1.1"));
        assert_eq!(failed[0].diagnostic.as_deref(), Some("550 5.1.1 <ada@example.com> no such user"));
        assert_eq!(bounce.recipients[1].action, BounceAction::Delayed);
        assert_eq!(bounce.recipients[1].status, EnhancedCode::at_start_of("4.4.1"));
    }
}

#[test]
fn a_receipt_is_no_bounce() {
    let receipt = BOUNCE
        .replace("report-type=delivery-status", "report-type=disposition-notification")
        .replace("message/delivery-status", "message/disposition-notification");
    let mail = read(&receipt);
    assert_eq!(mail.bounce, None);
    assert_eq!(mail.automatic, Some(AutomaticReason::AutoSubmitted));
}

#[test]
fn there_is_a_limit_to_what_is_taken() {
    let limits =
        ParseLimits { text_bytes: 10, attachments: 1, attachment_bytes: 100, addresses: 2, references: 3 };
    let file =
        "--b\nContent-Type: application/pdf\nContent-Disposition: attachment; filename=a.pdf\n\nxxxx\n";
    let text = format!(
        "From: a@example.com\nTo: a@example.com, b@example.com, c@example.com\nReferences: <1@x> <2@x> <3@x> <4@x> <5@x>\n\
         Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\n123456789é0\n{file}{file}--b--\n"
    );
    let mail = parse(text.as_bytes(), &limits).unwrap();
    assert_eq!((mail.text.as_str(), mail.cut), ("123456789", true));
    assert_eq!((mail.attachments.len(), mail.left_out, mail.to.len()), (1, 1, 2));
    let references: Vec<&str> = mail.references.iter().map(MessageId::as_str).collect();
    assert_eq!(references, ["1@x", "4@x", "5@x"]);
}

#[test]
fn a_mail_shows_nothing_of_itself_in_debug() {
    let shown = format!("{:?}", read(ANSWER));
    assert!(
        !shown.contains("Dienstag") && !shown.contains("ada@") && shown.contains("a3@example.com"),
        "{shown}"
    );
}

/// As many levels as fit into what is fetched. Without a guard the library runs out of stack at it, and the program is gone.
#[test]
fn a_mail_of_mails_within_mails_brings_nothing_down() {
    let nested = "Content-Type: message/rfc822\n\n".repeat(300_000);
    let boundaries: String = (0..100_000)
        .map(|number| format!("Content-Type: multipart/digest; boundary=b{number}\n\n--b{number}\n\n"))
        .collect();
    let report = format!("Content-Type: multipart/report; boundary=r\n\n--r\n{nested}");
    for text in [&nested, &boundaries, &report] {
        let mail = read(&format!("From: a@example.com\nSubject: x\n{text}"));
        assert_eq!((mail.from.unwrap().address.as_str(), mail.cut), ("a@example.com", true));
    }
    let encoded = base64_simd::STANDARD.encode_to_string(&nested);
    let spelt = nested.replace("Content", "=43ontent");
    for (encoding, content) in [("base64", &encoded), ("quoted-printable", &spelt)] {
        for kind in ["message/rfc822", "Message /\n\tGlobal ; x=y"] {
            let mail = read(&format!(
                "From: a@example.com\nSubject: x\nContent-Transfer-Encoding: {encoding}\nContent-Type: {kind}\n\n{content}\n"
            ));
            assert_eq!((mail.from.unwrap().address.as_str(), mail.cut), ("a@example.com", false));
        }
    }
    // A few levels are nothing special.
    let few = "Content-Type: message/rfc822\n\n".repeat(150);
    assert_eq!(read(&format!("From: a@example.com\n{few}")).attachments.len(), 1);
}

proptest! {
    #[test]
    fn no_mail_is_too_much_for_it(raw in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(parse(&raw, &ParseLimits::default()).is_none_or(|mail| mail.left_out == 0));
    }

    #[test]
    fn no_broken_mail_is_too_much_for_it(cut in 0_usize..1_400, at in 0_usize..1_400, with in any::<u8>(), bounce: bool) {
        let mut raw = if bounce { BOUNCE } else { ANSWER }.as_bytes().to_vec();
        raw.truncate(cut.max(1));
        if let Some(byte) = raw.get_mut(at) {
            *byte = with;
        }
        prop_assert!(parse(&raw, &ParseLimits::default()).is_none_or(|mail| mail.text.len() <= raw.len() * 4));
    }
}
