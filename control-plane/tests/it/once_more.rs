//! Sends every POST of the OpenAPI document that takes an `Idempotency-Key` twice: the second time it is answered as the first,
//! without asking anybody outside, who does not answer then.
//!
//! An operation that has no example here fails the test: whoever adds one says what is sent.

use crate::support::*;
use axum::{body::Body, http::Request};
use engine::provider::Secret;
use fixtures::sandbox::{Sandbox, SandboxOptions, TwilioFault, TwilioRule};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use store::{
    CallId, CallStatus, Direction, NewCall, Store, Table, TenantId,
    ids::{ContactId, ConversationId, QueueId},
    model::{
        audit::Actor,
        message::Conversation,
        queue::{QueueEntry, QueueEntryStatus},
    },
};
use twilio_rest::{Credentials, TwilioOptions};

const MAIN: &str = "AC00000000000000000000000000000000";
const OWN: &str = "ten_1";
/// What is shown once and is `null` in the answer that comes again.
const SHOWN_ONCE: [&str; 4] = ["/key", "/invitation/token", "/token", "/secret"];

/// What has no effect: nothing needs to be remembered of it.
const ONLY_LOOKS: [&str; 5] = [
    "/api/voice/test-incoming",
    "/v1/calls/test-incoming",
    "/v1/numbers/{id}/simulate",
    // Well again twice is well again, and another path of the same is tried.
    "/api/crm/comm-health/{channel}/reset",
    "/v1/templates/{id}/preview",
];
/// What is ordered in a call that the engine has; there is none here.
const OF_A_LIVE_CALL: [&str; 4] =
    ["/v1/calls/{id}/mute", "/v1/calls/{id}/say", "/v1/calls/{id}/transfer", "/v1/calls/{id}/unmute"];

/// What is sent.
struct Example {
    path: String,
    tenant: String,
    body: Value,
}

struct World {
    sandbox: Sandbox,
    harness: Harness,
    store: Arc<dyn Store>,
    /// Of the platform.
    key: String,
    /// Somebody who takes the tenant's calls.
    user: String,
    /// A number of the tenant's at the carrier.
    number: String,
}

impl World {
    async fn new() -> Self {
        let sandbox = Sandbox::start(SandboxOptions::without_delay()).await.unwrap();
        let harness = Harness::with(|settings| {
            settings.twilio = TwilioOptions {
                settle: Duration::from_millis(50),
                settle_poll: Duration::from_millis(10),
                ..TwilioOptions::at(sandbox.base_url().parse().unwrap())
            };
            settings.platform_account = Some(Credentials::AuthToken {
                account_sid: MAIN.parse().unwrap(),
                auth_token: Secret::new("sandbox"),
            });
            settings.tenant.twilio.account_sid = String::new();
            settings.limits.rate.write.requests = 1_000_000;
            settings.limits.rate.spend.requests = 1_000_000;
        })
        .await;
        let key = harness.plane.issue_key(&TenantId::platform().as_str().into(), "platform").await.unwrap();
        let store = open_store(&harness.folder).await;
        let key = key.reveal().to_owned();
        Self { sandbox, harness, store, key, user: String::new(), number: String::new() }
    }

    /// The tenant has an account, a number and somebody who takes calls.
    async fn fill(&mut self) {
        let path = format!("/v1/tenants/{OWN}/provisioning");
        self.made(&path, OWN, &json!({})).await;
        self.until(&path, OWN, "done").await;
        let account = format!("/v1/provider-accounts/{}", self.account().await);
        let roles = json!({ "roles": ["voice", "sms"] });
        let changed = self.ask("PATCH", &account, OWN, &roles, None).await;
        assert_eq!(changed.status, 200, "{}", changed.text());
        self.number = self.ordered("+15555550111").await["number"].as_str().unwrap().to_owned();
        let invite = json!({ "email": "ann@example.com", "name": "Ann", "role": "operator" });
        let invited = self.made("/v1/members", OWN, &invite).await;
        let accept = json!({ "token": invited["invitation"]["token"], "password": "four words of mine" });
        self.made("/v1/auth/invitations/accept", OWN, &accept).await;
        self.user = invited["user_id"].as_str().unwrap().to_owned();
    }

    async fn ask(&self, method: &str, path: &str, tenant: &str, body: &Value, once: Option<&str>) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {}", self.key))
            .header("content-type", "application/json");
        if !path.starts_with("/v1/tenants") && !path.starts_with("/v1/auth") {
            request = request.header("tandem-tenant", tenant);
        }
        if path.starts_with("/v1/auth") {
            request.headers_mut().unwrap().remove("authorization");
        }
        if let Some(once) = once {
            request = request.header("idempotency-key", once);
        }
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        self.harness.send(request.body(body).unwrap()).await
    }

    async fn made(&self, path: &str, tenant: &str, body: &Value) -> Value {
        let answer = self.ask("POST", path, tenant, body, None).await;
        assert!(answer.status.is_success(), "{path}: {} {}", answer.status, answer.text());
        answer.json()
    }

    /// The id of what was made.
    async fn id_of(&self, path: &str, body: Value) -> String {
        self.made(path, OWN, &body).await["id"].as_str().unwrap().to_owned()
    }

    /// The id of the tenant's account.
    async fn account(&self) -> String {
        let listed = self.ask("GET", "/v1/provider-accounts", OWN, &Value::Null, None).await.json();
        listed["data"][0]["id"].as_str().unwrap().to_owned()
    }

    /// Asks until the job has this status.
    async fn until(&self, path: &str, tenant: &str, status: &str) -> Value {
        let asking = async || {
            let job = self.ask("GET", path, tenant, &Value::Null, None).await.json();
            (job["status"] == status).then_some(job)
        };
        until(asking, &format!("{status} at {path}")).await
    }

    /// A number that was bought: its order.
    async fn ordered(&self, e164: &str) -> Value {
        let order = self.made("/v1/numbers/order", OWN, &json!({ "e164": e164 })).await;
        self.until(&format!("/v1/jobs/{}", order["job"]["id"].as_str().unwrap()), OWN, "done").await;
        order
    }

    /// Another tenant's id.
    async fn tenant(&self, slug: &str, provisioning: Option<Value>) -> String {
        let mut body = json!({ "name": slug, "slug": slug });
        if let Some(provisioning) = provisioning {
            body["provisioning"] = provisioning;
        }
        self.made("/v1/tenants", OWN, &body).await["id"].as_str().unwrap().to_owned()
    }

    /// A queue in which somebody waits.
    async fn queue(&self) -> String {
        let queue =
            self.id_of("/v1/queues", json!({ "name": "Sales", "members": [{ "user": self.user }] })).await;
        let call = CallId::new();
        let part = self.store.tenant(&TenantId::known(OWN));
        let new = NewCall {
            id: call.clone(),
            carrier_sid: Some("CA00000000000000000000000000000042".to_owned()),
            number: None,
            parent: None,
            direction: Direction::Inbound,
            from_number: CALLER.to_owned(),
            to_number: OWN_NUMBER.to_owned(),
            assistant_id: "asst_1".to_owned(),
            status: CallStatus::InProgress,
            outbound: None,
            created_at: 1,
        };
        part.ensure_call(new).await.unwrap();
        let waits = QueueEntry {
            queue: QueueId::known(queue.as_str()),
            call,
            status: QueueEntryStatus::Waiting,
            left_at: None,
            taken_by: None,
            taken_on: None,
            failed: String::new(),
            awaits_carrier: false,
        };
        let mut tx = part.begin(&Actor::system("test"), 1).await.unwrap();
        tx.insert(waits).await.unwrap();
        tx.commit().await.unwrap();
        queue
    }

    /// A conversation with somebody who has written.
    async fn conversation(&self) -> String {
        let id = ConversationId::generate();
        let body = json!({
            "channel": "sms", "number": null, "own_address": "+15550199", "address": "+15550142", "contact": null,
            "key": id, "status": "open", "last_message_at": 1,
        });
        let part = self.store.tenant(&TenantId::known(OWN));
        let mut tx = part.begin(&Actor::system("test"), 1).await.unwrap();
        let body = store::Body::stored(body.to_string());
        assert!(tx.put_document(Table::Conversations, id.as_str(), &body).await.unwrap());
        tx.commit().await.unwrap();
        id.to_string()
    }

    /// The conversation is with this contact.
    async fn given(&self, conversation: &str, contact: &str) {
        let part = self.store.tenant(&TenantId::known(OWN));
        let mut tx = part.begin(&Actor::system("test"), 1).await.unwrap();
        let id = ConversationId::known(conversation);
        let row = tx.get::<Conversation>(&id).await.unwrap().unwrap();
        let value = Conversation {
            key: Some(contact.to_owned()),
            contact: Some(ContactId::known(contact)),
            ..row.value
        };
        tx.update(&id, row.version, value).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn example(&self, path: &str) -> Example {
        let at = |id: &str| path.replace("{id}", id).replace("{tenant_id}", id);
        let of_own = |path: String, body: Value| Example { path, tenant: OWN.to_owned(), body };
        let named = |body: Value| of_own(path.to_owned(), body);
        let account = json!({ "sid": MAIN, "auth_token": "sandbox" });
        let in_an_hour = jiff::Timestamp::now().checked_add(jiff::SignedDuration::from_hours(1)).unwrap();
        let planned = json!({ "to": "+15550142", "not_before": in_an_hour.to_string() });
        let endpoint = json!({ "url": "https://example.com/", "name": "Shop" });
        let batch = json!({
            "name": "News", "message": { "text": "Hello." }, "recipients": [{ "phone": "+15550142" }],
        });
        match path {
            "/api/real/test/twilio" | "/v1/health/providers/check" | "/v1/recordings/apply-retention" => {
                named(Value::Null)
            }
            "/v1/health/channels/{id}/reset" => of_own(at(&self.account().await), Value::Null),
            "/api/real/voice/call" | "/api/vapi/call" => named(json!({ "to": "+15550142" })),
            "/v1/calls" => named(planned),
            "/v1/calls/{id}/hang-up" => of_own(at(&self.id_of("/v1/calls", planned).await), Value::Null),
            "/v1/board/columns" => named(json!({ "name": "New" })),
            "/v1/channel-chips" => named(json!({ "channel_id": "sms_twilio", "name": "Texts" })),
            "/v1/canned-replies" => named(json!({ "shortcut": "hours", "text": "From nine to five." })),
            "/v1/teams" => named(json!({ "name": "Support", "members": [{ "user": self.user }] })),
            "/v1/conversations/{id}/takeover" => {
                of_own(at(&self.conversation().await), json!({ "user": self.user, "intro": true }))
            }
            "/v1/conversations/{id}/release" | "/v1/conversations/{id}/pause" => {
                of_own(at(&self.conversation().await), Value::Null)
            }
            "/v1/conversations/{id}/messages" => {
                of_own(at(&self.conversation().await), json!({ "text": "Hello.", "user": self.user }))
            }
            "/v1/contacts/{id}/merge" => {
                let kept = self.id_of("/v1/contacts", json!({ "name": "Ann" })).await;
                let other = self.id_of("/v1/contacts", json!({ "name": "Anne" })).await;
                of_own(at(&kept), json!({ "other": other }))
            }
            "/api/sms/human-control-intro" => {
                let body = json!({
                    "name": "Bea", "addresses": [{ "kind": "phone", "address": "+15550143" }],
                });
                let contact = self.id_of("/v1/contacts", body).await;
                let conversation = self.conversation().await;
                self.given(&conversation, &contact).await;
                named(json!({ "phoneNumber": "+15550143", "agentId": self.user }))
            }
            "/v1/api-keys" => named(json!({ "name": "Shop" })),
            "/v1/api-keys/{id}/rotate" => {
                let id = self.id_of("/v1/api-keys", json!({ "name": "Old" })).await;
                of_own(at(&id), json!({ "overlap_s": 60 }))
            }
            "/v1/assistants" => named(json!({ "name": "Reception", "config": { "prompt": "Be kind." } })),
            "/v1/budgets" => named(json!({ "name": "All", "period": "month", "limit": "1" })),
            "/v1/business-hours" => named(json!({ "name": "Office", "weekly": [] })),
            "/v1/contacts" => {
                named(json!({ "name": "Ann", "addresses": [{ "kind": "phone", "address": "+15550176" }] }))
            }
            "/v1/flows" => named(json!({ "name": "Night", "routing": { "during": [], "after": [] } })),
            "/v1/jobs/{id}/cancel" => {
                let order = self.ordered("+15555550112").await;
                of_own(at(order["job"]["id"].as_str().unwrap()), Value::Null)
            }
            "/v1/jobs/{id}/retry" => {
                // The number is another tenant's.
                let wish = json!({ "account": account, "number": { "e164": OWN_NUMBER } });
                let tenant = self.tenant("waits", Some(wish)).await;
                let job = format!("/v1/tenants/{tenant}/provisioning");
                let job = self.until(&job, &tenant, "failed").await;
                Example { path: at(job["id"].as_str().unwrap()), tenant, body: Value::Null }
            }
            "/v1/members" => {
                named(json!({ "email": "carla@example.com", "name": "Carla", "role": "viewer" }))
            }
            "/v1/members/{id}/invitation" => {
                let body = json!({ "email": "dan@example.com", "name": "Dan", "role": "viewer" });
                of_own(at(&self.id_of("/v1/members", body).await), Value::Null)
            }
            "/v1/messages" => named(json!({ "to": { "phone": "+15550142" }, "text": "Hello." })),
            "/v1/files" => named(json!({ "content_type": "image/png", "content": "iVBORw0KGgo=" })),
            "/v1/messages/batch" => named(batch),
            "/v1/messages/{id}/cancel" => {
                let later = json!({
                    "to": { "phone": "+15550142" }, "text": "Later.", "send_at": "2027-01-01T00:00:00Z",
                });
                of_own(at(&self.id_of("/v1/messages", later).await), Value::Null)
            }
            "/api/real/sms/send" => named(json!({ "to": "+15550142", "body": "Hello." })),
            "/api/real/sms/bulk" => named(json!({ "to": ["+15550142"], "body": "Hello." })),
            "/api/sms/send" => named(json!({ "phoneNumber": "+15550142", "message": "Hello." })),
            "/api/sms/schedule" => named(json!({
                "phoneNumber": "+15550142", "message": "Later.", "scheduledAt": "2027-01-01T00:00:00Z",
            })),
            "/api/sms/bulk-send" => {
                named(json!({ "recipients": [{ "phoneNumber": "+15550142" }], "message": "Hello." }))
            }
            "/v1/templates" => named(template("visit")),
            "/v1/templates/{id}/test" => {
                let id = self.id_of("/v1/templates", template("trial")).await;
                of_own(at(&id), json!({ "to": "ann@example.com" }))
            }
            "/v1/privacy/exports" | "/v1/privacy/erasures" => {
                named(json!({ "phone": "+15550187", "reason": "asked" }))
            }
            "/v1/consents" => named(json!({
                "channel": "sms", "address": "+15550143", "status": "opted_out", "evidence": "said so",
            })),
            "/v1/consents/import" => {
                named(json!({ "channel": "sms", "addresses": ["+15550144"], "evidence": "a list" }))
            }
            "/v1/batches/{id}/pause" | "/v1/batches/{id}/resume" | "/v1/batches/{id}/cancel" => {
                of_own(at(&self.id_of("/v1/messages/batch", batch).await), Value::Null)
            }
            "/v1/numbers" => named(json!({ "e164": "+15550161" })),
            "/v1/numbers/order" => named(json!({ "e164": "+15555550113" })),
            "/v1/numbers/{id}/carrier" => of_own(at(&self.number), Value::Null),
            "/v1/numbers/{id}/release" => {
                let order = self.ordered("+15555550114").await;
                of_own(at(order["number"].as_str().unwrap()), Value::Null)
            }
            "/v1/prices" => named(json!({
                "provider": "twilio", "country": "*", "kind": "voice_inbound", "unit": "minute", "price": "1",
                "effective_from": "2026-01-01T00:00:00Z",
            })),
            "/v1/provider-accounts" => named(json!({
                "kind": "twilio", "sid": MAIN, "name": "Main", "secrets": { "auth_token": "sandbox" },
            })),
            "/v1/queues" => named(json!({ "name": "Support" })),
            "/v1/queues/{id}/next" => of_own(at(&self.queue().await), json!({ "user": self.user })),
            "/v1/tenants" => {
                let provisioning = json!({ "account": account });
                named(json!({ "name": "New", "slug": "new", "provisioning": provisioning }))
            }
            "/v1/tenants/{tenant_id}/close" | "/v1/tenants/{tenant_id}/suspend" => {
                let slug = path.rsplit('/').next().unwrap();
                of_own(at(&self.tenant(slug, None).await), Value::Null)
            }
            "/v1/tenants/{tenant_id}/resume" => {
                let tenant = self.tenant("resumed", None).await;
                self.made(&format!("/v1/tenants/{tenant}/suspend"), OWN, &Value::Null).await;
                of_own(at(&tenant), Value::Null)
            }
            "/v1/tenants/{tenant_id}/provisioning" => {
                of_own(at(&self.tenant("brings-its-own", None).await), json!({ "account": account }))
            }
            "/v1/users/{id}/disable" | "/v1/users/{id}/enable" | "/v1/users/{id}/reset" => {
                let word = path.rsplit('/').next().unwrap();
                let body = json!({ "email": format!("{word}@example.com"), "name": "Eve", "role": "viewer" });
                let invited = self.made("/v1/members", OWN, &body).await;
                let accept =
                    json!({ "token": invited["invitation"]["token"], "password": "four words of mine" });
                self.made("/v1/auth/invitations/accept", OWN, &accept).await;
                of_own(at(invited["user_id"].as_str().unwrap()), Value::Null)
            }
            "/v1/webhook-endpoints" => named(endpoint),
            "/v1/webhook-endpoints/{id}/replay" => {
                let id = self.id_of("/v1/webhook-endpoints", endpoint).await;
                let body = json!({ "from": "2026-01-01T00:00:00Z", "until": "2027-01-01T00:00:00Z" });
                of_own(at(&id), body)
            }
            "/v1/webhook-endpoints/{id}/rotate-secret" => {
                let id = self.id_of("/v1/webhook-endpoints", endpoint).await;
                of_own(at(&id), json!({ "overlap_s": 60 }))
            }
            "/v1/webhook-endpoints/{id}/test" => {
                of_own(at(&self.id_of("/v1/webhook-endpoints", endpoint).await), Value::Null)
            }
            "/v1/webhook-deliveries/{id}/resend" => {
                let id = self.id_of("/v1/webhook-endpoints", endpoint).await;
                let test = format!("/v1/webhook-endpoints/{id}/test");
                of_own(at(&self.id_of(&test, Value::Null).await), Value::Null)
            }
            _ => panic!("{path} has no example of what is sent twice"),
        }
    }

    /// From now on nobody outside answers, or again as before.
    fn carrier_fails(&self, fails: bool) {
        let fault = TwilioFault::Error { status: 503, code: None, retry_after_ms: None };
        let rule = TwilioRule { fault: Some(fault), ..TwilioRule::default() };
        self.sandbox
            .knobs()
            .change(|knobs| knobs.twilio_rest.rules = if fails { vec![rule] } else { Vec::new() });
    }
}

fn template(name: &str) -> Value {
    let words = json!({ "sms": "See you.", "email": { "subject": "Your visit", "text": "See you." } });
    json!({ "name": name, "default_language": "en", "languages": { "en": words } })
}

/// The paths of the POSTs whose answers are remembered.
async fn paths(world: &World) -> Vec<String> {
    let document = world.harness.get("/v1/openapi.json").await.json();
    let takes_a_key = |operation: &Value| {
        let named = |parameter: &Value| parameter["$ref"] == "#/components/parameters/Idempotency-Key";
        operation["parameters"].as_array().is_some_and(|all| all.iter().any(named))
    };
    let items = document["paths"].as_object().unwrap().iter();
    items.filter(|(_, item)| takes_a_key(&item["post"])).map(|(path, _)| path.clone()).collect()
}

#[tokio::test]
async fn a_post_that_is_sent_again_is_answered_as_before_and_asks_nobody() {
    let mut world = World::new().await;
    let _background = world.harness.plane.background();
    world.fill().await;
    let paths = paths(&world).await;
    assert!(paths.len() > 30, "{paths:?}");
    for path in paths {
        if ONLY_LOOKS.contains(&path.as_str()) || OF_A_LIVE_CALL.contains(&path.as_str()) {
            continue;
        }
        let Example { path: sent, tenant, body } = world.example(&path).await;
        let key = path.replace(['/', '{', '}'], "-");
        let send = async || world.ask("POST", &sent, &tenant, &body, Some(&key)).await;
        let first = send().await;
        assert!(first.status.is_success(), "{path}: {} {}", first.status, first.text());
        assert_eq!(first.header("idempotent-replayed"), "", "{path}");
        world.carrier_fails(true);
        let again = send().await;
        world.carrier_fails(false);
        assert_eq!(
            (again.status, again.header("idempotent-replayed")),
            (first.status, "true"),
            "{path}: {}",
            again.text()
        );
        for header in ["location", "etag"] {
            assert_eq!(again.header(header), first.header(header), "{path}");
        }
        let (mut expected, again) = (first.json(), again.json());
        for pointer in SHOWN_ONCE {
            if again.pointer(pointer) == Some(&Value::Null)
                && let Some(shown) = expected.pointer_mut(pointer)
            {
                *shown = Value::Null;
            }
        }
        assert_eq!(again, expected, "{path}");
    }
}
