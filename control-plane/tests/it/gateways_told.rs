//! WhatsApp by Whapi, push by OneSignal, and what a shop tells, through the API and the sandbox.

use crate::{
    messages_sent::Stage,
    support::{Answer, open_store, until},
};
use axum::{
    body::Body,
    http::{Method, Request},
};
use base64_simd::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use store::{Filter, TenantId, model::work::Job};

const PERSON: &str = "+15555550142";
const SHOP: &str = "bici-demo.myshopify.com";

/// Adds an account; gives its id.
async fn account(stage: &Stage, body: &Value) -> String {
    let answer = stage.post("/v1/provider-accounts", body, None).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["id"].as_str().unwrap().to_owned()
}

/// The sandbox's channel of this number, as an account.
async fn whapi(stage: &Stage, number: u8) -> String {
    let body = json!({
        "kind": "whapi", "sid": format!("whapi-{number}"), "name": format!("WhatsApp {number}"),
        "secrets": { "token": format!("sandbox-whapi-{number}") }, "priority": number,
    });
    account(stage, &body).await
}

async fn onesignal(stage: &Stage) -> String {
    let body = json!({
        "kind": "onesignal", "name": "Our app", "secrets": { "api_key": "sandbox-onesignal" },
        "properties": { "app_id": "00000000-0000-4000-8000-000000000001" },
    });
    account(stage, &body).await
}

/// A message by these channels, one after the other.
fn by(channels: &[&str]) -> Value {
    let steps: Vec<Value> = channels.iter().map(|channel| json!({ "channels": [channel] })).collect();
    json!({
        "to": { "phone": PERSON, "push": "ann" }, "type": "informational", "chain": steps,
        "text": "Your bicycle is ready.",
    })
}

/// How the accounts of a channel are, by their ids.
async fn health(stage: &Stage, channel: &str) -> (Value, Vec<(String, String, i64)>) {
    let all = stage.harness.get("/v1/health/channels").await.json();
    let found = all["channels"].as_array().unwrap().iter().find(|one| one["channel"] == channel);
    let found = found.unwrap_or_else(|| panic!("{all}"));
    let accounts = found["accounts"].as_array().unwrap().iter().map(|one| {
        let text = |name: &str| one[name].as_str().unwrap().to_owned();
        (text("account"), text("status"), one["failures"].as_i64().unwrap())
    });
    (found["status"].clone(), accounts.collect())
}

/// The accounts of a message's tries, in order.
async fn tried(stage: &Stage, message: &str) -> Vec<(String, String)> {
    let explained = stage.harness.get(&format!("/v1/messages/{message}/explain")).await.json();
    let attempts = explained["attempts"].as_array().unwrap_or_else(|| panic!("{explained}")).iter();
    let text = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
    attempts.map(|one| (text(one, "account"), text(one, "status"))).collect()
}

#[tokio::test]
async fn a_token_that_is_logged_out_gives_way_to_the_next_until_all_are_exhausted() {
    let stage = Stage::new().await;
    let (first, second, third) = (whapi(&stage, 1).await, whapi(&stage, 2).await, whapi(&stage, 3).await);
    let log_out = |channels: &[&str]| {
        let states = channels.iter().map(|id| ((*id).to_owned(), "QR".to_owned())).collect();
        stage.sandbox.knobs().change(|knobs| knobs.whapi_api.health = states);
    };
    log_out(&["SANDBOX-1"]);
    let message = stage.sent(&by(&["whatsapp"])).await;
    let shown = stage.when(&message, "delivered").await;
    assert_eq!((&shown["channel"], &shown["provider"]), (&json!("whatsapp"), &json!("whapi")));
    assert_eq!(shown["from_number"], "+15555550132", "the second token is another number");
    let refused = |account: &str| (account.to_owned(), "refused".to_owned());
    let tries = tried(&stage, &message).await;
    assert_eq!((&tries[0], &tries[1].0, tries.len()), (&refused(&first), &second, 2), "{tries:?}");
    let (status, accounts) = health(&stage, "whatsapp").await;
    assert_eq!(status, "degraded");
    assert_eq!(accounts[0], (first.clone(), "degraded".to_owned(), 1));
    assert_eq!(accounts[1], (second.clone(), "healthy".to_owned(), 0), "each token is judged by itself");

    log_out(&["SANDBOX-1", "SANDBOX-2", "SANDBOX-3"]);
    for round in 0..2 {
        let message = stage.sent(&by(&["whatsapp"])).await;
        let failed = stage.when(&message, "failed").await;
        assert_eq!(failed["error"], "HTTP 401", "{failed}");
        let all = [refused(&first), refused(&second), refused(&third)];
        assert_eq!(tried(&stage, &message).await, all, "round {round}");
    }
    let (_, accounts) = health(&stage, "whatsapp").await;
    assert_eq!(accounts[0], (first.clone(), "down".to_owned(), 3), "three failures in a row");
    let shown = stage.harness.get("/api/crm/comm-health").await.json();
    let of_first =
        shown["channels"].as_array().unwrap().iter().flat_map(|one| one["accounts"].as_array().unwrap());
    let of_first = of_first.clone().find(|one| one["account"] == first.as_str()).unwrap().clone();
    assert_eq!(of_first["reason"], "account");
    assert!(of_first["next_trial"].is_string() && of_first["since"].is_string(), "{of_first}");
    // What the last message showed may be noted between two looks.
    let mut looks = 0..50;
    while stage.harness.get("/api/voice/comm-health").await.json()
        != stage.harness.get("/api/crm/comm-health").await.json()
    {
        assert!(looks.next().is_some(), "both paths show the same");
    }

    log_out(&[]);
    let message = stage.sent(&by(&["whatsapp"])).await;
    stage.when(&message, "delivered").await;
    assert_eq!(tried(&stage, &message).await[0].0, second, "what is down is passed over");
    let reset = stage.post(&format!("/v1/health/channels/{first}/reset"), &json!({}), None).await;
    assert_eq!(reset.status, 200, "{}", reset.text());
    assert_eq!(health(&stage, "whatsapp").await.1[0], (first.clone(), "healthy".to_owned(), 0));
    let message = stage.sent(&by(&["whatsapp"])).await;
    stage.when(&message, "delivered").await;
    assert_eq!(tried(&stage, &message).await[0].0, first, "it is used again");
    let nobodys = stage.post("/api/crm/comm-health/email/reset", &json!({}), None).await;
    assert_eq!(nobodys.problem(404), "not_found");
    let by_channel = stage.post("/api/crm/comm-health/whatsapp/reset", &json!({}), None).await;
    assert_eq!(by_channel.status, 200, "{}", by_channel.text());
}

#[tokio::test]
async fn a_push_that_reaches_nobody_and_a_person_without_whatsapp_are_told_by_the_next_channel() {
    let stage = Stage::new().await;
    whapi(&stage, 1).await;
    onesignal(&stage).await;
    let message = stage.sent(&by(&["push", "sms"])).await;
    let shown = stage.when(&message, "sent").await;
    assert_eq!((&shown["channel"], &shown["provider"]), (&json!("push"), &json!("onesignal")));
    let made = stage.sandbox.onesignal();
    assert_eq!(made.as_object().unwrap().len(), 1, "{made}");
    stage.sandbox.knobs().change(|knobs| {
        knobs.onesignal_api.without_device = vec!["ann".to_owned()];
        knobs.whapi_api.without_whatsapp = vec![PERSON[1..].to_owned()];
    });
    let message = stage.sent(&by(&["push", "whatsapp", "sms"])).await;
    let shown = stage.when(&message, "delivered").await;
    assert_eq!(shown["channel"], "sms", "an empty id is a failure, and so is a number without WhatsApp");
    let explained = stage.harness.get(&format!("/v1/messages/{message}/explain")).await.json();
    let codes: Vec<_> =
        explained["attempts"].as_array().unwrap().iter().map(|one| &one["error_code"]).collect();
    assert_eq!(codes, [&json!("empty_id"), &json!("HTTP 404"), &Value::Null], "{explained}");
}

#[tokio::test]
async fn what_is_written_on_whatsapp_is_kept_once_under_the_number_without_its_former_digit() {
    let stage = Stage::new().await;
    let id = whapi(&stage, 1).await;
    let write =
        |message: Value| stage.sandbox.write_to_channel("SANDBOX-1", "5215555550177", &message).unwrap();
    // Echoes of our own are nobody's message.
    write(json!({ "id": "echo", "from_me": true, "text": { "body": "We are open." } }));
    for _ in 0..2 {
        write(json!({ "id": "one", "text": { "body": "Is my bicycle ready?" } }));
    }
    write(json!({ "id": "two", "type": "image", "image": {
        "mime_type": "image/png", "caption": "This one", "content": STANDARD.encode_to_string(b"png"),
    } }));
    let is_there =
        |shown: &Value| shown["data"][0]["unread"] == 2 || shown["data"][0]["last_message_at"].is_string();
    let conversations = stage.harness.shows("/v1/conversations", is_there).await;
    let conversation = &conversations["data"][0];
    assert_eq!(conversation["channel"], "whatsapp", "{conversations}");
    assert_eq!(conversation["address"], "+525555550177", "{conversations}");
    assert_eq!(conversations["data"].as_array().unwrap().len(), 1);
    let path = format!("/v1/messages?conversation={}", conversation["id"].as_str().unwrap());
    let kept = stage
        .harness
        .shows(&path, |shown| {
            let is_two = shown["data"].as_array().is_some_and(|all| all.len() >= 2);
            is_two && shown.to_string().contains("/media/files/")
        })
        .await;
    let mut texts: Vec<_> =
        kept["data"].as_array().unwrap().iter().map(|one| one["content"].clone()).collect();
    texts.sort_by_key(ToString::to_string);
    assert_eq!(texts, ["Is my bicycle ready?", "This one"], "{kept}");
    let with_file = kept["data"].as_array().unwrap().iter().find(|one| one["content"] == "This one").unwrap();
    let file = &with_file["media"][0];
    let link = file["url"].as_str().unwrap().strip_prefix(&stage.base).unwrap();
    let opened = stage.harness.send(Request::get(link).body(Body::empty()).unwrap()).await;
    assert_eq!(
        (opened.status.as_u16(), &opened.body[..]),
        (200, b"png".as_slice()),
        "fetched with the token"
    );

    let told = json!({ "messages": [{ "id": "three", "from_me": false, "chat_id": "15550199@s.whatsapp.net", "type": "text",
        "text": { "body": "Believe me" } }] });
    for (path, secret) in [
        (format!("/hooks/whapi/{id}?tenant=ten_1"), "wrong"),
        (format!("/hooks/whapi/{id}?tenant=ten_1"), ""),
        (format!("/hooks/whapi/{id}"), "wrong"),
        ("/hooks/whapi/acc_none?tenant=ten_1".to_owned(), "wrong"),
    ] {
        let request = Request::post(&path).header("x-tandem-secret", secret);
        let answer = stage.harness.send(request.body(Body::from(told.to_string())).unwrap()).await;
        assert_eq!(answer.problem(401), "unauthorized", "{path}");
    }
    let again = stage.harness.get(&path).await.json();
    assert_eq!(again["data"].as_array().unwrap().len(), 2, "{again}");
}

/// A webhook of the shop's, signed with `secret`.
async fn told(stage: &Stage, path: &str, topic: &str, delivery: &str, secret: &str, body: &Value) -> Answer {
    let body = body.to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let request = Request::post(path)
        .header("x-shopify-hmac-sha256", STANDARD.encode_to_string(mac.finalize().into_bytes()))
        .header("x-shopify-topic", topic)
        .header("x-shopify-shop-domain", SHOP)
        .header("x-shopify-api-version", "2026-10")
        .header("x-shopify-webhook-id", delivery);
    stage.harness.send(request.body(Body::from(body)).unwrap()).await
}

#[tokio::test]
async fn an_order_becomes_one_message_by_the_tenants_rules_however_often_it_is_told() {
    let stage = Stage::new().await;
    let shop =
        json!({ "kind": "shopify", "sid": SHOP, "name": "Shop", "secrets": { "client_secret": "hush-1" } });
    let id = account(&stage, &shop).await;
    let rule = |when: &str, text: &str| json!({ "topic": "orders/create", "when": when, "channels": ["sms"], "text": text });
    let settings = json!({ "settings": { "shop_messages": [
        rule("financial_status == 'paid'", "Thank you, {{ customer.first_name }}: {{ name }} is on its way."),
        rule("financial_status == 'pending'", "Please pay."),
        rule("true", "Your number is {{ not_there }}."),
    ] } });
    let changed = stage.harness.json(Method::PATCH, "/v1/tenant", &settings).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    let wrong = json!({ "settings": { "shop_messages": [{ "topic": "orders/create", "when": "a ==", "text": "{{ a" }] } });
    let refused = stage.harness.json(Method::PATCH, "/v1/tenant", &wrong).await;
    assert_eq!(refused.problem(422), "invalid_body");

    let order = json!({
        "id": 1, "name": "#1001", "financial_status": "paid", "email": "ann@example.com",
        "customer": { "id": 7, "first_name": "Ann", "phone": "+1 555 555 0142" },
    });
    let path = "/hooks/shopify/orders/create";
    let stranger = told(&stage, path, "orders/create", "d1", "guessed", &order).await;
    assert_eq!(stranger.problem(401), "unauthorized");
    for path in [path, path, "/api/v1/webhooks/shopify/orders/create"] {
        let answer = told(&stage, path, "orders/create", "d1", "hush-1", &order).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }
    let is_delivered = |shown: &Value| shown["data"][0]["status"] == "delivered";
    let listed = stage.harness.shows("/v1/messages", is_delivered).await;
    let messages = listed["data"].as_array().unwrap();
    assert_eq!(messages.len(), 1, "{listed}");
    assert_eq!(messages[0]["content"], "Thank you, Ann: #1001 is on its way.");
    assert_eq!(messages[0]["to_number"], "+15555550142");

    let secret = json!({ "secret": "hush-2" });
    let path = format!("/v1/provider-accounts/{id}/secrets/client_secret");
    assert_eq!(stage.harness.json(Method::PUT, &path, &secret).await.status, 200);
    let forget = json!({ "shop_id": 1, "shop_domain": SHOP, "customer": { "id": 7, "email": "ann@example.com" },
        "orders_to_redact": [1] });
    for secret in ["hush-1", "hush-2"] {
        let answer =
            told(&stage, "/hooks/shopify/customers/redact", "customers/redact", "d2", secret, &forget).await;
        assert_eq!(answer.status, 200, "the secret before it counts: {}", answer.text());
    }
    let elsewhere = json!({ "shop_domain": "another.myshopify.com" });
    let bent = told(&stage, "/hooks/shopify/shop/redact", "shop/redact", "d3", "hush-2", &elsewhere).await;
    assert_eq!(bent.problem(401), "unauthorized", "the header names another shop than the body");
    let store = open_store(&stage.harness.folder).await;
    let part = store.tenant(&TenantId::known("ten_1"));
    let jobs = async || {
        let jobs = part.list::<Job>(&Filter::first(10)).await.unwrap();
        (!jobs.is_empty()).then_some(jobs)
    };
    let jobs = until(jobs, "somebody who is asked to forget").await;
    let [job] = &jobs[..] else { panic!("{jobs:?}") };
    let subject = &job.value.state["subject"]["email"];
    assert_eq!((job.value.kind.as_str(), subject), ("erase_person", &json!("ann@example.com")));
}
