//! The recorder's side of the ledger: audio that was sent, handed out once it has been played, in order, each
//! sample at most once. What a `clear` took back never gets here.

use super::units::{duration_of, samples_within};
use crate::call::time::CallTime;
use bytes::Bytes;
use std::collections::VecDeque;

/// Played audio kept for a recorder that does not come: 5 s, the lead time of a restart with room to spare.
const BACKLOG_MAX: u32 = 5 * 8_000;

#[derive(Clone, Debug)]
struct Piece {
    starts_at: CallTime,
    audio: Bytes,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Tape {
    pieces: VecDeque<Piece>,
    samples: u32,
}

impl Tape {
    /// Audio that will be played from `starts_at`. Returns how many samples of the oldest were thrown away
    /// because nobody took them.
    pub(super) fn push(&mut self, starts_at: CallTime, audio: Bytes) -> u64 {
        self.samples += audio.len() as u32;
        self.pieces.push_back(Piece { starts_at, audio });
        let mut lost = 0;
        while self.samples > BACKLOG_MAX
            && let Some(oldest) = self.pieces.pop_front()
        {
            self.samples -= oldest.audio.len() as u32;
            lost += oldest.audio.len() as u64;
        }
        lost
    }

    /// The carrier's buffer was emptied at `now`: what had not been played will not be.
    pub(super) fn clear(&mut self, now: CallTime) {
        while let Some(last) = self.pieces.back_mut() {
            let played = samples_within(now.since(last.starts_at)).min(last.audio.len() as u64) as usize;
            self.samples -= (last.audio.len() - played) as u32;
            if played > 0 {
                last.audio.truncate(played);
                return;
            }
            self.pieces.pop_back();
        }
    }

    /// Hands out what was played until `now`.
    pub(super) fn take(&mut self, now: CallTime, mut sink: impl FnMut(CallTime, &[u8])) {
        while let Some(first) = self.pieces.front_mut() {
            let played = samples_within(now.since(first.starts_at)).min(first.audio.len() as u64) as usize;
            if played == 0 {
                return;
            }
            let starts_at = first.starts_at;
            let part = first.audio.split_to(played);
            first.starts_at = starts_at.after(duration_of(played as u64));
            self.samples -= played as u32;
            sink(starts_at, &part);
            if !first.audio.is_empty() {
                return;
            }
            self.pieces.pop_front();
        }
    }
}
