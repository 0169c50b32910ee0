//! Splits telephone audio into three bands and measures each in blocks of 10 ms.
//!
//! Two half-band splits and one high-pass filter: mains hum and its first harmonic fall below the lowest
//! band. The two lower bands together, at 4 kHz, are also what the pitch search looks at.

/// Samples per block: 10 ms at 8 kHz.
pub(super) const BLOCK: usize = 80;

/// Samples per block at 4 kHz.
pub(super) const HALF_BLOCK: usize = BLOCK / 2;

/// The bands, from low to high: 0.2 to 1 kHz, 1 to 2 kHz, 2 to 4 kHz.
pub(super) const COUNT: usize = 3;

/// Below this magnitude filter state is taken as zero, lest it decay into denormal numbers, which are slow.
const NEGLIGIBLE: f32 = 1e-12;

/// What one block holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Analysis {
    /// Mean square of each band, low to high, in squared sample units.
    pub power: [f32; COUNT],
    /// The signal from 0.2 to 2 kHz, sampled at 4 kHz.
    pub voice: [f32; HALF_BLOCK],
}

/// The filters' state between blocks.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Splitter {
    first: HalfBand,
    second: HalfBand,
    high_pass: HighPass,
}

impl Splitter {
    pub(super) fn analyse(&mut self, samples: &[f32; BLOCK]) -> Analysis {
        let (mut below_2k, mut above_2k) = ([0.0; HALF_BLOCK], [0.0; HALF_BLOCK]);
        self.first.split(samples, &mut below_2k, &mut above_2k);
        self.high_pass.filter(&mut below_2k);
        let (mut low, mut middle) = ([0.0; HALF_BLOCK / 2], [0.0; HALF_BLOCK / 2]);
        self.second.split(&below_2k, &mut low, &mut middle);
        Analysis { power: [mean_square(&low), mean_square(&middle), mean_square(&above_2k)], voice: below_2k }
    }
}

/// The mean of the squares.
pub(super) fn mean_square(samples: &[f32]) -> f32 {
    // Eight sums in a fixed order: as fast as the machine allows and the same on every machine.
    let mut sums = [0.0; 8];
    for chunk in samples.chunks(8) {
        for (sum, sample) in sums.iter_mut().zip(chunk) {
            *sum += sample * sample;
        }
    }
    sums.iter().sum::<f32>() / samples.len() as f32
}

/// Samples before the centre, and after it, that the half-band filter looks at.
const REACH: usize = 3;

/// Splits a signal into its lower and upper half, each at half the rate, with the seven-tap filter
/// (-1, 0, 9, 16, 9, 0, -1) / 32 and its complement.
#[derive(Debug, Clone, Default, PartialEq)]
struct HalfBand {
    past: [f32; 2 * REACH],
}

impl HalfBand {
    /// `samples` holds at most [`BLOCK`] samples, an even number; each half gets one per pair.
    fn split(&mut self, samples: &[f32], lower: &mut [f32], upper: &mut [f32]) {
        let mut line = [0.0; BLOCK + 2 * REACH];
        let line = &mut line[..samples.len() + 2 * REACH];
        line[..2 * REACH].copy_from_slice(&self.past);
        line[2 * REACH..].copy_from_slice(samples);
        for ((window, lower), upper) in line.windows(2 * REACH + 1).step_by(2).zip(lower).zip(upper) {
            let near = window[REACH - 1] + window[REACH + 1];
            let far = window[0] + window[2 * REACH];
            *lower = 0.5 * window[REACH] + (9.0 / 32.0) * near - (1.0 / 32.0) * far;
            *upper = window[REACH] - *lower;
        }
        self.past.copy_from_slice(&line[samples.len()..]);
    }
}

/// Butterworth high-pass of order two at 200 Hz, for a signal at 4 kHz.
#[derive(Debug, Clone, Default, PartialEq)]
struct HighPass {
    state: [f32; 2],
}

impl HighPass {
    // Bilinear transform of 1 / (s^2 + sqrt(2) s + 1) with the edge prewarped: k = tan(pi * 200 / 4000),
    // gain = 1 / (1 + sqrt(2) k + k^2), a1 = 2 (k^2 - 1) gain, a2 = (1 - sqrt(2) k + k^2) gain.
    const GAIN: f32 = 0.800_592_4;
    const A1: f32 = -1.561_018;
    const A2: f32 = 0.641_351_5;

    fn filter(&mut self, samples: &mut [f32]) {
        let [mut s1, mut s2] = self.state;
        for sample in samples {
            let input = Self::GAIN * *sample;
            let output = input + s1;
            s1 = s2 - 2.0 * input - Self::A1 * output;
            s2 = input - Self::A2 * output;
            *sample = output;
        }
        self.state = [s1, s2].map(|state| if state.abs() < NEGLIGIBLE { 0.0 } else { state });
    }
}

#[cfg(test)]
mod tests {
    use super::{Analysis, BLOCK, Splitter};

    /// The powers of a settled tone of amplitude 1,000, relative to its mean square, in dB.
    fn tone_db(tone_hz: f64) -> [f64; 3] {
        let mut splitter = Splitter::default();
        let mut sums = [0.0; 3];
        for block in 0..60 {
            let samples: [f32; BLOCK] = std::array::from_fn(|n| {
                let time = (block * BLOCK + n) as f64 / 8_000.0;
                1_000.0 * (std::f64::consts::TAU * tone_hz * time).sin() as f32
            });
            let Analysis { power, .. } = splitter.analyse(&samples);
            if block >= 10 {
                sums = std::array::from_fn(|band| sums[band] + f64::from(power[band]) / 50.0);
            }
        }
        sums.map(|power| 10.0 * (power / 500_000.0).log10())
    }

    #[test]
    fn each_band_holds_its_tones() {
        for (tone_hz, band) in [(300.0, 0), (500.0, 0), (700.0, 0), (1_400.0, 1), (3_000.0, 2)] {
            let powers = tone_db(tone_hz);
            assert!(powers[band] > -3.0, "{tone_hz} Hz: {powers:?}");
            for other in (0..3).filter(|&other| other != band) {
                assert!(powers[other] < -9.0, "{tone_hz} Hz: {powers:?}");
            }
        }
    }

    #[test]
    fn mains_hum_and_offset_fall_below_the_lowest_band() {
        for (tone_hz, most_db) in [(1.0, -40.0), (50.0, -22.0), (60.0, -19.0), (100.0, -11.0)] {
            let powers = tone_db(tone_hz);
            assert!(powers.iter().all(|&power| power < most_db), "{tone_hz} Hz: {powers:?}");
        }
    }

    #[test]
    fn after_a_signal_silence_becomes_exact_silence() {
        let mut splitter = Splitter::default();
        splitter.analyse(&[9_000.0; BLOCK]);
        for _ in 0..50 {
            splitter.analyse(&[0.0; BLOCK]);
        }
        assert_eq!(splitter, Splitter::default());
    }
}
