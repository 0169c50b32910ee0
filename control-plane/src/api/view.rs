//! Calls as the API shows them.

use super::schema;
use crate::clock::rfc3339;
use engine::ports::Waterfall;
use serde::Serialize;
use serde_json::value::RawValue;
use store::{Call, CallStatus, Direction, Event, Turn};
use utoipa::ToSchema;

/// A call in a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CallView {
    id: String,
    #[schema(schema_with = schema::word::<CallStatus>)]
    status: CallStatus,
    #[schema(schema_with = schema::word::<Direction>)]
    direction: Direction,
    from: String,
    to: String,
    assistant_id: String,
    carrier_call_id: Option<String>,
    created_at: String,
    answered_at: Option<String>,
    ended_at: Option<String>,
    /// As the carrier bills it; until it does, as the engine saw it.
    duration_seconds: Option<i64>,
    end_reason: Option<String>,
    transfer_to: Option<String>,
    streams: i64,
    reconnects: i64,
}

impl From<Call> for CallView {
    fn from(call: Call) -> Self {
        Self {
            duration_seconds: call
                .carrier_duration_s
                .or_else(|| call.duration_ms.map(|ms| ms / 1_000 + i64::from(ms % 1_000 > 0))),
            id: call.id.into(),
            status: call.status,
            direction: call.direction,
            from: call.from_number,
            to: call.to_number,
            assistant_id: call.assistant_id,
            carrier_call_id: call.carrier_sid,
            created_at: rfc3339(call.created_at),
            answered_at: call.answered_at.map(rfc3339),
            ended_at: call.ended_at.map(rfc3339),
            end_reason: call.end_reason,
            transfer_to: call.transfer_to,
            streams: call.streams,
            reconnects: call.reconnects,
        }
    }
}

/// A call with what was said and what happened.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CallDetail {
    #[serde(flatten)]
    pub(crate) call: CallView,
    pub(crate) recording: Option<RecordingView>,
    pub(crate) turns: Vec<TurnView>,
    pub(crate) events: Vec<EventView>,
}

/// Where the recording is; while the call is live it grows.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CallRecording)]
pub(crate) struct RecordingView {
    pub(crate) url: String,
    pub(crate) duration_ms: Option<i64>,
    /// What it can be read as, `wav` or `ogg`; as `format` of the URL's query.
    pub(crate) formats: Vec<&'static str>,
}

/// A turn.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TurnView {
    number: i64,
    epoch: i64,
    caller: String,
    assistant: String,
    interrupted: bool,
    #[schema(value_type = Vec<Object>)]
    tools: Option<Box<RawValue>>,
    #[schema(value_type = Object)]
    usage: Option<Box<RawValue>>,
    /// When the stages were reached, ms since the start of the call.
    #[schema(value_type = Object)]
    waterfall: Waterfall,
    /// How long they took.
    latency: Latency,
}

impl From<Turn> for TurnView {
    fn from(turn: Turn) -> Self {
        let waterfall = serde_json::from_str(&turn.waterfall).unwrap_or_default();
        Self {
            number: turn.number,
            epoch: turn.epoch,
            caller: turn.caller,
            assistant: turn.assistant,
            interrupted: turn.interrupted,
            tools: RawValue::from_string(turn.tools).ok(),
            usage: RawValue::from_string(turn.usage).ok(),
            latency: Latency::from(&waterfall),
            waterfall,
        }
    }
}

/// How long each stage of a turn took after the one before it, in ms; `None` if either was not reached. A stage
/// that was ready early, because the answer was begun before the turn was over, took less than nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Latency {
    /// From the end of speech until the turn was taken to be over.
    endpointing_ms: Option<i64>,
    /// Until the model's first token.
    llm_first_token_ms: Option<i64>,
    /// Until the first clause was complete.
    first_sentence_ms: Option<i64>,
    /// Until the first byte of its audio.
    tts_first_byte_ms: Option<i64>,
    /// Until that audio was sent.
    first_frame_ms: Option<i64>,
    /// From the end of speech until the first audio was sent.
    total_ms: Option<i64>,
}

impl From<&Waterfall> for Latency {
    fn from(w: &Waterfall) -> Self {
        Self {
            endpointing_ms: between(w.speech_end_ms, w.endpoint_ms),
            llm_first_token_ms: between(w.endpoint_ms, w.llm_first_token_ms),
            first_sentence_ms: between(w.llm_first_token_ms, w.first_sentence_ms),
            tts_first_byte_ms: between(w.first_sentence_ms, w.tts_first_byte_ms),
            first_frame_ms: between(w.tts_first_byte_ms, w.first_frame_sent_ms),
            total_ms: between(w.speech_end_ms, w.first_frame_sent_ms),
        }
    }
}

fn between(start: Option<u64>, end: Option<u64>) -> Option<i64> {
    let signed = |ms| i64::try_from(ms).unwrap_or(i64::MAX);
    Some(signed(end?) - signed(start?))
}

/// Something that happened beside the turns.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventView {
    at: String,
    kind: String,
    #[schema(value_type = Object)]
    data: Option<Box<RawValue>>,
}

impl From<Event> for EventView {
    fn from(event: Event) -> Self {
        Self { at: rfc3339(event.at), kind: event.kind, data: RawValue::from_string(event.data).ok() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_stages_add_up_to_the_whole(stages in prop::array::uniform6(0_u64..600_000)) {
            let [speech, endpoint, token, sentence, byte, frame] = stages.map(Some);
            let latency = Latency::from(&Waterfall {
                speech_end_ms: speech,
                endpoint_ms: endpoint,
                llm_first_token_ms: token,
                first_sentence_ms: sentence,
                tts_first_byte_ms: byte,
                first_frame_sent_ms: frame,
                ..Waterfall::default()
            });
            let parts = [
                latency.endpointing_ms,
                latency.llm_first_token_ms,
                latency.first_sentence_ms,
                latency.tts_first_byte_ms,
                latency.first_frame_ms,
            ];
            prop_assert_eq!(parts.into_iter().sum::<Option<i64>>(), latency.total_ms);
        }
    }

    #[test]
    fn a_greeting_has_no_time_since_the_callers_speech() {
        let greeting =
            Waterfall { endpoint_ms: Some(5), first_frame_sent_ms: Some(90), ..Waterfall::default() };
        let latency = Latency::from(&greeting);
        assert_eq!((latency.total_ms, latency.endpointing_ms), (None, None));
    }
}
