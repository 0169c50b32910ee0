//! What a stored assistant says of itself, and what the engine makes of it.

use crate::{
    providers::Choice,
    settings::{ChosenBy, RemoteTool},
};
use engine::{
    ids::AssistantId,
    llm::ToolSchema,
    ports::{Assistant, ToolKind, ToolSpec},
    provider::Secret,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::{collections::HashMap, time::Duration};
use store::model::account::Sealed;
use url::Url;
use utoipa::ToSchema;

/// The `config` of a stored assistant. What is not set has the default, so that stored assistants outlive new options.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AssistantConfig {
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
    /// Voice at the first provider of `tts`; unset: the voice that this installation asks it for.
    pub voice: Option<String>,
    /// Names and products for the recogniser.
    pub keyterms: Vec<String>,
    /// Longest answer of the model, in tokens.
    pub max_tokens: u32,
    /// What it can do.
    pub tools: Vec<ToolConfig>,
    /// Who listens, in the order in which they are tried; empty: those of this installation.
    pub(crate) stt: Vec<Choice>,
    /// Who thinks, likewise.
    pub(crate) llm: Vec<Choice>,
    /// Who speaks, likewise.
    pub(crate) tts: Vec<Choice>,
}

impl Default for AssistantConfig {
    fn default() -> Self {
        Self {
            prompt: "You answer the telephone for a small company. Speak in short, plain sentences that sound \
                     natural when read aloud: no lists, no markup, no emoji. Ask one question at a time. If you \
                     do not know something, say so."
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

/// A tool of a stored assistant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolConfig {
    /// As the model sees it: letters, digits, `_` and `-`, at most 64.
    pub name: String,
    /// Who carries it out.
    pub kind: ToolConfigKind,
    /// When to use it, for the model. Required for [`ToolConfigKind::Http`]; the others have one of their own.
    #[serde(default)]
    pub description: Option<String>,
    /// JSON Schema of the arguments, of an object. The built-in tools have one of their own.
    #[serde(default)]
    pub parameters: Option<Map<String, Value>>,
    /// Where it is called; for [`ToolConfigKind::Http`] alone.
    #[serde(default)]
    pub url: Option<String>,
    /// Signs the requests, sealed in the assistant's place as `tools.<name>.signing_secret`.
    #[serde(default)]
    pub signing_secret: Option<Sealed>,
    /// How long it may take.
    #[serde(default = "default_tool_timeout_ms")]
    pub timeout_ms: u64,
    /// Changes nothing in the world, so that it may run before it is certain that the caller has finished.
    #[serde(default)]
    pub read_only: bool,
}

/// How long a tool may take if nothing else is said, in ms.
pub const TOOL_TIMEOUT_MS: u64 = 10_000;

const fn default_tool_timeout_ms() -> u64 {
    TOOL_TIMEOUT_MS
}

/// Who carries a tool out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ToolKind)]
pub enum ToolConfigKind {
    /// The tenant's server, over HTTP.
    Http,
    /// Tandem: says the goodbye and hangs up.
    EndCall,
    /// Tandem: hands the caller over.
    TransferCall,
    /// Tandem: writes a text message to the caller. Its name is `send_sms`.
    SendSms,
    /// Tandem: writes to the caller by WhatsApp. Its name is `send_whatsapp`.
    SendWhatsapp,
    /// Tandem: writes an email to the caller, to the address in their contact. Its name is `send_email`.
    SendEmail,
    /// Tandem: asks for a person. Its name is `escalate_to_human`.
    EscalateToHuman,
}

impl ToolConfigKind {
    /// As the engine has it.
    #[must_use]
    pub const fn engine(self) -> ToolKind {
        match self {
            Self::Http | Self::SendSms | Self::SendWhatsapp | Self::SendEmail | Self::EscalateToHuman => {
                ToolKind::Remote
            }
            Self::EndCall => ToolKind::EndCall,
            Self::TransferCall => ToolKind::TransferCall,
        }
    }

    /// The name that a tool of this kind must have; `None`: any.
    #[must_use]
    pub const fn required_name(self) -> Option<&'static str> {
        match self {
            Self::SendSms => Some("send_sms"),
            Self::SendWhatsapp => Some("send_whatsapp"),
            Self::SendEmail => Some("send_email"),
            Self::EscalateToHuman => Some("escalate_to_human"),
            Self::Http | Self::EndCall | Self::TransferCall => None,
        }
    }
}

/// When to use a built-in tool, for the model; empty for one of the tenant's own.
#[must_use]
pub const fn built_in_description(kind: ToolConfigKind) -> &'static str {
    use ToolConfigKind::{EndCall, EscalateToHuman, Http, SendEmail, SendSms, SendWhatsapp, TransferCall};
    match kind {
        Http => "",
        EndCall => "Ends the call. Use it once the caller has said goodbye or needs nothing more.",
        TransferCall => "Hands the caller over to a person. Use it when the caller asks for one.",
        SendSms => "Sends the caller a text message. Use it when they want something in writing.",
        SendWhatsapp => "Sends the caller a WhatsApp message. Use it when they ask for one.",
        SendEmail => {
            "Sends the caller an email to the address in their records. Use it when they ask for one."
        }
        EscalateToHuman => "Asks a person to take the conversation over. Use it when you cannot help.",
    }
}

/// JSON Schema of a tool's arguments if it has none of its own. That of a transfer names those who may be handed a call,
/// so that the model cannot invent one.
#[must_use]
pub fn built_in_parameters<'a>(kind: ToolConfigKind, targets: impl Iterator<Item = &'a str>) -> Value {
    use ToolConfigKind::{EndCall, EscalateToHuman, Http, SendEmail, SendSms, SendWhatsapp, TransferCall};
    let one_text = |name: &str, about: &str| {
        json!({
            "type": "object",
            "properties": { name: { "type": "string", "description": about } },
            "required": [name],
        })
    };
    match kind {
        TransferCall => json!({
            "type": "object",
            "properties": { "to": {
                "type": "string",
                "description": "Who takes the call over.",
                "enum": targets.collect::<Vec<_>>(),
            } },
            "required": ["to"],
        }),
        SendSms | SendWhatsapp | SendEmail => one_text("text", "What is written."),
        EscalateToHuman => one_text("reason", "Why a person is needed, in one sentence."),
        Http | EndCall => json!({ "type": "object", "properties": {} }),
    }
}

impl AssistantConfig {
    /// Understands what is stored.
    ///
    /// # Errors
    /// When a field is of another type.
    pub(crate) fn parse(config: &Value) -> Result<Self, serde_json::Error> {
        Self::deserialize(config)
    }

    /// Who answers: `targets` are those whom a call may be handed to.
    pub(crate) fn assistant(&self, id: AssistantId, targets: &HashMap<String, String>) -> Assistant {
        let mut names: Vec<_> = targets.keys().map(String::as_str).collect();
        names.sort_unstable();
        Assistant {
            id,
            prompt: self.prompt.clone(),
            greeting: Some(self.greeting.clone()).filter(|greeting| !greeting.trim().is_empty()),
            idle_prompts: self.idle_prompts.clone(),
            goodbye: self.goodbye.clone(),
            apology: self.apology.clone(),
            tool_filler: self.tool_filler.clone(),
            language: self.language.clone(),
            voice: self.voice.clone().unwrap_or_default(),
            keyterms: self.keyterms.clone(),
            tools: self.tools.iter().map(|tool| tool.spec(&names)).collect(),
            max_tokens: self.max_tokens,
        }
    }
}

impl ToolConfig {
    fn spec(&self, targets: &[&str]) -> ToolSpec {
        let kind = self.kind.engine();
        let parameters = match &self.parameters {
            Some(schema) => Value::Object(schema.clone()),
            None => built_in_parameters(self.kind, targets.iter().copied()),
        };
        ToolSpec {
            schema: ToolSchema {
                name: self.name.clone(),
                description: self
                    .description
                    .clone()
                    .unwrap_or_else(|| built_in_description(self.kind).to_owned()),
                parameters,
            },
            kind,
            timeout: Duration::from_millis(self.timeout_ms),
            read_only: self.read_only,
        }
    }

    /// Where it is called, with what its requests are signed; `None` if it is not the tenant's own.
    pub(crate) fn remote(&self, signing_secret: Option<Secret>) -> Option<RemoteTool> {
        let url = self.address().filter(|_| self.kind == ToolConfigKind::Http)?;
        let signing_secret = signing_secret.unwrap_or_else(|| Secret::new(""));
        Some(RemoteTool { url, signing_secret, chosen_by: ChosenBy::Tenant })
    }

    fn address(&self) -> Option<Url> {
        Url::parse(self.url.as_deref()?).ok().filter(|url| matches!(url.scheme(), "https" | "http"))
    }

    /// Where its secret is sealed.
    pub(crate) fn secret_field(&self) -> String {
        format!("tools.{}.signing_secret", self.name)
    }
}

#[cfg(test)]
mod tests;
