//! The audio of one sentence as it came from the synthesiser: slices addressed by their offset, the front given
//! back as soon as nobody can ask for it again.

use bytes::Bytes;
use std::collections::VecDeque;

#[derive(Clone, Debug, Default)]
pub(super) struct Chunks {
    parts: VecDeque<Bytes>,
    /// Offset of the first sample that is kept.
    start: u32,
    /// Offset after the last sample.
    end: u32,
}

impl Chunks {
    pub(super) fn push(&mut self, audio: Bytes) {
        if !audio.is_empty() {
            self.end += audio.len() as u32;
            self.parts.push_back(audio);
        }
    }

    pub(super) const fn start(&self) -> u32 {
        self.start
    }

    pub(super) const fn end(&self) -> u32 {
        self.end
    }

    /// Up to `max` samples from `offset` on, out of one slice; `None` at the end.
    pub(super) fn slice(&self, offset: u32, max: u32) -> Option<Bytes> {
        let mut part_start = self.start;
        for part in &self.parts {
            let part_end = part_start + part.len() as u32;
            if (part_start..part_end).contains(&offset) {
                let from = (offset - part_start) as usize;
                return Some(part.slice(from..part.len().min(from + max as usize)));
            }
            part_start = part_end;
        }
        None
    }

    /// Forgets everything from `end` on.
    pub(super) fn truncate(&mut self, end: u32) {
        while self.end > end
            && let Some(last) = self.parts.back_mut()
        {
            let excess = self.end - end;
            if excess < last.len() as u32 {
                last.truncate(last.len() - excess as usize);
                self.end = end;
            } else {
                self.end -= last.len() as u32;
                self.parts.pop_back();
            }
        }
    }

    /// Gives back slices that lie wholly before `offset`.
    pub(super) fn release_before(&mut self, offset: u32) {
        while let Some(first) = self.parts.pop_front_if(|part| self.start + part.len() as u32 <= offset) {
            self.start += first.len() as u32;
        }
    }
}
