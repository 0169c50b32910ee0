use super::{Agc, AgcOptions};
use crate::level;
use crate::test_audio::{MS, Scene};
use proptest::prelude::*;

/// The level of the last quarter second that comes out.
fn settled(agc: &mut Agc, input: &[i16], speaking: bool) -> f32 {
    let mut samples = input.to_vec();
    agc.process(&mut samples, speaking);
    level::of_pcm(&samples[samples.len() - 2_000..]).rms_dbfs
}

fn voice(dbfs: f64, ms: usize) -> Vec<i16> {
    Scene::silence(ms * MS).sine(0, ms * MS, 500.0, dbfs).pcm()
}

#[test]
fn quiet_and_loud_voices_come_out_at_the_target() {
    for dbfs in [-38.0, -30.0, -20.0, -12.0] {
        let level = settled(&mut Agc::new(AgcOptions::default()), &voice(dbfs, 6_000), true);
        assert!((level + 20.0).abs() < 0.5, "{dbfs} dBFS comes out at {level}");
    }
}

#[test]
fn the_gain_has_its_limits() {
    let mut agc = Agc::new(AgcOptions::default());
    assert!((settled(&mut agc, &voice(-48.0, 8_000), true) + 28.0).abs() < 0.5);
    assert!((agc.gain_db() - 20.0).abs() < 0.1);
    assert!((settled(&mut agc, &voice(-4.0, 8_000), true) + 14.0).abs() < 0.5);
    assert!((agc.gain_db() + 10.0).abs() < 0.1);
}

#[test]
fn noise_is_not_pumped_up() {
    let mut agc = Agc::new(AgcOptions::default());
    settled(&mut agc, &voice(-30.0, 6_000), true);
    let gain_db = agc.gain_db();
    let noise = Scene::silence(10_000 * MS).noise(-50.0, 1).pcm();
    let level = settled(&mut agc, &noise, false);
    assert_eq!(agc.gain_db(), gain_db);
    assert!((level + 50.0 - gain_db).abs() < 0.5, "{level}");
    settled(&mut agc, &Scene::silence(10_000 * MS).noise(-58.0, 1).pcm(), true);
    assert_eq!(agc.gain_db(), gain_db, "what is too quiet is not speech, whatever is said");
}

#[test]
fn noise_in_the_pauses_that_count_as_speech_is_not_pumped_up() {
    let mut agc = Agc::new(AgcOptions::default());
    settled(&mut agc, &voice(-20.0, 2_000), true);
    for seed in 0..10 {
        let pause = Scene::silence(300 * MS).noise(-45.0, seed).pcm();
        settled(&mut agc, &pause, true);
        assert!(agc.gain_db().abs() < 0.5, "{} dB after a pause", agc.gain_db());
        settled(&mut agc, &voice(-20.0, 400), true);
    }
}

#[test]
fn a_voice_that_becomes_much_quieter_is_levelled_again() {
    let mut agc = Agc::new(AgcOptions::default());
    settled(&mut agc, &voice(-12.0, 2_000), true);
    let level = settled(&mut agc, &voice(-37.0, 6_000), true);
    assert!((level + 20.0).abs() < 0.5, "{level}");
}

#[test]
fn a_block_that_is_mostly_not_speech_does_not_move_the_gain() {
    let mut agc = Agc::new(AgcOptions::default());
    for spoken in [0, 1, 39, 40] {
        let mut block = voice(-30.0, 10);
        let (speech, rest) = block.split_at_mut(spoken);
        agc.process(speech, true);
        agc.process(rest, false);
        assert!(agc.gain_db() == 0.0, "{spoken} samples of 80");
    }
    let mut block = voice(-30.0, 10);
    let (speech, rest) = block.split_at_mut(41);
    agc.process(speech, true);
    agc.process(rest, false);
    assert!(agc.gain_db() > 0.0);
}

#[test]
fn the_gain_falls_faster_than_it_rises() {
    let options = AgcOptions::default();
    let gain_after = |dbfs: f64, ms: usize| {
        let mut agc = Agc::new(options);
        settled(&mut agc, &voice(dbfs, ms.max(250)), true);
        agc.gain_db()
    };
    // Towards -10 and +10 dB.
    assert!(gain_after(-10.0, 250) < -9.8);
    assert!((2.0..3.5).contains(&gain_after(-30.0, 250)));
    assert!((6.0..6.6).contains(&gain_after(-30.0, 800)), "one time constant is 63 %");
}

#[test]
fn the_gain_does_not_step() {
    let mut samples = vec![1_000; 8_000];
    Agc::new(AgcOptions::default()).process(&mut samples, true);
    let step = samples.windows(2).map(|pair| pair[0].abs_diff(pair[1])).max().unwrap();
    assert!(step <= 2, "{step}");
    assert!(samples[7_999] > 2_000);
}

#[test]
fn no_option_makes_the_gain_anything_but_a_number() {
    let ends = [f32::NEG_INFINITY, f32::MIN, -0.0, f32::MAX, f32::INFINITY, f32::NAN];
    let default = AgcOptions::default();
    for end in ends {
        for options in [
            AgcOptions { target_dbfs: end, ..default },
            AgcOptions { gain_max_db: end, ..default },
            AgcOptions { gain_min_db: end, ..default },
            AgcOptions { quietest_dbfs: end, ..default },
            AgcOptions {
                target_dbfs: end,
                gain_max_db: end,
                gain_min_db: end,
                quietest_dbfs: end,
                ..default
            },
        ] {
            let mut agc = Agc::new(options);
            for samples in [&mut [0; 1_600], &mut [1; 1_600], &mut [i16::MIN; 1_600]] {
                agc.process(samples, true);
                assert!(agc.gain_db().abs() <= 120.0, "{options:?}: {} dB", agc.gain_db());
            }
        }
    }
    // A NaN is the default: a quiet voice is levelled as ever.
    let mut agc = Agc::new(AgcOptions { target_dbfs: f32::NAN, gain_max_db: f32::NAN, ..default });
    assert!((settled(&mut agc, &voice(-30.0, 6_000), true) + 20.0).abs() < 0.5);
}

#[test]
fn a_voice_at_the_target_passes_unchanged_until_it_is_measured() {
    let input = voice(-20.0, 10);
    let mut output = input.clone();
    Agc::new(AgcOptions::default()).process(&mut output, true);
    assert_eq!(input, output);
}

proptest! {
    #[test]
    fn any_split_gives_the_same_output(
        samples in proptest::collection::vec(any::<i16>(), 0..2_000),
        cuts in proptest::collection::vec(0usize..300, 0..20),
        rate_hz in 0u32..48_001,
    ) {
        let mut whole = Agc::new(AgcOptions { rate_hz, ..AgcOptions::default() });
        let mut parts = whole.clone();
        let (mut at_once, mut cut_up) = (samples.clone(), samples);
        whole.process(&mut at_once, true);
        let mut rest = cut_up.as_mut_slice();
        for cut in cuts {
            let (now, later) = rest.split_at_mut(cut.min(rest.len()));
            parts.process(now, true);
            rest = later;
        }
        parts.process(rest, true);
        prop_assert_eq!(at_once, cut_up);
        prop_assert_eq!(whole, parts);
    }
}
