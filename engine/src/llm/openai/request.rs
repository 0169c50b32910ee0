//! The body of a request.

use super::{OpenAiChatSettings, TokenLimitField};
use crate::llm::{
    LlmRequest,
    conversation::{CallIds, Turn, turns},
};
use serde_json::{Map, Value, json};

pub(super) fn body(settings: &OpenAiChatSettings, request: &LlmRequest) -> Value {
    let mut body = Map::new();
    body.insert("model".to_owned(), json!(settings.model));
    body.insert("stream".to_owned(), json!(true));
    if settings.include_usage {
        body.insert("stream_options".to_owned(), json!({"include_usage": true}));
    }
    let limit = match settings.token_limit {
        TokenLimitField::MaxCompletionTokens => "max_completion_tokens",
        TokenLimitField::MaxTokens => "max_tokens",
    };
    body.insert(limit.to_owned(), json!(request.max_tokens));
    body.insert("messages".to_owned(), Value::Array(messages(request)));
    if !request.tools.is_empty() {
        let tools: Vec<Value> = request
            .tools
            .iter()
            .map(|tool| {
                let function =
                    json!({"name": tool.name, "description": tool.description, "parameters": tool.parameters});
                json!({"type": "function", "function": function})
            })
            .collect();
        body.insert("tools".to_owned(), Value::Array(tools));
        if !request.may_call_tools {
            body.insert("tool_choice".to_owned(), json!("none"));
        }
    }
    body.extend(settings.extra.clone());
    Value::Object(body)
}

fn messages(request: &LlmRequest) -> Vec<Value> {
    let mut messages = Vec::new();
    if !request.system.trim().is_empty() {
        messages.push(json!({"role": "system", "content": request.system}));
    }
    let mut ids = CallIds::default();
    // Of the calls whose results come in the next turn.
    let mut open_ids: Vec<String> = Vec::new();
    for turn in turns(&request.messages) {
        match turn {
            Turn::User { results, text } => {
                messages.extend(
                    results.iter().zip(open_ids.drain(..)).map(
                        |(round, id)| json!({"role": "tool", "tool_call_id": id, "content": round.result}),
                    ),
                );
                if !text.is_empty() {
                    messages.push(json!({"role": "user", "content": text}));
                }
            }
            Turn::Assistant { text, calls } => {
                open_ids = calls.iter().map(|round| ids.next(&round.call.id)).collect();
                let content = if text.is_empty() { Value::Null } else { Value::String(text) };
                let mut message = json!({"role": "assistant", "content": content});
                if !calls.is_empty() {
                    message["tool_calls"] = calls
                        .iter()
                        .zip(&open_ids)
                        .map(|(round, id)| {
                            let arguments = Value::Object(round.call.arguments.clone()).to_string();
                            let function = json!({"name": round.call.name, "arguments": arguments});
                            json!({"id": id, "type": "function", "function": function})
                        })
                        .collect();
                }
                messages.push(message);
            }
        }
    }
    messages
}
