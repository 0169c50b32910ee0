//! Side effects wait for commitment.

use super::{Books, keep_books};
use fixtures::sandbox::{Event, Rule, SandboxOptions, Service};
use serde_json::json;
use std::sync::Arc;
use tandem::{config::Config, rehearsal::sandbox_options};

/// A model that announces something and then calls a tool that changes the world.
fn with_rule(when: &str, reply: &str) -> SandboxOptions {
    let mut sandbox = sandbox_options();
    let order = json!({ "order_number": "4417" });
    let rule = Rule {
        when: vec![when.to_owned()],
        after_tool: None,
        reply: reply.to_owned(),
        tool: Some(("lookup_order".to_owned(), order)),
    };
    sandbox.rules = Arc::new([&[rule], sandbox.rules.as_slice()].concat());
    sandbox
}

fn changes_the_world(config: &mut Config) {
    for tool in &mut config.assistant.tools {
        tool.read_only = false;
    }
}

/// Whether the model was told of any tool.
fn told_of_tools(books: &Books) -> bool {
    books.requests(Service::Anthropic).iter().any(|body| body["messages"].to_string().contains("tool_"))
}

fn called(books: &Books) -> bool {
    books
        .seen
        .iter()
        .any(|entry| matches!(&entry.event, Event::Answer { tool: Some(tool), .. } if tool == "lookup_order"))
}

const LONG: &str = "We sell three kinds of shears, and I am now ordering the largest of them for you. It will be charged \
                    to your account today and it cannot be sent back, so please listen to all of this first.";

const ANNOUNCED: &str = "I am ordering it for you right now.";

#[test]
fn invariant_4_side_effects_wait_for_commitment() {
    // The caller speaks over the announcement: what it announces must not happen.
    let books = keep_books("barge-in", with_rule("kinds of garden shears", LONG), changes_the_world);
    assert!(
        called(&books) && books.performance.call.turns[1].interrupted,
        "the answer was cut after the call of the tool"
    );
    assert_eq!(books.requests(Service::Tools), [] as [&serde_json::Value; 0], "a cut answer ran its tool");
    assert!(!told_of_tools(&books), "a call without its result is in the context");

    // The caller goes on after a short pause: the answer is withdrawn, with everything that it would do.
    // The pause is 0.3 s: the answer is written within it, and would be heard only after it.
    let mut sandbox = with_rule("Thanks.", ANNOUNCED);
    sandbox.knobs.anthropic.delay_ms = 290;
    sandbox.knobs.anthropic.pace_ms = 0;
    let books = keep_books("backchannel", sandbox, changes_the_world);
    let asked = |text: &str| {
        let last = |body: &&serde_json::Value| {
            let messages = body["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
            messages.last().is_some_and(|message| message.to_string().contains(text))
        };
        books.requests(Service::Anthropic).into_iter().filter(last).count()
    };
    assert_eq!(asked("\"Thanks.\""), 1, "the model was asked after the first word");
    assert_eq!(asked("Thanks. Do you sell"), 1, "and again after the whole");
    assert_eq!(books.requests(Service::Tools).len(), 1, "the withdrawn answer ran its tool");

    // The announcement is heard to its end: then it happens, once, and call and result are in the context together.
    let books = keep_books("order-status", sandbox_options(), changes_the_world);
    assert!(books.performance.mismatches.is_empty(), "{:?}", books.performance.mismatches);
    assert_eq!(books.requests(Service::Tools).len(), 1);
    for body in books.requests(Service::Anthropic) {
        let text = body["messages"].to_string();
        let (calls, results) =
            (text.matches("\"tool_use\"").count(), text.matches("\"tool_result\"").count());
        assert_eq!(calls, results, "a call and its result enter together: {text}");
    }
    let at = |wanted: &dyn Fn(&Event) -> bool, service| {
        books.seen.iter().find(|entry| entry.service == service && wanted(&entry.event)).unwrap().at_ms
    };
    let ran = at(&|event| matches!(event, Event::Request { .. }), Service::Tools);
    let called = at(&|event| matches!(event, Event::Answer { tool: Some(_), .. }), Service::Anthropic);
    assert!(
        ran > called + 1_500,
        "called at {called} ms and run at {ran} ms, before the announcement was heard"
    );
}
