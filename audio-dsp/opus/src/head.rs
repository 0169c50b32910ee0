//! The identification header, the stream's first packet (RFC 7845, section 5.1).

use crate::{
    codec::{Channels, SampleRate},
    reader::ReadError,
};

const MAGIC: &[u8; 8] = b"OpusHead";
const LEN: usize = 19;

/// What the first packet says, for mapping family 0: mono, or left and right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) channels: Channels,
    /// Samples at 48 kHz that the decoder gives before the first of the input.
    pub(crate) pre_skip: u16,
    /// Rate of the audio before it was encoded, in Hz.
    pub(crate) input_rate_hz: u32,
    /// To be added when decoding, in 1/256 dB.
    pub(crate) gain_q8: i16,
}

impl Head {
    pub(crate) fn to_bytes(self) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8] = 1;
        bytes[9] = self.channels.count() as u8;
        bytes[10..12].copy_from_slice(&self.pre_skip.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.input_rate_hz.to_le_bytes());
        bytes[16..18].copy_from_slice(&self.gain_q8.to_le_bytes());
        bytes
    }

    pub(crate) fn parse(packet: &[u8]) -> Result<Self, ReadError> {
        let Some(bytes) = packet.get(..LEN).filter(|bytes| bytes[..8] == *MAGIC) else {
            return Err(ReadError::NotOpus);
        };
        // Versions with the same upper half are compatible.
        if bytes[8] & 0xF0 != 0 {
            return Err(ReadError::Version(bytes[8]));
        }
        let channels = match (bytes[18], bytes[9]) {
            (0, 1) => Channels::Mono,
            (0, 2) => Channels::Stereo,
            (family, channels) => return Err(ReadError::Mapping { family, channels }),
        };
        Ok(Self {
            channels,
            pre_skip: u16::from_le_bytes([bytes[10], bytes[11]]),
            input_rate_hz: u32::from_le_bytes([bytes[12], bytes[13], bytes[14], bytes[15]]),
            gain_q8: i16::from_le_bytes([bytes[16], bytes[17]]),
        })
    }

    /// The rate to decode at: that of the input if Opus has it, else 48 kHz.
    pub(crate) fn sample_rate(&self) -> SampleRate {
        SampleRate::from_hz(self.input_rate_hz).unwrap_or(SampleRate::Hz48000)
    }
}
