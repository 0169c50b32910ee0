//! Requests that have their effect once, however often they come (draft-ietf-httpapi-idempotency-key-header): the answer is
//! stored in the unit of work that has the effect, so there is never one without the other.

use crate::problem::{Code, Problem};
use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use std::time::Duration;
use store::{
    StoreError, TenantTx,
    model::audit::{Idempotency, IdempotencyRequest, StoredResponse},
};
use tracing::error;
use vault::VaultError;

/// The client's name for a request.
const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that an answer was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// Longest key, in characters.
pub(crate) const KEY_MAX: usize = 255;

/// What makes a request the same as another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Once {
    /// The client's name for it, if it gave one.
    key: Option<String>,
    /// SHA-256 of all that it asks for.
    fingerprint: String,
}

impl Once {
    pub(crate) fn of(parts: &Parts, body: &[u8]) -> Result<Self, Problem> {
        let key = match parts.headers.get(HEADER) {
            None => None,
            Some(value) => Some(read_key(value).ok_or_else(|| {
                Problem::invalid(format!("Idempotency-Key has 1 to {KEY_MAX} visible ASCII characters"))
            })?),
        };
        let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
        // The lengths keep what belongs to one part from being taken for another's.
        let mut hash = Sha256::new();
        for part in [parts.method.as_str().as_bytes(), target.as_bytes(), body] {
            hash.update(part.len().to_le_bytes());
            hash.update(part);
        }
        Ok(Self { key, fingerprint: crate::keys::hex(&hash.finalize()) })
    }

    /// Whether the client gave the request a name, so that it may come again.
    pub(super) const fn is_named(&self) -> bool {
        self.key.is_some()
    }
}

/// A key as it stands, or as a string of RFC 8941 with its quotes.
fn read_key(value: &HeaderValue) -> Option<String> {
    let text = value.to_str().ok()?.trim();
    let key = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let fits = (1..=KEY_MAX).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic());
    fits.then(|| key.to_owned())
}

/// Why a handler ends early.
pub(crate) enum Stop {
    /// Something is wrong.
    Problem(Problem),
    /// The request was carried out before; this was the answer.
    Replay(Response),
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<StoreError> for Stop {
    fn from(cause: StoreError) -> Self {
        Self::Problem(cause.into())
    }
}

impl From<VaultError> for Stop {
    fn from(cause: VaultError) -> Self {
        Self::Problem(cause.into())
    }
}

impl IntoResponse for Stop {
    fn into_response(self) -> Response {
        match self {
            Self::Problem(problem) => problem.into_response(),
            Self::Replay(response) => response,
        }
    }
}

/// The unit of work of a POST, which ends with its answer.
pub(crate) struct Work {
    /// What is changed.
    pub(crate) tx: Box<dyn TenantTx>,
    /// Under which key the answer is remembered.
    key: Option<String>,
}

impl Work {
    pub(super) async fn begin(
        mut tx: Box<dyn TenantTx>,
        once: &Once,
        principal: &str,
        kept: Duration,
    ) -> Result<Self, Stop> {
        let Some(key) = &once.key else { return Ok(Self { tx, key: None }) };
        // Two clients may come upon the same key.
        let key = format!("{principal} {key}");
        let kept = i64::try_from(kept.as_micros()).unwrap_or(i64::MAX);
        let request = IdempotencyRequest {
            key: key.clone(),
            request_hash: once.fingerprint.clone(),
            expires_at: tx.now().saturating_add(kept),
        };
        match tx.idempotency(&request).await? {
            Idempotency::Fresh => Ok(Self { tx, key: Some(key) }),
            Idempotency::Replay(stored) => Err(Stop::Replay(Answer::replay(&stored)?)),
            Idempotency::Mismatch => Err(Stop::Problem(Problem::new(
                Code::IdempotencyKeyReused,
                "this idempotency key came with another request before; every request needs a key of its own",
            ))),
        }
    }

    /// Makes the work count, with its answer.
    pub(crate) async fn finish(self, answer: Answer) -> Result<Response, Stop> {
        let kept = answer.clone();
        self.finish_keeping(answer, &kept).await
    }

    /// As [`Self::finish`], but what is remembered for a repeated request is `kept`: without the secret that is shown
    /// only once.
    pub(crate) async fn finish_keeping(mut self, answer: Answer, kept: &Answer) -> Result<Response, Stop> {
        if let Some(key) = &self.key {
            self.tx.respond(key, &kept.stored()?).await?;
        }
        self.tx.commit().await?;
        Ok(answer.into_response())
    }
}

/// An answer that can be given again.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    status: StatusCode,
    head: Head,
    body: Box<RawValue>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Head {
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    head: Head,
    body: Box<RawValue>,
}

impl Answer {
    pub(crate) fn new(status: StatusCode, body: &impl Serialize) -> Result<Self, Problem> {
        let body = serde_json::value::to_raw_value(body).map_err(|cause| unwritable(&cause))?;
        Ok(Self { status, head: Head::default(), body })
    }

    /// Something new is there: where, and its version.
    pub(crate) fn created(body: &impl Serialize, location: String, version: i64) -> Result<Self, Problem> {
        let head = Head { etag: Some(super::etag::of_version(version)), location: Some(location) };
        Ok(Self { head, ..Self::new(StatusCode::CREATED, body)? })
    }

    /// Something is as it is now, with its version.
    pub(crate) fn changed(status: StatusCode, version: i64, body: &impl Serialize) -> Result<Self, Problem> {
        let head = Head { etag: Some(super::etag::of_version(version)), location: None };
        Ok(Self { head, ..Self::new(status, body)? })
    }

    fn stored(&self) -> Result<StoredResponse, Problem> {
        let kept = Kept { head: self.head.clone(), body: self.body.clone() };
        let body = serde_json::to_string(&kept).map_err(|cause| unwritable(&cause))?;
        Ok(StoredResponse { status: self.status.as_u16(), body })
    }

    fn replay(stored: &StoredResponse) -> Result<Response, Problem> {
        let Kept { head, body } = serde_json::from_str(&stored.body).map_err(|cause| unwritable(&cause))?;
        let status = StatusCode::from_u16(stored.status).unwrap_or(StatusCode::OK);
        let mut response = Self { status, head, body }.into_response();
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        Ok(response)
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let texts = [(header::ETAG, self.head.etag), (header::LOCATION, self.head.location)];
        for (name, text) in texts {
            if let Some(value) = text.and_then(|text| HeaderValue::try_from(text).ok()) {
                headers.insert(name, value);
            }
        }
        (self.status, headers, Body::from(self.body.get().to_owned())).into_response()
    }
}

fn unwritable(cause: &serde_json::Error) -> Problem {
    error!(error = cause as &dyn std::error::Error, "an answer cannot be written or read");
    Problem::new(Code::Internal, "the request could not be served")
}
