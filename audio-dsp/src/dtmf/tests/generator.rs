use crate::dtmf::{Digit, DtmfDetector, DtmfEvent, DtmfGenerator, DtmfOptions, NotADigit, ZERO_DBM0_DBFS};
use crate::level;
use proptest::prelude::*;

fn sound(digits: &str, options: DtmfOptions) -> Vec<i16> {
    let mut samples = vec![0; 200_000];
    let length = DtmfGenerator::new(digits, options).unwrap().fill(&mut samples);
    samples.truncate(length);
    samples
}

#[test]
fn every_key_has_a_name_and_every_name_a_key() {
    let names: String = Digit::all().map(Digit::as_char).collect();
    assert_eq!(names, "123A456B789C*0#D");
    assert!(Digit::all().all(|digit| Digit::try_from(digit.as_char()) == Ok(digit)));
    assert_eq!(Digit::try_from('b').unwrap().as_char(), 'B');
    assert_eq!(Digit::try_from('x'), Err(NotADigit('x')));
    assert_eq!(NotADigit('x').to_string(), "not a key of a telephone: 'x'");
}

#[test]
fn what_is_generated_is_detected_with_its_positions() {
    let samples = sound("0123456789*#ABCD", DtmfOptions::default());
    assert_eq!(samples.len(), 16 * 1_600);
    let mut keys = String::new();
    DtmfDetector::new().push_pcm(&samples, |event| match event {
        DtmfEvent::Pressed { digit, onset } => {
            assert!(onset.abs_diff(keys.len() as u64 * 1_600) <= 24, "{onset}");
            keys.push(digit.as_char());
        }
        DtmfEvent::Released { duration, .. } => assert!(duration.abs_diff(800) <= 32, "{duration}"),
    });
    assert_eq!(keys, "0123456789*#ABCD");
}

#[test]
fn the_levels_are_the_options() {
    let options =
        DtmfOptions { low_dbm0: -20.0, twist_db: 3.0, ramp_ms: 0, tone_ms: 1_000, ..Default::default() };
    let samples = sound("5", options);
    let power = 10f32.powf(-2.0) + 10f32.powf(-1.7);
    let expected = 10.0 * power.log10() + ZERO_DBM0_DBFS;
    let measured = level::of_pcm(&samples[..8_000]).rms_dbfs;
    assert!((measured - expected).abs() < 0.05, "{measured} instead of {expected}");
    assert!(samples[8_000..].iter().all(|&sample| sample == 0));
}

#[test]
fn a_key_begins_and_ends_without_a_step() {
    let samples = sound("1", DtmfOptions { ramp_ms: 5, ..Default::default() });
    let peak = samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap();
    for edge in [&samples[..4], &samples[796..804]] {
        assert!(edge.iter().all(|sample| sample.unsigned_abs() < peak / 50), "{edge:?} of {peak}");
    }
}

#[test]
fn a_generator_is_finished_when_the_last_gap_is_over() {
    let mut generator = DtmfGenerator::new("12", DtmfOptions::default()).unwrap();
    assert_eq!(generator.fill(&mut [0; 3_199]), 3_199);
    assert!(!generator.is_finished());
    let mut rest = [7; 3];
    assert_eq!(generator.fill(&mut rest), 1);
    assert_eq!(rest, [0, 7, 7]);
    assert!(generator.is_finished());
    assert_eq!(generator.fill(&mut rest), 0);
}

#[test]
fn nothing_to_send_is_over_at_once() {
    let empty = DtmfGenerator::new("", DtmfOptions::default()).unwrap();
    assert!(empty.is_finished());
    let options = DtmfOptions { tone_ms: 0, gap_ms: 0, ..Default::default() };
    let mut instant = DtmfGenerator::new("123", options).unwrap();
    assert_eq!(instant.fill(&mut [0; 10]), 0);
    assert!(instant.is_finished());
}

proptest! {
    #[test]
    fn any_split_gives_the_same_sound(cuts in proptest::collection::vec(0usize..700, 0..20), rate in 0usize..3) {
        let options = DtmfOptions { rate_hz: [8_000, 16_000, 48_000][rate], tone_ms: 45, ..Default::default() };
        let whole = sound("7#", options);
        let mut generator = DtmfGenerator::new("7#", options).unwrap();
        let mut parts = Vec::new();
        for cut in cuts.into_iter().chain([whole.len() + 1]) {
            let mut piece = vec![0; cut];
            let length = generator.fill(&mut piece);
            parts.extend_from_slice(&piece[..length]);
        }
        prop_assert_eq!(whole, parts);
    }
}
