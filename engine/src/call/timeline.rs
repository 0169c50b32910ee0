//! The recording's timeline: caller left, assistant right, both on the caller's clock.
//!
//! Caller frames are placed by the carrier's timestamp, so lost ones leave silence and late ones land where they
//! belong. The assistant's audio is placed where it was played: at the start of each run by the offset between
//! the call's clock and the carrier's, within a run without a seam. Blocks come out in order, without gaps or
//! overlaps, about a second after they were heard; memory is bounded by [`TimelineOptions::wait_max`].

mod clock;
#[cfg(test)]
mod tests;

use crate::call::time::{CallTime, MICROS_PER_SAMPLE, SAMPLES_PER_MS};
use audio_dsp::g711::{ULAW_SILENCE, ulaw};
use clock::RecordingClock;
use std::{collections::VecDeque, time::Duration};

/// Carriers round timestamps to whole milliseconds and wobble a little: a frame that misses the end of the one
/// before by at most 5 ms follows it without a seam.
const SNAP: u64 = 5 * SAMPLES_PER_MS;

/// What a timeline waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimelineOptions {
    /// Length of a block: 1 s, what a kill may cost of the recording.
    pub block: Duration,
    /// How late a caller's frame may come behind newer ones: 200 ms.
    pub reorder: Duration,
    /// How long a silent carrier holds a block back: 10 s, since after a stall of the network its frames all
    /// come, with their old timestamps.
    pub wait_max: Duration,
}

impl Default for TimelineOptions {
    fn default() -> Self {
        Self {
            block: Duration::from_secs(1),
            reorder: Duration::from_millis(200),
            wait_max: Duration::from_secs(10),
        }
    }
}

/// A finished stretch of the recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Its first sample on the recording's time axis, 8 kHz.
    pub start: u64,
    /// 16-bit samples, 8 kHz, left (caller) and right (assistant) in turn.
    pub stereo: Vec<i16>,
}

/// Audio that could not be placed, in samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimelineCounters {
    /// Caller audio that came after its block had left.
    pub late_caller: u64,
    /// Assistant audio that came after its block had left.
    pub late_assistant: u64,
    /// Caller frames whose timestamp cannot be, placed by their arrival.
    pub implausible_frames: u64,
}

/// The timeline of one recording, over all streams of the call.
#[derive(Clone, Debug)]
pub struct Timeline {
    options: TimelineOptions,
    clock: RecordingClock,
    /// Position of the first sample that has not left.
    start: u64,
    left: VecDeque<u8>,
    right: VecDeque<u8>,
    /// End of the newest caller frame.
    left_end: u64,
    /// End of what was last placed right, and the call time that belongs to it.
    right_end: Option<(u64, CallTime)>,
    counters: TimelineCounters,
}

impl Timeline {
    /// An empty recording.
    #[must_use]
    pub fn new(options: TimelineOptions) -> Self {
        Self {
            options,
            clock: RecordingClock::default(),
            start: 0,
            left: VecDeque::new(),
            right: VecDeque::new(),
            left_end: 0,
            right_end: None,
            counters: TimelineCounters::default(),
        }
    }

    /// The carrier came back with a new stream, whose timestamps start at 0 again.
    pub fn stream_restarted(&mut self, now: CallTime) {
        self.clock.restart(now, self.left_end.max(self.start));
        self.right_end = None;
    }

    /// A frame of the caller: mu-law 8 kHz, with the carrier's timestamp (ms since the start of the stream, of
    /// its first sample), which arrived at `now`.
    pub fn caller(&mut self, timestamp_ms: u64, audio: &[u8], now: CallTime) {
        let length = audio.len() as u64;
        let placed = self.clock.place(timestamp_ms, length, now, self.latest(now));
        if !placed.plausible {
            self.counters.implausible_frames += 1;
        }
        let position = if placed.position.abs_diff(self.left_end) <= SNAP && self.left_end > 0 {
            self.left_end
        } else {
            placed.position
        };
        self.counters.late_caller += write(&mut self.left, self.start, position, audio);
        self.left_end = self.left_end.max(position + length);
    }

    /// Audio of the assistant, mu-law 8 kHz, whose first sample was played at `at`. Pieces come in the order in
    /// which they were played.
    pub fn assistant(&mut self, at: CallTime, audio: &[u8]) {
        let placed = self.clock.position(at);
        let position = match self.right_end {
            Some((end, until)) if until == at => end,
            Some((end, _)) => placed.max(end),
            None => placed,
        };
        self.counters.late_assistant += write(&mut self.right, self.start, position, audio);
        let end = position + audio.len() as u64;
        self.right_end = Some((end, at.after(Duration::from_micros(MICROS_PER_SAMPLE * audio.len() as u64))));
    }

    /// The next block that is finished at `now`. The assistant's audio played until `now` must have been given
    /// before.
    pub fn next_block(&mut self, now: CallTime) -> Option<Block> {
        let length = samples(self.options.block).max(1);
        let end = self.start + length;
        let caller_is_complete = self.left_end >= end + samples(self.options.reorder);
        let waited = self.clock.now(now) >= end + samples(self.options.wait_max);
        let assistant_is_complete = self.clock.now(now) >= end;
        ((caller_is_complete && assistant_is_complete) || waited).then(|| self.take(length))
    }

    /// What is left, at the end of the call; shorter than a block, or empty. Take the finished blocks first.
    pub fn flush(&mut self) -> Block {
        let length = self.left.len().max(self.right.len()) as u64;
        self.take(length)
    }

    /// Audio that could not be placed.
    #[must_use]
    pub const fn counters(&self) -> TimelineCounters {
        self.counters
    }

    /// A caller's sample cannot lie further on than this.
    fn latest(&self, now: CallTime) -> u64 {
        self.clock.now(now).max(self.left_end) + samples(self.options.block)
    }

    fn take(&mut self, length: u64) -> Block {
        let block = Block {
            start: self.start,
            stereo: (0..length)
                .flat_map(|_| {
                    let left = self.left.pop_front().unwrap_or(ULAW_SILENCE);
                    let right = self.right.pop_front().unwrap_or(ULAW_SILENCE);
                    [ulaw::decode_sample(left), ulaw::decode_sample(right)]
                })
                .collect(),
        };
        self.start += length;
        block
    }
}

/// Writes audio at a position of a side that begins at `start`; returns how many samples come too late.
fn write(side: &mut VecDeque<u8>, start: u64, position: u64, audio: &[u8]) -> u64 {
    let late = start.saturating_sub(position).min(audio.len() as u64);
    let offset = position.max(start) - start;
    let audio = &audio[late as usize..];
    let end = offset as usize + audio.len();
    if side.len() < end {
        side.resize(end, ULAW_SILENCE);
    }
    for (slot, &sample) in side.range_mut(offset as usize..end).zip(audio) {
        *slot = sample;
    }
    late
}

fn samples(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).saturating_mul(SAMPLES_PER_MS)
}
