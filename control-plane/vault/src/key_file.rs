//! The file that holds the key-encryption keys where the configuration holds none: one key a line, the last one wraps.

use crate::{KeyRing, KeyRingError, VaultError, new_key};
use engine::provider::Secret;
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// Nobody but the owner reads the file.
const MODE: u32 = 0o600;

/// The beginning of a new file.
const HEADER: &str = "\
# Key-encryption keys of this installation, one a line. The last one wraps; the others only open what they wrapped.
# Keep a copy of this file somewhere else: without it no secret in the database can be read again.
";

/// Why the keys could not be read from their file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// The file could not be read or made.
    #[error("{doing} the key file {}", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What is in the file is not what should be.
    #[error("the key file {} is of no use", path.display())]
    Ring {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: KeyRingError,
    },
    /// No key could be made.
    #[error("making a key")]
    NoKey(#[source] VaultError),
}

impl KeyRing {
    /// The keys of a file that somebody put there.
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub fn read(path: &Path) -> Result<Self, KeyFileError> {
        let io = |source| KeyFileError::Io { doing: "reading", path: path.to_owned(), source };
        let text = Zeroizing::new(fs::read_to_string(path).map_err(io)?);
        if fs::metadata(path).map_err(io)?.mode() & 0o077 != 0 {
            tracing::warn!(
                path = %path.display(),
                "others on this machine may read the key file; allow it to its owner only (chmod 600)"
            );
        }
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self::new(&lines.map(Secret::new).collect::<Vec<_>>())
            .map_err(|source| KeyFileError::Ring { path: path.to_owned(), source })
    }

    /// The keys of a file, which is made with a new key if it is not there.
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub fn read_or_create(path: &Path) -> Result<Self, KeyFileError> {
        match fs::exists(path) {
            Ok(true) => {}
            Ok(false) => create(path)?,
            Err(source) => {
                return Err(KeyFileError::Io { doing: "looking for", path: path.to_owned(), source });
            }
        }
        Self::read(path)
    }
}

/// Makes the file whole or not at all, and never in the place of one that is there.
fn create(path: &Path) -> Result<(), KeyFileError> {
    let key = new_key().map_err(KeyFileError::NoKey)?;
    let io = |source| KeyFileError::Io { doing: "making", path: path.to_owned(), source };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(io)?;
    let draft = path.with_extension(store::new_id("new"));
    let written = write(&draft, &key).and_then(|()| match fs::hard_link(&draft, path) {
        // Another process was first; its key counts.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        linked => linked.map(|()| true),
    });
    if let Err(error) = fs::remove_file(&draft) {
        tracing::warn!(path = %draft.display(), %error, "a copy of the new key stays behind; delete it");
    }
    let is_new = written.map_err(io)?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)?;
    if is_new {
        tracing::warn!(
            path = %path.display(),
            "made a key that protects all stored credentials: back the file up, apart from the database; without it they are lost"
        );
    }
    Ok(())
}

fn write(path: &Path, key: &Secret) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(path)?;
    file.write_all(HEADER.as_bytes())?;
    file.write_all(key.reveal().as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}
