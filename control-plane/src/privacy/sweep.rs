//! Takes a person out of what is kept of others: what customers' servers are told, what happened, what was told to us, recipients that
//! wait, remembered answers and the audit log. Settings and what others wrote are theirs: whether they name the person, the receipt says.

use super::{
    EXPORT, is_request,
    needles::Needles,
    person::PAGE,
    state::State,
    worker::{Next, Run},
};
use crate::keys::sha256_hex;
use objects::Key;
use serde_json::{Value, json};
use store::{
    Document, Filter, StoreError, Stored, Table, TenantTx,
    ids::ContactId,
    model::{
        audit::{AuditEntry, AuditFilter},
        contact::Contact,
        inbox::TenantEvent,
        outgoing::{Batch, BatchChunk, BatchStatus, Recipient},
        webhook::{DeliveryStatus, InboundEvent, InboundStatus, WebhookDelivery},
        work::{Job, JobStatus},
    },
};

/// What stands where something was.
const ERASED: &str = "[erased]";
/// Lines of the audit log that are read at once.
const LINES: u16 = 500;
/// A remembered answer of which nothing is left.
const ANSWER: &str = "{\"head\":{},\"body\":{\"erased\":true}}";

const WHY_SETTINGS: &str =
    "settings of the tenant name an address of the person: whoever set them up decides";
const WHY_OTHERS: &str = "they are other people's, who named an address of the person";

/// What is done with the rows of a table that tell of the person.
enum Treatment {
    Change,
    /// They are settings: which, the receipt says.
    Settings,
    /// They are other people's: how many, the receipt says.
    Others,
}

const TABLES: [(Table, Treatment); 27] = [
    // First what others are made from.
    (Table::InboundEvents, Treatment::Change),
    (Table::Jobs, Treatment::Change),
    (Table::WebhookDeliveries, Treatment::Change),
    (Table::TenantEvents, Treatment::Change),
    (Table::BatchChunks, Treatment::Change),
    (Table::Batches, Treatment::Change),
    (Table::QueueEntries, Treatment::Change),
    (Table::ChannelHealth, Treatment::Change),
    (Table::Health, Treatment::Change),
    (Table::Communications, Treatment::Others),
    (Table::Attempts, Treatment::Others),
    (Table::Conversations, Treatment::Others),
    (Table::Contacts, Treatment::Others),
    (Table::Voicemails, Treatment::Others),
    (Table::PhoneNumbers, Treatment::Settings),
    (Table::Assistants, Treatment::Settings),
    (Table::Queues, Treatment::Settings),
    (Table::Flows, Treatment::Settings),
    (Table::BusinessHours, Treatment::Settings),
    (Table::ProviderAccounts, Treatment::Settings),
    (Table::WebhookEndpoints, Treatment::Settings),
    (Table::Templates, Treatment::Settings),
    (Table::TemplateVersions, Treatment::Settings),
    (Table::CannedReplies, Treatment::Settings),
    (Table::Teams, Treatment::Settings),
    (Table::Mailboxes, Treatment::Settings),
    (Table::Tenants, Treatment::Settings),
];

/// A page of the table that is next.
pub(super) async fn rows(run: &mut Run<'_>) -> Result<Next, StoreError> {
    let (index, after) = run.state.place.clone();
    let Some((table, treatment)) = TABLES.get(index) else { return Ok(Next::Step("answers")) };
    let filter = Filter { after: Some(after).filter(|after| !after.is_empty()), ..Filter::first(PAGE) };
    let page = run.part.documents(*table, &filter.oldest_first()).await?;
    let needles = match treatment {
        Treatment::Change => Needles::of(&run.state.person),
        Treatment::Settings | Treatment::Others => Needles::addresses(&run.state.person.addresses),
    };
    run.state.place = match page.last() {
        Some(last) => (index, last.id.clone()),
        None => (index + 1, String::new()),
    };
    let own = run.id.to_string();
    let found: Vec<_> = page.into_iter().filter(|row| row.id != own && needles.are_in(&row.body)).collect();
    if found.is_empty() && run.state.place.0 == index {
        return Ok(Next::Again);
    }
    let ids: Vec<_> = found.iter().map(|row| row.id.clone()).collect();
    match treatment {
        Treatment::Settings => run.state.keep_more("settings", WHY_SETTINGS, &ids, true),
        Treatment::Others => run.state.keep_more("mentions by others", WHY_OTHERS, &ids, true),
        Treatment::Change => {
            for row in &found {
                delete_export(run, *table, row).await?;
            }
        }
    }
    let mut tx = run.begin().await?;
    if matches!(treatment, Treatment::Change) {
        for row in found {
            if change(&mut *tx, *table, row, &needles).await? {
                run.state.count(counted_as(*table), 1);
                run.state.changed = true;
            }
        }
    }
    run.save(tx).await?;
    Ok(Next::Again)
}

const fn counted_as(table: Table) -> &'static str {
    match table {
        Table::WebhookDeliveries => "webhook deliveries",
        Table::TenantEvents => "events",
        Table::InboundEvents => "inbound events",
        Table::BatchChunks => "recipients of batches",
        Table::Jobs => "jobs",
        _ => "others",
    }
}

/// Deletes the file of an export of the person; again is the same.
async fn delete_export(run: &Run<'_>, table: Table, row: &Document) -> Result<(), StoreError> {
    if table != Table::Jobs {
        return Ok(());
    }
    let job = Stored::<Job>::read(row.clone())?.value;
    if job.kind != EXPORT {
        return Ok(());
    }
    let Some(file) = State::read(&job)?.file else { return Ok(()) };
    let Ok(key) = file.key.parse::<Key>() else { return Ok(()) };
    run.shared.objects.delete(&key).await.map_err(super::messages::not_deleted)
}

/// Takes the person out of a row; whether anything was changed.
async fn change(
    tx: &mut (dyn TenantTx + 'static),
    table: Table,
    row: Document,
    needles: &Needles,
) -> Result<bool, StoreError> {
    match table {
        Table::WebhookDeliveries => {
            let Stored { id, version, mut value, .. } = Stored::<WebhookDelivery>::read(row)?;
            match value.payload.get_mut("data") {
                Some(data) => *data = json!({ "erased": true }),
                None => value.payload = json!({ "erased": true }),
            }
            blank_texts(&mut value.payload, needles);
            value.last_error = value.last_error.filter(|text| !needles.are_in(text));
            if value.status == DeliveryStatus::Pending {
                value.status = DeliveryStatus::Failed;
                value.last_error = Some("whom it tells of was erased".to_owned());
            }
            tx.update(&id, version, value).await?;
        }
        Table::TenantEvents => {
            let Stored { id, version, value, .. } = Stored::<TenantEvent>::read(row)?;
            tx.update(&id, version, TenantEvent { data: json!({ "erased": true }), ..value }).await?;
        }
        Table::InboundEvents => {
            let Stored { id, version, value, .. } = Stored::<InboundEvent>::read(row)?;
            let is_open = value.status == InboundStatus::Received;
            let changed = InboundEvent {
                raw: sha256_hex(value.raw.as_bytes()),
                dedupe_key: if needles.are_in(&value.dedupe_key) {
                    sha256_hex(value.dedupe_key.as_bytes())
                } else {
                    value.dedupe_key
                },
                status: if is_open { InboundStatus::Ignored } else { value.status },
                outcome: Some("whom it tells of was erased".to_owned()),
                ..value
            };
            tx.update(&id, version, changed).await?;
        }
        Table::Jobs => return change_job(tx, Stored::read(row)?, needles).await,
        Table::BatchChunks => {
            let Stored { id, version, mut value, .. } = Stored::<BatchChunk>::read(row)?;
            let is_theirs = |recipient: &Recipient| {
                serde_json::to_string(recipient).is_ok_and(|text| needles.are_in(&text))
            };
            let before = value.recipients.len();
            value.recipients.retain(|recipient| !is_theirs(recipient));
            let gone = u64::try_from(before - value.recipients.len()).unwrap_or(0);
            if let Some(batch) = tx.get::<Batch>(&value.batch).await?
                && batch.value.status != BatchStatus::Done
            {
                let left = batch.value.left.saturating_sub(gone);
                tx.update(&batch.id, batch.version, Batch { left, ..batch.value }).await?;
            }
            tx.update(&id, version, value).await?;
        }
        other => {
            let mut body: Value = serde_json::from_str(&row.body)
                .map_err(|source| StoreError::Unreadable { what: other.noun(), source })?;
            blank_texts(&mut body, needles);
            let body = store::Body::stored(body.to_string());
            tx.replace_document(other, &row.id, row.version, &body).await?;
        }
    }
    Ok(true)
}

/// A job that is over, or tells others of the person, says nothing of them; one that goes on is somebody's setting up.
async fn change_job(
    tx: &mut (dyn TenantTx + 'static),
    row: Stored<Job>,
    needles: &Needles,
) -> Result<bool, StoreError> {
    let Stored { id, version, mut value, .. } = row;
    if is_request(&value) {
        // Another erasure of the same person comes to its end by itself.
        if value.kind != EXPORT {
            return Ok(false);
        }
        let mut state = State::read(&value)?;
        state.forget();
        state.file = None;
        value.state = state.written()?;
        if value.status == JobStatus::Running {
            value.status = JobStatus::Failed;
            value.error = Some("the person was erased".to_owned());
        }
    } else if value.status == JobStatus::Running && value.kind != "announce" {
        return Ok(false);
    } else {
        value.state = Value::Null;
        value.error = value.error.filter(|text| !needles.are_in(text));
        if value.key.as_deref().is_some_and(|key| needles.are_in(key)) {
            value.key = None;
        }
    }
    tx.update(&id, version, value).await?;
    Ok(true)
}

/// Replaces every text that tells of the person.
fn blank_texts(value: &mut Value, needles: &Needles) {
    match value {
        // As it stands in JSON: with its quotes.
        Value::String(text) if needles.are_in(&json!(text).to_string()) => ERASED.clone_into(text),
        Value::Array(values) => values.iter_mut().for_each(|value| blank_texts(value, needles)),
        Value::Object(fields) => fields.values_mut().for_each(|value| blank_texts(value, needles)),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A page of the answers that are remembered for requests that come again.
pub(super) async fn answers(run: &mut Run<'_>) -> Result<Next, StoreError> {
    let page = run.part.answers(&run.state.place.1, PAGE).await?;
    let Some(last) = page.last() else { return Ok(Next::Step("audit")) };
    run.state.place.1.clone_from(&last.key);
    let needles = Needles::of(&run.state.person);
    // Answers hold JSON in JSON.
    let tells = |text: &str| needles.are_in(text) || needles.are_in(&text.replace("\\\"", "\""));
    let found: Vec<_> = page.into_iter().filter(|row| tells(&row.response)).collect();
    if found.is_empty() {
        return Ok(Next::Again);
    }
    let mut tx = run.begin().await?;
    for row in found {
        if tx.replace_answer(&row.key, ANSWER).await? {
            run.state.count("remembered answers", 1);
        }
    }
    run.save(tx).await?;
    Ok(Next::Again)
}

/// A page of the audit log, the newest first.
pub(super) async fn audit(run: &mut Run<'_>) -> Result<Next, StoreError> {
    let after = Some(run.state.place.1.clone()).filter(|after| !after.is_empty());
    let page = run.part.audit_log(&AuditFilter { after, limit: LINES, ..AuditFilter::default() }).await?;
    let Some(last) = page.last() else { return Ok(Next::Step("recordings")) };
    run.state.place.1.clone_from(&last.id);
    let needles = Needles::of(&run.state.person);
    let found: Vec<_> = page.iter().filter(|entry| is_told(entry, &needles)).collect();
    let mut former = Vec::new();
    for entry in &found {
        if let Some(contact) = former_contact(run, entry).await? {
            former.push(contact);
        }
    }
    let is_new = former.iter().any(|contact| !run.state.person.contacts.contains(contact));
    run.state.person.contacts.extend(former);
    if found.is_empty() {
        return Ok(Next::Again);
    }
    let mut tx = run.begin().await?;
    for entry in found {
        if tx.blank_audit_entry(&entry.id).await? {
            run.state.count("lines of the audit log", 1);
        }
    }
    if is_new {
        // What was written of that contact without an address is found from the newest line on.
        run.state.place.1.clear();
        run.state.person.contacts.dedup();
    }
    run.save(tx).await?;
    Ok(Next::Again)
}

/// Whether a line says something of the person that is still there.
fn is_told(entry: &AuditEntry, needles: &Needles) -> bool {
    let bodies = || entry.before.iter().chain(&entry.after).filter(|body| *body != "{\"erased\":true}");
    let is_of_a_request = entry.action.starts_with("privacy.");
    !is_of_a_request
        && bodies().next().is_some()
        && (needles.are_in(&entry.object) || bodies().any(|body| needles.are_in(body)))
}

/// The contact that a line tells of, if it had an address of the person and is no more.
async fn former_contact(run: &Run<'_>, entry: &AuditEntry) -> Result<Option<ContactId>, StoreError> {
    if !entry.action.starts_with("contact.") {
        return Ok(None);
    }
    let Ok(contact) = ContactId::parse(&entry.object) else { return Ok(None) };
    if run.state.person.contacts.contains(&contact) || run.part.get::<Contact>(&contact).await?.is_some() {
        return Ok(None);
    }
    Ok(Some(contact))
}
