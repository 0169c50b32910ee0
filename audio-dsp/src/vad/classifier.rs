//! From the features of a block to the odds that it is speech: a network of one hidden layer, small enough to be
//! worked out for every block of every call.

use super::features::FEATURES;
use super::weights::{HIDDEN_BIAS, HIDDEN_WEIGHTS, OUTPUT_BIAS, OUTPUT_WEIGHTS};

/// Units that are worked out side by side; their number is a multiple of it.
const LANES: usize = 8;

/// The natural logarithm of the odds that a block with these features is speech.
#[inline(always)]
pub(super) fn log_odds(features: &[f32; FEATURES]) -> f32 {
    // Units side by side, in an order that is always the same.
    let mut sums = [0.0f32; LANES];
    for (group, sums_of_group) in HIDDEN_BIAS.as_chunks::<LANES>().0.iter().enumerate() {
        let mut hidden = *sums_of_group;
        for (feature, weights) in features.iter().zip(&HIDDEN_WEIGHTS) {
            let weights = &weights.as_chunks::<LANES>().0[group];
            for lane in 0..LANES {
                hidden[lane] += feature * weights[lane];
            }
        }
        let outputs = &OUTPUT_WEIGHTS.as_chunks::<LANES>().0[group];
        for lane in 0..LANES {
            sums[lane] += hidden[lane].max(0.0) * outputs[lane];
        }
    }
    let [a, b, c, d, e, f, g, h] = sums;
    ((a + b) + (c + d)) + ((e + f) + (g + h)) + OUTPUT_BIAS
}
