use super::{Limiter, LimiterOptions};
use crate::test_audio::{MS, Scene};
use proptest::prelude::*;

fn limited(options: LimiterOptions, input: &[i16]) -> Vec<i16> {
    let mut limiter = Limiter::new(options);
    let delay = limiter.delay();
    let mut samples = input.to_vec();
    samples.extend(std::iter::repeat_n(0, delay));
    limiter.process(&mut samples);
    samples.split_off(delay)
}

#[test]
fn the_look_ahead_is_2_ms() {
    for (rate_hz, delay) in [(8_000, 16), (16_000, 32), (24_000, 48), (48_000, 96)] {
        assert_eq!(Limiter::new(LimiterOptions { rate_hz, ..Default::default() }).delay(), delay);
    }
}

#[test]
fn the_release_takes_its_time_at_every_rate() {
    for (rate_hz, release_ms) in [(8_000, 60), (48_000, 60), (48_000, 500), (48_000, 2_000)] {
        let options = LimiterOptions { rate_hz, ceiling_dbfs: -12.0, release_ms };
        let second = rate_hz as usize;
        let mut input = vec![i16::MAX; second / 10];
        input.extend(std::iter::repeat_n(8_000, 3 * second));
        let output = limited(options, &input);
        // 63 % of the way from -12 dB.
        let factor = 1.0 - (1.0 - 10f64.powf(-12.0 / 20.0)) / std::f64::consts::E;
        let found =
            output[second / 10..].iter().position(|&sample| f64::from(sample) > 8_000.0 * factor).unwrap();
        let ms = found as f64 * 1_000.0 / f64::from(rate_hz);
        assert!(
            (ms - f64::from(release_ms)).abs() < f64::from(release_ms) * 0.03 + 2.0,
            "{ms} ms instead of {release_ms} at {rate_hz} Hz"
        );
    }
}

#[test]
fn no_rate_makes_it_panic() {
    for rate_hz in [0, 1, 1 << 20, u32::MAX] {
        let mut limiter = Limiter::new(LimiterOptions { rate_hz, ..Default::default() });
        let mut samples = vec![i16::MIN; 2 * limiter.delay() + 2];
        limiter.process(&mut samples);
        assert!(samples.iter().all(|sample| u32::from(sample.unsigned_abs()) <= limiter.ceiling()));
    }
}

#[test]
fn a_sine_above_the_ceiling_is_turned_down_and_not_bent() {
    let options = LimiterOptions { ceiling_dbfs: -12.0, ..Default::default() };
    // Peaks 9 dB above the ceiling.
    let input = Scene::silence(500 * MS).sine(0, 500 * MS, 1_000.0, -6.0).pcm();
    let output = limited(options, &input);
    let (mut sine, mut rest) = (0.0, 0.0);
    let part = &output[200 * MS..400 * MS];
    let fit: Vec<f64> = input[200 * MS..400 * MS].iter().map(|&sample| f64::from(sample)).collect();
    let scale = part.iter().zip(&fit).map(|(&a, b)| f64::from(a) * b).sum::<f64>()
        / fit.iter().map(|b| b * b).sum::<f64>();
    for (&sample, fit) in part.iter().zip(&fit) {
        sine += (scale * fit).powi(2);
        rest += (f64::from(sample) - scale * fit).powi(2);
    }
    let distortion_db = 10.0 * (rest / sine).log10();
    assert!(distortion_db < -40.0, "{distortion_db} dB; clipping has -12");
    assert!(output.iter().any(|&sample| sample > 8_000), "no quieter than it must be");
}

#[test]
fn after_a_peak_the_gain_comes_back_to_exactly_one() {
    let mut input = vec![30_000; 10];
    input.extend(std::iter::repeat_n(5_000, 2_000 * MS));
    let output = limited(LimiterOptions::default(), &input);
    assert!(output[20] < 5_000);
    assert_eq!(output[1_000 * MS..], input[1_000 * MS..]);
}

#[test]
fn the_gain_is_down_before_the_peak_and_gets_there_without_a_step() {
    let mut input = vec![10_000; 400];
    input[200] = i16::MAX;
    let output = limited(LimiterOptions { ceiling_dbfs: -9.0, ..Default::default() }, &input);
    assert_eq!(output[..184], input[..184]);
    assert!(output[184..=199].is_sorted_by(|a, b| a >= b));
    let step = output[..200].windows(2).map(|pair| pair[0].abs_diff(pair[1])).max().unwrap();
    assert!(step <= 450, "{step}");
    assert!((11_600..=11_627).contains(&output[200]), "{}", output[200]);
}

proptest! {
    #[test]
    fn nothing_is_ever_above_the_ceiling(
        samples in proptest::collection::vec(any::<i16>(), 0..1_000),
        ceiling_dbfs in -40.0f32..1.0,
        release_ms in 0u32..200,
        rate_hz in 0u32..20_000,
    ) {
        let options = LimiterOptions { rate_hz, ceiling_dbfs, release_ms };
        let ceiling = Limiter::new(options).ceiling();
        prop_assert!(f64::from(ceiling) <= 32_768.0 * 10f64.powf(f64::from(ceiling_dbfs) / 20.0) + 0.01);
        for sample in limited(options, &samples) {
            prop_assert!(u32::from(sample.unsigned_abs()) <= ceiling, "{} above {}", sample, ceiling);
        }
    }

    #[test]
    fn what_is_below_the_ceiling_passes_unchanged(samples in proptest::collection::vec(-16_000i16..16_000, 0..1_000)) {
        let options = LimiterOptions { ceiling_dbfs: -6.0, ..Default::default() };
        prop_assert_eq!(limited(options, &samples), samples);
    }

    #[test]
    fn nothing_gets_louder_or_changes_its_sign(samples in proptest::collection::vec(any::<i16>(), 0..500)) {
        let options = LimiterOptions { ceiling_dbfs: -12.0, ..Default::default() };
        for (output, input) in limited(options, &samples).into_iter().zip(samples) {
            prop_assert!(output.unsigned_abs() <= input.unsigned_abs());
            prop_assert!(i32::from(output) * i32::from(input) >= 0);
        }
    }

    #[test]
    fn any_split_gives_the_same_output(
        samples in proptest::collection::vec(any::<i16>(), 0..1_000),
        cuts in proptest::collection::vec(0usize..200, 0..20),
    ) {
        let mut whole = Limiter::new(LimiterOptions::default());
        let mut parts = whole.clone();
        let (mut at_once, mut cut_up) = (samples.clone(), samples);
        whole.process(&mut at_once);
        let mut rest = cut_up.as_mut_slice();
        for cut in cuts {
            let (now, later) = rest.split_at_mut(cut.min(rest.len()));
            parts.process(now);
            rest = later;
        }
        parts.process(rest);
        prop_assert_eq!(at_once, cut_up);
        prop_assert_eq!(whole, parts);
    }
}
