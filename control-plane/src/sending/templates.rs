//! Messages that are made from templates: which state of one, in which language, with which values.
//!
//! A template is read by its name when a message is accepted, so a change counts at once; what a batch began with it ends with.

use super::compose::{ComposeError, Wish, text_on};
use crate::who_answers::Part;
use messaging::{
    Channel,
    plan::Plan,
    template::{Content, RenderError, Template, VariableError},
};
use outbox::Text;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use store::{
    StoreError, Stored,
    ids::TemplateId,
    model::{
        contact::Contact,
        outgoing::Recipient,
        template::{Template as Row, TemplateStatus, TemplateVersion},
        tenant::{Tenant, TenantSettings},
    },
};

/// What a request says about the template that a message is made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct FromTemplate {
    /// What it is called.
    pub(crate) name: String,
    /// Which state of it; `None`: its present one.
    pub(crate) pinned: Option<(TemplateId, i64)>,
    /// In which language, BCP 47, where the recipient says none.
    pub(crate) language: Option<String>,
    /// What all recipients have in common.
    pub(crate) variables: Map<String, Value>,
}

/// A state of a template.
pub(crate) struct Wording {
    pub(crate) id: TemplateId,
    pub(crate) number: i64,
    pub(crate) template: Template,
}

/// A variable that is wrong.
#[derive(Debug)]
pub(crate) struct WrongVariable {
    pub(crate) error: VariableError,
    /// Whether the recipient's own value is.
    pub(crate) of_recipient: bool,
}

/// The present state of the template with this name, if it may be used.
pub(crate) async fn by_name(part: &Part, name: &str) -> Result<Wording, ComposeError> {
    let row = part.find::<Row>(name).await?.filter(|row| row.value.status == TemplateStatus::Active);
    let Stored { id, value, .. } = row.ok_or(ComposeError::NoTemplate)?;
    Ok(Wording { id, number: value.number, template: read(value.content)? })
}

/// A template as it is stored.
pub(crate) fn read(content: Value) -> Result<Template, StoreError> {
    serde_json::from_value(content).map_err(|source| StoreError::Unreadable { what: "template", source })
}

async fn of(part: &Part, from: &FromTemplate) -> Result<Wording, ComposeError> {
    let Some((id, number)) = &from.pinned else { return by_name(part, &from.name).await };
    let found = part.find::<TemplateVersion>(&TemplateVersion::lookup(id, *number)).await?;
    let found = found.ok_or(ComposeError::NoTemplate)?;
    Ok(Wording { id: id.clone(), number: *number, template: read(found.value.content)? })
}

/// The values for one recipient: the tenant's, what all have in common, and their own, each over those before.
pub(crate) fn values(
    template: &Template,
    from: &FromTemplate,
    recipient: &Recipient,
    settings: &TenantSettings,
) -> Map<String, Value> {
    let known = settings.template_variables.iter().filter(|(name, _)| template.variables.contains_key(*name));
    let mut values: Map<String, Value> =
        known.map(|(name, value)| (name.clone(), value.clone().into())).collect();
    values.extend(from.variables.clone());
    values.extend(recipient.variables.clone());
    values
}

/// Which of the values are wrong, and whose they are.
pub(crate) fn wrong(errors: Vec<VariableError>, recipient: &Recipient) -> Vec<WrongVariable> {
    let of_recipient = |error: &VariableError| recipient.variables.contains_key(error.name());
    errors.into_iter().map(|error| WrongVariable { of_recipient: of_recipient(&error), error }).collect()
}

/// How the tenant wants to be served.
pub(crate) async fn settings(part: &Part) -> Result<TenantSettings, StoreError> {
    Ok(part.get::<Tenant>(part.id()).await?.map(|row| row.value.settings).unwrap_or_default())
}

/// The texts for one recipient, and what they are made from.
pub(super) async fn texts(
    part: &Part,
    (wish, from): (&Wish, &FromTemplate),
    recipient: &Recipient,
    contact: Option<&Stored<Contact>>,
    plan: &Plan,
) -> Result<(BTreeMap<Channel, Text>, (TemplateId, i64)), ComposeError> {
    let Wording { id, number, template } = of(part, from).await?;
    let settings = settings(part).await?;
    let values = values(&template, from, recipient, &settings);
    template.check_values(&values).map_err(|errors| ComposeError::Variables(wrong(errors, recipient)))?;
    let of_contact = contact.and_then(|contact| contact.value.language.as_deref());
    let language = recipient.language.as_deref().or(from.language.as_deref()).or(of_contact);
    let language = language.or(settings.language.as_deref()).unwrap_or(&template.default_language);
    let mut texts = BTreeMap::new();
    for channel in plan.channels() {
        texts.insert(channel, text(&template, channel, language, &values, wish)?);
    }
    Ok((texts, (id, number)))
}

/// What is said on one channel. One for which the template has no words of its own gets those of another.
pub(crate) fn text(
    template: &Template,
    channel: Channel,
    language: &str,
    values: &Map<String, Value>,
    wish: &Wish,
) -> Result<Text, ComposeError> {
    let media = || wish.media.clone();
    let plain = || {
        let (text, language) = plain(template, channel, language, values)?;
        let language = Some(language).filter(|_| channel == Channel::Voice);
        Ok(Text { language, ..text_on(channel, &Wish { text, ..wish.clone() }) })
    };
    let rendered = match template.render(channel, language, values) {
        Ok(rendered) => rendered,
        Err(RenderError::NoText(_)) => return plain(),
        Err(cause) => return Err(cause.into()),
    };
    Ok(match rendered.content {
        Content::Sms { text } => Text { text, media: media(), ..Text::default() },
        Content::Voice { text } => Text { text, language: Some(rendered.language), ..Text::default() },
        Content::Push { title, body } => Text { subject: Some(title), text: body, ..Text::default() },
        Content::Email { subject, text, html } => {
            Text { subject: Some(subject), text, html, media: media(), ..Text::default() }
        }
        Content::Whatsapp { text, approved } => {
            let approved = approved.map(|approved| {
                let variables = serde_json::to_string(&approved.variables).unwrap_or_default();
                (approved.id, variables)
            });
            let text = match text {
                Some(text) => Text { text, media: media(), ..Text::default() },
                // Within the window the same may be said in other words; without any, only the approved ones are there.
                None => plain().or_else(|cause| match cause {
                    ComposeError::Words(RenderError::NoText(_)) => Ok(Text::default()),
                    cause => Err(cause),
                })?,
            };
            Text { template: approved, ..text }
        }
    })
}

/// The words of whichever channel has some that are only text, and their language.
fn plain(
    template: &Template,
    channel: Channel,
    language: &str,
    values: &Map<String, Value>,
) -> Result<(String, String), ComposeError> {
    for other in [Channel::Sms, Channel::Whatsapp, Channel::Push, Channel::Voice, Channel::Email] {
        let rendered = match template.render(other, language, values) {
            Ok(rendered) => rendered,
            Err(RenderError::NoText(_)) => continue,
            Err(cause) => return Err(cause.into()),
        };
        match rendered.content {
            Content::Whatsapp { text: None, .. } => {}
            Content::Whatsapp { text: Some(text), .. }
            | Content::Push { body: text, .. }
            | Content::Sms { text }
            | Content::Voice { text }
            | Content::Email { text, .. } => return Ok((text, rendered.language)),
        }
    }
    Err(RenderError::NoText(channel).into())
}
