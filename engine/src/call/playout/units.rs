//! Samples and durations on the telephone line, exact both ways: one sample is 125 microseconds.

use crate::call::time::MICROS_PER_SAMPLE;
use std::time::Duration;

/// How long `samples` play.
pub(super) const fn duration_of(samples: u64) -> Duration {
    Duration::from_micros(samples.saturating_mul(MICROS_PER_SAMPLE))
}

/// Whole samples that play in `time`.
pub(super) fn samples_within(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX) / MICROS_PER_SAMPLE
}
