//! All HTTP routes. An old path of the carrier's webhooks is one line, and is verified as it was called.

use crate::{
    api, health, mailboxes,
    outbound::worker::ANSWERED_BY,
    problem::{Code, Problem},
    recordings,
    request_id::with_request_id,
    sending::voice,
    shared::Shared,
    told, unsubscribe, vapi, webhooks,
};
use axum::{
    Router, middleware,
    routing::{MethodRouter, get, post},
};
use std::sync::Arc;

pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/api/voice/incoming", hook(webhooks::incoming::incoming))
        .route("/hooks/twilio/voice", hook(webhooks::incoming::incoming))
        .route("/api/twilio/voice", hook(webhooks::incoming::incoming))
        .route("/api/voice/stream-ended", hook(webhooks::stream_ended::stream_ended))
        .route("/hooks/twilio/stream-ended", hook(webhooks::stream_ended::stream_ended))
        .route("/api/voice/status", hook(webhooks::status::status))
        .route("/hooks/twilio/call-status", hook(webhooks::status::status))
        .route(ANSWERED_BY, hook(webhooks::answered_by::answered_by))
        .route("/api/voice/dial-status", hook(webhooks::dial_status::dial_status))
        .route("/hooks/twilio/dial-status", hook(webhooks::dial_status::dial_status))
        .route("/api/voice/fallback", hook(webhooks::fallback::fallback))
        .route("/hooks/twilio/fallback", hook(webhooks::fallback::fallback))
        .route("/api/voice/emergency-recording", hook(webhooks::voicemail::recorded))
        .route("/hooks/twilio/emergency-recording", hook(webhooks::voicemail::recorded))
        .route("/api/voice/recording-complete", hook(webhooks::voicemail::recorded))
        .route("/hooks/twilio/recording-complete", hook(webhooks::voicemail::recorded))
        .route("/api/voice/transcription-complete", hook(webhooks::voicemail::transcribed))
        .route("/hooks/twilio/transcription-complete", hook(webhooks::voicemail::transcribed))
        .route("/api/voice/recording-status", hook(webhooks::recording_status::recording_status))
        .route("/hooks/twilio/recording-status", hook(webhooks::recording_status::recording_status))
        .route("/api/voice/gather/{call_sid}", hook(webhooks::gather::gather))
        .route("/hooks/twilio/gather", hook(webhooks::gather::gather))
        .route("/hooks/twilio/sms", hook(webhooks::message::incoming))
        .route("/api/v1/webhooks/twilio/sms", hook(webhooks::message::incoming))
        .route("/api/twilio/sms", hook(webhooks::message::incoming))
        .route("/api/real/webhooks/twilio/incoming", hook(webhooks::message::incoming))
        .route("/api/webhooks/twilio/sms/incoming", hook(webhooks::message::incoming))
        .route(crate::sending::TOLD, hook(webhooks::message_status::status))
        .route("/api/real/webhooks/twilio/status", hook(webhooks::message_status::status))
        .route("/api/webhooks/twilio/sms/status", hook(webhooks::message_status::status))
        .route(voice::SPOKEN, hook(webhooks::message_call::spoken))
        .route(voice::CALL_TOLD, hook(webhooks::message_call::went))
        .route(voice::ANSWERED_BY, hook(webhooks::message_call::answered_by))
        .route("/hooks/twilio/ping", post(webhooks::ping::ping))
        .route("/hooks/twilio/whisper", hook(webhooks::whisper::whisper))
        .route("/hooks/twilio/queue-wait", hook(webhooks::queue::wait))
        .route("/hooks/twilio/queue-key", hook(webhooks::queue::key))
        .route("/hooks/twilio/queue-ended", hook(webhooks::queue::ended))
        .route("/hooks/twilio/queue-offered", hook(webhooks::queue::offered))
        .route(webhooks::queue::TAKEN, hook(webhooks::queue::taken))
        .route(webhooks::queue::ANSWERED, hook(webhooks::queue::answered))
        .route("/media/{*key}", get(recordings::download::download))
        .route("/hooks/unsubscribe/{token}", get(unsubscribe::ask).post(unsubscribe::unsubscribe))
        .route("/files/{*key}", get(mailboxes::files::download))
        .route("/kept/{*key}", get(mailboxes::files::download))
        .route("/hooks/vapi", post(vapi::webhook))
        .route("/api/vapi/webhook", post(vapi::webhook))
        .route("/hooks/whapi/{account}", post(told::whapi::webhook))
        .route("/hooks/shopify/{*topic}", post(told::shopify::webhook))
        .route("/api/v1/webhooks/shopify/{*topic}", post(told::shopify::webhook))
        .merge(api::router())
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(health::metrics))
        .fallback(async || Problem::not_found("page"))
        .method_not_allowed_fallback(async || {
            Problem::new(Code::MethodNotAllowed, "this page does not take that method")
        })
        .layer(middleware::from_fn(with_request_id))
        .with_state(shared)
}

/// The carrier calls a webhook with POST, or with GET where a number is set up so.
fn hook<H, T>(handler: H) -> MethodRouter<Arc<Shared>>
where
    H: axum::handler::Handler<T, Arc<Shared>>,
    T: 'static,
{
    post(handler.clone()).get(handler)
}
