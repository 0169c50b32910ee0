//! How a tenant wants to be served, as the API shows and takes it.

use super::{body::Check, crud::Reference, phone, retention_form::RetentionForm, schema};
use crate::problem::{FaultCode, Faults};
use messaging::{
    Channel, MessageType,
    plan::{EmailBackup, Plan, Step},
    template::told::{check_condition, check_text},
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};
use store::{
    Table,
    ids::{AssistantId, HoursId, TeamId},
    model::tenant::{
        MessagingSettings, QuietHours, RecordingSettings, ShopMessage, TenantSettings, TransferTarget,
        WebhookMode,
    },
};
use utoipa::ToSchema;

/// Values that templates know, at most.
const VARIABLES_MAX: usize = 50;

/// How a tenant wants to be served. What is not there has the default.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = TenantSettings)]
pub(crate) struct SettingsForm {
    /// IANA name of its time zone.
    #[schema(max_length = 64, example = "Europe/Berlin")]
    time_zone: String,
    /// Who answers where a number does not say; `null`: the oldest.
    #[schema(schema_with = schema::optional_id::<AssistantId>)]
    default_assistant: Option<AssistantId>,
    /// When it is open where a number does not say; `null`: always.
    #[schema(schema_with = schema::optional_id::<HoursId>)]
    default_hours: Option<HoursId>,
    /// The carrier's voice for what is said without an assistant.
    #[schema(max_length = 100, example = "Polly.Amy")]
    voice: Option<String>,
    /// Said before voicemail after hours.
    #[schema(max_length = 1000)]
    after_hours_greeting: Option<String>,
    /// Whether and how calls are recorded.
    recording: RecordingForm,
    /// What is done with webhooks whose signature is not good.
    #[schema(schema_with = schema::word::<WebhookMode>)]
    webhook_mode: WebhookMode,
    /// When nobody is called; `null`: no such time.
    quiet_hours: Option<QuietForm>,
    /// To whom the assistant may hand a call.
    #[schema(max_items = 100)]
    transfer_targets: Vec<TargetForm>,
    /// In which language people are written to of whom none is known.
    #[schema(max_length = 35, example = "fr-CA")]
    language: Option<String>,
    /// What templates of messages know without being told, by name; at most 50.
    #[schema(example = json!({ "store_address": "1 Example Street", "store_phone": "+15550100" }))]
    template_variables: BTreeMap<String, String>,
    /// What is written to customers when something happens in a shop.
    #[schema(max_items = 100)]
    shop_messages: Vec<ShopMessageForm>,
    /// How what people write is understood and answered.
    messaging: MessagingForm,
    /// How long what was said and written is kept.
    retention: RetentionForm,
}

/// How what people write is understood and answered.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = MessagingSettings)]
pub(crate) struct MessagingForm {
    /// Whether a language model is asked what each message means: how the writer feels, what they want, how soon.
    understand: bool,
    /// Whether the assistant answers what it understands.
    auto_reply: bool,
    /// How sure it must be of what was meant to answer, in percent.
    #[schema(minimum = 0, maximum = 100)]
    threshold: u8,
    /// Answers of the assistant in one conversation on one day (UTC), at most.
    #[schema(minimum = 0, maximum = 1000)]
    answers_per_day: u32,
    /// Answers of the assistant in one conversation within ten minutes, at most. Then a person is called: it may be a program that answers a
    /// program.
    #[schema(minimum = 0, maximum = 100)]
    answers_in_a_row: u32,
    /// A conversation goes back to the assistant when the operator who has it did nothing for so long, in minutes.
    #[schema(minimum = 1, maximum = 10_080)]
    idle_minutes: u32,
    /// The team whose a conversation becomes that needs a person; `null`: it is everybody's.
    #[schema(schema_with = schema::optional_id::<TeamId>)]
    default_team: Option<TeamId>,
    /// Said when an operator takes over and is introduced; `{name}` is the operator's.
    #[schema(min_length = 1, max_length = 1000)]
    intro: String,
}

/// Whether and how calls are recorded.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = RecordingSettings)]
pub(crate) struct RecordingForm {
    /// Whether calls are recorded.
    enabled: bool,
    /// Said before anything else, where the law asks for it.
    #[schema(max_length = 1000)]
    disclosure: Option<String>,
    /// Recordings are deleted after so many days; `null`: never.
    #[schema(minimum = 1, maximum = 36_500)]
    retention_days: Option<u32>,
    /// Nothing is deleted while this is set, whatever the retention says.
    legal_hold: bool,
    /// Whether the carrier's copy of a recording is deleted once it is stored here; `null`: in an account that the platform
    /// made for the tenant, and never in the tenant's own.
    delete_at_carrier: Option<bool>,
}

/// A span of the day, by the clock of the number that is called: in a country of several time zones in all of them, and where no hour
/// suits all or the number says no country, in the tenant's. May go past midnight.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = QuietHours)]
pub(crate) struct QuietForm {
    /// When it begins.
    #[schema(schema_with = schema::clock_time)]
    from: String,
    /// When it ends.
    #[schema(schema_with = schema::clock_time)]
    to: String,
}

/// Somebody to whom a call may be handed.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TransferTarget)]
pub(crate) struct TargetForm {
    /// As the assistant knows it.
    #[schema(min_length = 1, max_length = 100, example = "sales")]
    name: String,
    /// The number.
    #[serde(deserialize_with = "phone::number")]
    #[schema(schema_with = schema::phone)]
    number: String,
}

/// A message to the customer when something happens in a shop. Conditions and texts name what the webhook's body has, such as
/// `{{ customer.first_name }}`; a text that names what is not there makes no message.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ShopMessage)]
pub(crate) struct ShopMessageForm {
    /// What happens, as the shop calls it.
    #[schema(min_length = 3, max_length = 100, pattern = "^[a-z_]+(/[a-z_]+)+$", example = "orders/create")]
    topic: String,
    /// When this holds; without it always.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 1000, example = "financial_status == 'paid'")]
    when: Option<String>,
    /// What it is about, which says by what channels it goes.
    #[serde(rename = "type", default = "transactional")]
    #[schema(schema_with = schema::message_type, required = false)]
    kind: MessageType,
    /// By which channels, one after the other until one succeeds; without them as the type says.
    #[serde(default)]
    #[schema(schema_with = schema::some_channels, required = false)]
    channels: Vec<Channel>,
    /// What is said.
    #[schema(min_length = 1, max_length = 10000, example = "Thank you for your order {{ name }}.")]
    text: String,
    /// An email's subject, and a notification's title.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 200)]
    subject: Option<String>,
}

const fn transactional() -> MessageType {
    MessageType::Transactional
}

impl ShopMessageForm {
    fn check(&self, faults: &mut Faults) {
        let is_word = |part: &str| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        };
        if self.topic.len() > 100 || !self.topic.contains('/') || !self.topic.split('/').all(is_word) {
            faults.add_at("topic", FaultCode::InvalidValue, "it must be a topic such as orders/create");
        }
        faults.text_if("when", self.when.as_deref(), 1, 1_000);
        if let Some(Err(why)) = self.when.as_deref().map(check_condition) {
            faults.add_at("when", FaultCode::InvalidValue, format!("it is no condition: {why}"));
        }
        faults.text("text", &self.text, 1, 10_000);
        faults.text_if("subject", self.subject.as_deref(), 1, 200);
        for (name, text) in [("text", Some(&self.text)), ("subject", self.subject.as_ref())] {
            if let Some(Err(why)) = text.map(|text| check_text(text)) {
                faults.add_at(name, FaultCode::InvalidValue, format!("it is no template: {why}"));
            }
        }
        let steps = self.channels.iter().map(|channel| Step::of(&[*channel])).collect::<Vec<_>>();
        if !steps.is_empty()
            && let Err(cause) = Plan::explicit(steps, EmailBackup::Off)
        {
            faults.add_at("channels", FaultCode::InvalidValue, cause.to_string());
        }
    }

    fn of(rule: ShopMessage) -> Self {
        Self {
            topic: rule.topic,
            when: rule.when,
            kind: rule.kind.parse().unwrap_or(transactional()),
            channels: rule.channels.iter().filter_map(|channel| channel.parse().ok()).collect(),
            text: rule.text,
            subject: rule.subject,
        }
    }

    fn into_rule(self) -> ShopMessage {
        ShopMessage {
            topic: self.topic,
            when: self.when,
            kind: self.kind.as_str().to_owned(),
            channels: self.channels.iter().map(|channel| channel.as_str().to_owned()).collect(),
            text: self.text,
            subject: self.subject,
        }
    }
}

impl Default for SettingsForm {
    fn default() -> Self {
        TenantSettings::default().into()
    }
}

impl Default for RecordingForm {
    fn default() -> Self {
        RecordingSettings::default().into()
    }
}

impl Default for MessagingForm {
    fn default() -> Self {
        MessagingSettings::default().into()
    }
}

impl SettingsForm {
    /// What it names, `at` a place in the body.
    pub(crate) fn references(&self, at: &str) -> Vec<Reference> {
        let assistant = self.default_assistant.as_ref();
        let hours = self.default_hours.as_ref();
        let team = self.messaging.default_team.as_ref();
        assistant
            .map(|id| Reference::new(format!("{at}/default_assistant"), Table::Assistants, id))
            .into_iter()
            .chain(hours.map(|id| Reference::new(format!("{at}/default_hours"), Table::BusinessHours, id)))
            .chain(team.map(|id| Reference::new(format!("{at}/messaging/default_team"), Table::Teams, id)))
            .collect()
    }
}

impl Check for SettingsForm {
    fn check(&self, faults: &mut Faults) {
        faults.time_zone("time_zone", &self.time_zone);
        faults.text_if("voice", self.voice.as_deref(), 1, 100);
        faults.text_if("after_hours_greeting", self.after_hours_greeting.as_deref(), 1, 1_000);
        faults.field("recording", |faults| {
            faults.text_if("disclosure", self.recording.disclosure.as_deref(), 1, 1_000);
            if let Some(days) = self.recording.retention_days {
                faults.number("retention_days", days, 1, 36_500);
            }
        });
        faults.field("messaging", |faults| {
            faults.number("threshold", self.messaging.threshold, 0, 100);
            faults.number("answers_per_day", self.messaging.answers_per_day, 0, 1_000);
            faults.number("answers_in_a_row", self.messaging.answers_in_a_row, 0, 100);
            faults.number("idle_minutes", self.messaging.idle_minutes, 1, 10_080);
            faults.text("intro", &self.messaging.intro, 1, 1_000);
        });
        faults.field("retention", |faults| self.retention.check(faults));
        if let Some(quiet) = &self.quiet_hours {
            faults.field("quiet_hours", |faults| {
                faults.clock_time("from", &quiet.from, false);
                faults.clock_time("to", &quiet.to, false);
            });
        }
        faults.at_most("transfer_targets", &self.transfer_targets, 100);
        let mut names = HashSet::new();
        faults.each("transfer_targets", &self.transfer_targets, |faults, target| {
            faults.text("name", &target.name, 1, 100);
            faults.e164("number", &target.number);
            if !names.insert(target.name.to_lowercase()) {
                faults.add_at("name", FaultCode::Duplicate, "this name is in the list already");
            }
        });
        faults.language_if("language", self.language.as_deref());
        if self.template_variables.len() > VARIABLES_MAX {
            let detail = format!("there can be at most {VARIABLES_MAX}");
            faults.add_at("template_variables", FaultCode::OutOfRange, detail);
        }
        faults.field("template_variables", |faults| {
            for (name, value) in &self.template_variables {
                faults.text(name, value, 0, 1_000);
            }
        });
        faults.at_most("shop_messages", &self.shop_messages, 100);
        faults.each("shop_messages", &self.shop_messages, |faults, rule| rule.check(faults));
    }
}

impl From<TenantSettings> for SettingsForm {
    fn from(settings: TenantSettings) -> Self {
        let target = |target: TransferTarget| TargetForm { name: target.name, number: target.number };
        Self {
            time_zone: settings.time_zone,
            default_assistant: settings.default_assistant,
            default_hours: settings.default_hours,
            voice: settings.voice,
            after_hours_greeting: settings.after_hours_greeting,
            recording: settings.recording.into(),
            webhook_mode: settings.webhook_mode,
            quiet_hours: settings.quiet_hours.map(|quiet| QuietForm { from: quiet.from, to: quiet.to }),
            transfer_targets: settings.transfer_targets.into_iter().map(target).collect(),
            language: settings.language,
            template_variables: settings.template_variables,
            shop_messages: settings.shop_messages.into_iter().map(ShopMessageForm::of).collect(),
            messaging: settings.messaging.into(),
            retention: settings.retention.into(),
        }
    }
}

impl From<SettingsForm> for TenantSettings {
    fn from(form: SettingsForm) -> Self {
        let target = |target: TargetForm| TransferTarget { name: target.name, number: target.number };
        Self {
            time_zone: form.time_zone,
            default_assistant: form.default_assistant,
            default_hours: form.default_hours,
            voice: form.voice,
            after_hours_greeting: form.after_hours_greeting,
            recording: form.recording.into(),
            webhook_mode: form.webhook_mode,
            quiet_hours: form.quiet_hours.map(|quiet| QuietHours { from: quiet.from, to: quiet.to }),
            transfer_targets: form.transfer_targets.into_iter().map(target).collect(),
            language: form.language,
            template_variables: form.template_variables,
            shop_messages: form.shop_messages.into_iter().map(ShopMessageForm::into_rule).collect(),
            messaging: form.messaging.into(),
            retention: form.retention.into(),
        }
    }
}

impl From<RecordingSettings> for RecordingForm {
    fn from(settings: RecordingSettings) -> Self {
        Self {
            enabled: settings.enabled,
            disclosure: settings.disclosure,
            retention_days: settings.retention_days,
            legal_hold: settings.legal_hold,
            delete_at_carrier: settings.delete_at_carrier,
        }
    }
}

impl From<RecordingForm> for RecordingSettings {
    fn from(form: RecordingForm) -> Self {
        Self {
            enabled: form.enabled,
            disclosure: form.disclosure,
            retention_days: form.retention_days,
            legal_hold: form.legal_hold,
            delete_at_carrier: form.delete_at_carrier,
        }
    }
}

impl From<MessagingSettings> for MessagingForm {
    fn from(settings: MessagingSettings) -> Self {
        Self {
            understand: settings.understand,
            auto_reply: settings.auto_reply,
            threshold: settings.threshold,
            answers_per_day: settings.answers_per_day,
            answers_in_a_row: settings.answers_in_a_row,
            idle_minutes: settings.idle_minutes,
            default_team: settings.default_team,
            intro: settings.intro,
        }
    }
}

impl From<MessagingForm> for MessagingSettings {
    fn from(form: MessagingForm) -> Self {
        Self {
            understand: form.understand,
            auto_reply: form.auto_reply,
            threshold: form.threshold,
            answers_per_day: form.answers_per_day,
            answers_in_a_row: form.answers_in_a_row,
            idle_minutes: form.idle_minutes,
            default_team: form.default_team,
            intro: form.intro,
        }
    }
}
