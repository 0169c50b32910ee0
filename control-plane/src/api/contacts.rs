//! `/v1/contacts`: people who talk to a tenant. A call of one of them is answered by an assistant that knows who calls; their
//! addresses, by which they are found, are one contact's each.

mod form;
mod merge;

use super::{
    body::{Body, Patch},
    crud::{self, Tx},
    etag::Preconditions,
    item::Item,
    need::{ContactsManage, ContactsRead},
    once::{Answer, Stop},
    op::Op,
    page::{List, Page, PageParams},
    path::PathId,
    phone,
};
use crate::{
    contacts::with_address,
    problem::{Code, Problem},
    shared::Shared,
};
use axum::{Json, http::StatusCode, response::Response};
use form::{ContactForm, ContactParams};
use std::sync::Arc;
use store::{
    Filter, Stored,
    ids::{ContactAddressId, ContactId},
    model::{
        contact::{Address, AddressKind, Contact, ContactAddress},
        message::Conversation,
    },
};
use utoipa_axum::{router::OpenApiRouter, routes};

/// Conversations with one address: one for each of the tenant's numbers and channels.
const CONVERSATIONS: u16 = 1_000;

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default()
        .routes(routes!(list_contacts, create_contact))
        .routes(routes!(read_contact, update_contact, delete_contact))
        .merge(merge::routes())
}

type ContactItem = Item<ContactForm>;
type ContactPatch = Patch<ContactForm>;

/// Lists the contacts, newest first, or finds the one who has an address.
#[utoipa::path(
    get, path = "/v1/contacts", tag = "Contacts", security(("bearer" = ["contacts:read"])),
    params(PageParams, ContactParams),
    responses((status = 200, description = "A page of them", body = Page<ContactItem>)),
)]
async fn list_contacts(
    op: Op<ContactsRead>,
    list: List<ContactParams>,
) -> Result<Json<Page<ContactItem>>, Problem> {
    let ContactParams { phone, email, lead_status } = list.filter.clone();
    let phone = phone.map(|phone| (AddressKind::Phone, phone::of_person(phone)));
    let email = email.map(|email| (AddressKind::Email, email.to_lowercase()));
    let Some((kind, address)) = phone.or(email) else {
        let narrow = |filter: Filter| match lead_status {
            Some(status) => filter.with_status(status),
            None => filter,
        };
        return crud::list(&op, &list, narrow, ContactForm::of).await;
    };
    let found = with_address(&*op.store, kind, &address).await?;
    let found = found.filter(|row| lead_status.is_none() || row.value.lead_status == lead_status);
    let rows: Vec<Stored<Contact>> = found.into_iter().collect();
    Ok(Json(list.page_of(rows, |row| Item::of(row, ContactForm::of))))
}

/// Adds a contact.
#[utoipa::path(
    post, path = "/v1/contacts", tag = "Contacts", security(("bearer" = ["contacts:manage"])), request_body = ContactForm,
    responses((status = 201, description = "It is there", body = ContactItem)),
)]
async fn create_contact(op: Op<ContactsManage>, body: Body<ContactForm>) -> Result<Response, Stop> {
    let contact = Contact::from(body.value);
    let mut work = op.begin_once(&body.once).await?;
    let row = work.tx.insert(contact).await?;
    for (index, address) in row.value.addresses.iter().enumerate() {
        add_address(&mut *work.tx, &row.id, index, address).await?;
    }
    let (version, location) = (row.version, format!("/v1/contacts/{}", row.id));
    let answer = Answer::created(&Item::of(row, ContactForm::of), location, version)?;
    work.finish(answer).await
}

/// Reads a contact.
#[utoipa::path(
    get, path = "/v1/contacts/{id}", tag = "Contacts", security(("bearer" = ["contacts:read"])),
    params(("id" = String, Path, description = "`con_…`")),
    responses((status = 200, description = "The contact", body = ContactItem), (status = 304, description = "As it is known")),
)]
async fn read_contact(
    op: Op<ContactsRead>,
    PathId(id): PathId<ContactId>,
    known: Preconditions,
) -> Result<Response, Problem> {
    crud::read(&op, &id, &known, ContactForm::of).await
}

/// Changes a contact.
#[utoipa::path(
    patch, path = "/v1/contacts/{id}", tag = "Contacts", security(("bearer" = ["contacts:manage"])),
    params(("id" = String, Path, description = "`con_…`")), request_body = ContactPatch,
    responses((status = 200, description = "As it is now", body = ContactItem)),
)]
async fn update_contact(
    op: Op<ContactsManage>,
    PathId(id): PathId<ContactId>,
    known: Preconditions,
    patch: ContactPatch,
) -> Result<Response, Problem> {
    let mut tx = op.begin().await?;
    let row = crud::current::<Contact>(&mut *tx, &id, &known).await?;
    let (before, merged) = (row.value.addresses.clone(), row.value.merged.clone());
    let after = Contact { merged, ..Contact::from(patch.apply(&ContactForm::of(row.value))?) };
    for address in before.iter().filter(|address| !after.addresses.contains(address)) {
        remove_address(&mut *tx, address).await?;
    }
    for (index, address) in after.addresses.iter().enumerate() {
        if !before.contains(address) {
            add_address(&mut *tx, &id, index, address).await?;
        }
    }
    let changed = tx.update(&id, row.version, after).await?;
    tx.commit().await?;
    Ok(crud::shown(changed, ContactForm::of))
}

/// Deletes a contact. What was written with them stays, without their name.
#[utoipa::path(
    delete, path = "/v1/contacts/{id}", tag = "Contacts", security(("bearer" = ["contacts:manage"])),
    params(("id" = String, Path, description = "`con_…`")),
    responses((status = 204, description = "It is gone")),
)]
async fn delete_contact(
    op: Op<ContactsManage>,
    PathId(id): PathId<ContactId>,
    known: Preconditions,
) -> Result<StatusCode, Problem> {
    let read = op.store.get::<Contact>(&id).await?.ok_or_else(|| Problem::not_found("contact"))?;
    let mut conversations = Vec::new();
    for address in read.value.addresses.iter().filter(|address| address.kind == AddressKind::Phone) {
        let with = Filter::first(CONVERSATIONS).of(address.address.as_str());
        conversations.extend(op.store.list::<Conversation>(&with).await?);
    }
    conversations.retain(|row| row.value.contact.as_ref() == Some(&id));
    // The one over all channels, whatever address was written with last.
    if let Some(row) = op.store.find::<Conversation>(id.as_str()).await?
        && conversations.iter().all(|known| known.id != row.id)
    {
        conversations.push(row);
    }
    let mut tx = op.begin().await?;
    let row = crud::current::<Contact>(&mut *tx, &id, &known).await?;
    for Stored { id, version, value, .. } in conversations {
        tx.update(&id, version, Conversation { key: None, contact: None, ..value }).await?;
    }
    for address in &row.value.addresses {
        remove_address(&mut *tx, address).await?;
    }
    tx.delete::<Contact>(&id, row.version).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lets a contact be found by an address, which no other contact may have.
async fn add_address(
    tx: &mut Tx,
    contact: &ContactId,
    index: usize,
    address: &Address,
) -> Result<(), Problem> {
    let new = ContactAddress { contact: contact.clone(), address: address.clone() };
    match tx.insert_new(ContactAddressId::generate(), new).await? {
        Some(_) => Ok(()),
        None => Err(Problem::new(Code::Taken, "another contact has this address")
            .at(&format!("/addresses/{index}/address"))),
    }
}

async fn remove_address(tx: &mut Tx, address: &Address) -> Result<(), Problem> {
    let lookup = ContactAddress::lookup(address.kind, &address.address);
    if let Some(row) = tx.find::<ContactAddress>(&lookup).await? {
        tx.delete::<ContactAddress>(&row.id, row.version).await?;
    }
    Ok(())
}
