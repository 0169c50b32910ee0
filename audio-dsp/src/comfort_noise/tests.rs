use super::ComfortNoise;
use crate::level;
use proptest::prelude::*;

fn noise(dbfs: f32, seed: u32, samples: usize) -> Vec<i16> {
    let mut output = vec![0; samples];
    ComfortNoise::new(dbfs, seed).fill(&mut output);
    output
}

/// Power of one frequency (dB, of no particular reference), averaged over windows.
fn power_at(samples: &[i16], frequency_hz: f64) -> f64 {
    let windows = samples.chunks_exact(400);
    let count = windows.len() as f64;
    let sum: f64 = windows
        .map(|window| {
            let (mut re, mut im) = (0.0, 0.0);
            for (n, &sample) in window.iter().enumerate() {
                let angle = std::f64::consts::TAU * frequency_hz * n as f64 / 8_000.0;
                re += f64::from(sample) * angle.cos();
                im += f64::from(sample) * angle.sin();
            }
            re * re + im * im
        })
        .sum();
    10.0 * (sum / count).log10()
}

#[test]
fn the_level_is_the_one_asked_for() {
    for dbfs in [-70.0, -60.0, -45.0, -30.0] {
        let measured = level::of_pcm(&noise(dbfs, 7, 80_000)).rms_dbfs;
        assert!((measured - dbfs).abs() < 0.3, "{measured} dBFS instead of {dbfs}");
    }
}

#[test]
fn the_spectrum_falls_like_that_of_a_room() {
    let samples = noise(-30.0, 3, 400_000);
    let [low, middle, high, top] = [350.0, 700.0, 1_400.0, 2_800.0].map(|hz| power_at(&samples, hz));
    assert!((2.0..6.0).contains(&(low - middle)), "{low} {middle}");
    assert!((3.0..7.0).contains(&(middle - high)), "{middle} {high}");
    assert!((2.0..7.0).contains(&(high - top)), "{high} {top}");
}

#[test]
fn it_has_no_offset() {
    let samples = noise(-30.0, 5, 80_000);
    let mean = samples.iter().map(|&sample| f64::from(sample)).sum::<f64>() / samples.len() as f64;
    assert!(mean.abs() < 2.0, "{mean}");
}

#[test]
fn the_same_seed_gives_the_same_noise_and_another_does_not() {
    assert_eq!(noise(-40.0, 1, 1_000), noise(-40.0, 1, 1_000));
    assert_ne!(noise(-40.0, 1, 1_000), noise(-40.0, 2, 1_000));
}

#[test]
fn no_seed_is_silent() {
    for seed in [0, 1, 0x9E37_79B9, u32::MAX] {
        assert!(level::of_pcm(&noise(-40.0, seed, 1_600)).rms_dbfs > -44.0, "{seed:#x}");
    }
}

#[test]
fn a_level_that_is_none_is_silent() {
    for dbfs in [f32::NAN, f32::NEG_INFINITY] {
        assert_eq!(noise(dbfs, 1, 100), [0; 100]);
    }
}

#[test]
fn it_is_added_to_what_is_there() {
    let mut samples = [1_000; 300];
    ComfortNoise::new(-60.0, 9).add(&mut samples);
    let expected: Vec<i16> = noise(-60.0, 9, 300).iter().map(|noise| noise + 1_000).collect();
    assert_eq!(samples[..], expected);
}

proptest! {
    #[test]
    fn any_split_gives_the_same_noise(cuts in proptest::collection::vec(0usize..200, 0..8), seed: u32) {
        let whole = noise(-50.0, seed, 1_600);
        let mut generator = ComfortNoise::new(-50.0, seed);
        let mut parts = vec![0; 1_600];
        let mut rest = parts.as_mut_slice();
        for cut in cuts {
            let (now, later) = rest.split_at_mut(cut.min(rest.len()));
            generator.fill(now);
            rest = later;
        }
        generator.fill(rest);
        prop_assert_eq!(whole, parts);
    }
}
