use super::*;
use crate::providers::Service;

#[test]
fn an_assistant_that_says_little_has_the_defaults() {
    let config = AssistantConfig::parse(&json!({ "prompt": "Be kind." })).unwrap();
    assert_eq!(config, AssistantConfig { prompt: "Be kind.".to_owned(), ..AssistantConfig::default() });
    let newer = AssistantConfig::parse(&json!({ "of_a_newer_version": 1 })).unwrap();
    assert_eq!(newer, AssistantConfig::default());
    assert!(AssistantConfig::parse(&json!({ "prompt": 1 })).is_err());
}

#[test]
fn what_is_stored_is_read_back() {
    let written = json!({
        "prompt": "Be kind.",
        "voice": "alto",
        "tools": [
            { "name": "look_up", "kind": "http", "description": "Looks an order up.",
              "url": "https://tools.example.test/", "read_only": true },
            { "name": "bye", "kind": "end_call" },
        ],
        "llm": [{ "service": "openai", "model": "large" }, { "service": "anthropic" }],
        "tts": [{ "service": "elevenlabs", "voice": "alto" }],
    });
    let config = AssistantConfig::parse(&written).unwrap();
    assert_eq!(config.llm[0].service, Service::Openai);
    let again = AssistantConfig::parse(&serde_json::to_value(&config).unwrap()).unwrap();
    assert_eq!(again, config);

    let assistant = config.assistant("asst_1".into(), &HashMap::new());
    assert_eq!(assistant.voice, "alto");
    assert_eq!(assistant.tools[0].kind, ToolKind::Remote);
    assert_eq!(assistant.tools[0].timeout, Duration::from_secs(10));
    assert_eq!(assistant.tools[1].schema.description, built_in_description(ToolConfigKind::EndCall));
    assert!(config.tools[0].remote(None).is_some() && config.tools[1].remote(None).is_none());
}

#[test]
fn a_transfer_names_those_whom_the_tenant_knows() {
    let config =
        AssistantConfig::parse(&json!({ "tools": [{ "name": "hand_over", "kind": "transfer_call" }] }));
    let targets = [("sales", "+15550142"), ("office", "+15550143")];
    let targets = targets.map(|(name, number)| (name.to_owned(), number.to_owned())).into();
    let assistant = config.unwrap().assistant("asst_1".into(), &targets);
    let named = &assistant.tools[0].schema.parameters["properties"]["to"]["enum"];
    assert_eq!(named, &json!(["office", "sales"]));
}
