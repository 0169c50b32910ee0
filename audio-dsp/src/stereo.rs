//! Two mono streams as one stereo stream.

/// Writes `left[0], right[0], left[1], right[1], …` to `output` and returns how many samples of each
/// side were written: as many as both sides have and `output` has pairs for. The rest is untouched.
pub fn interleave(left: &[i16], right: &[i16], output: &mut [i16]) -> usize {
    let (pairs, _) = output.as_chunks_mut::<2>();
    let count = left.len().min(right.len()).min(pairs.len());
    for ((pair, &left), &right) in pairs.iter_mut().zip(left).zip(right) {
        *pair = [left, right];
    }
    count
}

#[cfg(test)]
mod tests {
    use super::interleave;

    #[test]
    fn left_comes_first() {
        let mut output = [0; 4];
        assert_eq!(interleave(&[1, 2], &[-1, -2], &mut output), 2);
        assert_eq!(output, [1, -1, 2, -2]);
    }

    #[test]
    fn only_whole_pairs_that_both_sides_have_are_written() {
        let mut output = [9; 5];
        assert_eq!(interleave(&[1, 2, 3], &[-1, -2, -3], &mut output), 2);
        assert_eq!(output, [1, -1, 2, -2, 9]);
        assert_eq!(interleave(&[5], &[], &mut output), 0);
        assert_eq!(output[0], 1);
    }
}
