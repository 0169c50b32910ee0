//! What the carrier is told to do, as an answer to its request.

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
pub(crate) use routing::twiml::{Dial, Noun, Record, StreamToken, Verb};

/// A TwiML document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Twiml(pub(crate) String);

impl Twiml {
    /// The verbs in order; none of them means that there is nothing more to do.
    pub(crate) fn new(verbs: &[Verb<'_>]) -> Self {
        routing::twiml::Twiml::new(verbs).into()
    }
}

impl From<routing::twiml::Twiml> for Twiml {
    fn from(document: routing::twiml::Twiml) -> Self {
        Self(document.into_string())
    }
}

impl IntoResponse for Twiml {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, "text/xml; charset=utf-8"), (header::CACHE_CONTROL, "no-store")], self.0)
            .into_response()
    }
}
