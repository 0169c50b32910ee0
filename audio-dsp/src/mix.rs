//! Several voices at once.

#![forbid(unsafe_code)]

#[cfg(test)]
mod tests;

use crate::InstructionSet;
use crate::kernels;

/// Writes the sum of all `inputs` to `output`, clipped to 16 bits.
///
/// The sum is exact before it is clipped (for up to 65,536 inputs): two loud voices of opposite sign do
/// not distort a third. An input shorter than `output` is followed by silence; one that is longer is cut.
pub fn mix(inputs: &[&[i16]], output: &mut [i16]) {
    mix_on(InstructionSet::detected(), inputs, output);
}

/// [`mix`] with a chosen set of instructions, for tests and benchmarks.
pub fn mix_on(set: InstructionSet, inputs: &[&[i16]], output: &mut [i16]) {
    kernels::mix::mix(set, inputs, output);
}
