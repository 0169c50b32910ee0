//! Says to other processes whether a database file is in use: a lock on a file beside it, shared by all that have the
//! database open, exclusive for the one that replaces it. The operating system lets go of it when the process ends.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
};

/// A held lock; dropping it lets go.
#[derive(Debug)]
pub(crate) struct FileLock {
    _file: File,
}

impl FileLock {
    /// Shares the lock of the database at `path` with others that have it open.
    pub(crate) fn shared(path: &Path) -> io::Result<Self> {
        let file = open(path)?;
        held(file.try_lock_shared())?;
        Ok(Self { _file: file })
    }

    /// Takes the lock of the database at `path` for itself.
    pub(crate) fn exclusive(path: &Path) -> io::Result<Self> {
        let file = open(path)?;
        held(file.try_lock())?;
        Ok(Self { _file: file })
    }
}

fn held(result: Result<(), TryLockError>) -> io::Result<()> {
    result.map_err(|error| match error {
        TryLockError::WouldBlock => {
            io::Error::new(io::ErrorKind::ResourceBusy, "another process has the database file open")
        }
        TryLockError::Error(error) => error,
    })
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(beside(path, "lock"))
}

/// The file beside `path` whose name has `suffix` added.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    PathBuf::from(name)
}
