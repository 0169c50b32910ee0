//! Writes a recording. Every page is whole when it is written and holds at most a second, so a file that is cut off at
//! any place can be read up to its last second.

use crate::{
    codec::{self, CodecError, EncoderSettings, FrameEncoder},
    head::Head,
    page::{Flags, PageBuilder},
    tags::Tags,
};
use std::io::{self, Write};

/// Packets of 20 ms on a page: one second, the most that RFC 7845 (section 3) recommends.
const PAGE_PACKETS: usize = 50;

/// Why a recording could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The codec refused the settings or a frame.
    #[error("failed to encode")]
    Codec(#[from] CodecError),
    /// A tag cannot be called that.
    #[error("`{0}` cannot be the name of a tag")]
    TagName(String),
    /// The tags do not fit on a page: 65,024 bytes.
    #[error("the tags take more than 64 KiB")]
    TagsTooLong,
    /// The sink failed.
    #[error("failed to write the recording")]
    Io(#[from] io::Error),
}

/// Encodes samples into an Ogg/Opus stream.
///
/// Dropped without [`Writer::finish`], it leaves a stream that ends with the last whole second.
pub struct Writer<W> {
    sink: W,
    settings: EncoderSettings,
    encoder: Box<dyn FrameEncoder>,
    page: PageBuilder,
    /// Less than a frame that has not been encoded yet.
    pending: Vec<i16>,
    packet: Vec<u8>,
    /// Frames encoded.
    frames: u64,
    /// Samples that were given in, over all channels.
    samples: u64,
}

impl<W: Write> Writer<W> {
    /// Begins a stream in `sink`: writes both headers. `serial` tells the stream from others that are ever put
    /// into the same file.
    ///
    /// # Errors
    /// When the settings or the tags cannot be used, or the sink fails.
    pub fn new(mut sink: W, settings: EncoderSettings, serial: u32, tags: &Tags) -> Result<Self, WriteError> {
        let encoder = codec::encoder(&settings)?;
        let head = Head {
            channels: settings.channels,
            pre_skip: u16::try_from(encoder.lookahead() as u64 * settings.sample_rate.granules())
                .unwrap_or(u16::MAX),
            input_rate_hz: settings.sample_rate.hz(),
            gain_q8: 0,
        };
        let mut page = PageBuilder::new(serial);
        page.push(&head.to_bytes());
        page.write(&mut sink, Flags::FIRST, 0)?;
        page.push(&tags.to_bytes()?);
        page.write(&mut sink, Flags::NONE, 0)?;
        let pending = Vec::with_capacity(settings.frame_samples());
        Ok(Self { sink, settings, encoder, page, pending, packet: Vec::new(), frames: 0, samples: 0 })
    }

    /// Adds samples, channels in turn, as many as there are: a call may end anywhere, also between left and right.
    ///
    /// # Errors
    /// When they cannot be encoded, or the sink fails.
    pub fn write(&mut self, samples: &[i16]) -> Result<(), WriteError> {
        self.samples += samples.len() as u64;
        let frame = self.settings.frame_samples();
        let mut rest = samples;
        if !self.pending.is_empty() {
            let (head, tail) = rest.split_at(rest.len().min(frame - self.pending.len()));
            self.pending.extend_from_slice(head);
            rest = tail;
            if self.pending.len() < frame {
                return Ok(());
            }
            self.encode_pending()?;
        }
        let frames = rest.chunks_exact(frame);
        self.pending.extend_from_slice(frames.remainder());
        for frame in frames {
            self.encoder.encode(frame, &mut self.packet)?;
            self.put_packet()?;
        }
        Ok(())
    }

    /// Ends the stream, to the sample where the input ended, and gives the sink back. A left sample without a right
    /// one gets silence for it.
    ///
    /// # Errors
    /// When the rest cannot be encoded, or the sink fails.
    pub fn finish(mut self) -> Result<W, WriteError> {
        let frame = self.settings.frame_samples();
        let channels = self.settings.channels.count();
        let per_channel = (frame / channels) as u64;
        // What the decoder is to give: it runs behind by the lookahead.
        let wanted = self.samples.div_ceil(channels as u64) + self.encoder.lookahead() as u64;
        while self.frames * per_channel < wanted {
            self.pending.resize(frame, 0);
            self.encode_pending()?;
        }
        let end = wanted * self.settings.sample_rate.granules();
        self.page.write(&mut self.sink, Flags::LAST, end)?;
        self.sink.flush()?;
        Ok(self.sink)
    }

    fn encode_pending(&mut self) -> Result<(), WriteError> {
        self.encoder.encode(&self.pending, &mut self.packet)?;
        self.pending.clear();
        self.put_packet()
    }

    /// Puts the packet on a page. The page before it is written only now, so that the last is never empty.
    fn put_packet(&mut self) -> Result<(), WriteError> {
        if self.page.packets() == PAGE_PACKETS || !self.page.takes(self.packet.len()) {
            // 20 ms are 960 samples at 48 kHz.
            self.page.write(&mut self.sink, Flags::NONE, self.frames * 960)?;
        }
        self.page.push(&self.packet);
        self.frames += 1;
        Ok(())
    }
}
