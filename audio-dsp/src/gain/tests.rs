use super::{Gain, Ramp};
use proptest::prelude::*;

#[test]
fn no_gain_changes_nothing() {
    let all: Vec<i16> = (i16::MIN..=i16::MAX).collect();
    let mut output = all.clone();
    Gain::new(0.0).apply(&mut output);
    assert_eq!(output, all);
}

#[test]
fn a_gain_is_rounded_to_the_nearest_and_clipped() {
    let mut samples = [1, -1, 2, -2, 3, -3, 30_000, -30_000, i16::MIN];
    Gain::new(20.0 * 1.5f64.log10()).apply(&mut samples);
    assert_eq!(samples, [2, -2, 3, -3, 5, -5, i16::MAX, i16::MIN, i16::MIN]);
}

#[test]
fn a_ramp_ends_on_its_last_sample_exactly() {
    for ramp in [Ramp::Linear, Ramp::Exponential] {
        let mut gain = Gain::new(0.0);
        gain.ramp_to(-6.0, 100, ramp);
        let mut samples = [20_000; 110];
        gain.apply(&mut samples[..99]);
        assert!(gain.is_ramping());
        gain.apply(&mut samples[99..]);
        assert!(!gain.is_ramping());
        assert_eq!(gain.present(), 10f64.powf(-0.3));
        assert!(samples[98] > samples[99], "{ramp:?}");
        assert_eq!(samples[99..], [10_024; 11], "{ramp:?}");
    }
}

#[test]
fn a_ramp_to_silence_ends_in_silence_and_comes_back() {
    for ramp in [Ramp::Linear, Ramp::Exponential] {
        let mut gain = Gain::new(0.0);
        gain.ramp_to(f64::NEG_INFINITY, 80, ramp);
        let mut samples = [30_000; 100];
        gain.apply(&mut samples);
        assert!(samples.is_sorted_by(|a, b| a >= b), "{ramp:?}");
        assert_eq!(samples[79..], [0; 21], "{ramp:?}");
        gain.ramp_to(0.0, 80, ramp);
        let mut samples = [30_000; 100];
        gain.apply(&mut samples);
        assert!(samples.is_sorted(), "{ramp:?}");
        assert_eq!(samples[79..], [30_000; 21], "{ramp:?}");
    }
}

#[test]
fn a_ramp_does_not_click() {
    let mut gain = Gain::new(0.0);
    gain.ramp_to(f64::NEG_INFINITY, 160, Ramp::Linear);
    let mut samples = [16_000; 200];
    gain.apply(&mut samples);
    let step = samples.windows(2).map(|pair| pair[0].abs_diff(pair[1])).max().unwrap();
    assert!(step <= 101, "a step of {step}");
}

#[test]
fn an_exponential_ramp_is_even_in_decibels() {
    let mut gain = Gain::new(-40.0);
    gain.ramp_to(0.0, 400, Ramp::Exponential);
    let mut samples = [30_000; 400];
    gain.apply(&mut samples[..200]);
    assert!((20.0 * gain.present().log10() + 20.0).abs() < 1e-9);
}

#[test]
fn a_ramp_that_is_turned_round_starts_where_it_was() {
    let mut gain = Gain::new(0.0);
    gain.ramp_to(f64::NEG_INFINITY, 100, Ramp::Linear);
    gain.apply(&mut [0; 50]);
    gain.ramp_to(0.0, 100, Ramp::Linear);
    assert!((gain.present() - 0.5).abs() < 1e-9);
}

proptest! {
    #[test]
    fn any_split_gives_the_same_output(
        samples in proptest::collection::vec(any::<i16>(), 0..400),
        cut in 0usize..400,
        from in -60.0f64..20.0,
        to in -60.0f64..20.0,
        length in 0u32..300,
        exponential: bool,
    ) {
        let mut whole = Gain::new(from);
        whole.ramp_to(to, length, if exponential { Ramp::Exponential } else { Ramp::Linear });
        let mut parts = whole.clone();
        let (mut at_once, mut cut_up) = (samples.clone(), samples);
        whole.apply(&mut at_once);
        let cut = cut.min(cut_up.len());
        parts.apply(&mut cut_up[..cut]);
        parts.apply(&mut cut_up[cut..]);
        prop_assert_eq!(at_once, cut_up);
        prop_assert_eq!(whole, parts);
    }
}
