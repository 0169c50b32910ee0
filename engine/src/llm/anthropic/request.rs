//! The body of a request.

use super::AnthropicSettings;
use crate::llm::{
    LlmRequest,
    conversation::{CallIds, Turn, turns},
};
use serde_json::{Map, Value, json};

pub(super) fn body(settings: &AnthropicSettings, request: &LlmRequest) -> Value {
    let mut body = Map::new();
    body.insert("model".to_owned(), json!(settings.model));
    body.insert("max_tokens".to_owned(), json!(request.max_tokens));
    body.insert("stream".to_owned(), json!(true));
    body.insert("messages".to_owned(), messages(request));
    // What is marked here is cached together with all that comes before it: tools, then instructions.
    let mut cache_control = settings.prompt_caching.then(|| json!({"type": "ephemeral"}));
    if !request.system.trim().is_empty() {
        let mut block = json!({"type": "text", "text": request.system});
        if let Some(cache_control) = cache_control.take() {
            block["cache_control"] = cache_control;
        }
        body.insert("system".to_owned(), json!([block]));
    }
    if !request.tools.is_empty() {
        let mut tools: Vec<Value> = request
            .tools
            .iter()
            .map(|tool| {
                json!({"name": tool.name, "description": tool.description, "input_schema": tool.parameters})
            })
            .collect();
        if let (Some(cache_control), Some(last)) = (cache_control, tools.last_mut()) {
            last["cache_control"] = cache_control;
        }
        body.insert("tools".to_owned(), Value::Array(tools));
        if !request.may_call_tools {
            body.insert("tool_choice".to_owned(), json!({"type": "none"}));
        }
    }
    body.extend(settings.extra.clone());
    Value::Object(body)
}

fn messages(request: &LlmRequest) -> Value {
    let mut ids = CallIds::default();
    // Of the calls whose results come in the next turn.
    let mut open_ids: Vec<String> = Vec::new();
    let text_block = |text: String| (!text.is_empty()).then(|| json!({"type": "text", "text": text}));
    turns(&request.messages)
        .into_iter()
        .map(|turn| match turn {
            Turn::User { results, text } => {
                let mut content: Vec<Value> = results
                    .iter()
                    .zip(open_ids.drain(..))
                    .map(|(round, id)| {
                        let mut block =
                            json!({"type": "tool_result", "tool_use_id": id, "content": round.result});
                        if round.is_error {
                            block["is_error"] = json!(true);
                        }
                        block
                    })
                    .collect();
                content.extend(text_block(text));
                json!({"role": "user", "content": content})
            }
            Turn::Assistant { text, calls } => {
                open_ids = calls.iter().map(|round| ids.next(&round.call.id)).collect();
                let mut content: Vec<Value> = text_block(text).into_iter().collect();
                content.extend(calls.iter().zip(&open_ids).map(|(round, id)| {
                    let call = &round.call;
                    json!({"type": "tool_use", "id": id, "name": call.name, "input": call.arguments})
                }));
                json!({"role": "assistant", "content": content})
            }
        })
        .collect()
}
