use super::{ULAW_SILENCE, alaw, ulaw};

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
fn every_code_decodes_as_in_g191() {
    let codes: Vec<u8> = (0..=255).collect();
    let mut samples = [0; 256];
    assert_eq!(ulaw::decode(&codes, &mut samples), 256);
    assert_eq!(samples.as_slice(), reference_samples(ULAW_DECODE));
    assert_eq!(alaw::decode(&codes, &mut samples), 256);
    assert_eq!(samples.as_slice(), reference_samples(ALAW_DECODE));
}

#[test]
fn every_sample_encodes_as_in_g191() {
    let samples = every_sample();
    let mut codes = vec![0; samples.len()];
    assert_eq!(ulaw::encode(&samples, &mut codes), samples.len());
    assert!(codes == ULAW_ENCODE, "mu-law differs");
    assert_eq!(alaw::encode(&samples, &mut codes), samples.len());
    assert!(codes == ALAW_ENCODE, "A-law differs");
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
