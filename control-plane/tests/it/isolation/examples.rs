//! What is tried with each operation: a path with another tenant's ids, the same with ids that nothing has, and a body that
//! names what is another tenant's wherever it can name something.

use super::{Operation, world::World};
use axum::http::Method;
use serde_json::{Value, json};
use store::ids::*;

/// What is tried with an operation.
pub(super) struct Example {
    /// With the ids of another tenant's things.
    pub(super) foreign_path: String,
    /// In one's own tenant, with ids that nothing has.
    pub(super) own_path: String,
    /// A body that would do, were what it names one's own.
    pub(super) body: Option<Value>,
}

/// The example of an operation.
///
/// # Panics
/// When there is none: whoever adds an operation adds its example.
pub(super) fn example(world: &World, operation: &Operation) -> Example {
    let Operation { method, path, takes_a_body, .. } = operation;
    let (foreign, unknown) = ids(world, path);
    // What goes on for ever is asked for something that there is not, or nobody would ever have read all of it.
    let path = if path == "/v1/events" { "/v1/events?types=nothing" } else { path };
    let with = |tenant: &str, id: &str| {
        path.replace("{tenant_id}", tenant)
            .replace("{id}", id)
            .replace("{name}", "auth_token")
            .replace("{provider}", "nobody")
            .replace("{phoneNumber}", "+15550178")
            .replace("{channel}", "whatsapp")
    };
    let foreign_path = with(world.other.as_str(), &foreign);
    let own_path = with(world.own.as_str(), &unknown);
    for filled in [&foreign_path, &own_path] {
        assert!(!filled.contains('{'), "{method} {path} names something that has no example");
    }
    let body = match (takes_a_body, method) {
        (true, method) => Some(body(world, method, path)),
        (false, &Method::POST) => Some(json!({})),
        (false, _) => None,
    };
    Example { foreign_path, own_path, body }
}

/// The id of what the other tenant has of the kind that the path names, and one that nothing has.
fn ids(world: &World, path: &str) -> (String, String) {
    if !path.contains("{id}") {
        return (String::new(), String::new());
    }
    let others = &world.others;
    let before = path.split("/{id}").next().unwrap_or_default();
    match before {
        "/v1/api-keys" => (others.key.to_string(), KeyId::generate().to_string()),
        "/v1/assistants" => (others.assistant.to_string(), AssistantId::generate().to_string()),
        "/v1/board/columns" => (others.column.to_string(), BoardColumnId::generate().to_string()),
        "/v1/channel-chips" => (others.chip.to_string(), ChannelChipId::generate().to_string()),
        "/v1/canned-replies" => (others.canned.to_string(), CannedReplyId::generate().to_string()),
        "/v1/teams" => (others.team.to_string(), TeamId::generate().to_string()),
        "/v1/batches" => (others.batch.to_string(), BatchId::generate().to_string()),
        "/v1/budgets" => (others.budget.to_string(), BudgetId::generate().to_string()),
        "/v1/business-hours" => (others.hours.to_string(), HoursId::generate().to_string()),
        "/v1/contacts" => (others.contact.to_string(), ContactId::generate().to_string()),
        "/v1/conversations" => (others.conversation.to_string(), ConversationId::generate().to_string()),
        "/v1/flows" => (others.flow.to_string(), FlowId::generate().to_string()),
        "/v1/messages" => (others.message.to_string(), MessageId::generate().to_string()),
        "/v1/calls" => (others.call.to_string(), CallId::generate().to_string()),
        "/v1/jobs" => (others.job.to_string(), JobId::generate().to_string()),
        "/v1/me/sessions" => (others.session.to_string(), SessionId::generate().to_string()),
        "/v1/members" => (others.membership.to_string(), MembershipId::generate().to_string()),
        "/v1/numbers" => (others.number.to_string(), NumberId::generate().to_string()),
        "/v1/provider-accounts" => (others.account.to_string(), AccountId::generate().to_string()),
        "/v1/privacy/requests" => (others.job.to_string(), JobId::generate().to_string()),
        "/v1/queues" => (others.queue.to_string(), QueueId::generate().to_string()),
        "/v1/recordings" => (others.recording.to_string(), RecordingId::generate().to_string()),
        "/v1/templates" => (others.template.to_string(), TemplateId::generate().to_string()),
        "/v1/users" => (others.user.to_string(), UserId::generate().to_string()),
        "/v1/voicemails" => (others.voicemail.to_string(), VoicemailId::generate().to_string()),
        "/v1/webhook-deliveries" => (others.delivery.to_string(), DeliveryId::generate().to_string()),
        "/v1/webhook-endpoints" => (others.endpoint.to_string(), EndpointId::generate().to_string()),
        "/v1/health/channels" => (others.account.to_string(), AccountId::generate().to_string()),
        "/v1/health" => (others.health.to_string(), HealthId::generate().to_string()),
        _ => panic!("{path} names something that has no example"),
    }
}

/// A body that names what is another tenant's.
fn body(world: &World, method: &Method, path: &str) -> Value {
    let others = &world.others;
    let routing = json!({
        "hours": others.hours,
        "during": [{ "to": "queue", "queue": others.queue }, { "to": "assistant", "assistant": others.assistant }],
        "after": [{ "to": "user", "user": others.user }],
    });
    let queue = json!({ "name": "Mine", "members": [{ "user": others.user }] });
    let assistant = json!({ "name": "Mine", "config": { "prompt": "Be kind." } });
    let hours = json!({ "name": "Mine", "weekly": [] });
    let settings = json!({ "default_assistant": others.assistant, "default_hours": others.hours });
    let endpoint = json!({ "url": "https://example.com/", "name": "Mine" });
    let twilio = json!({ "phoneNumbers": [{ "phoneNumber": "+15550178" }] });
    let budget = json!({ "name": "Mine", "period": "month", "limit": "1" });
    match (method.as_str(), path) {
        // A number from which nobody here can call: nothing is placed.
        ("POST", "/v1/calls") => {
            json!({ "to": "+15550178", "from": "+15550179", "assistant": others.assistant })
        }
        ("POST", "/api/real/voice/call") => {
            json!({ "to": "+15550178", "from": "+15550179", "companyId": world.other })
        }
        ("POST", "/api/vapi/call") => json!({ "to": "+15550178", "assistantId": "x" }),
        ("POST", "/v1/calls/{id}/say") => json!({ "text": "Hello." }),
        ("POST", "/v1/calls/{id}/transfer") => json!({ "to": "+15550178" }),
        ("POST", "/v1/messages") => json!({ "to": { "contact": others.contact }, "text": "Hello." }),
        ("POST", "/v1/messages/batch") => {
            json!({ "name": "Mine", "message": { "text": "Hello." }, "recipients": [{ "phone": "+15550178" }] })
        }
        ("POST", "/api/real/sms/send") => {
            json!({ "to": "+15550178", "body": "Hello.", "companyId": world.other })
        }
        ("POST", "/api/real/sms/bulk") => {
            json!({ "to": ["+15550178"], "body": "Hello.", "companyId": world.other })
        }
        ("POST", "/api/sms/send") => {
            json!({ "phoneNumber": "+15550178", "templateId": "canary", "leadId": others.contact })
        }
        ("POST", "/api/sms/schedule") => json!({
            "phoneNumber": "+15550178", "message": "Hello.", "leadId": others.contact, "scheduledAt": "2027-01-01T00:00:00Z",
        }),
        ("POST", "/api/sms/bulk-send") => {
            json!({ "recipients": [{ "phoneNumber": "+15550178" }], "templateId": "canary" })
        }
        ("POST", "/v1/templates") | ("PATCH", "/v1/templates/{id}") => {
            json!({ "name": "mine", "default_language": "en", "languages": { "en": { "sms": "Hello." } } })
        }
        ("POST", "/v1/templates/{id}/preview") => json!({}),
        ("POST", "/v1/templates/{id}/test") => json!({ "to": "canary@example.com" }),
        ("POST", "/v1/consents") => {
            json!({ "channel": "sms", "address": "+15550178", "status": "opted_out", "evidence": "said so" })
        }
        ("POST", "/v1/privacy/exports" | "/v1/privacy/erasures") => {
            json!({ "contact": others.contact, "phone": "+15550178", "reason": "asked" })
        }
        ("POST", "/v1/consents/import") => {
            json!({ "channel": "sms", "addresses": ["+15550178"], "evidence": "a list" })
        }
        ("PATCH", "/v1/recordings/{id}") => json!({ "legal_hold": true }),
        ("POST", "/v1/numbers/order") => json!({ "e164": "+15550178", "account": others.account }),
        ("POST", "/v1/numbers/{id}/simulate") => json!({}),
        ("PATCH", "/v1/voicemails/{id}") => json!({ "status": "heard" }),
        ("POST", "/v1/tenants/{tenant_id}/provisioning") => json!({}),
        ("POST", "/v1/budgets") | ("PATCH", "/v1/budgets/{id}") => budget,
        ("POST", "/v1/prices") => json!({
            "provider": "twilio", "country": "*", "kind": "voice_inbound", "unit": "minute", "price": "1",
            "effective_from": "2026-01-01T00:00:00Z",
        }),
        ("POST", "/v1/numbers") => {
            json!({ "e164": "+15550178", "account": others.account, "routing": routing, "flow": others.flow })
        }
        ("POST", "/v1/queues/{id}/next") => json!({ "user": others.user }),
        ("PATCH", "/v1/numbers/{id}") => json!({ "routing": routing, "flow": others.flow }),
        ("PUT", "/v1/numbers/{id}/config") => {
            json!({ "routeToQueue": others.queue, "callFlowId": others.flow })
        }
        ("POST", "/v1/flows") | ("PATCH", "/v1/flows/{id}") => json!({ "name": "Mine", "routing": routing }),
        ("POST", "/v1/contacts") | ("PATCH", "/v1/contacts/{id}") => {
            json!({ "name": "Mine", "addresses": [{ "kind": "phone", "address": "+15550178" }] })
        }
        // The other tenant's number: it is not known here.
        ("POST", "/v1/calls/test-incoming" | "/api/voice/test-incoming") => json!({ "to": "+15550178" }),
        ("POST", "/v1/board/columns") | ("PATCH", "/v1/board/columns/{id}") => json!({ "name": "Mine" }),
        ("POST", "/v1/channel-chips") | ("PATCH", "/v1/channel-chips/{id}") => json!({
            "channel_id": "mine", "name": "Mine", "default_entry_column_id": others.column,
        }),
        ("POST", "/v1/files") => json!({ "content_type": "text/plain", "content": "SGVsbG8=" }),
        ("POST", "/v1/canned-replies") | ("PATCH", "/v1/canned-replies/{id}") => {
            json!({ "shortcut": "mine", "text": "Mine" })
        }
        ("POST", "/v1/teams") | ("PATCH", "/v1/teams/{id}") => {
            json!({ "name": "Mine", "members": [{ "user": others.user }] })
        }
        ("PATCH", "/v1/conversations/{id}") => {
            json!({ "assignee": others.user, "team": others.team, "column": others.column })
        }
        ("POST", "/v1/conversations/{id}/takeover") => json!({ "user": others.user, "intro": true }),
        ("POST", "/v1/conversations/{id}/messages") => json!({ "text": "Hello.", "user": others.user }),
        ("POST", "/v1/contacts/{id}/merge") => json!({ "other": others.contact }),
        ("POST", "/api/sms/human-control-intro") => {
            json!({ "phoneNumber": "+15550178", "agentId": others.user, "companyId": world.other })
        }
        ("POST", "/v1/queues") | ("PATCH", "/v1/queues/{id}") => queue,
        ("POST", "/v1/assistants") | ("PATCH", "/v1/assistants/{id}") => assistant,
        ("POST", "/v1/business-hours") | ("PATCH", "/v1/business-hours/{id}") => hours,
        ("POST", "/v1/tenants") => json!({ "name": "Mine", "slug": "mine", "settings": settings }),
        ("PATCH", "/v1/tenant" | "/v1/tenants/{tenant_id}") => json!({ "settings": settings }),
        ("POST", "/v1/webhook-endpoints") | ("PATCH", "/v1/webhook-endpoints/{id}") => endpoint,
        ("POST", "/v1/webhook-endpoints/{id}/rotate-secret") => json!({ "overlap_s": 60 }),
        ("POST", "/v1/webhook-endpoints/{id}/replay") => {
            json!({ "from": "2026-01-01T00:00:00Z", "until": "2027-01-01T00:00:00Z" })
        }
        ("POST", "/v1/provider-accounts") => {
            json!({ "kind": "deepgram", "name": "Mine", "secrets": { "api_key": "x" } })
        }
        ("PATCH", "/v1/provider-accounts/{id}") => json!({ "name": "Mine" }),
        ("PUT", "/v1/provider-accounts/{id}/secrets/{name}") => json!({ "secret": "x" }),
        ("PUT", "/v1/tenants/{tenant_id}/providers/twilio" | "/api/companies/{tenant_id}/twilio/config") => {
            twilio
        }
        ("POST", "/v1/members") => {
            json!({ "email": "mine@example.com", "name": "Mine", "role": "viewer" })
        }
        ("PATCH", "/v1/members/{id}") => json!({ "role": "viewer" }),
        ("POST", "/v1/api-keys") => json!({ "name": "Mine" }),
        ("POST", "/v1/api-keys/{id}/rotate") => json!({ "overlap_s": 60 }),
        ("POST", "/v1/auth/invitations/accept") => json!({ "token": "x", "password": "four words of mine" }),
        ("POST", "/v1/auth/refresh") => json!({ "refresh_token": "x" }),
        ("POST", "/v1/auth/sign-in") => json!({ "email": "canary@example.com", "password": "x" }),
        ("POST", "/v1/auth/sign-out") => json!({ "everywhere": false }),
        ("POST", "/v1/auth/totp") => json!({ "token": "x", "code": "000000" }),
        ("PATCH", "/v1/me") => json!({ "name": "Me" }),
        ("POST", "/v1/me/password") => json!({ "current": "x", "password": "four words of mine" }),
        ("POST", "/v1/me/totp") => json!({ "password": "x" }),
        ("POST", "/v1/me/totp/confirm") => json!({ "code": "000000" }),
        ("POST", "/v1/me/totp/remove") => json!({ "code": "000000", "password": "x" }),
        _ => panic!("{method} {path} has no example of a body"),
    }
}
