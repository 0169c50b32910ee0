//! The shell around the recording: finished blocks of both sides to disk.
//!
//! The file's header is right after every block, so what a `kill -9` costs is the block that was being gathered. A
//! new actor goes on in the same file.

use crate::call::{
    shared::{RecorderCommand, Shared},
    wav::{WavError, WavFormat, WavWriter},
};
use std::{path::PathBuf, sync::Arc};

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
    let opened = tokio::task::spawn_blocking(move || WavWriter::resume(&path, WavFormat::CALL));
    let mut writer = opened.await??;
    loop {
        let command = shared.recorder.recv().await;
        let (back, written) = tokio::task::spawn_blocking(move || {
            let written = match &command {
                RecorderCommand::Block(block) => writer.append(block).map(|()| false),
                RecorderCommand::Finish => writer.sync().map(|()| true),
            };
            (writer, written)
        })
        .await?;
        writer = back;
        let finished = written?;
        *shared.recorded.lock() = Some(writer.frames());
        if finished {
            return Ok(());
        }
    }
}

/// Takes blocks that nobody writes, until the books are closed.
async fn drain(shared: &Shared) {
    while !matches!(shared.recorder.recv().await, RecorderCommand::Finish) {
        metrics::counter!("tandem_recording_blocks_dropped_total").increment(1);
    }
}
