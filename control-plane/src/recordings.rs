//! Where recordings lie, how the WAV file of a call that is over becomes Ogg/Opus, and how it gets to where it stays.
//!
//! Until a recording has a row the folder is the truth: it is there in a format if its file is. Calls that are over wait in a
//! bounded queue; what does not fit into it, and what a node left unfinished, is found again by looking through the folder.
//! Files are converted one at a time, on a thread of their own, under a temporary name: a conversion that fails, or is cut
//! off, changes nothing. Then each file gets a row (`row`), and from there on the rows are the truth: `mover` carries each
//! recording, the carrier's too, into the object store and to its end.

use crate::work::Workers;
use crate::{
    carriers::Carriers,
    ports::log::QueuedLog,
    settings::{ControlPlaneOptions, RecordingPlace, RecordingSettings},
    shared::Shared,
};
use engine::{
    ids::CallId,
    ports::{CallEvent, CallLog, LogFull},
    provider::AbortOnDrop,
};
use objects::{Folder, Links, ObjectError, ObjectStore, S3};
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use store::{Store, TenantId, model::work::WorkKind};
use tokio::sync::mpsc;

mod convert;
pub(crate) mod download;
mod links;
mod mover;
pub(crate) mod row;
mod step;
mod worker;

pub(crate) use links::{LinksError, link_secret};
pub(crate) use mover::{RETENTION, schedule};

#[cfg(test)]
mod tests;

/// Where links to recordings in a folder lead, below our own address.
pub(crate) const MEDIA: &str = "/media";

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

/// Looks after recordings in the background.
pub(crate) struct Recordings {
    queue: mpsc::Sender<Candidate>,
    /// A call did not fit into the queue: the folder is to be looked through.
    overflowed: Arc<AtomicBool>,
    /// The conversion that runs is to be given up.
    stop: Arc<AtomicBool>,
    movers: Arc<Workers>,
    _worker: AbortOnDrop,
}

/// What looking after recordings needs.
pub(crate) struct RecordingParts<'a> {
    pub(crate) settings: &'a RecordingSettings,
    pub(crate) data_dir: &'a Path,
    pub(crate) store: &'a Arc<dyn Store>,
    pub(crate) log: &'a Arc<QueuedLog>,
    pub(crate) objects: Arc<dyn ObjectStore>,
    pub(crate) carriers: Arc<dyn Carriers>,
    pub(crate) limits: &'a ControlPlaneOptions,
}

impl Recordings {
    /// Starts the tasks, which first take up what was left unfinished.
    pub(crate) fn start(parts: RecordingParts<'_>) -> Self {
        let RecordingParts { settings, data_dir, store, log, objects, carriers, limits } = parts;
        let mover = Arc::new(mover::Mover {
            store: Arc::clone(store),
            objects,
            carriers,
            data_dir: data_dir.to_owned(),
            work: limits.work,
            delete_at_carrier: settings.delete_at_carrier,
            hold_recheck: limits.hold_recheck,
        });
        let movers = Arc::new(Workers::start(&mover, WorkKind::Recording, store, limits.work));
        let (queue, candidates) = mpsc::channel(limits.conversion_queue);
        let (overflowed, stop) = (Arc::default(), Arc::default());
        let worker = worker::Worker {
            data_dir: data_dir.to_owned(),
            opus: settings.opus,
            keep_wav: settings.keep_wav,
            store: Arc::clone(store),
            log: Arc::clone(log),
            patience: limits.conversion_patience,
            candidates,
            overflowed: Arc::clone(&overflowed),
            stop: Arc::clone(&stop),
            movers: Arc::clone(&movers),
        };
        let worker = AbortOnDrop(tokio::spawn(worker.run()));
        Self { queue, overflowed, stop, movers, _worker: worker }
    }

    /// Says that a call may be over: its recording is looked after if it is.
    pub(crate) fn offer(&self, tenant: TenantId, call: store::CallId) {
        if self.queue.try_send(Candidate { tenant, call }).is_err() {
            self.overflowed.store(true, Ordering::Relaxed);
        }
    }

    /// Says that a recording was scheduled.
    pub(crate) fn wake(&self) {
        self.movers.wake();
    }

    /// Gives up what runs; the next start takes it up.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.movers.stop();
    }
}

impl Drop for Recordings {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The place where recordings stay.
///
/// # Errors
/// When it cannot be used as it is set up.
pub(crate) fn objects(
    settings: &RecordingSettings,
    data_dir: &Path,
    links: Links,
) -> Result<Arc<dyn ObjectStore>, ObjectError> {
    Ok(match &settings.place {
        // Keys begin with `recordings/`, so that what is recorded is where it stays.
        RecordingPlace::Folder(folder) => {
            Arc::new(Folder::new(folder.clone().unwrap_or_else(|| data_dir.to_owned()), links))
        }
        RecordingPlace::S3(options) => Arc::new(S3::new((**options).clone())?),
    })
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
