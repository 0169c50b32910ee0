//! The carrier's side as we know it: a buffer that plays 8 samples per millisecond without a break as long as
//! it is not empty, and marks that come back when it has reached them.

use super::units::{duration_of, samples_within};
use crate::{
    call::time::CallTime,
    ids::{Epoch, SentenceId},
};
use std::{collections::VecDeque, fmt, time::Duration};

/// The name of a mark: the epoch it belongs to and a number that no other mark of the stream has. Written
/// `e5.12`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MarkName {
    /// Whose audio precedes it.
    pub epoch: Epoch,
    /// Counted from 0 over the stream.
    pub seq: u64,
}

impl MarkName {
    /// Reads a name as it came back; `None` if it is not one of ours.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let (epoch, seq) = name.strip_prefix('e')?.split_once('.')?;
        Some(Self { epoch: Epoch(epoch.parse().ok()?), seq: seq.parse().ok()? })
    }
}

impl fmt::Display for MarkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch, self.seq)
    }
}

/// Consecutive samples of one sentence, and when they play.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) sentence: SentenceId,
    pub(super) from: u32,
    pub(super) len: u32,
    starts_at: CallTime,
}

impl Span {
    fn ends_at(&self) -> CallTime {
        self.starts_at.after(duration_of(u64::from(self.len)))
    }

    /// Offset in the sentence up to which this span has been played at `until`.
    fn reached(&self, until: CallTime) -> u32 {
        let played = samples_within(until.since(self.starts_at)).min(u64::from(self.len));
        self.from + played as u32
    }
}

#[derive(Clone, Copy, Debug)]
struct PendingMark {
    name: MarkName,
    /// When the audio before it has been played, by the clock.
    expected_at: CallTime,
}

/// What a mark that came back tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Returned {
    /// All audio before it has been played.
    Proof(Epoch),
    /// It was sent before the last `clear`: nothing.
    Void,
    /// It is not one we wait for: nothing.
    Unknown,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    /// When everything sent will have been played.
    free_at: CallTime,
    /// Sent and neither proven by a mark nor cleared, in order of time.
    spans: VecDeque<Span>,
    /// Sent after the last `clear` and not back yet.
    marks: VecDeque<PendingMark>,
    next_mark: u64,
    /// Marks below this number were sent before the last `clear`.
    valid_from: u64,
    /// All audio up to this time is proven to have been played.
    proven_until: CallTime,
}

impl Line {
    /// How far ahead of real time the carrier's buffer is filled.
    pub(super) fn lead(&self, now: CallTime) -> Duration {
        self.free_at.since(now)
    }

    pub(super) const fn free_at(&self) -> CallTime {
        self.free_at
    }

    /// Whether the carrier may still have something of ours to play.
    pub(super) fn is_busy(&self, now: CallTime) -> bool {
        self.free_at > now || !self.marks.is_empty()
    }

    /// Audio was sent at `now`; returns when it starts to play.
    pub(super) fn append(&mut self, sentence: SentenceId, from: u32, len: u32, now: CallTime) -> CallTime {
        let starts_at = self.free_at.max(now);
        match self.spans.back_mut() {
            Some(last)
                if last.sentence == sentence
                    && last.from + last.len == from
                    && last.ends_at() == starts_at =>
            {
                last.len += len;
            }
            _ => self.spans.push_back(Span { sentence, from, len, starts_at }),
        }
        self.free_at = starts_at.after(duration_of(u64::from(len)));
        starts_at
    }

    /// A mark is sent behind what was sent so far.
    pub(super) fn mark(&mut self, epoch: Epoch, now: CallTime) -> MarkName {
        let name = MarkName { epoch, seq: self.next_mark };
        self.next_mark += 1;
        self.marks.push_back(PendingMark { name, expected_at: self.free_at.max(now) });
        name
    }

    /// A mark came back. The buffer is a queue, so it proves every earlier one as well.
    pub(super) fn returned(&mut self, name: MarkName) -> Returned {
        if name.seq < self.valid_from {
            return Returned::Void;
        }
        let Some(index) = self.marks.iter().position(|mark| mark.name == name) else {
            return Returned::Unknown;
        };
        for mark in self.marks.drain(..=index) {
            self.proven_until = self.proven_until.max(mark.expected_at);
        }
        Returned::Proof(name.epoch)
    }

    /// When the oldest mark that is out should have been back.
    pub(super) fn oldest_expected(&self) -> Option<CallTime> {
        self.marks.front().map(|mark| mark.expected_at)
    }

    /// Whether a mark of this epoch is still out.
    pub(super) fn awaits(&self, epoch: Epoch) -> bool {
        self.marks.iter().any(|mark| mark.name.epoch == epoch)
    }

    /// Gives up waiting for the marks of this epoch.
    pub(super) fn forget_marks(&mut self, epoch: Epoch) {
        self.marks.retain(|mark| mark.name.epoch != epoch);
    }

    pub(super) const fn proven_until(&self) -> CallTime {
        self.proven_until
    }

    /// Audio that plays before this time counts as played: `now` as long as the marks come back in time, else
    /// only what is proven.
    pub(super) fn played_until(&self, now: CallTime, grace: Duration) -> CallTime {
        let overdue = self.oldest_expected().is_some_and(|expected| expected.after(grace) < now);
        if overdue { self.proven_until } else { now.max(self.proven_until) }
    }

    /// Offset in the sentence that has been reached on the line, or `None` if the line has nothing of it.
    pub(super) fn reached(&self, sentence: SentenceId, until: CallTime) -> Option<u32> {
        self.spans
            .iter()
            .filter(|span| span.sentence == sentence && span.starts_at < until)
            .map(|span| span.reached(until))
            .next_back()
    }

    /// Offset of the first sample of the sentence that was sent and is not played, if there is one.
    pub(super) fn unplayed_from(&self, sentence: SentenceId, until: CallTime) -> Option<u32> {
        self.spans
            .iter()
            .filter(|span| span.sentence == sentence && span.ends_at() > until)
            .map(|span| span.reached(until))
            .next()
    }

    /// Takes the spans out that are proven to have been played whole.
    pub(super) fn pop_proven(&mut self) -> Option<Span> {
        self.spans.pop_front_if(|span| span.ends_at() <= self.proven_until)
    }

    /// The buffer is emptied: nothing that was sent before proves anything from here on.
    pub(super) fn clear(&mut self, now: CallTime) {
        self.spans.clear();
        self.marks.clear();
        self.valid_from = self.next_mark;
        self.free_at = self.free_at.min(now);
        self.proven_until = self.proven_until.min(now);
    }
}
