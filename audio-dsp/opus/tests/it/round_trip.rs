//! What is read is what was written: as long, in its place, on its side.

use crate::support::{assistant, call, caller, db, energy, file, open, rest, side, snr_db, stereo, tags};
use audio_opus::{Channels, EncoderSettings, SampleRate, Writer};
use proptest::prelude::*;

#[test]
fn a_call_comes_back_as_long_as_it_was_and_in_its_place() {
    let call = call();
    let file = file(EncoderSettings::CALL, &call);
    let mut reader = open(&file).unwrap();
    assert_eq!((reader.sample_rate(), reader.channels()), (SampleRate::Hz8000, Channels::Stereo));
    assert_eq!(reader.len_samples(), call.len() as u64 / 2);
    assert_eq!(reader.duration_ms(), call.len() as u64 / 16);
    let read = rest(&mut reader).unwrap();
    assert_eq!(read.len(), call.len());
    for voice in [0, 1] {
        let (said, heard) = (side(&call, voice), side(&read, voice));
        let snr = snr_db(&said, &heard);
        assert!(snr > 10.0, "side {voice}: {snr} dB");
        // A sample too early or too late fits worse.
        for shift in 1..40 {
            let (early, late) = (snr_db(&said[shift..], &heard), snr_db(&said, &heard[shift..]));
            assert!(early < snr && late < snr, "side {voice}, {shift} samples off");
        }
    }
}

#[test]
fn the_caller_is_left_and_the_assistant_right_and_neither_is_heard_on_the_other_side() {
    let (caller, assistant) = (caller(), assistant());
    for (voices, speaker) in [(stereo(&caller, &[]), 0), (stereo(&[], &assistant), 1)] {
        let file = file(EncoderSettings::CALL, &voices);
        let read = rest(&mut open(&file).unwrap()).unwrap();
        let separation = db(energy(&side(&read, speaker)) / energy(&side(&read, 1 - speaker)));
        assert!(separation > 40.0, "speaker {speaker}: {separation} dB");
    }
}

#[test]
fn tags_come_back() {
    let file = file(EncoderSettings::CALL, &call());
    let reader = open(&file).unwrap();
    assert_eq!(reader.tags(), &tags());
    assert_eq!(reader.tags().get("title"), Some("Call call_1"));
    assert!(reader.tags().vendor().starts_with("audio-opus "));
}

#[test]
fn speech_takes_a_tenth_of_the_wav_and_silence_next_to_nothing() {
    let call = call();
    let speech = file(EncoderSettings::CALL, &call).len();
    assert!(speech * 8 < call.len() * 2, "{speech} bytes of {}", call.len() * 2);
    let silence = file(EncoderSettings::CALL, &vec![0; call.len()]).len();
    assert!(silence * 4 < speech, "{silence} bytes of silence, {speech} of speech");
}

#[test]
fn a_left_sample_without_a_right_one_is_not_lost() {
    let mut writer = Writer::new(Vec::new(), EncoderSettings::CALL, 1, &tags()).unwrap();
    for sample in 0..2_001 {
        writer.write(&[sample]).unwrap();
    }
    assert_eq!(open(&writer.finish().unwrap()).unwrap().len_samples(), 1_001);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_length_in_any_pieces_comes_back_to_the_sample(
        frames in 0_usize..20_000,
        pieces in prop::collection::vec(0_usize..3_000, 0..12),
        rate in prop::sample::select(SampleRate::ALL.to_vec()),
        channels in prop::sample::select(vec![Channels::Mono, Channels::Stereo]),
    ) {
        let settings = EncoderSettings { sample_rate: rate, channels, ..EncoderSettings::CALL };
        let width = channels.count();
        let samples: Vec<i16> = (0..frames * width).map(|at| ((at * 37) % 2_001) as i16 - 1_000).collect();
        let whole = file(settings, &samples);
        let mut writer = Writer::new(Vec::new(), settings, 0x7461_6e64, &tags()).unwrap();
        let mut rest_of = &samples[..];
        for piece in pieces {
            let (head, tail) = rest_of.split_at(piece.min(rest_of.len()));
            writer.write(head).unwrap();
            rest_of = tail;
        }
        writer.write(rest_of).unwrap();
        prop_assert!(writer.finish().unwrap() == whole, "how it was cut shows");
        let mut reader = open(&whole).unwrap();
        prop_assert_eq!(reader.len_samples(), frames as u64);
        prop_assert_eq!(rest(&mut reader).unwrap().len(), samples.len());
    }
}
