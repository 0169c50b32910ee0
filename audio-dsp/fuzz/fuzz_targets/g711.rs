//! Whole slices give what single samples give, on every instruction set, at any alignment and length, and write
//! nothing beyond; what was decoded is encoded to the code that it was.
#![no_main]

use audio_dsp::InstructionSet;
use audio_dsp::g711::{alaw, ulaw};
use libfuzzer_sys::fuzz_target;

/// What stands in an output before anything is written there.
const UNTOUCHED: u8 = 0xA5;

fuzz_target!(|input: (u8, u8, Vec<u8>)| {
    let (offset, room, bytes) = input;
    let codes = &bytes[usize::from(offset).min(bytes.len())..];
    let room = usize::from(room);
    for set in InstructionSet::available() {
        decoded(|codes, samples| ulaw::decode_on(set, codes, samples), ulaw::decode_sample, codes, room);
        decoded(|codes, samples| alaw::decode_on(set, codes, samples), alaw::decode_sample, codes, room);
    }

    let samples: Vec<i16> = bytes.as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect();
    let samples = &samples[usize::from(offset).min(samples.len())..];
    for set in InstructionSet::available() {
        encoded(|samples, codes| ulaw::encode_on(set, samples, codes), ulaw::encode_sample, samples, room);
        encoded(|samples, codes| alaw::encode_on(set, samples, codes), alaw::encode_sample, samples, room);
    }

    for &code in codes {
        assert_eq!(alaw::encode_sample(alaw::decode_sample(code)), code);
        // Mu-law has two zeros; the one that is sent is 0xFF.
        let sent = if code == 0x7F { 0xFF } else { code };
        assert_eq!(ulaw::encode_sample(ulaw::decode_sample(code)), sent);
    }
});

fn decoded(decode: impl Fn(&[u8], &mut [i16]) -> usize, one: fn(u8) -> i16, codes: &[u8], room: usize) {
    let untouched = i16::from_le_bytes([UNTOUCHED; 2]);
    let mut samples = vec![untouched; room];
    let count = decode(codes, &mut samples);
    assert_eq!(count, codes.len().min(room));
    assert!(samples[..count].iter().zip(codes).all(|(&sample, &code)| sample == one(code)));
    assert!(samples[count..].iter().all(|&sample| sample == untouched));
}

fn encoded(encode: impl Fn(&[i16], &mut [u8]) -> usize, one: fn(i16) -> u8, samples: &[i16], room: usize) {
    let mut codes = vec![UNTOUCHED; room];
    let count = encode(samples, &mut codes);
    assert_eq!(count, samples.len().min(room));
    assert!(codes[..count].iter().zip(samples).all(|(&code, &sample)| code == one(sample)));
    assert!(codes[count..].iter().all(|&code| code == UNTOUCHED));
}
