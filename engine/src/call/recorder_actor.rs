//! The shell around the recording: finished blocks of both sides to disk.
//!
//! The file's header is right after every block, so what a `kill -9` costs is the block that was being gathered. A
//! new actor goes on in the same file.

use crate::call::{
    shared::{RecorderCommand, Shared},
    wav::{WavError, WavFormat, WavWriter},
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

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
    let mut command = None;
    loop {
        let (path, writer) = (path.clone(), Arc::clone(&shared.recording));
        let (frames, finished) =
            tokio::task::spawn_blocking(move || write(&path, &mut writer.lock(), command)).await??;
        *shared.recorded.lock() = Some(frames);
        if finished {
            return Ok(());
        }
        command = Some(shared.recorder.recv().await);
    }
}

/// Writes one block, or only opens the file. Says how many frames the recording has, and whether it is finished.
fn write(
    path: &Path,
    kept: &mut Option<WavWriter>,
    command: Option<RecorderCommand>,
) -> Result<(u64, bool), WavError> {
    // After a panic or an error the file is opened anew.
    let mut writer = match kept.take() {
        Some(writer) => writer,
        None => WavWriter::resume(path, WavFormat::CALL)?,
    };
    let finished = match command {
        Some(RecorderCommand::Block(block)) => {
            writer.append(&block)?;
            false
        }
        Some(RecorderCommand::Finish) => {
            writer.sync()?;
            true
        }
        None => false,
    };
    let frames = writer.frames();
    *kept = Some(writer);
    Ok((frames, finished))
}

/// Takes blocks that nobody writes, until the books are closed.
async fn drain(shared: &Shared) {
    while !matches!(shared.recorder.recv().await, RecorderCommand::Finish) {
        metrics::counter!("tandem_recording_blocks_dropped_total").increment(1);
    }
}
