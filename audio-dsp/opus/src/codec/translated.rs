//! libopus translated to Rust: everything that needs `unsafe`, because the translation kept the C interface.
#![expect(unsafe_code, reason = "the translation of libopus is called as C is: with pointers and lengths")]

use super::{
    Channels, CodecError, EncoderSettings, FRAME_BYTES_MAX, FrameEncoder, PACKET_SAMPLES_MAX, PacketDecoder,
    SampleRate, check_frame,
};
use std::ptr::NonNull;
use unsafe_libopus::{
    OPUS_APPLICATION_AUDIO, OPUS_GET_LOOKAHEAD_REQUEST, OPUS_INVALID_PACKET, OPUS_OK,
    OPUS_SET_BITRATE_REQUEST, OPUS_SET_COMPLEXITY_REQUEST, OPUS_SET_FORCE_CHANNELS_REQUEST,
    OPUS_SET_SIGNAL_REQUEST, OPUS_SET_VBR_CONSTRAINT_REQUEST, OPUS_SET_VBR_REQUEST, OPUS_SIGNAL_VOICE,
    OpusDecoder, OpusEncoder, opus_decode, opus_decoder_create, opus_decoder_destroy, opus_encode,
    opus_encoder_create, opus_encoder_ctl, opus_encoder_destroy,
};

/// An encoder's state, which is one block on the heap.
pub(super) struct Encoder {
    state: NonNull<OpusEncoder>,
    frame_samples: usize,
    channels: usize,
    lookahead: usize,
}

// SAFETY: the state is one heap block that holds no thread's own data, is reached through `self` only, and its
// functions are called with `&mut self`, so by one thread at a time.
unsafe impl Send for Encoder {}

impl Encoder {
    pub(super) fn new(settings: &EncoderSettings) -> Result<Self, CodecError> {
        let channels = settings.channels.count();
        let (rate, width) = (settings.sample_rate.hz() as i32, channels as i32);
        let mut code = OPUS_OK;
        // SAFETY: any values may be passed; `code` is a live `i32`.
        let state = unsafe { opus_encoder_create(rate, width, OPUS_APPLICATION_AUDIO, &mut code) };
        let state = NonNull::new(state).ok_or(CodecError::Refused(code))?;
        let mut encoder = Self { state, frame_samples: settings.frame_samples(), channels, lookahead: 0 };
        let bitrate = i32::try_from(settings.bitrate_bps).unwrap_or(i32::MAX);
        for (request, value) in [
            (OPUS_SET_BITRATE_REQUEST, bitrate),
            (OPUS_SET_COMPLEXITY_REQUEST, i32::from(settings.complexity)),
            (OPUS_SET_SIGNAL_REQUEST, OPUS_SIGNAL_VOICE),
            (OPUS_SET_VBR_REQUEST, 1),
            (OPUS_SET_VBR_CONSTRAINT_REQUEST, 0),
            (OPUS_SET_FORCE_CHANNELS_REQUEST, width),
        ] {
            encoder.set(request, value)?;
        }
        let mut lookahead = 0;
        // SAFETY: the state is live, and this request takes one place for an `i32`.
        let code =
            unsafe { opus_encoder_ctl!(encoder.state.as_ptr(), OPUS_GET_LOOKAHEAD_REQUEST, &mut lookahead) };
        succeeded(code)?;
        encoder.lookahead = usize::try_from(lookahead).unwrap_or_default();
        Ok(encoder)
    }

    fn set(&mut self, request: i32, value: i32) -> Result<(), CodecError> {
        // SAFETY: the state is live, and every request that `new` makes takes one `i32`.
        let code = unsafe { opus_encoder_ctl!(self.state.as_ptr(), request, value) };
        succeeded(code)
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
        let per_channel = (frame.len() / self.channels) as i32;
        // SAFETY: the state is live; `frame` holds `per_channel` samples of each channel, and `packet` as many bytes
        // as are named.
        let written = unsafe {
            opus_encode(
                self.state.as_ptr(),
                frame.as_ptr(),
                per_channel,
                packet.as_mut_ptr(),
                FRAME_BYTES_MAX as i32,
            )
        };
        packet.truncate(length(written)?);
        Ok(())
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        // SAFETY: made by `opus_encoder_create`, and destroyed once.
        unsafe { opus_encoder_destroy(self.state.as_ptr()) };
    }
}

/// A decoder's state, which is one block on the heap.
pub(super) struct Decoder {
    state: NonNull<OpusDecoder>,
    channels: usize,
}

// SAFETY: as for `Encoder`.
unsafe impl Send for Decoder {}

impl Decoder {
    pub(super) fn new(sample_rate: SampleRate, channels: Channels) -> Result<Self, CodecError> {
        let mut code = OPUS_OK;
        // SAFETY: any values may be passed; `code` is a live `i32`.
        let state =
            unsafe { opus_decoder_create(sample_rate.hz() as i32, channels.count() as i32, &mut code) };
        let state = NonNull::new(state).ok_or(CodecError::Refused(code))?;
        Ok(Self { state, channels: channels.count() })
    }
}

impl PacketDecoder for Decoder {
    fn decode(&mut self, packet: &[u8], pcm: &mut Vec<i16>) -> Result<(), CodecError> {
        pcm.clear();
        let bytes = i32::try_from(packet.len()).map_err(|_| CodecError::InvalidPacket)?;
        if bytes == 0 {
            // libopus takes this for a lost packet.
            return Err(CodecError::InvalidPacket);
        }
        pcm.resize(PACKET_SAMPLES_MAX * self.channels, 0);
        // SAFETY: the state is live; `packet` holds `bytes` bytes, and `pcm` the named number of samples of each
        // channel.
        let decoded = unsafe {
            opus_decode(
                self.state.as_ptr(),
                packet.as_ptr(),
                bytes,
                pcm.as_mut_ptr(),
                PACKET_SAMPLES_MAX as i32,
                0,
            )
        };
        let decoded = length(decoded).inspect_err(|_| pcm.clear())?;
        pcm.truncate(decoded * self.channels);
        Ok(())
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: made by `opus_decoder_create`, and destroyed once.
        unsafe { opus_decoder_destroy(self.state.as_ptr()) };
    }
}

fn succeeded(code: i32) -> Result<(), CodecError> {
    if code == OPUS_OK { Ok(()) } else { Err(refused(code)) }
}

/// A length, or an error's code, which is negative.
fn length(returned: i32) -> Result<usize, CodecError> {
    usize::try_from(returned).map_err(|_| refused(returned))
}

fn refused(code: i32) -> CodecError {
    if code == OPUS_INVALID_PACKET { CodecError::InvalidPacket } else { CodecError::Refused(code) }
}
