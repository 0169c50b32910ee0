use proptest::prelude::*;

use super::{PcmToUlaw, UlawToPcm};
use crate::InstructionSet;
use crate::g711::{ULAW_SILENCE, ulaw};
use crate::level;
use crate::resample::{OutputTooShort, Resampler};

const PCM_RATES_HZ: [u32; 3] = [16_000, 24_000, 48_000];

fn sine(rate_hz: u32, tone_hz: f64, length: usize) -> Vec<i16> {
    let step = std::f64::consts::TAU * tone_hz / f64::from(rate_hz);
    (0..length).map(|n| (8_192.0 * (step * n as f64).sin()).round() as i16).collect()
}

fn le_bytes(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

#[test]
fn the_chain_to_mu_law_is_the_resampler_and_then_the_encoder() {
    for rate_hz in PCM_RATES_HZ {
        let input = sine(rate_hz, 440.0, 3_000);
        let mut resampled = Vec::new();
        Resampler::new(rate_hz, 8_000).unwrap().process(&input, &mut resampled);
        let expected: Vec<u8> = resampled.into_iter().map(ulaw::encode_sample).collect();

        let mut codes = Vec::new();
        assert_eq!(PcmToUlaw::new(rate_hz).unwrap().process(&input, &mut codes), expected.len());
        assert_eq!(codes, expected);
    }
}

#[test]
fn the_chain_from_mu_law_is_the_decoder_and_then_the_resampler() {
    for rate_hz in PCM_RATES_HZ {
        let codes: Vec<u8> = sine(8_000, 440.0, 1_000).into_iter().map(ulaw::encode_sample).collect();
        let decoded: Vec<i16> = codes.iter().map(|&code| ulaw::decode_sample(code)).collect();
        let mut expected = Vec::new();
        Resampler::new(8_000, rate_hz).unwrap().process(&decoded, &mut expected);

        let mut samples = Vec::new();
        assert_eq!(UlawToPcm::new(rate_hz).unwrap().process(&codes, &mut samples), expected.len());
        assert_eq!(samples, expected);
    }
}

#[test]
fn a_20_ms_frame_is_a_20_ms_frame_in_both_directions() {
    for rate_hz in PCM_RATES_HZ {
        let frame = rate_hz as usize / 50;
        let (mut to_caller, mut from_caller) =
            (PcmToUlaw::new(rate_hz).unwrap(), UlawToPcm::new(rate_hz).unwrap());
        let (mut codes, mut samples) = (Vec::new(), Vec::new());
        for _ in 0..5 {
            assert_eq!(to_caller.process(&vec![0; frame], &mut codes), 160);
            assert_eq!(from_caller.process(&[ULAW_SILENCE; 160], &mut samples), frame);
        }
        assert!(codes.iter().all(|&code| code == ULAW_SILENCE));
        assert!(samples.iter().all(|&sample| sample == 0));
    }
}

#[test]
fn an_output_that_is_too_short_changes_nothing() {
    let (samples, codes) = (sine(24_000, 440.0, 480), [0x31; 160]);
    let mut to_caller = PcmToUlaw::new(24_000).unwrap();
    let short = Err(OutputTooShort { length: 159, needed: 160 });
    assert_eq!(to_caller.process_into(&samples, &mut [0; 159]), short);
    let (mut output, mut expected) = ([0; 161], Vec::new());
    assert_eq!(to_caller.process_into(&samples, &mut output), Ok(160));
    PcmToUlaw::new(24_000).unwrap().process(&samples, &mut expected);
    assert_eq!(output[..160], expected);

    let mut from_caller = UlawToPcm::new(24_000).unwrap();
    let short = Err(OutputTooShort { length: 479, needed: 480 });
    assert_eq!(from_caller.process_into(&codes, &mut [0; 479]), short);
    let (mut output, mut expected) = ([0; 481], Vec::new());
    assert_eq!(from_caller.process_into(&codes, &mut output), Ok(480));
    UlawToPcm::new(24_000).unwrap().process(&codes, &mut expected);
    assert_eq!(output[..480], expected);
}

#[test]
fn a_voice_survives_the_way_there_and_back() {
    for rate_hz in PCM_RATES_HZ {
        let (mut codes, mut samples) = (Vec::new(), Vec::new());
        PcmToUlaw::new(rate_hz).unwrap().process(&sine(rate_hz, 1_010.0, rate_hz as usize), &mut codes);
        UlawToPcm::new(rate_hz).unwrap().process(&codes, &mut samples);
        let settled = &samples[rate_hz as usize / 10..];
        // -12.04 dBFS of amplitude is -15.05 dBFS of RMS.
        assert!((level::of_pcm(settled).rms_dbfs + 15.05).abs() < 0.1);
    }
}

#[test]
fn a_flush_gives_the_last_2_ms_and_forgets_them() {
    let mut chain = PcmToUlaw::new(24_000).unwrap();
    let input = le_bytes(&[8_000; 480]);
    let mut first = Vec::new();
    // The odd byte at the end is half a sample that never comes; it must not shift what follows.
    chain.process_le_bytes(&input[..959], &mut first);
    chain.process_le_bytes(&input[959..], &mut first);
    chain.process_le_bytes(&[0x55], &mut first);
    assert_eq!(chain.flush(&mut first), chain.latency_samples());

    let mut second = Vec::new();
    chain.process_le_bytes(&input, &mut second);
    chain.flush(&mut second);
    assert_eq!(first, second);
}

#[test]
fn a_rate_that_is_not_supported_is_an_error() {
    assert_eq!(PcmToUlaw::new(22_050).unwrap_err().to_string(), "no resampler from 22050 Hz to 8000 Hz");
    assert!(UlawToPcm::new(8_000).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn bytes_may_be_cut_anywhere(
        rate_hz in prop::sample::select(PCM_RATES_HZ.to_vec()),
        bytes in prop::collection::vec(any::<u8>(), 0..3_000),
        cuts in prop::collection::vec(0usize..200, 0..30),
    ) {
        let mut whole = Vec::new();
        PcmToUlaw::new(rate_hz).unwrap().process_le_bytes(&bytes, &mut whole);

        let mut chain = PcmToUlaw::new(rate_hz).unwrap();
        let (mut pieces, mut rest) = (Vec::new(), bytes.as_slice());
        for cut in cuts {
            let (piece, after) = rest.split_at(cut.min(rest.len()));
            chain.process_le_bytes(piece, &mut pieces);
            rest = after;
        }
        chain.process_le_bytes(rest, &mut pieces);
        prop_assert_eq!(whole, pieces);
    }

    #[test]
    fn codes_may_be_cut_anywhere_and_every_instruction_set_gives_the_same_output(
        rate_hz in prop::sample::select(PCM_RATES_HZ.to_vec()),
        codes in prop::collection::vec(any::<u8>(), 0..1_000),
        cut in 0usize..1_000,
    ) {
        let mut whole = Vec::new();
        UlawToPcm::new(rate_hz).unwrap().process(&codes, &mut whole);
        let (first, second) = codes.split_at(cut.min(codes.len()));
        for set in InstructionSet::available() {
            let mut chain = UlawToPcm::with_instruction_set(rate_hz, set).unwrap();
            let mut pieces = Vec::new();
            chain.process(first, &mut pieces);
            chain.process(second, &mut pieces);
            prop_assert!(pieces == whole, "{}", set.name());
        }
    }

    #[test]
    fn every_instruction_set_encodes_the_same(
        rate_hz in prop::sample::select(PCM_RATES_HZ.to_vec()),
        samples in prop::collection::vec(any::<i16>(), 0..3_000),
    ) {
        let mut expected = Vec::new();
        PcmToUlaw::new(rate_hz).unwrap().process(&samples, &mut expected);
        for set in InstructionSet::available() {
            let mut codes = Vec::new();
            PcmToUlaw::with_instruction_set(rate_hz, set).unwrap().process(&samples, &mut codes);
            prop_assert!(codes == expected, "{}", set.name());
        }
    }
}
