//! Callers in queues: what they hear meanwhile, what follows when they leave, and what is known of them for those who take
//! their calls. A caller leaves a queue because a softphone dials it, or because somebody takes them out of it (`/v1/queues/{id}/next`).

use super::{
    HookError, Webhook, answer, call_of,
    incoming::who_answers,
    route::{self, SoFar, voice},
};
use crate::{
    clock::now_us,
    twiml::{Dial, Noun, Twiml, Verb},
    waiting::{advance, change, give_back, offered as offered_to},
    who_answers::{Part, WhoAnswers},
};
use axum::response::Response;
use routing::{
    outcome::{After, Failed, of_dial, of_queue},
    render::{self, Asked, Place, identity},
};
use serde_json::json;
use store::{
    CallStatus, Event, Filter, Record, StoreError,
    ids::{QueueId, UserId},
    model::queue::{Queue, QueueEntry, QueueEntryStatus},
};

/// Where the carrier asks what to do with a caller whom somebody took, below our own address.
pub(crate) const TAKEN: &str = "/hooks/twilio/queue-taken";
/// Where it tells what came of that.
pub(crate) const ANSWERED: &str = "/hooks/twilio/queue-answered";
/// The usual wait is the mean of so many callers who were put through last.
const USUAL_OF: u16 = 10;

/// What is heard while a caller waits.
pub(crate) async fn wait(webhook: Webhook) -> Response {
    answer("queue_wait", &webhook, heard(&webhook)).await
}

async fn heard(webhook: &Webhook) -> Result<Twiml, HookError> {
    let number = webhook.required("To")?;
    let who = WhoAnswers::of_number(&webhook.tenant, number);
    let queue = webhook.query("queue").unwrap_or_default();
    let found = who.as_ref().and_then(|who| Some((who, who.book().queues.get(&QueueId::known(queue))?)));
    // A queue that was taken away lets its callers go on to what comes next.
    let Some((who, settings)) = found else { return Ok(Twiml::new(&[Verb::Leave])) };
    let seconds = |name: &str| webhook.param(name).and_then(|text| text.parse().ok());
    let place = Place {
        position: seconds("QueuePosition").unwrap_or(1),
        waited_s: seconds("QueueTime").unwrap_or(0),
        usual_wait_s: usual_wait_s(&*webhook.store, queue).await?,
    };
    let announced_s = webhook.query("announced").and_then(|text| text.parse().ok());
    let asked = Asked { urls: &webhook.shared.urls, queue };
    Ok(render::waiting(settings, place, announced_s, voice(webhook, who), asked).into())
}

async fn usual_wait_s(store: &Part, queue: &str) -> Result<Option<u32>, StoreError> {
    let served = Filter::first(USUAL_OF).of(queue).with_status(QueueEntryStatus::Connected.as_str());
    let waits: Vec<i64> = store
        .list::<QueueEntry>(&served)
        .await?
        .into_iter()
        .filter_map(|row| Some((row.value.left_at? - row.created_at).max(0) / 1_000_000))
        .collect();
    let number = i64::try_from(waits.len()).unwrap_or(i64::MAX);
    Ok((number > 0).then(|| u32::try_from(waits.iter().sum::<i64>() / number).unwrap_or(u32::MAX)))
}

/// A key was pressed in a queue.
pub(crate) async fn key(webhook: Webhook) -> Response {
    let queue = webhook.query("queue").unwrap_or_default();
    let announced = webhook.query("announced").unwrap_or_default();
    let asked = Asked { urls: &webhook.shared.urls, queue };
    let twiml = render::key_pressed(webhook.param("Digits").unwrap_or_default(), announced, asked);
    answer("queue_key", &webhook, async { Ok(twiml.into()) }).await
}

/// A caller has left a queue.
pub(crate) async fn ended(webhook: Webhook) -> Response {
    answer("queue_ended", &webhook, what_follows(&webhook)).await
}

async fn what_follows(webhook: &Webhook) -> Result<Twiml, HookError> {
    let result = webhook.required("QueueResult")?;
    let call = call_of(webhook, CallStatus::InProgress).await?;
    let bridged = matches!(result, "bridged" | "bridging-in-process" | "redirected-from-bridged");
    let to = if bridged { QueueEntryStatus::Connected } else { QueueEntryStatus::Left };
    // Whom somebody took out of the queue is on the way to them.
    let is_taken = result == "redirected";
    let left = if is_taken { None } else { advance(&*webhook.store, &call.id, to).await? };
    let data = json!({ "result": result, "waited_s": webhook.param("QueueTime") });
    let event = Event { at: now_us(), kind: "queue_ended".to_owned(), data: data.to_string() };
    webhook.shared.log.note(&webhook.tenant.id, Record::Event { call: call.id.clone(), event });
    let Some(who) = who_answers(webhook, &call) else {
        return Ok(webhook.say(&webhook.tenant.texts.not_put_through));
    };
    let settings = left.as_ref().and_then(|entry| who.book().queues.get(&entry.queue));
    match of_queue(result, waited_too_long(webhook, settings)) {
        After::Nothing => Ok(Twiml::new(&[Verb::Hangup])),
        After::Next(why) => route::lead(webhook, &call, &who, SoFar::with(webhook, why)).await,
    }
}

fn waited_too_long(webhook: &Webhook, queue: Option<&Queue>) -> bool {
    let waited_s: Option<u32> = webhook.param("QueueTime").and_then(|text| text.parse().ok());
    waited_s.zip(queue).is_some_and(|(waited_s, queue)| waited_s >= queue.max_wait_s)
}

/// A caller is about to be put through to whoever took the call; asked for what the caller hears before.
pub(crate) async fn offered(webhook: Webhook) -> Response {
    answer("queue_offered", &webhook, offer(&webhook)).await
}

async fn offer(webhook: &Webhook) -> Result<Twiml, HookError> {
    let sid = webhook.required("CallSid")?;
    let user = webhook.query("user").and_then(|user| UserId::parse(user).ok());
    if let Some(call) = webhook.store.call_by_carrier_sid(sid).await? {
        let leg = webhook.param("DequeingCallSid");
        offered_to(&*webhook.store, &call.id, user.as_ref(), leg).await?;
    }
    Ok(Twiml::new(&[]))
}

/// A caller was taken out of the queue: whoever took them is rung.
pub(crate) async fn taken(webhook: Webhook) -> Response {
    answer("queue_taken", &webhook, ring(&webhook)).await
}

async fn ring(webhook: &Webhook) -> Result<Twiml, HookError> {
    let call = call_of(webhook, CallStatus::InProgress).await?;
    let asked = |known: Option<&QueueEntry>| {
        let known =
            known.filter(|known| known.status == QueueEntryStatus::Offered && known.awaits_carrier)?;
        Some(QueueEntry { awaits_carrier: false, ..known.clone() })
    };
    let entry = change(&*webhook.store, &call.id, asked).await?;
    let user =
        entry.filter(|entry| entry.status == QueueEntryStatus::Offered).and_then(|entry| entry.taken_by);
    let Some(user) = user else { return Ok(webhook.say(&webhook.tenant.texts.not_put_through)) };
    let urls = &webhook.shared.urls;
    let status = webhook.tenant.record.then(|| urls.of("/api/voice/recording-status"));
    Ok(Twiml::new(&[Verb::Dial(Dial {
        to: Noun::Client { identity: &identity(user.as_str()), parameters: &[("call", call.id.as_str())] },
        caller_id: Some(route::own_number(&call)),
        timeout_s: Some(webhook.shared.limits.dial_timeout_s),
        action: Some(&urls.of(ANSWERED)),
        answer_on_bridge: true,
        record: status.as_deref(),
    })]))
}

/// Whoever took a caller has answered, or not: then the caller waits again.
pub(crate) async fn answered(webhook: Webhook) -> Response {
    answer("queue_answered", &webhook, after_ringing(&webhook)).await
}

async fn after_ringing(webhook: &Webhook) -> Result<Twiml, HookError> {
    let status = webhook.required("DialCallStatus")?;
    let call = call_of(webhook, CallStatus::InProgress).await?;
    let data = json!({
        "status": status,
        "duration_s": webhook.param("DialCallDuration"),
        "carrier_call_id": webhook.param("DialCallSid"),
    });
    let event = Event { at: now_us(), kind: "queue_answered".to_owned(), data: data.to_string() };
    webhook.store.append(&[Record::Event { call: call.id.clone(), event }]).await?;
    if of_dial(status, webhook.param("DialBridged")) == After::Nothing {
        advance(&*webhook.store, &call.id, QueueEntryStatus::Connected).await?;
        return Ok(Twiml::new(&[Verb::Hangup]));
    }
    let entry = give_back(&*webhook.store, &call.id).await?;
    match (who_answers(webhook, &call), entry) {
        (Some(who), Some(entry)) => {
            route::lead(webhook, &call, &who, SoFar::again(Failed::read_list(&entry.failed))).await
        }
        (None, _) | (_, None) => Ok(webhook.say(&webhook.tenant.texts.not_put_through)),
    }
}
