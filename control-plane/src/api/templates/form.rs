//! What of a template can be set, and what is shown of it.

use crate::{
    api::{body::Check, check::is_language, item::Named, schema},
    problem::{FaultCode, Faults, Problem},
};
use messaging::template::{Category, Kind};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use store::{
    StoreError,
    model::template::{Template, TemplateStatus, TemplateVersion},
};
use utoipa::{IntoParams, ToSchema};

/// Languages of a template.
const LANGUAGES_MAX: usize = 50;

/// A template.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TemplateForm {
    /// What it is called in requests; no two templates have the same.
    #[schema(pattern = "^[a-z0-9][a-z0-9_.-]{0,63}$", example = "appointment_confirmation")]
    name: String,
    /// Whether it may be used.
    #[serde(default = "active")]
    #[schema(schema_with = schema::word::<TemplateStatus>, required = false)]
    status: TemplateStatus,
    /// What it is for.
    #[serde(default = "other")]
    #[schema(schema_with = schema::template_category, required = false)]
    category: Category,
    /// The language that is used where there is no better one, BCP 47.
    #[schema(max_length = 35, example = "en")]
    default_language: String,
    /// What is filled in, by name.
    #[serde(default)]
    variables: BTreeMap<String, VariableForm>,
    /// The words, by language; places to fill in are written `{{ name }}`.
    languages: BTreeMap<String, WordsForm>,
}

const fn active() -> TemplateStatus {
    TemplateStatus::Active
}

const fn other() -> Category {
    Category::Other
}

/// Something that is filled in.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TemplateVariable)]
pub(crate) struct VariableForm {
    /// Of what kind it is.
    #[schema(schema_with = schema::variable_kind)]
    kind: Kind,
    /// Whether a message can go without it.
    #[serde(default)]
    optional: bool,
    /// What is filled in where nothing is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    default: Option<Value>,
    /// What a preview shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    example: Option<Value>,
}

/// The words of one language, by channel. A channel without its own gets those of another.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = TemplateWords)]
pub(crate) struct WordsForm {
    /// A text message.
    #[serde(skip_serializing_if = "Option::is_none")]
    sms: Option<String>,
    /// A WhatsApp message.
    #[serde(skip_serializing_if = "Option::is_none")]
    whatsapp: Option<WhatsappForm>,
    /// A mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<EmailForm>,
    /// A notification.
    #[serde(skip_serializing_if = "Option::is_none")]
    push: Option<PushForm>,
    /// What is spoken in a call.
    #[serde(skip_serializing_if = "Option::is_none")]
    voice: Option<String>,
}

/// A WhatsApp message.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = TemplateWhatsapp)]
pub(crate) struct WhatsappForm {
    /// The text, within the 24 hours in which anything may be written.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// The provider's template, outside of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    approved: Option<ApprovedForm>,
}

/// A template that the provider approved.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ApprovedTemplate)]
pub(crate) struct ApprovedForm {
    /// Its id there.
    #[schema(min_length = 1, max_length = 100, example = "HX00000000000000000000000000000000")]
    id: String,
    /// What is filled in there, by its name there; places are written as in any text.
    #[serde(default)]
    variables: BTreeMap<String, String>,
}

/// A mail.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TemplateEmail)]
pub(crate) struct EmailForm {
    /// One line.
    subject: String,
    /// Plain.
    text: String,
    /// HTML; what is filled in is escaped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    html: Option<String>,
}

/// A notification.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TemplatePush)]
pub(crate) struct PushForm {
    /// One line.
    title: String,
    /// What follows.
    body: String,
}

/// All of a template that counts as its words.
#[derive(Deserialize)]
struct Content {
    category: Category,
    default_language: String,
    #[serde(default)]
    variables: BTreeMap<String, VariableForm>,
    languages: BTreeMap<String, WordsForm>,
}

impl Content {
    /// What was stored was checked before.
    fn read(content: Value) -> Result<Self, StoreError> {
        serde_json::from_value(content).map_err(|source| StoreError::Unreadable { what: "template", source })
    }
}

/// What is stored of a template's words.
pub(super) fn content_of(form: &TemplateForm) -> Value {
    json!({
        "category": form.category,
        "default_language": form.default_language,
        "variables": form.variables,
        "languages": form.languages,
    })
}

/// Whether a template has words in this language.
pub(super) fn has_language(template: &Template, language: &str) -> bool {
    let languages = template.content["languages"].as_object();
    languages.is_some_and(|languages| languages.keys().any(|own| own.eq_ignore_ascii_case(language)))
}

impl Named for TemplateForm {
    const NAME: &'static str = "Template";
}

impl TemplateForm {
    pub(super) fn of(template: &Template) -> Result<Self, Problem> {
        let Content { category, default_language, variables, languages } =
            Content::read(template.content.clone())?;
        let (name, status) = (template.name.clone(), template.status);
        Ok(Self { name, status, category, default_language, variables, languages })
    }

    /// The template with this version number.
    pub(super) fn into_template(self, number: i64) -> Template {
        Template {
            category: Some(self.category.as_str().to_owned()),
            content: content_of(&self),
            name: self.name,
            status: self.status,
            number,
        }
    }
}

impl Check for TemplateForm {
    fn check(&self, faults: &mut Faults) {
        let first =
            self.name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.-".contains(&byte);
        if !first || self.name.len() > 64 || !self.name.bytes().all(allowed) {
            let detail = "a name has 1 to 64 lower-case letters, digits, underscores, dots and hyphens";
            faults.add_at("name", FaultCode::InvalidValue, detail);
        }
        faults.language_if("default_language", Some(&self.default_language));
        if self.languages.len() > LANGUAGES_MAX {
            let detail = format!("there can be at most {LANGUAGES_MAX} languages");
            faults.add_at("languages", FaultCode::OutOfRange, detail);
        }
        faults.field("languages", |faults| {
            for language in self.languages.keys().filter(|language| !is_language(language)) {
                faults.add_at(
                    language,
                    FaultCode::InvalidValue,
                    "it must be a language, such as en or fr-CA",
                );
            }
        });
        match serde_json::from_value::<messaging::template::Template>(content_of(self)) {
            Ok(template) => {
                for fault in template.check().err().unwrap_or_default() {
                    faults.add_pointed(&fault.pointer, FaultCode::InvalidValue, fault.reason);
                }
            }
            Err(cause) => faults.add(FaultCode::WrongShape, cause.to_string()),
        }
    }
}

/// Which templates to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TemplateParams {
    /// With words in this language.
    #[param(example = "fr")]
    pub(super) language: Option<String>,
    /// For this.
    #[param(schema_with = schema::template_category)]
    pub(super) category: Option<Category>,
    /// In this state.
    #[param(schema_with = schema::word::<TemplateStatus>)]
    pub(super) status: Option<TemplateStatus>,
}

/// A template, with the number of its words.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TemplateView {
    /// What it is called in requests.
    name: String,
    /// Whether it may be used.
    #[schema(schema_with = schema::word::<TemplateStatus>)]
    status: TemplateStatus,
    /// The number of its present words, from 1.
    #[schema(minimum = 1)]
    version: i64,
    /// What it is for.
    #[schema(schema_with = schema::template_category)]
    category: Option<String>,
    /// The language that is used where there is no better one.
    default_language: String,
    /// What is filled in, by name.
    variables: BTreeMap<String, VariableForm>,
    /// The words, by language.
    languages: BTreeMap<String, WordsForm>,
}

impl Named for TemplateView {
    const NAME: &'static str = "Template";
}

impl TemplateView {
    pub(super) fn of(template: Template) -> Self {
        let Template { name, category, status, content, number } = template;
        let (default_language, variables, languages) = words_of(content);
        Self { name, status, version: number, category, default_language, variables, languages }
    }
}

/// Words that a template had.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VersionView {
    /// Their number, from 1.
    #[schema(minimum = 1)]
    version: i64,
    /// The language that is used where there is no better one.
    default_language: String,
    /// What is filled in, by name.
    variables: BTreeMap<String, VariableForm>,
    /// The words, by language.
    languages: BTreeMap<String, WordsForm>,
}

impl Named for VersionView {
    const NAME: &'static str = "TemplateVersion";
}

impl VersionView {
    pub(super) fn of(version: TemplateVersion) -> Self {
        let (default_language, variables, languages) = words_of(version.content);
        Self { version: version.number, default_language, variables, languages }
    }
}

/// The parts of what is stored; what cannot be read was not written here, and shows nothing.
fn words_of(content: Value) -> (String, BTreeMap<String, VariableForm>, BTreeMap<String, WordsForm>) {
    Content::read(content)
        .map(|content| (content.default_language, content.variables, content.languages))
        .unwrap_or_default()
}
