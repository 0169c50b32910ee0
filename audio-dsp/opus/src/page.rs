//! Pages of Ogg (RFC 3533): written whole, and found again in a file that may be cut off or damaged.
//!
//! A page counts only if its checksum is right, so what a reader is given is what was written. Whatever a file holds, a
//! page takes at most [`PAGE_BYTES_MAX`] of memory.

use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};

#[cfg(test)]
mod tests;

const CAPTURE: &[u8; 4] = b"OggS";
/// Length of a page's header without its segment table.
const HEADER: usize = 27;
const CHECKSUM_AT: usize = 22;
const SEGMENTS_MAX: usize = 255;
/// Longest page: a full segment table of full segments.
pub(crate) const PAGE_BYTES_MAX: usize = HEADER + SEGMENTS_MAX + SEGMENTS_MAX * 255;
/// The longest packet that [`PageBuilder`] takes: it must end in the page that it begins in.
pub(crate) const OWN_PACKET_MAX: usize = SEGMENTS_MAX * 255 - 1;
/// Places in one search that may look like a page and be none: a quarter of an hour of damaged pages. Beyond it the rest
/// counts as holding none, or a file of nothing but capture patterns would cost a checksum of 64 KiB for each.
const CANDIDATES_MAX: usize = 1_024;

/// What a page says of its place in the stream (RFC 3533, section 6, header type).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flags(u8);

impl Flags {
    const CONTINUED: u8 = 1;
    /// Neither the first nor the last page.
    pub(crate) const NONE: Self = Self(0);
    /// The stream's first page.
    pub(crate) const FIRST: Self = Self(2);
    /// The stream's last page.
    pub(crate) const LAST: Self = Self(4);
}

/// A page whose checksum was right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    flags: u8,
    /// Where its last whole packet ends, in the codec's units; `None` if none ends on it.
    pub(crate) granule: Option<u64>,
    pub(crate) serial: u32,
    pub(crate) sequence: u32,
    /// Lengths of the segments. A packet goes on while they are 255.
    pub(crate) lacing: Vec<u8>,
    pub(crate) body: Vec<u8>,
}

impl Page {
    /// Whether it begins with the rest of a packet.
    pub(crate) const fn is_continued(&self) -> bool {
        self.flags & Flags::CONTINUED != 0
    }

    /// Whether its last packet ends on it.
    pub(crate) fn ends_whole(&self) -> bool {
        self.lacing.last().is_none_or(|&length| length < 255)
    }

    /// Whether it is the stream's first.
    pub(crate) const fn is_first(&self) -> bool {
        self.flags & Flags::FIRST.0 != 0
    }

    /// Length in the file, in bytes.
    pub(crate) fn file_len(&self) -> u64 {
        (HEADER + self.lacing.len() + self.body.len()) as u64
    }
}

/// Gathers whole packets and writes them as pages.
#[derive(Debug)]
pub(crate) struct PageBuilder {
    serial: u32,
    sequence: u32,
    lacing: Vec<u8>,
    body: Vec<u8>,
    packets: usize,
}

impl PageBuilder {
    pub(crate) const fn new(serial: u32) -> Self {
        Self { serial, sequence: 0, lacing: Vec::new(), body: Vec::new(), packets: 0 }
    }

    /// Packets gathered.
    pub(crate) const fn packets(&self) -> usize {
        self.packets
    }

    /// Whether a packet of this length ends on this page too.
    pub(crate) fn takes(&self, packet_len: usize) -> bool {
        self.lacing.len() + packet_len / 255 < SEGMENTS_MAX
    }

    /// Adds a packet that [`PageBuilder::takes`] was asked about.
    pub(crate) fn push(&mut self, packet: &[u8]) {
        debug_assert!(self.takes(packet.len()), "the packet ends on this page");
        self.lacing.extend(std::iter::repeat_n(255, packet.len() / 255));
        self.lacing.push((packet.len() % 255) as u8);
        self.body.extend_from_slice(packet);
        self.packets += 1;
    }

    /// Writes the page, whose last packet ends at `granule`, and begins the next.
    pub(crate) fn write(&mut self, sink: &mut impl Write, flags: Flags, granule: u64) -> io::Result<()> {
        let mut head = Vec::with_capacity(HEADER + self.lacing.len());
        head.extend_from_slice(CAPTURE);
        head.extend_from_slice(&[0, flags.0]);
        head.extend_from_slice(&granule.to_le_bytes());
        head.extend_from_slice(&self.serial.to_le_bytes());
        head.extend_from_slice(&self.sequence.to_le_bytes());
        head.extend_from_slice(&[0; 4]);
        // `takes` keeps it within a byte.
        head.push(self.lacing.len() as u8);
        head.extend_from_slice(&self.lacing);
        let checksum = checksum(checksum(0, &head), &self.body);
        head[CHECKSUM_AT..CHECKSUM_AT + 4].copy_from_slice(&checksum.to_le_bytes());
        sink.write_all(&head)?;
        sink.write_all(&self.body)?;
        self.sequence = self.sequence.wrapping_add(1);
        self.lacing.clear();
        self.body.clear();
        self.packets = 0;
        Ok(())
    }
}

/// Pages of a file.
#[derive(Debug)]
pub(crate) struct Pages<R> {
    source: BufReader<R>,
    /// Where the source is.
    at: u64,
    len: u64,
    /// Places that the present search took for a page in vain.
    candidates: usize,
}

impl<R: Read + Seek> Pages<R> {
    pub(crate) fn new(mut source: R) -> io::Result<Self> {
        let len = source.seek(SeekFrom::End(0))?;
        source.seek(SeekFrom::Start(0))?;
        Ok(Self { source: BufReader::new(source), at: 0, len, candidates: 0 })
    }

    /// Length of the file, in bytes, when it was opened.
    pub(crate) const fn len(&self) -> u64 {
        self.len
    }

    /// Begins a search, of however many calls of [`Pages::page_from`].
    pub(crate) const fn begin_search(&mut self) {
        self.candidates = 0;
    }

    /// The page that begins at `offset`; `None` if no whole and undamaged one does.
    pub(crate) fn page_at(&mut self, offset: u64) -> io::Result<Option<Page>> {
        let mut head = [0; HEADER];
        if !self.read_at(offset, &mut head)? || head[..4] != *CAPTURE || head[4] != 0 {
            return Ok(None);
        }
        let mut lacing = vec![0; usize::from(head[HEADER - 1])];
        if !self.read(&mut lacing)? {
            return Ok(None);
        }
        let mut body = vec![0; lacing.iter().map(|&length| usize::from(length)).sum()];
        if !self.read(&mut body)? {
            return Ok(None);
        }
        let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let expected = word(CHECKSUM_AT);
        let granule = u64::from(word(6)) | u64::from(word(10)) << 32;
        let page = Page {
            flags: head[5],
            // -1 says that no packet ends here; other negative ones are no place.
            granule: i64::try_from(granule).is_ok().then_some(granule),
            serial: word(14),
            sequence: word(18),
            lacing,
            body,
        };
        head[CHECKSUM_AT..CHECKSUM_AT + 4].fill(0);
        let found = checksum(checksum(checksum(0, &head), &page.lacing), &page.body);
        Ok((found == expected).then_some(page))
    }

    /// The first page that begins at or after `offset` and before `before`, and where it does.
    pub(crate) fn page_from(&mut self, offset: u64, before: u64) -> io::Result<Option<(u64, Page)>> {
        let mut window = [0; 4_096];
        let mut at = offset;
        while at < before && self.candidates < CANDIDATES_MAX {
            let wanted = usize::try_from(self.len - at.min(self.len))
                .map_or(window.len(), |left| left.min(window.len()));
            let read = &mut window[..wanted];
            if wanted < CAPTURE.len() || !self.read_at(at, read)? {
                return Ok(None);
            }
            let found = read.windows(CAPTURE.len()).position(|bytes| bytes == CAPTURE);
            let Some(found) = found else {
                // A capture pattern may lie across the border.
                at += (read.len() - (CAPTURE.len() - 1)) as u64;
                continue;
            };
            at += found as u64;
            if at >= before {
                return Ok(None);
            }
            if let Some(page) = self.page_at(at)? {
                return Ok(Some((at, page)));
            }
            self.candidates += 1;
            at += 1;
        }
        Ok(None)
    }

    /// False if the file ends before `bytes` is full.
    fn read_at(&mut self, offset: u64, bytes: &mut [u8]) -> io::Result<bool> {
        match (i64::try_from(offset), i64::try_from(self.at)) {
            (Ok(to), Ok(from)) => self.source.seek_relative(to - from)?,
            _ => return Ok(false),
        }
        self.at = offset;
        self.read(bytes)
    }

    fn read(&mut self, bytes: &mut [u8]) -> io::Result<bool> {
        if self.len.saturating_sub(self.at) < bytes.len() as u64 {
            return Ok(false);
        }
        match self.source.read_exact(bytes) {
            Ok(()) => {
                self.at += bytes.len() as u64;
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                // It has become shorter; where the source is now is not known.
                self.at = self.source.stream_position()?;
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}

/// Continues the checksum of RFC 3533, section 6: polynomial 0x04c11db7, most significant bit first, from 0.
fn checksum(before: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(before, |sum, &byte| sum << 8 ^ TABLE[usize::from((sum >> 24) as u8 ^ byte)])
}

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut sum = (byte as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            sum = sum << 1 ^ if sum >> 31 == 1 { 0x04c1_1db7 } else { 0 };
            bit += 1;
        }
        table[byte] = sum;
        byte += 1;
    }
    table
};
