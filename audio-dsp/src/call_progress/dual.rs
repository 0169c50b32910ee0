//! Which of North America's pairs of tones sounds, every 25 ms.

use super::cadence::Sound;
use crate::goertzel::{Bank, Folded, Halves};

/// Half a window: 25 ms. A window of 50 ms is the shortest that tells 440 Hz from 480.
const HOP: usize = 200;

const LOW_350: usize = 0;
const MIDDLE_440: usize = 1;
const MIDDLE_480: usize = 2;
const HIGH_620: usize = 3;

static BANK: Bank<HOP, 4> = Bank::new([350.0, 440.0, 480.0, 620.0]);

/// The pairs (Precise Tone Plan).
const PAIRS: [(Sound, usize, usize); 3] = [
    (Sound::Dial, LOW_350, MIDDLE_440),
    (Sound::Ring, MIDDLE_440, MIDDLE_480),
    (Sound::Busy, MIDDLE_480, HIGH_620),
];

/// The part of the energy that the two tones must hold.
const PURITY: f32 = 0.8;

/// How much louder one tone may be than the other, as a ratio of powers: 7 dB.
const TWIST: f32 = 5.0;

/// The quietest pair: -43 dBFS, as the energy of a sine of that level.
const QUIETEST: f32 = 108_000.0;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct DualTones {
    halves: Halves<HOP>,
}

impl DualTones {
    pub(super) const fn new() -> Self {
        Self { halves: Halves::new() }
    }

    /// Takes the front of `frame`; whether a window is full.
    #[inline]
    pub(super) fn fill<T>(&mut self, frame: &mut &[T], sample: &impl Fn(&T) -> f32) -> bool {
        self.halves.fill(frame, sample)
    }

    /// Judges the full window: its middle, and the pair in it.
    pub(super) fn hear(&mut self) -> (u64, Option<Sound>) {
        let middle = self.halves.middle();
        let sound = if is_low(self.halves.window()) { pair(&self.halves.folded()) } else { None };
        self.halves.advance();
        (middle, sound)
    }

    pub(super) fn skip(&mut self, samples: u64) {
        self.halves.skip(samples);
    }
}

/// The pair that the window holds.
fn pair(window: &Folded<HOP>) -> Option<Sound> {
    let energy = BANK.energy(window);
    if energy < QUIETEST {
        return None;
    }
    let spectrum = BANK.spectrum(window);
    let is_pair = |&&(_, first, second): &&(Sound, usize, usize)| {
        let (a, b) = (spectrum.power(first), spectrum.power(second));
        a + b >= PURITY * energy && a <= TWIST * b && b <= TWIST * a
    };
    PAIRS.iter().find(is_pair).map(|&(sound, ..)| sound)
}

/// Whether the window is loud enough and most of its energy below 800 Hz or so: it costs a tenth of the spectrum
/// and spares it in half of the windows of speech.
fn is_low(window: [&[f32; HOP]; 2]) -> bool {
    let (mut steps, mut squares) = ([0.0f32; 8], [0.0f32; 8]);
    for half in window {
        for (now, next) in half.as_chunks::<8>().0.iter().zip(half[1..].as_chunks::<8>().0) {
            for lane in 0..8 {
                steps[lane] += (next[lane] - now[lane]) * (next[lane] - now[lane]);
                squares[lane] += now[lane] * now[lane];
            }
        }
    }
    let squares = squares.iter().sum::<f32>();
    // A step of a sine at 620 Hz has 0.23 of the energy of the sine; noise at -10 dB adds 0.2. A sine of the
    // quietest level has half its squared amplitude in each sample; a window may hold it in part.
    squares > QUIETEST / 8.0 * HOP as f32 && steps.iter().sum::<f32>() < 0.45 * squares
}
