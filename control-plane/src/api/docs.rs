//! `/v1/openapi.json`, and a page at `/docs` that shows it. The page needs nothing from elsewhere.

use crate::shared::Shared;
use axum::{
    Router,
    http::{HeaderName, HeaderValue, header},
    response::IntoResponse,
    routing::get,
};
use std::sync::Arc;

/// The page runs our own script and nothing else, and speaks with nobody but us.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

pub(super) fn router(document: String) -> Router<Arc<Shared>> {
    let document = bytes::Bytes::from(document);
    Router::new()
        .route("/v1/openapi.json", get(async move || file("application/json", document.clone())))
        .route("/docs", get(async || file("text/html; charset=utf-8", include_str!("docs/page.html"))))
        .route("/docs/page.css", get(async || file("text/css; charset=utf-8", include_str!("docs/page.css"))))
        .route(
            "/docs/page.js",
            get(async || file("text/javascript; charset=utf-8", include_str!("docs/page.js"))),
        )
}

fn file(kind: &'static str, body: impl IntoResponse) -> impl IntoResponse {
    let headers: [(HeaderName, HeaderValue); 4] = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (headers, body)
}
