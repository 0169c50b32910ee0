//! Assistants.

use super::resource;
use crate::ids::AssistantId;
use serde::{Deserialize, Serialize};

/// Who answers calls. `lookup` is the name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assistant {
    /// For people.
    pub name: String,
    /// Prompt, voice, tools, providers: a JSON object that the control plane understands.
    pub config: serde_json::Value,
}
resource!(Assistant, AssistantId, Assistants);
