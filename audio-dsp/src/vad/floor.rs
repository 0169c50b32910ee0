//! Follows the noise floor of one band: the least power of the last second and a half.
//!
//! Speech dips to the noise between syllables, steady noise stays: the minimum tells them apart
//! without a decision having to be made (minimum statistics; Martin, 2001).

/// Blocks (10 ms) per stretch of which one minimum is kept.
const STRETCH_BLOCKS: u32 = 20;

/// Stretches remembered: with the current one, 1.4 to 1.6 s.
const STRETCHES: usize = 7;

/// Weight of the newest block in the smoothed power whose minimum is taken (about 30 ms).
const SMOOTHING: f32 = 0.3;

/// The minimum of fluctuating noise lies below its mean; this brings it back (1.8 dB).
const BIAS: f32 = 1.5;

/// The floor of one band.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct NoiseFloor {
    smoothed: f32,
    minimum: f32,
    blocks: u32,
    minima: [f32; STRETCHES],
    next: usize,
    /// Never below this: what the codec's own rounding makes of silence.
    lowest: f32,
}

impl NoiseFloor {
    pub(super) fn new(initial: f32, lowest: f32) -> Self {
        let minimum = initial / BIAS;
        Self { smoothed: minimum, minimum, blocks: 0, minima: [minimum; STRETCHES], next: 0, lowest }
    }

    /// Takes the power of the next block.
    pub(super) fn update(&mut self, power: f32) {
        // Held up, so that it does not decay into denormal numbers, which are slow.
        self.smoothed = (self.smoothed + SMOOTHING * (power - self.smoothed)).max(self.lowest / BIAS);
        self.minimum = self.minimum.min(self.smoothed);
        self.blocks += 1;
        if self.blocks == STRETCH_BLOCKS {
            self.minima[self.next] = self.minimum;
            self.next = (self.next + 1) % STRETCHES;
            self.minimum = self.smoothed;
            self.blocks = 0;
        }
    }

    /// The mean power of the noise, as far as is known.
    pub(super) fn power(&self) -> f32 {
        let minimum = self.minima.iter().fold(self.minimum, |least, &minimum| least.min(minimum));
        BIAS * minimum
    }

    /// What is heard now has turned out to be noise: forgets the time before it began.
    pub(super) fn rise(&mut self) {
        let last = self.minima[(self.next + STRETCHES - 1) % STRETCHES];
        self.minima.fill(last.max(self.minimum));
        self.minimum = self.minima[0];
    }
}
