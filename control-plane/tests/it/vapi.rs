//! Calls that Vapi holds: believed only with the account's secret, and stored once.

use crate::{
    seed::stored,
    support::{Answer, Harness, settings, until},
};
use axum::{
    Json, Router,
    body::Body,
    http::Request,
    routing::{get, post},
};
use control_plane::ControlPlane;
use engine::provider::Secret;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use store::{
    TenantId,
    ids::AccountId,
    model::{
        account::{AccountMode, AccountStatus, Credential, ProviderAccount},
        audit::Actor,
    },
};
use vault::{Place, Vault};

const ORGANISATION: &str = "org-0001";

async fn with_account(base_url: &str) -> Harness {
    let harness = Harness::new().await;
    let key = harness.key.clone();
    let (store, folder) = stored(harness).await;
    let mut settings = settings(&folder).await;
    settings.limits.work.poll = Duration::from_millis(10);
    settings.limits.work.retry_first = Duration::from_millis(20);
    let (tenant, id) = (TenantId::known("ten_1"), AccountId::generate());
    let vault = Vault::new(Arc::clone(&store), settings.keys.clone());
    let mut secrets = std::collections::BTreeMap::new();
    for (name, secret) in [("webhook_secret", "hook-secret"), ("api_key", "vapi-key")] {
        let place = Place::provider_account(&id, name);
        let current = vault.seal(&tenant, &place, &Secret::new(secret)).await.unwrap();
        secrets.insert(name.to_owned(), Credential { current, previous: None });
    }
    let properties =
        [("base_url", base_url), ("assistant_id", "assistant-1"), ("phone_number_id", "phone-1")];
    let account = ProviderAccount {
        kind: "vapi".to_owned(),
        mode: AccountMode::Own,
        sid: ORGANISATION.to_owned(),
        name: "Vapi".to_owned(),
        secrets,
        properties: properties.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        roles: Vec::new(),
        priority: 0,
        status: AccountStatus::Active,
    };
    let mut tx = store.tenant(&tenant).begin(&Actor::system("test"), 1).await.unwrap();
    tx.insert_as(id, account).await.unwrap();
    tx.commit().await.unwrap();
    store.close().await;
    drop((store, vault));
    let plane = ControlPlane::open(settings).await.unwrap().control_plane;
    Harness { router: plane.router(), plane, key, folder }
}

async fn told(harness: &Harness, secret: &str, message: &Value) -> Answer {
    let request = Request::post("/hooks/vapi").header("x-vapi-secret", secret);
    harness.send(request.body(Body::from(json!({ "message": message }).to_string())).unwrap()).await
}

fn report() -> Value {
    json!({
        "type": "end-of-call-report", "endedReason": "customer-ended-call", "cost": 0.25,
        "startedAt": "2026-11-21T10:00:00.000Z", "endedAt": "2026-11-21T10:01:00.000Z",
        "call": {"id": "v-1", "orgId": ORGANISATION, "type": "inboundPhoneCall"},
        "customer": {"number": "+15550142"}, "phoneNumber": {"number": "+15550199"},
        "artifact": {"messages": [{"role": "user", "message": "Hi."}, {"role": "bot", "message": "Hello."}]},
    })
}

#[tokio::test]
async fn a_report_becomes_a_call_once_and_only_with_the_secret() {
    let harness = with_account("http://127.0.0.1:9").await;
    for secret in ["", "wrong"] {
        assert_eq!(told(&harness, secret, &report()).await.problem(403), "invalid_signature");
    }
    for _twice in 0..2 {
        let answer = told(&harness, "hook-secret", &report()).await;
        assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({})));
    }
    let calls = harness.get("/v1/calls").await.json();
    let calls = calls["data"].as_array().unwrap();
    assert_eq!(
        (calls.len(), &calls[0]["status"], &calls[0]["from"]),
        (1, &json!("completed"), &json!("+15550142"))
    );
    let id = calls[0]["id"].as_str().unwrap();
    let shown = harness.get(&format!("/v1/calls/{id}")).await.json();
    assert_eq!(
        (shown["turns"].as_array().unwrap().len(), &shown["turns"][0]["assistant"]),
        (1, &json!("Hello."))
    );
    let usage = harness.get(&format!("/v1/calls/{id}/usage")).await.json();
    assert_eq!((&usage["data"][0]["cost"], &usage["data"][0]["quantity"]), (&json!("0.25"), &json!("1")));
    // Another organisation's, or nobody's.
    let mut other = report();
    other["call"]["orgId"] = "org-0002".into();
    assert_eq!(told(&harness, "hook-secret", &other).await.problem(403), "invalid_signature");
}

#[tokio::test]
async fn what_vapi_asks_is_answered() {
    let harness = with_account("http://127.0.0.1:9").await;
    let ask = async |kind: &str| {
        let call = json!({ "orgId": ORGANISATION, "id": "v-2" });
        let message = json!({ "type": kind, "call": call, "toolCallList": [{ "id": "t-1" }] });
        told(&harness, "hook-secret", &message).await.json()
    };
    assert_eq!(ask("assistant-request").await, json!({ "assistantId": "assistant-1" }));
    assert_eq!(ask("tool-calls").await["results"][0]["toolCallId"], "t-1");
    assert_eq!(ask("something-new").await, json!({}));
    assert_eq!(harness.get("/v1/calls").await.json()["data"], json!([]), "none of it is a call");
}

#[tokio::test]
async fn a_call_is_placed_at_vapi_and_found_again_when_its_answer_was_lost() {
    let placed: Arc<Mutex<Vec<Value>>> = Arc::default();
    let (made, listed) = (Arc::clone(&placed), Arc::clone(&placed));
    let vapi = Router::new()
        .route(
            "/call",
            post(async move |Json(call): Json<Value>| {
                made.lock().push(call);
                // It was done, and the answer is of no use.
                (axum::http::StatusCode::BAD_GATEWAY, "lost")
            }),
        )
        .route(
            "/call",
            get(async move || {
                let calls = listed
                    .lock()
                    .iter()
                    .map(|call| json!({ "id": "v-9", "metadata": call["metadata"] }))
                    .collect();
                Json(Value::Array(calls))
            }),
        );
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move { axum::serve(listener, vapi).await.unwrap() });
    let harness = with_account(&format!("http://{address}")).await;
    let request = Request::post("/api/vapi/call")
        .header("authorization", format!("Bearer {}", harness.key))
        .header("content-type", "application/json");
    let answer =
        harness.send(request.body(Body::from(json!({ "to": "+15550142" }).to_string())).unwrap()).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    let id = answer.json()["call"]["id"].as_str().unwrap().to_owned();
    harness.shows(&format!("/v1/calls/{id}"), |shown| shown["carrier_call_id"] == "v-9").await;
    let placed = placed.lock().clone();
    assert_eq!(placed.len(), 1);
    assert_eq!(
        (&placed[0]["assistantId"], &placed[0]["customer"]["number"]),
        (&json!("assistant-1"), &json!("+15550142"))
    );
    server.abort();
}

#[tokio::test]
async fn a_placed_call_of_which_vapi_tells_before_it_answers_is_one_call() {
    let answer: Arc<tokio::sync::Notify> = Arc::default();
    let asked: Arc<Mutex<Option<Value>>> = Arc::default();
    let (may_answer, was_asked) = (Arc::clone(&answer), Arc::clone(&asked));
    let vapi = Router::new().route(
        "/call",
        post(async move |Json(call): Json<Value>| {
            *was_asked.lock() = Some(call);
            may_answer.notified().await;
            Json(json!({ "id": "v-7" }))
        }),
    );
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move { axum::serve(listener, vapi).await.unwrap() });
    let harness = with_account(&format!("http://{address}")).await;
    let request = Request::post("/api/vapi/call")
        .header("authorization", format!("Bearer {}", harness.key))
        .header("content-type", "application/json");
    let body = Body::from(json!({ "to": "+15550142" }).to_string());
    let id = harness.send(request.body(body).unwrap()).await.json()["call"]["id"].clone();
    let metadata = until(async || Some(asked.lock().as_ref()?["metadata"].clone()), "a call at Vapi").await;
    let message = |status: &str| {
        json!({
            "type": "status-update", "status": status,
            "call": { "id": "v-7", "orgId": ORGANISATION, "type": "outboundPhoneCall", "metadata": metadata },
            "customer": { "number": "+15550142" },
        })
    };
    assert_eq!(told(&harness, "hook-secret", &message("ringing")).await.status, 200);
    answer.notify_one();
    let mut ended = report();
    (ended["call"]["id"], ended["call"]["metadata"]) = (json!("v-7"), metadata.clone());
    ended["call"]["type"] = json!("outboundPhoneCall");
    assert_eq!(told(&harness, "hook-secret", &ended).await.status, 200);
    let calls = harness.get("/v1/calls").await.json();
    let calls = calls["data"].as_array().unwrap();
    assert_eq!((calls.len(), &calls[0]["id"]), (1, &id), "{calls:?}");
    assert_eq!((&calls[0]["status"], &calls[0]["carrier_call_id"]), (&json!("completed"), &json!("v-7")));
    server.abort();
}
