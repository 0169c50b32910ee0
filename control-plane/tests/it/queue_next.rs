//! People take callers out of a queue: one after the other, each by one person only.

use crate::{
    seed::{QUEUE, Seed, USER, stored},
    support::*,
};
use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::post,
};
use bytes::Bytes;
use control_plane::settings::ControlPlaneSettings;
use engine::provider::AbortOnDrop;
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};
use store::{
    Filter, TenantId,
    ids::QueueId,
    model::{
        number::Destination,
        queue::{Queue, QueueEntry, QueueEntryStatus},
    },
};
use tokio::net::TcpListener;
use twilio_rest::{RetryOptions, TwilioOptions};
use url::form_urlencoded;

const NEXT: &str = "/v1/queues/que_01h00000000000000000000001/next";
const CALLERS: &str = "/v1/queues/que_01h00000000000000000000001/callers";

/// A carrier that is told to change calls, and answers with this status.
#[derive(Clone)]
struct Carrier {
    url: String,
    told: Arc<Mutex<Vec<(String, String)>>>,
    answers: Arc<AtomicU16>,
    _server: Arc<AbortOnDrop>,
}

impl Carrier {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (told, answers) = (Arc::default(), Arc::new(AtomicU16::new(200)));
        let state = (Arc::clone(&told), Arc::clone(&answers));
        let router = Router::new()
            .route("/2010-04-01/Accounts/{account}/Calls/{call}", post(change))
            .with_state(state);
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, told, answers, _server: Arc::new(AbortOnDrop(server)) }
    }

    /// Waits until it was told about `count` calls or more: `(call, url)`.
    async fn when(&self, count: usize) -> Vec<(String, String)> {
        let told = async || Some(self.told.lock().unwrap().clone()).filter(|told| told.len() >= count);
        until(told, &format!("a carrier that was told {count} times")).await
    }

    fn settings(&self, settings: &mut ControlPlaneSettings) {
        settings.twilio = TwilioOptions {
            retry: RetryOptions { first: Duration::from_millis(5), ..RetryOptions::default() },
            ..TwilioOptions::at(self.url.parse().unwrap())
        };
        settings.limits.work.poll = Duration::from_millis(10);
        settings.limits.work.lease = Duration::from_millis(500);
        settings.limits.work.retry_first = Duration::from_millis(20);
    }
}

type Told = Arc<Mutex<Vec<(String, String)>>>;

async fn change(
    State((told, answers)): State<(Told, Arc<AtomicU16>)>,
    Path((_, call)): Path<(String, String)>,
    body: Bytes,
) -> (StatusCode, Json<Value>) {
    let sid = call.trim_end_matches(".json").to_owned();
    let url = form_urlencoded::parse(&body).find(|(name, _)| name == "Url").map(|(_, url)| url.into_owned());
    told.lock().unwrap().push((sid.clone(), url.unwrap_or_default()));
    let status = StatusCode::from_u16(answers.load(Ordering::Relaxed)).unwrap();
    let body = match status.as_u16() {
        200 => json!({ "sid": sid, "status": "in-progress" }),
        400 => {
            json!({ "code": 21220, "message": "Call is not in-progress. Cannot redirect.", "status": 400 })
        }
        other => json!({ "code": 20500, "message": "trouble", "status": other }),
    };
    (status, Json(body))
}

fn sid(number: usize) -> String {
    format!("CA{number:032}")
}

/// Callers `0..count` wait in a queue, the first the longest.
async fn waiting(carrier: &Carrier, count: usize) -> Harness {
    let mut seed = Seed::to(vec![Destination::Queue { queue: QueueId::known(QUEUE) }]);
    seed.queue = Queue { max_waiting: 100, ..seed.queue };
    let harness = seed.start_with(|settings| carrier.settings(settings)).await;
    for number in 0..count {
        let answer = harness.incoming(&sid(number)).await;
        assert!(answer.text().contains("<Enqueue "), "{}", answer.text());
    }
    harness
}

async fn next(harness: &Harness) -> Answer {
    harness.post_json(NEXT, &json!({ "user": USER })).await
}

/// Whose calls are in line, the longest waiting first.
async fn line(harness: &Harness) -> Vec<Value> {
    let callers = harness.get(CALLERS).await.json();
    callers["data"].as_array().unwrap().iter().map(|caller| caller["call"].clone()).collect()
}

async fn entries(harness: Harness) -> Vec<QueueEntry> {
    let (store, _folder) = stored(harness).await;
    let part = store.tenant(&TenantId::known("ten_1"));
    let rows = part.list::<QueueEntry>(&Filter::first(100).oldest_first()).await.unwrap();
    rows.into_iter().map(|row| row.value).collect()
}

#[tokio::test]
async fn whoever_waited_longest_is_put_through_to_the_softphone_of_who_took_them() {
    let carrier = Carrier::start().await;
    let harness = waiting(&carrier, 2).await;
    let before = line(&harness).await;
    let taken = next(&harness).await;
    assert_eq!(taken.status, StatusCode::ACCEPTED, "{}", taken.text());
    let taken = taken.json();
    assert_eq!((&taken["call"], &taken["user"], &taken["from"]), (&before[0], &json!(USER), &json!(CALLER)));
    assert_eq!(line(&harness).await, before[1..]);
    let told = carrier.when(1).await;
    assert_eq!(told[0], (sid(0), format!("{BASE}/hooks/twilio/queue-taken")));

    // The carrier says that the queue is left, and asks what to do.
    let mut left = call_fields(&told[0].0, "in-progress");
    left.extend([("QueueResult", "redirected"), ("QueueTime", "9")]);
    harness.hook("/hooks/twilio/queue-ended", &left).await;
    let ring = harness.hook("/hooks/twilio/queue-taken", &call_fields(&told[0].0, "in-progress")).await;
    assert!(ring.text().contains(&format!("<Client><Identity>{USER}</Identity>")), "{}", ring.text());
    assert!(ring.text().contains("/hooks/twilio/queue-answered"), "{}", ring.text());
    let mut over = call_fields(&told[0].0, "in-progress");
    over.extend([("DialCallStatus", "completed"), ("DialBridged", "true")]);
    let over = harness.hook("/hooks/twilio/queue-answered", &over).await;
    assert!(over.text().contains("<Response><Hangup/></Response>"), "{}", over.text());
    let entries = entries(harness).await;
    let states: Vec<_> = entries.iter().map(|entry| entry.status).collect();
    assert_eq!(states, [QueueEntryStatus::Connected, QueueEntryStatus::Waiting]);
    assert_eq!(entries[0].taken_by.as_ref().map(|user| user.as_str()), Some(USER));
}

#[tokio::test]
async fn people_who_take_callers_in_the_same_moment_never_get_the_same_one() {
    let carrier = Carrier::start().await;
    let harness = waiting(&carrier, 8).await;
    let answers = join_all((0..12).map(|_| next(&harness))).await;
    let (mut taken, mut empty) = (HashSet::new(), 0);
    for answer in &answers {
        match answer.status.as_u16() {
            202 => assert!(taken.insert(answer.json()["call"].clone().to_string()), "{}", answer.text()),
            _ => {
                assert_eq!(answer.problem(409), "queue_empty");
                empty += 1;
            }
        }
    }
    assert_eq!((taken.len(), empty), (8, 4));
    let told = carrier.when(8).await;
    let calls: HashSet<_> = told.iter().map(|(call, _)| call.clone()).collect();
    assert_eq!(calls, (0..8).map(sid).collect());
}

#[tokio::test]
async fn a_caller_whom_nobody_answers_waits_again_where_they_stood() {
    let carrier = Carrier::start().await;
    let harness = waiting(&carrier, 2).await;
    let before = line(&harness).await;
    next(&harness).await;
    carrier.when(1).await;
    harness.hook("/hooks/twilio/queue-taken", &call_fields(&sid(0), "in-progress")).await;
    let caller = sid(0);
    let mut fields = call_fields(&caller, "in-progress");
    fields.push(("DialCallStatus", "no-answer"));
    let again = harness.hook("/hooks/twilio/queue-answered", &fields).await;
    assert!(again.text().contains(&format!(">{QUEUE}</Enqueue>")), "{}", again.text());
    assert_eq!(line(&harness).await, before);
    assert_eq!(next(&harness).await.json()["call"], before[0]);
}

#[tokio::test]
async fn a_caller_who_has_hung_up_is_gone() {
    let carrier = Carrier::start().await;
    carrier.answers.store(400, Ordering::Relaxed);
    let harness = waiting(&carrier, 1).await;
    let taken = next(&harness).await.json();
    carrier.when(1).await;
    assert_eq!(next(&harness).await.problem(409), "queue_empty");
    let has_left =
        |call: &Value| call["events"].as_array().unwrap().iter().any(|event| event["kind"] == "queue_ended");
    harness.call_when(&taken["call"].as_str().unwrap().into(), has_left).await;
    assert_eq!(entries(harness).await[0].status, QueueEntryStatus::Left);
}

#[tokio::test]
async fn a_process_that_is_killed_puts_through_whom_somebody_took_when_it_is_started_again() {
    let carrier = Carrier::start().await;
    carrier.answers.store(503, Ordering::Relaxed);
    let harness = waiting(&carrier, 1).await;
    assert_eq!(next(&harness).await.status, StatusCode::ACCEPTED);
    carrier.when(1).await;
    let Harness { plane, router, folder, .. } = harness;
    drop((plane, router));
    let told = carrier.when(1).await.len();
    carrier.answers.store(200, Ordering::Relaxed);
    let mut again = settings(&folder).await;
    carrier.settings(&mut again);
    let _again = control_plane::ControlPlane::open(again).await.unwrap().control_plane;
    let told = carrier.when(told + 1).await;
    assert_eq!(told.last().unwrap().0, sid(0));
}

#[tokio::test]
async fn a_softphone_that_takes_a_caller_is_a_leg_of_the_callers_call_and_no_other_call() {
    let carrier = Carrier::start().await;
    let harness = waiting(&carrier, 1).await;
    let (leg, from, to) = (sid(77), format!("client:{USER}"), format!("queue:{QUEUE}"));
    let of_leg = |more: &[(&'static str, &'static str)]| {
        let fields = [
            ("AccountSid", ACCOUNT),
            ("CallSid", leg.as_str()),
            ("From", from.as_str()),
            ("Direction", "inbound"),
        ];
        let all: Vec<_> = fields.into_iter().chain(more.iter().copied()).collect();
        all.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect::<Vec<_>>()
    };
    let hook = async |path: &str, fields: Vec<(String, String)>| {
        let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        harness.hook(path, &fields).await
    };
    let mut dialled = of_leg(&[("CallStatus", "ringing")]);
    dialled.push(("To".to_owned(), to));
    let dialled = hook("/api/voice/incoming", dialled).await;
    let text = dialled.text().replace("&amp;", "&");
    let recorded = format!("/api/voice/recording-status?queue={QUEUE}");
    assert!(text.contains(&format!("{BASE}{recorded}")), "{text}");
    let mut offered = call_fields("", "in-progress");
    let caller = sid(0);
    offered[1].1 = &caller;
    offered.push(("DequeingCallSid", leg.as_str()));
    harness.hook(&format!("/hooks/twilio/queue-offered?user={USER}"), &offered).await;
    let done = [
        ("RecordingSid", "RE00000000000000000000000000000077"),
        ("RecordingStatus", "completed"),
        ("RecordingDuration", "7"),
    ];
    assert_eq!(hook(&recorded, of_leg(&done)).await.status, StatusCode::OK);
    assert_eq!(
        hook("/api/voice/status", of_leg(&[("CallStatus", "completed")])).await.status,
        StatusCode::OK
    );
    let calls = harness.get("/v1/calls").await.json();
    let [call] = &calls["data"].as_array().unwrap()[..] else { panic!("one call: {calls}") };
    assert_ne!(call["status"], "completed", "the caller is still there");
    let recordings = harness.get("/v1/recordings").await.json();
    assert_eq!(recordings["data"][0]["call"], call["id"], "{recordings}");
}

#[tokio::test]
async fn who_takes_a_caller_must_be_somebody_who_takes_the_tenants_calls() {
    let carrier = Carrier::start().await;
    let harness = waiting(&carrier, 1).await;
    for body in [json!({}), json!({ "user": "usr_01h0000000000000000000000z" })] {
        let refused = harness.post_json(NEXT, &body).await;
        assert_eq!(refused.problem(422), "invalid_body", "{body}");
        assert_eq!(refused.json()["errors"][0]["pointer"], "/user");
    }
    let unknown = "/v1/queues/que_01h0000000000000000000000z/next";
    assert_eq!(harness.post_json(unknown, &json!({ "user": USER })).await.problem(404), "not_found");
    assert_eq!(line(&harness).await.len(), 1);
    assert!(carrier.told.lock().unwrap().is_empty());
}
