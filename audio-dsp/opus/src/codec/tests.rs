use super::*;
use proptest::{collection::vec, prelude::*};
use std::f64::consts::TAU;

fn settings(sample_rate: SampleRate, channels: Channels) -> EncoderSettings {
    EncoderSettings { sample_rate, channels, bitrate_bps: 48_000, complexity: 2 }
}

/// A tone of 440 Hz on the left, of 660 Hz on the right.
fn tones(settings: &EncoderSettings, frame: usize) -> Vec<i16> {
    let channels = settings.channels.count();
    let start = frame * settings.frame_samples() / channels;
    (0..settings.frame_samples())
        .map(|index| {
            let hz = if index % channels == 0 { 440.0 } else { 660.0 };
            let seconds = (start + index / channels) as f64 / f64::from(settings.sample_rate.hz());
            ((TAU * hz * seconds).sin() * 8_000.0) as i16
        })
        .collect()
}

/// Energy of the signal over that of what is not it, in dB.
fn snr_db(signal: &[i16], decoded: &[i16]) -> f64 {
    let energy = |of: &mut dyn Iterator<Item = f64>| of.map(|x| x * x).sum::<f64>();
    let error = energy(&mut signal.iter().zip(decoded).map(|(&a, &b)| f64::from(a) - f64::from(b)));
    10.0 * (energy(&mut signal.iter().map(|&a| f64::from(a))) / error.max(1.0)).log10()
}

fn goes_through(settings: &EncoderSettings, encoder: &mut dyn FrameEncoder, decoder: &mut dyn PacketDecoder) {
    let (mut packet, mut pcm) = (Vec::new(), Vec::new());
    let (mut sent, mut heard) = (Vec::new(), Vec::new());
    for frame in 0..50 {
        let tones = tones(settings, frame);
        encoder.encode(&tones, &mut packet).unwrap();
        decoder.decode(&packet, &mut pcm).unwrap();
        assert_eq!(pcm.len(), settings.frame_samples());
        sent.extend(tones);
        heard.extend_from_slice(&pcm);
    }
    let channels = settings.channels.count();
    let late = encoder.lookahead() * channels;
    // Without the first 100 ms, in which the codec settles.
    let settled = 5 * settings.frame_samples();
    let snr = snr_db(&sent[settled..sent.len() - late], &heard[settled + late..]);
    assert!(snr > 12.0, "{settings:?}: {snr} dB");
}

#[test]
fn audio_comes_back_at_every_rate_in_mono_and_stereo() {
    for rate in SampleRate::ALL {
        for channels in [Channels::Mono, Channels::Stereo] {
            let settings = settings(rate, channels);
            let mut encoder = encoder(&settings).unwrap();
            let mut decoder = decoder(rate, channels).unwrap();
            goes_through(&settings, &mut *encoder, &mut *decoder);
        }
    }
}

#[cfg(feature = "audiopus")]
#[test]
fn the_system_and_the_translation_understand_each_other() {
    for rate in SampleRate::ALL {
        let settings = settings(rate, Channels::Stereo);
        let mut encoder = system::Encoder::new(&settings).unwrap();
        let mut decoder = translated::Decoder::new(rate, Channels::Stereo).unwrap();
        goes_through(&settings, &mut encoder, &mut decoder);
        let mut encoder = translated::Encoder::new(&settings).unwrap();
        let mut decoder = system::Decoder::new(rate, Channels::Stereo).unwrap();
        goes_through(&settings, &mut encoder, &mut decoder);
    }
}

#[test]
fn a_frame_of_another_length_is_refused() {
    let mut encoder = encoder(&EncoderSettings::CALL).unwrap();
    let refused = encoder.encode(&[0; 318], &mut Vec::new());
    assert_eq!(refused, Err(CodecError::FrameLength { found: 318, expected: 320 }));
}

#[test]
fn settings_that_libopus_does_not_take_are_refused() {
    let settings = EncoderSettings { complexity: 11, ..EncoderSettings::CALL };
    assert!(matches!(encoder(&settings).err(), Some(CodecError::Refused(_))));
}

#[test]
fn an_empty_packet_is_not_taken_for_a_lost_one() {
    let mut decoder = decoder(SampleRate::Hz8000, Channels::Stereo).unwrap();
    assert_eq!(decoder.decode(&[], &mut Vec::new()), Err(CodecError::InvalidPacket));
}

proptest! {
    /// One decoder takes packet after packet, as one that reads a damaged file would.
    #[test]
    fn no_packet_causes_a_panic(packets in vec(vec(any::<u8>(), 0..200), 1..20)) {
        let mut decoder = decoder(SampleRate::Hz8000, Channels::Stereo).unwrap();
        let mut pcm = Vec::new();
        for packet in packets {
            let decoded = decoder.decode(&packet, &mut pcm);
            prop_assert!(pcm.len() <= 2 * 960);
            prop_assert_eq!(decoded.is_err(), pcm.is_empty());
        }
    }
}
