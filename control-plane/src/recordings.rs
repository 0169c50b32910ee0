//! Where recordings lie, and how the WAV file of a call that is over becomes Ogg/Opus.
//!
//! The folder is the truth: a recording is there in a format if its file is. Calls to be converted wait in a bounded
//! queue; what does not fit into it, and what a node left unfinished, is found again by looking for WAV files without
//! an Ogg file. Files are converted one at a time, on a thread of their own, under a temporary name: a conversion that
//! fails, or is cut off, changes nothing.

use crate::{
    ports::log::QueuedLog,
    settings::{ControlPlaneOptions, RecordingSettings},
    shared::Shared,
};
use engine::{
    ids::CallId,
    ports::{CallEvent, CallLog, LogFull},
    provider::AbortOnDrop,
};
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use store::{Store, TenantId};
use tokio::sync::mpsc;

mod convert;
mod worker;

#[cfg(test)]
mod tests;

/// What a recording can be read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RecordingFormat {
    /// Written during the call.
    Wav,
    /// Made of it afterwards.
    Ogg,
}

impl RecordingFormat {
    pub(crate) const ALL: [Self; 2] = [Self::Wav, Self::Ogg];

    /// Its name in the API, and the end of the file's name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Wav => "wav",
            Self::Ogg => "ogg",
        }
    }

    /// Its media type.
    pub(crate) const fn media_type(self) -> &'static str {
        match self {
            Self::Wav => "audio/wav",
            Self::Ogg => "audio/ogg",
        }
    }
}

/// Where the recordings of all tenants lie.
pub(crate) fn folder(data_dir: &Path) -> PathBuf {
    data_dir.join("recordings")
}

/// Where a call's recording is.
pub(crate) fn path(data_dir: &Path, tenant: &str, call: &str, format: RecordingFormat) -> PathBuf {
    folder(data_dir).join(tenant).join(format!("{call}.{}", format.name()))
}

/// A call whose recording may be converted.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Candidate {
    tenant: TenantId,
    call: store::CallId,
}

/// Converts recordings in the background, if that is asked for.
pub(crate) struct Recordings(Option<Converter>);

struct Converter {
    queue: mpsc::Sender<Candidate>,
    /// A call did not fit into the queue: the folder is to be looked through.
    overflowed: Arc<AtomicBool>,
    /// The conversion that runs is to be given up.
    stop: Arc<AtomicBool>,
    _worker: AbortOnDrop,
}

impl Recordings {
    /// Starts the task that converts, which first takes up what was left unfinished.
    pub(crate) fn start(
        settings: RecordingSettings,
        data_dir: &Path,
        store: Arc<dyn Store>,
        log: Arc<QueuedLog>,
        limits: &ControlPlaneOptions,
    ) -> Self {
        if !settings.opus {
            return Self(None);
        }
        let (queue, candidates) = mpsc::channel(limits.conversion_queue);
        let (overflowed, stop) = (Arc::default(), Arc::default());
        let worker = worker::Worker {
            data_dir: data_dir.to_owned(),
            keep_wav: settings.keep_wav,
            store,
            log,
            patience: limits.conversion_patience,
            candidates,
            overflowed: Arc::clone(&overflowed),
            stop: Arc::clone(&stop),
        };
        Self(Some(Converter { queue, overflowed, stop, _worker: AbortOnDrop(tokio::spawn(worker.run())) }))
    }

    /// Says that a call may be over: its recording is converted if it is.
    pub(crate) fn offer(&self, tenant: TenantId, call: store::CallId) {
        let Some(converter) = &self.0 else { return };
        if converter.queue.try_send(Candidate { tenant, call }).is_err() {
            converter.overflowed.store(true, Ordering::Relaxed);
        }
    }

    /// Gives up the conversion that runs; the next start takes it up.
    pub(crate) fn stop(&self) {
        if let Some(converter) = &self.0 {
            converter.stop.store(true, Ordering::Relaxed);
        }
    }
}

impl Drop for Recordings {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The engine's log, which also tells when a recording is finished.
pub(crate) struct RecordingLog(pub(crate) Arc<Shared>);

impl CallLog for RecordingLog {
    fn record(&self, call: &CallId, event: CallEvent) -> Result<(), LogFull> {
        let recorded = matches!(&event, CallEvent::Ended(summary) if summary.recorded);
        let kept = self.0.log.record(call, event);
        if recorded && let Some(tenant) = self.0.live.tenant(call) {
            let (tenant, call) = (TenantId::known(tenant.0), store::CallId::known(call.0.as_str()));
            self.0.recordings.offer(tenant, call);
        }
        kept
    }
}
