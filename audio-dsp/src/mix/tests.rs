use proptest::prelude::*;

use super::{mix, mix_on};
use crate::InstructionSet;
use crate::kernels::mix::GROUP;

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

#[test]
fn as_many_inputs_as_are_promised_are_summed_exactly_and_more_do_no_harm() {
    let (quiet, loud, low) = ([-1; 40], [i16::MAX; 40], [i16::MIN; 40]);
    // As many of the loudest as of the lowest, in the ratio that leaves nothing, and one that is heard.
    let mut inputs: Vec<&[i16]> = vec![&loud; GROUP - 1];
    inputs.extend(vec![&low[..]; GROUP - 1]);
    inputs.extend([&loud[..], &quiet]);
    let far = vec![&low[..]; 3 * GROUP];
    for set in InstructionSet::available() {
        let mut output = [0; 40];
        mix_on(set, &inputs, &mut output);
        assert_eq!(output, [-1; 40], "{}", set.name());
        mix_on(set, &far, &mut output);
        assert_eq!(output, low, "{}", set.name());
    }
}

proptest! {
    #[test]
    fn any_inputs_are_summed_and_clipped_on_every_set(
        inputs in prop::collection::vec(prop::collection::vec(any::<i16>(), 0..=200), 0..=9),
        length in 0..=200_usize,
    ) {
        let expected: Vec<i16> = (0..length)
            .map(|n| inputs.iter().filter_map(|input| input.get(n)).map(|&sample| i64::from(sample)).sum::<i64>())
            .map(|sum| sum.clamp(i64::from(i16::MIN), i64::from(i16::MAX)) as i16)
            .collect();
        let inputs: Vec<&[i16]> = inputs.iter().map(Vec::as_slice).collect();
        for set in InstructionSet::available() {
            let mut output = vec![9; length];
            mix_on(set, &inputs, &mut output);
            prop_assert_eq!(&output, &expected, "{}", set.name());
        }
    }
}
