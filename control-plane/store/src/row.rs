//! Rows as the shared queries read them, before their text is understood.

use crate::{Call, CallStatus, Direction, StoreError, Turn};

/// A row of `calls`.
#[derive(Debug)]
#[expect(missing_docs, reason = "the columns are described at Call")]
pub struct CallRow {
    pub id: String,
    pub tenant_id: String,
    pub carrier_sid: String,
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
}

impl TryFrom<CallRow> for Call {
    type Error = StoreError;

    fn try_from(row: CallRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.into(),
            tenant: row.tenant_id.into(),
            carrier_sid: row.carrier_sid,
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
