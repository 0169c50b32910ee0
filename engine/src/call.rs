//! One call: a supervised tree of actors around pure deciders.
//!
//! ```text
//! supervisor        owns the call's life; replaces children, takes in a new stream, closes the books
//! ├─ stream         socket <-> frames, voice activity, the playout ledger
//! ├─ stt            recognition sessions; replays what no transcript covers
//! ├─ llm_turn       the only decision owner: turn-taking, context, tools
//! ├─ tts            synthesis sessions; speaks again what the ledger lacks
//! └─ recorder       both sides to disk; the call never dies of it
//! ```
//!
//! Deciders, plain and synchronous: [`turn`], [`endpointing`], [`context`], [`sentences`], [`playout`],
//! [`timeline`], [`progress`], [`restart`]. Each actor is a loop around one of them. Data travels in bounded
//! [`inbox::Inbox`]es that belong to the call and outlive any actor; what a full one means is said where it is
//! made. `LIFECYCLE.md` beside this file says who stops whom and what survives what.

pub mod context;
pub mod endpointing;
pub mod inbox;
pub mod journal;
pub mod listen;
pub mod playout;
pub mod progress;
pub mod replay;
pub mod restart;
pub mod sentences;
pub mod stt_feed;
pub mod supervisor;
pub mod time;
pub mod timeline;
pub mod turn;
pub mod wav;

pub(crate) mod caller_clock;
mod child;
#[cfg(test)]
mod counting;
mod llm_turn_actor;
mod recorder_actor;
mod replay_ring;
mod shared;
mod speech;
mod stream_actor;
mod stt_actor;
mod tts_actor;

use crate::ports::{CallEvent, LogFull};
use shared::Shared;

/// Keeps an event; one that the log has no room for is counted.
fn log(shared: &Shared, event: CallEvent) {
    if let Err(LogFull(_)) = shared.ports.log.record(&shared.plan.call, event) {
        metrics::counter!("tandem_log_events_dropped_total").increment(1);
        tracing::error!(call = %shared.plan.call, "an event of the call was dropped: the log is full");
    }
}

/// Notes that a stage was replaced or goes on with less.
fn degraded(shared: &Shared, stage: &'static str, cause: String) {
    metrics::counter!("tandem_stage_failures_total", "stage" => stage).increment(1);
    tracing::warn!(call = %shared.plan.call, stage, cause, "a stage failed");
    log(shared, CallEvent::Degraded { stage: stage.to_owned(), cause });
}
