//! What is kept of a call.

use super::{call_status::CallStatus, words};
use crate::ids::{CallId, NumberId, TenantId};

/// Who placed a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Somebody called the tenant.
    Inbound,
    /// The tenant called somebody.
    Outbound,
}

words!(Direction, "call direction", { Inbound => "inbound", Outbound => "outbound" });

/// A call that the carrier tells of for the first time, or that is to be placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCall {
    /// Its id, if it is new.
    pub id: CallId,
    /// The carrier's id for it (`CA…`), unique within the tenant; `None` until it is placed.
    pub carrier_sid: Option<String>,
    /// Which of the tenant's numbers it is on.
    pub number: Option<NumberId>,
    /// The call that it belongs to: a leg of it, or a call back.
    pub parent: Option<CallId>,
    /// Who placed it.
    pub direction: Direction,
    /// Who calls, as the carrier gave it; not always a number.
    pub from_number: String,
    /// Who is called.
    pub to_number: String,
    /// Which assistant answers.
    pub assistant_id: String,
    /// How far it has come.
    pub status: CallStatus,
    /// What is needed to place it and what became of that, a JSON object; `None` for a call that came in.
    pub outbound: Option<String>,
    /// Now.
    pub created_at: i64,
}

/// A call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its id.
    pub id: CallId,
    /// Whose it is.
    pub tenant: TenantId,
    /// The carrier's id for it (`CA…`); `None` until it is placed.
    pub carrier_sid: Option<String>,
    /// Which of the tenant's numbers it is on.
    pub number: Option<NumberId>,
    /// The call that it belongs to.
    pub parent: Option<CallId>,
    /// Who placed it.
    pub direction: Direction,
    /// Who calls, as the carrier gave it.
    pub from_number: String,
    /// Who is called.
    pub to_number: String,
    /// Which assistant answers.
    pub assistant_id: String,
    /// How far it has come.
    pub status: CallStatus,
    /// When we first heard of it.
    pub created_at: i64,
    /// When it was answered.
    pub answered_at: Option<i64>,
    /// When it was over.
    pub ended_at: Option<i64>,
    /// Its length as the carrier bills it, in s.
    pub carrier_duration_s: Option<i64>,
    /// Streams that were accepted for it.
    pub streams: i64,
    /// How often the carrier was asked to come back after a lost stream.
    pub reconnects: i64,
    /// Where it is to be, or was, handed to.
    pub transfer_to: Option<String>,
    /// Why it ended, in the engine's words.
    pub end_reason: Option<String>,
    /// Its length as the engine saw it, in ms.
    pub duration_ms: Option<i64>,
    /// Length of the recording, in ms.
    pub recording_ms: Option<i64>,
    /// Who answered a call that we placed, in the carrier's words: `human`, `machine_start` and the like.
    pub answered_by: Option<String>,
    /// What the carrier charged, in millionths of [`Call::price_unit`]; what it costs is positive.
    pub price_micros: Option<i64>,
    /// The currency of the price (ISO 4217).
    pub price_unit: Option<String>,
    /// Why it failed, in the carrier's words or ours.
    pub error: Option<String>,
    /// What is needed to place it and what became of that, a JSON object.
    pub outbound: Option<String>,
}

/// What is learned of a call beside its steps. What is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallFacts {
    /// The carrier's id for it, once it is placed. A call that has one keeps it.
    pub carrier_sid: Option<String>,
    /// Who answered.
    pub answered_by: Option<String>,
    /// What the carrier charged, in millionths of the unit, and the unit.
    pub price: Option<(i64, String)>,
    /// Why it failed.
    pub error: Option<String>,
    /// What became of placing it, a JSON object.
    pub outbound: Option<String>,
    /// Who answers it now.
    pub assistant_id: Option<String>,
}

/// A step forward in a call's life. Times and duration are kept from the first report that carries them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallMove {
    /// The status that the step starts from; if the call has another one by now, nothing changes.
    pub from: CallStatus,
    /// The status that it leads to; may be the same.
    pub to: CallStatus,
    /// When it was answered.
    pub answered_at: Option<i64>,
    /// When it was over.
    pub ended_at: Option<i64>,
    /// Its length as the carrier bills it, in s.
    pub carrier_duration_s: Option<i64>,
}

/// Which calls to list, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallFilter {
    /// With this status.
    pub status: Option<CallStatus>,
    /// From this caller.
    pub from_number: Option<String>,
    /// To this number.
    pub to_number: Option<String>,
    /// Created at or after.
    pub created_from: Option<i64>,
    /// Created before.
    pub created_until: Option<i64>,
    /// Placed by this side.
    pub direction: Option<Direction>,
    /// On this number of the tenant's.
    pub number: Option<NumberId>,
    /// Answered by this assistant, the last one if it was handed from one to another.
    pub assistant: Option<String>,
    /// In which this was said, by either side. Letters of the Latin alphabet are found in either case.
    pub said: Option<String>,
    /// Only calls that are not over.
    pub live: bool,
}

/// Where a page starts, and how long it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Only calls older than this one, given by its time and id.
    pub after: Option<(i64, CallId)>,
    /// At most this many.
    pub limit: u16,
}

/// A turn of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// From 1; 0 is the greeting.
    pub number: i64,
    /// The answer's epoch, unique within the call.
    pub epoch: i64,
    /// What the caller said.
    pub caller: String,
    /// What the caller heard.
    pub assistant: String,
    /// Whether the caller cut it short.
    pub interrupted: bool,
    /// Tools that were used, a JSON array.
    pub tools: String,
    /// When what happened, a JSON object.
    pub waterfall: String,
    /// Tokens, a JSON object.
    pub usage: String,
}

/// Something that happened in a call beside its turns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at: i64,
    /// What kind, such as `degraded`.
    pub kind: String,
    /// The rest, a JSON object.
    pub data: String,
}

/// A run of journal entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalChunk {
    /// Number of the first entry.
    pub first_seq: i64,
    /// The entries in order without gaps, a JSON array.
    pub entries: String,
}

/// How a call ended for the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedCall {
    /// When.
    pub at: i64,
    /// Why, in the engine's words.
    pub reason: String,
    /// Its length, in ms.
    pub duration_ms: i64,
    /// Length of the recording, in ms; `None` if nothing was recorded.
    pub recording_ms: Option<i64>,
    /// The conversation as the model would see it, a JSON array.
    pub context: String,
    /// Whether this is also the end for the carrier: not when the caller is handed over.
    pub final_for_carrier: bool,
}

/// One thing to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// A stream was accepted.
    StreamStarted {
        /// Which call.
        call: CallId,
        /// When.
        at: i64,
    },
    /// A turn is over.
    Turn {
        /// Which call.
        call: CallId,
        /// The turn.
        turn: Turn,
    },
    /// Inputs of the deciders.
    Journal {
        /// Which call.
        call: CallId,
        /// The entries.
        chunk: JournalChunk,
    },
    /// Something else happened.
    Event {
        /// Which call.
        call: CallId,
        /// What.
        event: Event,
    },
    /// The call is over for the engine.
    Ended {
        /// Which call.
        call: CallId,
        /// How.
        ended: EndedCall,
    },
}

impl Record {
    /// Which call it belongs to.
    #[must_use]
    pub const fn call(&self) -> &CallId {
        match self {
            Self::StreamStarted { call, .. }
            | Self::Turn { call, .. }
            | Self::Journal { call, .. }
            | Self::Event { call, .. }
            | Self::Ended { call, .. } => call,
        }
    }
}
