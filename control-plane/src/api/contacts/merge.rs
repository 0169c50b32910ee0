//! Two contacts turn out to be the same person: addresses, conversation and messages of the one become the other's.

use super::{ContactForm, ContactItem};
use crate::{
    api::{
        body::{Body, Check},
        crud::Tx,
        item::Item,
        need::ContactsManage,
        once::{Answer, Stop},
        op::Op,
        path::PathId,
        schema,
    },
    inbox::{control, live},
    problem::{Code, Fault, FaultCode, Faults, Place, Problem},
    shared::Shared,
};
use axum::{http::StatusCode, response::Response};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::{
    Filter, StoreError, Stored, Table,
    ids::{ContactId, ConversationId},
    model::{
        contact::{Contact, ContactAddress},
        message::{Control, Conversation, ConversationStatus, Message},
    },
};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Two who change one of them at once are already unusual.
const ATTEMPTS: usize = 8;
/// Addresses that one contact has at most, as where it is set.
const ADDRESSES_MAX: usize = 20;
/// Messages that are moved at once.
const MOVED: u16 = 500;
/// Messages that are moved at most: a unit of work keeps others waiting.
const MOVED_MAX: usize = 20_000;

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default().routes(routes!(merge_contacts))
}

/// The contact that turned out to be the same person.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MergeForm {
    /// It is gone afterwards.
    #[schema(schema_with = schema::id::<ContactId>)]
    other: ContactId,
}

impl Check for MergeForm {
    fn check(&self, _: &mut Faults) {}
}

/// Makes another contact part of this one: what this one does not say of itself the other says; addresses, conversation and messages
/// move. The other is gone; asked for again, it is as it is.
#[utoipa::path(
    post, path = "/v1/contacts/{id}/merge", tag = "Contacts", security(("bearer" = ["contacts:manage"])),
    params(("id" = String, Path, description = "`con_…`, which stays")), request_body = MergeForm,
    responses((status = 200, description = "As it is now", body = ContactItem)),
)]
async fn merge_contacts(
    op: Op<ContactsManage>,
    PathId(id): PathId<ContactId>,
    body: Body<MergeForm>,
) -> Result<Response, Stop> {
    let other = body.value.other;
    for _ in 0..ATTEMPTS {
        let mut work = op.begin_once(&body.once).await?;
        let found = work.tx.get::<Contact>(&id).await?;
        let kept = found.ok_or_else(|| Problem::not_found("contact"))?;
        if other == id {
            return Err(at_other(FaultCode::InvalidValue, "a contact is the same person as itself").into());
        }
        let merged = if kept.value.merged.contains(&other) {
            Ok(kept)
        } else {
            let found = work.tx.get::<Contact>(&other).await?;
            let gone =
                found.ok_or_else(|| at_other(FaultCode::UnknownReference, "there is no such contact"))?;
            merge(&mut *work.tx, kept, gone).await
        };
        match merged {
            Ok(row) => {
                let version = row.version;
                let answer = Answer::changed(StatusCode::OK, version, &Item::of(row, ContactForm::of))?;
                let response = work.finish(answer).await?;
                afterwards(&op, &id).await?;
                return Ok(response);
            }
            // A message came in at this moment.
            Err(problem) if problem.code == Code::PreconditionFailed => {}
            Err(problem) => return Err(problem.into()),
        }
    }
    Err(Problem::new(Code::Conflict, "others change these contacts in every moment; try again").into())
}

/// The calls with either are in the hands of whoever has the conversation.
async fn afterwards(op: &Op<ContactsManage>, contact: &ContactId) -> Result<(), StoreError> {
    if let Some(row) = op.store.find::<Conversation>(contact.as_str()).await? {
        live::follow_control(&op.shared, &*op.store, &row.id).await?;
    }
    op.shared.replies.notify_one();
    Ok(())
}

fn at_other(code: FaultCode, detail: &str) -> Problem {
    let place = Place::Pointer("/other".to_owned());
    Problem::unacceptable(vec![Fault { place, code, detail: detail.to_owned() }])
}

async fn merge(
    tx: &mut Tx,
    kept: Stored<Contact>,
    gone: Stored<Contact>,
) -> Result<Stored<Contact>, Problem> {
    for address in &gone.value.addresses {
        let lookup = ContactAddress::lookup(address.kind, &address.address);
        if let Some(row) = tx.find::<ContactAddress>(&lookup).await? {
            let moved = ContactAddress { contact: kept.id.clone(), ..row.value };
            tx.update(&row.id, row.version, moved).await?;
        }
    }
    conversations(tx, &kept.id, &gone.id).await?;
    tx.delete::<Contact>(&gone.id, gone.version).await?;
    let value = united(kept.value, gone.value, gone.id)?;
    Ok(tx.update(&kept.id, kept.version, value).await?)
}

/// One contact that knows what both knew; where they differ, the one that stays counts.
fn united(kept: Contact, gone: Contact, gone_id: ContactId) -> Result<Contact, Problem> {
    let mut addresses = kept.addresses;
    addresses.extend(gone.addresses);
    if addresses.len() > ADDRESSES_MAX {
        let detail = format!("together they have more than {ADDRESSES_MAX} addresses");
        return Err(Problem::new(Code::Conflict, detail));
    }
    let mut fields = gone.fields;
    fields.extend(kept.fields);
    let mut merged = kept.merged;
    merged.extend(gone.merged);
    merged.push(gone_id);
    Ok(Contact {
        name: if kept.name.is_empty() { gone.name } else { kept.name },
        company: kept.company.or(gone.company),
        language: kept.language.or(gone.language),
        time_zone: kept.time_zone.or(gone.time_zone),
        notes: kept.notes.or(gone.notes),
        fields,
        lead_status: kept.lead_status.or(gone.lead_status),
        lead_score: kept.lead_score.max(gone.lead_score),
        addresses,
        merged,
    })
}

/// What was written with the other goes on in the conversation with the one that stays.
async fn conversations(tx: &mut Tx, kept: &ContactId, gone: &ContactId) -> Result<(), Problem> {
    let Some(from) = tx.find::<Conversation>(gone.as_str()).await? else { return Ok(()) };
    let Some(into) = tx.find::<Conversation>(kept.as_str()).await? else {
        let key = Some(kept.to_string());
        let moved = Conversation { key, contact: Some(kept.clone()), ..from.value };
        tx.update(&from.id, from.version, moved).await?;
        return Ok(());
    };
    move_messages(tx, &from.id, &into.id).await?;
    tx.delete::<Conversation>(&from.id, from.version).await?;
    let value = joined(into.value, from.value);
    let is_assistants = value.control == Control::Assistant;
    control::keep(tx, &into.id, into.version, value).await?;
    if is_assistants {
        // What it was about to answer in the other conversation it looks at again here.
        control::hand_back(tx, &into.id).await?;
    }
    Ok(())
}

async fn move_messages(tx: &mut Tx, from: &ConversationId, into: &ConversationId) -> Result<(), Problem> {
    let mut moved = 0;
    loop {
        let some = tx.documents(Table::Communications, &Filter::first(MOVED).of(from.as_str())).await?;
        if some.is_empty() {
            return Ok(());
        }
        moved += some.len();
        if moved > MOVED_MAX {
            let detail = format!("the other contact has more than {MOVED_MAX} messages");
            return Err(Problem::new(Code::Conflict, detail));
        }
        for row in some {
            let Stored { id, version, value, .. } = Stored::<Message>::read(row)?;
            tx.update(&id, version, Message { conversation: Some(into.clone()), ..value }).await?;
        }
    }
}

/// One conversation out of two: the latest activity of both. Where a person had one of them, they have both, and what the assistant
/// wrote in either does not leave any more.
fn joined(into: Conversation, from: Conversation) -> Conversation {
    let are_assistants = into.control == Control::Assistant && from.control == Control::Assistant;
    let epoch = into.epoch.max(from.epoch) + i64::from(!are_assistants);
    let is_newer = from.last_message_at > into.last_message_at;
    let is_open = [into.status, from.status].contains(&ConversationStatus::Open);
    let control =
        if into.control == Control::Assistant { from.control.clone() } else { into.control.clone() };
    let (newest, older) = if is_newer { (from.clone(), &into) } else { (into.clone(), &from) };
    Conversation {
        key: into.key.clone(),
        contact: into.contact.clone(),
        channel: newest.channel,
        number: newest.number.clone().or_else(|| older.number.clone()),
        own_address: newest.own_address.clone(),
        address: newest.address.clone(),
        status: if is_open { ConversationStatus::Open } else { ConversationStatus::Closed },
        last_message_at: newest.last_message_at,
        last_inbound_at: into.last_inbound_at.max(from.last_inbound_at),
        control,
        epoch,
        assignee: into.assignee.clone().or_else(|| from.assignee.clone()),
        team: into.team.clone().or_else(|| from.team.clone()),
        column: into.column.clone().or_else(|| from.column.clone()),
        subject: newest.subject.clone().or_else(|| older.subject.clone()),
        unread: into.unread.saturating_add(from.unread),
        answer_due_at: into.answer_due_at.into_iter().chain(from.answer_due_at).min(),
        answer_missed: into.answer_missed || from.answer_missed,
        analysis: newest.analysis.clone().or_else(|| older.analysis.clone()),
    }
}
