//! The detector against the figures of ITU-T Q.24 for North America (AT&T), and the generator against Q.23.

mod generator;
mod speech;

use super::{Digit, DtmfDetector, DtmfEvent, ZERO_DBM0_DBFS};
use crate::test_audio::{MS, Random, Scene};
use proptest::prelude::*;

/// How one key sounds.
#[derive(Debug, Clone, Copy)]
struct Key {
    digit: Digit,
    /// How far the tones are off, in percent.
    low_off: f64,
    high_off: f64,
    low_dbm0: f64,
    high_dbm0: f64,
}

impl Key {
    fn of(digit: Digit) -> Self {
        Self { digit, low_off: 0.0, high_off: 0.0, low_dbm0: -10.0, high_dbm0: -10.0 }
    }

    /// The sound's power (dBFS, RMS).
    fn dbfs(&self) -> f64 {
        let power = 10f64.powf(self.low_dbm0 / 10.0) + 10f64.powf(self.high_dbm0 / 10.0);
        10.0 * power.log10() + f64::from(ZERO_DBM0_DBFS)
    }
}

impl Scene {
    fn key(self, at: usize, samples: usize, key: Key) -> Self {
        let zero = f64::from(ZERO_DBM0_DBFS);
        self.sine(at, samples, key.digit.low_hz() * (1.0 + key.low_off / 100.0), key.low_dbm0 + zero).sine(
            at,
            samples,
            key.digit.high_hz() * (1.0 + key.high_off / 100.0),
            key.high_dbm0 + zero,
        )
    }

    fn events(&self) -> Vec<DtmfEvent> {
        let mut events = Vec::new();
        let mut detector = DtmfDetector::new();
        detector.push_ulaw(&self.codes(), |event| events.push(event));
        detector.finish(|event| events.push(event));
        events
    }

    fn keys(&self) -> String {
        keys(&self.events())
    }
}

fn keys(events: &[DtmfEvent]) -> String {
    let name = |event: &DtmfEvent| match event {
        DtmfEvent::Pressed { digit, .. } => Some(digit.as_char()),
        DtmfEvent::Released { .. } => None,
    };
    events.iter().filter_map(name).collect()
}

fn digit(name: char) -> Digit {
    Digit::try_from(name).unwrap()
}

/// Calls `check` with every key at every combination of deviations (percent, of low and high tone), twists and
/// levels; the louder tone has the level.
fn for_each_key(deviations: &[(f64, f64)], mut check: impl FnMut(Key)) {
    for digit in Digit::all() {
        for &(low_off, high_off) in deviations {
            for twist in [-8.0, -4.0, 0.0, 4.0f64] {
                for loudest in [0.0, -3.0, -10.0, -25.0 + twist.abs()] {
                    // The twist is the high tone's level over the low tone's.
                    let (low_dbm0, high_dbm0) = (loudest - twist.max(0.0), loudest + twist.min(0.0));
                    check(Key { digit, low_off, high_off, low_dbm0, high_dbm0 });
                }
            }
        }
    }
}

const ACCEPTED: [(f64, f64); 9] = [
    (0.0, 0.0),
    (0.0, 1.5),
    (0.0, -1.5),
    (1.5, 0.0),
    (-1.5, 0.0),
    (1.5, 1.5),
    (1.5, -1.5),
    (-1.5, 1.5),
    (-1.5, -1.5),
];

const REJECTED: [(f64, f64); 8] =
    [(0.0, 3.5), (0.0, -3.5), (3.5, 0.0), (-3.5, 0.0), (3.5, 3.5), (3.5, -3.5), (-3.5, 3.5), (-3.5, -3.5)];

#[test]
fn a_key_of_40_ms_is_heard_at_every_deviation_twist_and_level_with_and_without_noise() {
    let mut random = Random(1);
    let mut missed = Vec::new();
    let mut heard = 0;
    for_each_key(&ACCEPTED, |key| {
        for snr_db in [None, Some(15.0)] {
            let onset = 40 * MS + ((random.next() + 1.0) * 40.0) as usize;
            let mut scene = Scene::silence(130 * MS).key(onset, 40 * MS, key);
            if let Some(snr_db) = snr_db {
                scene = scene.noise(key.dbfs() - snr_db, random.0);
            }
            let keys = scene.keys();
            heard += 1;
            if keys != key.digit.as_char().to_string() {
                missed.push((key, snr_db, keys));
            }
        }
    });
    assert_eq!(heard, 16 * 9 * 4 * 4 * 2);
    assert!(missed.is_empty(), "{} of {heard}, such as {:?}", missed.len(), &missed[..missed.len().min(5)]);
}

#[test]
fn a_tone_that_is_3_5_percent_off_is_no_key() {
    let mut random = Random(2);
    let mut wrong = Vec::new();
    for_each_key(&REJECTED, |key| {
        for snr_db in [15.0, 60.0] {
            let scene =
                Scene::silence(160 * MS).key(40 * MS, 80 * MS, key).noise(key.dbfs() - snr_db, random.0);
            random.next();
            let keys = scene.keys();
            if !keys.is_empty() {
                wrong.push((key, snr_db, keys));
            }
        }
    });
    assert!(wrong.is_empty(), "{}, such as {:?}", wrong.len(), &wrong[..wrong.len().min(5)]);
}

#[test]
fn the_shortest_key_is_between_23_and_40_ms_wherever_it_begins() {
    for digit in Digit::all() {
        for offset in 0..80 {
            for key in [Key::of(digit), Key { high_dbm0: -18.0, ..Key::of(digit) }] {
                let of = |ms: usize| Scene::silence(120 * MS).key(30 * MS + offset, ms * MS, key).keys();
                assert_eq!(of(23), "", "{digit} at {offset}");
                assert_eq!(of(40), digit.to_string(), "{digit} at {offset}");
            }
        }
    }
}

#[test]
fn a_pause_of_40_ms_separates_two_keys_and_an_interruption_of_10_ms_does_not() {
    for digit in Digit::all() {
        let key = Key::of(digit);
        for offset in 0..40 {
            let twice = |pause: usize| {
                let second = 30 * MS + offset + 50 * MS + pause;
                Scene::silence(250 * MS).key(30 * MS + offset, 50 * MS, key).key(second, 50 * MS, key).keys()
            };
            assert_eq!(twice(40 * MS), format!("{digit}{digit}"), "{offset}");
            assert_eq!(twice(10 * MS), digit.to_string(), "{offset}");
        }
    }
}

#[test]
fn an_interruption_does_not_hide_a_key_that_was_not_certain_yet() {
    for digit in Digit::all() {
        for offset in 0..40 {
            let at = 30 * MS + offset;
            let scene = Scene::silence(150 * MS).key(at, 20 * MS, Key::of(digit)).key(
                at + 30 * MS,
                25 * MS,
                Key::of(digit),
            );
            assert_eq!(scene.keys(), digit.to_string(), "{offset}");
        }
    }
}

#[test]
fn tones_of_too_different_levels_are_no_key() {
    for digit in Digit::all() {
        for (low_dbm0, high_dbm0) in [(-15.0, -8.0), (-8.0, -19.0)] {
            let key = Key { low_dbm0, high_dbm0, ..Key::of(digit) };
            for offset in (0..40).step_by(4) {
                let scene = Scene::silence(200 * MS).key(30 * MS + offset, 80 * MS, key);
                assert_eq!(scene.keys(), "", "{digit}, {low_dbm0} and {high_dbm0} dBm0 at {offset}");
            }
        }
    }
}

#[test]
fn an_interruption_does_not_make_a_signal_longer() {
    // 23 ms in two parts, up to 10 ms apart.
    for digit in Digit::all() {
        for (offset, first) in
            (0..40).step_by(3).flat_map(|offset| [64, 80, 96, 112].map(|first| (offset, first)))
        {
            for gap in [3 * MS, 5 * MS, 8 * MS, 10 * MS] {
                let at = 30 * MS + offset;
                let key = Key::of(digit);
                let scene =
                    Scene::silence(150 * MS).key(at, first, key).key(at + first + gap, 23 * MS - first, key);
                assert_eq!(scene.keys(), "", "{digit} at {offset}: {first} samples, then {gap} without");
            }
        }
    }
}

#[test]
fn what_is_below_minus_55_dbm0_is_no_key() {
    for digit in Digit::all() {
        let key = |dbm0| Key { low_dbm0: dbm0, high_dbm0: dbm0, ..Key::of(digit) };
        assert_eq!(Scene::silence(200 * MS).key(0, 100 * MS, key(-55.0)).keys(), "");
        assert_eq!(Scene::silence(200 * MS).key(0, 100 * MS, key(-25.0)).keys(), digit.to_string());
    }
}

#[test]
fn where_a_key_begins_and_how_long_it_lasts_is_told_to_3_ms() {
    for digit in Digit::all() {
        for (offset, ms) in [(0, 45), (13, 60), (40, 100), (77, 1_000)] {
            let onset = 100 * MS + offset;
            let scene = Scene::silence(onset + ms * MS + 100 * MS).key(onset, ms * MS, Key::of(digit));
            let events = scene.noise(-45.0, 3).events();
            let [DtmfEvent::Pressed { digit: pressed, onset: told }, DtmfEvent::Released { duration, .. }] =
                events[..]
            else {
                panic!("{events:?}")
            };
            assert_eq!(pressed, digit);
            assert!(told.abs_diff(onset as u64) <= 3 * MS as u64, "{told} instead of {onset}");
            assert!(duration.abs_diff((ms * MS) as u64) <= 4 * MS as u64, "{duration} instead of {ms} ms");
        }
    }
}

#[test]
fn keys_are_heard_at_the_greatest_speed_over_an_echo() {
    // 93 ms per key (Q.24); an echo 20 ms late and 10 dB down.
    let row: String = "1123581321AABBD*#0".into();
    for offset in 0..40 {
        let mut scene = Scene::silence(row.len() * 93 * MS + 200 * MS);
        for (index, name) in row.chars().enumerate() {
            scene = scene.key(50 * MS + offset + index * 93 * MS, 50 * MS, Key::of(digit(name)));
        }
        let dry = scene.0.clone();
        assert_eq!(scene.add(20 * MS, &dry, 0.316).keys(), row, "{offset}");
    }
}

#[test]
fn a_dial_tone_10_db_down_does_not_hide_a_key() {
    for tones in [&[350.0, 440.0][..], &[425.0]] {
        for digit in Digit::all() {
            let key = Key::of(digit);
            let mut scene = Scene::silence(300 * MS).key(100 * MS, 50 * MS, key);
            for &hz in tones {
                let dbfs = key.dbfs() - 10.0 - 10.0 * (tones.len() as f64).log10();
                scene = scene.sine(0, 300 * MS, hz, dbfs);
            }
            assert_eq!(scene.keys(), digit.to_string(), "over {tones:?}");
        }
    }
}

#[test]
fn one_tone_alone_three_tones_and_tones_of_one_group_are_no_keys() {
    for hz in (250..3_400).step_by(7) {
        let scene = Scene::silence(200 * MS).sine(0, 200 * MS, f64::from(hz), -12.0);
        assert_eq!(scene.keys(), "", "{hz} Hz");
    }
    let pair = |a, b| Scene::silence(200 * MS).sine(0, 200 * MS, a, -16.0).sine(0, 200 * MS, b, -16.0);
    assert_eq!(pair(697.0, 941.0).keys(), "");
    assert_eq!(pair(1_209.0, 1_477.0).keys(), "");
    assert_eq!(pair(697.0, 1_209.0).keys(), "1");
    assert_eq!(pair(697.0, 1_209.0).sine(0, 200 * MS, 2_000.0, -16.0).keys(), "");
    assert_eq!(pair(697.0, 1_209.0).sine(0, 200 * MS, 1_394.0, -16.0).keys(), "", "a second harmonic");
}

#[test]
fn noise_of_any_level_is_no_key() {
    for (seed, dbfs) in [-60.0, -40.0, -20.0, -6.0].into_iter().enumerate() {
        assert_eq!(Scene::silence(60_000 * MS).noise(dbfs, seed as u64).keys(), "", "{dbfs} dBFS");
    }
}

#[test]
fn a_lost_frame_does_not_make_two_keys_of_one_and_a_lost_second_ends_it() {
    let codes = Scene::silence(200 * MS).key(0, 200 * MS, Key::of(digit('5'))).codes();
    for (lost, expected) in [(20 * MS, "5"), (1_000 * MS, "55")] {
        let mut events = Vec::new();
        let mut detector = DtmfDetector::new();
        detector.push_ulaw(&codes, |event| events.push(event));
        assert!(detector.is_down());
        detector.skip(lost as u64, |event| events.push(event));
        assert_eq!(detector.position(), (200 * MS + lost) as u64);
        detector.push_ulaw(&codes, |event| events.push(event));
        assert_eq!(keys(&events), expected);
    }
}

#[test]
fn a_loss_of_no_samples_changes_nothing() {
    let codes = Scene::silence(200 * MS).key(37, 60 * MS, Key::of(digit('5'))).codes();
    let mut detector = DtmfDetector::new();
    let mut events = Vec::new();
    for frame in codes.chunks(70) {
        detector.push_ulaw(frame, |event| events.push(event));
        detector.skip(0, |event| events.push(event));
    }
    assert_eq!(keys(&events), "5");
}

#[test]
fn a_key_at_the_end_of_what_can_be_counted_is_told() {
    let codes = Scene::silence(200 * MS).key(0, 100 * MS, Key::of(digit('5'))).codes();
    for middle in [1 << 63, u64::MAX - 50] {
        for lost in (middle - 800..=middle).step_by(10) {
            let mut detector = DtmfDetector::new();
            let mut events = Vec::new();
            detector.skip(lost, |event| events.push(event));
            detector.push_ulaw(&codes, |event| events.push(event));
            detector.finish(|event| events.push(event));
            assert_eq!(events.len() % 2, 0, "{lost}: {events:?}");
        }
    }
}

proptest! {
    #[test]
    fn any_split_gives_the_same_events(cuts in proptest::collection::vec(0usize..400, 0..40), as_pcm: bool) {
        let row = "159*0#D";
        let mut scene = Scene::silence(row.len() * 100 * MS + 100 * MS);
        for (index, name) in row.chars().enumerate() {
            scene = scene.key(37 + index * 100 * MS, 50 * MS + index * 5, Key::of(digit(name)));
        }
        let codes = scene.noise(-35.0, 8).codes();
        let mut pcm = vec![0; codes.len()];
        crate::g711::ulaw::decode(&codes, &mut pcm);
        let (mut whole, mut parts) = (DtmfDetector::new(), DtmfDetector::new());
        let (mut expected, mut actual) = (Vec::new(), Vec::new());
        whole.push_ulaw(&codes, |event| expected.push(event));
        let mut at = 0;
        for cut in cuts.into_iter().chain([codes.len()]) {
            let end = (at + cut).min(codes.len());
            if as_pcm {
                parts.push_pcm(&pcm[at..end], |event| actual.push(event));
            } else {
                parts.push_ulaw(&codes[at..end], |event| actual.push(event));
            }
            at = end;
        }
        prop_assert_eq!(keys(&expected), row);
        prop_assert_eq!(expected, actual);
        prop_assert_eq!(whole, parts);
    }

    #[test]
    fn nothing_makes_it_panic(frames in proptest::collection::vec((proptest::collection::vec(any::<i16>(), 0..300), 0u64..1_000), 0..8)) {
        let mut detector = DtmfDetector::new();
        for (frame, lost) in frames {
            detector.push_pcm(&frame, drop);
            detector.skip(lost, drop);
        }
        detector.skip(u64::MAX, drop);
        detector.push_pcm(&[i16::MIN; 500], drop);
        detector.finish(drop);
    }
}
