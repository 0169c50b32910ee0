//! Messages, read back by the crate's reader.

use super::*;
use crate::parse::{ParseLimits, Received, parse};
use proptest::prelude::*;

const NOW: i64 = 1_795_219_200_000_000;

fn mailbox(name: &str, address: &str) -> Mailbox {
    Mailbox::new(Some(name), EmailAddress::parse(address).unwrap()).unwrap()
}

fn id(text: &str) -> MessageId {
    MessageId::parse(text).unwrap()
}

fn draft() -> Draft {
    Draft {
        from: mailbox("Tandem Support", "support@tandem.example"),
        to: vec![mailbox("Ada Lovelace", "ada@example.com")],
        cc: Vec::new(),
        reply_to: None,
        bounces_to: None,
        subject: "Your order".to_owned(),
        text: Some("It is on its way.\n".to_owned()),
        html: None,
        attachments: Vec::new(),
        message_id: id("m1@tandem.example"),
        date: NOW,
        thread: None,
        automatic: None,
        unsubscribe: None,
    }
}

fn composed(draft: &Draft) -> Composed {
    compose(draft, &ComposeLimits::default(), None).unwrap()
}

fn read(draft: &Draft) -> Received {
    parse(&composed(draft).bytes, &ParseLimits::default()).unwrap()
}

fn header(draft: &Draft, name: &str) -> Option<String> {
    let text = String::from_utf8(composed(draft).bytes.to_vec()).unwrap();
    let headers = text.split("\r\n\r\n").next().unwrap().replace("\r\n ", " ");
    headers.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")).map(str::to_owned))
}

#[test]
fn a_message_says_what_was_given() {
    let draft = Draft {
        subject: "Größe & señal 😀".to_owned(),
        cc: vec![mailbox("Zoë \"Z\" O'Neil, Dr.", "zoe@example.com")],
        reply_to: Some(mailbox("Desk", "desk+t0k3n@tandem.example")),
        text: Some("Grüße,\nTandem".to_owned()),
        ..draft()
    };
    let read = read(&draft);
    assert_eq!(read.subject, draft.subject);
    assert_eq!(read.text, "Grüße,\nTandem");
    assert_eq!(read.message_id, Some(draft.message_id.clone()));
    assert_eq!(read.date, Some(NOW));
    let from = read.from.unwrap();
    assert_eq!(
        (from.name.as_deref(), from.address.as_str()),
        (Some("Tandem Support"), "support@tandem.example")
    );
    assert_eq!(read.cc[0].name.as_deref(), Some("Zoë \"Z\" O'Neil, Dr."));
    assert_eq!(read.reply_to.unwrap().address, "desk+t0k3n@tandem.example");
    assert_eq!(read.automatic, None);
    let composed = composed(&draft);
    assert_eq!(composed.envelope_from.as_str(), "support@tandem.example");
    let to: Vec<&str> = composed.envelope_to.iter().map(EmailAddress::as_str).collect();
    assert_eq!(to, ["ada@example.com", "zoe@example.com"]);
}

#[test]
fn the_same_draft_gives_the_same_bytes() {
    let attachment = Attachment {
        name: "a.txt".to_owned(),
        media_type: "text/plain".to_owned(),
        content: Bytes::from_static(b"a"),
        content_id: None,
    };
    let draft = Draft { html: Some("<p>Hello</p>".to_owned()), attachments: vec![attachment], ..draft() };
    assert_eq!(composed(&draft).bytes, composed(&draft).bytes);
    let other = Draft { message_id: id("m2@tandem.example"), ..draft.clone() };
    assert_ne!(composed(&draft).bytes, composed(&other).bytes);
}

#[test]
fn html_has_a_text_beside_it_and_pictures_and_files_their_places() {
    let file = |name: &str, media_type: &str, content_id: Option<&str>| Attachment {
        name: name.to_owned(),
        media_type: media_type.to_owned(),
        content: Bytes::from(name.to_owned().into_bytes()),
        content_id: content_id.map(str::to_owned),
    };
    let draft = Draft {
        text: None,
        html: Some(
            "<p>See <a href=\"https://tandem.example/o\">your order</a></p><img src=\"cid:logo\">".to_owned(),
        ),
        attachments: vec![
            file("logo.png", "image/png", Some("logo")),
            file("Rechnung März.pdf", "application/pdf", None),
        ],
        ..draft()
    };
    let read = read(&draft);
    assert_eq!(read.text, "See your order (https://tandem.example/o)");
    assert_eq!(read.html.as_deref().map(str::trim), draft.html.as_deref());
    let files: Vec<_> = read
        .attachments
        .iter()
        .map(|file| (file.name.as_deref().unwrap(), file.media_type.as_str(), file.content_id.as_deref()))
        .collect();
    assert_eq!(
        files,
        [("logo.png", "image/png", Some("logo")), ("Rechnung März.pdf", "application/pdf", None)]
    );
    assert_eq!(read.attachments[1].content, "Rechnung März.pdf".as_bytes());
}

#[test]
fn an_answer_names_its_thread_and_keeps_both_ends_of_a_long_one() {
    let thread = |count: usize| Thread {
        in_reply_to: id("last@example.com"),
        references: (0..count).map(|number| id(&format!("{number}@example.com"))).collect(),
    };
    let draft = Draft { thread: Some(thread(2)), ..draft() };
    assert_eq!(header(&draft, "In-Reply-To").unwrap(), "<last@example.com>");
    assert_eq!(header(&draft, "References").unwrap(), "<0@example.com> <1@example.com> <last@example.com>");
    let long = Draft { thread: Some(thread(100)), ..draft };
    let references = header(&long, "References").unwrap();
    let references: Vec<&str> = references.split(' ').collect();
    assert_eq!(references.len(), 21);
    assert_eq!(
        (references[0], references[1], references[20]),
        ("<0@example.com>", "<81@example.com>", "<last@example.com>")
    );
}

#[test]
fn machines_are_told_that_a_machine_wrote_and_people_how_to_end_it() {
    let draft = Draft {
        automatic: Some(Automatic::Replied),
        unsubscribe: Some(Unsubscribe {
            url: Url::parse("https://tandem.example/u/abc?x=1").unwrap(),
            mail_to: Some(EmailAddress::parse("stop@tandem.example").unwrap()),
        }),
        ..draft()
    };
    assert_eq!(header(&draft, "Auto-Submitted").unwrap(), "auto-replied");
    assert_eq!(
        header(&draft, "List-Unsubscribe").unwrap(),
        "<https://tandem.example/u/abc?x=1>, <mailto:stop@tandem.example>"
    );
    assert_eq!(header(&draft, "List-Unsubscribe-Post").unwrap(), "List-Unsubscribe=One-Click");
    assert!(read(&draft).automatic.is_some());
}

#[test]
fn no_value_begins_another_header() {
    let refused = |draft: Draft| compose(&draft, &ComposeLimits::default(), None).unwrap_err();
    let subject = refused(Draft { subject: "a\r\nBcc: b@example.com".to_owned(), ..draft() });
    assert_eq!(subject, ComposeError::ControlCharacter("the subject"));
    let file = |name: &str, media_type: &str, content_id: Option<&str>| Draft {
        attachments: vec![Attachment {
            name: name.to_owned(),
            media_type: media_type.to_owned(),
            content: Bytes::new(),
            content_id: content_id.map(str::to_owned),
        }],
        ..draft()
    };
    assert!(matches!(refused(file("a\nb", "text/plain", None)), ComposeError::ControlCharacter(_)));
    assert!(matches!(refused(file("a", "text/plain\r\nX: y", None)), ComposeError::ControlCharacter(_)));
    assert!(matches!(
        refused(file("a", "text/plain", Some("a>\r\nX: y"))),
        ComposeError::ControlCharacter(_)
    ));
    assert!(matches!(refused(file("a", "no type", None)), ComposeError::MediaType(_)));
    assert!(matches!(refused(file("a", "multipart/mixed", None)), ComposeError::MediaType(_)));
}

#[test]
fn there_is_a_limit_to_everything() {
    let refused = |draft: Draft| compose(&draft, &ComposeLimits::default(), None).unwrap_err();
    assert_eq!(refused(Draft { to: Vec::new(), ..draft() }), ComposeError::NoRecipient);
    assert_eq!(refused(Draft { text: None, ..draft() }), ComposeError::NoBody);
    assert_eq!(refused(Draft { date: -1, ..draft() }), ComposeError::Date);
    assert_eq!(refused(Draft { date: i64::MAX, ..draft() }), ComposeError::Date);
    let long = "a".repeat(1024 * 1024 + 1);
    assert!(matches!(refused(Draft { text: Some(long.clone()), ..draft() }), ComposeError::TooMuch { .. }));
    assert!(matches!(refused(Draft { subject: long, ..draft() }), ComposeError::TooMuch { .. }));
    let many = (0..51).map(|number| mailbox("", &format!("a{number}@example.com"))).collect();
    assert!(matches!(refused(Draft { to: many, ..draft() }), ComposeError::TooMuch { .. }));
    let plain = Unsubscribe { url: Url::parse("http://tandem.example").unwrap(), mail_to: None };
    assert_eq!(refused(Draft { unsubscribe: Some(plain), ..draft() }), ComposeError::UnsubscribeUrl);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_written_arrives_as_it_is_and_in_lines_that_servers_take(
        subject in "[^\\p{C}]{0,60}", text in "[^\\p{C}]{1,3000}|([a-zé .]{0,40}\n){1,20}", name in "[^\\p{C}]{0,30}",
    ) {
        prop_assume!(!text.trim().is_empty());
        let draft = Draft {
            from: mailbox(&name, "support@tandem.example"),
            subject: subject.clone(),
            text: Some(text.clone()),
            ..draft()
        };
        let bytes = composed(&draft).bytes;
        prop_assert!(bytes.is_ascii());
        prop_assert!(bytes.split(|byte| *byte == b'\n').all(|line| line.len() <= 999 && line.last().is_none_or(|byte| *byte == b'\r')));
        let read = parse(&bytes, &ParseLimits::default()).unwrap();
        let spaces = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        prop_assert_eq!(spaces(&read.text), spaces(&text));
        prop_assert_eq!(spaces(&read.subject), spaces(&subject));
    }
}
