//! Louder and quieter without a click: every change of gain is a ramp, sample by sample.

#![forbid(unsafe_code)]

#[cfg(test)]
mod tests;

/// The gain (dB) that an exponential ramp to or from silence takes for silence.
const INAUDIBLE_DB: f64 = -90.0;

/// The course of a ramp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ramp {
    /// Even in amplitude: what fits two voices that change places.
    Linear,
    /// Even in dB: what the ear hears as even.
    Exponential,
}

/// A gain, and the ramp to it. Any split of the samples gives the same output.
#[derive(Debug, Clone, PartialEq)]
pub struct Gain {
    ramp: Ramp,
    /// The factor of the last sample.
    present: f64,
    /// What is added to it, or what it is multiplied by, for the next sample.
    step: f64,
    to: f64,
    /// Samples until the end of the ramp.
    left: u32,
}

impl Gain {
    /// A constant gain of `db`. Negative infinity is silence.
    pub fn new(db: f64) -> Self {
        let to = factor(db);
        Self { ramp: Ramp::Linear, present: to, step: 0.0, to, left: 0 }
    }

    /// Goes from the present gain to `db` within `samples`; the last of them has it exactly.
    pub fn ramp_to(&mut self, db: f64, samples: u32, ramp: Ramp) {
        self.to = factor(db);
        self.ramp = ramp;
        self.left = samples;
        if samples == 0 {
            self.present = self.to;
            return;
        }
        let length = f64::from(samples);
        self.step = match ramp {
            Ramp::Linear => (self.to - self.present) / length,
            Ramp::Exponential => {
                let floor = factor(INAUDIBLE_DB);
                self.present = self.present.max(floor);
                (self.to.max(floor) / self.present).powf(1.0 / length)
            }
        };
    }

    /// The gain of the last sample, as a factor.
    pub const fn present(&self) -> f64 {
        self.present
    }

    /// Whether the ramp is still on its way.
    pub const fn is_ramping(&self) -> bool {
        self.left > 0
    }

    /// Multiplies `samples`, rounds to the nearest (halves away from zero) and clips to 16 bits. A gain of 0 dB
    /// changes nothing.
    pub fn apply(&mut self, samples: &mut [i16]) {
        let (ramp, rest) = samples.split_at_mut(samples.len().min(self.left as usize));
        for sample in ramp {
            self.left -= 1;
            self.present = match self.ramp {
                // Rounding adds up to less than a millionth of a step of 16 bits.
                _ if self.left == 0 => self.to,
                Ramp::Linear => self.present + self.step,
                Ramp::Exponential => self.present * self.step,
            };
            *sample = scaled(*sample, self.present);
        }
        if self.to != 1.0 {
            let factor = self.to;
            rest.iter_mut().for_each(|sample| *sample = scaled(*sample, factor));
        }
    }
}

fn factor(db: f64) -> f64 {
    if db == 0.0 { 1.0 } else { 10f64.powf(db / 20.0) }
}

/// One sample times a factor.
#[inline]
pub(crate) fn scaled(sample: i16, factor: f64) -> i16 {
    let product = f64::from(sample) * factor;
    // The conversion cuts towards zero and clips; not-a-number becomes zero.
    (product + 0.5f64.copysign(product)) as i16
}
