//! Deliveries as they are documented and seen, and as they should not be.

use super::*;
use crate::{
    value::tests::any_json,
    whapi::{Content, MediaKind, MessageStatus},
};
use proptest::prelude::*;
use serde_json::json;

fn delivered(message: Value) -> Delivery {
    let mut whole = json!({"id": "m1", "from_me": false, "chat_id": "15551230000@s.whatsapp.net", "timestamp": 1_760_000_000,
        "source": "mobile", "from": "15551230000", "from_name": "Ann"});
    for (name, value) in message.as_object().unwrap() {
        whole[name] = value.clone();
    }
    let body = json!({"messages": [whole], "event": {"type": "messages", "event": "post"}, "channel_id": "SANDBOX-1"});
    read(body.to_string().as_bytes()).unwrap()
}

fn content(message: Value) -> Content {
    match delivered(message).told.pop() {
        Some(Told::Message(message)) => message.content,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_text_is_read_with_who_wrote_it_and_when() {
    let delivery =
        delivered(json!({"type": "text", "text": {"body": "Hello"}, "context": {"quoted_id": "m0"}}));
    assert_eq!(
        (delivery.channel_id.as_deref(), delivery.event.as_deref()),
        (Some("SANDBOX-1"), Some("messages"))
    );
    let Some(Told::Message(message)) = delivery.told.first() else { panic!("{delivery:?}") };
    assert_eq!(message.content, Content::Text { body: "Hello".to_owned(), choice: None });
    assert_eq!((message.phone(), message.is_group(), message.from_me), (Some("15551230000"), false, false));
    assert_eq!((message.at, message.quoted.as_deref()), (Some(1_760_000_000_000_000), Some("m0")));
}

#[test]
fn every_kind_of_media_is_read() {
    for kind in ["image", "video", "gif", "audio", "voice", "document", "sticker"] {
        let part = json!({"id": "f1", "mime_type": "a/b", "file_size": "12", "sha256": "s", "link": "https://a.test/f",
            "caption": "c", "filename": "n.pdf", "seconds": 3});
        let mut message = json!({"type": kind});
        message[kind] = part;
        let Content::Media(media) = content(message) else { panic!("{kind}") };
        assert_eq!((media.kind.as_str(), media.size, media.caption.as_deref()), (kind, Some(12), Some("c")));
    }
    let Content::Media(media) = content(json!({"type": "short", "short": {}})) else { panic!() };
    assert_eq!((media.kind, media.id), (MediaKind::Video, None));
}

#[test]
fn what_was_chosen_is_a_text_with_its_id() {
    let text = |body: &str, choice: Option<&str>| Content::Text {
        body: body.to_owned(),
        choice: choice.map(str::to_owned),
    };
    let button = json!({"type": "reply", "reply": {"type": "buttons_reply", "buttons_reply": {"id": "b1", "title": "Yes"}}});
    assert_eq!(content(button), text("Yes", Some("b1")));
    let list = json!({"type": "interactive", "interactive": {"type": "list_reply", "list_reply": {"id": "l1", "title": "Monday"}}});
    assert_eq!(content(list), text("Monday", Some("l1")));
    let asked = json!({"type": "interactive", "interactive": {"type": "button", "body": {"text": "Sure?"}}});
    assert_eq!(content(asked), text("Sure?", None));
}

#[test]
fn places_contacts_and_reactions_are_read() {
    let place = content(
        json!({"type": "location", "location": {"latitude": 4.6, "longitude": "-74.1", "name": "Here"}}),
    );
    assert!(
        matches!(place, Content::Location { latitude, longitude, .. } if latitude == 4.6 && longitude == -74.1)
    );
    let nowhere = content(json!({"type": "location", "location": {"latitude": 460, "longitude": 0}}));
    assert_eq!(nowhere, Content::Other { kind: "location".to_owned() });
    let card = content(json!({"type": "contact", "contact": {"name": "Bo", "vcard": "BEGIN:VCARD"}}));
    assert!(
        matches!(card, Content::Contacts(cards) if cards.len() == 1 && cards[0].name.as_deref() == Some("Bo"))
    );
    let reaction =
        content(json!({"type": "action", "action": {"type": "reaction", "target": "m0", "emoji": "👍"}}));
    assert_eq!(reaction, Content::Reaction { to: Some("m0".to_owned()), emoji: Some("👍".to_owned()) });
}

#[test]
fn a_type_that_is_not_known_is_kept_as_such() {
    assert_eq!(
        content(json!({"type": "hologram", "hologram": {"x": 1}})),
        Content::Other { kind: "hologram".to_owned() }
    );
    assert_eq!(content(json!({"type": "text", "text": {}})), Content::Other { kind: "text".to_owned() });
    assert_eq!(content(json!({})), Content::Other { kind: "unknown".to_owned() });
}

#[test]
fn an_echo_of_our_own_is_told_from_a_message_and_must_say_so() {
    let echo = delivered(json!({"from_me": true, "type": "text", "text": {"body": "Hi"}}));
    assert!(matches!(&echo.told[..], [Told::Message(message)] if message.from_me));
    let unclear = delivered(json!({"from_me": null, "type": "text", "text": {"body": "Hi"}}));
    assert!(unclear.told.is_empty());
    assert_eq!(unclear.broken, [ShapeError::new("messages[0].from_me", "is no boolean")]);
}

#[test]
fn statuses_have_times_as_numbers_or_texts() {
    let body = json!({"statuses": [
        {"id": "m1", "code": 3, "status": "delivered", "recipient_id": "15551230000@s.whatsapp.net", "timestamp": "1760000000"},
        {"id": "m1", "code": 4, "status": "read", "recipient_id": "15551230000", "timestamp": 1_760_000_001},
        {"id": "m2", "status": "failed", "errors": [{"code": 1, "message": "not there"}, "again"]},
        {"id": "m3", "status": "evaporated"},
    ], "event": {"type": "statuses", "event": "post"}, "channel_id": "SANDBOX-1"});
    let delivery = read(body.to_string().as_bytes()).unwrap();
    let statuses: Vec<&StatusChange> = delivery
        .told
        .iter()
        .filter_map(|told| match told {
            Told::Status(status) => Some(status),
            Told::Message(_) | Told::Health(_) => None,
        })
        .collect();
    assert_eq!(statuses[0].status, MessageStatus::Delivered);
    assert_eq!((statuses[0].at, statuses[1].at), (Some(1_760_000_000_000_000), Some(1_760_000_001_000_000)));
    assert_eq!(statuses[2].errors, ["again", "not there"]);
    assert_eq!(statuses[3].status, MessageStatus::Other("evaporated".to_owned()));
}

#[test]
fn one_entry_that_cannot_be_read_does_not_lose_the_others() {
    let body = json!({"statuses": [7, {"id": "m1"}, {"id": "m1", "status": "sent"}]});
    let delivery = read(body.to_string().as_bytes()).unwrap();
    assert_eq!(delivery.told.len(), 1);
    let paths: Vec<&str> = delivery.broken.iter().map(|broken| broken.path.as_str()).collect();
    assert_eq!(paths, ["statuses[0]", "statuses[1].status"]);
}

#[test]
fn a_wrong_shape_is_told() {
    assert!(matches!(read(b"{"), Err(WebhookError::NotJson(_))));
    for wrong in [json!([]), json!({"messages": {}}), json!({"statuses": "sent"})] {
        assert!(matches!(read(wrong.to_string().as_bytes()), Err(WebhookError::Shape(_))), "{wrong}");
    }
    let other = read(br#"{"chats": [{}], "event": {"type": "chats", "event": "post"}}"#).unwrap();
    assert_eq!((other.told.len(), other.event.as_deref()), (0, Some("chats")));
}

#[test]
fn a_channel_that_was_logged_out_says_so() {
    let body = br#"{"health": {"status": {"code": 3, "text": "QR"}}, "event": {"type": "channel", "event": "post"}}"#;
    assert_eq!(read(body).unwrap().told, [Told::Health(HealthState::Qr)]);
}

#[test]
fn a_secret_is_the_whole_secret() {
    let secret = Secret::new("hook-secret");
    assert!(is_secret(Some(b"hook-secret"), &secret));
    for wrong in [None, Some(&b""[..]), Some(b"hook-secre"), Some(b"hook-secret ")] {
        assert!(!is_secret(wrong, &secret));
    }
    assert!(!is_secret(Some(b""), &Secret::new("")), "no secret lets nobody in");
}

proptest! {
    #[test]
    fn no_delivery_is_a_panic(body in any_json(), bytes: Vec<u8>) {
        drop(read(body.to_string().as_bytes()));
        drop(read(&bytes));
    }

    #[test]
    fn an_entry_is_read_or_told_to_be_broken(entries in proptest::collection::vec(any_json(), 0..8)) {
        let body = json!({"messages": entries, "statuses": entries});
        let delivery = read(body.to_string().as_bytes()).unwrap();
        prop_assert_eq!(delivery.told.len() + delivery.broken.len(), entries.len() * 2);
    }
}
