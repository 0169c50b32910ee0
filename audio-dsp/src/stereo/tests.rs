use proptest::prelude::*;

use super::{deinterleave, deinterleave_on, interleave, interleave_on};
use crate::InstructionSet;

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

#[test]
fn a_pair_that_is_not_whole_or_has_no_room_stays() {
    let (mut left, mut right) = ([9; 3], [9; 1]);
    assert_eq!(deinterleave(&[1, -1, 2, -2, 3], &mut left, &mut right), 1);
    assert_eq!((left, right), ([1, 9, 9], [-1]));
    let mut right = [9; 3];
    assert_eq!(deinterleave(&[1, -1, 2, -2, 3], &mut left, &mut right), 2);
    assert_eq!((left, right), ([1, 2, 9], [-1, -2, 9]));
}

proptest! {
    #[test]
    fn any_two_sides_come_back_from_their_pairs_on_every_set(
        left in prop::collection::vec(any::<i16>(), 0..=500),
        right in prop::collection::vec(any::<i16>(), 0..=500),
        room in 0..=1_100_usize,
    ) {
        let count = left.len().min(right.len()).min(room / 2);
        for set in InstructionSet::available() {
            let mut pairs = vec![7; room];
            prop_assert_eq!(interleave_on(set, &left, &right, &mut pairs), count);
            for (n, pair) in pairs[..2 * count].chunks(2).enumerate() {
                prop_assert_eq!(pair, [left[n], right[n]], "pair {}, {}", n, set.name());
            }
            prop_assert!(pairs[2 * count..].iter().all(|&sample| sample == 7), "{}", set.name());

            let (mut left_again, mut right_again) = (vec![7; left.len()], vec![7; right.len()]);
            prop_assert_eq!(deinterleave_on(set, &pairs[..2 * count], &mut left_again, &mut right_again), count);
            prop_assert_eq!(&left_again[..count], &left[..count], "{}", set.name());
            prop_assert_eq!(&right_again[..count], &right[..count], "{}", set.name());
            prop_assert!(left_again[count..].iter().chain(&right_again[count..]).all(|&sample| sample == 7));
        }
    }
}
