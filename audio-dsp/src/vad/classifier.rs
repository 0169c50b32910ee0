//! From the features of a block to the odds that it is speech: a network of one hidden layer, small enough to be
//! worked out for every block of every call.

#![forbid(unsafe_code)]

use super::features::FEATURES;
use super::weights::{HIDDEN_BIAS, HIDDEN_WEIGHTS, OUTPUT_BIAS, OUTPUT_WEIGHTS};

/// Units whose outputs are summed side by side; their number is a multiple of it.
const LANES: usize = 8;

/// The natural logarithm of the odds that a block with these features is speech.
#[inline(always)]
pub(super) fn log_odds(features: &[f32; FEATURES]) -> f32 {
    // Units side by side, in an order that is always the same.
    let mut hidden = HIDDEN_BIAS;
    for (feature, weights) in features.iter().zip(&HIDDEN_WEIGHTS) {
        for (hidden, weight) in hidden.iter_mut().zip(weights) {
            *hidden += feature * weight;
        }
    }
    let mut sums = [0.0f32; LANES];
    for (hidden, outputs) in hidden.as_chunks::<LANES>().0.iter().zip(OUTPUT_WEIGHTS.as_chunks::<LANES>().0) {
        for ((sum, hidden), output) in sums.iter_mut().zip(hidden).zip(outputs) {
            *sum += hidden.max(0.0) * output;
        }
    }
    // Each half onto the other, as vectors are added up.
    let mut width = LANES / 2;
    while width > 0 {
        let (lower, upper) = sums.split_at_mut(width);
        for (lower, upper) in lower.iter_mut().zip(upper) {
            *lower += *upper;
        }
        width /= 2;
    }
    sums[0] + OUTPUT_BIAS
}
