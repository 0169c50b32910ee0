//! `/v1/messages`: a message to one person, by whatever channels reach them. Accepted means stored: what was answered 202 is sent,
//! or its decisions say why not.

pub(super) mod form;
mod view;

use super::{
    body::{Body, Empty},
    item::Item,
    need::{ContactsRead, MessagesSend},
    once::{Answer, Stop},
    op::Op,
    path::PathId,
};
use crate::{
    clock::now_us,
    problem::{Code, Fault, FaultCode, Place, Problem},
    sending::compose::{ComposeError, compose},
    shared::Shared,
};
use axum::{
    Json,
    extract::{Query, rejection::QueryRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use form::{MessageForm, SimulateParams};
use messaging::dispatch::{Imagined, Request, simulate};
use outbox::{AcceptError, Facts, NewMessage, Outgoing, accept, reaches};
use std::sync::Arc;
use store::{
    Filter, Stored,
    ids::MessageId,
    model::{
        consent::Consent,
        message::{Author, Conversation, Message},
        outgoing::Attempt,
    },
};
use utoipa_axum::{router::OpenApiRouter, routes};
use view::{AcceptedView, AttemptView, Explanation, Simulation};

type StateItem = Item<view::StateView>;

/// What somebody said about messages.
const CONSENTS: u16 = 200;
/// Tries of a message: each account of each channel a few times.
const ATTEMPTS: u16 = 200;

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default()
        .routes(routes!(send_message))
        .routes(routes!(cancel_message))
        .routes(routes!(explain_message))
}

/// Sends a message, or says with `?simulate=true` what would be done with it.
#[utoipa::path(
    post, path = "/v1/messages", tag = "Messages", security(("bearer" = ["messages:send"])),
    params(SimulateParams), request_body = MessageForm,
    responses(
        (status = 200, description = "What would be done; nothing is sent", body = Simulation),
        (status = 202, description = "It is stored and will be sent", body = AcceptedView),
    ),
)]
async fn send_message(
    op: Op<MessagesSend>,
    params: Result<Query<SimulateParams>, QueryRejection>,
    body: Body<MessageForm>,
) -> Result<Response, Stop> {
    let Query(params) = params.map_err(|cause| Problem::invalid(cause.body_text()))?;
    let (wish, recipient) = body.value.wish();
    let new = compose(&*op.store, &wish, &recipient, Author::Api).await.map_err(refused)?;
    if params.simulate {
        return Ok(Json(simulated(&op, &new).await?).into_response());
    }
    let mut work = op.begin_once(&body.once).await?;
    let accepted = accept(&mut *work.tx, new).await.map_err(not_accepted)?;
    let details = serde_json::json!({ "type": wish.kind });
    work.tx.note("message.send", accepted.id.as_str(), &details).await?;
    let lane = accepted.lane;
    let answer = Answer::new(StatusCode::ACCEPTED, &AcceptedView::of(&accepted))?;
    let response = work.finish(answer).await?;
    op.shared.outbox.wake(lane);
    Ok(response)
}

/// Takes a message back, as far as no provider has it.
#[utoipa::path(
    post, path = "/v1/messages/{id}/cancel", tag = "Messages", security(("bearer" = ["messages:send"])),
    params(("id" = String, Path, description = "`msg_…`")),
    responses((status = 200, description = "As it is now", body = StateItem)),
)]
async fn cancel_message(
    op: Op<MessagesSend>,
    PathId(id): PathId<MessageId>,
    empty: Empty,
) -> Result<Response, Stop> {
    let known = op.store.get::<Message>(&id).await?.ok_or_else(|| Problem::not_found("message"))?;
    if known.value.dispatch.is_none() {
        return Err(Problem::new(Code::Conflict, "this message is not one that is sent").into());
    }
    // It is taken back by whoever sends it, and that can be asked for twice.
    op.shared.outbox.cancel(op.tenant(), &id).await?;
    let mut work = op.begin_once(&empty.once).await?;
    let row = work.tx.get::<Message>(&id).await?.ok_or_else(|| Problem::not_found("message"))?;
    work.tx.note("message.cancel", id.as_str(), &serde_json::json!({})).await?;
    work.finish(Answer::new(StatusCode::OK, &Item::of(row, view::StateView::of))?).await
}

/// Says every decision about a message, in order, and every try.
#[utoipa::path(
    get, path = "/v1/messages/{id}/explain", tag = "Messages", security(("bearer" = ["contacts:read"])),
    params(("id" = String, Path, description = "`msg_…`")),
    responses((status = 200, description = "The decisions", body = Explanation)),
)]
async fn explain_message(
    op: Op<ContactsRead>,
    PathId(id): PathId<MessageId>,
) -> Result<Json<Explanation>, Problem> {
    let row = op.store.get::<Message>(&id).await?.ok_or_else(|| Problem::not_found("message"))?;
    let Some(outgoing) = Outgoing::of(&row.value)? else {
        return Err(Problem::not_found("message that is sent"));
    };
    let of = Filter::first(ATTEMPTS).of(id.as_str()).oldest_first();
    let attempts: Vec<Stored<Attempt>> = op.store.list(&of).await?;
    Ok(Json(Explanation::of(&row, &outgoing, attempts.into_iter().map(AttemptView::of).collect())))
}

/// What would be done with a message as things are now, if every provider took it.
async fn simulated<N>(op: &Op<N>, new: &NewMessage) -> Result<Simulation, Problem> {
    let now = now_us();
    let setup = op.shared.outbox.setup(op.tenant()).await?.ok_or_else(|| Problem::not_found("tenant"))?;
    let mut consents = Vec::new();
    for address in [&new.to.phone, &new.to.email, &new.to.push].into_iter().flatten() {
        let of = Filter::first(CONSENTS).of(address.as_str());
        consents.extend(op.store.list::<Consent>(&of).await?.into_iter().map(|row| row.value));
    }
    let conversation = match &new.conversation {
        Some(id) => op.store.get::<Conversation>(id).await?.map(|row| row.value),
        None => None,
    };
    let accounts: Vec<String> = setup.routes.iter().map(|route| route.account.clone()).collect();
    op.shared.outbox.book().read(&*op.store, accounts, now).await?;
    let request = Request {
        kind: new.kind,
        plan: new.plan.clone(),
        due_at: new.send_at.unwrap_or(now),
        useful_until: new.useful_until,
    };
    let outgoing = Outgoing::imagined(new, now);
    let facts = Facts { consents: &consents, conversation: conversation.as_ref(), now };
    let world = reaches(&setup, &outgoing, facts, |route| {
        op.shared.outbox.book().admission(op.tenant(), &route.account, "", now)
    });
    let done = simulate(request, now, &world, |_, _| Imagined::delivered(2));
    Ok(Simulation::of(done, new))
}

fn at(pointer: &str, code: FaultCode, detail: String) -> Problem {
    Problem::unacceptable(vec![Fault { place: Place::Pointer(pointer.to_owned()), code, detail }])
}

/// Why a message cannot be made, as the answer says it.
pub(super) fn refused(cause: ComposeError) -> Problem {
    match cause {
        ComposeError::NoContact => at("/to/contact", FaultCode::UnknownReference, cause.to_string()),
        ComposeError::Plan(_) => at("/chain", FaultCode::InvalidValue, cause.to_string()),
        ComposeError::NoAddress(_) => at("/to", FaultCode::InvalidValue, cause.to_string()),
        ComposeError::Store(cause) => cause.into(),
    }
}

/// Why a message is not accepted.
pub(super) fn not_accepted(cause: AcceptError) -> Problem {
    match cause {
        AcceptError::NoText(_) => at("/text", FaultCode::InvalidValue, cause.to_string()),
        AcceptError::Store(cause) => cause.into(),
    }
}
