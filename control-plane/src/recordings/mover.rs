//! Carries recordings from step to step (`step`): into the object store, away from where they were made, and to their end.
//!
//! Each step has one effect outside and then notes in the row that it is done. The effect comes first and can be repeated, so
//! whoever is killed between the two only does it again: nothing is removed anywhere before the row says that it is stored,
//! and nothing is called deleted that may still be somewhere.

use super::{
    RecordingFormat, folder, path, row,
    step::{self, Circumstances, Step},
};
use crate::{
    carriers::Carriers,
    clock::now_us,
    work::{WorkOptions, Worker, micros},
};
use deliveries::{announce, told::recording_ready};
use futures_util::StreamExt;
use objects::{Key, KeyError, LocalFile, ObjectError, ObjectStore, PlaceKind};
use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use store::{
    Filter, Store, StoreError, Stored, TenantId, TenantStore, TenantTx,
    ids::RecordingId,
    model::{
        account::{AccountMode, ProviderAccount},
        audit::Actor,
        recording::{Recording, RecordingPlace, RecordingSource, RecordingStatus},
        tenant::{RecordingSettings, Tenant},
        work::{Claim, WorkKind},
    },
};
use tokio::io::AsyncWriteExt;
use tracing::warn;
use twilio_rest::{MediaFormat, RecordingSid, TwilioError};

/// The work that looks at all of a tenant's recordings, after its retention has changed.
pub(crate) const RETENTION: &str = "retention";
/// What the mover does stands under this name in the audit log.
const ACTOR: &str = "recordings";
/// Recordings that are looked at together.
const PAGE: u16 = 200;

/// A tenant's part of the store.
pub(super) type Part = dyn TenantStore;
/// A unit of work.
type Tx = dyn TenantTx;

pub(crate) struct Mover {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) objects: Arc<dyn ObjectStore>,
    pub(crate) carriers: Arc<dyn Carriers>,
    pub(crate) data_dir: PathBuf,
    pub(crate) work: WorkOptions,
    /// Whether the carrier's copies in the platform's own subaccounts go, where a tenant does not say.
    pub(crate) delete_at_carrier: bool,
    pub(crate) hold_recheck: Duration,
}

/// Why a recording does not get on now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MoveError {
    #[error("the database did not serve")]
    Store(#[from] StoreError),
    #[error("the object store did not do it")]
    Object(#[from] ObjectError),
    #[error("the carrier did not do it")]
    Carrier(#[from] TwilioError),
    #[error("failed to {doing} {path}")]
    File {
        doing: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the recording is not on this machine")]
    Elsewhere,
    #[error("the tenant has no account at the carrier")]
    NoAccount,
    #[error("the recording has no place")]
    Key(#[from] KeyError),
    #[error("the carrier's id of the recording is none")]
    Sid,
}

impl Worker for Mover {
    type Error = MoveError;

    async fn work(&self, claim: &Claim) -> Result<(), MoveError> {
        let store = self.store.tenant(&claim.tenant);
        if claim.object == RETENTION {
            return self.apply_retention(&*store, claim).await;
        }
        let id = RecordingId::known(claim.object.as_str());
        match self.advance(&*store, claim, &id).await {
            // Somebody has changed it meanwhile, and has seen to it that it is looked at again.
            Err(MoveError::Store(StoreError::Stale { .. })) => Ok(()),
            Err(cause) => {
                self.put_back(&*store, claim, &id, &cause).await?;
                // Nothing is wrong with it: the machine that has it will take it.
                if matches!(cause, MoveError::Elsewhere) { Ok(()) } else { Err(cause) }
            }
            Ok(()) => Ok(()),
        }
    }
}

impl Mover {
    /// Takes step after step until there is none for now.
    async fn advance(&self, store: &Part, claim: &Claim, id: &RecordingId) -> Result<(), MoveError> {
        loop {
            let Some(row) = store.get::<Recording>(id).await? else {
                store.finish_work(claim).await?;
                return Ok(());
            };
            let settings = settings(store).await?;
            let around = Circumstances {
                tenant_holds: settings.legal_hold,
                delete_at_carrier: self.deletes_at_carrier(store, &row.value, &settings).await?,
                hold_recheck: micros(self.hold_recheck),
            };
            match step::next(&row.value, around, now_us()) {
                Step::StoreOwn => self.store_own(store, row, &settings).await?,
                Step::StoreCarriers => self.store_carriers(store, row, &settings).await?,
                Step::RemoveOwn => {
                    self.remove_own(store, &row).await?;
                    self.note(store, row, |row| row.status = RecordingStatus::Kept).await?;
                }
                Step::RemoveCarriers => {
                    self.remove_carriers(store, &row).await?;
                    self.note(store, row, |row| row.status = RecordingStatus::Kept).await?;
                }
                Step::BeginDeletion => {
                    self.note(store, row, |row| row.status = RecordingStatus::Deleting).await?;
                }
                Step::Delete => self.delete(store, row).await?,
                Step::Wait(at) => {
                    store.retry_work(claim, at).await?;
                    return Ok(());
                }
                Step::Rest => {
                    store.finish_work(claim).await?;
                    return Ok(());
                }
            }
        }
    }

    /// Whether the carrier's copy of a recording that is stored here goes: as the tenant wants it, else only in an account that
    /// the platform made for it. What is in the tenant's own account is the tenant's.
    async fn deletes_at_carrier(
        &self,
        store: &Part,
        recording: &Recording,
        settings: &RecordingSettings,
    ) -> Result<bool, MoveError> {
        if (recording.status, recording.source) != (RecordingStatus::Stored, RecordingSource::Carrier) {
            return Ok(false);
        }
        if let Some(wanted) = settings.delete_at_carrier {
            return Ok(wanted);
        }
        let call = store.call(&recording.call).await?;
        let account = self.carriers.of(store.id(), call.as_ref()).await?;
        let Some(account) = account.filter(|_| self.delete_at_carrier) else { return Ok(false) };
        let row = store.find::<ProviderAccount>(&account.sid().to_string()).await?;
        Ok(row.is_some_and(|row| row.value.mode == AccountMode::Subaccount))
    }

    async fn store_own(
        &self,
        store: &Part,
        row: Stored<Recording>,
        settings: &RecordingSettings,
    ) -> Result<(), MoveError> {
        let file = self.own_file(store.id(), &row.value);
        if !exists(&file).await? {
            return Err(MoveError::Elsewhere);
        }
        self.keep(store, row, &file, settings).await
    }

    async fn store_carriers(
        &self,
        store: &Part,
        row: Stored<Recording>,
        settings: &RecordingSettings,
    ) -> Result<(), MoveError> {
        let part = folder(&self.data_dir).join(store.id().as_str()).join(format!("{}.fetched.part", row.id));
        let kept = match self.fetch(store, &row.value, &part).await {
            Ok(()) => self.keep(store, row, &part, settings).await,
            Err(MoveError::Carrier(gone)) if gone.is_gone() => {
                let cause = "the carrier does not have it any more".to_owned();
                self.note(store, row, |row| {
                    row.status = RecordingStatus::Failed;
                    row.error = Some(cause);
                })
                .await
            }
            Err(cause) => Err(cause),
        };
        // What stays behind is replaced by the next attempt.
        drop(tokio::fs::remove_file(&part).await);
        kept
    }

    /// Puts the file into the object store, and notes that it is there.
    async fn keep(
        &self,
        store: &Part,
        row: Stored<Recording>,
        file: &Path,
        settings: &RecordingSettings,
    ) -> Result<(), MoveError> {
        let key = row::key(store.id(), &row.id, &row.value)?;
        let file = LocalFile::measure(file, &row.value.media_type).await?;
        self.objects.put(&key, &file).await?;
        let place = match self.objects.kind() {
            PlaceKind::Folder => RecordingPlace::File,
            PlaceKind::S3 => RecordingPlace::S3,
        };
        let call = store.call(&row.value.call).await?;
        let delete_after = call.and_then(|call| row::delete_after(settings, call.created_at));
        self.note(store, row, |row| {
            row.status = RecordingStatus::Stored;
            row.location = Some(key.as_str().to_owned());
            row.place = place;
            row.bytes = i64::try_from(file.length).ok();
            row.sha256 = Some(file.sha256);
            row.delete_after = row.delete_after.or(delete_after);
        })
        .await
    }

    /// The carrier's recording, as a file that is complete.
    async fn fetch(&self, store: &Part, recording: &Recording, part: &Path) -> Result<(), MoveError> {
        let (account, sid) = self.at_carrier(store, recording).await?;
        let format = match row::ending(&recording.media_type) {
            "mp3" => MediaFormat::Mp3,
            _ => MediaFormat::Wav,
        };
        let media = account.recording_media(&sid, format, recording.channels == 2).await?;
        let failed = |doing| move |source| MoveError::File { doing, path: part.to_owned(), source };
        if let Some(folder) = part.parent() {
            tokio::fs::create_dir_all(folder).await.map_err(failed("make the folder of"))?;
        }
        let mut file = tokio::fs::File::create(part).await.map_err(failed("make"))?;
        let expected = media.content_length();
        let mut length = 0;
        let mut pieces = std::pin::pin!(media.into_stream());
        while let Some(piece) = pieces.next().await {
            let piece = piece?;
            length += piece.len() as u64;
            file.write_all(&piece).await.map_err(failed("write"))?;
        }
        file.flush().await.map_err(failed("write"))?;
        if expected.is_some_and(|expected| expected != length) {
            let cause = "the download ended before it was complete".to_owned();
            return Err(TwilioError::NoAnswer { doing: "downloading a recording", cause }.into());
        }
        Ok(())
    }

    /// Removes our working file, unless that is where the recording is kept.
    async fn remove_own(&self, store: &Part, row: &Stored<Recording>) -> Result<(), MoveError> {
        let file = self.own_file(store.id(), &row.value);
        let key = row::key(store.id(), &row.id, &row.value)?;
        if self.is_kept_at(&key, &file).await {
            return Ok(());
        }
        remove(&file).await
    }

    async fn is_kept_at(&self, key: &Key, file: &Path) -> bool {
        let Some(kept) = self.objects.local_path(key) else { return false };
        match (tokio::fs::canonicalize(&kept).await, tokio::fs::canonicalize(file).await) {
            (Ok(kept), Ok(file)) => kept == file,
            (Err(_), _) | (_, Err(_)) => kept == file,
        }
    }

    async fn remove_carriers(&self, store: &Part, row: &Stored<Recording>) -> Result<(), MoveError> {
        let (account, sid) = self.at_carrier(store, &row.value).await?;
        match account.delete_recording(&sid).await {
            Err(cause) if !cause.is_gone() => Err(cause.into()),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Deletes the recording wherever it is or may be.
    async fn delete(&self, store: &Part, row: Stored<Recording>) -> Result<(), MoveError> {
        self.objects.delete(&row::key(store.id(), &row.id, &row.value)?).await?;
        match row.value.source {
            RecordingSource::Tandem => remove(&self.own_file(store.id(), &row.value)).await?,
            RecordingSource::Carrier => match self.remove_carriers(store, &row).await {
                // The account was closed, and its recordings with it.
                Err(MoveError::NoAccount) => {
                    warn!(recording = %row.id, "a tenant without an account deletes nothing there")
                }
                outcome => outcome?,
            },
        }
        self.note(store, row, |row| {
            row.status = RecordingStatus::Deleted;
            row.location = None;
        })
        .await
    }

    async fn at_carrier(
        &self,
        store: &Part,
        recording: &Recording,
    ) -> Result<(twilio_rest::Account, RecordingSid), MoveError> {
        let sid = recording.carrier_sid.as_deref().and_then(|sid| sid.parse().ok()).ok_or(MoveError::Sid)?;
        let call = store.call(&recording.call).await?;
        let account = self.carriers.of(store.id(), call.as_ref()).await?.ok_or(MoveError::NoAccount)?;
        Ok((account, sid))
    }

    fn own_file(&self, tenant: &TenantId, recording: &Recording) -> PathBuf {
        let format = row::format_of(recording).unwrap_or(RecordingFormat::Wav);
        path(&self.data_dir, tenant.as_str(), recording.call.as_str(), format)
    }

    /// Changes the row, which must still be as it was read. An error of an earlier try is forgotten.
    async fn note(
        &self,
        store: &Part,
        row: Stored<Recording>,
        change: impl FnOnce(&mut Recording),
    ) -> Result<(), MoveError> {
        let Stored { id, version, mut value, .. } = row;
        let before = value.status;
        value.error = None;
        change(&mut value);
        // It can be heard from the first time on that it is where it stays.
        let ready = before == RecordingStatus::Pending && value.status == RecordingStatus::Stored;
        let mut tx = store.begin(&Actor::system(ACTOR), now_us()).await?;
        let row = tx.update(&id, version, value).await?;
        if ready {
            announce(&mut *tx, recording_ready(&row.id, &row.value, row.updated_at)).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Notes why it failed, once, and tries again later.
    async fn put_back(
        &self,
        store: &Part,
        claim: &Claim,
        id: &RecordingId,
        cause: &MoveError,
    ) -> Result<(), MoveError> {
        let told = told(cause);
        let now = now_us();
        let mut tx = store.begin(&Actor::system(ACTOR), now).await?;
        if let Some(row) = tx.get::<Recording>(id).await?
            && row.value.error.as_deref() != Some(&told)
        {
            let changed = Recording { error: Some(told), ..row.value };
            tx.update(id, row.version, changed).await?;
        }
        tx.retry_work(claim, self.work.retry_at(now, claim.attempts)).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Gives every stored recording of the tenant the end that its retention says now.
    async fn apply_retention(&self, store: &Part, claim: &Claim) -> Result<(), MoveError> {
        let settings = settings(store).await?;
        for status in [RecordingStatus::Stored, RecordingStatus::Kept] {
            let mut filter = Filter::first(PAGE).with_status(status.as_str()).oldest_first();
            loop {
                let page = store.list::<Recording>(&filter).await?;
                let Some(last) = page.last() else { break };
                filter = filter.after(last.id.as_str());
                for row in page {
                    self.retain(store, row, &settings).await?;
                }
            }
        }
        store.finish_work(claim).await?;
        Ok(())
    }

    async fn retain(
        &self,
        store: &Part,
        row: Stored<Recording>,
        settings: &RecordingSettings,
    ) -> Result<(), MoveError> {
        let call = store.call(&row.value.call).await?;
        let delete_after = call.and_then(|call| row::delete_after(settings, call.created_at));
        let now = now_us();
        let mut tx = store.begin(&Actor::system(ACTOR), now).await?;
        if delete_after != row.value.delete_after {
            let changed = Recording { delete_after, ..row.value };
            match tx.update(&row.id, row.version, changed).await {
                // Whoever changes it now takes the settings of now.
                Err(StoreError::Stale { .. }) => return Ok(()),
                outcome => outcome?,
            };
        }
        tx.schedule(WorkKind::Recording, row.id.as_str(), now).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// A recording is to be looked after from now on.
pub(crate) async fn schedule(tx: &mut Tx, id: &RecordingId) -> Result<(), StoreError> {
    let now = tx.now();
    tx.schedule(WorkKind::Recording, id.as_str(), now).await
}

async fn settings(store: &Part) -> Result<RecordingSettings, StoreError> {
    let tenant = store.get::<Tenant>(store.id()).await?;
    Ok(tenant.map(|tenant| tenant.value.settings.recording).unwrap_or_default())
}

/// For the row: short, and without paths or whatever a provider may repeat.
fn told(cause: &MoveError) -> String {
    match cause {
        MoveError::Object(cause) => cause.to_string(),
        MoveError::Carrier(cause) => match cause.code() {
            Some(code) => format!("{cause} (code {code})"),
            None => cause.to_string(),
        },
        MoveError::File { doing, .. } => format!("failed to {doing} a file"),
        MoveError::Store(_)
        | MoveError::Elsewhere
        | MoveError::NoAccount
        | MoveError::Key(_)
        | MoveError::Sid => cause.to_string(),
    }
}

async fn exists(path: &Path) -> Result<bool, MoveError> {
    let failed = |source| MoveError::File { doing: "look for", path: path.to_owned(), source };
    tokio::fs::try_exists(path).await.map_err(failed)
}

async fn remove(path: &Path) -> Result<(), MoveError> {
    match tokio::fs::remove_file(path).await {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(MoveError::File { doing: "remove", path: path.to_owned(), source })
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests;
