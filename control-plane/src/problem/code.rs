//! The closed list of codes: a program that knows these knows every error that it can meet.

use axum::http::StatusCode;
use serde::{Serialize, Serializer};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

macro_rules! codes {
    ($($variant:ident = $text:literal, $status:ident, $title:literal;)+) => {
        /// What went wrong with a request.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum Code {
            $(#[doc = $title] $variant,)+
        }

        impl Code {
            /// All of them.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// As it is in the API.
            pub(crate) const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// With which status it comes.
            pub(crate) const fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status),+ }
            }

            /// What it means, for people.
            pub(crate) const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),+ }
            }
        }
    };
}

codes! {
    InvalidRequest = "invalid_request", BAD_REQUEST, "The request makes no sense: its query, a header or its syntax";
    TenantRequired = "tenant_required", BAD_REQUEST, "Name the tenant in the header Tandem-Tenant";
    Unauthorized = "unauthorized", UNAUTHORIZED, "No valid key or token";
    ProofRejected = "proof_rejected", FORBIDDEN, "The password, code or token does not prove who the caller is";
    Forbidden = "forbidden", FORBIDDEN, "The key or user may not do this";
    TenantSuspended = "tenant_suspended", FORBIDDEN, "The tenant is not served now";
    InvalidSignature = "invalid_signature", FORBIDDEN, "The webhook is not signed by the account that it names";
    NotFound = "not_found", NOT_FOUND, "There is no such thing, or none that the caller may know of";
    NoRecording = "no_recording", NOT_FOUND, "The call has no such recording";
    NumberUnknown = "number_unknown", NOT_FOUND, "The number is not one of the tenant's";
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "The page does not take that method";
    NotAcceptable = "not_acceptable", NOT_ACCEPTABLE, "It is not there in a format that the caller takes";
    TooSlow = "too_slow", REQUEST_TIMEOUT, "The request did not come in time";
    CallNotLive = "call_not_live", CONFLICT, "The call is not live, or not on this node";
    QueueEmpty = "queue_empty", CONFLICT, "Nobody waits in the queue";
    Conflict = "conflict", CONFLICT, "It contradicts what is there";
    Taken = "taken", CONFLICT, "Another one has what must be had only once";
    PreconditionFailed = "precondition_failed", PRECONDITION_FAILED, "It was changed since it was read";
    BodyTooLarge = "body_too_large", PAYLOAD_TOO_LARGE, "The body is too long";
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "The body is not of a type that the page takes";
    RangeNotSatisfiable = "range_not_satisfiable", RANGE_NOT_SATISFIABLE, "There is no such part of it";
    InvalidBody = "invalid_body", UNPROCESSABLE_ENTITY, "The body was read, but will not do";
    IdempotencyKeyReused = "idempotency_key_reused", UNPROCESSABLE_ENTITY, "Another request came with this idempotency key";
    CredentialsRejected = "credentials_rejected", UNPROCESSABLE_ENTITY, "The provider does not take these credentials";
    RateLimited = "rate_limited", TOO_MANY_REQUESTS, "Too many requests";
    Internal = "internal", INTERNAL_SERVER_ERROR, "The request could not be served";
    ProviderUnavailable = "provider_unavailable", BAD_GATEWAY, "The provider does not answer as it should";
    NodeSilent = "node_silent", SERVICE_UNAVAILABLE, "The node that has the call does not answer";
    Draining = "draining", SERVICE_UNAVAILABLE, "The node takes no new calls";
    StoreUnavailable = "store_unavailable", SERVICE_UNAVAILABLE, "The database does not serve now";
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl PartialSchema for Code {
    fn schema() -> RefOr<Schema> {
        let lines: Vec<_> = Self::ALL
            .iter()
            .map(|code| format!("- `{}` ({}): {}", code.as_str(), code.status().as_u16(), code.title()))
            .collect();
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(lines.join("\n")))
            .enum_values(Some(Self::ALL.iter().map(|code| code.as_str())))
            .into()
    }
}

impl ToSchema for Code {
    fn name() -> std::borrow::Cow<'static, str> {
        "ProblemCode".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_two_codes_have_the_same_text() {
        let texts: HashSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(texts.len(), Code::ALL.len());
        assert!(Code::ALL.iter().all(|code| code.status().as_u16() >= 400));
    }
}
