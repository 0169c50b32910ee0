//! Speech is not heard as keys, and does not hide them.

use super::{Key, digit, keys};
use crate::dtmf::{Digit, DtmfDetector};
use crate::g711::ulaw;
use crate::test_audio::{MS, Scene, at_speed, calls, voices};

/// The keys heard in samples.
fn keys_in(samples: &[i16]) -> String {
    let mut events = Vec::new();
    let mut detector = DtmfDetector::new();
    detector.push_pcm(samples, |event| events.push(event));
    keys(&events)
}

#[test]
fn no_speech_is_heard_as_a_key_at_any_speed() {
    let speech: Vec<_> = calls().into_iter().chain(voices()).collect();
    let mut samples = 0;
    let mut wrong = Vec::new();
    for step in -9..=9 {
        let speed = 1.0 + f64::from(step) * 0.031;
        for (name, codes) in &speech {
            let faster = at_speed(codes, speed);
            samples += faster.len();
            let keys = keys_in(&faster);
            if !keys.is_empty() {
                wrong.push((name, speed, keys));
            }
        }
    }
    assert!(samples > 60 * 60 * 8_000, "more than an hour: {samples} samples");
    assert!(wrong.is_empty(), "in {} s: {wrong:?}", samples / 8_000);
}

#[test]
fn the_menu_call_has_the_key_that_its_caller_presses_and_the_others_have_none() {
    for (name, codes) in calls() {
        let mut events = Vec::new();
        let mut detector = DtmfDetector::new();
        detector.push_ulaw(&codes, |event| events.push(event));
        assert_eq!(keys(&events), "", "{name}");
        if name != "dtmf-menu" {
            continue;
        }
        // The recording has the caller's voice alone, as the carrier tells keys by message; here the key is
        // pressed in it at every tenth of a second.
        let line: Vec<f64> = codes.iter().map(|&code| f64::from(ulaw::decode_sample(code))).collect();
        for at in (0..2_800).step_by(100) {
            let scene = Scene(line.clone()).key(at * MS, 100 * MS, Key::of(digit('2')));
            assert_eq!(scene.keys(), "2", "at {at} ms");
        }
    }
}

#[test]
fn keys_are_heard_over_noise_and_quiet_speech() {
    let row = "0123456789*#ABCD";
    for (name, codes) in calls() {
        let line: Vec<f64> = codes.iter().map(|&code| f64::from(ulaw::decode_sample(code))).collect();
        // The loudest 100 ms of the call, 20 dB below the keys.
        let loudest = line
            .chunks(100 * MS)
            .map(|piece| piece.iter().map(|sample| sample * sample).sum::<f64>() / piece.len() as f64)
            .fold(1.0, f64::max);
        let key_power = 10f64.powf(Key::of(Digit::all().next().unwrap()).dbfs() / 10.0) * 32_768.0f64.powi(2);
        let factor = (key_power / loudest / 100.0).sqrt().min(1.0);
        let mut scene = Scene::silence(line.len()).add(0, &line, factor);
        let mut expected = String::new();
        let mut at = 500 * MS;
        for key in row.chars().cycle() {
            if at + 200 * MS > line.len() {
                break;
            }
            scene = scene.key(at, 80 * MS, Key::of(digit(key)));
            expected.push(key);
            at += 171 * MS;
        }
        // Noise 20 dB below the keys as well.
        assert_eq!(scene.noise(Key::of(digit('0')).dbfs() - 20.0, 5).keys(), expected, "{name}");
    }
}
