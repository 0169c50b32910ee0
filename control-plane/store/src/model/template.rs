//! Texts with places to fill in, and the states they had.

use super::{resource, words};
use crate::ids::{TemplateId, TemplateVersionId};
use serde::{Deserialize, Serialize};

/// A template of messages. `lookup` is its name, `parent` its category.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// What it is called in requests.
    pub name: String,
    /// What it is for, such as `appointment`, `follow_up`, `human_control`.
    #[serde(default)]
    pub category: Option<String>,
    /// Whether it may be used.
    pub status: TemplateStatus,
    /// Languages, variables and texts.
    pub content: serde_json::Value,
    /// Its current version, from 1.
    pub number: i64,
}
resource!(Template, TemplateId, Templates);

/// Whether a template may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TemplateStatus {
    /// It may.
    Active,
    /// Not any more.
    Archived,
}
words!(TemplateStatus, "template status", { Active => "active", Archived => "archived" });

/// A state of a template. `lookup` is `template:number`, `parent` the template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateVersion {
    /// Of which template.
    pub template: TemplateId,
    /// From 1.
    pub number: i64,
    /// Languages, variables and texts.
    pub content: serde_json::Value,
}
resource!(TemplateVersion, TemplateVersionId, TemplateVersions);

impl TemplateVersion {
    /// The lookup key of a state.
    #[must_use]
    pub fn lookup(template: &TemplateId, number: i64) -> String {
        format!("{template}:{number}")
    }
}
