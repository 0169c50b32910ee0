//! Who changed what, and requests that must have their effect once.

use super::words;
use crate::{Body, Table};
use serde_json::{Map, Value};

/// Who is at work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// What kind.
    pub kind: ActorKind,
    /// A user's or key's id, or the name of a part of the program.
    pub id: String,
    /// From where.
    pub ip: Option<String>,
    /// In which request.
    pub request_id: Option<String>,
}

impl Actor {
    /// A part of the program itself.
    #[must_use]
    pub fn system(name: &str) -> Self {
        Self { kind: ActorKind::System, id: name.to_owned(), ip: None, request_id: None }
    }
}

/// What kind of actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ActorKind {
    /// A person.
    User,
    /// A program with a key.
    Key,
    /// Tandem itself.
    System,
}
words!(ActorKind, "kind of actor", { User => "user", Key => "key", System => "system" });

/// A line of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its id; ids sort by time.
    pub id: String,
    /// When.
    pub at: i64,
    /// Who.
    pub actor: Actor,
    /// What was done, such as `number.update`.
    pub action: String,
    /// With what.
    pub object: String,
    /// As it was, a JSON object; `None`: it was not there.
    pub before: Option<String>,
    /// As it is now, a JSON object; `None`: it is gone.
    pub after: Option<String>,
}

/// Which lines of the audit log to list, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// About this.
    pub object: Option<String>,
    /// By this actor.
    pub actor: Option<String>,
    /// Older than the line with this id.
    pub after: Option<String>,
    /// At most this many.
    pub limit: u16,
}

/// A resource as the audit log shows it: without hashes of what proves an identity, and of what is sealed only with
/// which key.
#[must_use]
pub fn shown(table: Table, body: &Body) -> String {
    let mut value: Value = serde_json::from_str(body.as_str()).unwrap_or_default();
    if let Value::Object(fields) = &mut value {
        for hidden in hidden(table) {
            if fields.get(*hidden).is_some_and(|value| !value.is_null()) {
                fields.insert((*hidden).to_owned(), "[hidden]".into());
            }
        }
    }
    hide_sealed(&mut value);
    value.to_string()
}

const fn hidden(table: Table) -> &'static [&'static str] {
    match table {
        Table::Users => &["password_hash", "proofs"],
        Table::Memberships => &["invitation"],
        Table::Sessions => &["token_hash", "previous_token_hash"],
        Table::ApiKeys => &["hash"],
        Table::DataKeys => &["wrapped"],
        Table::Tenants
        | Table::ProviderAccounts
        | Table::PhoneNumbers
        | Table::BusinessHours
        | Table::Assistants
        | Table::Queues
        | Table::QueueEntries
        | Table::Voicemails
        | Table::Recordings
        | Table::Prices
        | Table::Budgets
        | Table::WebhookEndpoints
        | Table::WebhookDeliveries
        | Table::InboundEvents
        | Table::Jobs
        | Table::Health
        | Table::Flows
        | Table::Contacts
        | Table::ContactAddresses
        | Table::Conversations
        | Table::Communications
        | Table::Attempts
        | Table::Batches
        | Table::BatchChunks
        | Table::Templates
        | Table::TemplateVersions
        | Table::Consents
        | Table::ChannelChips
        | Table::BoardColumns
        | Table::CannedReplies
        | Table::Teams
        | Table::Mailboxes
        | Table::ChannelHealth
        | Table::TenantEvents => &[],
    }
}

fn hide_sealed(value: &mut Value) {
    match value {
        Value::Object(fields) => match sealed_with(fields) {
            Some(key) => *value = format!("[sealed with {key}]").into(),
            None => fields.values_mut().for_each(hide_sealed),
        },
        Value::Array(values) => values.iter_mut().for_each(hide_sealed),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn sealed_with(fields: &Map<String, Value>) -> Option<String> {
    fields.get("sealed")?;
    fields.get("sealed_with")?.as_str().map(str::to_owned)
}

/// A request that must have its effect once, however often it comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyRequest {
    /// The key that the client gave, with whatever keeps it from meeting other clients' keys.
    pub key: String,
    /// Tells the request from others that came with the same key.
    pub request_hash: String,
    /// How long it is remembered.
    pub expires_at: i64,
}

/// An answer that is given again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredResponse {
    /// HTTP status.
    pub status: u16,
    /// The body.
    pub body: String,
}

/// What became of a request with an idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Idempotency {
    /// It comes for the first time: carry it out, then [`TenantTx::respond`](crate::TenantTx::respond).
    Fresh,
    /// It was carried out; this was the answer.
    Replay(StoredResponse),
    /// Another request came with this key.
    Mismatch,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ids::DataKeyId,
        model::account::{AccountMode, AccountStatus, Credential, ProviderAccount, Sealed},
        model::identity::{ApiKey, KeyMode, KeyStatus},
    };

    #[test]
    fn the_audit_log_never_shows_what_is_secret() {
        let sealed = |text: &str| Sealed { sealed_with: DataKeyId::generate(), sealed: text.to_owned() };
        let account = ProviderAccount {
            kind: "twilio".to_owned(),
            mode: AccountMode::Own,
            sid: "AC00000000000000000000000000000000".to_owned(),
            name: "Main".to_owned(),
            secrets: [(
                "auth_token".to_owned(),
                Credential { current: sealed("CANARY-1"), previous: Some(sealed("CANARY-2")) },
            )]
            .into(),
            properties: [].into(),
            roles: vec!["voice".to_owned()],
            priority: 0,
            status: AccountStatus::Active,
        };
        let text = shown(Table::ProviderAccounts, &Body::write(&account).unwrap());
        assert!(
            !text.contains("CANARY") && text.contains("[sealed with dek_") && text.contains("Main"),
            "{text}"
        );
        assert!(!format!("{account:?}").contains("CANARY"));

        let key = ApiKey {
            name: "first".to_owned(),
            hash: "CANARY".to_owned(),
            hint: "abcd".to_owned(),
            scopes: Vec::new(),
            mode: KeyMode::Live,
            status: KeyStatus::Active,
            expires_at: None,
        };
        let text = shown(Table::ApiKeys, &Body::write(&key).unwrap());
        assert!(!text.contains("CANARY") && text.contains("first"), "{text}");
        assert!(!format!("{key:?}").contains("CANARY"));
    }
}
