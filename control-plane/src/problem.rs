//! Every error of the HTTP routes, as RFC 9457 has it: a code of the closed list in [`Code`], and for a body that will
//! not do, where in it and why.

mod code;
mod fault;

pub(crate) use code::Code;
pub(crate) use fault::{Fault, FaultCode, Faults, Place, pointer_of};

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use std::time::Duration;
use store::StoreError;
use tracing::error;
use utoipa::ToSchema;
use vault::VaultError;

/// What went wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Stable, for programs.
    pub(crate) code: Code,
    /// For people; never a secret.
    pub(crate) detail: String,
    /// What is wrong where, if the request could be read but will not do.
    pub(crate) faults: Vec<Fault>,
    /// When it makes sense to ask again.
    pub(crate) retry_after: Option<Duration>,
}

/// What went wrong with a request (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody<'a> {
    /// Where the code is described.
    #[schema(example = "/docs#not_found")]
    r#type: String,
    /// What the code means, always the same.
    title: &'static str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What happened this time, for people.
    detail: &'a str,
    /// For programs.
    code: Code,
    /// What is wrong where.
    #[serde(skip_serializing_if = "<[Fault]>::is_empty")]
    #[schema(required = false)]
    errors: &'a [Fault],
    /// Names the request in the program's log.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, nullable = false)]
    request_id: Option<&'a str>,
}

/// The schema of a problem.
pub(crate) type ProblemSchema = ProblemBody<'static>;

impl Problem {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), faults: Vec::new(), retry_after: None }
    }

    /// Whether what was to be changed was changed by somebody else in the same moment.
    pub(crate) fn is_stale(&self) -> bool {
        self.code == Code::PreconditionFailed
    }

    /// Nothing is there, or nothing that the caller may know of.
    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(Code::NotFound, format!("there is no such {what}"))
    }

    pub(crate) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(Code::InvalidRequest, detail)
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(Code::Unauthorized, "a valid key or token is needed: Authorization: Bearer …")
    }

    /// A body that could be read but will not do.
    pub(crate) fn unacceptable(faults: Vec<Fault>) -> Self {
        let detail = match &*faults {
            [] => "the body will not do".to_owned(),
            [fault] => format!("{}: {}", fault.place.describe(), fault.detail),
            [fault, rest @ ..] => {
                format!("{}: {}; {} more in errors", fault.place.describe(), fault.detail, rest.len())
            }
        };
        Self { faults, ..Self::new(Code::InvalidBody, detail) }
    }

    /// A parameter of the query that will not do.
    pub(crate) fn parameter(name: &str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let fault = Fault {
            place: Place::Parameter(name.to_owned()),
            code: FaultCode::InvalidValue,
            detail: detail.clone(),
        };
        Self { faults: vec![fault], ..Self::invalid(detail) }
    }

    /// The same, of this place in the body.
    pub(crate) fn at(mut self, pointer: &str) -> Self {
        let place = Place::Pointer(pointer.to_owned());
        self.faults.push(Fault { place, code: FaultCode::InvalidValue, detail: self.detail.clone() });
        self
    }

    /// The same after `wait`.
    pub(crate) fn retry_after(self, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..self }
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.code.status()
    }

    /// The problem with the request's id in it.
    pub(crate) fn respond(&self, request_id: Option<&str>) -> Response {
        let body = ProblemBody {
            r#type: format!("/docs#{}", self.code.as_str()),
            title: self.code.title(),
            status: self.status().as_u16(),
            detail: &self.detail,
            code: self.code,
            errors: &self.faults,
            request_id,
        };
        let mut response = (self.status(), axum::Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status() == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(wait) = self.retry_after {
            // A client that waits for part of a second less than asked would be refused again.
            headers.insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs_f64().ceil().max(1.0) as u64));
        }
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.respond(None);
        response.extensions_mut().insert(self);
        response
    }
}

impl From<VaultError> for Problem {
    fn from(cause: VaultError) -> Self {
        match cause {
            VaultError::Store(cause) => cause.into(),
            cause => {
                error!(error = &cause as &dyn std::error::Error, "a secret could not be sealed or opened");
                Self::new(Code::Internal, "the request could not be served")
            }
        }
    }
}

impl From<StoreError> for Problem {
    fn from(cause: StoreError) -> Self {
        match &cause {
            StoreError::Taken { .. } => Self::new(Code::Taken, cause.to_string()),
            StoreError::Missing { what } => Self::not_found(what),
            StoreError::Stale { .. } => Self::new(Code::PreconditionFailed, cause.to_string()),
            StoreError::Invalid { .. } => Self::new(Code::InvalidBody, cause.to_string()),
            StoreError::Conflict { .. } => {
                Self::new(Code::Conflict, "it contradicts what is stored: something else may belong to it")
            }
            StoreError::Unavailable { .. } => {
                error!(error = &cause as &dyn std::error::Error, "the store did not serve a request");
                Self::new(Code::StoreUnavailable, "the database does not serve now")
                    .retry_after(Duration::from_secs(1))
            }
            _ => {
                error!(error = &cause as &dyn std::error::Error, "the store did not serve a request");
                Self::new(Code::Internal, "the request could not be served")
            }
        }
    }
}
