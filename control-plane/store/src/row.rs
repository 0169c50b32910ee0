//! Rows as the shared queries read them, before their text is understood.

use crate::{
    Resource, StoreError,
    ids::{AccountId, CallId, KeyId, NumberId, TenantId},
    model::{
        audit::{Actor, ActorKind, AuditEntry},
        call::{Call, Direction, Turn},
        call_status::CallStatus,
        identity::KeyOwner,
        inbox::TenantEvent,
        number::{AccountOwner, NumberOwner},
        usage::Usage,
        work::TenantHealth,
    },
};

/// A row of `calls`.
#[derive(Debug)]
#[expect(missing_docs, reason = "the columns are described at Call")]
pub struct CallRow {
    pub id: String,
    pub tenant_id: String,
    pub carrier_sid: Option<String>,
    pub number_id: Option<String>,
    pub parent_id: Option<String>,
    pub direction: String,
    pub from_number: String,
    pub to_number: String,
    pub assistant_id: String,
    pub status: String,
    pub created_at: i64,
    pub answered_at: Option<i64>,
    pub ended_at: Option<i64>,
    pub carrier_duration_s: Option<i64>,
    pub streams: i64,
    pub reconnects: i64,
    pub transfer_to: Option<String>,
    pub end_reason: Option<String>,
    pub duration_ms: Option<i64>,
    pub recording_ms: Option<i64>,
    pub answered_by: Option<String>,
    pub price_micros: Option<i64>,
    pub price_unit: Option<String>,
    pub error: Option<String>,
    pub outbound: Option<String>,
}

impl TryFrom<CallRow> for Call {
    type Error = StoreError;

    fn try_from(row: CallRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: CallId::known(row.id),
            tenant: TenantId::known(row.tenant_id),
            carrier_sid: row.carrier_sid,
            number: row.number_id.map(NumberId::known),
            parent: row.parent_id.map(CallId::known),
            direction: Direction::parse(&row.direction)?,
            from_number: row.from_number,
            to_number: row.to_number,
            assistant_id: row.assistant_id,
            status: CallStatus::parse(&row.status)?,
            created_at: row.created_at,
            answered_at: row.answered_at,
            ended_at: row.ended_at,
            carrier_duration_s: row.carrier_duration_s,
            streams: row.streams,
            reconnects: row.reconnects,
            transfer_to: row.transfer_to,
            end_reason: row.end_reason,
            duration_ms: row.duration_ms,
            recording_ms: row.recording_ms,
            answered_by: row.answered_by,
            price_micros: row.price_micros,
            price_unit: row.price_unit,
            error: row.error,
            outbound: row.outbound,
        })
    }
}

/// A row of `turns`.
#[derive(Debug)]
#[expect(missing_docs, reason = "the columns are described at Turn")]
pub struct TurnRow {
    pub number: i64,
    pub epoch: i64,
    pub caller: String,
    pub assistant: String,
    pub interrupted: i64,
    pub tools: String,
    pub waterfall: String,
    pub usage: String,
}

impl From<TurnRow> for Turn {
    fn from(row: TurnRow) -> Self {
        Self {
            number: row.number,
            epoch: row.epoch,
            caller: row.caller,
            assistant: row.assistant,
            interrupted: row.interrupted != 0,
            tools: row.tools,
            waterfall: row.waterfall,
            usage: row.usage,
        }
    }
}

/// A row of `audit_log`.
#[derive(Debug)]
#[expect(missing_docs, reason = "the columns are described at AuditEntry")]
pub struct AuditRow {
    pub id: String,
    pub at: i64,
    pub actor_kind: String,
    pub actor: String,
    pub ip: Option<String>,
    pub request_id: Option<String>,
    pub action: String,
    pub object: String,
    pub before_body: Option<String>,
    pub after_body: Option<String>,
}

impl TryFrom<AuditRow> for AuditEntry {
    type Error = StoreError;

    fn try_from(row: AuditRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id,
            at: row.at,
            actor: Actor {
                kind: ActorKind::parse(&row.actor_kind)?,
                id: row.actor,
                ip: row.ip,
                request_id: row.request_id,
            },
            action: row.action,
            object: row.object,
            before: row.before_body,
            after: row.after_body,
        })
    }
}

/// What belongs to a tenant that was not known.
#[derive(Debug)]
#[expect(missing_docs, reason = "the columns are what they are called")]
pub struct OwnerRow {
    pub tenant_id: String,
    pub id: String,
}

impl From<OwnerRow> for KeyOwner {
    fn from(row: OwnerRow) -> Self {
        Self { key: KeyId::known(row.id), tenant: TenantId::known(row.tenant_id) }
    }
}

impl From<OwnerRow> for NumberOwner {
    fn from(row: OwnerRow) -> Self {
        Self { number: NumberId::known(row.id), tenant: TenantId::known(row.tenant_id) }
    }
}

impl From<OwnerRow> for AccountOwner {
    fn from(row: OwnerRow) -> Self {
        Self { account: AccountId::known(row.id), tenant: TenantId::known(row.tenant_id) }
    }
}

/// A user's part in a tenant.
#[derive(Debug)]
#[expect(missing_docs, reason = "the columns are what they are called")]
pub struct MembershipRow {
    pub tenant_id: String,
    pub body: String,
}

/// How a provider of a tenant is.
#[derive(Debug)]
#[expect(missing_docs, reason = "the columns are what they are called")]
pub struct TenantHealthRow {
    pub tenant_id: String,
    pub body: String,
}

impl TryFrom<TenantHealthRow> for TenantHealth {
    type Error = StoreError;

    fn try_from(row: TenantHealthRow) -> Result<Self, StoreError> {
        let health = serde_json::from_str(&row.body)
            .map_err(|source| StoreError::Unreadable { what: "health", source })?;
        Ok(Self { tenant: TenantId::known(row.tenant_id), health })
    }
}

/// A piece of work that was claimed.
#[derive(Debug)]
#[expect(missing_docs, reason = "the columns are described at Claim")]
pub struct ClaimRow {
    pub tenant: String,
    pub object: String,
    pub attempts: i64,
}

/// A remembered request.
#[derive(Debug)]
#[expect(missing_docs, reason = "the columns are described at IdempotencyRequest and StoredResponse")]
pub struct IdempotencyRow {
    pub request_hash: String,
    pub status: Option<i64>,
    pub response: Option<String>,
}

/// A remembered answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns are described at IdempotencyRequest and StoredResponse")]
pub struct AnswerRow {
    pub key: String,
    pub response: String,
}

/// A row of `usage_log`.
#[derive(Debug)]
#[expect(missing_docs, reason = "the columns are described at Usage")]
pub struct UsageRow {
    pub source: String,
    pub kind: String,
    pub quantity_micros: i64,
    pub unit: String,
    pub cost_micros: i64,
    pub currency: String,
    pub estimated: i64,
    pub call_id: Option<String>,
    pub period_start: i64,
    pub period_end: i64,
}

impl From<UsageRow> for Usage {
    fn from(row: UsageRow) -> Self {
        Self {
            source: row.source,
            kind: row.kind,
            quantity_micros: row.quantity_micros,
            unit: row.unit,
            cost_micros: row.cost_micros,
            currency: row.currency,
            estimated: row.estimated != 0,
            call: row.call_id.map(CallId::known),
            period_start: row.period_start,
            period_end: row.period_end,
        }
    }
}

/// What happened, and its place among all that did.
#[derive(Debug)]
#[expect(missing_docs, reason = "the columns are described at TenantEvent and TenantStore::events_after")]
pub struct ToldRow {
    pub position: i64,
    pub body: String,
}

impl TryFrom<ToldRow> for (i64, TenantEvent) {
    type Error = StoreError;

    fn try_from(row: ToldRow) -> Result<Self, StoreError> {
        let what = <TenantEvent as Resource>::TABLE.noun();
        let event =
            serde_json::from_str(&row.body).map_err(|source| StoreError::Unreadable { what, source })?;
        Ok((row.position, event))
    }
}
