//! Versions of resources as entity tags (RFC 9110, section 8.8.3): `If-Match` keeps two people from undoing each other's
//! changes, `If-None-Match` saves reading again what is known.

use crate::problem::{Code, Problem};
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::Serialize;

/// Longest list of tags, in bytes.
pub(crate) const TAGS_MAX: usize = 256;

/// The entity tag of a version.
pub(crate) fn of_version(version: i64) -> String {
    format!("\"{version}\"")
}

/// What a request says of the version that it knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Preconditions {
    if_match: Option<Vec<String>>,
    if_none_match: Option<Vec<String>>,
}

impl Preconditions {
    fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        Ok(Self {
            if_match: tags(headers, &header::IF_MATCH)?,
            if_none_match: tags(headers, &header::IF_NONE_MATCH)?,
        })
    }

    /// It is changed only if it is still as the client knows it, where the client says as what.
    pub(crate) fn allow_change(&self, version: i64) -> Result<(), Problem> {
        match &self.if_match {
            Some(known) if !holds(known, version) => Err(Problem::new(
                Code::PreconditionFailed,
                format!("it was changed since: its ETag is {} now", of_version(version)),
            )),
            Some(_) | None => Ok(()),
        }
    }

    /// The answer to a GET: what is there, or that it is as the client knows it.
    pub(crate) fn show(&self, version: i64, body: &impl Serialize) -> Response {
        let known = self.if_none_match.as_ref().is_some_and(|known| holds(known, version));
        let mut response =
            if known { StatusCode::NOT_MODIFIED.into_response() } else { axum::Json(body).into_response() };
        if let Ok(tag) = HeaderValue::try_from(of_version(version)) {
            response.headers_mut().insert(header::ETAG, tag);
        }
        response
    }
}

impl<S: Sync> FromRequestParts<S> for Preconditions {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::of(&parts.headers)
    }
}

/// The tags of a header.
fn tags(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Vec<String>>, Problem> {
    let mut tags = Vec::new();
    for value in headers.get_all(name) {
        let text = value.to_str().ok().filter(|text| (1..=TAGS_MAX).contains(&text.len()));
        let text = text.ok_or_else(|| {
            Problem::invalid(format!("{name} has 1 to {TAGS_MAX} visible ASCII characters"))
        })?;
        tags.extend(text.split(',').map(|tag| tag.trim().to_owned()));
    }
    Ok((!tags.is_empty()).then_some(tags))
}

/// Whether one of the tags is this version's. Our tags hold no comma, and mean the same weak or strong.
fn holds(tags: &[String], version: i64) -> bool {
    let own = of_version(version);
    tags.iter().any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == own)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preconditions(name: HeaderName, value: &'static str) -> Preconditions {
        Preconditions::of(&HeaderMap::from_iter([(name, HeaderValue::from_static(value))])).unwrap()
    }

    #[test]
    fn a_change_is_refused_where_the_client_knows_another_version() {
        assert!(Preconditions::default().allow_change(7).is_ok(), "whoever says nothing takes the risk");
        for good in ["\"7\"", "*", "\"3\", \"7\"", "W/\"7\""] {
            assert!(preconditions(header::IF_MATCH, good).allow_change(7).is_ok(), "{good}");
        }
        for bad in ["\"6\"", "7", ",", "\"77\"", "\"6\",\"8\""] {
            let refused = preconditions(header::IF_MATCH, bad).allow_change(7).unwrap_err();
            assert_eq!(refused.code, Code::PreconditionFailed, "{bad}");
        }
    }

    #[test]
    fn what_the_client_knows_is_not_sent_again() {
        let known = preconditions(header::IF_NONE_MATCH, "\"7\"");
        assert_eq!(known.show(7, &"it").status(), StatusCode::NOT_MODIFIED);
        assert_eq!(known.show(8, &"it").status(), StatusCode::OK);
        assert_eq!(known.show(8, &"it").headers()[header::ETAG], "\"8\"");
    }
}
