//! Sends requests to Twilio: in the account's turn, again where that is harmless, and with every failure told
//! for what it is.

use crate::{
    Account, Credentials, TwilioError, TwilioOptions,
    error::Refusal,
    form,
    limits::{Limits, Share},
    retry::{self, Decision, Failure, Repetition},
};
use bytes::{Bytes, BytesMut};
use engine::provider::{http::http_client, masked};
use reqwest::{Method, Response, StatusCode, header::HeaderMap};
use std::{error::Error, sync::Arc, time::Duration};
use tokio::time::{sleep, timeout};
use url::Url;

/// Longest text of Twilio's that an error repeats, in characters.
const LONGEST_QUOTE: usize = 300;

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No HTTP client could be made.
    #[error("failed to set up the HTTP client for Twilio")]
    Http(#[source] reqwest::Error),
    /// The address cannot have paths, or is not `http` or `https`.
    #[error("`{0}` cannot be the base of Twilio's REST API")]
    BaseUrl(Url),
}

/// Connections, limits and retries for all accounts; clones share them.
#[derive(Clone, Debug)]
pub struct TwilioClient {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    options: TwilioOptions,
    http: reqwest::Client,
    limits: Limits,
}

/// One request, as often as it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) doing: &'static str,
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) body: Option<String>,
    pub(crate) repetition: Repetition,
    pub(crate) share: Share,
}

impl TwilioClient {
    /// Gets ready; nothing is sent yet.
    ///
    /// # Errors
    /// If the address is of no use, or the operating system gives no resolver.
    pub fn new(options: TwilioOptions) -> Result<Self, ClientError> {
        let base = &options.base_url;
        if base.cannot_be_a_base() || !matches!(base.scheme(), "http" | "https") {
            return Err(ClientError::BaseUrl(base.clone()));
        }
        let http = http_client(options.http).map_err(ClientError::Http)?;
        let limits = Limits::new(options.rate, options.messages);
        Ok(Self { shared: Arc::new(Shared { options, http, limits }) })
    }

    /// The account that the credentials belong to.
    #[must_use]
    pub fn account(&self, credentials: Credentials) -> Account {
        Account::new(self.clone(), credentials)
    }

    /// As it was given.
    #[must_use]
    pub fn options(&self) -> &TwilioOptions {
        &self.shared.options
    }

    pub(crate) fn http(&self) -> &reqwest::Client {
        &self.shared.http
    }

    /// The answer's body, once Twilio has done what was asked.
    pub(crate) async fn send(&self, account: &Account, request: &Request) -> Result<Bytes, TwilioError> {
        let doing = request.doing;
        let mut attempt = 1;
        loop {
            let turn = self.shared.limits.turn(account.sid(), request.share).await;
            let turn = turn.map_err(|wait| TwilioError::Busy { doing, wait })?;
            let failure = match self.attempt(account, request).await {
                Ok(body) => return Ok(body),
                Err(failure) => failure,
            };
            drop(turn);
            let gone = matches!(&failure, Failure::Refused(refusal) if refusal.status == 404);
            if gone && attempt > 1 && request.method == Method::DELETE {
                // An earlier attempt whose answer was lost has deleted it.
                return Ok(Bytes::new());
            }
            let chance = rand::random();
            match retry::decide(&self.shared.options.retry, attempt, request.repetition, &failure, chance) {
                Decision::Again(wait) => {
                    tracing::debug!(doing, attempt, ?wait, "asking Twilio again");
                    if matches!(&failure, Failure::Refused(refusal) if refusal.status == 429) {
                        self.shared.limits.hold(account.sid(), request.share, wait);
                    }
                    sleep(wait).await;
                    attempt += 1;
                }
                Decision::Unknown => return Err(unknown(doing, failure)),
                Decision::GiveUp => return Err(given_up(doing, failure)),
            }
        }
    }

    async fn attempt(&self, account: &Account, request: &Request) -> Result<Bytes, Failure> {
        let limit = self.shared.options.answer;
        let exchange = async {
            let response = self.open(account, request).await?;
            self.body(account, response).await
        };
        let late = || Failure::Lost(format!("no answer within {limit:?}"));
        timeout(limit, exchange).await.map_err(|_| late())?
    }

    /// Sends once and gives the response, whatever its status.
    pub(crate) async fn open(&self, account: &Account, request: &Request) -> Result<Response, Failure> {
        let credentials = account.credentials();
        let mut sent = self
            .shared
            .http
            .request(request.method.clone(), request.url.clone())
            .basic_auth(credentials.user(), Some(credentials.secret().reveal()))
            .header("accept", "application/json");
        if let Some(body) = &request.body {
            sent = sent.header("content-type", "application/x-www-form-urlencoded").body(body.clone());
        }
        sent.send().await.map_err(|error| {
            let cause = causes(&error);
            if error.is_connect() || error.is_builder() {
                Failure::NotSent(cause)
            } else {
                Failure::Lost(cause)
            }
        })
    }

    async fn body(&self, account: &Account, mut response: Response) -> Result<Bytes, Failure> {
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = BytesMut::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break,
                // An error's status says enough when its body breaks off.
                Err(_) if !status.is_success() => break,
                Err(error) => return Err(Failure::Lost(causes(&error))),
            }
            if body.len() > self.shared.options.answer_bytes {
                return Err(Failure::Lost("the answer is too long".to_owned()));
            }
        }
        if status.is_success() {
            Ok(body.freeze())
        } else {
            Err(Failure::Refused(Box::new(refusal(account, status, &headers, &body))))
        }
    }
}

/// What Twilio's error body and headers say.
pub(crate) fn refusal(account: &Account, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Refusal {
    #[derive(serde::Deserialize)]
    struct ErrorBody {
        code: Option<u32>,
        #[serde(alias = "detail", alias = "title")]
        message: Option<String>,
        more_info: Option<String>,
    }
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let told = serde_json::from_slice::<ErrorBody>(body).ok();
    let (code, message, more_info) =
        told.map_or((None, None, None), |told| (told.code, told.message, told.more_info));
    let message = message.unwrap_or_else(|| status.canonical_reason().unwrap_or("an error").to_owned());
    // It may repeat all that it was sent.
    let said = |text: &str| one_line(&masked(text, account.credentials().secret()));
    Refusal {
        status: status.as_u16(),
        code,
        message: said(&message),
        more_info: more_info.as_deref().map(said),
        // The form with a date is not used by Twilio and counts as none.
        retry_after: header("retry-after")
            .and_then(|seconds| seconds.trim().parse::<f64>().ok())
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
        request_id: header("twilio-request-id").map(said),
    }
}

fn one_line(text: &str) -> String {
    text.chars().take(LONGEST_QUOTE).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The whole chain of causes, without the URL: numbers of people stand in it.
pub(crate) fn causes(error: &reqwest::Error) -> String {
    let mut causes = Vec::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        causes.push(error.to_string());
        cause = error.source();
    }
    if causes.is_empty() { "the request failed".to_owned() } else { causes.join(": ") }
}

fn unknown(doing: &'static str, failure: Failure) -> TwilioError {
    let cause = match failure {
        Failure::NotSent(cause) | Failure::Lost(cause) => cause,
        Failure::Refused(refusal) => refusal.to_string(),
    };
    TwilioError::UnknownOutcome { doing, cause }
}

pub(crate) fn given_up(doing: &'static str, failure: Failure) -> TwilioError {
    match failure {
        Failure::NotSent(cause) => TwilioError::Unreachable { doing, cause },
        Failure::Lost(cause) => TwilioError::NoAnswer { doing, cause },
        Failure::Refused(refusal) => TwilioError::Refused { doing, refusal },
    }
}

/// Reads an answer. One to a creation that is not understood leaves open what was created.
pub(crate) fn read<T: serde::de::DeserializeOwned>(
    doing: &'static str,
    repetition: Repetition,
    body: &[u8],
) -> Result<T, TwilioError> {
    serde_json::from_slice(body).map_err(|error| {
        let cause = format!("line {}, column {}", error.line(), error.column());
        match repetition {
            Repetition::Harmless => TwilioError::Misunderstood { doing, cause },
            Repetition::Doubles => TwilioError::UnknownOutcome { doing, cause },
        }
    })
}

/// A request's struct as a form.
pub(crate) fn encode(doing: &'static str, request: &impl serde::Serialize) -> Result<String, TwilioError> {
    let fields =
        form::fields(request).map_err(|error| TwilioError::Invalid { doing, reason: error.to_string() })?;
    Ok(form::encode(&fields))
}
