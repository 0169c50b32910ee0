//! `/v1/messages/batch` and `/v1/batches`: one message to many. Recipients are stored before the answer; each gets a message of their
//! own, chunk by chunk, so that a batch can be paused, gone on with and ended, and shows how far it is.

pub(super) mod csv;

use super::{
    body::{Body, Check, Empty},
    crud,
    etag::Preconditions,
    item::{Item, Named},
    messages::{
        form::{MessageForm, ToForm},
        refused,
    },
    need::{ContactsRead, MessagesSend},
    once::{Answer, Once, Stop},
    op::Op,
    page::{List, Page, PageParams},
    path::PathId,
    schema,
};
use crate::{
    problem::{Code, Fault, FaultCode, Faults, Place, Problem},
    sending::{
        compose::{ComposeError, Wish, plan},
        templates::{self, FromTemplate, WrongVariable},
    },
    shared::Shared,
};
use axum::{
    Json,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use outbox::CHUNK;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};
use store::{
    Filter, Stored,
    ids::{BatchId, UserId},
    model::{
        outgoing::{Batch, BatchChunk, BatchStatus, ChunkStatus, Recipient},
        work::WorkKind,
    },
};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

/// Recipients of a batch at most.
const RECIPIENTS_MAX: usize = 100_000;

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default()
        .routes(routes!(send_batch))
        .routes(routes!(list_batches))
        .routes(routes!(read_batch))
        .routes(routes!(pause_batch))
        .routes(routes!(resume_batch))
        .routes(routes!(cancel_batch))
        .routes(routes!(export_batch))
}

/// A message to many.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewBatch)]
pub(crate) struct BatchForm {
    /// For people.
    #[schema(min_length = 1, max_length = 100, example = "Spring news")]
    name: String,
    /// What each of them gets; its `to` is left out.
    message: MessageForm,
    /// To whom. Either this or `csv`.
    #[serde(default)]
    #[schema(max_items = 100000)]
    recipients: Vec<ToForm>,
    /// To whom, as comma-separated values (RFC 4180) with a line of names: `phone`, `email`, `push`,
    /// `contact`, `language`; other columns fill in the template's places.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 20000000)]
    csv: Option<String>,
}

impl Named for BatchForm {
    const NAME: &'static str = "NewBatch";
}

impl Check for BatchForm {
    fn check(&self, faults: &mut Faults) {
        faults.text("name", &self.name, 1, 100);
        faults.field("message", |faults| self.message.check_content(faults));
        match &self.csv {
            Some(text) => {
                if !self.recipients.is_empty() {
                    faults.add_at("csv", FaultCode::InvalidValue, "give either recipients or csv");
                }
                match csv::read(text, RECIPIENTS_MAX) {
                    Ok(recipients) if recipients.is_empty() => {
                        faults.add_at("csv", FaultCode::InvalidValue, "there is nobody in it");
                    }
                    Ok(_) => {}
                    Err(cause) => faults.add_at("csv", FaultCode::InvalidValue, cause.to_string()),
                }
            }
            None => {
                if self.recipients.is_empty() {
                    faults.add_at("recipients", FaultCode::InvalidValue, "name at least one recipient");
                }
                faults.at_most("recipients", &self.recipients, RECIPIENTS_MAX);
                faults.each("recipients", &self.recipients, |faults, to| to.check(faults));
            }
        }
    }
}

/// A batch and how far it is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BatchView {
    /// For people.
    name: String,
    /// How far it has come; `done`: every recipient has a message.
    #[schema(schema_with = schema::word::<BatchStatus>)]
    status: BatchStatus,
    /// How many recipients there are.
    #[schema(minimum = 0)]
    recipients: u64,
    /// Recipients who have no message yet.
    #[schema(minimum = 0)]
    left: u64,
    /// Who made it, if it was a user.
    #[schema(schema_with = schema::optional_id::<UserId>)]
    made_by: Option<UserId>,
}

impl Named for BatchView {
    const NAME: &'static str = "Batch";
}

impl BatchView {
    fn of(batch: Batch) -> Self {
        let Batch { name, status, recipients, left, made_by, .. } = batch;
        Self { name, status, recipients, left, made_by }
    }
}

pub(super) type BatchItem = Item<BatchView>;

/// A batch, with how many of its messages are in which state.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BatchProgress {
    /// It.
    batch: BatchItem,
    /// How many of its messages are in which state.
    messages: BTreeMap<String, i64>,
}

/// No filter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct BatchParams {
    /// In this state.
    #[param(schema_with = schema::word::<BatchStatus>)]
    status: Option<BatchStatus>,
}

/// Sends a message to many.
#[utoipa::path(
    post, path = "/v1/messages/batch", tag = "Messages", security(("bearer" = ["messages:send"])), request_body = BatchForm,
    responses((status = 202, description = "All of them are stored and will get it", body = BatchItem)),
)]
async fn send_batch(op: Op<MessagesSend>, body: Body<BatchForm>) -> Result<Response, Stop> {
    let BatchForm { name, message, recipients, csv } = body.value;
    let from_csv = csv.is_some();
    let mut recipients: Vec<Recipient> = match csv {
        Some(text) => {
            csv::read(&text, RECIPIENTS_MAX).map_err(|cause| Problem::invalid(cause.to_string()))?
        }
        None => recipients.into_iter().map(ToForm::recipient).collect(),
    };
    let (mut wish, _) = message.wish();
    plan(&wish).map_err(|cause| {
        let place = Place::Pointer("/message/chain".to_owned());
        Problem::unacceptable(vec![Fault { place, code: FaultCode::InvalidValue, detail: cause.to_string() }])
    })?;
    if let Some(from) = &mut wish.template {
        prepared(&op, from, &mut recipients, from_csv).await?;
    }
    store(&op, &body.once, (name, wish, recipients), |item| item).await
}

/// Stores a batch of a former route, which `shown` answers.
pub(super) async fn store_batch<V: Serialize>(
    op: &Op<MessagesSend>,
    once: &Once,
    (name, mut wish, mut recipients): (String, Wish, Vec<Recipient>),
    shown: impl FnOnce(BatchItem) -> V,
) -> Result<Response, Stop> {
    if let Some(from) = &mut wish.template {
        prepared(op, from, &mut recipients, false).await?;
    }
    store(op, once, (name, wish, recipients), shown).await
}

/// Stores a batch, and lets it begin.
async fn store<V: Serialize>(
    op: &Op<MessagesSend>,
    once: &Once,
    (name, wish, recipients): (String, Wish, Vec<Recipient>),
    shown: impl FnOnce(BatchItem) -> V,
) -> Result<Response, Stop> {
    let made_by = UserId::parse(&op.actor().id).ok();
    let mut work = op.begin_once(once).await?;
    let now = work.tx.now();
    let count = u64::try_from(recipients.len()).unwrap_or(u64::MAX);
    let wished = serde_json::to_value(&wish).map_err(|cause| Problem::invalid(cause.to_string()))?;
    let batch = Batch {
        name,
        status: BatchStatus::Running,
        message: wished,
        recipients: count,
        left: count,
        made_by,
        send_at: wish.send_at,
    };
    let row = work.tx.insert(batch).await?;
    for (index, chunk) in recipients.chunks(CHUNK).enumerate() {
        let first = u64::try_from(index * CHUNK).unwrap_or(u64::MAX);
        let chunk = BatchChunk {
            batch: row.id.clone(),
            first,
            status: ChunkStatus::Waiting,
            recipients: chunk.to_vec(),
        };
        work.tx.insert(chunk).await?;
    }
    work.tx.schedule(WorkKind::Batch, row.id.as_str(), now).await?;
    let answer = Answer::new(StatusCode::ACCEPTED, &shown(Item::of(row, BatchView::of)))?;
    let response = work.finish(answer).await?;
    op.shared.outbox.wake_batches();
    Ok(response)
}

/// Settles which words a batch has, and looks whether every recipient has all that is filled in: what is wrong is said before
/// anybody is written to.
async fn prepared(
    op: &Op<MessagesSend>,
    from: &mut FromTemplate,
    recipients: &mut [Recipient],
    from_csv: bool,
) -> Result<(), Problem> {
    let part = &*op.store;
    let wording = templates::by_name(part, &from.name).await.map_err(|cause| match cause {
        ComposeError::NoTemplate => {
            let place = Place::Pointer("/message/template/name".to_owned());
            let detail = cause.to_string();
            Problem::unacceptable(vec![Fault { place, code: FaultCode::UnknownReference, detail }])
        }
        other => refused(other),
    })?;
    let settings = templates::settings(part).await?;
    let mut faults = Faults::default();
    for (index, recipient) in recipients.iter_mut().enumerate() {
        if from_csv {
            let values = wording.template.values_of_texts(&recipient.variables);
            recipient.variables = values.into_iter().collect();
        }
        let values = templates::values(&wording.template, from, recipient, &settings);
        let Err(errors) = wording.template.check_values(&values) else { continue };
        for WrongVariable { error, of_recipient } in templates::wrong(errors, recipient) {
            let (name, said) = (error.name().replace('~', "~0").replace('/', "~1"), error.to_string());
            let missing = matches!(error, messaging::template::VariableError::Missing(_));
            match (from_csv, of_recipient || missing) {
                (true, _) => {
                    let said = format!("recipient {}: {said}", index + 1);
                    faults.add_pointed("/csv", FaultCode::InvalidValue, said);
                }
                (false, true) => {
                    let pointer = format!("/recipients/{index}/variables/{name}");
                    faults.add_pointed(&pointer, FaultCode::InvalidValue, said);
                }
                (false, false) => {
                    let pointer = format!("/message/template/variables/{name}");
                    faults.add_pointed(&pointer, FaultCode::InvalidValue, said);
                }
            }
        }
    }
    from.pinned = Some((wording.id, wording.number));
    let found = faults.into_found();
    if found.is_empty() { Ok(()) } else { Err(Problem::unacceptable(found)) }
}

/// Lists the batches, newest first.
#[utoipa::path(
    get, path = "/v1/batches", tag = "Messages", security(("bearer" = ["contacts:read"])),
    params(PageParams, BatchParams),
    responses((status = 200, description = "A page of them", body = Page<BatchItem>)),
)]
async fn list_batches(
    op: Op<ContactsRead>,
    list: List<BatchParams>,
) -> Result<Json<Page<BatchItem>>, Problem> {
    let narrow = |filter: Filter| match list.filter.status {
        Some(status) => filter.with_status(status.as_str()),
        None => filter,
    };
    crud::list(&op, &list, narrow, BatchView::of).await
}

/// Reads a batch, with how many of its messages are in which state.
#[utoipa::path(
    get, path = "/v1/batches/{id}", tag = "Messages", security(("bearer" = ["contacts:read"])),
    params(("id" = String, Path, description = "`bat_…`")),
    responses((status = 200, description = "How far it is", body = BatchProgress)),
)]
async fn read_batch(
    op: Op<ContactsRead>,
    PathId(id): PathId<BatchId>,
) -> Result<Json<BatchProgress>, Problem> {
    let row = op.store.get::<Batch>(&id).await?.ok_or_else(|| Problem::not_found("batch"))?;
    let counts = op.store.batch_counts(&id).await?;
    let messages = counts.into_iter().map(|count| (count.status, count.count)).collect();
    Ok(Json(BatchProgress { batch: Item::of(row, BatchView::of), messages }))
}

/// Stops a batch for a while: messages that no provider has stay where they are.
#[utoipa::path(
    post, path = "/v1/batches/{id}/pause", tag = "Messages", security(("bearer" = ["messages:send"])),
    params(("id" = String, Path, description = "`bat_…`")),
    responses((status = 200, description = "As it is now", body = BatchItem)),
)]
async fn pause_batch(
    op: Op<MessagesSend>,
    PathId(id): PathId<BatchId>,
    empty: Empty,
) -> Result<Response, Stop> {
    turn(&op, &id, &empty, BatchStatus::Paused).await
}

/// Goes on with a batch that was paused.
#[utoipa::path(
    post, path = "/v1/batches/{id}/resume", tag = "Messages", security(("bearer" = ["messages:send"])),
    params(("id" = String, Path, description = "`bat_…`")),
    responses((status = 200, description = "As it is now", body = BatchItem)),
)]
async fn resume_batch(
    op: Op<MessagesSend>,
    PathId(id): PathId<BatchId>,
    empty: Empty,
) -> Result<Response, Stop> {
    turn(&op, &id, &empty, BatchStatus::Running).await
}

/// Ends a batch: whoever has no message gets none, and messages that no provider has are taken back.
#[utoipa::path(
    post, path = "/v1/batches/{id}/cancel", tag = "Messages", security(("bearer" = ["messages:send"])),
    params(("id" = String, Path, description = "`bat_…`")),
    responses((status = 200, description = "As it is now", body = BatchItem)),
)]
async fn cancel_batch(
    op: Op<MessagesSend>,
    PathId(id): PathId<BatchId>,
    empty: Empty,
) -> Result<Response, Stop> {
    turn(&op, &id, &empty, BatchStatus::Canceled).await
}

async fn turn(op: &Op<MessagesSend>, id: &BatchId, empty: &Empty, to: BatchStatus) -> Result<Response, Stop> {
    let mut work = op.begin_once(&empty.once).await?;
    let Stored { version, value, .. } =
        work.tx.get::<Batch>(id).await?.ok_or_else(|| Problem::not_found("batch"))?;
    // Whoever has a message may still wait for it to be sent, also when the batch is done.
    let status = match (value.status, to) {
        (BatchStatus::Canceled, _) => {
            return Err(Problem::new(Code::Conflict, "the batch was ended").into());
        }
        (_, BatchStatus::Running) if value.left == 0 => BatchStatus::Done,
        (_, to) => to,
    };
    let row = work.tx.update(id, version, Batch { status, ..value }).await?;
    let now = work.tx.now();
    work.tx.schedule(WorkKind::Batch, id.as_str(), now).await?;
    let (version, shown) = (row.version, Item::of(row, BatchView::of));
    let response = work.finish(Answer::changed(StatusCode::OK, version, &shown)?).await?;
    op.shared.outbox.wake_batches();
    Ok(response)
}

/// The recipients of a batch with what became of their messages, as comma-separated values.
#[utoipa::path(
    get, path = "/v1/batches/{id}/export", tag = "Messages", security(("bearer" = ["contacts:read"])),
    params(("id" = String, Path, description = "`bat_…`")),
    responses((status = 200, description = "One line for each message", body = String, content_type = "text/csv")),
)]
async fn export_batch(
    op: Op<ContactsRead>,
    PathId(id): PathId<BatchId>,
    known: Preconditions,
) -> Result<Response, Problem> {
    drop(known);
    op.store.get::<Batch>(&id).await?.ok_or_else(|| Problem::not_found("batch"))?;
    let text = csv::written(&*op.store, &id).await?;
    Ok(([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], text).into_response())
}
