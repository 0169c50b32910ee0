//! The task that converts one recording after the other, and gives each of its files a row.

use super::{
    Candidate, RecordingFormat,
    convert::{self, Conversion, ConvertError},
    folder,
    mover::Part,
    path, row, schedule,
};
use crate::{
    clock::{now_us, rfc3339},
    ports::log::QueuedLog,
    work::Workers,
};
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
use store::{
    Call, CallId, Store, StoreError, TenantId,
    model::{audit::Actor, recording::Recording},
};
use tokio::{sync::mpsc, task::spawn_blocking};
use tracing::{error, info};

/// Recordings that were converted, or could not be, by outcome.
const CONVERTED: &str = "tandem_recordings_converted_total";

pub(super) struct Worker {
    pub(super) data_dir: PathBuf,
    /// Whether they are converted.
    pub(super) opus: bool,
    pub(super) keep_wav: bool,
    pub(super) store: Arc<dyn Store>,
    pub(super) log: Arc<QueuedLog>,
    pub(super) patience: Duration,
    pub(super) candidates: mpsc::Receiver<Candidate>,
    pub(super) overflowed: Arc<AtomicBool>,
    pub(super) stop: Arc<AtomicBool>,
    /// Carry what has a row further.
    pub(super) movers: Arc<Workers>,
}

/// What the worker does stands under this name in the audit log.
const ACTOR: &str = "recordings";

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
            self.settle(candidate).await;
            if self.candidates.is_empty() && self.overflowed.swap(false, Ordering::Relaxed) {
                self.take_up_unfinished().await;
            }
        }
    }

    /// Looks after every file in the folder that has no row and whose call is over.
    async fn take_up_unfinished(&self) {
        let data_dir = self.data_dir.clone();
        match spawn_blocking(move || recorded(&folder(&data_dir))).await {
            Ok(Ok(candidates)) => {
                for candidate in candidates {
                    self.settle(candidate).await;
                }
            }
            Ok(Err(cause)) => error!(error = &cause as &dyn Error, "the recordings cannot be listed"),
            Err(cause) => error!(error = &cause as &dyn Error, "the recordings were not listed"),
        }
    }

    async fn settle(&self, candidate: Candidate) {
        if self.stop.load(Ordering::Relaxed) {
            return;
        }
        let call = candidate.call.clone();
        if let Err(cause) = self.try_settle(candidate).await {
            error!(%call, error = &cause as &dyn Error, "a recording is not looked after");
        }
    }

    /// Converts the recording and gives it its rows, if there is one without them and the call is over.
    async fn try_settle(&self, candidate: Candidate) -> Result<(), Failure> {
        let Candidate { tenant, call } = candidate;
        let [wav, ogg] =
            RecordingFormat::ALL.map(|format| path(&self.data_dir, tenant.as_str(), call.as_str(), format));
        let exists = async |path: &Path| tokio::fs::try_exists(path).await.unwrap_or(false);
        let (has_wav, has_ogg) = (exists(&wav).await, exists(&ogg).await);
        let store = self.store.tenant(&tenant);
        // One that has a row was made before, and may be where it stays by now.
        let ogg_row = store.get::<Recording>(&row::own_id(&call, RecordingFormat::Ogg)).await?;
        let converts = self.opus && has_wav && !has_ogg && ogg_row.is_none();
        if !converts && !self.lacks_a_row(&*store, &call, has_wav, has_ogg).await? {
            return Ok(());
        }
        let mut found = store.call(&call).await?;
        if !found.as_ref().is_some_and(is_over) {
            // Its end may still be on its way to the store.
            if self.log.flush(self.patience).await.is_err() {
                self.overflowed.store(true, Ordering::Relaxed);
            }
            found = store.call(&call).await?;
        }
        let Some(call) = found.filter(is_over) else { return Ok(()) };
        if converts && self.convert(&call, &wav, &ogg).await == Some(Conversion::GivenUp) {
            return Ok(());
        }
        for (format, file) in [(RecordingFormat::Wav, &wav), (RecordingFormat::Ogg, &ogg)] {
            if exists(file).await {
                self.put_row(&*store, &call, format).await?;
            }
        }
        Ok(())
    }

    /// Whether a file is there that has no row.
    async fn lacks_a_row(
        &self,
        store: &Part,
        call: &CallId,
        has_wav: bool,
        has_ogg: bool,
    ) -> Result<bool, StoreError> {
        for (format, is_there) in [(RecordingFormat::Wav, has_wav), (RecordingFormat::Ogg, has_ogg)] {
            if is_there && store.get::<Recording>(&row::own_id(call, format)).await?.is_none() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// `None` if it failed: the recording is kept as WAV only.
    async fn convert(&self, call: &Call, wav: &Path, ogg: &Path) -> Option<Conversion> {
        let (wav, ogg) = (wav.to_owned(), ogg.to_owned());
        let (tags, keep_wav, stop) = (tags(call), self.keep_wav, Arc::clone(&self.stop));
        let converted = spawn_blocking(move || convert::convert(&wav, &ogg, &tags, keep_wav, &stop)).await;
        match converted.map_err(Failure::from).and_then(|converted| Ok(converted?)) {
            Ok(done) => {
                if let Conversion::Done { bytes } = done {
                    info!(call = %call.id, bytes, "the recording is converted to Ogg/Opus");
                    metrics::counter!(CONVERTED, "outcome" => "ok").increment(1);
                }
                Some(done)
            }
            Err(cause) => {
                error!(call = %call.id, error = &cause as &dyn Error, "the recording is kept as WAV only");
                metrics::counter!(CONVERTED, "outcome" => "failed").increment(1);
                None
            }
        }
    }

    /// Gives the file a row, once, from which it is carried further.
    async fn put_row(&self, store: &Part, call: &Call, format: RecordingFormat) -> Result<(), StoreError> {
        let id = row::own_id(&call.id, format);
        let mut tx = store.begin(&Actor::system(ACTOR), now_us()).await?;
        if tx.get::<Recording>(&id).await?.is_none() {
            tx.insert_as(id.clone(), row::own(&call.id, format, call.recording_ms)).await?;
            schedule(&mut *tx, &id).await?;
            tx.commit().await?;
            self.movers.wake();
        }
        Ok(())
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

/// The calls that have files below `folder`, oldest call first: a call's id begins with its time.
fn recorded(folder: &Path) -> io::Result<Vec<Candidate>> {
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
            let file = file?.path();
            let is_ours = |format: RecordingFormat| file.extension().is_some_and(|end| end == format.name());
            if !RecordingFormat::ALL.into_iter().any(is_ours) {
                continue;
            }
            let call = file.file_stem().and_then(|call| call.to_str());
            if let Some(Ok(call)) = call.map(CallId::parse) {
                found.push(Candidate { tenant: id.clone(), call });
            }
        }
    }
    found.sort_by(|one, other| one.call.as_str().cmp(other.call.as_str()));
    found.dedup();
    Ok(found)
}
