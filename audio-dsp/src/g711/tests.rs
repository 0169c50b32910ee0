use proptest::prelude::*;

use super::{ULAW_SILENCE, alaw, ulaw};
use crate::InstructionSet;

const ULAW_DECODE: &[u8; 512] = include_bytes!("../../../fixtures/vectors/g711/ulaw_decode_i16le.bin");
const ALAW_DECODE: &[u8; 512] = include_bytes!("../../../fixtures/vectors/g711/alaw_decode_i16le.bin");
const ULAW_ENCODE: &[u8; 65_536] =
    include_bytes!("../../../fixtures/vectors/g711/g191_ulaw_encode_u16index.bin");
const ALAW_ENCODE: &[u8; 65_536] =
    include_bytes!("../../../fixtures/vectors/g711/g191_alaw_encode_u16index.bin");

fn reference_samples(bytes: &[u8; 512]) -> Vec<i16> {
    bytes.as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect()
}

/// Every 16-bit sample, in the order in which the reference tables are indexed.
fn every_sample() -> Vec<i16> {
    (0..=u16::MAX).map(u16::cast_signed).collect()
}

#[test]
fn every_code_decodes_as_in_g191_on_every_set() {
    let codes: Vec<u8> = (0..=255).collect();
    let mut samples = [0; 256];
    for set in InstructionSet::available() {
        assert_eq!(ulaw::decode_on(set, &codes, &mut samples), 256);
        assert_eq!(samples.as_slice(), reference_samples(ULAW_DECODE), "mu-law, {}", set.name());
        assert_eq!(alaw::decode_on(set, &codes, &mut samples), 256);
        assert_eq!(samples.as_slice(), reference_samples(ALAW_DECODE), "A-law, {}", set.name());
    }
}

#[test]
fn every_sample_encodes_as_in_g191_on_every_set() {
    let samples = every_sample();
    let mut codes = vec![0; samples.len()];
    for set in InstructionSet::available() {
        assert_eq!(ulaw::encode_on(set, &samples, &mut codes), samples.len());
        assert!(codes == ULAW_ENCODE, "mu-law differs, {}", set.name());
        assert_eq!(alaw::encode_on(set, &samples, &mut codes), samples.len());
        assert!(codes == ALAW_ENCODE, "A-law differs, {}", set.name());
    }
}

#[test]
fn the_fastest_set_is_the_one_detected() {
    assert_eq!(InstructionSet::available().last(), Some(&InstructionSet::detected()));
    assert_eq!(InstructionSet::available().first(), Some(&InstructionSet::PORTABLE));
}

#[test]
fn decoding_then_encoding_gives_the_code_back() {
    for code in 0..=255 {
        assert_eq!(alaw::encode_sample(alaw::decode_sample(code)), code);
        // Mu-law has two zeros; the negative one comes back as the positive one.
        let expected = if code == 0x7F { ULAW_SILENCE } else { code };
        assert_eq!(ulaw::encode_sample(ulaw::decode_sample(code)), expected);
    }
}

#[test]
fn the_conversions_work_at_compile_time() {
    const SILENCE: u8 = ulaw::encode_sample(0);
    const LOUDEST: i16 = alaw::decode_sample(alaw::encode_sample(i16::MAX));
    assert_eq!(SILENCE, ULAW_SILENCE);
    assert_eq!(LOUDEST, 32_256);
}

#[test]
fn slices_of_different_lengths_convert_what_both_hold() {
    let mut samples = [7; 3];
    assert_eq!(ulaw::decode(&[ULAW_SILENCE; 2], &mut samples), 2);
    assert_eq!(samples, [0, 0, 7]);
    let mut codes = [0; 1];
    assert_eq!(ulaw::encode(&[0; 5], &mut codes), 1);
    assert_eq!(codes, [ULAW_SILENCE]);
    assert_eq!(alaw::encode(&[], &mut codes), 0);
}

/// Checks one conversion on every set: `convert` is given a slice that starts anywhere in an allocation and ends where
/// that ends, so that a memory checker sees what is read past it, and an output of another length.
fn check_any_frame<A: Copy, B: Copy + PartialEq + std::fmt::Debug>(
    input: &[A],
    offset: usize,
    room: usize,
    canary: B,
    convert: impl Fn(InstructionSet, &[A], &mut [B]) -> usize,
    expect: impl Fn(A) -> B,
) -> Result<(), TestCaseError> {
    let input: Box<[A]> = input.into();
    let offset = offset.min(input.len());
    let count = (input.len() - offset).min(room.saturating_sub(offset));
    for set in InstructionSet::available() {
        let mut output = vec![canary; room];
        let start = offset.min(room);
        prop_assert_eq!(convert(set, &input[offset..], &mut output[start..]), count);
        for (n, &found) in output.iter().enumerate() {
            let expected = if (start..start + count).contains(&n) { expect(input[n]) } else { canary };
            prop_assert_eq!(found, expected, "item {} from {} of {}, {}", n, start, count, set.name());
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn codes_of_any_frame_decode_and_nothing_else_is_written(
        codes in prop::collection::vec(any::<u8>(), 0..=700),
        offset in 0..64_usize,
        room in 0..=764_usize,
    ) {
        check_any_frame(&codes, offset, room, 1, ulaw::decode_on, ulaw::decode_sample)?;
        check_any_frame(&codes, offset, room, 1, alaw::decode_on, alaw::decode_sample)?;
    }

    #[test]
    fn samples_of_any_frame_encode_and_nothing_else_is_written(
        samples in prop::collection::vec(any::<i16>(), 0..=700),
        offset in 0..64_usize,
        room in 0..=764_usize,
        canary: u8,
    ) {
        check_any_frame(&samples, offset, room, canary, ulaw::encode_on, ulaw::encode_sample)?;
        check_any_frame(&samples, offset, room, canary, alaw::encode_on, alaw::encode_sample)?;
    }
}
