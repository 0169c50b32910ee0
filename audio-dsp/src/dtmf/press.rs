//! One press of a key, from window to window: where it begins and ends, and whether it is one at all.

use super::judge::{Evidence, HOP, Heard, Key};

/// Samples that a signal must last: between 23 ms, which must not count, and 40 ms, which must (Q.24).
const SHORTEST: u64 = 224;

/// Windows that must hold the key, and how many of them must follow one directly, which tells the frequency: the
/// shortest signal fills six windows, and an interruption parts them.
const WINDOWS: u32 = 5;
const STEPS: u32 = 3;

/// Windows (5 ms) without the key after which it has been let go. An interruption of 10 ms, which must not end a
/// signal, spoils at most 4; a pause of 40 ms, which must, spoils at least 8, of which an echo may hide some.
const PAUSE: u32 = 6;

/// Windows without the key after which something that was not yet a press is forgotten.
const BREAK: u32 = 4;

/// How much louder or quieter than the press so far a window may be: 6 dB. An echo is 10 dB down (Q.24).
const LOUDNESS_RATIO: f32 = 2.0;

/// How much further off a tone may seem in a single step than over the whole press.
const SINGLE_STEP_SLACK: f32 = 1.2;

/// A press, or what may become one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Press {
    pub(super) key: Key,
    /// Middle of the first window that held the key.
    first: u64,
    /// Amplitudes in that window and the two before it.
    lead: [f32; 3],
    /// Middle of the last window that held the key.
    last: u64,
    /// Amplitudes in that window and the two after it, relative to `level`, added.
    tail: f32,
    /// Windows since.
    missing: u32,
    /// The amplitude of late.
    level: f32,
    evidence: Evidence,
}

impl Press {
    /// What begins with the window `heard`, after those `before` it (the latest first).
    pub(super) fn new(key: Key, middle: u64, heard: &Heard, before: &[Heard; 2]) -> Self {
        let mut evidence = Evidence::default();
        evidence.add(key, None, heard);
        let lead = [heard, &before[0], &before[1]].map(|window| window.amplitude(key));
        Self { key, first: middle, lead, last: middle, tail: 1.0, missing: 0, level: lead[0], evidence }
    }

    /// Takes the next window, and says whether it belongs to the press.
    pub(super) fn follow(&mut self, middle: u64, heard: &Heard, before: &Heard) -> bool {
        let amplitude = heard.amplitude(self.key);
        let relative = (amplitude / self.level).min(1.0);
        if !self.goes_on(middle, heard, before, amplitude) {
            self.missing += 1;
            if self.missing <= 2 {
                self.tail += relative;
            }
            return false;
        }
        // A rise is the key's onset, which the first window held only in part; a fall is slow or the end.
        let pace = if amplitude > self.level { 0.5 } else { 0.125 };
        self.level += (amplitude - self.level) * pace;
        self.missing = 0;
        self.last = middle;
        self.tail = relative;
        true
    }

    fn goes_on(&mut self, middle: u64, heard: &Heard, before: &Heard, amplitude: f32) -> bool {
        let steady = amplitude <= self.level * LOUDNESS_RATIO && amplitude * LOUDNESS_RATIO >= self.level;
        if heard.key != Some(self.key) || !steady {
            return false;
        }
        // After an interruption the phases have no relation.
        let before = (self.last.saturating_add(HOP as u64) == middle).then_some(before);
        let mut step = Evidence::default();
        step.add(self.key, before, heard);
        if before.is_some() && !step.fits_frequency(self.key, SINGLE_STEP_SLACK) {
            return false;
        }
        self.evidence.add(self.key, before, heard);
        true
    }

    /// Whether it has lasted long enough, at the right frequencies.
    pub(super) fn is_certain(&self) -> bool {
        // Parts on both sides of an interruption that are too short together have too few windows and steps.
        self.last - self.first + self.reach() >= SHORTEST
            && self.evidence.windows >= WINDOWS
            && self.evidence.steps >= STEPS
            && self.evidence.fits_frequency(self.key, 1.0)
            && self.evidence.fits_twist()
    }

    /// Whether what was not certain yet is not there any more.
    pub(super) const fn is_lost(&self) -> bool {
        self.missing > BREAK
    }

    /// Whether the key has been let go.
    pub(super) const fn is_over(&self) -> bool {
        self.missing >= PAUSE
    }

    /// Where it began.
    pub(super) fn onset(&self) -> u64 {
        self.first.saturating_add(HOP as u64 / 2).saturating_sub(self.reach())
    }

    /// How far it reaches back from half a hop behind the middle of the first window. The windows add up to 1, so the sum of
    /// the amplitudes in them tells; a window's part beyond its middle counts half. What was much louder was another
    /// sound.
    fn reach(&self) -> u64 {
        let relative = self.lead.map(|amplitude| amplitude / self.level);
        let own = relative.into_iter().take_while(|&relative| relative <= LOUDNESS_RATIO);
        let reach: f32 = own.map(|relative| relative.min(1.0)).sum();
        (reach * HOP as f32) as u64
    }

    /// Where it ended, or would if it ended now.
    pub(super) fn end(&self) -> u64 {
        self.last.saturating_add((self.tail * HOP as f32) as u64).saturating_sub(HOP as u64 / 2)
    }
}
