//! The codec behind two small traits, so that its implementation stays a choice.
//!
//! [`encoder`] and [`decoder`] give libopus translated to Rust, which builds with Rust alone, or with the feature
//! `audiopus` the system's libopus. Both write and read the same format.

#[cfg(feature = "audiopus")]
mod system;
#[cfg_attr(
    all(feature = "audiopus", not(test)),
    expect(dead_code, reason = "the tests compare both implementations; the library uses one")
)]
mod translated;

#[cfg(test)]
mod tests;

/// Most samples of one channel that a packet can hold: 120 ms at 48 kHz (RFC 6716, section 3.2.5).
pub(crate) const PACKET_SAMPLES_MAX: usize = 5_760;
/// Most bytes of a packet of one stream (RFC 7845, section 6).
pub(crate) const PACKET_BYTES_MAX: usize = 61_440;
/// Most bytes of a packet with one frame (RFC 6716, section 3.2.1: 1,275 bytes behind the first).
const FRAME_BYTES_MAX: usize = 1_276;

/// Encodes frames of 20 ms.
pub trait FrameEncoder: Send {
    /// How many samples, at the encoder's rate, the decoded audio lies behind its input.
    fn lookahead(&self) -> usize;

    /// Encodes one frame: 20 ms of samples, channels in turn. `packet` is replaced by its packet.
    ///
    /// # Errors
    /// When the frame is not 20 ms long, or the codec refuses it.
    fn encode(&mut self, frame: &[i16], packet: &mut Vec<u8>) -> Result<(), CodecError>;
}

/// Decodes packets of any length.
pub trait PacketDecoder: Send {
    /// Decodes one packet. `pcm` is replaced by its samples, channels in turn: at most 120 ms.
    ///
    /// # Errors
    /// When the packet is not one of Opus.
    fn decode(&mut self, packet: &[u8], pcm: &mut Vec<i16>) -> Result<(), CodecError>;
}

/// Why the codec did not do as it was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The bytes are no packet of Opus.
    #[error("the bytes are no Opus packet")]
    InvalidPacket,
    /// The frame is not 20 ms long.
    #[error("a frame has {found} samples, not the {expected} of 20 ms")]
    FrameLength {
        /// Samples it has, over all channels.
        found: usize,
        /// Samples it should have.
        expected: usize,
    },
    /// libopus refused, with this code of `opus_defines.h`.
    #[error("libopus refused with code {0}")]
    Refused(i32),
}

/// Rates that Opus takes and gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleRate {
    /// 8 kHz: telephone.
    Hz8000,
    /// 12 kHz.
    Hz12000,
    /// 16 kHz: wideband telephone.
    Hz16000,
    /// 24 kHz.
    Hz24000,
    /// 48 kHz: what Opus counts in.
    Hz48000,
}

impl SampleRate {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Hz8000, Self::Hz12000, Self::Hz16000, Self::Hz24000, Self::Hz48000];

    /// In Hz.
    #[must_use]
    pub const fn hz(self) -> u32 {
        match self {
            Self::Hz8000 => 8_000,
            Self::Hz12000 => 12_000,
            Self::Hz16000 => 16_000,
            Self::Hz24000 => 24_000,
            Self::Hz48000 => 48_000,
        }
    }

    /// The rate of this many Hz, if Opus knows it.
    #[must_use]
    pub fn from_hz(hz: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|rate| rate.hz() == hz)
    }

    /// How many samples at 48 kHz one of this rate is.
    pub(crate) const fn granules(self) -> u64 {
        48_000 / self.hz() as u64
    }
}

/// How many voices there are side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channels {
    /// One.
    Mono,
    /// Left and right.
    Stereo,
}

impl Channels {
    /// 1 or 2.
    #[must_use]
    pub const fn count(self) -> usize {
        match self {
            Self::Mono => 1,
            Self::Stereo => 2,
        }
    }
}

/// How audio is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncoderSettings {
    /// Rate of the samples that are given in.
    pub sample_rate: SampleRate,
    /// Their channels.
    pub channels: Channels,
    /// Mean rate over speech, in bit/s, 6,000 to 510,000. Silence takes less.
    pub bitrate_bps: u32,
    /// Effort, 0 to 10.
    pub complexity: u8,
}

impl EncoderSettings {
    /// A telephone call: caller left, assistant right, 8 kHz. The figures behind it are in docs/adr/0008.
    pub const CALL: Self = Self {
        sample_rate: SampleRate::Hz8000,
        channels: Channels::Stereo,
        bitrate_bps: 32_000,
        complexity: 2,
    };

    /// Samples of a frame of 20 ms over all channels.
    #[must_use]
    pub const fn frame_samples(&self) -> usize {
        self.sample_rate.hz() as usize / 50 * self.channels.count()
    }
}

/// An encoder for speech at a variable bit rate.
///
/// It is set up for audio rather than for conversations: those are coded behind a high-pass filter, whose phase makes
/// the recording unlike what was recorded (12 instead of 25 dB) at the same size and cost.
///
/// # Errors
/// When libopus does not take the settings.
pub fn encoder(settings: &EncoderSettings) -> Result<Box<dyn FrameEncoder>, CodecError> {
    #[cfg(feature = "audiopus")]
    let made = system::Encoder::new(settings)?;
    #[cfg(not(feature = "audiopus"))]
    let made = translated::Encoder::new(settings)?;
    Ok(Box::new(made))
}

/// A decoder that gives samples at this rate, whatever the rate was when they were encoded.
///
/// # Errors
/// When libopus cannot be set up.
pub fn decoder(sample_rate: SampleRate, channels: Channels) -> Result<Box<dyn PacketDecoder>, CodecError> {
    #[cfg(feature = "audiopus")]
    let made = system::Decoder::new(sample_rate, channels)?;
    #[cfg(not(feature = "audiopus"))]
    let made = translated::Decoder::new(sample_rate, channels)?;
    Ok(Box::new(made))
}

fn check_frame(frame: &[i16], expected: usize) -> Result<(), CodecError> {
    if frame.len() == expected {
        Ok(())
    } else {
        Err(CodecError::FrameLength { found: frame.len(), expected })
    }
}
