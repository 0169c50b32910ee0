use super::{Level, SILENCE_DBFS, of_pcm, of_ulaw};
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
