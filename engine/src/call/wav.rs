//! A WAV file that survives its writer: 16-bit PCM whose header is valid after every append.
//!
//! Each append writes the samples first and the two size fields after them, so a process killed at any moment
//! leaves a file that every player reads, whose content is what had been appended but for the last append.
//! [`WavWriter::resume`] repairs the sizes and goes on. [`WavReader`] reads such a file whatever its sizes say.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

#[cfg(test)]
mod tests;

const HEADER: u64 = 44;
const RIFF_SIZE_AT: u64 = 4;
const DATA_SIZE_AT: u64 = 40;
/// What the RIFF size counts besides the samples.
const RIFF_OVERHEAD: u32 = 36;
/// Largest content: the RIFF size is 32 bits wide. 37 hours of stereo at 8 kHz.
const DATA_MAX: u64 = (u32::MAX - RIFF_OVERHEAD) as u64;
/// Bytes read at once: a second of a call.
const READ_AT_ONCE: u64 = 32_000;

/// Why a recording could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WavError {
    /// The file could not be made or opened.
    #[error("failed to open the recording {path}")]
    Open {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file holds something else.
    #[error("{path} is not a recording with {channels} channels at {sample_rate} Hz")]
    Foreign {
        /// Which.
        path: PathBuf,
        /// What was expected.
        channels: u16,
        /// What was expected, in Hz.
        sample_rate: u32,
    },
    /// Samples or header could not be written; what was appended before stands.
    #[error("failed to write the recording")]
    Write(#[source] io::Error),
    /// The file is as large as a WAV file can be.
    #[error("the recording has reached the largest size of a WAV file")]
    Full,
    /// The samples could not be read.
    #[error("failed to read the recording")]
    Read(#[source] io::Error),
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WavFormat {
    /// 1 or 2.
    pub channels: u16,
    /// In Hz.
    pub sample_rate: u32,
}

impl WavFormat {
    /// What Tandem records: caller left, assistant right, 8 kHz.
    pub const CALL: Self = Self { channels: 2, sample_rate: 8_000 };

    const fn frame(self) -> u64 {
        self.channels as u64 * 2
    }

    fn header(self, data: u32) -> [u8; HEADER as usize] {
        let mut header = [0; HEADER as usize];
        let mut rest = &mut header[..];
        let mut put = |field: &[u8]| {
            let (head, tail) = std::mem::take(&mut rest).split_at_mut(field.len());
            head.copy_from_slice(field);
            rest = tail;
        };
        put(b"RIFF");
        put(&(data + RIFF_OVERHEAD).to_le_bytes());
        put(b"WAVEfmt ");
        put(&16_u32.to_le_bytes());
        put(&1_u16.to_le_bytes());
        put(&self.channels.to_le_bytes());
        put(&self.sample_rate.to_le_bytes());
        put(&(self.sample_rate * self.frame() as u32).to_le_bytes());
        put(&(self.frame() as u16).to_le_bytes());
        put(&16_u16.to_le_bytes());
        put(b"data");
        put(&data.to_le_bytes());
        header
    }

    /// Whether this is the header of such a file, whatever its sizes say.
    fn is_in(self, header: &[u8; HEADER as usize]) -> bool {
        let mut expected = self.header(0);
        for at in [RIFF_SIZE_AT as usize, DATA_SIZE_AT as usize] {
            expected[at..at + 4].copy_from_slice(&header[at..at + 4]);
        }
        *header == expected
    }
}

/// Appends samples to a WAV file.
#[derive(Debug)]
pub struct WavWriter<F = File> {
    file: F,
    format: WavFormat,
    /// Bytes of samples.
    data: u64,
    bytes: Vec<u8>,
}

impl WavWriter {
    /// Makes a new, empty recording. It appears under its name only once its header is whole; a file that was
    /// there before is replaced.
    ///
    /// # Errors
    /// When the folder does not exist or cannot be written to.
    pub fn create(path: &Path, format: WavFormat) -> Result<Self, WavError> {
        let open_error = |source| WavError::Open { path: path.to_owned(), source };
        let unfinished = path.with_extension("wav.part");
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&unfinished)
            .map_err(open_error)?;
        file.write_all(&format.header(0)).map_err(WavError::Write)?;
        std::fs::rename(&unfinished, path).map_err(open_error)?;
        Ok(Self::over(file, format))
    }

    /// Goes on with a recording whose writer is gone; makes a new one if there is none. All whole frames that
    /// reached the file count, whatever its header says; half a frame at its end is cut off.
    ///
    /// # Errors
    /// When the file cannot be opened or written to, or is of another format.
    pub fn resume(path: &Path, format: WavFormat) -> Result<Self, WavError> {
        let open_error = |source| WavError::Open { path: path.to_owned(), source };
        let mut file = match File::options().read(true).write(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Self::create(path, format),
            Err(error) => return Err(open_error(error)),
        };
        let length = file.metadata().map_err(open_error)?.len();
        if length < HEADER {
            return Self::create(path, format);
        }
        let mut header = [0; HEADER as usize];
        file.read_exact(&mut header).map_err(open_error)?;
        if !format.is_in(&header) {
            return Err(foreign(path, format));
        }
        let data = (length - HEADER).min(DATA_MAX);
        let mut writer = Self { data: data - data % format.frame(), ..Self::over(file, format) };
        writer.file.set_len(HEADER + writer.data).map_err(WavError::Write)?;
        writer.write_sizes()?;
        Ok(writer)
    }

    /// Waits until everything is on the disk; for the end of a call.
    ///
    /// # Errors
    /// When the system could not write it.
    pub fn sync(&self) -> Result<(), WavError> {
        self.file.sync_all().map_err(WavError::Write)
    }
}

impl<F: Write + Seek> WavWriter<F> {
    fn over(file: F, format: WavFormat) -> Self {
        Self { file, format, data: 0, bytes: Vec::new() }
    }

    /// Appends samples, channels in turn. After an error the recording stands as it was before; the same
    /// samples may be tried again.
    ///
    /// # Errors
    /// When they cannot be written or the file is full.
    pub fn append(&mut self, samples: &[i16]) -> Result<(), WavError> {
        debug_assert!(samples.len().is_multiple_of(usize::from(self.format.channels)), "whole frames");
        self.bytes.clear();
        self.bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
        let data = self.data + self.bytes.len() as u64;
        if data > DATA_MAX {
            return Err(WavError::Full);
        }
        self.file.seek(SeekFrom::Start(HEADER + self.data)).map_err(WavError::Write)?;
        self.file.write_all(&self.bytes).map_err(WavError::Write)?;
        self.data = data;
        self.write_sizes()
    }

    /// Length in frames.
    #[must_use]
    pub const fn frames(&self) -> u64 {
        self.data / self.format.frame()
    }

    /// Length in milliseconds.
    #[must_use]
    pub const fn duration_ms(&self) -> u64 {
        self.frames() * 1_000 / self.format.sample_rate as u64
    }

    fn write_sizes(&mut self) -> Result<(), WavError> {
        // Below DATA_MAX, hence within 32 bits.
        let data = self.data as u32;
        for (at, size) in [(RIFF_SIZE_AT, data + RIFF_OVERHEAD), (DATA_SIZE_AT, data)] {
            self.file.seek(SeekFrom::Start(at)).map_err(WavError::Write)?;
            self.file.write_all(&size.to_le_bytes()).map_err(WavError::Write)?;
        }
        Ok(())
    }
}

/// Reads the samples of a recording in order.
#[derive(Debug)]
pub struct WavReader {
    file: BufReader<File>,
    /// Bytes of whole frames that are left, as the file was when it was opened.
    left: u64,
    bytes: Vec<u8>,
}

impl WavReader {
    /// Opens a recording. As for [`WavWriter::resume`], all whole frames that reached the file count.
    ///
    /// # Errors
    /// When the file cannot be opened, is shorter than a header, or is of another format.
    pub fn open(path: &Path, format: WavFormat) -> Result<Self, WavError> {
        let open_error = |source| WavError::Open { path: path.to_owned(), source };
        let mut file = File::open(path).map_err(open_error)?;
        let length = file.metadata().map_err(open_error)?.len();
        let mut header = [0; HEADER as usize];
        file.read_exact(&mut header).map_err(open_error)?;
        if !format.is_in(&header) {
            return Err(foreign(path, format));
        }
        let data = length.saturating_sub(HEADER).min(DATA_MAX);
        Ok(Self { file: BufReader::new(file), left: data - data % format.frame(), bytes: Vec::new() })
    }

    /// Replaces `samples` by the next ones, channels in turn: a second of stereo or less, none after the last.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn read(&mut self, samples: &mut Vec<i16>) -> Result<(), WavError> {
        samples.clear();
        let wanted = self.left.min(READ_AT_ONCE);
        self.bytes.resize(wanted as usize, 0);
        self.file.read_exact(&mut self.bytes).map_err(WavError::Read)?;
        self.left -= wanted;
        samples.extend(self.bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])));
        Ok(())
    }
}

fn foreign(path: &Path, format: WavFormat) -> WavError {
    let WavFormat { channels, sample_rate } = format;
    WavError::Foreign { path: path.to_owned(), channels, sample_rate }
}
