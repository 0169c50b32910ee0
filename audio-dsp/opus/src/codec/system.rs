//! The system's libopus, through `audiopus`.

use super::{
    Channels, CodecError, EncoderSettings, FRAME_BYTES_MAX, FrameEncoder, PACKET_SAMPLES_MAX, PacketDecoder,
    SampleRate, check_frame,
};
use audiopus::{Application, Bitrate, ErrorCode, MutSignals, Signal, coder, packet::Packet};

pub(super) struct Encoder {
    inner: coder::Encoder,
    frame_samples: usize,
    lookahead: usize,
}

impl Encoder {
    pub(super) fn new(settings: &EncoderSettings) -> Result<Self, CodecError> {
        let channels = channels_of(settings.channels);
        let mut inner = coder::Encoder::new(rate_of(settings.sample_rate), channels, Application::Audio)
            .map_err(refused)?;
        let bitrate = i32::try_from(settings.bitrate_bps).unwrap_or(i32::MAX);
        inner.set_bitrate(Bitrate::BitsPerSecond(bitrate)).map_err(refused)?;
        inner.set_complexity(settings.complexity).map_err(refused)?;
        inner.set_signal(Signal::Voice).map_err(refused)?;
        inner.set_vbr(true).map_err(refused)?;
        inner.set_vbr_constraint(false).map_err(refused)?;
        inner.set_force_channels(channels).map_err(refused)?;
        let lookahead = inner.lookahead().map_err(refused)? as usize;
        Ok(Self { inner, frame_samples: settings.frame_samples(), lookahead })
    }
}

impl FrameEncoder for Encoder {
    fn lookahead(&self) -> usize {
        self.lookahead
    }

    fn encode(&mut self, frame: &[i16], packet: &mut Vec<u8>) -> Result<(), CodecError> {
        check_frame(frame, self.frame_samples)?;
        packet.clear();
        packet.resize(FRAME_BYTES_MAX, 0);
        let written = self.inner.encode(frame, packet).map_err(refused)?;
        packet.truncate(written);
        Ok(())
    }
}

pub(super) struct Decoder {
    inner: coder::Decoder,
    channels: usize,
}

impl Decoder {
    pub(super) fn new(sample_rate: SampleRate, channels: Channels) -> Result<Self, CodecError> {
        let inner = coder::Decoder::new(rate_of(sample_rate), channels_of(channels)).map_err(refused)?;
        Ok(Self { inner, channels: channels.count() })
    }
}

impl PacketDecoder for Decoder {
    fn decode(&mut self, packet: &[u8], pcm: &mut Vec<i16>) -> Result<(), CodecError> {
        pcm.clear();
        // An empty one is refused here; libopus would take it for a lost one.
        let packet = Packet::try_from(packet).map_err(|_| CodecError::InvalidPacket)?;
        pcm.resize(PACKET_SAMPLES_MAX * self.channels, 0);
        let decoded = MutSignals::try_from(&mut pcm[..])
            .and_then(|signals| self.inner.decode(Some(packet), signals, false));
        match decoded {
            Ok(decoded) => {
                pcm.truncate(decoded * self.channels);
                Ok(())
            }
            Err(error) => {
                pcm.clear();
                Err(refused(error))
            }
        }
    }
}

const fn rate_of(rate: SampleRate) -> audiopus::SampleRate {
    match rate {
        SampleRate::Hz8000 => audiopus::SampleRate::Hz8000,
        SampleRate::Hz12000 => audiopus::SampleRate::Hz12000,
        SampleRate::Hz16000 => audiopus::SampleRate::Hz16000,
        SampleRate::Hz24000 => audiopus::SampleRate::Hz24000,
        SampleRate::Hz48000 => audiopus::SampleRate::Hz48000,
    }
}

const fn channels_of(channels: Channels) -> audiopus::Channels {
    match channels {
        Channels::Mono => audiopus::Channels::Mono,
        Channels::Stereo => audiopus::Channels::Stereo,
    }
}

fn refused(error: audiopus::Error) -> CodecError {
    match error {
        audiopus::Error::Opus(ErrorCode::InvalidPacket) | audiopus::Error::EmptyPacket => {
            CodecError::InvalidPacket
        }
        audiopus::Error::Opus(code) => CodecError::Refused(code as i32),
        _ => CodecError::Refused(audiopus::ffi::OPUS_BAD_ARG),
    }
}
