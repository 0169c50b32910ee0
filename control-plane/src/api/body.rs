//! JSON bodies: what can be read but will not do is refused with a pointer to each place, and nothing that is not known is
//! passed over, since a misspelt field must not be a change that was never made.

use super::once::Once;
use crate::{
    problem::{Code, Fault, FaultCode, Faults, Place, Problem, pointer_of},
    shared::Shared,
};
use axum::{
    body::to_bytes,
    extract::{FromRequest, Request},
    http::{Method, header, request::Parts},
};
use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use std::{marker::PhantomData, sync::Arc};
use tokio::time::timeout;

/// Deepest nesting of a body. Nothing that is set up is deeper than half of it.
const DEPTH_MAX: usize = 32;

/// Where a body names very many, or holds a file.
const TO_MANY: [&str; 4] = ["/v1/messages/batch", "/api/real/sms/bulk", "/api/sms/bulk-send", "/v1/files"];

/// What a body must be beyond its shape.
pub(crate) trait Check {
    /// Notes what will not do.
    fn check(&self, faults: &mut Faults);
}

/// A body, and what makes its request the same as another.
pub(crate) struct Body<T> {
    pub(crate) value: T,
    pub(crate) once: Once,
}

impl<T: DeserializeOwned + Check> FromRequest<Arc<Shared>> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, shared: &Arc<Shared>) -> Result<Self, Problem> {
        let (parts, bytes) = read(request, shared).await?;
        check_type(&parts)?;
        let value = parse(&bytes)?;
        checked(&value)?;
        Ok(Self { value, once: Once::of(&parts, &bytes)? })
    }
}

/// A POST without a body.
pub(crate) struct Empty {
    pub(crate) once: Once,
}

impl FromRequest<Arc<Shared>> for Empty {
    type Rejection = Problem;

    async fn from_request(request: Request, shared: &Arc<Shared>) -> Result<Self, Problem> {
        let (parts, bytes) = read(request, shared).await?;
        if !bytes.iter().all(u8::is_ascii_whitespace) && bytes.trim_ascii() != b"{}" {
            return Err(Problem::invalid("this takes no body"));
        }
        Ok(Self { once: Once::of(&parts, &bytes)? })
    }
}

/// A change to a `T`, as a JSON merge patch (RFC 7396): fields that are not there stay, `null` sets what a field is without.
#[derive(Debug)]
pub(crate) struct Patch<T> {
    changes: Map<String, Value>,
    of: PhantomData<fn() -> T>,
}

impl<T> FromRequest<Arc<Shared>> for Patch<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, shared: &Arc<Shared>) -> Result<Self, Problem> {
        let (parts, bytes) = read(request, shared).await?;
        check_type(&parts)?;
        Ok(Self { changes: parse(&bytes)?, of: PhantomData })
    }
}

impl<T: Serialize + DeserializeOwned + Check> Patch<T> {
    /// `current` with the changes.
    pub(crate) fn apply(&self, current: &T) -> Result<T, Problem> {
        let mut patched = serde_json::to_value(current).map_err(|cause| {
            Problem::new(Code::Internal, format!("what is there cannot be read: {cause}"))
        })?;
        merge(&mut patched, &self.changes);
        let value = serde_path_to_error::deserialize(patched).map_err(|error| {
            let pointer = pointer_of(error.path());
            wrong_shape(pointer, &error.into_inner())
        })?;
        checked(&value)?;
        Ok(value)
    }
}

fn merge(target: &mut Value, changes: &Map<String, Value>) {
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(fields) = target else { return };
    for (name, change) in changes {
        match change {
            Value::Null => {
                fields.remove(name);
            }
            Value::Object(changes) => merge(fields.entry(name.clone()).or_insert(Value::Null), changes),
            other => {
                fields.insert(name.clone(), other.clone());
            }
        }
    }
}

/// What is wrong with a value beyond its shape.
pub(crate) fn checked(value: &impl Check) -> Result<(), Problem> {
    let mut faults = Faults::default();
    value.check(&mut faults);
    let found = faults.into_found();
    if found.is_empty() { Ok(()) } else { Err(Problem::unacceptable(found)) }
}

pub(super) async fn read(request: Request, shared: &Shared) -> Result<(Parts, Bytes), Problem> {
    let (parts, body) = request.into_parts();
    let limit = match parts.uri.path() {
        path if TO_MANY.contains(&path) => shared.limits.batch_body_bytes,
        _ => shared.limits.api_body_bytes,
    };
    let too_slow = |_| Problem::new(Code::TooSlow, "the body did not come in time");
    let body = timeout(shared.limits.api_body_deadline, to_bytes(body, limit)).await.map_err(too_slow)?;
    // The only other failure is a connection that broke, and then nobody reads the answer.
    let body = body.map_err(|_| {
        Problem::new(Code::BodyTooLarge, format!("a body must come whole and have at most {limit} bytes"))
    })?;
    Ok((parts, body))
}

pub(super) fn check_type(parts: &Parts) -> Result<(), Problem> {
    let given =
        parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_patch = parts.method == Method::PATCH && essence == "application/merge-patch+json";
    if essence == "application/json" || is_patch {
        Ok(())
    } else {
        Err(Problem::new(Code::UnsupportedMediaType, "the body must be application/json"))
    }
}

/// Reads a body: no JSON is a bad request, JSON of another shape is unacceptable.
pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    if is_too_deep(bytes) {
        return Err(Problem::invalid(format!("the body is nested deeper than {DEPTH_MAX} levels")));
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let pointer = pointer_of(error.path());
        let cause = error.into_inner();
        if cause.is_data() { wrong_shape(pointer, &cause) } else { no_json(&cause) }
    })?;
    json.end().map_err(|cause| no_json(&cause))?;
    Ok(value)
}

fn no_json(cause: &serde_json::Error) -> Problem {
    Problem::invalid(format!("the body is not JSON: {cause}"))
}

fn wrong_shape(pointer: String, cause: &serde_json::Error) -> Problem {
    let text = cause.to_string();
    // Where it is stands in the pointer.
    let detail = text.split(" at line ").next().unwrap_or_default().to_owned();
    Problem::unacceptable(vec![Fault { place: Place::Pointer(pointer), code: FaultCode::WrongShape, detail }])
}

/// Whether brackets outside of texts are nested too deep. Looked at before anything is built from the body.
fn is_too_deep(bytes: &[u8]) -> bool {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in bytes {
        match (in_text, escaped, byte) {
            (true, true, _) => escaped = false,
            (true, false, b'\\') => escaped = true,
            (true, false, b'"') => in_text = false,
            (false, _, b'"') => in_text = true,
            (false, _, b'[' | b'{') => depth += 1,
            (false, _, b']' | b'}') => depth = depth.saturating_sub(1),
            (true, false, _) | (false, _, _) => {}
        }
        if depth > DEPTH_MAX {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests;
