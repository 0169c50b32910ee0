//! The inbox: what people write is understood and answered, operators take over, teams share the work, and calls are part of it.

use crate::{messages_sent::Stage, support::*};
use axum::{body::Body, http::Request};
use engine::{
    llm::{LlmEvent, LlmProvider, LlmRequest, LlmStream, StopReason, Usage},
    provider::AbortOnDrop,
};
use serde_json::{Value, json};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};
use store::{
    Filter, TenantId,
    ids::ConversationId,
    model::{
        audit::Actor,
        message::{Author, Control, Conversation},
        work::WorkKind,
    },
};

pub(crate) const WRITER: &str = "+15550142";
pub(crate) const STAGE_NUMBER: &str = "+15550100";
const PASSWORD: &str = "four words of mine";

/// A model that gives these answers, one after the other, and remembers what it was asked.
#[derive(Debug, Default)]
pub(crate) struct Scripted {
    pub(crate) answers: Mutex<VecDeque<String>>,
    pub(crate) asked: Mutex<Vec<LlmRequest>>,
}

impl Scripted {
    pub(crate) fn will_say(&self, answers: &[&str]) {
        self.answers.lock().unwrap().extend(answers.iter().map(|answer| (*answer).to_owned()));
    }
}

impl LlmProvider for Scripted {
    fn name(&self) -> &str {
        "scripted"
    }

    fn stream(&self, request: LlmRequest) -> LlmStream {
        self.asked.lock().unwrap().push(request);
        let answer = self.answers.lock().unwrap().pop_front().unwrap_or_else(|| "What?".to_owned());
        let (sender, events) = tokio::sync::mpsc::channel(4);
        sender.try_send(LlmEvent::Text(answer)).unwrap();
        sender.try_send(LlmEvent::Finished { stop: StopReason::EndTurn, usage: Usage::default() }).unwrap();
        LlmStream { events, task: AbortOnDrop(tokio::spawn(async {})) }
    }

    fn warm_up(&self) {}
}

pub(crate) fn understood(intent: &str, confidence: f64) -> String {
    json!({
        "sentiment": "positive", "intent": intent, "urgency": "high", "confidence": confidence, "lead_score": 80,
        "suggests_call": false,
    })
    .to_string()
}

/// Somebody who works in the tenant: the id and an access token.
pub(crate) async fn operator(harness: &Harness, email: &str) -> (String, String) {
    let invite = json!({ "email": email, "name": "Olga", "role": "operator" });
    let invited = harness.post_json("/v1/members", &invite).await;
    assert_eq!(invited.status, 201, "{}", invited.text());
    let invited = invited.json();
    let accept = json!({ "token": invited["invitation"]["token"], "password": PASSWORD });
    // Whoever is invited has no key.
    let request = Request::post("/v1/auth/invitations/accept").header("content-type", "application/json");
    let accepted = harness.send(request.body(Body::from(accept.to_string())).unwrap()).await;
    assert!(accepted.status.is_success(), "{}", accepted.text());
    let proof = json!({ "email": email, "password": PASSWORD });
    let signed_in = harness.post_json("/v1/auth/sign-in", &proof).await.json();
    let token = signed_in["session"]["access_token"].as_str().unwrap().to_owned();
    (invited["user_id"].as_str().unwrap().to_owned(), token)
}

pub(crate) async fn ok(harness: &Harness, path: &str, body: Value) -> Value {
    let answer = harness.post_json(path, &body).await;
    assert!(answer.status.is_success(), "{path}: {}", answer.text());
    answer.json()
}

pub(crate) async fn patched(harness: &Harness, path: &str, body: Value) -> Value {
    let answer = harness.patch_json(path, &body).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()
}

pub(crate) async fn data(harness: &Harness, path: &str) -> Vec<Value> {
    let answer = harness.get(path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()["data"].as_array().unwrap().clone()
}

/// Somebody writes to the harness' number; gives the conversation.
pub(crate) async fn writes(harness: &Harness, from: &str, sid: &str, text: &str) -> Value {
    let fields = [
        ("AccountSid", ACCOUNT),
        ("MessageSid", sid),
        ("From", from),
        ("To", OWN_NUMBER),
        ("Body", text),
        ("SmsStatus", "received"),
    ];
    let answer = harness.hook("/api/twilio/sms", &fields).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let phone = from.replace('+', "%2B");
    data(harness, &format!("/v1/conversations?phone={phone}")).await[0].clone()
}

pub(crate) fn path_of(conversation: &Value) -> String {
    format!("/v1/conversations/{}", conversation["id"].as_str().unwrap())
}

#[tokio::test]
async fn conversations_stand_on_a_board_where_their_channel_says() {
    let harness = Harness::new().await;
    let column = async |name: &str, position: u32| {
        let column = ok(&harness, "/v1/board/columns", json!({ "name": name, "position": position })).await;
        column["id"].as_str().unwrap().to_owned()
    };
    let (new, texts) = (column("New", 0).await, column("Texts", 1).await);
    let first = writes(&harness, "+15550101", "SM1", "Hello.").await;
    assert_eq!(first["column"], json!(new), "without a chip the first column");
    let chip = json!({ "channel_id": "sms_twilio", "name": "Texts", "default_entry_column_id": texts });
    let chip = ok(&harness, "/v1/channel-chips", chip).await;
    assert_eq!(writes(&harness, "+15550102", "SM2", "Hello.").await["column"], json!(texts));
    patched(
        &harness,
        &format!("/v1/channel-chips/{}", chip["id"].as_str().unwrap()),
        json!({ "is_active": false }),
    )
    .await;
    assert_eq!(
        writes(&harness, "+15550103", "SM3", "Hello.").await["column"],
        json!(new),
        "one that does not count"
    );

    let moved = patched(&harness, &path_of(&first), json!({ "column": texts, "read": true })).await;
    assert_eq!((&moved["column"], &moved["unread"]), (&json!(texts), &json!(0)));
    assert_eq!(data(&harness, &format!("/v1/conversations?column={texts}")).await.len(), 2);
    let listed = data(&harness, "/v1/conversations?limit=2").await;
    assert_eq!(listed[0]["address"], "+15550103", "the latest activity first");
    writes(&harness, "+15550101", "SM4", "Me again.").await;
    assert_eq!(data(&harness, "/v1/conversations").await[0]["address"], "+15550101");
    let page = harness.get("/v1/conversations?limit=2").await.json();
    let rest = data(
        &harness,
        &format!("/v1/conversations?limit=2&cursor={}", page["next_cursor"].as_str().unwrap()),
    )
    .await;
    assert_eq!(rest.len(), 1);
    let kept =
        harness.json(axum::http::Method::DELETE, &format!("/v1/board/columns/{texts}"), &Value::Null).await;
    assert_eq!(kept.problem(409), "conflict");
    let reply =
        ok(&harness, "/v1/canned-replies", json!({ "shortcut": "hours", "text": "From nine to five." }))
            .await;
    assert_eq!(data(&harness, "/v1/canned-replies").await[0]["text"], reply["text"]);

    let found = data(&harness, "/v1/messages?text=AGAIN").await;
    assert_eq!((found.len(), &found[0]["content"]), (1, &json!("Me again.")));
    let within = format!("/v1/messages?text=hello&conversation={}", first["id"].as_str().unwrap());
    assert_eq!(data(&harness, &within).await.len(), 1);
    assert_eq!(harness.get("/v1/messages?text=").await.problem(400), "invalid_request");
}

#[tokio::test]
async fn what_waits_for_a_team_goes_to_whoever_has_room_and_the_fewest() {
    let harness = Harness::new().await;
    let ((one, _), (two, _)) =
        (operator(&harness, "one@example.com").await, operator(&harness, "two@example.com").await);
    let team = json!({ "name": "Support", "answer_within_s": 60, "members": [
        { "user": one, "capacity": 2 }, { "user": two, "capacity": 1, "available": false },
    ] });
    let team = ok(&harness, "/v1/teams", team).await["id"].as_str().unwrap().to_owned();
    let settings = json!({ "settings": { "messaging": { "default_team": team } } });
    patched(&harness, "/v1/tenant", settings).await;
    let mut conversations = Vec::new();
    for number in 1..=4 {
        let (from, sid) = (format!("+1555010{number}"), format!("SM{number}"));
        let conversation = writes(&harness, &from, &sid, "Hello.").await;
        assert_eq!(conversation["team"], json!(team));
        assert!(conversation["answer_due_at"].is_string(), "{conversation}");
        conversations.push(path_of(&conversation));
    }
    let assignees = async || {
        let mut all = Vec::new();
        for path in &conversations {
            all.push(harness.get(path).await.json()["assignee"].clone());
        }
        all
    };
    assert_eq!(assignees().await, [json!(one), json!(one), Value::Null, Value::Null]);
    let available = json!({ "members": [{ "user": one, "capacity": 2 }, { "user": two, "capacity": 1 }] });
    patched(&harness, &format!("/v1/teams/{team}"), available).await;
    let given = assignees().await;
    assert_eq!(given.iter().filter(|who| **who == json!(two)).count(), 1, "{given:?}");
    assert_eq!(given.iter().filter(|who| who.is_null()).count(), 1, "{given:?}");
    patched(&harness, &conversations[0], json!({ "status": "closed" })).await;
    let given = assignees().await;
    assert!(given.iter().all(|who| !who.is_null()), "whoever closes one has room: {given:?}");
}

#[tokio::test]
async fn an_operator_takes_over_and_gives_back_and_each_raises_the_epoch_and_is_told() {
    let harness = Harness::new().await;
    let (user, token) = operator(&harness, "olga@example.com").await;
    let endpoint = json!({ "url": "https://example.com/hook", "name": "Mine" });
    ok(&harness, "/v1/webhook-endpoints", endpoint).await;
    let conversation = writes(&harness, CALLER, "SM1", "Hello.").await;
    let path = path_of(&conversation);
    assert_eq!((&conversation["control"]["by"], &conversation["epoch"]), (&json!("assistant"), &json!(0)));
    let nobody = harness.post_json(&format!("{path}/takeover"), &json!({})).await;
    assert_eq!(nobody.problem(422), "invalid_body", "a key has to say who");
    let request = axum::http::Request::post(format!("{path}/takeover"))
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json")
        .header("tandem-tenant", "ten_1")
        .body(axum::body::Body::from("{}"))
        .unwrap();
    let taken = harness.send(request).await;
    assert_eq!(taken.status, 200, "{}", taken.text());
    let taken = taken.json();
    assert_eq!((&taken["control"]["by"], &taken["control"]["user"]), (&json!("operator"), &json!(user)));
    assert_eq!((&taken["epoch"], &taken["assignee"]), (&json!(1), &json!(user)));
    let again = ok(&harness, &format!("{path}/takeover"), json!({ "user": user })).await;
    assert_eq!(again["epoch"], 1, "it is theirs already");
    writes(&harness, CALLER, "SM2", "Are you a person?").await;
    let released = ok(&harness, &format!("{path}/release"), json!({})).await;
    assert_eq!((&released["control"]["by"], &released["epoch"]), (&json!("assistant"), &json!(2)));
    let paused = ok(&harness, &format!("{path}/pause"), json!({})).await;
    assert_eq!((&paused["control"]["by"], &paused["epoch"]), (&json!("paused"), &json!(3)));

    let store = open_store(&harness.folder).await;
    let jobs = store.tenant(&TenantId::known("ten_1"));
    let jobs = jobs.list::<store::model::work::Job>(&Filter::first(100).oldest_first()).await.unwrap();
    let told: Vec<_> = jobs.iter().filter_map(|job| job.value.state["kind"].as_str()).collect();
    for kind in
        ["message.received", "conversation.taken_over", "conversation.queued", "conversation.released"]
    {
        assert!(told.contains(&kind), "{kind}: {told:?}");
    }
}

/// What the assistant wrote in a conversation, as the worker accepts it.
async fn assistant_wrote(stage: &Stage, conversation: &Value, text: &str, send_at: Option<i64>) -> String {
    use messaging::{
        Channel, MessageType,
        plan::{EmailBackup, Plan, Step},
    };
    use outbox::{NewMessage, Text, To, accept};
    let store = open_store(&stage.harness.folder).await;
    let part = store.tenant(&TenantId::known("ten_1"));
    let mut tx = part.begin(&Actor::system("assistant"), now()).await.unwrap();
    let epoch = conversation["epoch"].as_i64().unwrap();
    let new = NewMessage {
        to: To { phone: Some(WRITER.to_owned()), ..To::default() },
        kind: MessageType::Instant,
        plan: Plan::explicit(vec![Step::of(&[Channel::Sms])], EmailBackup::Off).unwrap(),
        texts: [(Channel::Sms, Text { text: text.to_owned(), ..Text::default() })].into(),
        sender: None,
        conversation: Some(ConversationId::known(conversation["id"].as_str().unwrap())),
        fence: Some(epoch),
        author: Author::Assistant { epoch },
        send_at,
        useful_until: None,
        batch: None,
        template: None,
        call: None,
    };
    let accepted = accept(&mut *tx, new).await.unwrap();
    tx.commit().await.unwrap();
    accepted.id.to_string()
}

pub(crate) fn now() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}

/// A conversation with the writer, who has a contact.
pub(crate) async fn begun(stage: &Stage) -> Value {
    let contact = json!({ "name": "Ann", "addresses": [{ "kind": "phone", "address": WRITER }] });
    ok(&stage.harness, "/v1/contacts", contact).await;
    received(stage, "SM1", "Is my bicycle ready?").await
}

pub(crate) async fn received(stage: &Stage, sid: &str, text: &str) -> Value {
    let account = format!("AC{}", "0".repeat(32));
    let fields = [
        ("AccountSid", account.as_str()),
        ("MessageSid", sid),
        ("From", WRITER),
        ("To", STAGE_NUMBER),
        ("Body", text),
        ("SmsStatus", "received"),
    ];
    let url = format!("{}/api/twilio/sms", stage.base);
    let request = axum::http::Request::post("/api/twilio/sms")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("x-twilio-signature", signature(&url, &fields, "sandbox"));
    let answer = stage.harness.send(request.body(form(&fields)).unwrap()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    data(&stage.harness, "/v1/conversations").await[0].clone()
}

#[tokio::test]
async fn what_the_assistant_wrote_before_a_takeover_does_not_leave_after_it() {
    let stage = Stage::new().await;
    let (user, _) = operator(&stage.harness, "olga@example.com").await;
    let conversation = begun(&stage).await;
    let path = path_of(&conversation);
    // It waits for a moment, so that the takeover is certainly between its acceptance and its sending.
    let message = assistant_wrote(&stage, &conversation, "I am a machine.", Some(now() + 1_000_000)).await;
    ok(&stage.harness, &format!("{path}/takeover"), json!({ "user": user })).await;
    stage.when(&message, "canceled").await;
    assert_eq!(stage.at_carrier().len(), 0, "nothing was handed over");
    let reply =
        ok(&stage.harness, &format!("{path}/messages"), json!({ "text": "This is Olga.", "user": user }))
            .await;
    stage.when(reply["id"].as_str().unwrap(), "delivered").await;
    let carried = stage.at_carrier();
    assert_eq!((carried.len(), &carried[0]["body"]), (1, &json!("This is Olga.")));
}

#[tokio::test]
async fn whatever_a_person_writes_takes_control_and_answers_who_wrote() {
    let stage = Stage::new().await;
    let (user, _) = operator(&stage.harness, "olga@example.com").await;
    let conversation = begun(&stage).await;
    let path = path_of(&conversation);
    ok(&stage.harness, &format!("{path}/messages"), json!({ "text": "A rule of ours." })).await;
    let shown = stage.harness.get(&path).await.json();
    assert_eq!(
        (&shown["control"]["by"], &shown["epoch"]),
        (&json!("assistant"), &json!(0)),
        "a program's is nobody's"
    );
    let written =
        ok(&stage.harness, &format!("{path}/messages"), json!({ "text": "It is.", "user": user })).await;
    assert_eq!((&written["channel"], &written["epoch"]), (&json!("sms"), &json!(1)));
    let shown = stage.harness.get(&path).await.json();
    assert_eq!((&shown["control"]["user"], &shown["unread"]), (&json!(user), &json!(0)));
    let messages =
        data(&stage.harness, &format!("/v1/messages?conversation={}", conversation["id"].as_str().unwrap()))
            .await;
    let inbound = messages.iter().find(|message| message["direction"] == "inbound").unwrap();
    assert!(inbound["replied_at"].is_string(), "{inbound}");
    let author = messages.iter().find(|message| message["content"] == "It is.").unwrap();
    assert_eq!(author["author"], json!({ "by": "operator", "user": user }));

    ok(&stage.harness, &format!("{path}/release"), json!({})).await;
    let intro = json!({ "phoneNumber": WRITER, "agentId": user });
    let introduced = ok(&stage.harness, "/api/sms/human-control-intro", intro).await;
    assert_eq!(introduced["control"]["user"], json!(user));
    let messages = data(&stage.harness, "/v1/messages?text=taking%20over").await;
    assert!(messages[0]["content"].as_str().unwrap().contains("Olga"), "{messages:?}");
}

#[tokio::test]
async fn the_assistant_answers_what_it_is_sure_of_and_people_get_the_rest() {
    let model = Arc::new(Scripted::default());
    let stage = Stage::with(|settings| {
        settings.tenant.providers.llm = vec![Arc::clone(&model) as Arc<dyn LlmProvider>];
        settings.limits.work.poll = Duration::from_millis(10);
    })
    .await;
    let _background = stage.harness.plane.background();
    patched(&stage.harness, "/v1/tenant", json!({ "settings": { "messaging": { "auto_reply": true } } }))
        .await;
    model.will_say(&[&understood("order_status", 0.9), "Your bicycle is ready."]);
    let conversation = begun(&stage).await;
    let path = path_of(&conversation);
    let answer = async || {
        let messages = data(&stage.harness, "/v1/messages").await;
        messages.into_iter().find(|message| message["author"]["by"] == "assistant")
    };
    let answer = until(answer, "an answer").await;
    assert_eq!(answer["content"], "Your bicycle is ready.");
    stage.when(answer["id"].as_str().unwrap(), "delivered").await;
    let shown = stage.harness.get(&path).await.json();
    assert_eq!(
        (&shown["analysis"]["intent"], &shown["analysis"]["urgency"]),
        (&json!("order_status"), &json!("high"))
    );
    let contact = data(&stage.harness, "/v1/contacts").await[0].clone();
    assert_eq!((&contact["lead_status"], &contact["lead_score"]), (&json!("qualified"), &json!(80)));
    assert!(model.asked.lock().unwrap()[1].system.starts_with("Be kind."), "in its own person");

    model.will_say(&[&understood("other", 0.2)]);
    received(&stage, "SM2", "Hm.").await;
    let shown = stage.harness.shows(&path, |shown| shown["control"]["by"] == "paused").await;
    assert_eq!(shown["epoch"], 1);
    assert_eq!(stage.at_carrier().len(), 1, "what it is not sure of is not answered");
}

#[tokio::test]
async fn an_operator_who_is_gone_gives_the_conversation_back() {
    let harness = Harness::with(|settings| settings.limits.work.poll = Duration::from_millis(10)).await;
    let (user, _) = operator(&harness, "olga@example.com").await;
    patched(&harness, "/v1/tenant", json!({ "settings": { "messaging": { "understand": false } } })).await;
    let conversation = writes(&harness, CALLER, "SM1", "Hello.").await;
    let path = path_of(&conversation);
    ok(&harness, &format!("{path}/takeover"), json!({ "user": user })).await;
    // As if half an hour had gone by.
    let store = open_store(&harness.folder).await;
    let part = store.tenant(&TenantId::known("ten_1"));
    let id = ConversationId::known(conversation["id"].as_str().unwrap());
    let mut tx = part.begin(&Actor::system("test"), now()).await.unwrap();
    let row = tx.get::<Conversation>(&id).await.unwrap().unwrap();
    let Control::Operator { user, since, active_at } = row.value.control.clone() else { panic!("{row:?}") };
    let active_at = active_at - 31 * 60_000_000;
    let control = Control::Operator { user, since, active_at };
    tx.update(&id, row.version, Conversation { control, ..row.value }).await.unwrap();
    tx.schedule(WorkKind::Conversation, id.as_str(), now()).await.unwrap();
    tx.commit().await.unwrap();
    let _background = harness.plane.background();
    let shown = harness.shows(&path, |shown| shown["control"]["by"] == "assistant").await;
    assert_eq!((&shown["epoch"], &shown["assignee"]), (&json!(2), &Value::Null));
}

#[tokio::test]
async fn a_call_stands_in_the_conversation_and_knows_what_was_written() {
    let harness = Harness::new().await;
    let conversation = writes(&harness, CALLER, "SM1", "Is my red bicycle ready?").await;
    let sid = format!("CA{:032}", 1);
    let token = harness.incoming(&sid).await.stream_token();
    let plan = harness.admit(&sid, &token).await.unwrap();
    assert!(
        plan.assistant.prompt.contains("caller, by sms: Is my red bicycle ready?"),
        "{}",
        plan.assistant.prompt
    );
    let of = format!("/v1/messages?conversation={}", conversation["id"].as_str().unwrap());
    let call = async || data(&harness, &of).await.into_iter().find(|message| message["channel"] == "voice");
    let call = until(call, "the call among the messages").await;
    assert_eq!((&call["call"], &call["direction"]), (&json!(plan.call.0), &json!("inbound")));
    let shown = harness.get(&path_of(&conversation)).await.json();
    assert_eq!(
        (&shown["channel"], &shown["unread"]),
        (&json!("sms"), &json!(1)),
        "answers go where they wrote"
    );
    let messages = format!("{}/messages", path_of(&conversation));
    let spoken = harness.post_json(&messages, &json!({ "text": "Hi.", "channel": "voice" })).await;
    assert_eq!(spoken.problem(409), "call_not_live", "the engine here has no such call");
}

#[tokio::test]
async fn two_contacts_who_are_one_person_become_one_with_all_that_was_written() {
    let harness = Harness::new().await;
    let first = writes(&harness, "+15550101", "SM1", "From my phone.").await;
    let second = writes(&harness, "+15550102", "SM2", "From my other phone.").await;
    let (kept, other) = (first["contact"].as_str().unwrap(), second["contact"].as_str().unwrap());
    let path = format!("/v1/contacts/{kept}/merge");
    for _ in 0..2 {
        let merged = ok(&harness, &path, json!({ "other": other })).await;
        assert_eq!(merged["addresses"].as_array().unwrap().len(), 2, "{merged}");
    }
    assert_eq!(harness.get(&format!("/v1/contacts/{other}")).await.problem(404), "not_found");
    assert_eq!(data(&harness, "/v1/conversations").await.len(), 1);
    let messages =
        data(&harness, &format!("/v1/messages?conversation={}", first["id"].as_str().unwrap())).await;
    assert_eq!(messages.len(), 2);
    let again = writes(&harness, "+15550102", "SM3", "Me again.").await;
    assert_eq!((&again["id"], &again["contact"]), (&first["id"], &json!(kept)));
    let itself = harness.post_json(&path, &json!({ "other": kept })).await;
    assert_eq!(itself.problem(422), "invalid_body");
    let log = data(&harness, "/v1/audit-log?limit=100").await;
    let actions: Vec<_> = log.iter().filter_map(|line| line["action"].as_str()).collect();
    assert!(actions.contains(&"contact.delete") && actions.contains(&"contact.update"), "{actions:?}");
}
