//! The recording's clock: which position of the recording belongs to a carrier's timestamp, and to a time of the
//! call.
//!
//! The stream's own clock (`caller_clock`) serves what must never go back, voice activity and recognition, so it puts
//! an early or repeated frame behind the one before. A recording can still put a late frame where it belongs, and
//! must line both sides up although the carrier's crystal drifts; hence a clock of its own.

use crate::call::time::{CallTime, MICROS_PER_SAMPLE, SAMPLES_PER_MS};

/// The offset between the clocks is measured anew over so much of the caller's audio: 10 s, in which two
/// crystals drift apart by about 1 ms at most.
const WINDOW: u64 = 10_000 * SAMPLES_PER_MS;

/// Sample positions of the recording.
#[derive(Clone, Debug, Default)]
pub(super) struct RecordingClock {
    /// Position of the stream's timestamp 0.
    stream_start: u64,
    /// How far the call's clock is ahead of the recording's, in samples: the least delay with which a frame
    /// arrived. `None` before the first frame.
    ahead: Option<i64>,
    /// The least seen in the window that is being measured, and where that began.
    window_least: Option<i64>,
    window_start: u64,
}

/// Where a frame belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) position: u64,
    /// Whether its timestamp was believed.
    pub(super) plausible: bool,
}

impl RecordingClock {
    /// A new stream began at `now`; its timestamp 0 is then, but not before `earliest`.
    pub(super) fn restart(&mut self, now: CallTime, earliest: u64) {
        self.stream_start = self.now(now).max(earliest);
    }

    /// Position of a frame of `length` samples that arrived at `now`. No position can be beyond `latest`; a
    /// frame whose timestamp says so is placed by its arrival.
    pub(super) fn place(&mut self, timestamp_ms: u64, length: u64, now: CallTime, latest: u64) -> Placed {
        let claimed = timestamp_ms.saturating_mul(SAMPLES_PER_MS).saturating_add(self.stream_start);
        if self.ahead.is_some() && claimed > latest {
            return Placed { position: self.now(now).saturating_sub(length), plausible: false };
        }
        let position = if self.ahead.is_none() && claimed > latest.max(WINDOW) { 0 } else { claimed };
        self.measure(position, length, now);
        Placed { position, plausible: position == claimed }
    }

    /// Position that belongs to a time of the call.
    pub(super) fn position(&mut self, at: CallTime) -> u64 {
        let at = samples_of(at);
        let ahead = *self.ahead.get_or_insert(at);
        u64::try_from(at.saturating_sub(ahead)).unwrap_or(0)
    }

    /// The newest position at `now`; 0 before the first frame.
    pub(super) fn now(&self, now: CallTime) -> u64 {
        self.ahead.map_or(0, |ahead| u64::try_from(samples_of(now).saturating_sub(ahead)).unwrap_or(0))
    }

    fn measure(&mut self, position: u64, length: u64, now: CallTime) {
        let end = i64::try_from(position + length).unwrap_or(i64::MAX);
        let delay = samples_of(now).saturating_sub(end);
        let least = self.window_least.map_or(delay, |least| least.min(delay));
        self.ahead = Some(self.ahead.map_or(delay, |ahead| ahead.min(delay)));
        self.window_least = Some(least);
        if position >= self.window_start + WINDOW {
            self.ahead = Some(least);
            self.window_least = None;
            self.window_start = position;
        }
    }
}

fn samples_of(time: CallTime) -> i64 {
    i64::try_from(time.0 / MICROS_PER_SAMPLE).unwrap_or(i64::MAX)
}
