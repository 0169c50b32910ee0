//! What a platform sets up for a tenant, and a tenant for itself: each resource's own rules.

use crate::support::*;
use axum::{
    body::Body,
    http::{Method, Request, StatusCode},
};
use fixtures::sandbox::{Sandbox, SandboxOptions};
use serde_json::{Value, json};

/// The sandbox's main account and its token.
const SANDBOX_ACCOUNT: &str = "AC00000000000000000000000000000000";
const SANDBOX_TOKEN: &str = "sandbox";

struct Platform {
    harness: Harness,
    key: String,
    sandbox: Sandbox,
}

impl Platform {
    async fn new() -> Self {
        let sandbox = Sandbox::start(SandboxOptions::without_delay()).await.unwrap();
        let address = sandbox.base_url();
        let harness = Harness::with(|settings| {
            settings.twilio = twilio_rest::TwilioOptions::at(address.parse().unwrap());
            for service in settings.services.addresses.values_mut() {
                *service = NOWHERE.parse().unwrap();
            }
        })
        .await;
        let platform = store::TenantId::platform();
        let key = harness.plane.issue_key(&platform.as_str().into(), "platform").await.unwrap();
        Self { harness, key: key.reveal().to_owned(), sandbox }
    }

    async fn ask(&self, method: Method, path: &str, tenant: Option<&str>, body: &Value) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        request = request.header("authorization", format!("Bearer {}", self.key));
        if let Some(tenant) = tenant {
            request = request.header("tandem-tenant", tenant);
        }
        if !body.is_null() {
            request = request.header("content-type", "application/json");
        }
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        self.harness.send(request.body(body).unwrap()).await
    }

    async fn post(&self, path: &str, tenant: &str, body: &Value) -> Answer {
        self.ask(Method::POST, path, Some(tenant), body).await
    }

    async fn get(&self, path: &str, tenant: &str) -> Value {
        let answer = self.ask(Method::GET, path, Some(tenant), &Value::Null).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
        answer.json()
    }

    /// A new tenant's id.
    async fn tenant(&self, slug: &str) -> String {
        let made = self.ask(Method::POST, "/v1/tenants", None, &json!({ "name": slug, "slug": slug })).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
        made.json()["id"].as_str().unwrap().to_owned()
    }
}

fn first_fault(answer: &Answer) -> (String, String) {
    let fault = &answer.json()["errors"][0];
    (fault["pointer"].as_str().unwrap().to_owned(), fault["code"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_tenant_is_added_suspended_served_again_and_closed_for_good() {
    let platform = Platform::new().await;
    let id = platform.tenant("first").await;
    let again =
        platform.ask(Method::POST, "/v1/tenants", None, &json!({ "name": "x", "slug": "first" })).await;
    assert_eq!(again.problem(409), "taken");
    let key = platform.post("/v1/api-keys", &id, &json!({ "name": "its own" })).await.json()["key"].clone();
    let own = async |method: Method, path: &str, body: Value| {
        let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
        let request = request.header("authorization", format!("Bearer {}", key.as_str().unwrap()));
        platform.harness.send(request.body(Body::from(body.to_string())).unwrap()).await
    };
    let step = async |step: &str| {
        let path = format!("/v1/tenants/{id}/{step}");
        let answer = platform.ask(Method::POST, &path, None, &Value::Null).await;
        (answer.status, answer.json()["status"].clone())
    };
    assert_eq!(own(Method::POST, "/v1/queues", json!({ "name": "A" })).await.status, StatusCode::CREATED);
    assert_eq!(step("suspend").await, (StatusCode::OK, json!("suspended")));
    assert_eq!(
        own(Method::POST, "/v1/queues", json!({ "name": "B" })).await.problem(403),
        "tenant_suspended"
    );
    assert_eq!(own(Method::GET, "/v1/queues", json!({})).await.status, StatusCode::OK, "it may still look");
    assert_eq!(step("resume").await, (StatusCode::OK, json!("active")));
    platform.post("/v1/numbers", &id, &json!({ "e164": "+15550101" })).await;
    assert_eq!(step("close").await, (StatusCode::OK, json!("closed")));
    assert_eq!(own(Method::GET, "/v1/queues", json!({})).await.problem(403), "tenant_suspended");
    assert_eq!(platform.get("/v1/numbers", &id).await["data"][0]["status"], "inactive");
    assert_eq!(step("resume").await.0, StatusCode::CONFLICT);
    let listed = platform.ask(Method::GET, "/v1/tenants?status=closed", None, &Value::Null).await.json();
    assert_eq!(listed["data"][0]["slug"], "first");
    let log = platform.ask(Method::GET, "/v1/audit-log", Some(&id), &Value::Null).await.json();
    let actions: Vec<_> = log["data"].as_array().unwrap().iter().map(|line| &line["action"]).collect();
    assert!(
        actions.contains(&&json!("tenant.update")) && actions.contains(&&json!("number.create")),
        "{log}"
    );
}

#[tokio::test]
async fn a_tenants_settings_name_only_what_it_has() {
    let platform = Platform::new().await;
    let id = platform.tenant("first").await;
    let hours = json!({ "name": "Office", "weekly": [{ "weekday": 1, "from": "09:00", "to": "17:00" }] });
    let hours = platform.post("/v1/business-hours", &id, &hours).await.json()["id"].clone();
    let elsewhere = platform.tenant("second").await;
    let change = json!({ "settings": { "default_hours": hours, "time_zone": "Europe/Berlin" } });
    let patch = async |tenant: &str| platform.ask(Method::PATCH, "/v1/tenant", Some(tenant), &change).await;
    let changed = patch(&id).await;
    assert_eq!(changed.json()["settings"]["time_zone"], "Europe/Berlin", "{}", changed.text());
    assert_eq!(changed.json()["settings"]["recording"]["enabled"], true, "the rest stays");
    let refused = patch(&elsewhere).await;
    assert_eq!(refused.problem(422), "invalid_body");
    assert_eq!(first_fault(&refused), ("/settings/default_hours".to_owned(), "unknown_reference".to_owned()));
    for (settings, pointer) in [
        (json!({ "time_zone": "Mars/Olympus" }), "/settings/time_zone"),
        (json!({ "recording": { "retention_days": 0 } }), "/settings/recording/retention_days"),
        (json!({ "quiet_hours": { "from": "24:00", "to": "08:00" } }), "/settings/quiet_hours/from"),
        (
            json!({ "transfer_targets": [{ "name": "a", "number": "5550100" }] }),
            "/settings/transfer_targets/0/number",
        ),
    ] {
        let body = json!({ "settings": settings });
        let answer = platform.ask(Method::PATCH, "/v1/tenant", Some(&id), &body).await;
        assert_eq!(
            (answer.status.as_u16(), first_fault(&answer).0.as_str()),
            (422, pointer),
            "{}",
            answer.text()
        );
    }
}

#[tokio::test]
async fn an_active_number_is_one_tenants_and_whose_is_not_said() {
    let platform = Platform::new().await;
    let (first, second) = (platform.tenant("first").await, platform.tenant("second").await);
    let number = json!({ "e164": "+15550101", "name": "Main", "primary": true });
    let made = platform.post("/v1/numbers", &first, &number).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let refused = platform.post("/v1/numbers", &second, &number).await;
    assert_eq!(refused.problem(409), "taken");
    assert!(!refused.text().contains("first") && !refused.text().contains(&first), "{}", refused.text());
    let other = json!({ "e164": "+15550102", "primary": true });
    assert_eq!(platform.post("/v1/numbers", &first, &other).await.status, StatusCode::CREATED);
    let listed = platform.get("/v1/numbers", &first).await;
    let primary: Vec<_> = listed["data"].as_array().unwrap().iter().map(|n| &n["primary"]).collect();
    assert_eq!(primary, [&json!(true), &json!(false)], "there is one to call from: the newest");
    let path = made.header("location").to_owned();
    let inactive = json!({ "status": "inactive" });
    assert_eq!(
        platform.ask(Method::PATCH, &path, Some(&first), &inactive).await.json()["status"],
        "inactive"
    );
    let now = platform.post("/v1/numbers", &second, &number).await;
    assert_eq!(now.status, StatusCode::CREATED, "{}", now.text());
    let back = platform.ask(Method::PATCH, &path, Some(&first), &json!({ "status": "active" })).await;
    assert_eq!(back.problem(409), "taken");
}

#[tokio::test]
async fn a_numbers_routing_leads_to_what_its_tenant_has() {
    let platform = Platform::new().await;
    let id = platform.tenant("first").await;
    let queue = platform.post("/v1/queues", &id, &json!({ "name": "Support" })).await.json()["id"].clone();
    let routing = |queue: &Value| {
        json!({
            "during": [{ "to": "queue", "queue": queue }, { "to": "assistant" }],
            "after": [{ "to": "forward", "number": "+15550142", "whisper": "A call" }, { "to": "voicemail", "greeting": null }],
        })
    };
    let number = json!({ "e164": "+15550101", "routing": routing(&queue) });
    let made = platform.post("/v1/numbers", &id, &number).await;
    assert_eq!(
        made.json()["routing"]["during"][0],
        json!({ "to": "queue", "queue": queue }),
        "{}",
        made.text()
    );
    let path = made.header("location").to_owned();
    let patch = async |routing: Value| {
        platform.ask(Method::PATCH, &path, Some(&id), &json!({ "routing": routing })).await
    };
    let unknown = patch(routing(&json!(store::ids::QueueId::generate()))).await;
    assert_eq!(first_fault(&unknown), ("/routing/during/0/queue".to_owned(), "unknown_reference".to_owned()));
    for (destination, pointer) in [
        (json!({ "to": "forward", "number": "0049" }), "/routing/during/0/number"),
        (json!({ "to": "message", "text": "" }), "/routing/during/0/text"),
        (json!({ "to": "nowhere" }), "/routing/during/0/to"),
        (json!({ "to": "queue", "queue": queue, "colour": "red" }), "/routing/during/0"),
    ] {
        let answer = patch(json!({ "during": [destination] })).await;
        assert_eq!(
            (answer.status.as_u16(), first_fault(&answer).0.as_str()),
            (422, pointer),
            "{}",
            answer.text()
        );
    }
}

#[tokio::test]
async fn hours_that_make_no_sense_are_refused() {
    let platform = Platform::new().await;
    for (hours, pointer) in [
        (json!({ "weekly": [{ "weekday": 8, "from": "09:00", "to": "17:00" }] }), "/weekly/0/weekday"),
        (json!({ "weekly": [{ "weekday": 1, "from": "09:00", "to": "09:00" }] }), "/weekly/0/to"),
        (
            json!({ "weekly": [
                { "weekday": 1, "from": "17:00", "to": "09:00" }, { "weekday": 2, "from": "08:00", "to": "10:00" },
            ] }),
            "/weekly/1",
        ),
        (json!({ "weekly": [{ "weekday": 1, "from": "9:00", "to": "17:00" }] }), "/weekly/0/from"),
        (
            json!({ "weekly": [], "exceptions": [{ "date": "2026-02-30", "name": "x" }] }),
            "/exceptions/0/date",
        ),
        (json!({ "weekly": [], "time_zone": "nowhere" }), "/time_zone"),
    ] {
        let mut hours = hours;
        hours["name"] = json!("Office");
        let answer = platform.post("/v1/business-hours", "ten_1", &hours).await;
        assert_eq!(
            (answer.status.as_u16(), first_fault(&answer).0.as_str()),
            (422, pointer),
            "{}",
            answer.text()
        );
    }
    let all_day = json!({ "name": "Always", "weekly": [{ "weekday": 7, "from": "00:00", "to": "24:00" }] });
    assert_eq!(platform.post("/v1/business-hours", "ten_1", &all_day).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn credentials_are_tried_before_they_are_stored_and_never_shown() {
    let platform = Platform::new().await;
    let account = |token: &str| json!({ "kind": "twilio", "sid": SANDBOX_ACCOUNT, "name": "Main", "secrets": { "auth_token": token } });
    let refused = platform.post("/v1/provider-accounts", "ten_1", &account("canary-wrong")).await;
    assert_eq!(refused.problem(422), "credentials_rejected");
    assert_eq!(first_fault(&refused).0, "/secrets/auth_token");
    assert!(!refused.text().contains("canary"), "{}", refused.text());
    let made = platform.post("/v1/provider-accounts", "ten_1", &account(SANDBOX_TOKEN)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    assert_eq!(made.json()["secrets"], json!([{ "name": "auth_token", "has_previous": false }]));
    let path = made.header("location").to_owned();
    let put = async |name: &str, secret: &str| {
        let path = format!("{path}/secrets/{name}");
        platform.ask(Method::PUT, &path, Some("ten_1"), &json!({ "secret": secret })).await
    };
    assert_eq!(put("auth_token", "canary-wrong").await.problem(422), "credentials_rejected");
    for (secret, has_previous) in [("canary-first", false), ("canary-second", true)] {
        let exchanged = put("webhooks_sharedkey_main", secret).await;
        assert_eq!(exchanged.json()["secrets"][1]["has_previous"], has_previous, "{}", exchanged.text());
    }
    // Nobody answers where the others are: nothing is stored unseen.
    let deepgram = json!({ "kind": "deepgram", "name": "Ears", "secrets": { "api_key": "key" } });
    let unknown = platform.post("/v1/provider-accounts", "ten_1", &deepgram).await;
    assert_eq!(unknown.problem(502), "provider_unavailable");
    let listed = platform.get("/v1/provider-accounts", "ten_1").await;
    assert_eq!(listed["data"].as_array().unwrap().iter().filter(|a| a["kind"] == "deepgram").count(), 0);
    assert!(!listed.to_string().contains(SANDBOX_TOKEN));
    let log = platform.get("/v1/audit-log?limit=100", "ten_1").await.to_string();
    assert!(
        log.contains("[sealed with dek_") && !log.contains("\"sealed\":") && !log.contains("canary"),
        "{log}"
    );
    assert!(platform.sandbox.requests(fixtures::sandbox::Service::Twilio) >= 3);
}

#[tokio::test]
async fn only_the_platform_says_where_a_provider_is() {
    let platform = Platform::new().await;
    let account = json!({
        "kind": "openai", "name": "Ours", "secrets": { "api_key": "key" }, "properties": { "base_url": "http://127.0.0.1:1/" },
    });
    let request = Request::post("/v1/provider-accounts")
        .header("authorization", format!("Bearer {}", platform.harness.key))
        .header("content-type", "application/json");
    let by_tenant = platform.harness.send(request.body(Body::from(account.to_string())).unwrap()).await;
    assert_eq!(by_tenant.problem(422), "invalid_body");
    assert_eq!(first_fault(&by_tenant).0, "/properties/base_url");
    let by_platform = platform.post("/v1/provider-accounts", "ten_1", &account).await;
    assert_eq!(by_platform.problem(502), "provider_unavailable", "it was asked, and nobody is there");
}

#[tokio::test]
async fn a_tools_secret_is_sealed_and_stays_with_its_tool() {
    let platform = Platform::new().await;
    let tool = json!({
        "name": "lookup", "kind": "http", "description": "Finds an order.", "url": "https://tools.example.com/",
        "signing_secret": "whsec_canary",
    });
    let assistant = json!({ "name": "Reception", "config": { "prompt": "Be kind.", "tools": [tool] } });
    let made = platform.post("/v1/assistants", "ten_1", &assistant).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let path = made.header("location").to_owned();
    let tool_of = |answer: &Answer| answer.json()["config"]["tools"][0].clone();
    assert_eq!(tool_of(&made)["has_signing_secret"], true);
    assert!(!made.text().contains("canary"), "{}", made.text());
    // What was read can be sent back, and the secret stays.
    let mut tool = tool_of(&made);
    tool["timeout_ms"] = json!(500);
    let change = json!({ "config": { "tools": [tool] } });
    let changed = platform.ask(Method::PATCH, &path, Some("ten_1"), &change).await;
    assert_eq!(tool_of(&changed)["timeout_ms"], 500, "{}", changed.text());
    assert_eq!(tool_of(&changed)["has_signing_secret"], true);
    assert_eq!(changed.json()["config"]["prompt"], "Be kind.");
    let renamed = json!({ "config": { "tools": [{ "name": "other", "kind": "end_call" }] } });
    let changed = platform.ask(Method::PATCH, &path, Some("ten_1"), &renamed).await;
    assert_eq!(tool_of(&changed)["has_signing_secret"], false, "{}", changed.text());
    let missing = json!({ "name": "x", "config": { "tools": [{ "name": "x", "kind": "http" }] } });
    let refused = platform.post("/v1/assistants", "ten_1", &missing).await;
    assert_eq!(first_fault(&refused).0, "/config/tools/0/url");
}

#[tokio::test]
async fn a_tool_in_our_own_network_is_refused_when_it_is_saved() {
    let platform = Platform::new().await;
    let tool =
        |url: &str| json!({ "name": "lookup", "kind": "http", "description": "Finds an order.", "url": url });
    let mut good = tool("https://tools.example.com/");
    good["name"] = json!("another");
    let assistant = |tools: Value| json!({ "name": "Reception", "config": { "tools": tools } });
    let made = platform.post("/v1/assistants", "ten_1", &assistant(json!([good]))).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let path = made.header("location").to_owned();
    for (url, why) in [
        ("https://127.0.0.1/", "it must be an address of the public internet"),
        ("https://[::ffff:127.0.0.1]/", "it must be an address of the public internet"),
        ("https://0x7f.1/", "it must be an address of the public internet"),
        ("https://169.254.169.254/latest/meta-data", "it must be an address of the public internet"),
        ("https://localhost:8080/", "it must be an address of the public internet"),
        ("http://tools.example.com/", "it must begin with https://"),
        ("https://ann@tools.example.com/", "it must have a host, and neither user, password nor fragment"),
    ] {
        let refused = platform.post("/v1/assistants", "ten_1", &assistant(json!([good, tool(url)]))).await;
        assert_eq!(refused.problem(422), "invalid_body", "{url}");
        assert_eq!(first_fault(&refused).0, "/config/tools/1/url", "{url}");
        assert_eq!(refused.json()["errors"][0]["detail"], why, "{url}");
        let change = json!({ "config": { "tools": [tool(url)] } });
        let refused = platform.ask(Method::PATCH, &path, Some("ten_1"), &change).await;
        assert_eq!(refused.problem(422), "invalid_body", "{url}");
    }
}

#[tokio::test]
async fn a_webhooks_secret_is_shown_once() {
    let platform = Platform::new().await;
    let endpoint = json!({ "url": "https://example.com/tandem", "name": "CRM", "events": ["call.ended"] });
    let request = || {
        Request::post("/v1/webhook-endpoints")
            .header("authorization", format!("Bearer {}", platform.key))
            .header("tandem-tenant", "ten_1")
            .header("content-type", "application/json")
            .header("idempotency-key", "once")
            .body(Body::from(endpoint.to_string()))
            .unwrap()
    };
    let made = platform.harness.send(request()).await;
    let secret = made.json()["secret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("whsec_") && secret.len() > 40);
    let again = platform.harness.send(request()).await;
    assert_eq!((again.header("idempotent-replayed"), &again.json()["secret"]), ("true", &Value::Null));
    let path = made.header("location").to_owned();
    assert!(!platform.get(&path, "ten_1").await.to_string().contains("whsec_"));
    let rotated = platform.post(&format!("{path}/rotate-secret"), "ten_1", &json!({})).await;
    assert_ne!(rotated.json()["secret"], json!(secret));
    assert!(rotated.json()["secret"].is_string(), "{}", rotated.text());
}

#[tokio::test]
async fn a_companys_telephony_is_read_and_changed_on_one_page() {
    let platform = Platform::new().await;
    let id = platform.tenant("first").await;
    let page = format!("/api/companies/{id}/twilio/config");
    let same = format!("/v1/tenants/{id}/providers/twilio");
    let get = async |path: &str| platform.ask(Method::GET, path, None, &Value::Null).await.json();
    let put = async |body: Value| platform.ask(Method::PUT, &page, None, &body).await;
    let empty = get(&page).await;
    assert_eq!((&empty["accountSid"], &empty["hasAuthToken"]), (&Value::Null, &json!(false)));
    assert_eq!(put(json!({ "authToken": "x" })).await.problem(422), "credentials_rejected");
    let wrong =
        put(json!({ "accountSid": SANDBOX_ACCOUNT, "authToken": "wrong", "phoneNumber": "+15550101" })).await;
    assert_eq!(wrong.problem(422), "credentials_rejected");
    assert_eq!(get(&page).await, empty, "nothing of it was stored");
    let set = json!({
        "accountSid": SANDBOX_ACCOUNT, "authToken": SANDBOX_TOKEN, "recordingEnabled": false,
        "phoneNumbers": [
            { "phoneNumber": "+15550101", "friendlyName": "Main", "isPrimary": true },
            { "phoneNumber": "+15550102", "status": "inactive" },
        ],
        "callRoutingMode": "forward", "forwardNumber": "+15550142", "whisperMessage": "A call",
    });
    let set = put(set).await;
    assert_eq!(set.status, StatusCode::OK, "{}", set.text());
    let shown = get(&same).await;
    assert_eq!(shown, set.json());
    assert_eq!((&shown["accountSid"], &shown["hasAuthToken"]), (&json!(SANDBOX_ACCOUNT), &json!(true)));
    assert_eq!((&shown["phoneNumber"], &shown["recordingEnabled"]), (&json!("+15550101"), &json!(false)));
    assert_eq!(
        (&shown["callRoutingMode"], &shown["forwardNumber"]),
        (&json!("forward"), &json!("+15550142"))
    );
    assert_eq!(shown["whisperMessage"], "A call");
    assert_eq!(shown["phoneNumbers"].as_array().unwrap().len(), 2);
    assert!(shown.get("authToken").is_none() && shown["lastUpdated"].is_string());
    let moved = put(json!({ "phoneNumber": "+15550102", "callRoutingMode": "ai-agent" })).await.json();
    assert_eq!((&moved["phoneNumber"], &moved["callRoutingMode"]), (&json!("+15550102"), &json!("ai-agent")));
    let emptied = put(json!({ "phoneNumbers": [] })).await.json();
    assert!(emptied["phoneNumbers"].as_array().unwrap().iter().all(|number| number["status"] == "inactive"));
    let accounts = platform.get("/v1/provider-accounts", &id).await;
    assert_eq!(accounts["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_secret_that_is_sent_again_does_not_drive_out_the_one_before_it() {
    let platform = Platform::new().await;
    let id = platform.tenant("first").await;
    let new = json!({ "kind": "twilio", "sid": SANDBOX_ACCOUNT, "name": "Main", "secrets": { "auth_token": SANDBOX_TOKEN } });
    let made = platform.post("/v1/provider-accounts", &id, &new).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let path = format!("{}/secrets/auth_token", made.header("location"));
    let put = async || {
        let body = json!({ "secret": SANDBOX_TOKEN });
        let answer = platform.ask(Method::PUT, &path, Some(&id), &body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        answer.json()
    };
    let first = put().await;
    assert_eq!(first["secrets"], json!([{ "name": "auth_token", "has_previous": false }]), "nothing is new");
    assert_eq!(put().await, first);
    let page = format!("/v1/tenants/{id}/providers/twilio");
    let all = json!({ "accountSid": SANDBOX_ACCOUNT, "authToken": SANDBOX_TOKEN });
    assert_eq!(platform.ask(Method::PUT, &page, None, &all).await.status, StatusCode::OK);
    let shown = platform.get(made.header("location"), &id).await;
    assert_eq!(shown["secrets"], first["secrets"], "the page was sent as a whole");
}

#[tokio::test]
async fn a_page_that_is_sent_back_as_it_was_shown_keeps_the_numbers_lists_and_names_the_account_of_new_ones()
{
    let platform = Platform::new().await;
    let id = platform.tenant("first").await;
    let account = json!({ "kind": "twilio", "sid": SANDBOX_ACCOUNT, "name": "Main", "secrets": { "auth_token": SANDBOX_TOKEN } });
    let account = platform.post("/v1/provider-accounts", &id, &account).await.json()["id"].clone();
    let queue = platform.post("/v1/queues", &id, &json!({ "name": "Support" })).await.json()["id"].clone();
    let during = json!([{ "to": "queue", "queue": queue }, { "to": "voicemail", "greeting": "Later." }]);
    let number = json!({ "e164": "+15550101", "primary": true, "routing": { "during": during } });
    let made = platform.post("/v1/numbers", &id, &number).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let page = format!("/v1/tenants/{id}/providers/twilio");
    let shown = platform.get(&page, &id).await;
    let mut back = json!({ "callRoutingMode": shown["callRoutingMode"], "recordingEnabled": false });
    back["phoneNumbers"] = json!([
        { "phoneNumber": "+15550101", "friendlyName": "+15550101", "isPrimary": true },
        { "phoneNumber": "+15550102" },
    ]);
    let put = platform.ask(Method::PUT, &page, None, &back).await;
    assert_eq!(put.status, StatusCode::OK, "{}", put.text());
    let kept = platform.get(made.header("location"), &id).await;
    assert_eq!(kept["routing"]["during"], during);
    let numbers = platform.get("/v1/numbers", &id).await;
    assert_eq!(
        (&numbers["data"][0]["e164"], &numbers["data"][0]["account"]),
        (&json!("+15550102"), &account)
    );
    // Another mode is another list.
    let other = json!({ "callRoutingMode": "voicemail" });
    assert_eq!(platform.ask(Method::PUT, &page, None, &other).await.status, StatusCode::OK);
    let changed = platform.get(made.header("location"), &id).await;
    assert_eq!(changed["routing"]["during"], json!([{ "to": "voicemail", "greeting": null }]));
}
