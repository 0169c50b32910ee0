use std::f64::consts::TAU;

use proptest::prelude::*;

use super::{AnyRatio, Resample};
use crate::resample::{UnsupportedRatio, between};

/// What files and synthesisers have, and what the telephone and recognisers take.
const RATIOS: [(u32, u32); 6] =
    [(44_100, 8_000), (22_050, 8_000), (11_025, 8_000), (8_000, 44_100), (44_100, 16_000), (44_100, 48_000)];

fn resample(from_hz: u32, to_hz: u32, input: &[i16]) -> Vec<i16> {
    let mut resampler = AnyRatio::new(from_hz, to_hz).unwrap();
    let mut output = Vec::new();
    resampler.process(input, &mut output);
    resampler.flush(&mut output);
    output
}

/// 300 ms of a sine of half the full scale, resampled: the RMS of the middle 100 ms relative to the sine's, in dB.
fn gain_db(from_hz: u32, to_hz: u32, tone_hz: f64) -> f64 {
    let step = TAU * tone_hz / f64::from(from_hz);
    let tone: Vec<i16> =
        (0..from_hz * 3 / 10).map(|n| (16_384.0 * (step * f64::from(n)).sin()).round() as i16).collect();
    let tenth = to_hz as usize / 10;
    let steady = &resample(from_hz, to_hz, &tone)[tenth..2 * tenth];
    let power = steady.iter().map(|&sample| f64::from(sample).powi(2)).sum::<f64>() / tenth as f64;
    10.0 * (power / (16_384.0f64.powi(2) / 2.0)).log10()
}

#[test]
fn the_pass_band_is_flat_and_the_stop_band_is_silent() {
    for (from_hz, to_hz) in RATIOS {
        let lower = f64::from(from_hz.min(to_hz));
        for share in [0.04, 0.2, 0.37, 0.42] {
            let tone_hz = (lower * share / 10.0).round() * 10.0;
            let gain = gain_db(from_hz, to_hz, tone_hz);
            assert!(gain.abs() <= 0.05, "{from_hz} to {to_hz} Hz at {tone_hz} Hz: {gain} dB");
        }
        if from_hz > to_hz {
            for share in [0.5, 0.7, 1.2] {
                let tone_hz = (lower * share / 10.0).round() * 10.0;
                if tone_hz < f64::from(from_hz) / 2.0 {
                    let gain = gain_db(from_hz, to_hz, tone_hz);
                    assert!(gain <= -85.0, "{from_hz} to {to_hz} Hz at {tone_hz} Hz: {gain} dB");
                }
            }
        }
    }
}

#[test]
fn the_delay_is_what_is_stated() {
    for (from_hz, to_hz) in RATIOS {
        let mut pulse = vec![0; 4_000];
        let at = 1_000;
        pulse[at] = i16::MAX;
        let output = resample(from_hz, to_hz, &pulse);
        let peak = output.iter().enumerate().max_by_key(|(_, sample)| **sample).unwrap().0;
        let stated = AnyRatio::new(from_hz, to_hz).unwrap().latency_samples();
        let expected = at as f64 * f64::from(to_hz) / f64::from(from_hz) + stated as f64;
        let off = (peak as f64 - expected).abs();
        assert!(
            off <= 1.0 + f64::from(to_hz) / f64::from(from_hz),
            "{from_hz} to {to_hz} Hz: {peak}, {expected}"
        );
    }
}

#[test]
fn the_output_lasts_as_long_as_the_input_and_the_delay() {
    for (from_hz, to_hz) in RATIOS {
        for length in [0, 1, 63, 64, 65, 12_345] {
            let lasts = (length * to_hz as usize).div_ceil(from_hz as usize);
            let latency = AnyRatio::new(from_hz, to_hz).unwrap().latency_samples();
            assert_eq!(resample(from_hz, to_hz, &vec![100; length]).len(), lasts + latency);
        }
    }
}

#[test]
fn a_flush_starts_anew() {
    let mut resampler = AnyRatio::new(22_050, 8_000).unwrap();
    let input: Vec<i16> = (0..3_000).map(|n| (n * 37 % 8_001 - 4_000) as i16).collect();
    let (mut first, mut second) = (Vec::new(), Vec::new());
    resampler.process(&input, &mut first);
    resampler.flush(&mut first);
    resampler.process(&input, &mut second);
    resampler.flush(&mut second);
    assert_eq!(first, second);
}

#[test]
fn what_overshoots_is_clipped_not_wrapped() {
    let square: Vec<i16> = (0..4_000).map(|n| if n / 100 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
    let output = resample(44_100, 16_000, &square);
    let sounding = &output[100..output.len() - 200];
    let flips = sounding.windows(2).filter(|pair| (pair[0] < 0) != (pair[1] < 0)).count();
    assert!(flips <= 40, "{flips}");
    assert!(output.contains(&i16::MAX) && output.contains(&i16::MIN));
}

#[test]
fn fixed_filters_are_preferred() {
    let (fixed, any) = (between(24_000, 8_000).unwrap(), between(22_050, 8_000).unwrap());
    assert!(format!("{fixed:?}").starts_with("Resampler"));
    assert!(format!("{any:?}").starts_with("AnyRatio"));
    for (from_hz, to_hz) in [(8_000, 8_000), (0, 8_000), (8_000, u32::MAX), (3_999, 8_000)] {
        assert_eq!(between(from_hz, to_hz).unwrap_err(), UnsupportedRatio { from_hz, to_hz });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn any_split_of_the_input_gives_the_same_output(
        ratio in prop::sample::select(RATIOS.to_vec()),
        input in prop::collection::vec(any::<i16>(), 0..2_000),
        cuts in prop::collection::vec(0usize..300, 0..20),
    ) {
        let (from_hz, to_hz) = ratio;
        let mut resampler = AnyRatio::new(from_hz, to_hz).unwrap();
        let (mut pieces, mut rest) = (Vec::new(), input.as_slice());
        for cut in cuts {
            let (piece, after) = rest.split_at(cut.min(rest.len()));
            resampler.process(piece, &mut pieces);
            rest = after;
        }
        resampler.process(rest, &mut pieces);
        resampler.flush(&mut pieces);
        prop_assert_eq!(resample(from_hz, to_hz, &input), pieces);
    }
}
