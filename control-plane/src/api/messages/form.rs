//! What a request to send says.

use crate::{
    api::{body::Check, item::Named, phone, schema},
    clock::now_us,
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
use utoipa::{IntoParams, ToSchema};

/// How far ahead a message can be planned, in days.
const AHEAD_DAYS: i64 = 366;
/// A day, in µs.
const DAY: i64 = 24 * 3_600 * 1_000_000;
/// Pictures of a message, as the carrier allows.
const MEDIA_MAX: usize = 10;
/// Steps of a chain: there are not more channels.
const STEPS_MAX: usize = 5;

/// Whether it is only tried out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SimulateParams {
    /// Nothing is sent: the answer says what would be done.
    pub(super) simulate: bool,
}

/// A message to one person.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewMessage)]
pub(crate) struct MessageForm {
    /// To whom.
    #[serde(default)]
    to: ToForm,
    /// What it is about, which says by what channels it goes: `instant` by WhatsApp, then SMS, then push; `informational` by WhatsApp,
    /// then email, then push; `transactional` by email and WhatsApp at once; `critical` by all at once, at any hour.
    #[serde(rename = "type", default = "informational")]
    #[schema(schema_with = schema::message_type, required = false)]
    kind: MessageType,
    /// By which channels, one step after the other until one succeeds; without it as the type says.
    #[serde(default)]
    #[schema(max_items = 5, required = false)]
    chain: Option<Vec<StepForm>>,
    /// Whether a call follows in which the message is spoken and confirmed with a key: where no other channel took the message; for a
    /// `critical` one where none has told within two minutes that it arrived.
    #[serde(default)]
    voice: bool,
    /// Whether an email goes along with a message that has none in its chain.
    #[serde(default)]
    #[schema(schema_with = schema::email_backup, required = false)]
    email_backup: Option<EmailBackup>,
    /// What is said. Either this or `template`.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 10000, required = false)]
    text: Option<String>,
    /// What it is made from.
    #[serde(default)]
    #[schema(required = false)]
    template: Option<TemplateUse>,
    /// An email's subject, and a notification's title.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 200)]
    subject: Option<String>,
    /// The email's HTML; without it the text is sent.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 100000)]
    html: Option<String>,
    /// Addresses of pictures and files.
    #[serde(default)]
    #[schema(max_items = 10)]
    media: Vec<String>,
    /// From which of the tenant's addresses, where the account has it.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 254, example = "+15550199")]
    from: Option<String>,
    /// Not before this time.
    #[serde(default)]
    #[schema(format = DateTime)]
    send_at: Option<String>,
    /// Of no use after this time: then it is not sent any more.
    #[serde(default)]
    #[schema(format = DateTime)]
    useful_until: Option<String>,
}

const fn informational() -> MessageType {
    MessageType::Informational
}

/// A template and what is filled in.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TemplateUse {
    /// What it is called.
    #[schema(min_length = 1, max_length = 64, example = "appointment_confirmation")]
    name: String,
    /// In which language, BCP 47, where the recipient says none; without it the contact's, then the tenant's, then the template's own.
    #[serde(default)]
    #[schema(max_length = 35, example = "fr-CA")]
    language: Option<String>,
    /// What is filled in, by name.
    #[serde(default)]
    variables: BTreeMap<String, Value>,
}

impl TemplateUse {
    pub(in crate::api) fn check(&self, faults: &mut Faults) {
        faults.text("name", &self.name, 1, 64);
        faults.language_if("language", self.language.as_deref());
    }
}

impl From<TemplateUse> for FromTemplate {
    fn from(template: TemplateUse) -> Self {
        let TemplateUse { name, language, variables } = template;
        Self { name, pinned: None, language, variables: variables.into_iter().collect() }
    }
}

/// A person: a contact, or addresses.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = Recipient)]
pub(crate) struct ToForm {
    /// A contact, whose addresses count where none is given.
    #[schema(schema_with = schema::optional_id::<ContactId>)]
    contact: Option<ContactId>,
    /// Their number.
    #[serde(deserialize_with = "phone::optional")]
    #[schema(schema_with = schema::optional_phone)]
    phone: Option<String>,
    /// Their email address.
    #[schema(min_length = 3, max_length = 254, example = "ann@example.com")]
    email: Option<String>,
    /// Their name at the push service.
    #[schema(min_length = 1, max_length = 128)]
    push: Option<String>,
    /// In which language they are written to, BCP 47.
    #[schema(max_length = 35, example = "fr-CA")]
    language: Option<String>,
    /// What of a template is filled in for them alone.
    variables: BTreeMap<String, Value>,
}

/// A step of a chain.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChainStep)]
pub(crate) struct StepForm {
    /// The channels, each of which gets the message.
    #[schema(schema_with = schema::channels)]
    channels: Vec<Channel>,
    /// How long to wait for a receipt before the next step begins too, in s; without it, it is enough that a provider took it.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 86400)]
    escalate_after_s: Option<u32>,
}

impl Named for MessageForm {
    const NAME: &'static str = "NewMessage";
}

impl ToForm {
    /// Somebody by their address.
    pub(in crate::api) fn at(phone: Option<String>, email: Option<String>) -> Self {
        Self { phone, email, ..Self::default() }
    }

    /// Who it is.
    pub(in crate::api) fn recipient(self) -> Recipient {
        let email = self.email.map(|email| email.trim().to_lowercase());
        let (language, variables) = (self.language, self.variables);
        Recipient { language, variables, ..recipient(self.contact, self.phone, email, self.push) }
    }

    /// Notes what will not do.
    pub(in crate::api) fn check(&self, faults: &mut Faults) {
        if let Some(phone) = &self.phone {
            faults.e164("phone", phone);
        }
        if let Some(email) = &self.email {
            faults.email("email", email);
        }
        faults.text_if("push", self.push.as_deref(), 1, 128);
        faults.language_if("language", self.language.as_deref());
        if self.contact.is_none() && self.phone.is_none() && self.email.is_none() && self.push.is_none() {
            faults.add(FaultCode::InvalidValue, "name a contact, or an address of theirs");
        }
    }
}

impl Check for MessageForm {
    fn check(&self, faults: &mut Faults) {
        faults.field("to", |faults| self.to.check(faults));
        self.check_content(faults);
    }
}

impl MessageForm {
    /// Notes what will not do of what is said.
    pub(in crate::api) fn check_content(&self, faults: &mut Faults) {
        match (&self.text, &self.template) {
            (Some(text), None) => faults.text("text", text, 1, 10_000),
            (None, None) => {
                faults.add_at("text", FaultCode::InvalidValue, "say something, or name a template")
            }
            (text, Some(template)) => {
                faults.field("template", |faults| template.check(faults));
                let own = [("text", text), ("subject", &self.subject), ("html", &self.html)];
                for (name, _) in own.iter().filter(|(_, text)| text.is_some()) {
                    faults.add_at(name, FaultCode::InvalidValue, "the template says it");
                }
            }
        }
        faults.text_if("subject", self.subject.as_deref(), 1, 200);
        if self.subject.as_deref().is_some_and(|subject| subject.contains(['\r', '\n'])) {
            faults.add_at("subject", FaultCode::InvalidValue, "a subject is one line");
        }
        faults.text_if("html", self.html.as_deref(), 1, 100_000);
        faults.text_if("from", self.from.as_deref(), 1, 254);
        faults.at_most("media", &self.media, MEDIA_MAX);
        faults.field("media", |faults| {
            for (index, address) in self.media.iter().enumerate() {
                faults.web_address(&index.to_string(), address);
            }
        });
        if let Some(chain) = &self.chain {
            faults.at_most("chain", chain, STEPS_MAX);
        }
        let latest = now_us().saturating_add(AHEAD_DAYS * DAY);
        for (name, text) in [("send_at", &self.send_at), ("useful_until", &self.useful_until)] {
            match text.as_deref().map(time) {
                Some(None) => {
                    let detail = "it must be an RFC 3339 time, such as 2026-11-21T04:00:00Z";
                    faults.add_at(name, FaultCode::InvalidValue, detail);
                }
                Some(Some(at)) if at > latest => {
                    let detail = format!("a message can be planned at most {AHEAD_DAYS} days ahead");
                    faults.add_at(name, FaultCode::OutOfRange, detail);
                }
                Some(Some(_)) | None => {}
            }
        }
        let [begins, ends] = [&self.send_at, &self.useful_until].map(|text| text.as_deref().and_then(time));
        if let (Some(begins), Some(ends)) = (begins, ends)
            && ends <= begins
        {
            faults.add_at("useful_until", FaultCode::OutOfRange, "it must be after send_at");
        }
    }
}

fn time(text: &str) -> Option<i64> {
    Some(text.parse::<Timestamp>().ok()?.as_microsecond())
}

impl MessageForm {
    /// What is to be sent, and to whom.
    pub(in crate::api) fn wish(self) -> (Wish, Recipient) {
        let recipient = self.to.recipient();
        let step = |step: StepForm| Step { channels: step.channels, escalate_after_s: step.escalate_after_s };
        let wish = Wish {
            kind: self.kind,
            chain: self.chain.map(|chain| chain.into_iter().map(step).collect()),
            voice: self.voice,
            email_backup: self.email_backup,
            text: self.text.unwrap_or_default(),
            template: self.template.map(FromTemplate::from),
            subject: self.subject,
            html: self.html,
            media: self.media,
            from: self.from,
            send_at: self.send_at.as_deref().and_then(time),
            useful_until: self.useful_until.as_deref().and_then(time),
        };
        (wish, recipient)
    }
}
