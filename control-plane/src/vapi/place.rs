//! Asks Vapi to place a call. Vapi has no idempotency keys: each call carries our id as metadata, by which it is found again
//! when nobody knows whether it was placed.

use super::KIND;
use crate::directory::{Account, Directory};
use engine::provider::{Secret, masked};
use reqwest::{Response, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{error::Error, sync::Arc, time::Duration};
use store::{Call, StoreError, TenantId};
use tokio::time::timeout;
use url::Url;

/// Where Vapi is, unless the account says otherwise.
const ADDRESS: &str = "https://api.vapi.ai";
/// Longest wait for an answer.
const ANSWER: Duration = Duration::from_secs(15);
/// Longest answer that is read, in bytes: a list of calls with their transcripts.
const BODY: usize = 8 * 1024 * 1024;
/// Calls that are looked through to find one again.
const LIST: &str = "100";
/// How far Vapi's clock and ours may lie apart, in µs.
const SKEW: i64 = 60 * 1_000_000;

/// What Vapi is to do, kept in the call's plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct VapiPlan {
    /// Who speaks, by Vapi's id; `None`: the account's own.
    #[serde(default)]
    pub(crate) assistant_id: Option<String>,
    /// From which number, by Vapi's id; `None`: the account's own.
    #[serde(default)]
    pub(crate) phone_number_id: Option<String>,
}

/// Why a call is not placed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VapiError {
    #[error("the database did not serve")]
    Store(#[from] StoreError),
    /// It will not be, however often it is tried.
    #[error("Vapi refused: {0}")]
    Refused(String),
    /// It was not done; it can be tried again.
    #[error("Vapi did not serve: {0}")]
    NotDone(String),
    /// Nobody knows.
    #[error("nobody knows whether Vapi placed the call: {0}")]
    Unknown(String),
}

/// Places calls through the tenants' accounts at Vapi.
pub(crate) struct Placer {
    pub(crate) directory: Arc<Directory>,
    pub(crate) http: reqwest::Client,
}

struct Access {
    base: Url,
    key: Secret,
    account: Account,
}

impl Placer {
    async fn access(&self, tenant: &TenantId) -> Result<Access, VapiError> {
        let refused = |why: &str| VapiError::Refused(why.to_owned());
        let view = self.directory.tenant(tenant).await.map_err(StoreError::from)?;
        let view = view.ok_or_else(|| refused("the tenant is not served"))?;
        let account = view.accounts.iter().find(|account| account.kind == KIND && account.is_active());
        let account = account.ok_or_else(|| refused("the tenant has no account there"))?.clone();
        let key =
            account.secrets.get("api_key").ok_or_else(|| refused("the account has no key"))?.current.clone();
        let base = account.properties.get("base_url").map_or(ADDRESS, String::as_str);
        let base = Url::parse(base).map_err(|_| refused("the account's address is none"))?;
        Ok(Access { base, key, account })
    }

    /// Places the call, and gives Vapi's id of it.
    pub(crate) async fn place(
        &self,
        tenant: &TenantId,
        call: &Call,
        plan: &VapiPlan,
    ) -> Result<String, VapiError> {
        let access = self.access(tenant).await?;
        let own = |given: &Option<String>, name: &str| {
            let value = given.clone().or_else(|| access.account.properties.get(name).cloned());
            value.ok_or_else(|| {
                VapiError::Refused(format!("neither the request nor the account names {name}"))
            })
        };
        let body = json!({
            "assistantId": own(&plan.assistant_id, "assistant_id")?,
            "phoneNumberId": own(&plan.phone_number_id, "phone_number_id")?,
            "customer": { "number": call.to_number },
            "metadata": { "tandem_call": call.id.as_str() },
        });
        let request = self.http.post(access.url(&[])).bearer_auth(access.key.reveal()).json(&body);
        let answer = match timeout(ANSWER, request.send()).await {
            Err(_) => return Err(VapiError::Unknown("no answer".to_owned())),
            Ok(Err(error)) if error.is_connect() => {
                return Err(VapiError::NotDone("it cannot be reached".to_owned()));
            }
            Ok(Err(error)) => return Err(VapiError::Unknown(cause(&error))),
            Ok(Ok(answer)) => answer,
        };
        let status = answer.status();
        let told = read(answer).await;
        match (status, told.as_ref().ok().and_then(|told| told.get("id")?.as_str())) {
            (status, Some(id)) if status.is_success() => Ok(id.to_owned()),
            (StatusCode::TOO_MANY_REQUESTS, _) => Err(VapiError::NotDone("too many requests".to_owned())),
            (status, _) if status.is_client_error() => {
                let why = told.ok().and_then(|told| Some(told.get("message")?.to_string()));
                let why = masked(&why.unwrap_or_default(), &access.key);
                let why: String = why.chars().filter(|char| !char.is_control()).take(200).collect();
                Err(VapiError::Refused(format!("HTTP {} {why}", status.as_u16())))
            }
            (status, _) => Err(VapiError::Unknown(format!("HTTP {}", status.as_u16()))),
        }
    }

    /// Vapi's id of the call, if it was placed after `sent_at` (unix µs).
    pub(crate) async fn find(
        &self,
        tenant: &TenantId,
        call: &Call,
        sent_at: i64,
    ) -> Result<Option<String>, VapiError> {
        let access = self.access(tenant).await?;
        let since = crate::clock::rfc3339(sent_at.saturating_sub(SKEW));
        let url = access.url(&[("limit", LIST), ("createdAtGt", &since)]);
        let request = self.http.get(url).bearer_auth(access.key.reveal());
        let lost = |why: String| VapiError::NotDone(why);
        let answer = timeout(ANSWER, request.send()).await.map_err(|_| lost("no answer".to_owned()))?;
        let answer = answer.map_err(|error| lost(cause(&error)))?;
        if !answer.status().is_success() {
            return Err(lost(format!("HTTP {}", answer.status().as_u16())));
        }
        let told = read(answer).await.map_err(lost)?;
        let is_it = |one: &&Value| {
            one.pointer("/metadata/tandem_call").and_then(Value::as_str) == Some(call.id.as_str())
        };
        let found = told.as_array().and_then(|calls| calls.iter().find(is_it));
        Ok(found.and_then(|one| Some(one.get("id")?.as_str()?.to_owned())))
    }
}

impl Access {
    fn url(&self, query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/call", self.base.path().trim_end_matches('/')));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }
}

async fn read(mut answer: Response) -> Result<Value, String> {
    let mut body = Vec::new();
    while let Some(piece) =
        timeout(ANSWER, answer.chunk()).await.map_err(|_| "no answer")?.map_err(|error| cause(&error))?
    {
        body.extend_from_slice(&piece);
        if body.len() > BODY {
            return Err("the answer is too long".to_owned());
        }
    }
    serde_json::from_slice(&body).map_err(|_| "the answer is not JSON".to_owned())
}

/// What the network said, without the address.
fn cause(error: &reqwest::Error) -> String {
    error.source().map_or_else(|| "the request failed".to_owned(), ToString::to_string)
}
