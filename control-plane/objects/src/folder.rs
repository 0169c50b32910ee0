//! Objects as files below a root. A file appears under its name only when it is complete and on the disk.

use crate::{
    Key, Link, Links, LocalFile, Object, ObjectError, ObjectFuture, ObjectInfo, ObjectStore, PlaceKind,
};
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, stream};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use std::{
    fs::{self, File},
    io::{self, ErrorKind, Read, SeekFrom, Write},
    ops::Range,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};
use tokio::{
    io::{AsyncReadExt, AsyncSeekExt},
    task::spawn_blocking,
};
use url::Url;

#[cfg(test)]
mod tests;

/// Bytes read at once.
const PIECE: usize = 64 * 1024;

/// A folder.
#[derive(Clone, Debug)]
pub struct Folder {
    root: PathBuf,
    links: Links,
}

impl Folder {
    /// Objects below `root`, which is made when it is needed.
    #[must_use]
    pub fn new(root: PathBuf, links: Links) -> Self {
        Self { root, links }
    }

    fn path(&self, key: &Key) -> PathBuf {
        self.root.join(key.as_str())
    }
}

impl ObjectStore for Folder {
    fn kind(&self) -> PlaceKind {
        PlaceKind::Folder
    }

    fn put<'a>(&'a self, key: &'a Key, file: &'a LocalFile) -> ObjectFuture<'a, ()> {
        let (to, file) = (self.path(key), file.clone());
        on_a_thread(
            "storing a file",
            move || if is_same(&file.path, &to) { Ok(()) } else { copy(&file, &to) },
        )
        .boxed()
    }

    fn get<'a>(&'a self, key: &'a Key, range: Option<Range<u64>>) -> ObjectFuture<'a, Object> {
        open(self.path(key), range).boxed()
    }

    fn head<'a>(&'a self, key: &'a Key) -> ObjectFuture<'a, Option<ObjectInfo>> {
        let path = self.path(key);
        async move {
            match tokio::fs::metadata(&path).await {
                Ok(file) if file.is_file() => Ok(Some(ObjectInfo { length: file.len(), media_type: None })),
                Ok(_) => Ok(None),
                Err(source) if is_missing(&source) => Ok(None),
                Err(source) => Err(ObjectError::File { doing: "look at", path, source }),
            }
        }
        .boxed()
    }

    fn delete<'a>(&'a self, key: &'a Key) -> ObjectFuture<'a, ()> {
        let path = self.path(key);
        on_a_thread("deleting a file", move || match fs::remove_file(&path) {
            Ok(()) => sync_folder_of(&path),
            Err(source) if is_missing(&source) => Ok(()),
            Err(source) => Err(ObjectError::File { doing: "delete", path, source }),
        })
        .boxed()
    }

    fn signed_url(&self, key: &Key, link: &Link, now: Timestamp) -> Result<Url, ObjectError> {
        self.links.make(key, link, now)
    }

    fn local_path(&self, key: &Key) -> Option<PathBuf> {
        Some(self.path(key))
    }
}

async fn on_a_thread<T: Send + 'static>(
    doing: &'static str,
    work: impl FnOnce() -> Result<T, ObjectError> + Send + 'static,
) -> Result<T, ObjectError> {
    let gone = |error| ObjectError::Unavailable { doing, cause: format!("its thread is gone: {error}") };
    spawn_blocking(work).await.map_err(gone)?
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// Whether both are the same file, by whichever way they are reached.
fn is_same(one: &Path, other: &Path) -> bool {
    matches!((fs::canonicalize(one), fs::canonicalize(other)), (Ok(one), Ok(other)) if one == other)
}

fn copy(file: &LocalFile, to: &Path) -> Result<(), ObjectError> {
    // A name of its own for every attempt: another process may be at the same object.
    static ATTEMPTS: AtomicU64 = AtomicU64::new(0);
    let attempt = ATTEMPTS.fetch_add(1, Ordering::Relaxed);
    let folder = to.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(failed("make", folder))?;
    let mut name = to.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}-{attempt}.part", std::process::id()));
    let part = to.with_file_name(name);
    let copied = fill(file, &part).and_then(|()| fs::rename(&part, to).map_err(failed("rename", &part)));
    if copied.is_err() {
        // It does no harm if it stays.
        drop(fs::remove_file(&part));
    }
    copied?;
    sync_folder_of(to)
}

fn fill(file: &LocalFile, part: &Path) -> Result<(), ObjectError> {
    let mut from = File::open(&file.path).map_err(failed("open", &file.path))?;
    let mut to = File::create(part).map_err(failed("make", part))?;
    let (mut hash, mut length, mut piece) = (Sha256::new(), 0, vec![0; PIECE]);
    loop {
        let read = from.read(&mut piece).map_err(failed("read", &file.path))?;
        if read == 0 {
            break;
        }
        hash.update(&piece[..read]);
        length += read as u64;
        to.write_all(&piece[..read]).map_err(failed("write", part))?;
    }
    if length != file.length || crate::object::hex(&hash.finalize()) != file.sha256 {
        return Err(ObjectError::Changed { path: file.path.clone() });
    }
    to.sync_all().map_err(failed("store", part))
}

/// Makes what happened to the name durable.
fn sync_folder_of(path: &Path) -> Result<(), ObjectError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed("store", folder))
}

fn failed<'a>(doing: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> ObjectError + 'a {
    move |source| ObjectError::File { doing, path: path.to_owned(), source }
}

async fn open(path: PathBuf, range: Option<Range<u64>>) -> Result<Object, ObjectError> {
    let mut file = match tokio::fs::File::open(&path).await {
        Ok(file) => file,
        Err(source) if is_missing(&source) => return Err(ObjectError::Missing),
        Err(source) => return Err(ObjectError::File { doing: "open", path, source }),
    };
    let length = file.metadata().await.map_err(failed("look at", &path))?.len();
    let range = range.map_or(0..length, |range| range.start.min(length)..range.end.min(length));
    file.seek(SeekFrom::Start(range.start)).await.map_err(failed("read", &path))?;
    let left = range.end.saturating_sub(range.start);
    let body = stream::try_unfold((file, left, path), async |(mut file, left, path)| {
        if left == 0 {
            return Ok(None);
        }
        let wanted = usize::try_from(left).map_or(PIECE, |left| left.min(PIECE));
        let mut piece = vec![0; wanted];
        let read = file.read(&mut piece).await.map_err(failed("read", &path))?;
        if read == 0 {
            return Err(ObjectError::Changed { path });
        }
        piece.truncate(read);
        Ok(Some((Bytes::from(piece), (file, left.saturating_sub(read as u64), path))))
    });
    Ok(Object { length, range, body: body.boxed() })
}
