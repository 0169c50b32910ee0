//! Reads a webhook and believes it, or refuses it before anything else is done.

use super::{
    HookError,
    believe::{Disbelief, Received, believe, own_number, single},
    signature::SignedBody,
};
use crate::{
    directory::TenantView,
    problem::{Code, Problem},
    shared::Shared,
    twiml::{Twiml, Verb},
};
use axum::{
    body::{Body, to_bytes},
    extract::{FromRequest, Request},
    http::{HeaderMap, Method, header, request::Parts},
};
use bytes::Bytes;
use engine::log_limit::LogLimit;
use std::{error::Error, sync::Arc};
use store::TenantStore;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{error, warn};
use url::form_urlencoded;

/// Webhooks that were not believed, by reason.
const REFUSED: &str = "tandem_webhooks_refused_total";

/// Names of parameters that a log line has at most; the carrier sends some 30.
const NAMES_LOGGED: usize = 50;

/// A webhook that the carrier signed for a tenant, and the door to that tenant's part of the store.
pub(crate) struct Webhook {
    pub(crate) tenant: Arc<TenantView>,
    pub(crate) store: Box<dyn TenantStore>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) received: Instant,
    fields: Vec<(String, String)>,
    /// Path and query as they were called.
    path: String,
    /// What our own address said, read.
    query: Vec<(String, String)>,
    repetition: Option<String>,
}

impl Webhook {
    /// The parameter's value; `None` if it is missing, or given twice with different values: the signature does
    /// not say which comes first.
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        single(&self.fields, name)
    }

    /// The parameter's value.
    pub(crate) fn required(&self, name: &str) -> Result<&str, HookError> {
        self.param(name)
            .filter(|value| !value.is_empty())
            .ok_or_else(|| Problem::invalid(format!("the parameter {name} is missing")).into())
    }

    /// The number of ours in the call, if it has one.
    pub(crate) fn own_number(&self) -> Option<&str> {
        own_number(&self.fields)
    }

    /// The carrier's account that it came through.
    pub(crate) fn account(&self) -> &str {
        self.param("AccountSid").unwrap_or_default()
    }

    /// What our own address says under this name. The carrier has signed it with the rest.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        single(&self.query, name)
    }

    /// Path and query as they were called.
    pub(crate) fn path_called(&self) -> &str {
        &self.path
    }

    /// What a repetition of this request would have in common with it, if the carrier marked it.
    pub(crate) fn repetition(&self, hook: &str) -> Option<String> {
        let (token, call) = (self.repetition.as_deref()?, self.param("CallSid")?);
        Some(format!("{} {hook} {call} {token}", self.tenant.id))
    }

    /// Says something with the carrier's own voice, and hangs up.
    pub(crate) fn say(&self, text: &str) -> Twiml {
        Twiml::new(&[Verb::Say { voice: &self.tenant.texts.voice, text }, Verb::Hangup])
    }

    /// Asks the caller to leave a message.
    pub(crate) fn leave_message(&self) -> Twiml {
        super::fallback::leave_message(&self.shared, &self.tenant.texts)
    }
}

impl FromRequest<Arc<Shared>> for Webhook {
    type Rejection = Problem;

    async fn from_request(request: Request, shared: &Arc<Shared>) -> Result<Self, Problem> {
        let received = Instant::now();
        let (parts, body) = request.into_parts();
        let path = called_path(&parts);
        let limit = shared.limits.webhook_body_bytes;
        let body = timeout(shared.limits.webhook_deadline, read_body(body, limit))
            .await
            .map_err(|_| Problem::new(Code::TooSlow, "the body did not come in time"))??;
        let (fields, kind) = read_fields(&parts, &body)?;
        let received_whole = Instant::now();
        let received_fields = Received {
            fields: &fields,
            urls: &called_urls(shared, &path),
            body: match kind {
                Kind::Query => SignedBody::None,
                Kind::Form => SignedBody::Form(&fields),
                Kind::Json => SignedBody::Json(&body),
            },
            signature: header_text(&parts.headers, "x-twilio-signature"),
            settings: header_text(&parts.headers, "x-twilio-webhooks-signature-settings"),
        };
        let tenant = match believe(&shared.directory, &received_fields).await {
            Ok(tenant) => tenant,
            Err(disbelief) => {
                sleep_until(received_whole + shared.limits.webhook_refusal).await;
                return Err(refusal(&disbelief, &path, &fields));
            }
        };
        Ok(Self {
            store: shared.store(&tenant.id),
            tenant,
            shared: Arc::clone(shared),
            received,
            repetition: header_text(&parts.headers, "i-twilio-idempotency-token").map(str::to_owned),
            fields,
            query: form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes())
                .into_owned()
                .collect(),
            path,
        })
    }
}

enum Kind {
    Query,
    Form,
    Json,
}

/// Path and query exactly as they were called, not parsed and written again. The routes are not nested, so the
/// router has not shortened it.
fn called_path(parts: &Parts) -> String {
    parts.uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string)
}

/// Our own address with the path that was called. A proxy in front may have taken the address' own path off.
fn called_urls(shared: &Shared, path: &str) -> Vec<String> {
    let base = shared.base_url.as_str();
    let origin_len = base.find("://").map_or(0, |at| at + 3);
    let origin_len =
        base.get(origin_len..).and_then(|rest| rest.find('/')).map_or(base.len(), |at| origin_len + at);
    let origin = base.get(..origin_len).unwrap_or(base);
    let mut urls = vec![format!("{origin}{path}"), shared.own_url(path)];
    urls.dedup();
    urls
}

async fn read_body(body: Body, limit: usize) -> Result<Bytes, Problem> {
    // The only other failure is a connection that broke, and then nobody reads the answer.
    to_bytes(body, limit).await.map_err(|_| {
        let detail = format!("a webhook's body must come whole and have at most {limit} bytes");
        Problem::new(Code::BodyTooLarge, detail)
    })
}

fn read_fields(parts: &Parts, body: &[u8]) -> Result<(Vec<(String, String)>, Kind), Problem> {
    if parts.method == Method::GET {
        let query = parts.uri.query().unwrap_or_default();
        return Ok((form_urlencoded::parse(query.as_bytes()).into_owned().collect(), Kind::Query));
    }
    let content_type = header_text(&parts.headers, header::CONTENT_TYPE.as_str()).unwrap_or_default();
    match content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "application/x-www-form-urlencoded" | "" => {
            Ok((form_urlencoded::parse(body).into_owned().collect(), Kind::Form))
        }
        "application/json" => {
            let object: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(body)
                .map_err(|_| Problem::invalid("the body is not a JSON object"))?;
            let texts = object.into_iter().filter_map(|(name, value)| match value {
                serde_json::Value::String(text) => Some((name, text)),
                _ => None,
            });
            Ok((texts.collect(), Kind::Json))
        }
        _ => Err(Problem::new(Code::UnsupportedMediaType, "a webhook's body is a form or JSON")),
    }
}

fn header_text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// A parameter's name as it is logged: a stranger may send one of any length.
fn shortened(name: &str) -> &str {
    &name[..name.floor_char_boundary(40)]
}

/// The same answer whatever the reason: a stranger learns nothing. The log has the parameters' names, for the
/// case that the carrier signs something that we do not expect, and never their values.
fn refusal(disbelief: &Disbelief, path: &str, fields: &[(String, String)]) -> Problem {
    static LINES: LogLimit = LogLimit::new();
    let reason = match disbelief {
        Disbelief::Refused(reason) => reason,
        Disbelief::Unavailable(cause) => {
            error!(error = cause as &dyn Error, "it cannot be found out whose webhook it is");
            let detail = "the webhook could not be served";
            return Problem::new(Code::StoreUnavailable, detail);
        }
    };
    metrics::counter!(REFUSED, "reason" => *reason).increment(1);
    if let Some(left_out) = LINES.admit(Instant::now()) {
        let path = path.split('?').next().unwrap_or_default();
        let names: Vec<_> = fields.iter().take(NAMES_LOGGED).map(|(name, _)| shortened(name)).collect();
        warn!(reason, path, ?names, left_out, "a webhook is not believed");
    }
    Problem::new(Code::InvalidSignature, "the request is not signed by the carrier account that it names")
}
