//! The former systems' bodies.

use super::numbers;
use crate::{
    api::{body::Check, phone, schema},
    problem::{FaultCode, Faults},
    sending::{
        compose::{Wish, recipient},
        templates::FromTemplate,
    },
};
use jiff::Timestamp;
use messaging::{
    Channel, MessageType,
    plan::{EmailBackup, Step},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use store::{ids::ContactId, model::outgoing::Recipient};
use utoipa::ToSchema;

/// Numbers of a bulk request.
const RECIPIENTS_MAX: usize = 10_000;

/// One address or several.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Media {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

impl Media {
    fn all(self) -> Vec<String> {
        match self {
            Self::One(one) => vec![one],
            Self::Several(several) => several,
        }
    }
}

/// A text message.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FormerSmsRequest)]
pub(crate) struct SmsForm {
    /// To whom: with the country, or as it is dialled in the country of the own numbers.
    #[serde(deserialize_with = "phone::number")]
    #[schema(pattern = r"^ *\+?[0-9 ()./-]{7,40}$", example = "+15550100")]
    to: String,
    /// What is said.
    #[schema(min_length = 1, max_length = 10000)]
    body: String,
    /// From which number.
    #[serde(default, deserialize_with = "phone::optional")]
    #[schema(schema_with = schema::optional_phone, required = false)]
    from: Option<String>,
    /// Addresses of pictures.
    #[serde(default, rename = "mediaUrl")]
    #[schema(required = false)]
    media_url: Option<Media>,
    /// For which company, by its id or its slug.
    #[serde(default, rename = "companyId", alias = "organizationId", alias = "orgId", alias = "company")]
    #[schema(min_length = 1, max_length = 64, required = false)]
    company_id: Option<String>,
}

/// One text to many numbers.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FormerBulkRequest)]
pub(crate) struct BulkForm {
    /// To whom.
    #[serde(alias = "recipients")]
    #[schema(min_items = 1, max_items = 10000)]
    to: Vec<String>,
    /// What is said.
    #[schema(min_length = 1, max_length = 10000)]
    body: String,
    /// From which number.
    #[serde(default, deserialize_with = "phone::optional")]
    #[schema(schema_with = schema::optional_phone, required = false)]
    from: Option<String>,
    /// Addresses of pictures.
    #[serde(default, rename = "mediaUrl")]
    #[schema(required = false)]
    media_url: Option<Media>,
    /// For which company, by its id or its slug.
    #[serde(default, rename = "companyId", alias = "organizationId", alias = "orgId", alias = "company")]
    #[schema(min_length = 1, max_length = 64, required = false)]
    company_id: Option<String>,
}

/// A text message, its own or a template's.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schema(as = FormerSendRequest)]
pub(crate) struct SendForm {
    /// To whom: with the country, or as it is dialled in the country of the own numbers.
    #[serde(deserialize_with = "phone::number")]
    #[schema(pattern = r"^ *\+?[0-9 ()./-]{7,40}$", example = "+15550100")]
    phone_number: String,
    /// What is said. Either this or `templateId`.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 10000, required = false)]
    message: Option<String>,
    /// The template's name.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 64, required = false)]
    template_id: Option<String>,
    /// What is filled in.
    #[serde(default)]
    variables: BTreeMap<String, Value>,
    /// In which language.
    #[serde(default)]
    #[schema(max_length = 35, required = false)]
    language: Option<String>,
    /// Which contact that is.
    #[serde(default)]
    #[schema(schema_with = schema::optional_id::<ContactId>, required = false)]
    lead_id: Option<ContactId>,
    /// How urgent it is: `low`, `normal`, `high` or `urgent`; before others of its number go those that are high.
    #[serde(default)]
    #[schema(required = false)]
    priority: Option<Priority>,
    /// Not before this time.
    #[serde(default, alias = "sendAt", alias = "scheduledFor")]
    #[schema(format = DateTime, required = false)]
    scheduled_at: Option<String>,
    /// For which company, by its id or its slug.
    #[serde(default, alias = "organizationId", alias = "orgId", alias = "company")]
    #[schema(min_length = 1, max_length = 64, required = false)]
    company_id: Option<String>,
}

/// How urgent a message is.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Priority {
    /// Not at all.
    Low,
    /// As usual.
    Normal,
    /// Soon.
    High,
    /// At once.
    Urgent,
}

/// A text message at a time.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(as = FormerScheduleRequest)]
pub(crate) struct ScheduleForm(SendForm);

/// A text, its own or a template's, to many.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schema(as = FormerBulkSendRequest)]
pub(crate) struct BulkSendForm {
    /// To whom.
    #[schema(min_items = 1, max_items = 10000)]
    recipients: Vec<ToOne>,
    /// What is said. Either this or `templateId`.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 10000, required = false)]
    message: Option<String>,
    /// The template's name.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 64, required = false)]
    template_id: Option<String>,
    /// What is filled in for all.
    #[serde(default)]
    common_variables: BTreeMap<String, Value>,
    /// In which language.
    #[serde(default)]
    #[schema(max_length = 35, required = false)]
    language: Option<String>,
    /// For which company, by its id or its slug.
    #[serde(default, alias = "organizationId", alias = "orgId", alias = "company")]
    #[schema(min_length = 1, max_length = 64, required = false)]
    company_id: Option<String>,
}

/// One of many.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schema(as = FormerRecipient)]
pub(crate) struct ToOne {
    /// To whom: with the country, or as it is dialled in the country of the own numbers.
    #[serde(deserialize_with = "phone::number")]
    #[schema(pattern = r"^ *\+?[0-9 ()./-]{7,40}$", example = "+15550100")]
    phone_number: String,
    /// What is filled in for them alone.
    #[serde(default)]
    variables: BTreeMap<String, Value>,
    /// Which contact that is.
    #[serde(default)]
    #[schema(schema_with = schema::optional_id::<ContactId>, required = false)]
    lead_id: Option<ContactId>,
}

/// A wish for text messages alone: that is what was asked for.
fn by_sms(kind: MessageType, text: String, template: Option<FromTemplate>) -> Wish {
    Wish {
        kind,
        chain: Some(vec![Step { channels: vec![Channel::Sms], escalate_after_s: None }]),
        voice: false,
        email_backup: Some(EmailBackup::Off),
        text,
        subject: None,
        html: None,
        template,
        media: Vec::new(),
        from: None,
        send_at: None,
        useful_until: None,
    }
}

fn check_media(faults: &mut Faults, media: Option<&Media>) {
    let all = media.cloned().map(Media::all).unwrap_or_default();
    faults.at_most("mediaUrl", &all, 10);
    for address in &all {
        faults.web_address("mediaUrl", address);
    }
}

fn check_words(
    faults: &mut Faults,
    message: Option<&String>,
    template: Option<&String>,
    language: Option<&str>,
) {
    faults.language_if("language", language);
    match (message, template) {
        (Some(message), None) => faults.text("message", message, 1, 10_000),
        (None, Some(template)) => faults.text("templateId", template, 1, 64),
        _ => faults.add_at("message", FaultCode::InvalidValue, "give either a message or a templateId"),
    }
}

fn time(text: &str) -> Option<i64> {
    Some(text.parse::<Timestamp>().ok()?.as_microsecond())
}

fn of_template(
    name: Option<String>,
    language: Option<String>,
    variables: BTreeMap<String, Value>,
) -> Option<FromTemplate> {
    let variables = variables.into_iter().collect();
    name.map(|name| FromTemplate { name, pinned: None, language, variables })
}

impl Check for SmsForm {
    fn check(&self, faults: &mut Faults) {
        numbers::check(faults, "to", &self.to);
        faults.text("body", &self.body, 1, 10_000);
        if let Some(from) = &self.from {
            faults.e164("from", from);
        }
        check_media(faults, self.media_url.as_ref());
        faults.text_if("companyId", self.company_id.as_deref(), 1, 64);
    }
}

impl SmsForm {
    pub(super) fn wish(self) -> (Wish, Recipient) {
        let media = self.media_url.map(Media::all).unwrap_or_default();
        let wish = by_sms(MessageType::Instant, self.body, None);
        (Wish { media, from: self.from, ..wish }, recipient(None, Some(self.to), None, None))
    }
}

impl Check for BulkForm {
    fn check(&self, faults: &mut Faults) {
        faults.at_most("to", &self.to, RECIPIENTS_MAX);
        if self.to.is_empty() {
            faults.add_at("to", FaultCode::InvalidValue, "name at least one number");
        }
        faults.field("to", |faults| {
            for (index, to) in self.to.iter().enumerate() {
                numbers::check(faults, &index.to_string(), &phone::tidied(to.clone()));
            }
        });
        faults.text("body", &self.body, 1, 10_000);
        if let Some(from) = &self.from {
            faults.e164("from", from);
        }
        check_media(faults, self.media_url.as_ref());
        faults.text_if("companyId", self.company_id.as_deref(), 1, 64);
    }
}

impl BulkForm {
    pub(super) fn wish(self) -> (Wish, Vec<Recipient>) {
        let media = self.media_url.map(Media::all).unwrap_or_default();
        let wish = by_sms(MessageType::Informational, self.body, None);
        let to = self.to.into_iter().map(|to| recipient(None, Some(phone::tidied(to)), None, None));
        (Wish { media, from: self.from, ..wish }, to.collect())
    }
}

impl Check for SendForm {
    fn check(&self, faults: &mut Faults) {
        numbers::check(faults, "phoneNumber", &self.phone_number);
        let language = self.language.as_deref();
        check_words(faults, self.message.as_ref(), self.template_id.as_ref(), language);
        if self.scheduled_at.as_deref().is_some_and(|text| time(text).is_none()) {
            let detail = "it must be an RFC 3339 time, such as 2026-11-21T04:00:00Z";
            faults.add_at("scheduledAt", FaultCode::InvalidValue, detail);
        }
        faults.text_if("companyId", self.company_id.as_deref(), 1, 64);
    }
}

impl SendForm {
    pub(super) fn wish(self) -> (Wish, Recipient) {
        let kind = match self.priority {
            Some(Priority::High | Priority::Urgent) => MessageType::Instant,
            Some(Priority::Low | Priority::Normal) | None => MessageType::Informational,
        };
        let template = of_template(self.template_id, self.language, self.variables);
        let send_at = self.scheduled_at.as_deref().and_then(time);
        let wish = by_sms(kind, self.message.unwrap_or_default(), template);
        (Wish { send_at, ..wish }, recipient(self.lead_id, Some(self.phone_number), None, None))
    }
}

impl Check for ScheduleForm {
    fn check(&self, faults: &mut Faults) {
        self.0.check(faults);
        if self.0.scheduled_at.is_none() {
            faults.add_at("scheduledAt", FaultCode::InvalidValue, "say when it is to be sent");
        }
    }
}

impl ScheduleForm {
    pub(super) fn wish(self) -> (Wish, Recipient) {
        self.0.wish()
    }
}

impl Check for BulkSendForm {
    fn check(&self, faults: &mut Faults) {
        faults.at_most("recipients", &self.recipients, RECIPIENTS_MAX);
        if self.recipients.is_empty() {
            faults.add_at("recipients", FaultCode::InvalidValue, "name at least one recipient");
        }
        faults.each("recipients", &self.recipients, |faults, to| {
            numbers::check(faults, "phoneNumber", &to.phone_number);
        });
        let language = self.language.as_deref();
        check_words(faults, self.message.as_ref(), self.template_id.as_ref(), language);
        faults.text_if("companyId", self.company_id.as_deref(), 1, 64);
    }
}

impl BulkSendForm {
    pub(super) fn wish(self) -> (Wish, Vec<Recipient>) {
        let template = of_template(self.template_id, self.language, self.common_variables);
        let wish = by_sms(MessageType::Informational, self.message.unwrap_or_default(), template);
        let to = self.recipients.into_iter().map(|to| Recipient {
            variables: to.variables,
            ..recipient(to.lead_id, Some(to.phone_number), None, None)
        });
        (wish, to.collect())
    }
}
