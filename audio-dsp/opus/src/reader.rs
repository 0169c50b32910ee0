//! Reads a recording back: the whole, or from any millisecond on, exact to the sample.
//!
//! A file that was cut off is read up to its last whole page. Bytes behind the last page are ignored; damage before it
//! is an error that names the place. No file can make it panic, or take more memory than two pages, the tags and a
//! packet.

use crate::{
    codec::{self, Channels, CodecError, PACKET_BYTES_MAX, PacketDecoder, SampleRate},
    head::Head,
    page::{Page, Pages},
    tags::Tags,
};
use std::{
    fmt,
    io::{self, Read, Seek},
};

mod locate;

/// Decoded and thrown away before a place that was sought, until the decoder no longer shows that it did not hear what
/// came before: half a second at 48 kHz. RFC 7845 (section 4.6) asks for 80 ms at least; the long-term prediction of a
/// sustained vowel remembers longer, and the rest costs a millisecond.
const PRE_ROLL: u64 = 24_000;
/// Longest tags that are read. Pictures may be in them; recordings have none.
const TAGS_BYTES_MAX: usize = 1 << 20;

/// Why a recording cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The source failed.
    #[error("failed to read the recording")]
    Io(#[from] io::Error),
    /// It does not begin with a page of Ogg.
    #[error("the file is not Ogg")]
    NotOgg,
    /// The Ogg stream holds something else.
    #[error("the stream is not Opus")]
    NotOpus,
    /// A later version of the format.
    #[error("version {0} of Ogg/Opus is not known")]
    Version(u8),
    /// More than left and right.
    #[error("{channels} channels in mapping family {family} are not supported")]
    Mapping {
        /// The channel mapping family.
        family: u8,
        /// How many channels.
        channels: u8,
    },
    /// The tags are cut off or damaged.
    #[error("the tags cannot be read")]
    Tags,
    /// A page is missing or damaged; behind it there are good ones, which [`Reader::seek`] may reach.
    #[error("the recording is damaged at byte {offset}")]
    Damaged {
        /// Where, from the start of the file.
        offset: u64,
    },
    /// A packet is longer than one of Opus can be.
    #[error("a packet is longer than one of Opus can be")]
    PacketTooLong,
    /// A packet cannot be decoded.
    #[error("failed to decode a packet")]
    Codec(#[from] CodecError),
}

/// An Ogg/Opus stream, decoded at the rate it was recorded at.
pub struct Reader<R> {
    pages: Pages<R>,
    serial: u32,
    head: Head,
    tags: Tags,
    decoder: Box<dyn PacketDecoder>,
    /// Where the pages of audio begin in the file.
    start: u64,
    end: locate::End,
    cursor: Cursor,
    /// Where the next packet begins, in samples at 48 kHz since the first that the decoder ever gives.
    position: u64,
    /// Nothing before this is given out.
    wanted: u64,
    pcm: Vec<i16>,
}

/// Which packet is next.
#[derive(Debug, Default)]
struct Cursor {
    page: Option<Page>,
    /// The page's next segment, and where it begins.
    segment: usize,
    byte: usize,
    /// The packet, as far as it has been gathered.
    packet: Vec<u8>,
    /// Where the next page begins in the file.
    next_page: u64,
    /// Its number, if one was read before it.
    next_sequence: Option<u32>,
}

impl<R: Read + Seek> Reader<R> {
    /// Reads both headers and finds the end.
    ///
    /// # Errors
    /// When it is not Ogg/Opus in mono or stereo, or the headers are cut off.
    pub fn open(source: R) -> Result<Self, ReadError> {
        let mut pages = Pages::new(source)?;
        let first = pages.page_at(0)?.filter(Page::is_first).ok_or(ReadError::NotOgg)?;
        let head = Head::parse(&first.body)?;
        let serial = first.serial;
        let mut cursor = Cursor {
            next_page: first.file_len(),
            next_sequence: Some(first.sequence.wrapping_add(1)),
            ..Cursor::default()
        };
        let len = pages.len();
        match cursor.read_packet(&mut pages, serial, len, TAGS_BYTES_MAX) {
            Ok(true) => {}
            Ok(false) | Err(ReadError::Damaged { .. } | ReadError::PacketTooLong) => {
                return Err(ReadError::Tags);
            }
            Err(error) => return Err(error),
        }
        let tags = Tags::parse(&cursor.packet)?;
        let start = cursor.next_page;
        let end = locate::end(&mut pages, serial, start, u64::from(head.pre_skip))?;
        let decoder = codec::decoder(head.sample_rate(), head.channels)?;
        let mut reader = Self {
            pages,
            serial,
            head,
            tags,
            decoder,
            start,
            end,
            cursor: Cursor::default(),
            position: 0,
            wanted: u64::from(head.pre_skip),
            pcm: Vec::new(),
        };
        reader.cursor.next_page = start;
        Ok(reader)
    }

    /// What is said about the recording.
    pub const fn tags(&self) -> &Tags {
        &self.tags
    }

    /// Mono or stereo.
    pub const fn channels(&self) -> Channels {
        self.head.channels
    }

    /// The rate of the samples that are given out: that of the recording, or 48 kHz if Opus has no such rate.
    pub fn sample_rate(&self) -> SampleRate {
        self.head.sample_rate()
    }

    /// Length in samples of each channel.
    pub fn len_samples(&self) -> u64 {
        self.end.granule.saturating_sub(u64::from(self.head.pre_skip)) / self.sample_rate().granules()
    }

    /// Length in ms, rounded down.
    pub fn duration_ms(&self) -> u64 {
        self.len_samples().saturating_mul(1_000) / u64::from(self.sample_rate().hz())
    }

    /// The next samples, channels in turn: at most 120 ms. `None` after the last.
    ///
    /// # Errors
    /// When the file is damaged here, or cannot be read. After an error only [`Reader::seek`] goes on.
    pub fn next_block(&mut self) -> Result<Option<&[i16]>, ReadError> {
        let granules = self.sample_rate().granules();
        let channels = self.head.channels.count();
        while self.position < self.end.granule {
            let more =
                self.cursor.read_packet(&mut self.pages, self.serial, self.end.offset, PACKET_BYTES_MAX)?;
            if !more {
                break;
            }
            self.decoder.decode(&self.cursor.packet, &mut self.pcm)?;
            let from = self.position;
            self.position += (self.pcm.len() / channels) as u64 * granules;
            let (begin, end) = (self.wanted.max(from), self.position.min(self.end.granule));
            let sample = |granule: u64| ((granule - from) / granules) as usize * channels;
            if begin < end && sample(begin) < sample(end) {
                let block = sample(begin)..sample(end);
                apply_gain(&mut self.pcm[block.clone()], self.head.gain_q8);
                return Ok(Some(&self.pcm[block]));
            }
        }
        Ok(None)
    }

    /// Goes on from this many ms after the start; beyond the end there is nothing.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn seek(&mut self, to_ms: u64) -> Result<(), ReadError> {
        self.seek_sample(to_ms.saturating_mul(u64::from(self.sample_rate().hz())) / 1_000)
    }

    /// Goes on from this sample of each channel.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn seek_sample(&mut self, sample: u64) -> Result<(), ReadError> {
        let pre_skip = u64::from(self.head.pre_skip);
        self.wanted = sample.saturating_mul(self.sample_rate().granules()).saturating_add(pre_skip);
        let goal = self.wanted.min(self.end.granule).saturating_sub(PRE_ROLL);
        let place = locate::page_before(&mut self.pages, self.serial, self.start, self.end.offset, goal)?;
        self.decoder = codec::decoder(self.head.sample_rate(), self.head.channels)?;
        self.cursor = Cursor { next_page: place.offset, ..Cursor::default() };
        self.position = place.granule;
        Ok(())
    }
}

impl<R> fmt::Debug for Reader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("head", &self.head).field("end", &self.end).finish_non_exhaustive()
    }
}

impl Cursor {
    /// Gathers the next packet of the stream from pages that end at or before `end`; false if there is none.
    fn read_packet<R: Read + Seek>(
        &mut self,
        pages: &mut Pages<R>,
        serial: u32,
        end: u64,
        bytes_max: usize,
    ) -> Result<bool, ReadError> {
        self.packet.clear();
        let mut begun = false;
        loop {
            while let Some(page) = &self.page
                && let Some(&length) = page.lacing.get(self.segment)
            {
                let next_byte = self.byte + usize::from(length);
                self.packet.extend_from_slice(&page.body[self.byte..next_byte]);
                (self.segment, self.byte, begun) = (self.segment + 1, next_byte, true);
                if self.packet.len() > bytes_max {
                    return Err(ReadError::PacketTooLong);
                }
                if length < 255 {
                    return Ok(true);
                }
            }
            let offset = self.next_page;
            if offset >= end {
                return Ok(false);
            }
            let page = pages.page_at(offset)?.ok_or(ReadError::Damaged { offset })?;
            self.next_page += page.file_len();
            if page.serial != serial {
                continue;
            }
            if page.is_continued() != begun || self.next_sequence.is_some_and(|next| next != page.sequence) {
                return Err(ReadError::Damaged { offset });
            }
            self.next_sequence = Some(page.sequence.wrapping_add(1));
            (self.page, self.segment, self.byte) = (Some(page), 0, 0);
        }
    }
}

/// Makes the samples louder or softer, as the header asks for; our own files ask for nothing.
fn apply_gain(samples: &mut [i16], gain_q8: i16) {
    if gain_q8 == 0 {
        return;
    }
    let factor = 10_f32.powf(f32::from(gain_q8) / (20.0 * 256.0));
    for sample in samples {
        // The cast saturates.
        *sample = (f32::from(*sample) * factor).round() as i16;
    }
}
