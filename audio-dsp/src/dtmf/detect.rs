//! The detector: windows in, presses out.

use super::Digit;
use super::judge::{HOP, Heard, Judge};
use super::press::Press;
use crate::g711::ulaw;
use crate::goertzel::Halves;

/// What the detector has found. Positions and lengths are in samples of the stream (8,000 per second), exact to
/// 2 ms for a key heard clearly, and tell when it happened, which is earlier than when the detector could know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DtmfEvent {
    /// A key has been down for 28 ms and more.
    Pressed {
        /// Which one.
        digit: Digit,
        /// Where its sound began.
        onset: u64,
    },
    /// The key that was pressed last has been let go. Every press is followed by its release before the next.
    Released {
        /// Which one.
        digit: Digit,
        /// Where its sound began, as told when it was pressed.
        onset: u64,
        /// How long it sounded, interruptions included.
        duration: u64,
    },
}

/// Finds keys in one caller's audio at 8 kHz.
///
/// Every 5 ms it judges a window of 10 ms: a key is heard when one low and one high tone hold nearly all of the
/// energy. Their exact frequency shows in how their phases turn from one window to the next. Speech fails these
/// tests together within a window or two.
///
/// Noise may be 15 dB and a dial tone 10 dB below the key; for these Q.24 gives no figure. An echo that is 10 dB down and up
/// to 20 ms late is not heard as a second press (Q.24). It allocates nothing, and any split of the stream into
/// frames gives the same events.
#[derive(Debug, Clone, PartialEq)]
pub struct DtmfDetector {
    judge: Judge,
    halves: Halves<HOP>,
    /// The windows before, the latest first.
    before: [Heard; 2],
    /// The press that was reported and whose release was not, and where it began.
    down: Option<(Press, u64)>,
    /// What may become a press.
    candidate: Option<Press>,
}

impl Default for DtmfDetector {
    fn default() -> Self {
        Self::new()
    }
}

impl DtmfDetector {
    /// A detector at the start of a stream.
    pub fn new() -> Self {
        Self {
            judge: Judge::new(),
            halves: Halves::new(),
            before: [Heard::SILENCE; 2],
            down: None,
            candidate: None,
        }
    }

    /// Takes a frame of mu-law, of any length, and calls `emit` for each thing found.
    pub fn push_ulaw(&mut self, frame: &[u8], emit: impl FnMut(DtmfEvent)) {
        self.push(frame, |&code| f32::from(ulaw::decode_sample(code)), emit);
    }

    /// Takes a frame of 16-bit samples, of any length, and calls `emit` for each thing found.
    pub fn push_pcm(&mut self, frame: &[i16], emit: impl FnMut(DtmfEvent)) {
        self.push(frame, |&sample| f32::from(sample), emit);
    }

    /// Passes over `samples` of the stream that were lost: silence, which bridges a press when it is short. None lost
    /// is nothing done.
    pub fn skip(&mut self, samples: u64, mut emit: impl FnMut(DtmfEvent)) {
        if samples == 0 {
            return;
        }
        // Ten windows of silence end whatever went on.
        for _ in 0..(samples / HOP as u64).min(10) {
            self.take(self.halves.position(), Heard::SILENCE, &mut emit);
        }
        self.before = [Heard::SILENCE; 2];
        self.halves.skip(samples);
    }

    /// Ends the stream: a key that is still down is let go.
    pub fn finish(&mut self, mut emit: impl FnMut(DtmfEvent)) {
        self.release(&mut emit);
        self.candidate = None;
    }

    /// Whether a key is down that was reported.
    pub const fn is_down(&self) -> bool {
        self.down.is_some()
    }

    /// Samples of the stream pushed and skipped so far.
    pub const fn position(&self) -> u64 {
        self.halves.position()
    }

    fn push<T>(&mut self, mut frame: &[T], sample: impl Fn(&T) -> f32, mut emit: impl FnMut(DtmfEvent)) {
        while !frame.is_empty() {
            if self.halves.fill(&mut frame, &sample) {
                let middle = self.halves.middle();
                let heard = self.judge.hear(&self.halves.folded());
                self.halves.advance();
                self.take(middle, heard, &mut emit);
            }
        }
    }

    fn take(&mut self, middle: u64, heard: Heard, emit: &mut impl FnMut(DtmfEvent)) {
        let goes_on = match &mut self.down {
            Some((press, _)) => press.follow(middle, &heard, &self.before[0]),
            None => false,
        };
        if goes_on {
            self.candidate = None;
        } else {
            if self.down.as_ref().is_some_and(|(press, _)| press.is_over()) {
                self.release(emit);
            }
            self.consider(middle, &heard, emit);
        }
        self.before = [heard, self.before[0]];
    }

    /// What the window means for a press that was not reported yet.
    fn consider(&mut self, middle: u64, heard: &Heard, emit: &mut impl FnMut(DtmfEvent)) {
        if let Some(press) = &mut self.candidate {
            let goes_on = press.follow(middle, heard, &self.before[0]);
            if goes_on && press.is_certain() {
                let (press, onset) = (*press, press.onset());
                self.release(emit);
                emit(DtmfEvent::Pressed { digit: digit(&press), onset });
                self.candidate = None;
                self.down = Some((press, onset));
                return;
            }
            if goes_on || (heard.key.is_none() && !press.is_lost()) {
                return;
            }
            // Another key, or not at the right frequency: what came before is no part of it.
            self.before = [Heard::SILENCE; 2];
        }
        self.candidate = heard.key.map(|key| Press::new(key, middle, heard, &self.before));
    }

    fn release(&mut self, emit: &mut impl FnMut(DtmfEvent)) {
        if let Some((press, onset)) = self.down.take() {
            let duration = press.end().saturating_sub(onset);
            emit(DtmfEvent::Released { digit: digit(&press), onset, duration });
        }
    }
}

const fn digit(press: &Press) -> Digit {
    Digit { row: press.key.row, column: press.key.column }
}
