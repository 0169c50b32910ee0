//! `/hooks/unsubscribe/{token}`: whoever got one of many mails gets no more of them, with one click (RFC 8058). What is meant for one
//! person still comes.
//!
//! A token names the try that a mail was, and is signed: nobody unsubscribes others. Looking changes nothing, because filters follow
//! every link; only `POST` does it.

use crate::{clock::now_us, problem::Problem, sending::Senders, shared::Shared};
use axum::{
    extract::{Path, State},
    http::header,
    response::{Html, IntoResponse, Response},
};
use objects::Links;
use outbox::{Parcel, note_consent};
use std::sync::Arc;
use store::{
    StoreError, Stored, TenantId,
    ids::AttemptId,
    model::{
        audit::Actor,
        consent::{Consent, ConsentStatus, Proof},
        outgoing::Attempt,
    },
};
use url::Url;

/// What signatures of these tokens are for.
const PURPOSE: &str = "unsubscribe";
/// In the audit log, whoever follows such a link.
const ACTOR: &str = "unsubscribe_link";
/// Two who change one consent at once are already unusual.
const TRIES: usize = 5;
const ASK: &str = "<!DOCTYPE html><html lang=\"en\"><head><title>Unsubscribe</title></head><body><p>Do you want no more of these mails?</p>\
     <form method=\"post\"><button>Unsubscribe</button></form></body></html>";
const DONE: &str = "<!DOCTYPE html><html lang=\"en\"><head><title>Unsubscribed</title></head><body><p>You will get no more of these mails.</p></body></html>";

/// Where one gets no more of what a parcel is one of; `None`: this server has no address with TLS, as mail servers want it.
pub(crate) fn url(senders: &Senders, parcel: &Parcel) -> Option<Url> {
    let token = token(&senders.links, &parcel.tenant, &parcel.attempt);
    let url = Url::parse(&format!("{}/hooks/unsubscribe/{token}", senders.own_address)).ok()?;
    (url.scheme() == "https").then_some(url)
}

fn token(links: &Links, tenant: &TenantId, attempt: &AttemptId) -> String {
    let named = format!("{tenant}.{attempt}");
    let signature = links.sign(PURPOSE, &named);
    format!("{named}.{signature}")
}

/// Asks whether it is meant.
pub(crate) async fn ask(
    State(shared): State<Arc<Shared>>,
    Path(token): Path<String>,
) -> Result<Response, Problem> {
    read(&shared, &token).await?;
    Ok(page(ASK))
}

/// Notes it.
pub(crate) async fn unsubscribe(
    State(shared): State<Arc<Shared>>,
    Path(token): Path<String>,
) -> Result<Response, Problem> {
    let (tenant, attempt) = read(&shared, &token).await?;
    let part = shared.store_of(&tenant);
    let Attempt { channel, address, .. } = attempt.value;
    for _ in 0..TRIES {
        let now = now_us();
        let mut tx = part.begin(&Actor::system(ACTOR), now).await?;
        let proof = Proof {
            at: now,
            status: ConsentStatus::OptedOut,
            source: "link".to_owned(),
            evidence: attempt.id.to_string(),
        };
        let noted = note_consent(&mut *tx, channel, Consent::BULK, &address, proof).await;
        let kept = match noted {
            Ok(()) => tx.commit().await,
            Err(cause) => Err(cause),
        };
        match kept {
            Ok(()) => return Ok(page(DONE)),
            Err(StoreError::Stale { .. } | StoreError::Conflict { .. } | StoreError::Taken { .. }) => {}
            Err(cause) => return Err(cause.into()),
        }
    }
    Err(StoreError::Unavailable {
        doing: "noting that somebody wants no more mail",
        source: "it was changed by others all the time".into(),
    }
    .into())
}

async fn read(shared: &Shared, token: &str) -> Result<(TenantId, Stored<Attempt>), Problem> {
    let missing = || Problem::not_found("link");
    let (named, signature) = token.rsplit_once('.').ok_or_else(missing)?;
    if !shared.links.is_signed(PURPOSE, named, signature) {
        return Err(missing());
    }
    let (tenant, attempt) = named.split_once('.').ok_or_else(missing)?;
    let tenant = TenantId::known(tenant);
    let attempt = AttemptId::parse(attempt).map_err(|_| missing())?;
    let found = shared.store_of(&tenant).get::<Attempt>(&attempt).await?.ok_or_else(missing)?;
    Ok((tenant, found))
}

fn page(text: &'static str) -> Response {
    let policy = "default-src 'none'; form-action 'self'";
    ([(header::CONTENT_SECURITY_POLICY, policy), (header::REFERRER_POLICY, "no-referrer")], Html(text))
        .into_response()
}
