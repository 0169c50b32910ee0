//! An assistant as the API shows and takes it. What signs the requests to its tools can be written and is never shown: it
//! is sealed where the tool stands.

use crate::{
    api::{body::Check, crud::Tx, item::Named, secret::NewSecret},
    assistants::ToolConfigKind as ToolKind,
    problem::{Fault, FaultCode, Faults, Place as At, Problem},
};
use deliveries::address::{Reach, check};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};
use std::{collections::HashSet, error::Error};
use store::{
    ids::AssistantId,
    model::{account::Sealed, assistant::Assistant},
};
use tracing::error;
use utoipa::ToSchema;
use vault::{Place, Vault};

/// An assistant.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AssistantForm {
    /// For people; no two assistants have the same.
    #[schema(min_length = 1, max_length = 100, example = "Reception")]
    name: String,
    /// How it speaks, and what it can do.
    #[serde(default)]
    config: ConfigForm,
}

/// How an assistant speaks, and what it can do. What is not there has the default.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = AssistantConfig)]
pub(crate) struct ConfigForm {
    /// Instructions for the model.
    #[schema(min_length = 1, max_length = 50_000)]
    prompt: String,
    /// Said first; empty waits for the caller.
    #[schema(max_length = 1000)]
    greeting: String,
    /// Said, in order, when the caller stays silent.
    #[schema(max_items = 10)]
    idle_prompts: Vec<String>,
    /// Said before the assistant hangs up for silence or time.
    #[schema(min_length = 1, max_length = 1000)]
    goodbye: String,
    /// Said when nothing can answer.
    #[schema(min_length = 1, max_length = 1000)]
    apology: String,
    /// Said when a tool takes long.
    #[schema(min_length = 1, max_length = 1000)]
    tool_filler: String,
    /// BCP 47 language.
    #[schema(
        min_length = 2,
        max_length = 35,
        pattern = "^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$",
        example = "en"
    )]
    language: String,
    /// Voice at the first provider of `tts`; `null`: the voice that this installation asks it for.
    #[schema(max_length = 200)]
    voice: Option<String>,
    /// Names and products for the recogniser.
    #[schema(max_items = 500)]
    keyterms: Vec<String>,
    /// Longest answer of the model, in tokens.
    #[schema(minimum = 16, maximum = 8_192)]
    max_tokens: u32,
    /// What it can do.
    #[schema(max_items = 64)]
    tools: Vec<ToolForm>,
    /// Who listens, in the order in which they are tried; empty: those of this installation.
    #[schema(max_items = 8)]
    stt: Vec<ServiceForm>,
    /// Who thinks, likewise.
    #[schema(max_items = 8)]
    llm: Vec<ServiceForm>,
    /// Who speaks, likewise.
    #[schema(max_items = 8)]
    tts: Vec<ServiceForm>,
}

/// A tool of an assistant.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Tool)]
pub(crate) struct ToolForm {
    /// As the model sees it.
    #[schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9_-]+$", example = "lookup_order")]
    name: String,
    /// Who carries it out.
    kind: ToolKind,
    /// When to use it, for the model. Required for `http`; the others have one of their own.
    #[serde(default)]
    #[schema(max_length = 2000)]
    description: Option<String>,
    /// JSON Schema of the arguments, of an object. The built-in tools have one of their own.
    #[serde(default)]
    parameters: Option<Map<String, Value>>,
    /// Where it is called; for `http` alone. `https`, at an address of the public internet, unless those who run this
    /// installation allow others.
    #[serde(default)]
    #[schema(
        max_length = 2000,
        format = "uri",
        pattern = "^https?://",
        example = "https://tools.example.com/lookup"
    )]
    url: Option<String>,
    /// Signs its requests. Without it, the secret stays that a tool of this name has.
    // A field that is skipped outright would not stand in the description of the API.
    #[serde(default, skip_serializing_if = "always", serialize_with = "nothing")]
    #[schema(nullable = false)]
    signing_secret: Option<NewSecret>,
    /// Whether its requests are signed. What is said of it in a request counts for nothing.
    #[serde(default)]
    has_signing_secret: bool,
    /// How long it may take, in ms.
    #[serde(default = "tool_timeout_ms")]
    #[schema(minimum = 100, maximum = 60_000, default = tool_timeout_ms)]
    timeout_ms: u64,
    /// Changes nothing in the world, so that it may run before it is certain that the caller has finished.
    #[serde(default)]
    read_only: bool,
}

const fn tool_timeout_ms() -> u64 {
    10_000
}

const fn always<T>(_: &T) -> bool {
    true
}

fn nothing<T, S: Serializer>(_: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_none()
}

/// A service that is to do one kind of work.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ServiceChoice)]
pub(crate) struct ServiceForm {
    /// Which.
    service: ServiceName,
    /// `null`: what this installation asks it for.
    #[serde(default)]
    #[schema(max_length = 200)]
    model: Option<String>,
    /// `null`: the assistant's, or the service's own.
    #[serde(default)]
    #[schema(max_length = 200)]
    voice: Option<String>,
}

/// An outside service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ServiceName {
    /// Recognition.
    Deepgram,
    /// Language models.
    Anthropic,
    /// Language models and voices, also of any server that speaks the same protocol.
    Openai,
    /// Voices.
    Elevenlabs,
}

impl Default for ConfigForm {
    fn default() -> Self {
        Self {
            prompt: "You answer the telephone for a small company. Speak in short, plain sentences that sound natural when \
                     read aloud: no lists, no markup, no emoji. Ask one question at a time. If you do not know something, \
                     say so."
                .to_owned(),
            greeting: "Hello, how can I help you?".to_owned(),
            idle_prompts: vec!["Are you still there?".to_owned(), "I can't hear you. Are you there?".to_owned()],
            goodbye: "Thank you for calling. Goodbye!".to_owned(),
            apology: "I'm sorry, I can't help you right now. Please call again later.".to_owned(),
            tool_filler: "One moment, please.".to_owned(),
            language: "en".to_owned(),
            voice: None,
            keyterms: Vec::new(),
            max_tokens: 400,
            tools: Vec::new(),
            stt: Vec::new(),
            llm: Vec::new(),
            tts: Vec::new(),
        }
    }
}

impl Named for AssistantForm {
    const NAME: &'static str = "Assistant";
}

impl Check for AssistantForm {
    fn check(&self, faults: &mut Faults) {
        faults.text("name", &self.name, 1, 100);
        faults.field("config", |faults| self.config.check(faults));
    }
}

impl Check for ConfigForm {
    fn check(&self, faults: &mut Faults) {
        faults.text("prompt", &self.prompt, 1, 50_000);
        faults.text("greeting", &self.greeting, 0, 1_000);
        for (name, text) in
            [("goodbye", &self.goodbye), ("apology", &self.apology), ("tool_filler", &self.tool_filler)]
        {
            faults.text(name, text, 1, 1_000);
        }
        for (name, texts, most) in
            [("idle_prompts", &self.idle_prompts, 10), ("keyterms", &self.keyterms, 500)]
        {
            faults.at_most(name, texts, most);
            faults.each(name, texts, |faults, text| faults.own_text(text, 1, 1_000));
        }
        let is_tag = self.language.split('-').enumerate().all(|(index, part)| {
            let letters = |b: u8| b.is_ascii_alphabetic() || (index > 0 && b.is_ascii_digit());
            part.len() <= 8 && part.len() >= if index == 0 { 2 } else { 1 } && part.bytes().all(letters)
        });
        if !is_tag || self.language.len() > 35 {
            faults.add_at("language", FaultCode::InvalidValue, "it must be a BCP 47 language, such as en-GB");
        }
        faults.text_if("voice", self.voice.as_deref(), 1, 200);
        faults.number("max_tokens", self.max_tokens, 16, 8_192);
        faults.at_most("tools", &self.tools, 64);
        let mut names = HashSet::new();
        faults.each("tools", &self.tools, |faults, tool| {
            if !names.insert(tool.name.clone()) {
                faults.add_at("name", FaultCode::Duplicate, "there is a tool of this name already");
            }
            tool.check(faults);
        });
        for (name, services) in [("stt", &self.stt), ("llm", &self.llm), ("tts", &self.tts)] {
            faults.at_most(name, services, 8);
            faults.each(name, services, |faults, service| {
                faults.text_if("model", service.model.as_deref(), 1, 200);
                faults.text_if("voice", service.voice.as_deref(), 1, 200);
            });
        }
    }
}

impl Check for ToolForm {
    fn check(&self, faults: &mut Faults) {
        let is_name = (1..=64).contains(&self.name.len())
            && self.name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
        if !is_name {
            faults.add_at("name", FaultCode::InvalidValue, "it must be 1 to 64 letters, digits, _ or -");
        }
        faults.text_if("description", self.description.as_deref(), 1, 2_000);
        faults.number("timeout_ms", self.timeout_ms, 100, 60_000);
        if self.parameters.as_ref().is_some_and(|schema| schema.get("type") != Some(&"object".into())) {
            faults.add_at("parameters", FaultCode::InvalidValue, "it must be the JSON Schema of an object");
        }
        if let Some(secret) = &self.signing_secret {
            secret.check(faults, "signing_secret");
        }
        match (&self.url, self.kind) {
            (Some(url), _) => faults.web_address("url", url),
            (None, ToolKind::Http) => {
                faults.add_at("url", FaultCode::WrongShape, "an http tool needs an address")
            }
            (None, _) => {}
        }
        if let Some(name) = self.kind.required_name().filter(|name| *name != self.name) {
            faults.add_at("name", FaultCode::InvalidValue, format!("a tool of this kind is called {name}"));
        }
        if self.kind == ToolKind::Http && self.description.is_none() {
            faults.add_at("description", FaultCode::WrongShape, "an http tool must say when to use it");
        }
    }
}

/// The secret of a tool in a stored assistant.
const SIGNING_SECRET: &str = "signing_secret";

impl AssistantForm {
    /// What is stored, without its secrets.
    pub(super) fn of(assistant: Assistant) -> Self {
        let mut config = assistant.config;
        for tool in tools_mut(&mut config) {
            let is_signed = tool.remove(SIGNING_SECRET).is_some_and(|sealed| !sealed.is_null());
            tool.insert("has_signing_secret".to_owned(), is_signed.into());
        }
        let config = ConfigForm::deserialize(config).unwrap_or_else(|cause| {
            error!(
                name = assistant.name,
                error = &cause as &dyn Error,
                "a stored assistant is not one of this version"
            );
            ConfigForm::default()
        });
        Self { name: assistant.name, config }
    }

    /// What is stored, its secrets sealed. A tool without a new one keeps what it had.
    pub(super) async fn seal(
        self,
        vault: &Vault,
        tx: &mut Tx,
        id: &AssistantId,
        before: Option<&Assistant>,
    ) -> Result<Assistant, Problem> {
        let mut config = serde_json::to_value(&self.config).unwrap_or_default();
        for (tool, form) in tools_mut(&mut config).zip(&self.config.tools) {
            tool.remove("has_signing_secret");
            let sealed = match &form.signing_secret {
                Some(secret) => {
                    let field = format!("tools.{}.{SIGNING_SECRET}", form.name);
                    let place = Place { table: "assistants", id: id.as_str().to_owned(), field };
                    Some(vault.seal_in(tx, &place, &secret.0).await?)
                }
                None => before.and_then(|before| sealed_before(before, &form.name)),
            };
            if let Some(sealed) = sealed.and_then(|sealed| serde_json::to_value(sealed).ok()) {
                tool.insert(SIGNING_SECRET.to_owned(), sealed);
            }
        }
        Ok(Assistant { name: self.name, config })
    }
}

impl AssistantForm {
    /// Refuses tools at addresses that a tenant may not have us speak to. What a name leads to is looked at when it is called.
    pub(super) fn check_addresses(&self, reach: Reach) -> Result<(), Problem> {
        let mut faults = Vec::new();
        for (index, tool) in self.config.tools.iter().enumerate() {
            if let Some(url) = &tool.url
                && let Err(why) = check(url, reach)
            {
                let place = At::Pointer(format!("/config/tools/{index}/url"));
                faults.push(Fault { place, code: FaultCode::InvalidValue, detail: why.to_string() });
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(Problem::unacceptable(faults)) }
    }
}

/// The sealed secret that a tool of this name has.
fn sealed_before(before: &Assistant, name: &str) -> Option<Sealed> {
    let tools = before.config.get("tools")?.as_array()?;
    let tool = tools.iter().find(|tool| tool.get("name").and_then(Value::as_str) == Some(name))?;
    Sealed::deserialize(tool.get(SIGNING_SECRET)?).ok()
}

fn tools_mut(config: &mut Value) -> impl Iterator<Item = &mut Map<String, Value>> {
    config
        .get_mut("tools")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
        .filter_map(Value::as_object_mut)
}
