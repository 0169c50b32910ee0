//! Test signals, the same in every run.

use std::f64::consts::TAU;

/// Frames that a timed row goes round: more than a branch predictor learns by heart, few enough for the first cache.
pub(crate) const FRAMES: usize = 8;

/// Samples of 20 ms.
pub(crate) const fn frame_length(rate_hz: u32) -> usize {
    rate_hz as usize / 50
}

/// Something like speech in the telephone band: a wandering pitch with harmonics, in syllables, over faint noise.
/// Peaks are at about -6 dBFS.
pub(crate) fn speech(rate_hz: u32, samples: usize) -> Vec<i16> {
    let mut noise = Noise(0x9E37_79B9);
    let mut phase = 0.0;
    (0..samples)
        .map(|n| {
            let time = n as f64 / f64::from(rate_hz);
            let pitch_hz = 120.0 + 20.0 * (TAU * 0.7 * time).sin();
            phase = (phase + TAU * pitch_hz / f64::from(rate_hz)) % TAU;
            let voice: f64 = (1..=27).map(|k| (phase * f64::from(k)).sin() / f64::from(k)).sum();
            let syllable = (TAU * 2.0 * time).sin().max(0.0);
            (9_000.0 * voice * syllable + 40.0 * noise.next()) as i16
        })
        .collect()
}

/// White noise between -1 and 1, from a congruential generator.
struct Noise(u32);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(self.0 >> 8) / f64::from(1 << 23) - 1.0
    }
}

/// Goes round a signal frame by frame.
pub(crate) struct Frames<T> {
    samples: Vec<T>,
    length: usize,
    next: usize,
}

impl<T> Frames<T> {
    /// Frames of `length` samples each; what is left at the end of the signal is not used.
    pub(crate) fn new(samples: Vec<T>, length: usize) -> Self {
        assert!(samples.len() >= length, "a signal has at least one frame");
        Self { samples, length, next: 0 }
    }

    /// The next frame; the first follows the last.
    #[inline]
    pub(crate) fn next(&mut self) -> &[T] {
        let start = self.next;
        let end = start + self.length;
        self.next = if end + self.length > self.samples.len() { 0 } else { end };
        &self.samples[start..end]
    }
}

/// A sum of sines of these frequencies (Hz) and amplitudes, rounded to 16 bits.
pub(crate) fn tones(rate_hz: u32, samples: usize, tones: &[(f64, f64)]) -> Vec<i16> {
    (0..samples)
        .map(|n| {
            let time = n as f64 / f64::from(rate_hz);
            tones.iter().map(|(hz, amplitude)| amplitude * (TAU * hz * time).sin()).sum::<f64>().round()
                as i16
        })
        .collect()
}
