//! The shell around the recording: finished blocks of both sides to disk.
//!
//! The file's header is right after every block, so what a `kill -9` costs is the block that was being gathered. A
//! new actor goes on in the same file.

use crate::call::{
    shared::{RecorderCommand, Shared},
    wav::{WavError, WavFormat, WavWriter},
};
use parking_lot::Mutex;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// Longest silence written for what is missing, samples: 10 min. What is missing is a stream that was lost, or blocks
/// that a slow disk had no room for.
const GAP_MAX: u64 = 10 * 60 * 8_000;

/// Runs until the call's books are closed.
pub(super) async fn run(shared: Arc<Shared>) {
    let Some(path) = shared.plan.recording.clone() else {
        drain(&shared).await;
        return;
    };
    if let Err(error) = record(&shared, path).await {
        let call = &shared.plan.call;
        tracing::error!(%call, %error, "the recording has failed; the call goes on without it");
        super::degraded(&shared, "recorder", error.to_string());
        drain(&shared).await;
    }
}

/// Why nothing is recorded any more.
#[derive(Debug, thiserror::Error)]
enum RecorderError {
    #[error(transparent)]
    Wav(#[from] WavError),
    #[error("the thread that writes the recording is gone")]
    Thread(#[from] tokio::task::JoinError),
}

async fn record(shared: &Arc<Shared>, path: PathBuf) -> Result<(), RecorderError> {
    loop {
        let command = shared.recorder.recv().await;
        // What was taken is written even if this actor is killed now: the thread finishes, and the next actor's
        // thread waits for the file.
        let (shared_file, path) = (Arc::clone(&shared.recording), path.clone());
        let written = tokio::task::spawn_blocking(move || write(&shared_file, &path, command));
        let (frames, finished) = written.await??;
        *shared.recorded.lock() = Some(frames);
        if finished {
            return Ok(());
        }
    }
}

/// Carries one command out on the call's file, which is opened for the first; gives its length and whether that was
/// the last.
fn write(
    file: &Mutex<Option<WavWriter>>,
    path: &Path,
    command: RecorderCommand,
) -> Result<(u64, bool), WavError> {
    let mut file = file.lock();
    let writer = match &mut *file {
        Some(writer) => writer,
        none => none.insert(WavWriter::resume(path, WavFormat::CALL)?),
    };
    match command {
        RecorderCommand::Block { start, stereo } => {
            let missing = start.saturating_sub(writer.frames()).min(GAP_MAX);
            for gap in chunks(missing) {
                writer.append(&vec![0; gap * 2])?;
            }
            writer.append(&stereo)?;
            Ok((writer.frames(), false))
        }
        RecorderCommand::Finish => {
            writer.sync()?;
            Ok((writer.frames(), true))
        }
    }
}

/// A length in pieces of at most a second.
fn chunks(samples: u64) -> impl Iterator<Item = usize> {
    let pieces = samples.div_ceil(8_000);
    (0..pieces).map(move |piece| usize::try_from((samples - piece * 8_000).min(8_000)).unwrap_or_default())
}

/// Takes blocks that nobody writes, until the books are closed.
async fn drain(shared: &Shared) {
    while !matches!(shared.recorder.recv().await, RecorderCommand::Finish) {
        metrics::counter!("tandem_recording_blocks_dropped_total").increment(1);
    }
}
