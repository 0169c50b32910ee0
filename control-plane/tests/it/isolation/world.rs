//! Two tenants: one whose people ask, and one with a canary in every field.

use crate::support::*;
use axum::{
    body::Body as HttpBody,
    http::{Request, StatusCode},
};
use engine::provider::Secret;
use identity::{
    api_key::{NewKey, first},
    permission::Scope,
};
use serde_json::{Value, json};
use std::sync::Arc;
use store::{
    Body, CallStatus, Direction, Event, Filter, NewCall, Record, Store, Table, TenantId, TenantStore, Turn,
    ids::*,
    model::{
        audit::{Actor, AuditFilter},
        identity::{ApiKey, KeyMode, KeyStatus, Role},
    },
};

/// In every text of the other tenant, in lower case.
pub(super) const CANARY: &str = "canary";
const PASSWORD: &str = "four words of mine";

pub(super) struct World {
    pub(super) harness: Harness,
    store: Arc<dyn Store>,
    pub(super) own: TenantId,
    pub(super) other: TenantId,
    pub(super) others: Ids,
    /// An access token of a user with each role.
    pub(super) roles: Vec<(Role, String)>,
    /// A key with each scope.
    pub(super) scopes: Vec<(Scope, String)>,
    full_key: String,
    pub(super) test_key: String,
    expired_key: String,
    revoked_key: String,
    pub(super) platform_key: String,
}

/// What the other tenant has.
pub(super) struct Ids {
    pub(super) user: UserId,
    pub(super) membership: MembershipId,
    pub(super) session: SessionId,
    pub(super) key: KeyId,
    pub(super) account: AccountId,
    pub(super) number: NumberId,
    pub(super) hours: HoursId,
    pub(super) assistant: AssistantId,
    pub(super) queue: QueueId,
    pub(super) voicemail: VoicemailId,
    pub(super) recording: RecordingId,
    pub(super) budget: BudgetId,
    pub(super) endpoint: EndpointId,
    pub(super) delivery: DeliveryId,
    pub(super) job: JobId,
    pub(super) health: HealthId,
    pub(super) call: CallId,
    pub(super) flow: FlowId,
    pub(super) contact: ContactId,
    pub(super) conversation: ConversationId,
    pub(super) message: MessageId,
    pub(super) batch: BatchId,
    pub(super) column: BoardColumnId,
    pub(super) chip: ChannelChipId,
    pub(super) canned: CannedReplyId,
    pub(super) team: TeamId,
}

impl World {
    pub(super) async fn new() -> Self {
        let harness = Harness::with(|settings| {
            settings.limits.rate.write.requests = 1_000_000;
            settings.limits.rate.spend.requests = 1_000_000;
            for address in settings.services.addresses.values_mut() {
                *address = NOWHERE.parse().unwrap();
            }
        })
        .await;
        let store = open_store(&harness.folder).await;
        let (own, other) = (TenantId::generate(), TenantId::generate());
        put_tenant(&*store, &own, &json!({ "name": "Own", "slug": "own", "status": "active" })).await;
        let others = fill(&*store, &other, &harness).await;
        let key =
            |name: &str, mode| NewKey { name: name.to_owned(), scopes: Vec::new(), mode, expires_at: None };
        let platform_key =
            put_key(&*store, &TenantId::platform(), first(key("platform", KeyMode::Live))).await;
        let full_key = put_key(&*store, &own, first(key("full", KeyMode::Live))).await;
        let test_key = put_key(&*store, &own, first(key("test", KeyMode::Test))).await;
        let (secret, expired) = first(key("expired", KeyMode::Live));
        let expired_key = put_key(&*store, &own, (secret, ApiKey { expires_at: Some(1), ..expired })).await;
        let (secret, revoked) = first(key("revoked", KeyMode::Live));
        let revoked = ApiKey { status: KeyStatus::Revoked, ..revoked };
        let revoked_key = put_key(&*store, &own, (secret, revoked)).await;
        let mut scopes = Vec::new();
        for &scope in Scope::ALL {
            let new = NewKey { scopes: vec![scope], ..key(scope.as_str(), KeyMode::Live) };
            scopes.push((scope, put_key(&*store, &own, first(new)).await));
        }
        let mut roles = Vec::new();
        for &role in Role::ALL {
            roles.push((role, member(&harness, &platform_key, &own, role).await));
        }
        Self {
            harness,
            store,
            own,
            other,
            others,
            roles,
            scopes,
            full_key,
            test_key,
            expired_key,
            revoked_key,
            platform_key,
        }
    }

    /// Everybody who may do something in the own tenant.
    pub(super) fn everybody_here(&self) -> Vec<(String, &str)> {
        let roles = self.roles.iter().map(|(role, token)| (format!("a user who is {role}"), token.as_str()));
        let keys = [("a full key", &self.full_key), ("a test key", &self.test_key)];
        roles.chain(keys.map(|(who, key)| (who.to_owned(), key.as_str()))).collect()
    }

    /// What is no credential, or none any more.
    pub(super) fn worthless(&self) -> Vec<(&'static str, Option<&str>)> {
        vec![
            ("nothing", None),
            ("an empty one", Some("")),
            ("one that was guessed", Some("tdm_live_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")),
            ("a token that nobody signed", Some("eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1c3JfMSJ9.")),
            ("an expired key", Some(&self.expired_key)),
            ("a revoked key", Some(&self.revoked_key)),
        ]
    }

    /// All rows of the other tenant, to see whether one was changed.
    pub(super) async fn everything_of_the_other(&self) -> Vec<String> {
        let other = self.store.tenant(&self.other);
        let mut all = Vec::new();
        for table in Table::ALL {
            for row in other.documents(table, &Filter::first(1_000)).await.unwrap() {
                all.push(format!("{table:?} {row:?}"));
            }
        }
        let lines = other.audit_log(&AuditFilter { limit: 1_000, ..AuditFilter::default() }).await.unwrap();
        all.extend(lines.iter().map(|line| format!("{line:?}")));
        all.push(format!("{:?}", other.call(&self.others.call).await.unwrap()));
        all
    }
}

async fn put(part: &dyn TenantStore, table: Table, id: &str, body: &Value) {
    let mut tx = part.begin(&Actor::system("canary"), 1).await.unwrap();
    let body = Body::stored(body.to_string());
    assert!(tx.put_document(table, id, &body).await.unwrap(), "{table:?}");
    tx.commit().await.unwrap();
}

async fn put_tenant(store: &dyn Store, id: &TenantId, body: &Value) {
    put(&*store.platform(), Table::Tenants, id.as_str(), body).await;
}

async fn put_key(store: &dyn Store, tenant: &TenantId, (secret, key): (Secret, ApiKey)) -> String {
    let mut tx = store.tenant(tenant).begin(&Actor::system("test"), 1).await.unwrap();
    tx.insert(key).await.unwrap();
    tx.commit().await.unwrap();
    secret.reveal().to_owned()
}

/// A user with a part in a tenant, who has signed in: the access token.
async fn member(harness: &Harness, platform_key: &str, tenant: &TenantId, role: Role) -> String {
    let post = async |path: &str, bearer: Option<&str>, body: Value| {
        let mut request = Request::post(path)
            .header("content-type", "application/json")
            .header("tandem-tenant", tenant.as_str());
        if let Some(bearer) = bearer {
            request = request.header("authorization", format!("Bearer {bearer}"));
        }
        let answer = harness.send(request.body(HttpBody::from(body.to_string())).unwrap()).await;
        assert!(matches!(answer.status, StatusCode::OK | StatusCode::CREATED), "{path}: {}", answer.text());
        answer.json()
    };
    let email = format!("{role}@example.com");
    let invite = json!({ "email": email, "name": "Somebody", "role": role });
    let invited = post("/v1/members", Some(platform_key), invite).await;
    let accept = json!({ "token": invited["invitation"]["token"], "password": PASSWORD });
    post("/v1/auth/invitations/accept", None, accept).await;
    let proof = json!({ "email": email, "password": PASSWORD });
    let signed_in = post("/v1/auth/sign-in", None, proof).await;
    signed_in["session"]["access_token"].as_str().unwrap().to_owned()
}

/// Gives a tenant one of everything, with a canary in every text.
async fn fill(store: &dyn Store, tenant: &TenantId, harness: &Harness) -> Ids {
    let ids = Ids {
        user: UserId::generate(),
        membership: MembershipId::generate(),
        session: SessionId::generate(),
        key: KeyId::generate(),
        account: AccountId::generate(),
        number: NumberId::generate(),
        hours: HoursId::generate(),
        assistant: AssistantId::generate(),
        queue: QueueId::generate(),
        voicemail: VoicemailId::generate(),
        recording: RecordingId::generate(),
        budget: BudgetId::generate(),
        endpoint: EndpointId::generate(),
        delivery: DeliveryId::generate(),
        job: JobId::generate(),
        health: HealthId::generate(),
        call: CallId::new(),
        flow: FlowId::generate(),
        contact: ContactId::generate(),
        conversation: ConversationId::generate(),
        message: MessageId::generate(),
        batch: BatchId::generate(),
        column: BoardColumnId::generate(),
        chip: ChannelChipId::generate(),
        canned: CannedReplyId::generate(),
        team: TeamId::generate(),
    };
    put_tenant(
        store,
        tenant,
        &json!({ "name": "Canary Ltd", "slug": "canary", "status": "active", "settings": {
            "time_zone": "UTC", "voice": "canary-voice", "after_hours_greeting": "canary greeting",
            "recording": { "enabled": true, "disclosure": "canary disclosure", "retention_days": 1, "legal_hold": false },
            "transfer_targets": [{ "name": "canary-sales", "number": "+15550177" }],
        } }),
    )
    .await;
    let part = store.tenant(tenant);
    let platform = store.platform();
    let sealed = json!({ "sealed_with": DataKeyId::generate(), "sealed": "canary" });
    let new = NewCall {
        id: ids.call.clone(),
        carrier_sid: Some("CAcanary".to_owned()),
        number: None,
        parent: None,
        direction: Direction::Inbound,
        from_number: "canary-from".to_owned(),
        to_number: "canary-to".to_owned(),
        assistant_id: "canary-assistant".to_owned(),
        status: CallStatus::InProgress,
        outbound: None,
        created_at: 1,
    };
    part.ensure_call(new).await.unwrap();
    let call = ids.call.clone();
    let turn = Turn {
        number: 1,
        epoch: 1,
        caller: "canary said".to_owned(),
        assistant: "canary heard".to_owned(),
        interrupted: false,
        tools: json!([{ "name": "canary" }]).to_string(),
        waterfall: "{}".to_owned(),
        usage: "{}".to_owned(),
    };
    let event = Event { at: 1, kind: "canary_event".to_owned(), data: json!({ "of": "canary" }).to_string() };
    let chunk = store::JournalChunk { first_seq: 0, entries: json!([{ "canary": 1 }]).to_string() };
    part.append(&[
        Record::Turn { call: call.clone(), turn },
        Record::Event { call: call.clone(), event },
        Record::Journal { call: call.clone(), chunk },
    ])
    .await
    .unwrap();
    let recordings = harness.folder.0.join("recordings").join(tenant.as_str());
    std::fs::create_dir_all(&recordings).unwrap();
    std::fs::write(recordings.join(format!("{call}.wav")), b"RIFF canary").unwrap();

    put(&*platform, Table::Users, ids.user.as_str(), &json!({
        "email": "canary@example.com", "name": "Canary", "password_hash": null, "totp": null, "platform_admin": false,
        "status": "active",
    }))
    .await;
    put(
        &*platform,
        Table::Sessions,
        ids.session.as_str(),
        &json!({
            "user": ids.user, "token_hash": "canary-session", "previous_token_hash": null, "status": "active",
            "expires_at": i64::MAX, "ip": "canary-ip", "user_agent": "canary-agent",
        }),
    )
    .await;
    let address = ContactAddressId::generate();
    let rows = [
        (Table::Memberships, ids.membership.as_str(), json!({ "user": ids.user, "role": "owner" })),
        (Table::BoardColumns, ids.column.as_str(), json!({ "name": "canary column", "position": 0 })),
        (
            Table::ChannelChips,
            ids.chip.as_str(),
            json!({
                "channel_id": "canary_chip", "name": "canary chip", "default_entry_column_id": ids.column, "is_active": true,
            }),
        ),
        (Table::CannedReplies, ids.canned.as_str(), json!({ "shortcut": "canary", "text": "canary text" })),
        (
            Table::Teams,
            ids.team.as_str(),
            json!({ "name": "canary team", "members": [{ "user": ids.user, "capacity": 1, "available": true }] }),
        ),
        (
            Table::ApiKeys,
            ids.key.as_str(),
            json!({
                "name": "canary key", "hash": "canary-hash", "hint": "canary", "scopes": [], "mode": "live", "status": "active",
                "expires_at": null,
            }),
        ),
        (
            Table::ProviderAccounts,
            ids.account.as_str(),
            json!({
                "kind": "twilio", "mode": "own", "sid": "ACcanary", "name": "canary account",
                "secrets": { "auth_token": { "current": sealed, "previous": null } },
                "properties": { "api_key_sid": "SKcanary" }, "roles": ["canary"], "priority": 0, "status": "active",
            }),
        ),
        (
            Table::PhoneNumbers,
            ids.number.as_str(),
            json!({
                "e164": "+15550178", "carrier_sid": "PNcanary", "account": ids.account, "name": "canary number",
                "status": "active", "primary": true, "greeting": "canary", "voice": "canary", "flow": ids.flow,
                "routing": { "hours": ids.hours, "during": [{ "to": "message", "text": "canary" }], "after": [] },
            }),
        ),
        (
            Table::BusinessHours,
            ids.hours.as_str(),
            json!({
                "name": "canary hours", "time_zone": "UTC", "weekly": [],
                "exceptions": [{ "date": "2026-12-25", "name": "canary day", "open": [] }],
            }),
        ),
        (
            Table::Assistants,
            ids.assistant.as_str(),
            json!({
                "name": "canary assistant", "config": { "prompt": "canary prompt", "greeting": "canary" },
            }),
        ),
        (
            Table::Queues,
            ids.queue.as_str(),
            json!({
                "name": "canary queue", "members": [{ "user": ids.user }], "max_waiting": 1, "max_wait_s": 60,
                "announce_every_s": 30, "music_url": "https://canary.example.com/",
            }),
        ),
        (
            Table::Voicemails,
            ids.voicemail.as_str(),
            json!({
                "call": call, "number": ids.number, "from": "canary", "recording_sid": "REcanary", "duration_s": 1,
                "transcript": "canary", "status": "new",
            }),
        ),
        (
            Table::Budgets,
            ids.budget.as_str(),
            json!({
                "name": "canary budget", "kind": null, "period": "day", "limit_micros": 1, "currency": "USD", "hard": false,
                "alert_percents": [50],
            }),
        ),
        (
            Table::WebhookEndpoints,
            ids.endpoint.as_str(),
            json!({
                "url": "https://canary.example.com/", "name": "canary endpoint", "events": ["canary"], "secret": sealed,
                "previous_secret": null, "status": "active",
            }),
        ),
        (
            Table::WebhookDeliveries,
            ids.delivery.as_str(),
            json!({
                "endpoint": ids.endpoint, "event": "evt_canary", "kind": "canary", "payload": { "of": "canary" },
                "status": "pending", "attempts": 0, "last_status": null, "last_error": "canary", "last_at": null,
            }),
        ),
        (
            Table::Jobs,
            ids.job.as_str(),
            json!({
                "kind": "canary", "key": "canary", "subject": "canary", "status": "running", "step": "canary",
                "state": { "of": "canary" }, "attempts": 0, "error": "canary",
            }),
        ),
        (
            Table::Flows,
            ids.flow.as_str(),
            json!({
                "name": "canary flow",
                "routing": { "hours": ids.hours, "during": [{ "to": "message", "text": "canary" }], "after": [] },
            }),
        ),
        (
            Table::Contacts,
            ids.contact.as_str(),
            json!({
                "name": "Canary Person", "company": "Canary Ltd", "language": "en", "notes": "canary notes",
                "fields": { "canary": "canary" }, "lead_status": "canary", "lead_score": 1,
                "addresses": [{ "kind": "phone", "address": "+15550176" }],
            }),
        ),
        (
            Table::ContactAddresses,
            address.as_str(),
            json!({ "contact": ids.contact, "kind": "phone", "address": "+15550176" }),
        ),
        (
            Table::Conversations,
            ids.conversation.as_str(),
            json!({
                "channel": "sms", "number": ids.number, "own_address": "+15550178", "address": "+15550176",
                "contact": ids.contact, "status": "open", "last_message_at": 1,
            }),
        ),
        (
            Table::Communications,
            ids.message.as_str(),
            json!({
                "conversation": ids.conversation, "channel": "sms", "direction": "inbound", "from_number": "canary",
                "to_number": "+15550178", "content": "canary said", "media": [], "status": "received",
                "provider": "twilio", "provider_id": "SMcanary", "provider_status": null, "segments": 1,
            }),
        ),
        (
            Table::Batches,
            ids.batch.as_str(),
            json!({
                "name": "canary batch", "status": "paused", "message": { "text": "canary" }, "recipients": 1,
                "left": 1, "made_by": null, "send_at": null,
            }),
        ),
        (
            Table::Health,
            ids.health.as_str(),
            json!({
                "subject": "canary", "status": "down", "message": "canary", "critical": true, "failures": 3, "checked_at": 1,
                "latency_ms": null,
            }),
        ),
    ];
    for (table, id, body) in rows {
        put(&*part, table, id, &body).await;
    }
    ids
}
