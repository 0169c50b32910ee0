use super::{Signal, SignalDetector, SignalEvent};
use crate::test_audio::{MS, Scene, at_speed, calls, voices};
use proptest::prelude::*;

fn events(scene: &Scene) -> Vec<SignalEvent> {
    let mut events = Vec::new();
    SignalDetector::new().push_ulaw(&scene.codes(), |event| events.push(event));
    events
}

fn signals(scene: &Scene) -> Vec<Signal> {
    events(scene).into_iter().map(|event| event.signal).collect()
}

/// Tones on and off: `on` and `off` in ms, again and again.
fn rhythm(tones: &[f64], on: usize, off: usize, times: usize) -> Scene {
    let mut scene = Scene::silence((500 + (on + off) * times) * MS);
    for time in 0..times {
        for &hz in tones {
            scene = scene.sine((300 + (on + off) * time) * MS + 17, on * MS, hz, -22.0);
        }
    }
    scene.noise(-42.0, 4)
}

#[test]
fn the_beep_of_an_answering_machine_is_found_coded_and_in_noise() {
    for hz in (300..=2_000).step_by(53).map(f64::from) {
        // These lengths of these frequencies are a fax machine or a progress tone.
        if (hz - 425.0).abs() < 20.0 {
            continue;
        }
        for ms in [110, 250, 800] {
            let scene = Scene::silence(1_500 * MS).sine(200 * MS + 5, ms * MS, hz, -18.0).noise(-33.0, 3);
            let events = events(&scene);
            let [SignalEvent { signal: Signal::Beep { frequency_hz }, onset, end }] = events[..] else {
                panic!("{hz} Hz, {ms} ms: {events:?}")
            };
            assert!((frequency_hz - hz).abs() < 3.0, "{frequency_hz} instead of {hz}");
            assert!(
                onset.abs_diff(1_605) <= 90 && end.abs_diff((1_605 + ms * MS) as u64) <= 90,
                "{events:?}"
            );
        }
    }
}

#[test]
fn a_beep_at_the_end_of_the_stream_is_told_when_it_is_finished() {
    // The stream ends within the beep, and so soon after it that something might still follow.
    for rest in [0, 30, 100] {
        let scene = Scene::silence((500 + rest) * MS).sine(200 * MS, 300 * MS, 1_000.0, -18.0);
        let mut detector = SignalDetector::new();
        detector.push_ulaw(&scene.codes(), |event| panic!("{rest} ms: {event:?}"));
        let mut events = Vec::new();
        detector.finish(|event| events.push(event));
        detector.finish(|event| panic!("told again: {event:?}"));
        let [SignalEvent { signal: Signal::Beep { .. }, onset, end }] = events[..] else {
            panic!("{rest} ms: {events:?}")
        };
        assert!(onset.abs_diff(200 * MS as u64) <= 90 && end.abs_diff(500 * MS as u64) <= 90, "{events:?}");
    }
}

#[test]
fn a_stream_that_is_finished_without_a_tone_tells_nothing() {
    let mut detector = SignalDetector::new();
    detector.push_ulaw(&rhythm(&[480.0, 620.0], 500, 500, 1).codes(), |event| panic!("{event:?}"));
    detector.finish(|event| panic!("{event:?}"));
}

#[test]
fn a_beep_of_440_hz_is_no_tone_of_a_network() {
    for seed in 0..40 {
        let scene = Scene::silence(2_000 * MS)
            .sine(200 * MS + seed, 300 * MS, 440.0, -20.0)
            .noise(-36.0, seed as u64);
        assert!(matches!(signals(&scene)[..], [Signal::Beep { .. }]), "{seed}: {:?}", events(&scene));
    }
}

#[test]
fn a_tone_that_ends_at_another_frequency_has_ended_all_the_same() {
    for hz in (4_340..4_400).step_by(2).map(|tenths| f64::from(tenths) / 10.0) {
        for seed in 0..4 {
            let scene = Scene::silence(6_000 * MS)
                .sine(200 * MS + seed, 300 * MS, hz, -20.0)
                .sine(4_000 * MS, 400 * MS, 425.0, -20.0)
                .noise(-36.0, seed as u64);
            assert!(!signals(&scene).contains(&Signal::Dial), "{hz} Hz: {:?}", events(&scene));
        }
    }
}

#[test]
fn a_beep_after_a_greeting_is_found() {
    for (name, codes) in calls().into_iter().take(4) {
        let line: Vec<f64> = at_speed(&codes, 1.0).into_iter().map(f64::from).collect();
        let end = line.len() + 300 * MS;
        let scene = Scene::silence(end + 1_000 * MS).add(0, &line, 1.0).sine(end, 400 * MS, 1_000.0, -15.0);
        assert!(matches!(signals(&scene)[..], [Signal::Beep { .. }]), "{name}: {:?}", events(&scene));
    }
}

#[test]
fn special_information_tones_are_one_signal() {
    // What North America sends has these frequencies and lengths; E.180 has 950, 1,400, 1,800 Hz.
    for (hz, ms) in [
        ([913.8, 1_370.6, 1_776.7], [274, 274, 380]),
        ([985.2, 1_428.5, 1_776.7], [380, 380, 380]),
        ([950.0, 1_400.0, 1_800.0], [330, 330, 330]),
    ] {
        for gap in [0, 15, 30] {
            let mut scene = Scene::silence(2_500 * MS);
            let mut at = 200 * MS;
            for (hz, ms) in hz.into_iter().zip(ms) {
                scene = scene.sine(at, ms * MS, hz, -24.0);
                at += (ms + gap) * MS;
            }
            let events = events(&scene.noise(-44.0, 2));
            let [SignalEvent { signal: Signal::SpecialInformation, onset, .. }] = events[..] else {
                panic!("{hz:?}, {gap} ms apart: {events:?}")
            };
            assert!(onset.abs_diff(1_600) <= 90, "{events:?}");
        }
    }
}

#[test]
fn a_fax_machine_that_calls_and_one_that_answers_are_told_apart() {
    assert_eq!(signals(&rhythm(&[1_100.0], 500, 3_000, 2)), [Signal::FaxCalling; 2]);
    assert_eq!(signals(&rhythm(&[1_127.0], 450, 3_000, 1)), [Signal::FaxCalling]);
    assert_eq!(signals(&rhythm(&[2_100.0], 3_000, 300, 1)), [Signal::FaxAnswering]);
    // The phase turns every 450 ms.
    let mut scene = Scene::silence(4_000 * MS).sine(0, 3_600 * MS, 2_100.0, -20.0);
    for (n, sample) in scene.0.iter_mut().enumerate() {
        if (n / (450 * MS)) % 2 == 1 {
            *sample = -*sample;
        }
    }
    assert_eq!(signals(&scene), [Signal::FaxAnswering]);
}

#[test]
fn the_tones_of_a_call_s_progress_are_known_by_their_rhythm() {
    for (tones, on, off, expected) in [
        (&[440.0, 480.0][..], 2_000, 4_000, Signal::Ringing),
        (&[480.0, 620.0], 500, 500, Signal::Busy),
        (&[480.0, 620.0], 250, 250, Signal::Congestion),
        (&[425.0], 1_000, 4_000, Signal::Ringing),
        (&[425.0], 500, 500, Signal::Busy),
        (&[425.0], 250, 250, Signal::Congestion),
    ] {
        assert_eq!(signals(&rhythm(tones, on, off, 4)), [expected], "{tones:?} {on} {off}");
    }
    assert_eq!(signals(&rhythm(&[350.0, 440.0], 4_000, 0, 1)), [Signal::Dial]);
    assert_eq!(signals(&rhythm(&[425.0], 4_000, 0, 1)), [Signal::Dial]);
}

#[test]
fn speech_is_no_signal() {
    for speed in [0.83, 1.0, 1.13] {
        for (name, codes) in calls().into_iter().chain(voices()) {
            SignalDetector::new()
                .push_pcm(&at_speed(&codes, speed), |event| panic!("{name} at {speed}: {event:?}"));
        }
    }
}

#[test]
fn a_rhythm_does_not_go_on_over_lost_audio() {
    let codes = rhythm(&[480.0, 620.0], 500, 500, 1).codes();
    let mut events = Vec::new();
    let mut detector = SignalDetector::new();
    detector.push_ulaw(&codes, |event| events.push(event));
    detector.skip(8, |event| events.push(event));
    detector.push_ulaw(&codes[300 * MS..], |event| events.push(event));
    assert_eq!(events, []);
    assert_eq!(detector.position(), (codes.len() * 2 - 300 * MS + 8) as u64);
}

#[test]
fn a_loss_of_no_samples_changes_nothing() {
    let scene = rhythm(&[480.0, 620.0], 500, 500, 3);
    let mut detector = SignalDetector::new();
    let mut found = Vec::new();
    for frame in scene.codes().chunks(70) {
        detector.push_ulaw(frame, |event| found.push(event));
        detector.skip(0, |event| found.push(event));
    }
    assert_eq!(found, events(&scene));
    assert_eq!(found.len(), 1);
}

proptest! {
    #[test]
    fn any_split_gives_the_same_events(cuts in proptest::collection::vec(0usize..900, 0..20)) {
        let scene = rhythm(&[480.0, 620.0], 500, 500, 3).sine(3_000 * MS, 200 * MS, 1_000.0, -20.0);
        let codes = scene.codes();
        let mut detector = SignalDetector::new();
        let mut actual = Vec::new();
        let mut at = 0;
        for cut in cuts.into_iter().chain([codes.len()]) {
            let end = (at + cut).min(codes.len());
            detector.push_ulaw(&codes[at..end], |event| actual.push(event));
            at = end;
        }
        prop_assert!(actual.len() >= 2);
        prop_assert_eq!(events(&scene), actual);
    }
}
