//! Writes a ZIP archive whose files are stored as they are (PKWARE APPNOTE 6.3.10, 4.3): audio and pictures do not get smaller.

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use std::{error::Error, io, path::Path};
use tokio::{
    fs::File,
    io::{AsyncSeekExt, AsyncWriteExt, SeekFrom},
};

/// Of which version a reader must be: files that are stored.
const VERSION: u16 = 10;
/// Names are UTF-8 (general purpose bit 11).
const UTF8: u16 = 1 << 11;
/// The first day that the format knows, 1980-01-01: the archive says itself when what was.
const DATE: u16 = 0x21;
/// Where the sum and sizes are in the head of a file.
const SUM_AT: u64 = 14;

/// The polynomial of the checksum, reflected.
const POLYNOMIAL: u32 = 0xEDB8_8320;

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        // It is below 256.
        let mut value = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { (value >> 1) ^ POLYNOMIAL } else { value >> 1 };
            bit += 1;
        }
        table[byte] = value;
        byte += 1;
    }
    table
};

fn crc32(sum: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(sum, |sum, byte| {
        let [low, ..] = sum.to_le_bytes();
        TABLE[usize::from(low ^ byte)] ^ (sum >> 8)
    })
}

/// Why a file is not in the archive.
#[derive(Debug, thiserror::Error)]
pub(super) enum ZipError {
    /// The archive cannot be written.
    #[error("the archive cannot be written")]
    File(#[from] io::Error),
    /// What is to go into it cannot be read.
    #[error("what is to go into the archive cannot be read")]
    Source(#[source] Box<dyn Error + Send + Sync>),
    /// The format has 32 bits for sizes and 16 for how many.
    #[error("the archive would be larger than the format allows")]
    TooLarge,
}

struct Entry {
    name: String,
    sum: u32,
    length: u32,
    at: u32,
}

/// An archive that is being written.
pub(super) struct Zip {
    file: File,
    at: u64,
    entries: Vec<Entry>,
}

impl Zip {
    pub(super) async fn create(path: &Path) -> Result<Self, ZipError> {
        Ok(Self { file: File::create(path).await?, at: 0, entries: Vec::new() })
    }

    /// How many more bytes fit; a quarter of a megabyte is left for the list at the end.
    pub(super) fn room(&self) -> u64 {
        let full = self.entries.len() >= usize::from(u16::MAX) - 1;
        if full { 0 } else { u64::from(u32::MAX).saturating_sub(self.at + 256 * 1024) }
    }

    /// Adds a file.
    pub(super) async fn add<S, E>(&mut self, name: &str, mut body: S) -> Result<(), ZipError>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
        E: Error + Send + Sync + 'static,
    {
        let begin = self.at;
        let at = u32::try_from(begin).map_err(|_| ZipError::TooLarge)?;
        let mut head = Vec::new();
        head.extend(0x0403_4B50_u32.to_le_bytes());
        common(&mut head, &Entry { name: name.to_owned(), sum: 0, length: 0, at })?;
        head.extend([0, 0]);
        head.extend(name.as_bytes());
        self.write(&head).await?;
        let (mut sum, begin_of_body) = (u32::MAX, self.at);
        while let Some(piece) = body.next().await {
            let piece = piece.map_err(|cause| ZipError::Source(Box::new(cause)))?;
            sum = crc32(sum, &piece);
            self.write(&piece).await?;
        }
        let length = u32::try_from(self.at - begin_of_body).map_err(|_| ZipError::TooLarge)?;
        let entry = Entry { name: name.to_owned(), sum: !sum, length, at };
        self.file.seek(SeekFrom::Start(begin + SUM_AT)).await?;
        let mut known = Vec::new();
        known.extend(entry.sum.to_le_bytes());
        known.extend(length.to_le_bytes());
        known.extend(length.to_le_bytes());
        self.file.write_all(&known).await?;
        self.file.seek(SeekFrom::Start(self.at)).await?;
        self.entries.push(entry);
        Ok(())
    }

    /// Ends the archive: it is whole and on the disk.
    pub(super) async fn finish(mut self) -> Result<(), ZipError> {
        let begin = self.at;
        let entries = std::mem::take(&mut self.entries);
        for entry in &entries {
            let mut line = Vec::new();
            line.extend(0x0201_4B50_u32.to_le_bytes());
            line.extend(VERSION.to_le_bytes());
            common(&mut line, entry)?;
            // No extra field, no comment, the first disk, no attributes.
            line.extend([0; 2 + 2 + 2 + 2 + 4]);
            line.extend(entry.at.to_le_bytes());
            line.extend(entry.name.as_bytes());
            self.write(&line).await?;
        }
        let small = |number: u64| u32::try_from(number).map_err(|_| ZipError::TooLarge);
        let count = u16::try_from(entries.len()).map_err(|_| ZipError::TooLarge)?;
        let mut end = Vec::new();
        end.extend(0x0605_4B50_u32.to_le_bytes());
        end.extend([0; 4]);
        end.extend(count.to_le_bytes());
        end.extend(count.to_le_bytes());
        end.extend(small(self.at - begin)?.to_le_bytes());
        end.extend(small(begin)?.to_le_bytes());
        end.extend([0; 2]);
        self.write(&end).await?;
        self.file.flush().await?;
        self.file.sync_all().await?;
        Ok(())
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), ZipError> {
        self.file.write_all(bytes).await?;
        self.at += bytes.len() as u64;
        Ok(())
    }
}

/// What the head of a file and its line in the list have in common, up to the length of the name.
fn common(to: &mut Vec<u8>, entry: &Entry) -> Result<(), ZipError> {
    let name = u16::try_from(entry.name.len()).map_err(|_| ZipError::TooLarge)?;
    to.extend(VERSION.to_le_bytes());
    to.extend(UTF8.to_le_bytes());
    // Stored.
    to.extend([0; 2]);
    to.extend([0; 2]);
    to.extend(DATE.to_le_bytes());
    to.extend(entry.sum.to_le_bytes());
    to.extend(entry.length.to_le_bytes());
    to.extend(entry.length.to_le_bytes());
    to.extend(name.to_le_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    #[test]
    fn the_checksum_is_that_of_the_format() {
        assert_eq!(!crc32(u32::MAX, b"123456789"), 0xCBF4_3926);
    }

    #[tokio::test]
    async fn another_program_reads_what_was_written() {
        let path = std::env::temp_dir().join(store::new_id("zip"));
        let mut zip = Zip::create(&path).await.unwrap();
        for (name, text) in [("person.json", "{}"), ("recordings/é.ogg", "OggS and more"), ("empty", "")] {
            let pieces =
                text.as_bytes().chunks(4).map(|piece| Ok::<_, Infallible>(Bytes::copy_from_slice(piece)));
            zip.add(name, futures_util::stream::iter(pieces.collect::<Vec<_>>())).await.unwrap();
        }
        zip.finish().await.unwrap();
        let script = "import sys,zipfile; z=zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; \
                      print([(i.filename,z.read(i).decode()) for i in z.infolist()])";
        let read = std::process::Command::new("python3").args(["-c", script]).arg(&path).output().unwrap();
        std::fs::remove_file(&path).unwrap();
        let said = String::from_utf8(read.stdout).unwrap();
        let expected = "[('person.json', '{}'), ('recordings/é.ogg', 'OggS and more'), ('empty', '')]";
        assert_eq!(said.trim(), expected, "{}", String::from_utf8_lossy(&read.stderr));
    }
}
