//! One WAV file to one Ogg file, which appears under its name only when it is complete and on the disk.

use audio_opus::{EncoderSettings, Tags, WriteError, Writer};
use engine::call::wav::{WavError, WavFormat, WavReader};
use std::{
    fs::{self, File},
    io::{self, BufWriter},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

/// Why there is no Ogg file.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConvertError {
    /// The WAV file cannot be read.
    #[error("failed to read the WAV file")]
    Wav(#[from] WavError),
    /// It was still being written.
    #[error("the WAV file has grown while it was read")]
    Grown,
    /// The audio could not be encoded or written.
    #[error("failed to write the Ogg file")]
    Ogg(#[from] WriteError),
    /// A file could not be made, stored, renamed or removed.
    #[error("failed to {doing} {path}")]
    File {
        /// What.
        doing: &'static str,
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Conversion {
    /// The Ogg file is there.
    Done {
        /// Its length.
        bytes: u64,
    },
    /// It was to stop; nothing has changed.
    GivenUp,
}

/// Converts, and then removes the WAV file unless it is to be kept. Until the Ogg file is complete, nothing changes
/// but for a file with the ending `ogg.part`, which the next attempt replaces.
pub(super) fn convert(
    wav: &Path,
    ogg: &Path,
    tags: &Tags,
    keep_wav: bool,
    stop: &AtomicBool,
) -> Result<Conversion, ConvertError> {
    let part = ogg.with_extension("ogg.part");
    let converted = encode(wav, &part, tags, stop);
    let Ok(Some(bytes)) = converted else {
        // Not made yet, or replaced by the next attempt: it does no harm if it stays.
        drop(fs::remove_file(&part));
        return converted.map(|_| Conversion::GivenUp);
    };
    fs::rename(&part, ogg).map_err(failed("rename", &part))?;
    if !keep_wav {
        // The new name first, or a power cut could leave neither.
        if let Some(folder) = ogg.parent() {
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed("store", folder))?;
        }
        fs::remove_file(wav).map_err(failed("remove", wav))?;
    }
    Ok(Conversion::Done { bytes })
}

/// The length of the Ogg file, or `None` if it was to stop.
fn encode(wav: &Path, part: &Path, tags: &Tags, stop: &AtomicBool) -> Result<Option<u64>, ConvertError> {
    let length = || fs::metadata(wav).map(|file| file.len()).map_err(failed("look at", wav));
    let before = length()?;
    let mut reader = WavReader::open(wav, WavFormat::CALL)?;
    let file = File::create(part).map_err(failed("make", part))?;
    // One stream to a file, so any serial number serves.
    let mut writer = Writer::new(BufWriter::new(file), EncoderSettings::CALL, 1, tags)?;
    let mut samples = Vec::new();
    loop {
        reader.read(&mut samples)?;
        if samples.is_empty() {
            break;
        }
        if stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        writer.write(&samples)?;
    }
    let file = writer.finish()?.into_inner().map_err(|error| WriteError::Io(error.into_error()))?;
    file.sync_all().map_err(failed("store", part))?;
    if length()? != before {
        return Err(ConvertError::Grown);
    }
    let bytes = file.metadata().map_err(failed("look at", part))?.len();
    Ok(Some(bytes))
}

fn failed<'a>(doing: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> ConvertError + 'a {
    move |source| ConvertError::File { doing, path: path.to_owned(), source }
}
