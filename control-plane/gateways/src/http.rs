//! One request and its answer: bounded in time and size, and every failure told for what it is.

use crate::error::{ClientError, Gateway, GatewayError, Refusal};
use bytes::{Bytes, BytesMut};
use engine::provider::{
    Secret,
    http::{HttpOptions, http_client},
    masked,
};
use reqwest::{RequestBuilder, Response, StatusCode, header};
use std::{error::Error, time::Duration};
use tokio::time::timeout;
use url::Url;

/// Longest text of a gateway's that an error repeats, in characters.
const LONGEST_QUOTE: usize = 300;
/// Longest wait that a gateway can ask for: a day. What asks for more is a mistake.
const LONGEST_WAIT: Duration = Duration::from_secs(86_400);
/// Longest body of a refusal that is read, in bytes; what there is to say is said by then.
const REFUSAL_BYTES: usize = 16 * 1024;

/// What a repetition of a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repetition {
    /// The same as doing it once: reads, settings.
    Harmless,
    /// Nothing: the request has a key.
    Keyed,
    /// It once more.
    Doubles,
}

/// What became of a request that was not a success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No connection; nothing was sent.
    NotSent(String),
    /// Sent, and no answer or none that can be used.
    Lost(String),
    /// The gateway's own refusal.
    Refused(Box<Refusal>),
}

/// A successful answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) body: Bytes,
    pub(crate) media_type: Option<String>,
}

/// Who is asked, with which credential, and what is waited for and read.
#[derive(Debug)]
pub(crate) struct Asking<'a> {
    pub(crate) gateway: Gateway,
    pub(crate) secret: &'a Secret,
    /// Another secret that was sent along.
    pub(crate) also: Option<&'a Secret>,
    pub(crate) answer: Duration,
    pub(crate) answer_bytes: usize,
    /// The words in the body of a refusal.
    pub(crate) words: fn(&[u8]) -> Option<String>,
}

/// A client for a base address that can have paths.
pub(crate) fn client(
    gateway: Gateway,
    base: &Url,
    options: HttpOptions,
) -> Result<reqwest::Client, ClientError> {
    if base.cannot_be_a_base() || !matches!(base.scheme(), "http" | "https") {
        return Err(ClientError::BaseUrl(gateway, base.clone()));
    }
    http_client(options).map_err(|error| ClientError::Http(gateway, error))
}

/// The address of a resource; each part is one segment, whatever is in it.
pub(crate) fn url(base: &Url, parts: &[&str]) -> Url {
    let mut url = base.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(parts);
    }
    url
}

/// Whether a text can be an id in a path.
pub(crate) fn is_id(text: &str) -> bool {
    (1..=256).contains(&text.len()) && !matches!(text, "." | "..") && !text.chars().any(char::is_control)
}

impl Asking<'_> {
    /// Sends once.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Answer, Failure> {
        let exchange = async {
            let response = request.send().await.map_err(|error| not_answered(&error))?;
            self.read(response).await
        };
        let late = |_| Failure::Lost(format!("no answer within {:?}", self.answer));
        timeout(self.answer, exchange).await.map_err(late)?
    }

    async fn read(&self, mut response: Response) -> Result<Answer, Failure> {
        let (status, headers) = (response.status(), response.headers().clone());
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let limit = if status.is_success() { self.answer_bytes } else { REFUSAL_BYTES };
        let mut body = BytesMut::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break,
                // An error's status says enough when its body breaks off.
                Err(_) if !status.is_success() => break,
                Err(error) => return Err(Failure::Lost(causes(&error))),
            }
            if body.len() > limit {
                if status.is_success() {
                    return Err(Failure::Lost("the answer is too long".to_owned()));
                }
                break;
            }
        }
        if status.is_success() {
            let media_type = text(header::CONTENT_TYPE).map(str::to_owned);
            return Ok(Answer { body: body.freeze(), media_type });
        }
        Err(Failure::Refused(Box::new(self.refusal(status, text(header::RETRY_AFTER), &body))))
    }

    fn refusal(&self, status: StatusCode, retry_after: Option<&str>, body: &[u8]) -> Refusal {
        let words = (self.words)(body).filter(|words| !words.trim().is_empty());
        let words = words.unwrap_or_else(|| status.canonical_reason().unwrap_or("an error").to_owned());
        // The form with a date is used by neither gateway and counts as none.
        let retry_after = retry_after
            .and_then(|seconds| seconds.trim().parse::<f64>().ok())
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .map(|wait| wait.min(LONGEST_WAIT));
        Refusal { status: status.as_u16(), message: self.said(&words), retry_after }
    }

    /// The gateway's words, fit for a log: it may repeat all that it was sent.
    pub(crate) fn said(&self, words: &str) -> String {
        let mut words = masked(words, self.secret);
        if let Some(also) = self.also {
            words = masked(&words, also);
        }
        words.chars().take(LONGEST_QUOTE).map(|c| if c.is_control() { ' ' } else { c }).collect()
    }

    /// What a failure means.
    pub(crate) fn told(&self, doing: &'static str, repetition: Repetition, failure: Failure) -> GatewayError {
        let gateway = self.gateway;
        let unknown = |cause, status, retry_after| {
            let keyed = repetition == Repetition::Keyed;
            GatewayError::UnknownOutcome { gateway, doing, cause, status, keyed, retry_after }
        };
        match failure {
            Failure::NotSent(cause) => GatewayError::Unreachable { gateway, doing, cause },
            Failure::Lost(cause) if repetition == Repetition::Harmless => {
                GatewayError::NoAnswer { gateway, doing, cause }
            }
            Failure::Lost(cause) => unknown(cause, None, None),
            // A server error, or a proxy's time-out, says nothing of what had been done before it.
            Failure::Refused(refusal)
                if repetition != Repetition::Harmless && matches!(refusal.status, 408 | 500..) =>
            {
                unknown(refusal.to_string(), Some(refusal.status), refusal.retry_after)
            }
            Failure::Refused(refusal) => GatewayError::Refused { gateway, doing, refusal },
        }
    }

    /// What an answer that is not understood means: after a send nobody knows what was sent.
    pub(crate) fn misunderstood(
        &self,
        doing: &'static str,
        repetition: Repetition,
        cause: String,
    ) -> GatewayError {
        match repetition {
            Repetition::Harmless => GatewayError::Misunderstood { gateway: self.gateway, doing, cause },
            Repetition::Keyed | Repetition::Doubles => self.told(doing, repetition, Failure::Lost(cause)),
        }
    }
}

fn not_answered(error: &reqwest::Error) -> Failure {
    let cause = causes(error);
    if error.is_connect() || error.is_builder() { Failure::NotSent(cause) } else { Failure::Lost(cause) }
}

/// The whole chain of causes, without the URL: numbers of people stand in it.
fn causes(error: &reqwest::Error) -> String {
    let mut causes = Vec::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        causes.push(error.to_string());
        cause = error.source();
    }
    if causes.is_empty() { "the request failed".to_owned() } else { causes.join(": ") }
}

/// Where an answer's JSON broke, without repeating it.
pub(crate) fn position(error: &serde_json::Error) -> String {
    format!("no JSON at line {}, column {}", error.line(), error.column())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asking(secret: &Secret) -> Asking<'_> {
        Asking {
            gateway: Gateway::Whapi,
            secret,
            also: None,
            answer: Duration::from_secs(1),
            answer_bytes: 10,
            words: |body| String::from_utf8(body.to_vec()).ok(),
        }
    }

    #[test]
    fn a_refusal_is_short_one_line_and_without_the_credential() {
        let secret = Secret::new("sandbox-secret-token-1");
        let body = format!("token sandbox-secret-token-1\nis {}", "wrong ".repeat(100));
        let refusal = asking(&secret).refusal(StatusCode::UNAUTHORIZED, None, body.as_bytes());
        assert!(!refusal.message.contains("sandbox-secret") && !refusal.message.contains('\n'));
        assert_eq!(refusal.message.chars().count(), LONGEST_QUOTE);
        let silent = asking(&secret).refusal(StatusCode::BAD_REQUEST, None, b" ");
        assert_eq!(silent.message, "Bad Request");
    }

    #[test]
    fn a_wait_is_read_in_seconds_and_is_never_longer_than_a_day() {
        let secret = Secret::new("t");
        let wait = |text| asking(&secret).refusal(StatusCode::TOO_MANY_REQUESTS, text, b"").retry_after;
        assert_eq!(wait(Some("2.5")), Some(Duration::from_millis(2_500)));
        assert_eq!(wait(Some("1e15")), Some(LONGEST_WAIT));
        for nonsense in ["-1", "soon", "NaN", "Sat, 21 Nov 2026 04:00:00 GMT", ""] {
            assert_eq!(wait(Some(nonsense)), None, "{nonsense}");
        }
    }

    #[test]
    fn an_id_is_one_segment_of_the_path() {
        let base = Url::parse("https://gate.example.test/whapi/").unwrap();
        assert_eq!(
            url(&base, &["messages", "a/b?c"]).as_str(),
            "https://gate.example.test/whapi/messages/a%2Fb%3Fc"
        );
        assert!(is_id("a/b") && !is_id("..") && !is_id("") && !is_id("a\nb"));
    }
}
