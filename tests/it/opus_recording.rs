//! A recorded call through the whole product becomes an Ogg/Opus file that holds both voices.

use crate::support::Folder;
use audio_opus::Reader;
use fixtures::{call::Fixture, virtual_time, wav::Wav};
use serde_json::Value;
use std::{fs::File, time::Duration};
use tandem::rehearsal::{Rehearsal, sandbox_options};

/// By the clock on the wall: encoding takes real time.
const CONVERTED_WITHIN: Duration = Duration::from_secs(60);

/// How well `found` follows `expected`, in dB.
fn snr_db(expected: &[i16], found: &[i16]) -> f64 {
    let energy = |sum: f64, sample: f64| sum + sample * sample;
    let signal = expected.iter().map(|&sample| f64::from(sample)).fold(0.0, energy);
    let error = expected.iter().zip(found).map(|(&a, &b)| f64::from(a) - f64::from(b)).fold(0.0, energy);
    10.0 * (signal / error.max(1.0)).log10()
}

#[test]
fn a_call_ends_with_an_ogg_file_that_holds_both_voices_in_their_places() {
    let fixture = Fixture::named("order-status").unwrap();
    let folder = Folder::new();
    let call = virtual_time::run(async {
        let opus = |config: &mut tandem::config::Config| config.recording.opus = true;
        let rehearsal = Rehearsal::start(sandbox_options(), &fixture, folder.path(), opus).await.unwrap();
        let performance = rehearsal.call(&fixture, rehearsal.carrier_options(), |_| {}).await.unwrap();
        let path = format!("/v1/calls/{}", performance.call.id);
        let deadline = std::time::Instant::now() + CONVERTED_WITHIN;
        loop {
            let shown: Value = rehearsal.get(&path).await.unwrap();
            if shown["recording"]["formats"].as_array().unwrap().iter().any(|format| format == "ogg") {
                break;
            }
            assert!(std::time::Instant::now() < deadline, "{shown}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        rehearsal.end().await.unwrap();
        performance.call
    });

    let file = |ending: &str| folder.path().join(format!("recordings/demo/{}.{ending}", call.id));
    let wav = Wav::parse(&std::fs::read(file("wav")).unwrap()).unwrap();
    let mut ogg = Reader::open(File::open(file("ogg")).unwrap()).unwrap();
    assert_eq!(ogg.tags().get("CALL"), Some(call.id.as_str()));
    assert_eq!(ogg.tags().get("TENANT"), Some("demo"));
    assert_eq!(ogg.len_samples(), wav.channels[0].len() as u64);
    let mut sides = [Vec::new(), Vec::new()];
    while let Some(block) = ogg.next_block().unwrap() {
        for frame in block.chunks_exact(2) {
            sides[0].push(frame[0]);
            sides[1].push(frame[1]);
        }
    }
    for (side, name) in ["the caller", "the assistant"].into_iter().enumerate() {
        let snr = snr_db(&wav.channels[side], &sides[side]);
        assert!(snr > 6.0, "{name}: {snr} dB");
    }
}
