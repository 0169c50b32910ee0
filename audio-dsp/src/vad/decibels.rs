//! Powers in decibels by arithmetic that gives the same bits on every machine, which a system's `log10` does not.

#![forbid(unsafe_code)]

/// dB per doubling of power.
const PER_DOUBLING: f32 = 3.010_3;

/// Power of a full-scale square wave, 32,768 squared, in dB of squared sample units.
const FULL_SCALE: f32 = 90.308_99;

/// A power in squared sample units as dB below full scale, exact to 0.01 dB. The power must be positive and not
/// denormal.
#[inline(always)]
pub(super) fn dbfs(power: f32) -> f32 {
    let bits = power.to_bits();
    let exponent = (bits >> 23) as i32 - 127;
    let mantissa = f32::from_bits(bits & 0x007f_ffff | 0x3f80_0000) - 1.0;
    // log2(1 + m) with both ends exact; the coefficients are those of least error in between.
    let log =
        mantissa * (1.0 + (1.0 - mantissa) * (0.438_073 + mantissa * (-0.236_693 + mantissa * 0.080_307)));
    PER_DOUBLING * (exponent as f32 + log) - FULL_SCALE
}

#[cfg(test)]
mod tests {
    use super::dbfs;

    #[test]
    fn powers_become_decibels() {
        let mut power = 1e-3f32;
        while power < 1e10 {
            let exact = 10.0 * (f64::from(power) / 32_768f64.powi(2)).log10();
            assert!((f64::from(dbfs(power)) - exact).abs() < 0.01, "{power}: {} {exact}", dbfs(power));
            power *= 1.003;
        }
    }
}
