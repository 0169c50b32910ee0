//! Several voices at once.

/// Samples summed at a time, in 32 bits.
const BLOCK: usize = 64;

/// Writes the sum of all `inputs` to `output`, clipped to 16 bits.
///
/// The sum is exact before it is clipped (for up to 65,536 inputs): two loud voices of opposite sign do
/// not distort a third. An input shorter than `output` is followed by silence; one that is longer is cut.
pub fn mix(inputs: &[&[i16]], output: &mut [i16]) {
    for (index, block) in output.chunks_mut(BLOCK).enumerate() {
        let mut sums = [0i32; BLOCK];
        for input in inputs {
            let samples = input.get(index * BLOCK..).unwrap_or_default();
            for (sum, &sample) in sums.iter_mut().zip(samples) {
                *sum = sum.saturating_add(i32::from(sample));
            }
        }
        for (sample, sum) in block.iter_mut().zip(sums) {
            *sample = sum.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::mix;

    #[test]
    fn the_sum_is_clipped_not_wrapped() {
        let mut output = [0; 2];
        mix(&[&[30_000, -30_000], &[10_000, -10_000]], &mut output);
        assert_eq!(output, [i16::MAX, i16::MIN]);
    }

    #[test]
    fn clipping_comes_after_the_whole_sum() {
        let mut output = [0; 1];
        mix(&[&[30_000], &[30_000], &[-30_000]], &mut output);
        assert_eq!(output, [30_000]);
    }

    #[test]
    fn a_short_input_is_followed_by_silence_and_a_long_one_is_cut() {
        let long: Vec<i16> = (0..300).collect();
        let mut output = [9; 200];
        mix(&[&long, &[1; 100]], &mut output);
        assert_eq!(output[99], 100);
        assert_eq!(output[100], 100);
        assert_eq!(output[199], 199);
    }

    #[test]
    fn no_input_is_silence() {
        let mut output = [9; 3];
        mix(&[], &mut output);
        assert_eq!(output, [0; 3]);
    }
}
