//! Tools that Tandem carries out itself while somebody is on the line.

use crate::support::*;
use engine::{
    llm::ToolCall,
    ports::{ToolInvocation, ToolInvocationKey},
};
use serde_json::{Value, json};
use std::time::Duration;

fn invocation(call: &str, tool: &str, key: &str, arguments: &Value) -> ToolInvocation {
    ToolInvocation {
        tenant: "ten_1".into(),
        call: call.into(),
        assistant: "asst_1".into(),
        key: ToolInvocationKey(key.to_owned()),
        tool: ToolCall {
            id: "tool_1".to_owned(),
            name: tool.to_owned(),
            arguments: arguments.as_object().unwrap().clone(),
        },
        timeout: Duration::from_secs(30),
    }
}

/// What was written to the caller, the oldest first.
async fn written(harness: &Harness) -> Vec<Value> {
    let listed = harness.get("/v1/messages").await.json();
    let all = listed["data"].as_array().unwrap().iter().rev();
    all.filter(|one| one["direction"] == "outbound" && one["channel"] != "voice").cloned().collect()
}

#[tokio::test]
async fn the_assistant_writes_to_whoever_is_on_the_line_once_and_not_after_a_takeover() {
    let harness = Harness::new().await;
    let token = harness.incoming("CA1").await.stream_token();
    let call = harness.admit("CA1", &token).await.unwrap().call.0;
    let tools = harness.plane.ports().tools;
    let run = async |tool: &str, key: &str, arguments: Value| {
        tools.run(invocation(&call, tool, key, &arguments)).await.map_err(|failure| failure.0)
    };
    let text = json!({ "text": "Your bicycle is ready." });
    for _ in 0..2 {
        assert_eq!(run("send_sms", "e1.0", text.clone()).await.unwrap(), "It is being sent by sms.");
    }
    assert_eq!(run("send_whatsapp", "e1.1", text.clone()).await.unwrap(), "It is being sent by whatsapp.");
    let messages = written(&harness).await;
    let channels: Vec<_> = messages.iter().map(|one| one["channel"].as_str().unwrap()).collect();
    assert_eq!(channels, ["sms", "whatsapp"], "the same call of a tool writes once");
    for message in &messages {
        assert_eq!(message["to_number"], CALLER, "{message}");
        assert_eq!(
            (&message["content"], &message["author"]["by"], &message["call"]),
            (&text["text"], &json!("assistant"), &json!(call)),
            "{message}"
        );
    }
    assert!(run("send_sms", "e2.0", json!({})).await.unwrap_err().starts_with("say what is to be written"));
    assert_eq!(
        run("send_email", "e2.1", text.clone()).await.unwrap_err(),
        "there is no address of the caller's to write to"
    );

    let said = run("escalate_to_human", "e3.0", json!({ "reason": "They want a person." })).await.unwrap();
    assert!(said.starts_with("A person has been asked for"), "{said}");
    let conversations = harness.get("/v1/conversations").await.json();
    assert_eq!(conversations["data"][0]["control"]["by"], "paused", "it waits for a person");
    assert_eq!(
        run("send_sms", "e4.0", text).await.unwrap_err(),
        "an operator has the conversation: the message was not sent"
    );
    assert_eq!(written(&harness).await.len(), 2);
}
