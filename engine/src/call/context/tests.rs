//! What the model is told is what was said and heard.

use super::*;
use crate::llm::ToolCall;
use proptest::prelude::*;
use serde_json::json;

fn user(text: &str) -> Message {
    Message::User { text: text.to_owned() }
}

fn assistant(text: &str) -> Message {
    Message::Assistant { text: text.to_owned() }
}

fn round(result: &str) -> ToolRound {
    let serde_json::Value::Object(arguments) = json!({ "day": "monday" }) else { unreachable!() };
    let call = ToolCall { id: "call_1".into(), name: "free_tables".into(), arguments };
    ToolRound { call, result: result.to_owned(), is_error: false }
}

fn small(characters: usize, messages: usize) -> Context {
    Context::new(ContextLimits { characters, messages, message_characters: characters / 4 })
}

#[test]
fn one_speaker_has_one_message_until_the_other_speaks() {
    let mut context = Context::default();
    context.user("I need a table");
    context.user(" for two ");
    context.assistant("When?", false);
    context.assistant("Are you still there?", false);
    context.user("yes");
    let expected = [user("I need a table for two"), assistant("When? Are you still there?"), user("yes")];
    assert_eq!(context.messages(), expected);
}

#[test]
fn what_was_cut_off_says_so_and_what_was_not_heard_is_not_there() {
    let mut context = Context::default();
    context.user("hi");
    context.assistant("  ", true);
    context.user("");
    assert_eq!(context.messages(), [user("hi")]);
    context.assistant("Good morning, this", true);
    context.assistant("Go on.", false);
    assert_eq!(context.messages(), [user("hi"), assistant("Good morning, this [interrupted] Go on.")]);
}

#[test]
fn tools_enter_with_their_results_or_not_at_all() {
    let mut context = Context::default();
    context.user("free on monday?");
    context.tools("Let me see.", Vec::new());
    assert_eq!(context.messages(), [user("free on monday?"), assistant("Let me see.")]);
    context.user("well?");
    context.tools("", vec![round("two tables")]);
    assert_eq!(
        context.messages()[3],
        Message::Tools { text: String::new(), rounds: vec![round("two tables")] }
    );
}

#[test]
fn only_what_nobody_answered_can_be_taken_back() {
    let mut context = Context::default();
    context.take_back_last_user("I want to");
    context.user("I want to");
    context.take_back_last_user("I want to");
    assert_eq!(context.messages(), []);
    context.user("Nobody answers this.");
    context.user("I want to");
    context.take_back_last_user(" I want to ");
    assert_eq!(context.messages(), [user("Nobody answers this.")]);
    context.user("I want to book");
    context.tools("", vec![round("ok")]);
    context.take_back_last_user("I want to book");
    assert_eq!(context.messages().len(), 2);
}

#[test]
fn a_request_begins_with_a_user_even_if_the_assistant_greeted_first() {
    let mut context = Context::default();
    assert_eq!(context.request_messages(), []);
    context.assistant("Hello!", false);
    context.user("hi");
    assert_eq!(context.messages()[0], assistant("Hello!"));
    assert_eq!(context.request_messages(), [user(CALL_BEGINS), assistant("Hello!"), user("hi")]);
}

#[test]
fn the_oldest_exchanges_are_forgotten_whole() {
    let mut context = small(10_000, 8);
    context.assistant("Hello!", false);
    for turn in 0..3 {
        context.user(&format!("question {turn}"));
        context.tools("", vec![round("ok")]);
        context.assistant(&format!("answer {turn}"), false);
    }
    let kept: Vec<_> =
        context.messages().iter().map(|message| matches!(message, Message::User { .. })).collect();
    assert_eq!(kept, [true, false, false, true, false, false]);
    assert_eq!(context.messages()[0], user("question 1"));
}

#[test]
fn an_exchange_that_is_too_large_keeps_its_question_and_its_newest_entries() {
    let mut context = small(10_000, 8);
    context.user("loop, please");
    for turn in 0..20 {
        context.tools("", vec![round(&turn.to_string())]);
    }
    let messages = context.messages();
    assert!(messages.len() <= 8);
    assert_eq!(messages[0], user("loop, please"));
    assert_eq!(messages.last(), Some(&Message::Tools { text: String::new(), rounds: vec![round("19")] }));
}

#[test]
fn a_long_text_is_cut_between_characters() {
    let mut context = small(80, 10);
    context.user(&"ñ".repeat(100));
    assert_eq!(context.messages(), [user(&format!("{}{CUT}", "ñ".repeat(14)))]);
    context.tools("", vec![round(&"x".repeat(100)), round("ok")]);
    let Some(Message::Tools { rounds, .. }) = context.messages().last() else { panic!("no tools") };
    assert_eq!(rounds[0].result, format!("xxxx{CUT}"));
    assert_eq!(rounds[1].result, "ok");
}

#[derive(Clone, Debug)]
enum Step {
    User(String),
    Assistant(String, bool),
    Tools(String, usize, String),
    TakeBack,
}

fn step() -> impl Strategy<Value = Step> {
    let text = || "[a-zñ ]{0,30}";
    prop_oneof![
        text().prop_map(Step::User),
        (text(), any::<bool>()).prop_map(|(text, cut)| Step::Assistant(text, cut)),
        (text(), 0_usize..4, "[a-z]{0,60}")
            .prop_map(|(text, rounds, result)| Step::Tools(text, rounds, result)),
        Just(Step::TakeBack),
    ]
}

fn last_user(context: &Context) -> Option<String> {
    match context.messages().last() {
        Some(Message::User { text }) => Some(text.clone()),
        Some(Message::Assistant { .. } | Message::Tools { .. }) | None => None,
    }
}

fn role(message: &Message) -> u8 {
    match message {
        Message::User { .. } => 0,
        Message::Assistant { .. } => 1,
        Message::Tools { .. } => 2,
    }
}

proptest! {
    #[test]
    fn it_stays_in_order_and_within_its_limits(
        characters in 120_usize..600,
        count in 8_usize..20,
        steps in prop::collection::vec(step(), 0..120),
    ) {
        let mut context = small(characters, count);
        for step in steps {
            let before = context.clone();
            match step {
                Step::User(text) => context.user(&text),
                Step::Assistant(text, interrupted) => context.assistant(&text, interrupted),
                Step::Tools(text, rounds, result) => context.tools(&text, vec![round(&result); rounds]),
                Step::TakeBack => {
                    let said = last_user(&context);
                    context.take_back_last_user(said.as_deref().unwrap_or("hello"));
                    let kept = before.messages().len() - usize::from(said.is_some());
                    prop_assert_eq!(context.messages(), &before.messages()[..kept]);
                }
            }
            let messages = context.messages();
            prop_assert!(messages.len() <= count);
            let size: usize = messages.iter().map(characters_of).sum();
            prop_assert!(size <= characters || messages.len() <= 2, "{} characters in {:?}", size, messages);
            for pair in messages.windows(2) {
                prop_assert!(role(&pair[0]) != role(&pair[1]) || role(&pair[0]) == 2, "two in a row: {:?}", pair);
            }
            for message in messages {
                if let Message::Tools { rounds, .. } = message {
                    prop_assert!(!rounds.is_empty());
                }
            }
            let first_of_request = context.request_messages().first().map(role);
            prop_assert!(first_of_request.is_none_or(|role| role == 0));
            let again: Context = serde_json::from_str(&serde_json::to_string(&context).unwrap()).unwrap();
            prop_assert_eq!(&again, &context);
        }
    }

    #[test]
    fn below_its_limits_it_forgets_nothing(steps in prop::collection::vec(step(), 0..60)) {
        let mut context = Context::default();
        let mut said = Vec::new();
        for step in steps {
            match step {
                Step::User(text) => {
                    context.user(&text);
                    said.extend(text.split_whitespace().map(str::to_owned));
                }
                Step::Assistant(text, interrupted) => {
                    context.assistant(&text, interrupted);
                    said.extend(text.split_whitespace().map(str::to_owned));
                }
                Step::Tools(text, _, _) => {
                    context.tools(&text, vec![round("ok")]);
                    said.extend(text.split_whitespace().map(str::to_owned));
                }
                Step::TakeBack => {
                    if let Some(text) = last_user(&context) {
                        context.take_back_last_user(&text);
                        context.user(&text);
                    }
                }
            }
        }
        let kept: Vec<String> = context
            .messages()
            .iter()
            .flat_map(|message| match message {
                Message::User { text } | Message::Assistant { text } | Message::Tools { text, .. } => {
                    text.replace(INTERRUPTED, "").split_whitespace().map(str::to_owned).collect::<Vec<_>>()
                }
            })
            .collect();
        prop_assert_eq!(kept, said);
    }
}
