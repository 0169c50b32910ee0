use super::*;
use crate::llm::ToolCall;
use proptest::prelude::*;

fn user(text: &str) -> Message {
    Message::User { text: text.into() }
}

fn assistant(text: &str) -> Message {
    Message::Assistant { text: text.into() }
}

fn tools(text: &str, count: usize) -> Message {
    let round = ToolRound {
        call: ToolCall { id: "c".into(), name: "lookup".into(), arguments: serde_json::Map::new() },
        result: "found".into(),
        is_error: false,
    };
    Message::Tools { text: text.into(), rounds: vec![round; count] }
}

#[test]
fn a_greeting_is_preceded_by_the_start_of_the_call() {
    let messages = [assistant("Hello!"), user("Hi."), user("It is me.")];
    let said = |text: &str| Turn::User { results: vec![], text: text.into() };
    assert_eq!(
        turns(&messages),
        [said(CALL_BEGINS), Turn::Assistant { text: "Hello!".into(), calls: vec![] }, said("Hi.\nIt is me.")]
    );
}

#[test]
fn nothing_said_yet_is_the_start_of_the_call() {
    assert_eq!(turns(&[]), [Turn::User { results: vec![], text: CALL_BEGINS.into() }]);
}

#[test]
fn call_ids_are_unique_and_of_allowed_letters() {
    let mut ids = CallIds::default();
    let given: Vec<String> =
        ["call_1", "call_1", "", "fc:ü/9", "call_1_1"].iter().map(|id| ids.next(id)).collect();
    assert_eq!(given, ["call_1", "call_1_1", "_2", "fc___9", "call_1_1_4"]);
}

fn any_message() -> impl Strategy<Value = Message> {
    let text = || prop::sample::select(vec!["", "  ", "one", "two "]);
    prop_oneof![
        text().prop_map(user),
        text().prop_map(assistant),
        (text(), 0_usize..3).prop_map(|(text, count)| tools(text, count)),
    ]
}

proptest! {
    #[test]
    fn the_sides_alternate_and_nothing_is_empty(messages in prop::collection::vec(any_message(), 0..12)) {
        let turns = turns(&messages);
        let mut calls_open = 0;
        for (index, turn) in turns.iter().enumerate() {
            match turn {
                Turn::User { results, text } => {
                    prop_assert_eq!(index % 2, 0);
                    prop_assert!(!text.is_empty() || !results.is_empty());
                    prop_assert_eq!(results.len(), calls_open, "each call is answered in the next turn");
                }
                Turn::Assistant { text, calls } => {
                    prop_assert_eq!(index % 2, 1);
                    prop_assert!(!text.is_empty() || !calls.is_empty());
                    prop_assert_eq!(text.trim(), text);
                    calls_open = calls.len();
                }
            }
        }
        let ends_with_user = matches!(turns.last(), Some(Turn::User { .. }));
        prop_assert!(ends_with_user);
    }
}
