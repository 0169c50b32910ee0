//! What an erasure does, a portion at a time.

use super::{
    messages::{blank, delete_files, delete_if_empty, uploads},
    person::{PAGE, Part, Person},
    sweep,
    worker::{Next, Run},
};
use crate::recordings::{RecordingFormat, path, schedule};
use std::{io, time::Duration};
use store::{
    CallId, Filter, StoreError, Stored, TenantTx,
    model::{
        consent::{Consent, ConsentStatus},
        contact::{Contact, ContactAddress},
        message::{Message, MessageStatus},
        queue::Voicemail,
        recording::{Recording, RecordingStatus},
        tenant::{Tenant, TenantSettings},
    },
};

/// Messages and calls that are changed in one unit of work: SQLite serves one writer.
const PORTION: u16 = 50;
/// Messages with an address that are looked at for one that is just being sent.
const LOOKED_AT: u16 = 1_000;
/// How often everything is gone through, because something new came meanwhile.
const ROUNDS: u32 = 5;
/// A message that is just being sent, and a recording that is being deleted, is looked at again after so long.
const SOON: Duration = Duration::from_millis(500);
/// A call that goes on is looked at again after so long.
const CALL: Duration = Duration::from_secs(5);

const WHY_CALLS: &str =
    "that there was a call, when, how long and at what price counts; nobody is named any more";
const WHY_MESSAGES: &str =
    "that there was a message, when, by which channel and at what price counts; nobody is named any more";
const WHY_CONSENTS: &str =
    "who wants no more messages must never get one again: the address stays for that alone";
const WHY_HELD: &str = "a legal hold keeps the recording, and with it the call and what was said in it";
const WHY_UPLOADS: &str = "the tenant put them here, and other messages may carry them too";
const WHY_ELSEWHERE: &str = "carriers, gateways and mail servers keep what they carried by their own rules, the tenant's own mailbox \
                             keeps its mails, and backups keep what they had until they are deleted";

/// Erases a person.
pub(super) struct Eraser<'r, 'a> {
    pub(super) run: &'r mut Run<'a>,
}

impl Eraser<'_, '_> {
    /// The next portion of the step that is next.
    pub(super) async fn portion(&mut self) -> Result<Next, StoreError> {
        match self.run.step() {
            "find" => self.find().await,
            "wait" => self.wait().await,
            "calls" => self.calls().await,
            "messages" => self.messages().await,
            "contacts" => self.contacts().await,
            "rows" => sweep::rows(self.run).await,
            "answers" => sweep::answers(self.run).await,
            "audit" => sweep::audit(self.run).await,
            "recordings" => self.recordings().await,
            "again" => self.again().await,
            other => Err(StoreError::Unknown { what: "step of an erasure", value: other.to_owned() }),
        }
    }

    async fn settings(&self) -> Result<TenantSettings, StoreError> {
        let tenant = self.run.part.get::<Tenant>(self.run.part.id()).await?;
        Ok(tenant.map(|tenant| tenant.value.settings).unwrap_or_default())
    }

    async fn find(&mut self) -> Result<Next, StoreError> {
        let known = std::mem::take(&mut self.run.state.person);
        let mut person = known.find(self.run.part, &self.run.state.subject).await?;
        let tenant_holds = self.settings().await?.recording.legal_hold;
        person.held.clear();
        for call in &person.calls {
            let recordings = recordings(self.run.part, call).await?;
            let stays = |row: &Stored<Recording>| {
                !matches!(row.value.status, RecordingStatus::Deleted | RecordingStatus::Deleting)
                    && (row.value.legal_hold || tenant_holds)
            };
            if recordings.iter().any(stays) {
                person.held.push(call.clone());
            }
        }
        self.run.state.person = person;
        Ok(Next::Step("wait"))
    }

    /// Nothing is erased that is just happening: calls end, messages that nobody has yet are taken back, others are handed over first.
    async fn wait(&mut self) -> Result<Next, StoreError> {
        let limits = &self.run.shared.limits;
        if self.settings().await?.retention.legal_hold {
            return Ok(Next::Wait("legal_hold", limits.hold_recheck));
        }
        let Person { calls, conversations, addresses, .. } = self.run.state.person.clone();
        let part = self.run.part;
        for call in &calls {
            if part.call(call).await?.is_some_and(|call| !call.status.is_final()) {
                return Ok(Next::Wait("call", CALL));
            }
        }
        let mut pending = Vec::new();
        for conversation in &conversations {
            for status in PENDING {
                let filter = Filter::first(PAGE).of(conversation.as_str()).with_status(status.as_str());
                pending.extend(part.list::<Message>(&filter).await?);
            }
        }
        for address in &addresses {
            for row in part.messages_with(address, true, LOOKED_AT).await? {
                let row = Stored::<Message>::read(row)?;
                if PENDING.contains(&row.value.status) {
                    pending.push(row);
                }
            }
        }
        let mut is_sent = false;
        for row in pending {
            let now = self.run.shared.outbox.cancel(part.id(), &row.id).await?;
            // Without an account nobody sends it, whatever it is.
            is_sent |= now.is_some_and(|now| now.value.status == MessageStatus::Sending);
        }
        if is_sent { Ok(Next::Wait("message", SOON)) } else { Ok(Next::Step("calls")) }
    }

    /// The next call that was not looked at; `place` counts them.
    async fn calls(&mut self) -> Result<Next, StoreError> {
        let (index, _) = self.run.state.place;
        let Some(call) = self.run.state.person.calls.get(index).cloned() else {
            return Ok(Next::Step("messages"));
        };
        self.run.state.place.0 = index + 1;
        if self.run.state.person.held.contains(&call) {
            let (why, ids) = (WHY_HELD, [call.to_string()]);
            self.run.state.keep_more("calls under legal hold", why, &ids, true);
            let tx = self.run.begin().await?;
            self.run.save(tx).await?;
            return Ok(Next::Again);
        }
        let part = self.run.part;
        let row = part.call(&call).await?;
        let mut tx = self.run.begin().await?;
        let turns = tx.forget_words(&call).await?;
        let mut is_new = false;
        if let Some(row) = row {
            let person = &self.run.state.person;
            is_new = person.has(&row.from_number) || person.has(&row.to_number);
            let left = |number: &str| if person.has(number) { String::new() } else { number.to_owned() };
            let (from, to) = (left(&row.from_number), left(&row.to_number));
            tx.blank_call(&call, &from, &to).await?;
        }
        let voicemails =
            tx.documents(store::Table::Voicemails, &Filter::first(PAGE).of(call.as_str())).await?;
        let left = u64::try_from(voicemails.len()).unwrap_or(0);
        for row in voicemails {
            let row = Stored::<Voicemail>::read(row)?;
            tx.delete::<Voicemail>(&row.id, row.version).await?;
        }
        for row in recordings(part, &call).await? {
            self.end_recording(&mut *tx, row).await?;
        }
        let state = &mut self.run.state;
        state.count("turns", turns);
        state.count("voicemails", left);
        if is_new {
            state.count("calls", 1);
            let kept = state.counts.get("calls").copied().unwrap_or(0);
            state.keep("calls without numbers and words", kept, WHY_CALLS, Vec::new());
        }
        self.run.save(tx).await?;
        self.run.shared.recordings.wake();
        Ok(Next::Again)
    }

    async fn end_recording(
        &mut self,
        tx: &mut (dyn TenantTx + 'static),
        row: Stored<Recording>,
    ) -> Result<(), StoreError> {
        match row.value.status {
            RecordingStatus::Deleted => return Ok(()),
            // The carrier still makes it; the step that waits for recordings looks again.
            RecordingStatus::Recording => return Ok(()),
            RecordingStatus::Deleting => {}
            RecordingStatus::Pending
            | RecordingStatus::Stored
            | RecordingStatus::Kept
            | RecordingStatus::Failed => {
                let deleting = Recording { status: RecordingStatus::Deleting, ..row.value };
                tx.update(&row.id, row.version, deleting).await?;
                self.run.state.count("recordings", 1);
            }
        }
        schedule(tx, &row.id).await
    }

    async fn messages(&mut self) -> Result<Next, StoreError> {
        let (part, person) = (self.run.part, self.run.state.person.clone());
        for conversation in &person.conversations {
            let filter = Filter::first(PORTION).of(conversation.as_str()).oldest_first();
            let rows = part.list::<Message>(&filter).await?;
            if !rows.is_empty() {
                return self.blank(rows).await;
            }
            let mut tx = self.run.begin().await?;
            if delete_if_empty(part, &mut *tx, conversation).await? {
                self.run.state.count("conversations", 1);
                self.run.save(tx).await?;
            }
        }
        for address in &person.addresses {
            let rows = part.messages_with(address, false, PORTION).await?;
            if !rows.is_empty() {
                let rows = rows.into_iter().map(Stored::<Message>::read).collect::<Result<Vec<_>, _>>()?;
                return self.blank(rows).await;
            }
        }
        Ok(Next::Step("contacts"))
    }

    async fn blank(&mut self, rows: Vec<Stored<Message>>) -> Result<Next, StoreError> {
        let (shared, tenant) = (self.run.shared, self.run.part.id());
        let files = delete_files(shared, tenant, &rows).await?;
        let uploads = uploads(shared, tenant, &rows);
        let mut tx = self.run.begin().await?;
        let count = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        for row in rows {
            blank(&mut *tx, row).await?;
        }
        let state = &mut self.run.state;
        state.count("messages", count);
        state.count("files", files);
        state.keep_more("files put here for messages", WHY_UPLOADS, &uploads, true);
        let kept = state.counts.get("messages").copied().unwrap_or(0);
        state.keep("messages without addresses and words", kept, WHY_MESSAGES, Vec::new());
        self.run.save(tx).await?;
        Ok(Next::Again)
    }

    async fn contacts(&mut self) -> Result<Next, StoreError> {
        let person = self.run.state.person.clone();
        let mut tx = self.run.begin().await?;
        for contact in &person.contacts {
            let filter = Filter::first(PAGE).of(contact.as_str());
            for row in tx.documents(store::Table::ContactAddresses, &filter).await? {
                let row = Stored::<ContactAddress>::read(row)?;
                tx.delete::<ContactAddress>(&row.id, row.version).await?;
                self.run.state.count("addresses", 1);
            }
            if let Some(row) = tx.get::<Contact>(contact).await? {
                tx.delete::<Contact>(contact, row.version).await?;
                self.run.state.count("contacts", 1);
            }
        }
        let mut ids = Vec::new();
        for address in &person.addresses {
            let filter = Filter::first(PAGE).of(address.as_str());
            for row in tx.documents(store::Table::Consents, &filter).await? {
                let row = Stored::<Consent>::read(row)?;
                let wants_none = row.value.status == ConsentStatus::OptedOut;
                if wants_none && row.value.sender != Consent::NOBODY {
                    ids.push(row.id.to_string());
                    keep_wish(&mut *tx, row).await?;
                } else {
                    tx.delete::<Consent>(&row.id, row.version).await?;
                    self.run.state.count("consents", 1);
                }
            }
        }
        self.run.state.keep_more("consents", WHY_CONSENTS, &ids, true);
        self.run.save(tx).await?;
        Ok(Next::Step("rows"))
    }

    /// Waits until the recordings are gone, also at the carrier.
    async fn recordings(&mut self) -> Result<Next, StoreError> {
        let part = self.run.part;
        let person = self.run.state.person.clone();
        for call in person.calls.iter().filter(|call| !person.held.contains(call)) {
            let mut is_left = false;
            for row in recordings(part, call).await? {
                if row.value.status == RecordingStatus::Deleted {
                    continue;
                }
                is_left = true;
                let mut tx = self.run.begin().await?;
                self.end_recording(&mut *tx, row).await?;
                self.run.save(tx).await?;
            }
            if is_left {
                self.run.shared.recordings.wake();
                return Ok(Next::Wait("recordings", SOON));
            }
            self.remove_unlisted(call).await?;
        }
        Ok(Next::Step("again"))
    }

    /// What was recorded here and never got a row.
    async fn remove_unlisted(&self, call: &CallId) -> Result<(), StoreError> {
        let tenant = self.run.part.id();
        for format in RecordingFormat::ALL {
            let file = path(&self.run.shared.data_dir, tenant.as_str(), call.as_str(), format);
            match tokio::fs::remove_file(&file).await {
                Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                    return Err(super::messages::not_deleted(cause));
                }
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    /// Whether something new came meanwhile, which is erased too.
    async fn again(&mut self) -> Result<Next, StoreError> {
        let known = self.run.state.person.clone();
        let subject = super::state::Subject::default();
        let found = Person { calls: Vec::new(), conversations: Vec::new(), ..known.clone() };
        let found = found.find(self.run.part, &subject).await?;
        let is_new = found.calls.iter().any(|call| !known.held.contains(call))
            || !found.conversations.is_empty()
            || found.contacts.len() > known.contacts.len();
        if is_new && self.run.state.rounds < ROUNDS {
            self.run.state.rounds += 1;
            return Ok(Next::Step("find"));
        }
        // Somebody may have been at work with what was found, and have made something of it.
        if std::mem::take(&mut self.run.state.changed) && self.run.state.rounds < ROUNDS {
            self.run.state.rounds += 1;
            return Ok(Next::Step("rows"));
        }
        self.run.state.keep("elsewhere", 1, WHY_ELSEWHERE, Vec::new());
        Ok(Next::Done)
    }
}

/// Messages that may still be sent.
const PENDING: [MessageStatus; 4] =
    [MessageStatus::Scheduled, MessageStatus::Queued, MessageStatus::Held, MessageStatus::Sending];

async fn recordings(part: &Part, call: &CallId) -> Result<Vec<Stored<Recording>>, StoreError> {
    part.list::<Recording>(&Filter::first(PAGE).of(call.as_str())).await
}

/// Keeps that somebody wants no more messages, and not in which words they said so.
async fn keep_wish(tx: &mut (dyn TenantTx + 'static), row: Stored<Consent>) -> Result<(), StoreError> {
    if row.value.proofs.iter().all(|proof| proof.evidence.is_empty()) {
        return Ok(());
    }
    let mut consent = row.value;
    for proof in &mut consent.proofs {
        proof.evidence.clear();
    }
    tx.update(&row.id, row.version, consent).await?;
    Ok(())
}
