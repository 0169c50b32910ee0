//! The call of a message: the carrier asks what is heard, and tells who answered and how the call went. What that means for the message
//! is decided in `sending::voice::script`; the message's own state decides what follows.

use super::{HookError, Webhook, answer, call_of, reported, status};
use crate::{
    sending::voice::{
        SPOKEN,
        phrases::Phrases,
        script::{self, Step, Turn},
    },
    status::parse_carrier_status,
    twiml::{Twiml, Verb},
};
use axum::response::Response;
use messaging::{Channel, Failure, Status, dispatch::Report};
use outbox::{Outgoing, Text, Tidings};
use store::{
    CallFacts, CallStatus, Stored, TenantId,
    ids::AttemptId,
    model::{
        message::{Channel as StoredChannel, Message},
        outgoing::Attempt,
    },
};
use tracing::warn;
use twilio_rest::{CallSid, CallUpdate, Method};

/// How long a key is waited for after the message, in s.
const KEY_WITHIN_S: u32 = 5;
/// How long machines are waited for after the last round, in s: their greeting lasts up to half a minute.
const MACHINE_WITHIN_S: u32 = 10;
/// What is spoken of a message at most, in characters: about a minute and a half.
const SPOKEN_MAX: usize = 1_500;

/// What is heard.
pub(crate) async fn spoken(webhook: Webhook) -> Response {
    answer("message_call", &webhook, speak(&webhook)).await
}

/// How the call goes.
pub(crate) async fn went(webhook: Webhook) -> Response {
    reported("message_call_status", keep_status(&webhook).await)
}

/// Who answered.
pub(crate) async fn answered_by(webhook: Webhook) -> Response {
    reported("message_call_answered_by", keep_answered_by(&webhook).await)
}

/// The try that our own address names, if it is one of a call.
async fn try_of(webhook: &Webhook) -> Result<Option<Stored<Attempt>>, HookError> {
    let Some(id) = webhook.query("attempt").and_then(|id| AttemptId::parse(id).ok()) else { return Ok(None) };
    let row = webhook.store.get::<Attempt>(&id).await?;
    Ok(row.filter(|row| row.value.channel == StoredChannel::Voice))
}

fn words(attempt: &Attempt) -> Vec<&str> {
    attempt.told.iter().map(|told| told.status.as_str()).collect()
}

/// What the message's call says.
async fn text_of(webhook: &Webhook, attempt: &Attempt) -> Result<Option<Text>, HookError> {
    let Some(message) = webhook.store.get::<Message>(&attempt.message).await? else { return Ok(None) };
    let outgoing = Outgoing::of(&message.value)?;
    Ok(outgoing.and_then(|mut outgoing| outgoing.texts.remove(&Channel::Voice)))
}

async fn speak(webhook: &Webhook) -> Result<Twiml, HookError> {
    let hang_up = || Twiml::new(&[Verb::Hangup]);
    let Some(attempt) = try_of(webhook).await? else { return Ok(hang_up()) };
    let Some(text) = text_of(webhook, &attempt.value).await? else { return Ok(hang_up()) };
    let call = call_of(webhook, CallStatus::InProgress).await?;
    let step = Step::parse(webhook.query("step"));
    // A webhook can be replayed: its signature has neither time nor nonce. A call that is over stays over.
    let Some(step) = step.filter(|_| !call.status.is_final()) else { return Ok(hang_up()) };
    let keys = webhook.param("Digits").filter(|keys| !keys.is_empty());
    let (turn, told) = script::next(step, keys, &words(&attempt.value));
    if let Some(word) = told {
        let status = if word == script::CONFIRMED { Status::Read } else { Status::Sent };
        tell(webhook, &attempt.id, word, (status, None)).await?;
    }
    Ok(said(webhook, turn, &attempt.id, &text))
}

/// A turn in the carrier's language.
fn said(webhook: &Webhook, turn: Turn, attempt: &AttemptId, text: &Text) -> Twiml {
    let settings = &webhook.tenant.tenant.settings;
    let phrases = Phrases::of(text.language.as_deref().or(settings.language.as_deref()));
    let voice = phrases.voice(settings.language.as_deref(), &webhook.tenant.texts.voice);
    let say = |text| Verb::Say { voice, text };
    let intro = phrases.intro(&webhook.tenant.tenant.name);
    let message: String = text.text.chars().take(SPOKEN_MAX).collect();
    let after =
        |step: Step| webhook.shared.urls.of(&format!("{SPOKEN}?attempt={attempt}&step={}", step.word()));
    match turn {
        Turn::Speak(round) => {
            let next = after(Step::Said(round));
            let mut prompts = Vec::new();
            if round == 1 {
                prompts.push(say(&intro));
            }
            prompts.extend([say(&message), Verb::Pause { length_s: 1 }, say(phrases.press)]);
            Twiml::new(&[
                Verb::Gather { action: &next, timeout_s: KEY_WITHIN_S, prompts },
                Verb::Redirect { url: &next },
            ])
        }
        Turn::Leave => Twiml::new(&[say(&intro), say(&message), Verb::Redirect { url: &after(Step::Left) }]),
        Turn::Wait => Twiml::new(&[
            Verb::Pause { length_s: MACHINE_WITHIN_S },
            Verb::Redirect { url: &after(Step::Waited) },
        ]),
        Turn::Thank => Twiml::new(&[say(phrases.thanks), Verb::Hangup]),
        Turn::Goodbye => Twiml::new(&[say(phrases.goodbye), Verb::Hangup]),
        Turn::HangUp => Twiml::new(&[Verb::Hangup]),
    }
}

async fn keep_status(webhook: &Webhook) -> Result<(), HookError> {
    status::keep(webhook).await?;
    let word = webhook.required("CallStatus")?;
    if parse_carrier_status(word).is_none() {
        return Ok(());
    }
    let Some(attempt) = try_of(webhook).await? else {
        warn!(tenant = %webhook.tenant.id, "the carrier tells of a message's call that is not ours");
        return Ok(());
    };
    let means = match script::is_end(word) {
        true => script::ended(word, &words(&attempt.value)),
        false => (Status::Sent, None),
    };
    tell(webhook, &attempt.id, word, means).await
}

async fn keep_answered_by(webhook: &Webhook) -> Result<(), HookError> {
    let who = webhook.required("AnsweredBy")?.to_owned();
    let call = call_of(webhook, CallStatus::InProgress).await?;
    let Some(attempt) = try_of(webhook).await? else { return Ok(()) };
    let word = script::answered_by(&who);
    let is_new = !words(&attempt.value).contains(&word);
    let facts = CallFacts { answered_by: Some(who), ..CallFacts::default() };
    webhook.store.learn(&call.id, &facts).await?;
    tell(webhook, &attempt.id, word, (Status::Sent, None)).await?;
    if word == script::MACHINE && is_new {
        leave(webhook, &attempt.id).await?;
    }
    Ok(())
}

/// Has the message said to the machine. If that fails the call goes on, and its end says that the message was not left.
async fn leave(webhook: &Webhook, attempt: &AttemptId) -> Result<(), HookError> {
    let Ok(sid) = webhook.required("CallSid")?.parse::<CallSid>() else { return Ok(()) };
    let account = webhook.tenant.twilio_account(webhook.account()).and_then(crate::carriers::credentials);
    let Some(account) = account else { return Ok(()) };
    let account = webhook.shared.messengers.twilio.account(account);
    let url = format!("{SPOKEN}?attempt={attempt}&step={}", Step::Machine.word());
    let update = CallUpdate {
        url: Some(webhook.shared.urls.of(&url)),
        method: Some(Method::Post),
        ..CallUpdate::default()
    };
    if let Err(cause) = account.update_call(&sid, &update).await {
        warn!(
            tenant = %webhook.tenant.id, error = &cause as &dyn std::error::Error,
            "a message may not have been left on a machine"
        );
    }
    Ok(())
}

async fn tell(
    webhook: &Webhook,
    attempt: &AttemptId,
    word: &str,
    (status, failure): (Status, Option<Failure>),
) -> Result<(), HookError> {
    let provider_id = webhook.param("CallSid").map(str::to_owned);
    let report = Report { status, failure, provider_id };
    let tidings = Tidings { report, word: word.to_owned(), error: None };
    let tenant = TenantId::known(webhook.store.id().as_str());
    if !webhook.shared.outbox.told(&tenant, attempt, &tidings).await? {
        warn!(tenant = %tenant, "a call was about a message that is gone");
    }
    Ok(())
}
