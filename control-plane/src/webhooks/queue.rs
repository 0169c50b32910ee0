//! Callers in queues: what they hear meanwhile, what follows when they leave, and what is known of them for those who take
//! their calls. Reports may come twice or out of order: who has left does not come back.

use super::{
    CARRIER, HookError, Webhook, answer, call_of,
    incoming::who_answers,
    route::{self, SoFar, voice},
};
use crate::{
    clock::now_us,
    twiml::{Twiml, Verb},
    who_answers::{Part, WhoAnswers},
};
use axum::response::Response;
use routing::{
    outcome::{After, of_queue},
    render::{self, Asked, Place},
};
use serde_json::json;
use store::{
    Call, CallStatus, Event, Filter, Record, StoreError,
    ids::{CallId, QueueEntryId, QueueId, UserId},
    model::{
        audit::Actor,
        queue::{Queue, QueueEntry, QueueEntryStatus},
    },
};

/// Two reports about one caller at once are already unusual.
const ATTEMPTS: usize = 8;
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
    let left = advance(&*webhook.store, &call.id, to, None).await?;
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
        advance(&*webhook.store, &call.id, QueueEntryStatus::Offered, user).await?;
    }
    Ok(Twiml::new(&[]))
}

/// A caller waits from now on.
pub(super) async fn enter(store: &Part, call: &Call, queue: &QueueId) -> Result<(), StoreError> {
    let entry = QueueEntry {
        queue: queue.clone(),
        call: call.id.clone(),
        status: QueueEntryStatus::Waiting,
        left_at: None,
        taken_by: None,
    };
    change(store, &call.id, |known| match known {
        // The carrier asked again: the caller waits there already.
        Some(known) if known.queue == *queue && known.status == QueueEntryStatus::Waiting => None,
        Some(_) | None => Some(entry.clone()),
    })
    .await
    .map(drop)
}

/// The call is over: whoever still waited has left.
pub(super) async fn hung_up(store: &Part, call: &CallId) -> Result<(), StoreError> {
    advance(store, call, QueueEntryStatus::Left, None).await.map(drop)
}

/// Moves a caller on, if that is a step forward, and gives the entry as it is then.
async fn advance(
    store: &Part,
    call: &CallId,
    to: QueueEntryStatus,
    taken_by: Option<UserId>,
) -> Result<Option<QueueEntry>, StoreError> {
    change(store, call, |known| {
        let known = known?;
        let is_forward = match known.status {
            QueueEntryStatus::Waiting => to != QueueEntryStatus::Waiting,
            QueueEntryStatus::Offered => {
                matches!(to, QueueEntryStatus::Connected | QueueEntryStatus::Left)
            }
            QueueEntryStatus::Connected | QueueEntryStatus::Left => false,
        };
        is_forward.then(|| QueueEntry {
            status: to,
            left_at: known.left_at.or_else(|| Some(now_us())),
            taken_by: taken_by.clone().or_else(|| known.taken_by.clone()),
            ..known.clone()
        })
    })
    .await
}

/// Changes a call's entry, which nobody else changes in between, and gives it as it is then.
async fn change(
    store: &Part,
    call: &CallId,
    decide: impl Fn(Option<&QueueEntry>) -> Option<QueueEntry>,
) -> Result<Option<QueueEntry>, StoreError> {
    for _ in 0..ATTEMPTS {
        let known = store.find::<QueueEntry>(call.as_str()).await?;
        let Some(new) = decide(known.as_ref().map(|row| &row.value)) else {
            return Ok(known.map(|row| row.value));
        };
        let mut tx = store.begin(&Actor::system(CARRIER), now_us()).await?;
        let written = match known {
            Some(row) => match tx.update(&row.id, row.version, new).await {
                Ok(row) => Some(row.value),
                Err(StoreError::Stale { .. }) => continue,
                Err(cause) => return Err(cause),
            },
            None => tx.insert_new(QueueEntryId::generate(), new).await?.map(|row| row.value),
        };
        if let Some(entry) = written {
            tx.commit().await?;
            return Ok(Some(entry));
        }
    }
    Err(StoreError::Unavailable {
        doing: "moving a caller in a queue",
        source: "it was moved by others all the time".into(),
    })
}
