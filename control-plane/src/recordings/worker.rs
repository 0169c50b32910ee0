//! The task that converts one recording after the other.

use super::{
    Candidate, RecordingFormat,
    convert::{self, Conversion, ConvertError},
    folder, path,
};
use crate::{clock::rfc3339, ports::log::QueuedLog};
use audio_opus::Tags;
use std::{
    error::Error,
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use store::{Call, CallId, Store, StoreError, TenantId};
use tokio::{sync::mpsc, task::spawn_blocking};
use tracing::{error, info};

/// Recordings that were converted, or could not be, by outcome.
const CONVERTED: &str = "tandem_recordings_converted_total";

pub(super) struct Worker {
    pub(super) data_dir: PathBuf,
    pub(super) keep_wav: bool,
    pub(super) store: Arc<dyn Store>,
    pub(super) log: Arc<QueuedLog>,
    pub(super) patience: Duration,
    pub(super) candidates: mpsc::Receiver<Candidate>,
    pub(super) overflowed: Arc<AtomicBool>,
    pub(super) stop: Arc<AtomicBool>,
}

/// Why a recording is not converted now.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the call could not be looked up")]
    Store(#[from] StoreError),
    #[error("the recording could not be converted")]
    Convert(#[from] ConvertError),
    #[error("the thread that converts is gone")]
    Thread(#[from] tokio::task::JoinError),
}

impl Worker {
    pub(super) async fn run(mut self) {
        self.take_up_unfinished().await;
        while let Some(candidate) = self.candidates.recv().await {
            self.convert(candidate).await;
            if self.candidates.is_empty() && self.overflowed.swap(false, Ordering::Relaxed) {
                self.take_up_unfinished().await;
            }
        }
    }

    /// Converts every recording that has no Ogg file and whose call is over.
    async fn take_up_unfinished(&self) {
        let data_dir = self.data_dir.clone();
        match spawn_blocking(move || unconverted(&folder(&data_dir))).await {
            Ok(Ok(candidates)) => {
                for candidate in candidates {
                    self.convert(candidate).await;
                }
            }
            Ok(Err(cause)) => error!(error = &cause as &dyn Error, "the recordings cannot be listed"),
            Err(cause) => error!(error = &cause as &dyn Error, "the recordings were not listed"),
        }
    }

    async fn convert(&self, candidate: Candidate) {
        if self.stop.load(Ordering::Relaxed) {
            return;
        }
        let call = candidate.call.clone();
        match self.try_convert(candidate).await {
            Ok(Some(Conversion::Done { bytes })) => {
                info!(%call, bytes, "the recording is converted to Ogg/Opus");
                metrics::counter!(CONVERTED, "outcome" => "ok").increment(1);
            }
            Ok(Some(Conversion::GivenUp) | None) => {}
            Err(cause) => {
                error!(%call, error = &cause as &dyn Error, "the recording is kept as WAV only");
                metrics::counter!(CONVERTED, "outcome" => "failed").increment(1);
            }
        }
    }

    /// Converts the recording if there is one without an Ogg file and the call is over.
    async fn try_convert(&self, candidate: Candidate) -> Result<Option<Conversion>, Failure> {
        let Candidate { tenant, call } = candidate;
        let [wav, ogg] =
            RecordingFormat::ALL.map(|format| path(&self.data_dir, tenant.as_str(), call.as_str(), format));
        let exists = async |path: &Path| tokio::fs::try_exists(path).await.unwrap_or(false);
        if !exists(&wav).await || exists(&ogg).await {
            return Ok(None);
        }
        let store = self.store.tenant(&tenant);
        let mut found = store.call(&call).await?;
        if !found.as_ref().is_some_and(is_over) {
            // Its end may still be on its way to the store.
            if self.log.flush(self.patience).await.is_err() {
                self.overflowed.store(true, Ordering::Relaxed);
            }
            found = store.call(&call).await?;
        }
        let Some(call) = found.filter(is_over) else { return Ok(None) };
        let (tags, keep_wav, stop) = (tags(&call), self.keep_wav, Arc::clone(&self.stop));
        let converted = spawn_blocking(move || convert::convert(&wav, &ogg, &tags, keep_wav, &stop));
        Ok(Some(converted.await??))
    }
}

/// Whether no stream of the call can come any more, so that its recording is complete.
fn is_over(call: &Call) -> bool {
    // `EndReason::Transferred` as it is stored: the call goes on without us.
    call.status.is_final() || call.end_reason.as_deref() == Some("transferred")
}

fn tags(call: &Call) -> Tags {
    Tags::new()
        .with("TITLE", format!("Call {}", call.id))
        .with("DATE", rfc3339(call.created_at))
        .with("DESCRIPTION", "left: caller, right: assistant")
        .with("CALL", call.id.as_str())
        .with("TENANT", call.tenant.as_str())
        .with("ENCODER", concat!("Tandem ", env!("CARGO_PKG_VERSION")))
}

/// The recordings below `folder` that have a WAV file only, oldest call first: a call's id begins with its time.
fn unconverted(folder: &Path) -> io::Result<Vec<Candidate>> {
    let mut found = Vec::new();
    let tenants = match fs::read_dir(folder) {
        Ok(tenants) => tenants,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        Err(error) => return Err(error),
    };
    for tenant in tenants {
        let tenant = tenant?;
        if !tenant.file_type()?.is_dir() {
            continue;
        }
        let Ok(name) = tenant.file_name().into_string() else { continue };
        let Ok(id) = TenantId::parse(&name) else { continue };
        for file in fs::read_dir(tenant.path())? {
            let wav = file?.path();
            let is_wav = wav.extension().is_some_and(|ending| ending == RecordingFormat::Wav.name());
            if !is_wav || wav.with_extension(RecordingFormat::Ogg.name()).exists() {
                continue;
            }
            let call = wav.file_stem().and_then(|call| call.to_str());
            if let Some(Ok(call)) = call.map(CallId::parse) {
                found.push(Candidate { tenant: id.clone(), call });
            }
        }
    }
    found.sort_by(|one, other| one.call.as_str().cmp(other.call.as_str()));
    Ok(found)
}
