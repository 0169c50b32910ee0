//! Answers of every shape.

use super::*;
use crate::value::tests::any_json;
use proptest::prelude::*;

const TO: &str = "15551230000";

fn message(id: &str, body: &str, at_s: i64) -> Value {
    json!({"id": id, "type": "text", "chat_id": "15551230000@s.whatsapp.net", "from_me": true, "timestamp": at_s,
           "status": "pending", "source": "api", "text": {"body": body}})
}

fn mark(body: &str) -> SentMark {
    SentMark {
        to: "15551230000".to_owned(),
        content: Content::Text { body: body.to_owned(), choice: None },
        at: 1_760_000_000_000_000,
        skew: Duration::from_secs(60),
    }
}

fn found(messages: &[Value]) -> Found {
    let mark = mark("Hello");
    judge(&json!({"messages": messages}), &mark, mark.at - 60_000_000).unwrap()
}

#[test]
fn sent_false_is_a_failure_although_the_status_is_200() {
    let refused = read_sent(&json!({"sent": false, "error": {"message": "no session"}}), TO);
    assert!(matches!(refused, Err(NotSent::Said(reason)) if reason == "no session"));
    let silent = read_sent(&json!({"sent": false, "message": message("a", "Hello", 1)}), TO);
    assert!(matches!(silent, Err(NotSent::Said(_))));
    for unclear in [
        json!({}),
        json!({"sent": "true"}),
        json!({"sent": true}),
        json!({"sent": true, "message": {}}),
        json!(7),
    ] {
        assert!(matches!(read_sent(&unclear, TO), Err(NotSent::Shape(_))), "{unclear}");
    }
}

#[test]
fn a_message_that_was_sent_needs_nothing_but_its_id() {
    let sent = read_sent(&json!({"sent": true, "message": {"id": "a"}}), TO).unwrap();
    assert_eq!((sent.id.as_str(), sent.phone(), sent.from_me), ("a", Some(TO), true));
}

#[test]
fn ours_is_found_by_its_text_and_time_and_two_alike_are_not_told_apart() {
    let at = 1_760_000_000;
    assert!(
        matches!(found(&[message("a", "Hello ", at + 2), message("b", "Bye", at)]), Found::One(one) if one.id == "a")
    );
    assert_eq!(found(&[message("a", "Hello", at), message("b", "Hello", at + 1)]), Found::Several(2));
    assert_eq!(found(&[message("a", "Hello", at - 61)]), Found::Nothing, "older than the send");
    let mut theirs = message("a", "Hello", at);
    theirs["from_me"] = false.into();
    assert_eq!(found(&[theirs]), Found::Nothing);
    let mut elsewhere = message("a", "Hello", at);
    elsewhere["chat_id"] = "15551230001@s.whatsapp.net".into();
    assert_eq!(found(&[elsewhere.clone()]), Found::Nothing);
    elsewhere["chat_id"] = "5215551230000@s.whatsapp.net".into();
    assert!(matches!(found(&[elsewhere]), Found::One(_)), "the same number with another prefix");
    let others = vec![message("a", "Bye", at); 100];
    assert_eq!((found(&others[1..]), found(&others)), (Found::Nothing, Found::TooMany));
}

#[test]
fn an_answer_without_a_list_does_not_mean_that_nothing_was_sent() {
    for unclear in [json!({}), json!([]), json!({"messages": {}}), json!({"ok": true})] {
        assert!(judge(&unclear, &mark("Hello"), 0).is_err(), "{unclear}");
    }
}

proptest! {
    #[test]
    fn no_answer_is_a_panic(answer in any_json()) {
        drop(read_sent(&answer, TO));
        drop(read_contacts(&answer));
        drop(read_health(&answer));
        drop(Webhook::read_all(&answer));
        drop(judge(&answer, &mark("Hello"), 0));
    }
}
