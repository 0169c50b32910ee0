use proptest::prelude::*;

use super::{Level, SILENCE_DBFS, of_pcm, of_pcm_on, of_ulaw, of_ulaw_on};
use crate::InstructionSet;
use crate::g711::{ULAW_SILENCE, ulaw};

fn assert_near(actual: f32, expected: f32) {
    assert!((actual - expected).abs() < 0.01, "{actual} dBFS, expected {expected}");
}

#[test]
fn a_full_scale_square_wave_is_0_dbfs() {
    let level = of_pcm(&[i16::MIN; 160]);
    assert_eq!(level, Level { rms_dbfs: 0.0, peak_dbfs: 0.0 });
}

#[test]
fn a_half_scale_sine_is_9_dbfs_below_in_rms_and_6_in_peak() {
    let sine: Vec<i16> = (0..160)
        .map(|n| (16_384.0 * (f64::from(n) * std::f64::consts::TAU / 16.0).sin()).round() as i16)
        .collect();
    let level = of_pcm(&sine);
    assert_near(level.rms_dbfs, -9.03);
    assert_near(level.peak_dbfs, -6.02);
}

#[test]
fn silence_and_nothing_have_the_level_of_silence() {
    let silence = Level { rms_dbfs: SILENCE_DBFS, peak_dbfs: SILENCE_DBFS };
    assert_eq!(of_pcm(&[0; 160]), silence);
    assert_eq!(of_pcm(&[]), silence);
    assert_eq!(of_ulaw(&[ULAW_SILENCE; 160]), silence);
    assert_eq!(of_ulaw(&[]), silence);
}

#[test]
fn the_smallest_sample_is_still_heard() {
    assert_near(of_pcm(&[1]).rms_dbfs, -90.31);
}

#[test]
fn mu_law_has_the_level_of_its_samples() {
    let codes: Vec<u8> = (0..=255).collect();
    let mut samples = [0; 256];
    ulaw::decode(&codes, &mut samples);
    assert_eq!(of_ulaw(&codes), of_pcm(&samples));
}

/// The definition, without regard for speed.
fn defined_sums(samples: &[i16]) -> (u64, u16) {
    let squares = samples.iter().map(|&sample| i64::from(sample).pow(2).unsigned_abs()).sum();
    (squares, samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0))
}

#[test]
fn the_lowest_sample_does_not_overflow_on_any_set() {
    for set in InstructionSet::available() {
        let sums = crate::kernels::level::sums(set, &[i16::MIN; 1_000]);
        assert_eq!((sums.squares, sums.peak()), (1_000 << 30, 1 << 15), "{}", set.name());
    }
}

proptest! {
    #[test]
    fn the_sums_are_exact_on_every_set(
        samples in prop::collection::vec(prop_oneof![any::<i16>(), Just(i16::MIN), Just(i16::MAX)], 0..=700),
        offset in 0..64_usize,
    ) {
        let samples = &samples[offset.min(samples.len())..];
        for set in InstructionSet::available() {
            let sums = crate::kernels::level::sums(set, samples);
            prop_assert_eq!((sums.squares, sums.peak()), defined_sums(samples), "{}", set.name());
            prop_assert_eq!(of_pcm_on(set, samples), of_pcm(samples), "{}", set.name());
        }
    }

    #[test]
    fn mu_law_of_any_length_has_the_level_of_its_samples_on_every_set(
        codes in prop::collection::vec(any::<u8>(), 0..=1_500),
    ) {
        let mut samples = vec![0; codes.len()];
        ulaw::decode(&codes, &mut samples);
        for set in InstructionSet::available() {
            prop_assert_eq!(of_ulaw_on(set, &codes), of_pcm(&samples), "{}", set.name());
        }
    }
}
