//! A file on its way out, and how one notices that it does not get on.

use crate::{LocalFile, ObjectError};
use bytes::Bytes;
use futures_util::stream;
use reqwest::Body;
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{fs::File, io::AsyncReadExt, time::sleep};

/// Bytes read at once.
const PIECE: u64 = 64 * 1024;

/// How far an upload has come.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress(Arc<State>);

#[derive(Debug, Default)]
struct State {
    pieces: AtomicU64,
    is_sent: AtomicBool,
    has_changed: AtomicBool,
}

impl Progress {
    /// Ends once nothing has moved for `idle`, or for `answer` after the last byte.
    pub(super) async fn stalled(&self, idle: Duration, answer: Duration) {
        let mut seen = u64::MAX;
        loop {
            let pieces = self.0.pieces.load(Ordering::Relaxed);
            let is_sent = pieces == 0 || self.0.is_sent.load(Ordering::Relaxed);
            if seen == pieces {
                return;
            }
            seen = pieces;
            sleep(if is_sent { answer } else { idle }).await;
        }
    }

    /// The file was not what it was measured to be.
    pub(super) fn has_changed(&self) -> bool {
        self.0.has_changed.load(Ordering::Relaxed)
    }
}

/// The file's content as a body of exactly the length that was measured.
pub(super) async fn body(file: &LocalFile, progress: Progress) -> Result<Body, ObjectError> {
    let failed = |source| ObjectError::File { doing: "open", path: file.path.clone(), source };
    if file.length == 0 {
        return Ok(Body::from(Bytes::new()));
    }
    let open = File::open(&file.path).await.map_err(failed)?;
    let pieces = stream::try_unfold((open, file.length), move |(mut open, left)| {
        let progress = progress.clone();
        async move {
            if left == 0 {
                return Ok(None);
            }
            progress.0.pieces.fetch_add(1, Ordering::Relaxed);
            // One byte more than is expected tells whether the file has grown.
            let mut piece = vec![0; usize::try_from(PIECE.min(left.saturating_add(1))).unwrap_or(1)];
            let read = open.read(&mut piece).await?;
            match left.checked_sub(read as u64) {
                Some(left) if read > 0 => {
                    progress.0.is_sent.store(left == 0, Ordering::Relaxed);
                    piece.truncate(read);
                    Ok(Some((Bytes::from(piece), (open, left))))
                }
                Some(_) | None => {
                    progress.0.has_changed.store(true, Ordering::Relaxed);
                    Err(io::Error::other("the file has changed"))
                }
            }
        }
    });
    Ok(Body::wrap_stream(pieces))
}
