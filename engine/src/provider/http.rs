//! HTTP as all providers use it: one pooled client, bounded waiting, and failures classified for the decision
//! that follows.

use super::{ErrorKind, ProviderError, Secret, quoted, tls};
use bytes::Bytes;
use reqwest::{RequestBuilder, Response, StatusCode, header::HeaderMap};
use std::{error::Error, time::Duration};
use url::Url;

/// How connections to providers are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpOptions {
    /// TCP and TLS. Default 3 s: a caller bears no longer pause.
    pub connect: Duration,
    /// An unused connection is closed after this long. Default 90 s: it outlives a caller's long turn.
    pub pool_idle: Duration,
    /// A kept HTTP/2 connection is pinged this often. Default 15 s: a dead one is found between two turns.
    pub ping_every: Duration,
    /// It is given up when no answer came for this long. Default 5 s: far more than any round trip.
    pub ping_timeout: Duration,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            pool_idle: Duration::from_secs(90),
            ping_every: Duration::from_secs(15),
            ping_timeout: Duration::from_secs(5),
        }
    }
}

/// Builds the client that all providers share. It follows no redirect (the credential would follow too) and
/// ignores the environment's proxies.
///
/// # Errors
/// When the operating system gives no resolver.
pub fn http_client(options: HttpOptions) -> Result<reqwest::Client, reqwest::Error> {
    http_client_builder(options).build()
}

/// [`http_client`] before it is built, for whoever needs one with a resolver of its own.
pub fn http_client_builder(options: HttpOptions) -> reqwest::ClientBuilder {
    let mut tls = rustls::ClientConfig::clone(&tls::client_config());
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .user_agent(concat!("tandem/", env!("CARGO_PKG_VERSION")))
        .tcp_nodelay(true)
        .connect_timeout(options.connect)
        .pool_idle_timeout(options.pool_idle)
        .http2_keep_alive_interval(options.ping_every)
        .http2_keep_alive_timeout(options.ping_timeout)
        .http2_keep_alive_while_idle(true)
}

/// `path` below a base URL that may or may not end with the API's version, `v1`.
pub(crate) fn versioned(base: &Url, path: &str) -> Url {
    let prefix = base.path().trim_end_matches('/');
    let prefix = prefix.strip_suffix("/v1").unwrap_or(prefix);
    let mut url = base.clone();
    url.set_path(&format!("{prefix}/v1/{path}"));
    url
}

/// `path` below a base URL of an OpenAI-compatible server: by convention its path, if it has one, already
/// holds the version (`https://api.groq.com/openai/v1`); without a path it is `/v1`.
pub(crate) fn openai_endpoint(base: &Url, path: &str) -> Url {
    let prefix = match base.path().trim_end_matches('/') {
        "" => "/v1",
        prefix => prefix,
    };
    let mut url = base.clone();
    url.set_path(&format!("{prefix}/{path}"));
    url
}

/// Who is asked, for what, and with which credential: what an error must say, and must not.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    pub(crate) provider: String,
    pub(crate) doing: &'static str,
    pub(crate) secret: Option<Secret>,
    /// Longest wait for the response's headers.
    pub(crate) headers: Duration,
    /// Longest silence within the body.
    pub(crate) idle: Duration,
}

impl Exchange {
    pub(crate) fn error(&self, message: impl Into<String>, kind: ErrorKind) -> ProviderError {
        ProviderError::new(&self.provider, self.doing, message, kind)
    }

    /// Sends the request and gives the response if its status is a success.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Response, ProviderError> {
        let response = tokio::time::timeout(self.headers, request.send())
            .await
            .map_err(|_| self.error(format!("no answer within {:?}", self.headers), ErrorKind::Transient))?
            .map_err(|error| self.transport(&error))?;
        if response.status().is_success() { Ok(response) } else { Err(self.refusal(response).await) }
    }

    /// The body's next piece, `None` at its end.
    pub(crate) async fn chunk(&self, response: &mut Response) -> Result<Option<Bytes>, ProviderError> {
        tokio::time::timeout(self.idle, response.chunk())
            .await
            .map_err(|_| self.error(format!("nothing for {:?}", self.idle), ErrorKind::Transient))?
            .map_err(|error| self.transport(&error))
    }

    /// The whole chain of causes, as text; the URL is left out.
    fn transport(&self, error: &reqwest::Error) -> ProviderError {
        let kind = if error.is_builder() { ErrorKind::Rejected } else { ErrorKind::Transient };
        let mut causes = Vec::new();
        let mut cause = error.source();
        while let Some(error) = cause {
            causes.push(error.to_string());
            cause = error.source();
        }
        let text = if causes.is_empty() { "the request failed".to_owned() } else { causes.join(": ") };
        self.error(quoted(&text, self.secret.as_ref()), kind)
    }

    async fn refusal(&self, mut response: Response) -> ProviderError {
        let status = response.status();
        let headers = response.headers().clone();
        let mut body = Vec::new();
        while body.len() < LONGEST_ERROR_BODY {
            match self.chunk(&mut response).await {
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                // The status alone says enough when the body breaks off.
                Ok(None) | Err(_) => break,
            }
        }
        body.truncate(LONGEST_ERROR_BODY);
        let told = ErrorBody::parse(&body);
        let message = format!("HTTP {}: {}", status.as_u16(), quoted(&told.text, self.secret.as_ref()));
        self.error(message, classify(status, &headers, &told.name))
    }
}

/// Longest body of an error that is read, in bytes.
const LONGEST_ERROR_BODY: usize = 16 * 1024;

/// What follows from a refused request.
pub(crate) fn classify(status: StatusCode, headers: &HeaderMap, name: &str) -> ErrorKind {
    let kind = match (status.as_u16(), name) {
        (_, "insufficient_quota" | "quota_exceeded") | (401..=403, _) => ErrorKind::Auth,
        (429, _) => ErrorKind::RateLimited { after_ms: retry_after_ms(headers) },
        (408 | 409 | 425 | 500.., _) => ErrorKind::Transient,
        (_, _) => ErrorKind::Rejected,
    };
    match (headers.get("x-should-retry").map(|value| value.as_bytes()), kind.is_retryable()) {
        (Some(b"false"), true) => ErrorKind::Rejected,
        (Some(b"true"), false) => ErrorKind::Transient,
        (_, _) => kind,
    }
}

/// The wait that a service asks for: `retry-after-ms`, else `retry-after` in seconds, fractions allowed. The
/// header's form with a date is not used by any of our providers and counts as no wait.
fn retry_after_ms(headers: &HeaderMap) -> Option<u64> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<f64>().ok();
    let ms = number("retry-after-ms").or_else(|| number("retry-after").map(|seconds| seconds * 1_000.0))?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
    (ms.is_finite() && ms >= 0.0).then_some(ms.ceil() as u64)
}

/// The name and the words of an error body, in any of the providers' forms.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ErrorBody {
    /// Such as `overloaded_error` or `insufficient_quota`; may be empty.
    pub(crate) name: String,
    /// For people.
    pub(crate) text: String,
}

impl ErrorBody {
    pub(crate) fn parse(body: &[u8]) -> Self {
        match serde_json::from_slice::<serde_json::Value>(body) {
            Ok(json) => Self::from_json(&json),
            Err(_) => Self { name: String::new(), text: String::from_utf8_lossy(body).into_owned() },
        }
    }

    pub(crate) fn from_json(json: &serde_json::Value) -> Self {
        let inner = ["error", "detail"].iter().find_map(|key| json.get(key)).unwrap_or(json);
        let text_of = |keys: &[&str]| {
            keys.iter().find_map(|key| inner.get(key).or_else(|| json.get(key))?.as_str()).map(str::to_owned)
        };
        // Of `code` and `type`, which OpenAI sends both, `code` is the exact one; Anthropic has only `type`,
        // ElevenLabs only `status`, Deepgram only `err_code`.
        let name = text_of(&["code", "status", "err_code"])
            .or_else(|| inner.get("type").and_then(|name| name.as_str()).map(str::to_owned))
            .unwrap_or_default();
        let text = match inner {
            serde_json::Value::String(text) => text.clone(),
            _ => text_of(&["message", "err_msg"]).unwrap_or_else(|| inner.to_string()),
        };
        let text = if name.is_empty() { text } else { format!("{name}: {text}") };
        Self { name, text }
    }
}

#[cfg(test)]
mod tests;
