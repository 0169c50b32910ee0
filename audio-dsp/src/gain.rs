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
    from: f64,
    to: f64,
    /// Samples of the ramp so far, and in all.
    done: u32,
    length: u32,
}

impl Gain {
    /// A constant gain of `db`. Negative infinity is silence.
    pub fn new(db: f64) -> Self {
        let to = factor(db);
        Self { ramp: Ramp::Linear, from: to, to, done: 0, length: 0 }
    }

    /// Goes from the present gain to `db` within `samples`; the last of them has it exactly.
    pub fn ramp_to(&mut self, db: f64, samples: u32, ramp: Ramp) {
        let from = self.present();
        *self = Self { ramp, from, to: factor(db), done: 0, length: samples };
    }

    /// The gain of the last sample, as a factor.
    pub fn present(&self) -> f64 {
        self.at(self.done)
    }

    /// Whether the ramp is still on its way.
    pub const fn is_ramping(&self) -> bool {
        self.done < self.length
    }

    /// Multiplies `samples`, rounds to the nearest (halves away from zero) and clips to 16 bits. A gain of 0 dB
    /// changes nothing.
    pub fn apply(&mut self, samples: &mut [i16]) {
        let ramping = samples.len().min((self.length - self.done) as usize);
        let (ramp, rest) = samples.split_at_mut(ramping);
        for sample in ramp {
            self.done += 1;
            *sample = scaled(*sample, self.at(self.done));
        }
        if rest.is_empty() || self.to == 1.0 {
            return;
        }
        let factor = self.to;
        for sample in rest {
            *sample = scaled(*sample, factor);
        }
    }

    /// The factor of the ramp's sample number `done`, from 1; 0 is before the ramp.
    fn at(&self, done: u32) -> f64 {
        if done >= self.length {
            return self.to;
        }
        let part = f64::from(done) / f64::from(self.length);
        match self.ramp {
            Ramp::Linear => self.from + (self.to - self.from) * part,
            Ramp::Exponential if done == 0 => self.from,
            Ramp::Exponential => {
                let floor = factor(INAUDIBLE_DB);
                let (from, to) = (self.from.max(floor), self.to.max(floor));
                from * (to / from).powf(part)
            }
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
