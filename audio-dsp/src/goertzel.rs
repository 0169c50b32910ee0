//! The spectrum of a short window at a few chosen frequencies: what one Goertzel filter per frequency gives.
//!
//! Goertzel's recursion waits for its own result at every sample. Here the same sums are formed from tables,
//! one lane per frequency, so that they vectorise; a symmetric window is folded in the middle, which halves
//! the work.

#![forbid(unsafe_code)]

use crate::sine::{cosine, sine};

/// Samples per second of everything that is analysed.
pub(crate) const RATE_HZ: f64 = 8_000.0;

/// Tables for `N` frequencies and a Hann window of two halves of `HALF` samples each. Windows that follow
/// each other every `HALF` samples add up to 1.
pub(crate) struct Bank<const HALF: usize, const N: usize> {
    /// For each sample right of the middle: window times cosine, for each frequency.
    cosines: [[f32; N]; HALF],
    /// The same with the sine.
    sines: [[f32; N]; HALF],
    /// The window's square.
    squares: [f32; HALF],
}

/// What a window holds at each frequency, as complex amplitudes relative to the window's middle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spectrum<const N: usize> {
    pub(crate) re: [f32; N],
    pub(crate) im: [f32; N],
}

impl<const N: usize> Spectrum<N> {
    pub(crate) const SILENCE: Self = Self { re: [0.0; N], im: [0.0; N] };

    /// The squared amplitude at one frequency.
    #[inline]
    pub(crate) fn power(&self, index: usize) -> f32 {
        self.re[index] * self.re[index] + self.im[index] * self.im[index]
    }
}

impl<const HALF: usize, const N: usize> Bank<HALF, N> {
    /// Tables for these frequencies (Hz).
    pub(crate) const fn new(frequencies_hz: [f64; N]) -> Self {
        let mut bank = Self { cosines: [[0.0; N]; HALF], sines: [[0.0; N]; HALF], squares: [0.0; HALF] };
        let half = HALF as f64;
        let mut n = 0;
        while n < HALF {
            let time = n as f64 + 0.5;
            let window = 0.5 + 0.5 * cosine(time / (2.0 * half));
            // The window's sum is `HALF`, that of its square three quarters of it: with these factors a sine
            // of amplitude A has the magnitude A in the spectrum, and the energy A squared.
            // Squares of sums and differences are twice those of the samples.
            bank.squares[n] = (window * window / (0.75 * half)) as f32;
            let mut lane = 0;
            while lane < N {
                let turns = time * frequencies_hz[lane] / RATE_HZ;
                bank.cosines[n][lane] = (window * cosine(turns) * 2.0 / half) as f32;
                bank.sines[n][lane] = (window * sine(turns) * 2.0 / half) as f32;
                lane += 1;
            }
            n += 1;
        }
        bank
    }

    /// The energy in the window, as the sum of the squared amplitudes of the sines it is made of.
    #[inline]
    pub(crate) fn energy(&self, window: &Folded<HALF>) -> f32 {
        // Eight partial sums, as a single one would wait for itself. `HALF` is a multiple of eight.
        let mut sums = [0.0f32; 8];
        let (even, odd) = (window.even.as_chunks::<8>().0, window.odd.as_chunks::<8>().0);
        for ((even, odd), squares) in even.iter().zip(odd).zip(self.squares.as_chunks::<8>().0) {
            for lane in 0..8 {
                sums[lane] += squares[lane] * (even[lane] * even[lane] + odd[lane] * odd[lane]);
            }
        }
        sums.iter().sum()
    }

    /// The window's spectrum.
    #[inline]
    pub(crate) fn spectrum(&self, window: &Folded<HALF>) -> Spectrum<N> {
        // Two sums for each lane, as an addition takes longer than it takes to begin the next.
        let mut sums = [Spectrum::<N>::SILENCE; 2];
        let samples = window.even.as_chunks::<2>().0.iter().zip(window.odd.as_chunks::<2>().0);
        let tables = self.cosines.as_chunks::<2>().0.iter().zip(self.sines.as_chunks::<2>().0);
        for ((even, odd), (cosines, sines)) in samples.zip(tables) {
            for (turn, sum) in sums.iter_mut().enumerate() {
                for lane in 0..N {
                    sum.re[lane] += even[turn] * cosines[turn][lane];
                    sum.im[lane] += odd[turn] * sines[turn][lane];
                }
            }
        }
        let [mut spectrum, other] = sums;
        for lane in 0..N {
            spectrum.re[lane] += other.re[lane];
            spectrum.im[lane] += other.im[lane];
        }
        spectrum
    }
}

/// A window folded in its middle: sums and differences of the samples that are equally far from it.
pub(crate) struct Folded<const HALF: usize> {
    even: [f32; HALF],
    odd: [f32; HALF],
}

/// Collects samples into halves of windows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Halves<const HALF: usize> {
    left: [f32; HALF],
    right: [f32; HALF],
    filled: usize,
    /// Where the right half starts, in samples of the stream: the middle of the next window.
    middle: u64,
}

impl<const HALF: usize> Halves<HALF> {
    pub(crate) const fn new() -> Self {
        Self { left: [0.0; HALF], right: [0.0; HALF], filled: 0, middle: 0 }
    }

    /// Samples of the stream so far.
    pub(crate) const fn position(&self) -> u64 {
        self.middle.saturating_add(self.filled as u64)
    }

    /// Takes what fits into the right half from the front of `frame`, and returns whether that is full now.
    #[inline]
    pub(crate) fn fill<T>(&mut self, frame: &mut &[T], sample: &impl Fn(&T) -> f32) -> bool {
        let (now, later) = frame.split_at(frame.len().min(HALF - self.filled));
        for (to, from) in self.right[self.filled..].iter_mut().zip(now) {
            *to = sample(from);
        }
        self.filled += now.len();
        *frame = later;
        self.filled == HALF
    }

    /// Where the middle of the window is.
    pub(crate) const fn middle(&self) -> u64 {
        self.middle
    }

    /// The full window: its older and its newer half.
    pub(crate) const fn window(&self) -> [&[f32; HALF]; 2] {
        [&self.left, &self.right]
    }

    /// The full window, folded.
    #[inline]
    pub(crate) fn folded(&self) -> Folded<HALF> {
        let mut folded = Folded { even: [0.0; HALF], odd: [0.0; HALF] };
        for (n, (late, early)) in self.right.iter().zip(self.left.iter().rev()).enumerate() {
            folded.even[n] = late + early;
            folded.odd[n] = early - late;
        }
        folded
    }

    /// Makes the newer half the older one.
    pub(crate) fn advance(&mut self) {
        self.left = self.right;
        self.filled = 0;
        self.middle = self.middle.saturating_add(HALF as u64);
    }

    /// Passes over lost samples, which count as silence.
    pub(crate) fn skip(&mut self, samples: u64) {
        self.middle = self.position().saturating_add(samples);
        self.left = [0.0; HALF];
        self.filled = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::{Bank, Halves};

    static BANK: Bank<40, 2> = Bank::new([700.0, 1_500.0]);

    fn window(frequency_hz: f64, amplitude: f64, phase: f64) -> Halves<40> {
        let mut halves = Halves::new();
        let samples: Vec<f32> = (0..80)
            .map(|n| {
                let time = f64::from(n) - 39.5;
                (amplitude * (std::f64::consts::TAU * frequency_hz * time / 8_000.0 + phase).cos()) as f32
            })
            .collect();
        let mut rest = samples.as_slice();
        assert!(halves.fill(&mut rest, &|&sample| sample));
        halves.advance();
        assert!(halves.fill(&mut rest, &|&sample| sample));
        halves
    }

    #[test]
    fn a_sine_has_its_amplitude_its_phase_and_its_energy() {
        for phase in [0.0, 1.0, -2.5] {
            let halves = window(1_500.0, 1_000.0, phase);
            let window = halves.folded();
            let spectrum = BANK.spectrum(&window);
            assert_eq!(halves.middle(), 40);
            assert!((spectrum.power(1).sqrt() - 1_000.0).abs() < 2.0, "{spectrum:?}");
            let angle = f64::from(spectrum.im[1]).atan2(f64::from(spectrum.re[1]));
            assert!((angle - phase).abs() < 0.01, "{angle}");
            assert!((BANK.energy(&window) / 1e6 - 1.0).abs() < 0.01);
            assert!(spectrum.power(0) < 1e6 / 1e4, "800 Hz away it is 40 dB down");
        }
    }
}
