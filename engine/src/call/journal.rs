//! The journal: every input that reaches a decider, with its time, so that replaying it gives the same
//! decisions, bit for bit.

use crate::call::time::CallTime;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// One input of one decider.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct JournalEntry {
    /// From 0, without gaps over the call.
    pub seq: u64,
    /// When the decider was given it.
    pub at: CallTime,
    /// Which decider.
    pub decider: Decider,
    /// The input, as JSON.
    pub input: Box<RawValue>,
}

/// The deciders of a call whose inputs are journaled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decider {
    /// Turn-taking and conversation context.
    Turn,
    /// The playout ledger.
    Playout,
}
