//! The AI persona that answers, and what it can do.

pub use control_plane::assistants::ToolConfigKind as ToolKind;
use control_plane::assistants::{
    AssistantConfig, TOOL_TIMEOUT_MS, built_in_description, built_in_parameters,
};
use engine::provider::Secret;
use serde::{Deserialize, Deserializer, de};
use serde_json::{Map, Value, json};

/// The AI persona that answers.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Assistant {
    /// Instructions for the model.
    pub prompt: String,
    /// Said first; empty waits for the caller.
    pub greeting: String,
    /// Said, in order, when the caller stays silent.
    pub idle_prompts: Vec<String>,
    /// Said before the assistant hangs up for silence or time.
    pub goodbye: String,
    /// Said when nothing can answer.
    pub apology: String,
    /// Said when a tool takes long.
    pub tool_filler: String,
    /// BCP 47 language, such as `en`.
    pub language: String,
    /// Voice at the first provider of `voice.tts`; unset: the voice of that provider's section.
    pub voice: Option<String>,
    /// Names and products for the recogniser.
    pub keyterms: Vec<String>,
    /// Longest answer of the model, in tokens.
    pub max_tokens: u32,
    /// What it can do.
    pub tools: Vec<Tool>,
}

impl Default for Assistant {
    /// As that of every tenant's assistant that says nothing else.
    fn default() -> Self {
        let usual = AssistantConfig::default();
        Self {
            prompt: usual.prompt,
            greeting: usual.greeting,
            idle_prompts: usual.idle_prompts,
            goodbye: usual.goodbye,
            apology: usual.apology,
            tool_filler: usual.tool_filler,
            language: usual.language,
            voice: usual.voice,
            keyterms: usual.keyterms,
            max_tokens: usual.max_tokens,
            tools: Vec::new(),
        }
    }
}

/// A tool of the assistant.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// As the model sees it: letters, digits, `_` and `-`, at most 64.
    pub name: String,
    /// Who carries it out.
    pub kind: ToolKind,
    /// When to use it, for the model. Required for [`ToolKind::Http`]; the others have one of their own, see
    /// [`Tool::description`].
    #[serde(default, rename = "description")]
    pub own_description: Option<String>,
    /// JSON Schema of the arguments. The built-in tools have one of their own, see
    /// [`Config::parameters_of`](super::Config::parameters_of).
    #[serde(default, rename = "parameters")]
    pub own_parameters: Option<Parameters>,
    /// Where it is called; for [`ToolKind::Http`] alone.
    #[serde(default)]
    pub url: Option<String>,
    /// Signs the requests; for [`ToolKind::Http`] alone, and required there.
    #[serde(default)]
    pub signing_secret: Option<Secret>,
    /// How long it may take.
    #[serde(default = "default_tool_timeout_ms")]
    pub timeout_ms: u64,
    /// Changes nothing in the world, so that it may run before it is certain that the caller has finished.
    #[serde(default)]
    pub read_only: bool,
}

const fn default_tool_timeout_ms() -> u64 {
    TOOL_TIMEOUT_MS
}

impl Tool {
    /// When to use it, for the model.
    #[must_use]
    pub fn description(&self) -> &str {
        self.own_description.as_deref().unwrap_or(built_in_description(self.kind))
    }
}

impl super::Config {
    /// JSON Schema of a tool's arguments, always of an object. That of a transfer names those who may be
    /// handed a call, so that the model cannot invent one.
    #[must_use]
    pub fn parameters_of(&self, tool: &Tool) -> Value {
        match &tool.own_parameters {
            Some(Parameters(schema)) => Value::Object(schema.clone()),
            None => {
                let targets = self.tenant.transfer_targets.keys().map(String::as_str);
                built_in_parameters(tool.kind, targets)
            }
        }
    }
}

/// A JSON Schema, written as an inline table or as JSON text.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameters(pub Map<String, Value>);

impl<'de> Deserialize<'de> for Parameters {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = match Value::deserialize(deserializer)? {
            Value::String(text) => serde_json::from_str(&text)
                .map_err(|error| de::Error::custom(format_args!("the text is not JSON: {error}")))?,
            value => value,
        };
        match value {
            Value::Object(schema) => Ok(Self(schema)),
            _ => Err(de::Error::custom("a JSON Schema is a table, or the text of a JSON object")),
        }
    }
}

impl Parameters {
    /// Why this is not the schema of an object, if it is not.
    pub(super) fn fault(&self) -> Option<String> {
        if self.0.get("type") != Some(&json!("object")) {
            return Some("its `type` is not \"object\"".to_owned());
        }
        let empty = Map::new();
        let properties = match self.0.get("properties") {
            None => &empty,
            Some(Value::Object(properties)) => properties,
            Some(_) => return Some("its `properties` are not a table".to_owned()),
        };
        if let Some((name, _)) =
            properties.iter().find(|(_, schema)| !matches!(schema, Value::Object(_) | Value::Bool(_)))
        {
            return Some(format!("its property `{name}` is not a schema"));
        }
        let required = match self.0.get("required") {
            None => return None,
            Some(Value::Array(required)) => required,
            Some(_) => return Some("its `required` is not a list".to_owned()),
        };
        required.iter().find_map(|name| match name {
            Value::String(name) if properties.contains_key(name) => None,
            Value::String(name) => Some(format!("it requires `{name}`, which is not among its properties")),
            _ => Some("its `required` holds something that is not a name".to_owned()),
        })
    }
}
