//! What the store keeps of an event that the engine tells.

use engine::{
    ids::CallId,
    ports::{CallEvent, CallSummary, EndReason, TurnRecord},
};
use serde::Serialize;
use serde_json::json;
use store::{EndedCall, Event, JournalChunk, Record, Turn};

/// The records of one event; none for an empty run of journal entries.
///
/// # Errors
/// When the event has no JSON form, which would be a fault of ours.
pub(crate) fn records(call: &CallId, at: i64, event: &CallEvent) -> Result<Vec<Record>, serde_json::Error> {
    let call = store::CallId::known(call.0.as_str());
    Ok(match event {
        CallEvent::StreamStarted { stream_sid } => vec![
            Record::StreamStarted { call: call.clone(), at },
            other(call, at, "stream_started", &json!({ "stream_sid": stream_sid })),
        ],
        CallEvent::Journal { entries } => match entries.first() {
            Some(first) => {
                let chunk = JournalChunk { first_seq: signed(first.seq), entries: text(entries)? };
                vec![Record::Journal { call, chunk }]
            }
            None => Vec::new(),
        },
        CallEvent::Turn(turn) => vec![Record::Turn { call, turn: turn_of(turn)? }],
        CallEvent::Degraded { stage, cause } => {
            vec![other(call, at, "degraded", &json!({ "stage": stage, "cause": cause }))]
        }
        CallEvent::StreamLost => vec![other(call, at, "stream_lost", &json!({}))],
        CallEvent::Ended(summary) => vec![
            other(call.clone(), at, "ended", &json!({ "reason": summary.reason })),
            Record::Ended { call, ended: ended(at, summary)? },
        ],
    })
}

fn other(call: store::CallId, at: i64, kind: &str, data: &serde_json::Value) -> Record {
    Record::Event { call, event: Event { at, kind: kind.to_owned(), data: data.to_string() } }
}

fn turn_of(turn: &TurnRecord) -> Result<Turn, serde_json::Error> {
    Ok(Turn {
        number: i64::from(turn.number),
        epoch: i64::from(turn.epoch.0),
        caller: turn.caller.clone(),
        assistant: turn.assistant.clone(),
        interrupted: turn.interrupted,
        tools: text(&turn.tools)?,
        waterfall: text(&turn.waterfall)?,
        usage: text(&turn.usage)?,
    })
}

fn ended(at: i64, summary: &CallSummary) -> Result<EndedCall, serde_json::Error> {
    let final_for_carrier = match summary.reason {
        EndReason::CallerHungUp
        | EndReason::AssistantEnded
        | EndReason::OperatorEnded
        | EndReason::Silence
        | EndReason::MaxDuration
        | EndReason::Failed => true,
        // The caller is handed over, or the carrier will come back.
        EndReason::Transferred | EndReason::StreamLost | EndReason::Shutdown => false,
    };
    Ok(EndedCall {
        at,
        reason: name(summary.reason)?,
        duration_ms: signed(summary.duration_ms),
        recording_ms: summary.recorded.then_some(signed(summary.recording_ms)),
        context: text(&summary.context)?,
        final_for_carrier,
    })
}

/// The reason's own name in JSON, without quotes.
fn name(reason: EndReason) -> Result<String, serde_json::Error> {
    Ok(text(&reason)?.trim_matches('"').to_owned())
}

fn text(value: &(impl Serialize + ?Sized)) -> Result<String, serde_json::Error> {
    serde_json::to_string(value)
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
