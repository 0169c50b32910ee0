//! The caller's clock: where a frame of the carrier lies in the call, by the carrier's own timestamps.
//!
//! Positions are samples (8 kHz) since the start of the call, over all of its streams; one sample is 125
//! microseconds of call time. A frame that arrives earlier than its position says shows that the first frames were
//! late, and moves all call times of this stream back by as much.

use crate::call::time::{CallTime, MICROS_PER_SAMPLE, SAMPLES_PER_MS};
use std::time::Duration;

/// The clock of one stream.
#[derive(Clone, Debug)]
pub(crate) struct CallerClock {
    /// Call position of the stream's first sample.
    offset: u64,
    /// Stream position after the newest sample.
    end: u64,
    /// How much earlier than by its position a frame has arrived.
    lag: Duration,
}

/// A frame's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    /// Call position of its first sample.
    pub(crate) position: u64,
    /// Samples missing before it.
    pub(crate) gap: u64,
    /// Samples by which the stream is ahead of real time.
    pub(crate) ahead: u64,
}

impl CallerClock {
    /// A stream whose first sample comes at `now`.
    pub(crate) fn new(now: CallTime) -> Self {
        Self { offset: Self::position_of(now), end: 0, lag: Duration::ZERO }
    }

    /// Call position at this time.
    pub(crate) const fn position_of(time: CallTime) -> u64 {
        time.0 / MICROS_PER_SAMPLE
    }

    /// Places a frame that begins `timestamp_ms` after the start of the stream. A frame that would overlap the one
    /// before it is put behind that.
    pub(crate) fn place(&mut self, timestamp_ms: u64, samples: usize, now: CallTime) -> Placed {
        let begins = timestamp_ms.saturating_mul(SAMPLES_PER_MS).max(self.end);
        // Timestamps are whole milliseconds and may start off the frame grid: less than a frame is no gap.
        let gap = if begins - self.end < SAMPLES_PER_MS * 20 { 0 } else { begins - self.end };
        // A carrier may name any time at all: sums stop at the end of time, which is far ahead of now.
        let begins = self.end.saturating_add(gap);
        self.end = begins.saturating_add(samples as u64);
        let nominal = CallTime(self.offset.saturating_add(self.end).saturating_mul(MICROS_PER_SAMPLE));
        let early = nominal.since(now);
        self.lag = self.lag.max(early.min(Duration::from_secs(1)));
        let ahead = u64::try_from(early.as_micros()).unwrap_or(u64::MAX) / MICROS_PER_SAMPLE;
        Placed { position: self.offset.saturating_add(begins), gap, ahead }
    }

    /// Call position of a stream position.
    pub(crate) const fn position_in_stream(&self, samples: u64) -> u64 {
        self.offset.saturating_add(samples)
    }

    /// When a sample of the stream was spoken.
    pub(crate) fn call_time_in_stream(&self, samples: u64) -> CallTime {
        CallTime(self.position_in_stream(samples).saturating_mul(MICROS_PER_SAMPLE)).before(self.lag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_lie_one_after_the_other_on_the_carriers_clock() {
        let mut clock = CallerClock::new(CallTime::from_ms(1_000));
        let first = clock.place(0, 160, CallTime::from_ms(1_020));
        let second = clock.place(20, 160, CallTime::from_ms(1_041));
        assert_eq!((first.position, second.position), (8_000, 8_160));
        assert_eq!((first.gap, second.gap, second.ahead), (0, 0, 0));
    }

    #[test]
    fn a_timestamp_off_the_frame_grid_is_no_gap() {
        let mut clock = CallerClock::new(CallTime::ZERO);
        assert_eq!(clock.place(5, 160, CallTime::from_ms(20)).gap, 0);
    }

    #[test]
    fn lost_frames_leave_a_gap_and_repeated_ones_do_not_overlap() {
        let mut clock = CallerClock::new(CallTime::ZERO);
        clock.place(0, 160, CallTime::from_ms(20));
        assert_eq!(clock.place(100, 160, CallTime::from_ms(120)).gap, 640);
        assert_eq!(clock.place(100, 160, CallTime::from_ms(121)).position, 960);
    }

    #[test]
    fn a_timestamp_at_the_end_of_time_is_far_ahead() {
        let mut clock = CallerClock::new(CallTime::from_ms(1_000));
        for _ in 0..2 {
            let placed = clock.place(u64::MAX, 160, CallTime::from_ms(1_020));
            assert!(placed.ahead > u64::MAX / 1_000_000, "{placed:?}");
        }
    }

    #[test]
    fn audio_ahead_of_real_time_is_seen() {
        let mut clock = CallerClock::new(CallTime::ZERO);
        let mut ahead = 0;
        for frame in 0..100 {
            ahead = clock.place(frame * 20, 160, CallTime::from_ms(20)).ahead;
        }
        assert_eq!(ahead, 99 * 160);
    }
}
