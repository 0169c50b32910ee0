//! The timers of a call that a tenant would tune. The engine's own limits stand in its options.

use serde::Deserialize;
use std::ops::RangeInclusive;

/// Timers of a call. Seconds end in `_s`, milliseconds in `_ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Call {
    /// Longest call.
    pub max_duration_s: u64,
    /// Silence after which the caller is spoken to again.
    pub idle_after_ms: u64,
    /// Silence after which the call ends, idle prompts included.
    pub max_silence_s: u64,
    /// Silence that ends an utterance.
    pub endpointing_ms: u64,
    /// Time without a word that ends an utterance even in noise.
    pub utterance_end_ms: u64,
    /// Continuous speech that interrupts the assistant.
    pub barge_in_ms: u64,
    /// Time after which a running tool is talked over.
    pub tool_filler_ms: u64,
}

impl Default for Call {
    fn default() -> Self {
        Self {
            max_duration_s: 1_800,
            idle_after_ms: 8_000,
            max_silence_s: 30,
            endpointing_ms: 300,
            utterance_end_ms: 1_000,
            barge_in_ms: 200,
            tool_filler_ms: 1_500,
        }
    }
}

impl Call {
    /// Each timer with its key, its unit and what it may be.
    pub(super) const fn timers(&self) -> [(&'static str, &'static str, u64, RangeInclusive<u64>); 7] {
        [
            // A call at the carrier lasts at most 24 hours.
            ("max_duration_s", "seconds", self.max_duration_s, 10..=86_400),
            ("idle_after_ms", "milliseconds", self.idle_after_ms, 1_000..=120_000),
            ("max_silence_s", "seconds", self.max_silence_s, 5..=3_600),
            ("endpointing_ms", "milliseconds", self.endpointing_ms, 10..=5_000),
            // Recognisers refuse less than a second.
            ("utterance_end_ms", "milliseconds", self.utterance_end_ms, 1_000..=10_000),
            // Shorter is a cough; longer, and the caller is no longer interrupting but waiting.
            ("barge_in_ms", "milliseconds", self.barge_in_ms, 60..=2_000),
            ("tool_filler_ms", "milliseconds", self.tool_filler_ms, 200..=30_000),
        ]
    }
}
