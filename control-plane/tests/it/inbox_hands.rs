//! Who has a conversation and when that changes: what must hold where several act at once, something fails, or much is there.

use crate::{
    inbox::{
        Scripted, WRITER, begun, data, now, ok, operator, patched, path_of, received, understood, writes,
    },
    messages_sent::Stage,
    support::*,
};
use engine::{
    llm::{LlmEvent, LlmProvider, LlmRequest, LlmStream, StopReason, Usage},
    provider::AbortOnDrop,
};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use store::{
    Filter, TenantId,
    ids::{ConversationId, MessageId, UserId},
    model::{
        audit::Actor,
        consent::{Consent, ConsentStatus, Proof},
        message::{Author, Channel, Control, Conversation, Message, MessageDirection},
        work::WorkKind,
    },
};

/// The objects of all work that waits for the inbox.
async fn work(harness: &Harness) -> Vec<String> {
    let store = open_store(&harness.folder).await;
    let mut all = Vec::new();
    for kind in [WorkKind::Reply, WorkKind::Conversation] {
        let claims = store.claim_work(kind, i64::MAX / 2, i64::MAX / 2 + 1, 100).await.unwrap();
        all.extend(claims.into_iter().map(|claim| claim.object));
    }
    all
}

fn id_of(value: &Value) -> &str {
    value["id"].as_str().unwrap()
}

#[tokio::test]
async fn two_conversations_that_become_one_keep_the_time_of_their_operator() {
    let harness = Harness::new().await;
    let (user, _) = operator(&harness, "olga@example.com").await;
    let first = writes(&harness, "+15550101", "SM1", "From my phone.").await;
    let second = writes(&harness, "+15550102", "SM2", "From my other phone.").await;
    ok(&harness, &format!("{}/takeover", path_of(&second)), json!({ "user": user })).await;
    let merge = format!("/v1/contacts/{}/merge", first["contact"].as_str().unwrap());
    ok(&harness, &merge, json!({ "other": second["contact"] })).await;
    let shown = harness.get(&path_of(&first)).await.json();
    assert_eq!((&shown["control"]["user"], &shown["epoch"]), (&json!(user), &json!(2)));
    assert!(work(&harness).await.contains(&id_of(&first).to_owned()), "it is looked at when she is idle");
}

#[tokio::test]
async fn what_the_assistant_was_about_to_say_is_said_in_the_conversation_that_two_become() {
    let stage = Stage::new().await;
    let first = begun(&stage).await;
    let contact = json!({ "name": "Ann", "addresses": [{ "kind": "email", "address": "ann@example.com" }] });
    let other = ok(&stage.harness, "/v1/contacts", contact).await;
    // The other way round: the conversation moves to a contact who has none, and to one who has.
    let merge = format!("/v1/contacts/{}/merge", id_of(&other));
    ok(&stage.harness, &merge, json!({ "other": first["contact"] })).await;
    let shown = stage.harness.get(&path_of(&first)).await.json();
    assert_eq!((&shown["contact"], &shown["epoch"]), (&other["id"], &json!(0)));
    let messages = data(&stage.harness, "/v1/messages").await;
    assert!(work(&stage.harness).await.contains(&id_of(&messages[0]).to_owned()));
}

#[tokio::test]
async fn what_was_written_before_a_call_is_answered_when_the_operator_gives_back() {
    let harness = Harness::new().await;
    let (user, _) = operator(&harness, "olga@example.com").await;
    let conversation = writes(&harness, CALLER, "SM1", "Hello.").await;
    let path = path_of(&conversation);
    ok(&harness, &format!("{path}/takeover"), json!({ "user": user })).await;
    let sid = format!("CA{:032}", 1);
    let token = harness.incoming(&sid).await.stream_token();
    harness.admit(&sid, &token).await.unwrap();
    let of = format!("/v1/messages?conversation={}", id_of(&conversation));
    let call = async || data(&harness, &of).await.into_iter().find(|message| message["channel"] == "voice");
    until(call, "the call among the messages").await;
    let written = data(&harness, &of).await.into_iter().find(|one| one["channel"] == "sms").unwrap();
    // As if it had been looked at and left to her.
    let store = open_store(&harness.folder).await;
    let claims = store.claim_work(WorkKind::Reply, now(), now() + 1, 100).await.unwrap();
    for claim in claims.iter().filter(|claim| claim.object == id_of(&written)) {
        store.tenant(&claim.tenant).finish_work(claim).await.unwrap();
    }
    ok(&harness, &format!("{path}/release"), json!({})).await;
    assert!(work(&harness).await.contains(&id_of(&written).to_owned()));
}

/// A model whose second answer waits until it is let go.
#[derive(Debug, Default)]
struct Slow {
    asked: AtomicUsize,
    go: Arc<tokio::sync::Notify>,
}

impl LlmProvider for Slow {
    fn name(&self) -> &str {
        "slow"
    }

    fn stream(&self, _: LlmRequest) -> LlmStream {
        let (sender, events) = tokio::sync::mpsc::channel(4);
        let (is_first, go) = (self.asked.fetch_add(1, Ordering::SeqCst) == 0, Arc::clone(&self.go));
        let task = tokio::spawn(async move {
            let text = if is_first {
                understood("order_status", 0.9)
            } else {
                go.notified().await;
                "It is ready.".to_owned()
            };
            sender.send(LlmEvent::Text(text)).await.unwrap();
            let finished = LlmEvent::Finished { stop: StopReason::EndTurn, usage: Usage::default() };
            sender.send(finished).await.unwrap();
        });
        LlmStream { events, task: AbortOnDrop(task) }
    }

    fn warm_up(&self) {}
}

async fn answering(model: Arc<dyn LlmProvider>, more: Value) -> (Stage, control_plane::Background) {
    let stage = Stage::with(|settings| {
        settings.tenant.providers.llm = vec![model];
        settings.limits.work.poll = Duration::from_millis(10);
        settings.limits.work.retry_first = Duration::from_millis(1);
    })
    .await;
    let background = stage.harness.plane.background();
    let mut messaging = json!({ "auto_reply": true });
    messaging.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    patched(&stage.harness, "/v1/tenant", json!({ "settings": { "messaging": messaging } })).await;
    (stage, background)
}

#[tokio::test]
async fn what_somebody_answered_meanwhile_is_not_answered_again() {
    let model = Arc::new(Slow::default());
    let (stage, _background) = answering(Arc::clone(&model) as Arc<dyn LlmProvider>, json!({})).await;
    let conversation = begun(&stage).await;
    until(async || (model.asked.load(Ordering::SeqCst) == 2).then_some(()), "a question to the model").await;
    // A program, in nobody's name: control stays where it is.
    let path = format!("{}/messages", path_of(&conversation));
    let ours = ok(&stage.harness, &path, json!({ "text": "It is." })).await;
    stage.when(id_of(&ours), "delivered").await;
    model.go.notify_one();
    until(async || work(&stage.harness).await.is_empty().then_some(()), "an end of the work").await;
    let all = data(&stage.harness, "/v1/messages").await;
    assert!(all.iter().all(|message| message["author"]["by"] != "assistant"), "{all:?}");
}

#[tokio::test]
async fn no_conversations_time_waits_for_a_model() {
    let model = Arc::new(Slow::default());
    let (stage, background) = answering(Arc::clone(&model) as Arc<dyn LlmProvider>, json!({})).await;
    drop(background);
    let (user, _) = operator(&stage.harness, "olga@example.com").await;
    let store = open_store(&stage.harness.folder).await;
    let part = store.tenant(&TenantId::known("ten_1"));
    let conversation = begun(&stage).await;
    let row = part.get::<Conversation>(&ConversationId::known(id_of(&conversation))).await.unwrap().unwrap();
    let gone = Control::Operator { user: UserId::known(user), since: 1, active_at: 1 };
    let mut tx = part.begin(&Actor::system("test"), now()).await.unwrap();
    let has = Conversation { key: Some("somebody".to_owned()), contact: None, control: gone, ..row.value };
    let other = tx.insert(has).await.unwrap().id;
    tx.commit().await.unwrap();
    let _background = stage.harness.plane.background();
    // As many messages as there are workers wait for the model.
    for number in 2..8 {
        received(&stage, &format!("SM{number}"), "And?").await;
    }
    until(async || (model.asked.load(Ordering::SeqCst) >= 2).then_some(()), "a question to the model").await;
    let mut tx = part.begin(&Actor::system("test"), now()).await.unwrap();
    tx.schedule(WorkKind::Conversation, other.as_str(), now()).await.unwrap();
    tx.commit().await.unwrap();
    let is_back = async || {
        let row = part.get::<Conversation>(&other).await.unwrap().unwrap();
        (row.value.control == Control::Assistant).then_some(())
    };
    until(is_back, "a conversation that goes back").await;
}

#[tokio::test]
async fn a_message_that_no_model_answers_is_left_to_people() {
    let model = Arc::new(Scripted::default());
    model.will_say(&[&understood("order_status", 0.9)]);
    model.will_say(&[""; 20]);
    let (stage, _background) = answering(Arc::clone(&model) as Arc<dyn LlmProvider>, json!({})).await;
    let conversation = begun(&stage).await;
    stage.harness.shows(&path_of(&conversation), |shown| shown["control"]["by"] == "paused").await;
    let asked = model.asked.lock().unwrap().len();
    assert!(asked <= 7, "it is not asked for ever: {asked}");
}

#[tokio::test]
async fn the_days_answers_are_counted_however_much_was_written_since() {
    let model = Arc::new(Scripted::default());
    let budget = json!({ "answers_per_day": 30, "answers_in_a_row": 100 });
    let (stage, background) = answering(Arc::clone(&model) as Arc<dyn LlmProvider>, budget).await;
    drop(background);
    let conversation = begun(&stage).await;
    let store = open_store(&stage.harness.folder).await;
    let part = store.tenant(&TenantId::known("ten_1"));
    let first = part.list::<Message>(&Filter::first(1)).await.unwrap().remove(0).value;
    let mut tx = part.begin(&Actor::system("test"), now()).await.unwrap();
    for number in 0..70 {
        let ours = number < 30;
        let message = Message {
            direction: if ours { MessageDirection::Outbound } else { MessageDirection::Inbound },
            author: ours.then_some(Author::Assistant { epoch: 0 }),
            provider_id: Some(format!("SM1{number}")),
            ..first.clone()
        };
        tx.insert_as(MessageId::generate(), message).await.unwrap();
    }
    tx.commit().await.unwrap();
    model.will_say(&[&understood("order_status", 0.9), &understood("order_status", 0.9), "The 31st."]);
    received(&stage, "SM2", "And now?").await;
    let _background = stage.harness.plane.background();
    stage.harness.shows(&path_of(&conversation), |shown| shown["control"]["by"] == "paused").await;
}

#[tokio::test]
async fn what_the_assistant_answers_is_given_to_no_operator_and_what_waits_is_found_behind_it() {
    let harness = Harness::new().await;
    let (user, _) = operator(&harness, "olga@example.com").await;
    let team = ok(&harness, "/v1/teams", json!({ "name": "Support", "members": [{ "user": user }] })).await;
    let messaging = json!({ "auto_reply": true, "default_team": team["id"] });
    patched(&harness, "/v1/tenant", json!({ "settings": { "messaging": messaging } })).await;
    let conversation = writes(&harness, "+15550101", "SM1", "Hello.").await;
    let path = path_of(&conversation);
    let shown = patched(&harness, &path, json!({ "team": team["id"] })).await;
    assert_eq!((&shown["assignee"], &shown["control"]["by"]), (&Value::Null, &json!("assistant")));

    // Many later ones that the assistant has.
    let store = open_store(&harness.folder).await;
    let part = store.tenant(&TenantId::known("ten_1"));
    let id = ConversationId::known(id_of(&conversation));
    let row = part.get::<Conversation>(&id).await.unwrap().unwrap().value;
    let mut tx = part.begin(&Actor::system("test"), now()).await.unwrap();
    for number in 0..600 {
        let later = Conversation {
            key: Some(format!("somebody {number}")),
            contact: None,
            team: None,
            last_message_at: row.last_message_at + 1_000_000 + number,
            ..row.clone()
        };
        tx.insert(later).await.unwrap();
    }
    tx.commit().await.unwrap();
    ok(&harness, &format!("{path}/pause"), json!({})).await;
    let shown = harness.get(&path).await.json();
    assert_eq!(shown["assignee"], json!(user), "a person is asked for, and she has room");
    ok(&harness, &format!("{path}/release"), json!({})).await;
    let shown = patched(&harness, &path, json!({ "assignee": null })).await;
    assert_eq!(shown["assignee"], Value::Null, "the assistant has it again");
}

#[tokio::test]
async fn a_message_is_kept_and_counted_once_however_many_tell_of_it_at_once() {
    let stage = Stage::new().await;
    begun(&stage).await;
    let many = (0..8).map(|_| received(&stage, "SM2", "Hello?"));
    futures_util::future::join_all(many).await;
    let shown = data(&stage.harness, "/v1/conversations").await;
    assert_eq!((shown.len(), &shown[0]["unread"]), (1, &json!(2)), "{shown:?}");
    assert_eq!(data(&stage.harness, "/v1/messages").await.len(), 2);
}

#[tokio::test]
async fn a_short_code_is_kept_and_no_assistant_answers_it() {
    let harness = Harness::new().await;
    let fields = [
        ("AccountSid", ACCOUNT),
        ("MessageSid", "SM1"),
        ("From", "45678"),
        ("To", OWN_NUMBER),
        ("Body", "Your code is 4711. Is that you?"),
    ];
    assert_eq!(harness.hook("/api/twilio/sms", &fields).await.status, 200);
    assert_eq!(data(&harness, "/v1/messages").await.len(), 1);
    assert!(work(&harness).await.is_empty());
}

#[tokio::test]
async fn whoever_writes_from_an_address_is_somebody_again() {
    let stage = Stage::new().await;
    begun(&stage).await;
    let hello = json!({ "to": { "phone": WRITER }, "chain": [{ "channels": ["sms"] }], "text": "Hello." });
    let store = open_store(&stage.harness.folder).await;
    let part = store.tenant(&TenantId::known("ten_1"));
    let mut tx = part.begin(&Actor::system("test"), 1).await.unwrap();
    let (status, source) = (ConsentStatus::OptedOut, "provider".to_owned());
    let proof = Proof { at: 1, status, source, evidence: "30005".to_owned() };
    outbox::note_consent(&mut *tx, Channel::Sms, Consent::NOBODY, WRITER, proof).await.unwrap();
    tx.commit().await.unwrap();
    let id = stage.sent(&hello).await;
    stage.when(&id, "failed").await;
    received(&stage, "SM2", "I have my telephone again.").await;
    let id = stage.sent(&hello).await;
    stage.when(&id, "delivered").await;
}

#[tokio::test]
async fn nobody_has_to_answer_a_keyword_in_time() {
    let harness = Harness::new().await;
    let team = ok(&harness, "/v1/teams", json!({ "name": "Support", "answer_within_s": 60 })).await;
    let messaging = json!({ "default_team": team["id"] });
    patched(&harness, "/v1/tenant", json!({ "settings": { "messaging": messaging } })).await;
    let stopped = writes(&harness, "+15550101", "SM1", "STOP").await;
    assert_eq!(stopped["answer_due_at"], Value::Null, "{stopped}");
    let asked = writes(&harness, "+15550102", "SM2", "Is it ready?").await;
    assert!(asked["answer_due_at"].is_string(), "{asked}");
}
