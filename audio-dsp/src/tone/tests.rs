use super::{Tone, ToneDetector, ToneEvent, ToneOptions};
use crate::test_audio::{MS, Scene, at_speed, calls, voices};
use proptest::prelude::*;

fn events(codes: &[u8]) -> Vec<ToneEvent> {
    let mut events = Vec::new();
    let mut detector = ToneDetector::new(ToneOptions::default());
    detector.push_ulaw(codes, |event| events.push(event));
    detector.finish(|event| events.push(event));
    events
}

#[test]
fn a_loss_of_no_samples_changes_nothing() {
    let codes = Scene::silence(400 * MS).sine(33, 200 * MS, 1_000.0, -20.0).codes();
    let mut detector = ToneDetector::new(ToneOptions::default());
    let mut found = Vec::new();
    for frame in codes.chunks(70) {
        detector.push_ulaw(frame, |event| found.push(event));
        detector.skip(0, |event| found.push(event));
    }
    detector.finish(|event| found.push(event));
    assert_eq!(found, events(&codes));
    assert_eq!(found.len(), 2);
}

fn only_tone(scene: &Scene, what: &str) -> Tone {
    let events = events(&scene.codes());
    let [ToneEvent::Started(_), ToneEvent::Ended(tone)] = events[..] else { panic!("{what}: {events:?}") };
    tone
}

#[test]
fn a_tone_of_any_frequency_is_found_with_its_frequency_its_place_and_its_level() {
    for hz in (300..=2_100).step_by(31).map(f64::from) {
        for (offset, dbfs) in [(0, -12.0), (33, -30.0), (71, -40.0)] {
            let what = format!("{hz} Hz at {dbfs} dBFS");
            let scene =
                Scene::silence(600 * MS).sine(100 * MS + offset, 200 * MS, hz, dbfs).noise(dbfs - 20.0, 1);
            let tone = only_tone(&scene, &what);
            assert!((tone.frequency_hz - hz).abs() < 2.0, "{what}: {tone:?}");
            assert!((f64::from(tone.level_dbfs) - dbfs).abs() < 0.5, "{what}: {tone:?}");
            assert!(tone.onset.abs_diff((100 * MS + offset) as u64) <= 80, "{what}: {tone:?}");
            assert!(tone.end.abs_diff((300 * MS + offset) as u64) <= 80, "{what}: {tone:?}");
        }
    }
}

#[test]
fn a_tone_of_100_ms_is_found_in_noise_15_db_below_and_one_of_70_ms_is_not() {
    for hz in (300..=2_000).step_by(17).map(f64::from) {
        for offset in [0, 20, 40, 60] {
            let of = |ms: usize| {
                Scene::silence(300 * MS).sine(80 * MS + offset, ms * MS, hz, -20.0).noise(-35.0, 7)
            };
            let tone = only_tone(&of(100), &format!("{hz} Hz at {offset}"));
            assert!((tone.frequency_hz - hz).abs() < 3.0, "{hz} Hz: {tone:?}");
            assert_eq!(events(&of(70).codes()), [], "{hz} Hz at {offset}");
        }
    }
}

#[test]
fn a_glide_two_tones_noise_and_what_is_too_quiet_are_no_steady_tone() {
    let mut glide = Scene::silence(2_000 * MS);
    for (n, sample) in glide.0.iter_mut().enumerate() {
        let time = n as f64 / 8_000.0;
        // From 400 Hz up by 400 Hz per second.
        *sample = 8_000.0 * (std::f64::consts::TAU * (400.0 + 200.0 * time) * time).sin();
    }
    let none = [];
    assert_eq!(events(&glide.codes()).len(), 0);
    let silence = || Scene::silence(2_000 * MS);
    assert_eq!(events(&silence().noise(-20.0, 1).codes()), none);
    assert_eq!(events(&silence().sine(0, 2_000 * MS, 1_000.0, -50.0).codes()), none);
    let pair = silence().sine(0, 2_000 * MS, 480.0, -20.0).sine(0, 2_000 * MS, 620.0, -20.0);
    assert_eq!(events(&pair.codes()), none);
}

#[test]
fn one_spoilt_block_does_not_end_a_tone() {
    let scene =
        Scene::silence(500 * MS).sine(0, 500 * MS, 1_000.0, -20.0).sine(240 * MS, 6 * MS, 1_700.0, -15.0);
    let tone = only_tone(&scene, "a click");
    assert!(tone.end - tone.onset >= (480 * MS) as u64, "{tone:?}");
}

#[test]
fn a_tone_that_goes_on_is_told_while_it_does() {
    let mut detector = ToneDetector::new(ToneOptions::default());
    detector.push_ulaw(&Scene::silence(300 * MS).sine(0, 300 * MS, 900.0, -20.0).codes(), drop);
    assert!(detector.current().is_some_and(|tone| tone.end == 2_400 && tone.onset == 0));
    let mut ended = Vec::new();
    detector.skip(100, |event| ended.push(event));
    assert!(matches!(ended[..], [ToneEvent::Ended(_)]));
    assert_eq!((detector.current(), detector.position()), (None, 2_500));
}

#[test]
fn speech_has_no_steady_tones() {
    let mut samples = 0;
    let mut wrong = Vec::new();
    for speed in [0.8, 1.0, 1.17] {
        for (name, codes) in calls().into_iter().chain(voices()) {
            let pcm = at_speed(&codes, speed);
            samples += pcm.len();
            let mut detector = ToneDetector::new(ToneOptions::default());
            detector.push_pcm(&pcm, |event| wrong.push((name.clone(), speed, event)));
        }
    }
    assert!(wrong.is_empty(), "{} in {} s: {wrong:?}", wrong.len(), samples / 8_000);
}

proptest! {
    #[test]
    fn any_split_gives_the_same_events(cuts in proptest::collection::vec(0usize..300, 0..30)) {
        let scene = Scene::silence(900 * MS).sine(61, 300 * MS, 777.0, -20.0).sine(450 * MS, 200 * MS, 1_400.0, -9.0);
        let codes = scene.noise(-40.0, 2).codes();
        let mut detector = ToneDetector::new(ToneOptions::default());
        let mut actual = Vec::new();
        let mut at = 0;
        for cut in cuts.into_iter().chain([codes.len()]) {
            let end = (at + cut).min(codes.len());
            detector.push_ulaw(&codes[at..end], |event| actual.push(event));
            at = end;
        }
        detector.finish(|event| actual.push(event));
        prop_assert_eq!(actual.len(), 4);
        prop_assert_eq!(events(&codes), actual);
    }

    #[test]
    fn nothing_makes_it_panic(frame in proptest::collection::vec(any::<i16>(), 0..2_000), level in any::<i16>()) {
        let mut detector = ToneDetector::new(ToneOptions { quietest_dbfs: -200.0, ..ToneOptions::default() });
        detector.push_pcm(&frame, drop);
        detector.push_pcm(&[level; 400], drop);
        detector.skip(u64::MAX, drop);
        detector.push_pcm(&[0; 400], drop);
    }
}
