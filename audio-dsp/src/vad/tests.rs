use std::f64::consts::TAU;

use proptest::prelude::*;

use super::VadEvent::{self, SpeechEnded, SpeechStarted, SpeechSustained};
use super::{Vad, VadOptions};
use crate::InstructionSet;
use crate::g711::{ULAW_SILENCE, ulaw};

const MS: usize = 8;

/// A signal under construction, at 8 kHz, in sample units.
struct Scene(Vec<f64>);

impl Scene {
    fn silence(length_ms: usize) -> Self {
        Self(vec![0.0; length_ms * MS])
    }

    fn put(mut self, at_ms: usize, length_ms: usize, mut sound: impl FnMut(f64) -> f64) -> Self {
        for (n, sample) in self.0[at_ms * MS..][..length_ms * MS].iter_mut().enumerate() {
            *sample += sound(n as f64 / 8_000.0);
        }
        self
    }

    /// A voice whose pitch glides and whose vowels change, without a pause.
    fn voice(self, at_ms: usize, length_ms: usize, dbfs: f64) -> Self {
        let gain = amplitude(dbfs) * 1.2;
        self.put(at_ms, length_ms, move |time| {
            let phase = TAU * (130.0 * time - 25.0 / (TAU * 3.0) * (TAU * 3.0 * time).cos());
            let formants = if (time * 4.0).fract() < 0.5 { [500.0, 1_500.0] } else { [320.0, 2_200.0] };
            let loudness = 0.75 + 0.25 * (TAU * 4.0 * time).sin();
            let harmonics = (1..=24).map(|harmonic| {
                let frequency = 130.0 * f64::from(harmonic);
                let resonance: f64 =
                    formants.iter().map(|f| 1.0 / (1.0 + ((frequency - f) / 120.0).powi(2))).sum();
                (0.05 + resonance) * (phase * f64::from(harmonic)).sin()
            });
            gain * loudness * harmonics.sum::<f64>()
        })
    }

    /// Steady noise; `colour` 0 is white, towards 1 its power moves to low frequencies.
    fn noise(self, at_ms: usize, length_ms: usize, dbfs: f64, colour: f64) -> Self {
        let (mut seed, mut held) = (0x2545_F491_4F6C_DD1D_u64, 0.0);
        let gain = amplitude(dbfs) * 3f64.sqrt() * (1.0 - colour * colour).sqrt();
        self.put(at_ms, length_ms, move |_| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let white = (seed >> 33) as f64 / f64::from(1u32 << 30) - 1.0;
            held = colour * held + white;
            gain * held
        })
    }

    fn tone(self, at_ms: usize, length_ms: usize, dbfs: f64, tone_hz: f64) -> Self {
        self.put(at_ms, length_ms, |time| amplitude(dbfs) * 2f64.sqrt() * (TAU * tone_hz * time).sin())
    }

    /// The keys of a telephone, one after the other, 80 ms each with 80 ms between them.
    fn keys(mut self, at_ms: usize, keys: &[[f64; 2]], dbfs: f64) -> Self {
        for (n, [low, high]) in keys.iter().enumerate() {
            self = self.tone(at_ms + n * 160, 80, dbfs, *low).tone(at_ms + n * 160, 80, dbfs, *high);
        }
        self
    }

    /// A burst of breath without voice that sets in quickly and dies away.
    fn cough(self, at_ms: usize, length_ms: usize, dbfs: f64) -> Self {
        let burst = Self::silence(length_ms).noise(0, length_ms, dbfs, 0.4);
        let (length, mut n) = (length_ms * MS, 0);
        self.put(at_ms, length_ms, move |_| {
            let part = n as f64 / length as f64;
            n += 1;
            burst.0[n - 1] * (part * 15.0).min(1.0) * (-3.0 * part).exp()
        })
    }

    fn codes(&self) -> Vec<u8> {
        self.0.iter().map(|&sample| ulaw::encode_sample(sample.clamp(-32_768.0, 32_767.0) as i16)).collect()
    }

    /// The events, each with the time (ms) by which it had been emitted.
    fn events(&self) -> Vec<(usize, VadEvent)> {
        let mut vad = Vad::new(VadOptions::default());
        let mut events = Vec::new();
        for (block, codes) in self.codes().chunks(10 * MS).enumerate() {
            vad.push_ulaw(codes, |event| events.push(((block + 1) * 10, event)));
        }
        events
    }

    fn assert_no_speech(&self, what: &str) {
        assert_eq!(self.events(), [], "{what}");
    }
}

fn amplitude(dbfs: f64) -> f64 {
    32_768.0 * 10f64.powf(dbfs / 20.0)
}

fn ms(position: u64) -> usize {
    usize::try_from(position).unwrap() / MS
}

#[test]
fn silence_and_line_noise_are_not_speech() {
    Scene::silence(5_000).assert_no_speech("silence");
    for colour in [0.0, 0.7, 0.9] {
        Scene::silence(10_000).noise(0, 10_000, -50.0, colour).assert_no_speech("line noise");
    }
}

#[test]
fn a_steady_tone_is_not_speech() {
    for tone_hz in [50.0, 60.0, 100.0, 120.0, 235.0, 425.0, 1_000.0, 2_100.0] {
        for dbfs in [-45.0, -30.0, -15.0] {
            Scene::silence(4_000).tone(0, 4_000, dbfs, tone_hz).assert_no_speech("from the start");
            Scene::silence(4_000).tone(1_003, 2_500, dbfs, tone_hz).assert_no_speech("later");
        }
    }
}

#[test]
fn keys_of_a_telephone_are_not_speech() {
    let (lows, highs) = ([697.0, 770.0, 852.0, 941.0], [1_209.0, 1_336.0, 1_477.0, 1_633.0]);
    let keys: Vec<[f64; 2]> = lows.iter().flat_map(|&low| highs.map(|high| [low, high])).collect();
    for dbfs in [-30.0, -20.0, -10.0] {
        Scene::silence(4_500).noise(0, 4_500, -65.0, 0.0).keys(1_000, &keys, dbfs).assert_no_speech("keys");
    }
}

#[test]
fn coughs_without_voice_are_not_speech() {
    for dbfs in [-35.0, -20.0, -10.0] {
        let scene = Scene::silence(5_000).noise(0, 5_000, -65.0, 0.0);
        scene
            .cough(1_000, 250, dbfs)
            .cough(2_000, 150, dbfs)
            .cough(2_230, 200, dbfs)
            .cough(4_000, 350, dbfs)
            .assert_no_speech("coughs");
    }
}

#[test]
fn clicks_are_not_speech() {
    let mut scene = Scene::silence(4_000);
    for (n, at_ms) in [500, 1_200, 1_350, 2_003, 3_000].into_iter().enumerate() {
        scene = scene.put(at_ms, 1 + n, |_| 30_000.0).noise(at_ms + 300, 15, -15.0, 0.5);
    }
    scene.assert_no_speech("clicks");
}

#[test]
fn noise_that_sets_in_is_not_speech() {
    for colour in [0.0, 0.7] {
        for dbfs in [-40.0, -25.0] {
            Scene::silence(5_000).noise(0, 5_000, dbfs, colour).assert_no_speech("from the start");
            Scene::silence(5_000).noise(1_500, 3_000, dbfs, colour).assert_no_speech("later");
        }
    }
}

#[test]
fn speech_is_found_from_its_first_syllable_to_its_last() {
    for dbfs in [-35.0, -20.0, -10.0] {
        let scene = Scene::silence(3_500).noise(0, 3_500, -65.0, 0.5).voice(1_000, 1_500, dbfs);
        let events = scene.events();
        let [
            (started_ms, SpeechStarted { onset }),
            (sustained_ms, SpeechSustained { onset: sustained }),
            ended,
        ] = events[..]
        else {
            panic!("{dbfs} dBFS: {events:?}")
        };
        assert!((990..=1_010).contains(&ms(onset)), "onset at {} ms", ms(onset));
        assert!(started_ms <= 1_120, "start told at {started_ms} ms");
        assert_eq!(sustained, onset);
        assert!((1_190..=1_220).contains(&sustained_ms), "sustained told at {sustained_ms} ms");
        let (ended_ms, SpeechEnded { end }) = ended else { panic!("{events:?}") };
        assert!((2_480..=2_520).contains(&ms(end)), "end at {} ms", ms(end));
        assert!(ended_ms <= ms(end) + 200, "end told at {ended_ms} ms");
    }
}

#[test]
fn speech_in_the_first_200_ms_of_a_call_is_found() {
    let events = Scene::silence(1_500).voice(0, 800, -20.0).events();
    assert!(matches!(events[0], (0..=120, SpeechStarted { onset: 0 })), "{events:?}");
    assert!(matches!(events[1], (0..=210, SpeechSustained { onset: 0 })), "{events:?}");
    assert!(matches!(events[2], (_, SpeechEnded { .. })), "{events:?}");
}

#[test]
fn a_short_word_is_speech_but_not_sustained() {
    let events = Scene::silence(2_000).voice(1_000, 150, -20.0).events();
    assert!(matches!(events[..], [(_, SpeechStarted { .. }), (_, SpeechEnded { .. })]), "{events:?}");
}

#[test]
fn a_dip_of_60_ms_does_not_break_continuous_speech() {
    let events = Scene::silence(2_000).voice(1_000, 130, -20.0).voice(1_180, 200, -20.0).events();
    let (sustained_ms, _) =
        events.iter().find(|(_, event)| matches!(event, SpeechSustained { .. })).copied().unwrap();
    assert!((1_200..=1_220).contains(&sustained_ms), "{events:?}");
}

#[test]
fn longer_dips_break_it_without_ending_the_speech() {
    let mut scene = Scene::silence(3_000);
    for word in 0..5 {
        scene = scene.voice(1_000 + word * 260, 140, -20.0);
    }
    let events = scene.events();
    assert!(matches!(events[..], [(_, SpeechStarted { .. }), (_, SpeechEnded { .. })]), "{events:?}");
}

#[test]
fn speech_in_steady_noise_is_found_and_ends() {
    for colour in [0.0, 0.7] {
        for snr_db in [10.0, 15.0] {
            let noise_dbfs = -20.0 - snr_db;
            let scene = Scene::silence(7_000).noise(0, 7_000, noise_dbfs, colour).voice(2_500, 1_500, -20.0);
            let events = scene.events();
            let started = events.iter().find(|(_, event)| matches!(event, SpeechStarted { .. })).unwrap().0;
            let sustained =
                events.iter().find(|(_, event)| matches!(event, SpeechSustained { .. })).unwrap().0;
            let (ended, last) = *events.last().unwrap();
            assert!((2_500..=2_800).contains(&started), "{snr_db} dB: {events:?}");
            assert!((2_670..=2_850).contains(&sustained), "{snr_db} dB: {events:?}");
            assert!(matches!(last, SpeechEnded { .. }), "{snr_db} dB: {events:?}");
            assert!((4_000..=4_350).contains(&ended), "{snr_db} dB: {events:?}");
        }
    }
}

#[test]
fn half_a_minute_of_noise_is_not_speech() {
    for colour in [0.0, 0.5, 0.9] {
        for dbfs in [-45.0, -35.0, -25.0] {
            Scene::silence(30_000)
                .noise(0, 30_000, dbfs, colour)
                .assert_no_speech(&format!("{colour} at {dbfs}"));
        }
    }
}

/// The callers of the recorded calls, by name, without the one who calls from a noisy street.
fn recorded_callers() -> Vec<(String, Vec<f64>)> {
    let calls = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/calls");
    let mut callers = Vec::new();
    for folder in std::fs::read_dir(calls).unwrap() {
        let folder = folder.unwrap();
        let name = folder.file_name().into_string().unwrap();
        if name == "noisy-line" || !folder.path().is_dir() {
            continue;
        }
        let wav = std::fs::read(folder.path().join("caller.wav")).unwrap();
        let data = wav.windows(4).position(|name| name == b"data").unwrap() + 8;
        callers.push((name, wav[data..].iter().map(|&code| f64::from(ulaw::decode_sample(code))).collect()));
    }
    assert!(callers.len() >= 15);
    callers
}

/// Where utterances begin and end (ms): sound above -45 dBFS with silence of 300 ms around it.
fn utterances(samples: &[f64]) -> Vec<(usize, usize)> {
    let mut found: Vec<(usize, usize)> = Vec::new();
    for (block, samples) in samples.chunks(10 * MS).enumerate() {
        let power = samples.iter().map(|sample| sample * sample).sum::<f64>() / samples.len() as f64;
        if power.sqrt() > amplitude(-45.0) {
            match found.last_mut() {
                Some((_, end)) if block * 10 < *end + 300 => *end = (block + 1) * 10,
                _ => found.push((block * 10, (block + 1) * 10)),
            }
        }
    }
    found
}

#[test]
fn recorded_callers_are_heard_on_a_quiet_line_and_in_noise() {
    // For hiss below the line's own, hiss and rumble 10 dB below the voices: within how many ms half of the
    // utterances are told of, nine of ten, and all.
    for (noise_dbfs, colour, limits) in
        [(-66.0, 0.0, [80, 120, 200]), (-30.0, 0.0, [100, 160, 300]), (-30.0, 0.7, [110, 400, 700])]
    {
        let mut delays = Vec::new();
        for (name, samples) in recorded_callers() {
            let spoken = utterances(&samples);
            let length_ms = samples.len() / MS;
            let events = Scene(samples).noise(0, length_ms, noise_dbfs, colour).events();
            for (from, to) in spoken {
                // After a short pause, speech may not have ended yet.
                let before = events.iter().take_while(|(told, _)| *told < from).last();
                if before.is_some_and(|(_, event)| !matches!(event, SpeechEnded { .. })) {
                    continue;
                }
                let started = events.iter().find(|(told, event)| {
                    matches!(event, SpeechStarted { .. }) && (from..to + 100).contains(told)
                });
                let (told, _) = started.unwrap_or_else(|| panic!("{name} at {from} ms, {colour}"));
                delays.push(told - from);
            }
        }
        delays.sort_unstable();
        let found = [delays[delays.len() / 2], delays[delays.len() * 9 / 10], delays[delays.len() - 1]];
        let within = found.iter().zip(limits).all(|(found, limit)| *found <= limit);
        assert!(within, "{noise_dbfs} dBFS, {colour}: {found:?} of {}", delays.len());
    }
}

#[test]
fn every_instruction_set_hears_the_same() {
    let codes = Scene::silence(4_000).noise(0, 4_000, -35.0, 0.6).voice(1_000, 1_500, -20.0).codes();
    let scores = |set| {
        let mut extractor = super::features::FeatureExtractor::new();
        let mut block = [0; super::BLOCK];
        codes
            .chunks_exact(super::BLOCK)
            .map(|codes| {
                ulaw::decode(codes, &mut block);
                super::kernel::judge(set, &mut extractor, &block)
            })
            .collect::<Vec<_>>()
    };
    let portable = scores(InstructionSet::PORTABLE);
    for set in InstructionSet::available() {
        assert_eq!(scores(set), portable, "{}", set.name());
    }
}

#[test]
fn noise_that_sets_in_during_speech_does_not_hold_it_open() {
    let scene = Scene::silence(5_000).voice(1_000, 1_000, -20.0).noise(1_500, 3_500, -32.0, 0.5);
    let events = scene.events();
    let ends = events.iter().filter(|(_, event)| matches!(event, SpeechEnded { .. })).count();
    assert_eq!(ends, 1, "{events:?}");
    assert!(events.last().unwrap().0 <= 2_500, "{events:?}");
}

#[test]
fn a_gap_ends_speech_and_moves_positions_on() {
    let mut vad = Vad::new(VadOptions::default());
    let codes = Scene::silence(500).voice(0, 500, -20.0).codes();
    vad.push_ulaw(&codes[..codes.len() - 3], drop);
    assert!(vad.is_speaking());
    vad.skip(8_000);
    assert_eq!(vad.position(), 12_000 - 3);
    assert!(vad.is_speaking(), "nothing is told before the next push");

    let mut events = Vec::new();
    vad.push_ulaw(&codes, |event| events.push(event));
    let [SpeechEnded { end }, SpeechStarted { onset }, SpeechSustained { .. }] = events[..] else {
        panic!("{events:?}")
    };
    assert!((480..=500).contains(&ms(end)), "{events:?}");
    assert!((1_490..=1_510).contains(&ms(onset)), "{events:?}");
}

#[test]
fn a_gap_shorter_than_the_hangover_does_not_end_speech() {
    let mut vad = Vad::new(VadOptions::default());
    let codes = Scene::silence(500).voice(0, 500, -20.0).codes();
    let mut events = Vec::new();
    vad.push_ulaw(&codes, |event| events.push(event));
    vad.skip(100 * MS as u64);
    vad.push_ulaw(&codes, |event| events.push(event));
    assert!(matches!(events[..], [SpeechStarted { .. }, SpeechSustained { .. }]), "{events:?}");
}

#[test]
fn the_times_are_the_options() {
    let options = VadOptions { sustained_ms: 400, hangover_ms: 500, ..VadOptions::default() };
    let mut vad = Vad::new(options);
    let mut events = Vec::new();
    for (block, codes) in Scene::silence(2_500).voice(500, 1_000, -20.0).codes().chunks(80).enumerate() {
        vad.push_ulaw(codes, |event| events.push(((block + 1) * 10, event)));
    }
    assert!(matches!(events[1], (890..=920, SpeechSustained { .. })), "{events:?}");
    assert!(matches!(events[2], (1_980..=2_020, SpeechEnded { .. })), "{events:?}");
}

#[test]
fn mu_law_and_its_samples_give_the_same_events() {
    let codes = Scene::silence(2_000).noise(0, 2_000, -45.0, 0.5).voice(500, 800, -20.0).codes();
    let mut samples = vec![0; codes.len()];
    ulaw::decode(&codes, &mut samples);
    let (mut from_codes, mut from_samples) =
        (Vad::new(VadOptions::default()), Vad::new(VadOptions::default()));
    from_codes.push_ulaw(&codes, drop);
    from_samples.push_pcm(&samples, drop);
    assert_eq!(from_codes, from_samples);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_split_into_frames_gives_the_same_events(
        voice_ms in 0usize..600,
        pause_ms in 0usize..400,
        wild in prop::collection::vec(any::<u8>(), 0..1_000),
        cuts in prop::collection::vec(0usize..400, 0..40),
    ) {
        let length_ms = 600 + voice_ms + pause_ms;
        let scene = Scene::silence(length_ms).voice(100, voice_ms, -20.0).noise(0, length_ms, -45.0, 0.5);
        let codes: Vec<u8> = scene.codes().into_iter().chain(wild).chain([ULAW_SILENCE; 800]).collect();

        let (mut whole, mut whole_events) = (Vad::new(VadOptions::default()), Vec::new());
        whole.push_ulaw(&codes, |event| whole_events.push(event));

        let (mut split, mut split_events) = (Vad::new(VadOptions::default()), Vec::new());
        let mut rest = codes.as_slice();
        for cut in cuts {
            let (frame, after) = rest.split_at(cut.min(rest.len()));
            split.push_ulaw(frame, |event| split_events.push(event));
            rest = after;
        }
        split.push_ulaw(rest, |event| split_events.push(event));
        prop_assert_eq!(whole_events, split_events);
        prop_assert_eq!(whole, split);
    }

    #[test]
    fn events_alternate_and_positions_never_go_back(
        codes in prop::collection::vec(any::<u8>(), 0..8_000),
        skips in prop::collection::vec(0u64..3_000, 0..6),
        options in (0u32..300, 0u32..500, 0u32..300, 0u32..500, 0u32..600),
    ) {
        let (onset_ms, sustained_ms, sustained_gap_ms, hangover_ms, unvoiced_ms) = options;
        let mut vad = Vad::new(VadOptions {
            onset_ms, sustained_ms, sustained_gap_ms, hangover_ms, unvoiced_ms, ..VadOptions::default()
        });
        let voice = Scene::silence(400).voice(50, 300, -15.0).codes();
        let mut events = Vec::new();
        for skip in skips {
            vad.push_ulaw(&voice, |event| events.push(event));
            vad.push_ulaw(&codes, |event| events.push(event));
            vad.skip(skip);
        }
        let (mut speaking, mut last) = (false, 0);
        for event in events {
            let (expected, position) = match event {
                SpeechStarted { onset } => (!speaking, onset),
                SpeechSustained { onset } => (speaking, onset),
                SpeechEnded { end } => (speaking, end),
            };
            prop_assert!(expected && position >= last, "{event:?} after {last}");
            last = position;
            speaking = !matches!(event, SpeechEnded { .. });
        }
        prop_assert_eq!(speaking, vad.is_speaking());
    }
}
