//! How a template looks: every channel's words with examples filled in, and a message to somebody of the team.

use crate::{
    api::{
        body::{Body, Check},
        messages::{self, estimate::SmsView, form::ToForm, view::AcceptedView},
        need::{MessagesSend, TemplatesRead},
        once::{Answer, Stop},
        op::Op,
        path::PathId,
        schema,
    },
    clock::now_us,
    problem::{Code, Fault, FaultCode, Faults, Place, Problem},
    sending::{
        compose::{ComposeError, Wish, compose},
        templates::{self, FromTemplate},
    },
    shared::Shared,
};
use axum::{Json, http::StatusCode, response::Response};
use messaging::{
    Channel, MessageType,
    plan::{EmailBackup, Step},
    template::Approved,
};
use outbox::{Text, accept};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, sync::Arc};
use store::{
    Stored, TenantId,
    ids::TemplateId,
    model::{
        identity::{Membership, User},
        message::Author,
        template::Template,
    },
};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default().routes(routes!(preview_template)).routes(routes!(test_template))
}

/// What is filled in for a preview; the examples stand for what is not given.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = TemplatePreviewRequest)]
pub(crate) struct PreviewForm {
    /// In which language; without it the template's own.
    #[schema(max_length = 35, example = "fr-CA")]
    language: Option<String>,
    /// What is filled in, by name.
    variables: BTreeMap<String, Value>,
}

impl Check for PreviewForm {
    fn check(&self, faults: &mut Faults) {
        faults.language_if("language", self.language.as_deref());
    }
}

/// A message to somebody of the team.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TemplateTest)]
pub(crate) struct TestForm {
    /// To whom: a member's email address, or a number to which calls are handed.
    #[schema(min_length = 3, max_length = 254, example = "ann@example.com")]
    to: String,
    /// How; without it by email to an email address, and as a text message to a number.
    #[serde(default)]
    #[schema(schema_with = schema::optional_channel, required = false)]
    channel: Option<Channel>,
    /// In which language; without it the template's own.
    #[serde(default)]
    #[schema(max_length = 35, example = "fr-CA")]
    language: Option<String>,
    /// What is filled in, by name; the examples stand for what is not given.
    #[serde(default)]
    variables: BTreeMap<String, Value>,
}

impl Check for TestForm {
    fn check(&self, faults: &mut Faults) {
        faults.text("to", &self.to, 3, 254);
        faults.language_if("language", self.language.as_deref());
    }
}

/// How a template looks.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TemplatePreview)]
pub(crate) struct Preview {
    /// The number of the words.
    #[schema(minimum = 1)]
    version: i64,
    /// What each channel would carry; those without words of their own are not there.
    channels: Vec<PreviewText>,
}

/// What a channel would carry.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TemplatePreviewText)]
pub(crate) struct PreviewText {
    /// Which.
    #[schema(schema_with = schema::channel)]
    channel: Channel,
    /// In which language.
    language: String,
    /// A mail's subject, a notification's title.
    subject: Option<String>,
    /// The text.
    text: String,
    /// A mail's HTML.
    html: Option<String>,
    /// The provider's template with what is filled in there, by its name there.
    approved: Option<ApprovedView>,
    /// How many parts a text message has.
    sms: Option<SmsView>,
}

/// The provider's template with what is filled in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ApprovedPreview)]
pub(crate) struct ApprovedView {
    /// Its id there.
    id: String,
    /// What is filled in, by its name there.
    variables: BTreeMap<String, String>,
}

/// Shows what every channel would carry. Nothing is sent.
#[utoipa::path(
    post, path = "/v1/templates/{id}/preview", tag = "Templates", security(("bearer" = ["templates:read"])),
    params(("id" = String, Path, description = "`tpl_…`")), request_body = PreviewForm,
    responses((status = 200, description = "How it looks", body = Preview)),
)]
async fn preview_template(
    op: Op<TemplatesRead>,
    PathId(id): PathId<TemplateId>,
    body: Body<PreviewForm>,
) -> Result<Json<Preview>, Problem> {
    let Stored { value, .. } =
        op.store.get::<Template>(&id).await?.ok_or_else(|| Problem::not_found("template"))?;
    let template = templates::read(value.content)?;
    let values = with_examples(&template, body.value.variables);
    template.check_values(&values).map_err(|errors| {
        let wrong = errors.into_iter().map(|error| Fault {
            place: Place::Pointer(format!(
                "/variables/{}",
                error.name().replace('~', "~0").replace('/', "~1")
            )),
            code: FaultCode::InvalidValue,
            detail: error.to_string(),
        });
        Problem::unacceptable(wrong.collect())
    })?;
    let language = body.value.language.unwrap_or_else(|| template.default_language.clone());
    let mut channels = Vec::new();
    for channel in Channel::ALL.iter().copied() {
        let rendered = match template.render(channel, &language, &values) {
            Ok(rendered) => rendered,
            Err(messaging::template::RenderError::NoText(_)) => continue,
            Err(cause) => {
                let place = Place::Pointer(String::new());
                let fault = Fault { place, code: FaultCode::InvalidValue, detail: cause.to_string() };
                return Err(Problem::unacceptable(vec![fault]));
            }
        };
        channels.push(shown(channel, rendered));
    }
    Ok(Json(Preview { version: value.number, channels }))
}

fn shown(channel: Channel, rendered: messaging::template::Rendered) -> PreviewText {
    use messaging::template::Content::{Email, Push, Sms, Voice, Whatsapp};
    let (subject, text, html, approved) = match rendered.content {
        Sms { text } | Voice { text } => (None, text, None, None),
        Whatsapp { text, approved } => (None, text.unwrap_or_default(), None, approved),
        Email { subject, text, html } => (Some(subject), text, html, None),
        Push { title, body } => (Some(title), body, None, None),
    };
    let sms = (channel == Channel::Sms).then(|| SmsView::of(&Text { text: text.clone(), ..Text::default() }));
    let approved = approved.map(|Approved { id, variables }| ApprovedView { id, variables });
    PreviewText { channel, language: rendered.language, subject, text, html, approved, sms }
}

/// The values that are given, and the examples of those that are not.
fn with_examples(
    template: &messaging::template::Template,
    given: BTreeMap<String, Value>,
) -> Map<String, Value> {
    let examples = template.variables.iter().filter_map(|(name, variable)| {
        let example = variable.example.clone().filter(|_| !given.contains_key(name))?;
        Some((name.clone(), example))
    });
    examples.chain(given.clone()).collect()
}

/// Sends a template to somebody of the team, as any message is sent.
#[utoipa::path(
    post, path = "/v1/templates/{id}/test", tag = "Templates", security(("bearer" = ["messages:send"])),
    params(("id" = String, Path, description = "`tpl_…`")), request_body = TestForm,
    responses((status = 202, description = "It is stored and will be sent", body = AcceptedView)),
)]
async fn test_template(
    op: Op<MessagesSend>,
    PathId(id): PathId<TemplateId>,
    body: Body<TestForm>,
) -> Result<Response, Stop> {
    let row = op.store.get::<Template>(&id).await?.ok_or_else(|| Problem::not_found("template"))?;
    let TestForm { to, channel, language, variables } = body.value;
    let to = address_of_the_team(&op, to.trim()).await?;
    let by_mail = to.contains('@');
    let channel = channel.unwrap_or(if by_mail { Channel::Email } else { Channel::Sms });
    let template = templates::read(row.value.content)?;
    let from = FromTemplate {
        name: row.value.name,
        pinned: Some((row.id.clone(), row.value.number)),
        language: language.or_else(|| Some(template.default_language.clone())),
        variables: with_examples(&template, variables),
    };
    let wish = Wish {
        kind: MessageType::Informational,
        chain: Some(vec![Step { channels: vec![channel], escalate_after_s: None }]),
        voice: false,
        email_backup: Some(EmailBackup::Off),
        text: String::new(),
        subject: None,
        html: None,
        template: Some(from),
        media: Vec::new(),
        from: None,
        send_at: None,
        useful_until: None,
    };
    let (phone, email) = if by_mail { (None, Some(to)) } else { (Some(to), None) };
    let recipient = ToForm::at(phone, email).recipient();
    let new = compose(&*op.store, &wish, &recipient, Author::Api).await.map_err(refused)?;
    let estimate = messages::estimate::of(&op.shared, &new, now_us()).await?;
    let mut work = op.begin_once(&body.once).await?;
    let accepted = accept(&mut *work.tx, new).await.map_err(messages::not_accepted)?;
    let details = json!({ "message": accepted.id, "channel": channel });
    work.tx.note("template.test", row.id.as_str(), &details).await?;
    let lane = accepted.lane;
    let answer = Answer::new(StatusCode::ACCEPTED, &AcceptedView::of(&accepted, estimate))?;
    let response = work.finish(answer).await?;
    op.shared.outbox.wake(lane);
    Ok(response)
}

/// Why a message cannot be made, with places in the body of a test.
fn refused(cause: ComposeError) -> Problem {
    match cause {
        ComposeError::NoAddress(_) => {
            let place = Place::Pointer("/channel".to_owned());
            Problem::unacceptable(vec![Fault {
                place,
                code: FaultCode::InvalidValue,
                detail: cause.to_string(),
            }])
        }
        ComposeError::Variables(wrong) => {
            let mut faults = Faults::default();
            faults.field("variables", |faults| {
                for wrong in wrong {
                    faults.add_at(wrong.error.name(), FaultCode::InvalidValue, wrong.error.to_string());
                }
            });
            Problem::unacceptable(faults.into_found())
        }
        ComposeError::Words(cause) => Problem::new(Code::Conflict, cause.to_string()),
        other => messages::refused(other),
    }
}

/// The address, if it is one of the tenant's own people: a trial is not a way to write to anybody.
async fn address_of_the_team(op: &Op<MessagesSend>, to: &str) -> Result<String, Problem> {
    if to.contains('@') {
        let email = to.to_lowercase();
        let platform = op.shared.store_of(&TenantId::platform());
        if let Some(user) = platform.find::<User>(&email).await?
            && op.store.find::<Membership>(user.id.as_str()).await?.is_some()
        {
            return Ok(email);
        }
    } else {
        let number = crate::api::phone::tidied(to.to_owned());
        let settings = templates::settings(&*op.store).await?;
        if settings.transfer_targets.iter().any(|target| target.number == number) {
            return Ok(number);
        }
    }
    let place = Place::Pointer("/to".to_owned());
    let detail =
        "a test goes to a member's email address or to a number to which calls are handed".to_owned();
    Err(Problem::unacceptable(vec![Fault { place, code: FaultCode::UnknownReference, detail }]))
}
