//! The caller's last seconds, kept for a new recogniser: contiguous mu-law audio by call position, bounded.

use audio_dsp::g711::ULAW_SILENCE;
use bytes::BytesMut;
use std::collections::VecDeque;

/// A gap up to this long is filled with silence, so that words before and after it keep their distance: 2 s.
const GAP_FILLED: u64 = 2 * 8_000;

/// The audio from [`Self::start`] to [`Self::end`].
#[derive(Clone, Debug)]
pub(crate) struct ReplayRing {
    start: u64,
    audio: VecDeque<u8>,
    capacity: usize,
}

impl ReplayRing {
    /// An empty ring that keeps at most `capacity` samples.
    pub(crate) const fn new(capacity: usize) -> Self {
        Self { start: 0, audio: VecDeque::new(), capacity }
    }

    /// Call position of the oldest sample.
    pub(crate) const fn start(&self) -> u64 {
        self.start
    }

    /// Call position after the newest sample.
    pub(crate) fn end(&self) -> u64 {
        self.start + self.audio.len() as u64
    }

    /// Adds audio. What was there already is not added twice; a short gap becomes silence, a long one forgets what
    /// was before it. Says how many samples had to go.
    pub(crate) fn push(&mut self, position: u64, audio: &[u8]) -> u64 {
        let mut forgotten = 0;
        if position > self.end() + GAP_FILLED || self.audio.is_empty() {
            forgotten = self.audio.len() as u64;
            self.audio.clear();
            self.start = position;
        }
        let gap = position.saturating_sub(self.end());
        self.audio.extend(std::iter::repeat_n(ULAW_SILENCE, usize::try_from(gap).unwrap_or_default()));
        let known = usize::try_from(self.end().saturating_sub(position)).unwrap_or(usize::MAX);
        self.audio.extend(audio.get(known..).unwrap_or_default());
        let excess = self.audio.len().saturating_sub(self.capacity);
        self.audio.drain(..excess);
        self.start += excess as u64;
        forgotten + excess as u64
    }

    /// Forgets everything before `position`.
    pub(crate) fn forget_before(&mut self, position: u64) {
        let excess = position.saturating_sub(self.start).min(self.audio.len() as u64);
        self.audio.drain(..usize::try_from(excess).unwrap_or_default());
        self.start += excess;
    }

    /// Copies everything from `position` on, which must not be before the start; says how many samples.
    pub(crate) fn copy_from(&self, position: u64, into: &mut BytesMut) -> u64 {
        let from =
            usize::try_from(position.saturating_sub(self.start)).unwrap_or(usize::MAX).min(self.audio.len());
        let (first, second) = self.audio.as_slices();
        into.extend_from_slice(first.get(from..).unwrap_or_default());
        into.extend_from_slice(second.get(from.saturating_sub(first.len())..).unwrap_or_default());
        (self.audio.len() - from) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn content(ring: &ReplayRing) -> Vec<u8> {
        let mut out = BytesMut::new();
        ring.copy_from(ring.start(), &mut out);
        out.to_vec()
    }

    #[test]
    fn what_a_final_covers_is_not_replayed() {
        let mut ring = ReplayRing::new(1_000);
        ring.push(100, &[1; 160]);
        ring.push(260, &[2; 160]);
        ring.forget_before(260);
        assert_eq!((ring.start(), content(&ring)), (260, vec![2; 160]));
    }

    #[test]
    fn a_lost_frame_becomes_silence_and_a_long_gap_starts_anew() {
        let mut ring = ReplayRing::new(100_000);
        ring.push(0, &[1; 160]);
        ring.push(320, &[2; 160]);
        assert_eq!(content(&ring)[160..320], [ULAW_SILENCE; 160]);
        ring.push(1_000_000, &[3; 160]);
        assert_eq!((ring.start(), content(&ring)), (1_000_000, vec![3; 160]));
    }

    proptest! {
        #[test]
        fn the_ring_is_the_newest_audio_whatever_the_frames(lens in proptest::collection::vec(1_usize..200, 1..60)) {
            let mut ring = ReplayRing::new(1_500);
            let mut all = Vec::new();
            for (index, len) in lens.iter().enumerate() {
                let audio = vec![index as u8; *len];
                ring.push(all.len() as u64, &audio);
                all.extend_from_slice(&audio);
            }
            let kept = all.len().min(1_500);
            prop_assert_eq!(ring.end(), all.len() as u64);
            prop_assert_eq!(content(&ring), &all[all.len() - kept..]);
        }
    }
}
