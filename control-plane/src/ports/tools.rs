//! Runs the tenant's tools: one signed POST (Standard Webhooks), no redirects, a bounded answer in bounded time.
//!
//! A tool whose address a tenant has chosen is asked only where customers' servers may be: its name is resolved and looked at
//! first, and the connection is made to what was looked at. What goes wrong is told to the model in plain words; addresses and
//! secrets are not.

use super::own_tools::{OwnTool, OwnToolError};
use crate::{
    directory::{Directory, LoadError},
    settings::{ChosenBy, ControlPlaneOptions, RemoteTool},
    shared::Shared,
};
use base64_simd::STANDARD;
use deliveries::{
    GuardedResolver, Lookup, NotPublic,
    address::{BadAddress, Reach, check},
};
use engine::{
    ports::{ToolFailure, ToolInvocation, Tools},
    provider::{
        Secret,
        http::{HttpOptions, http_client, http_client_builder},
    },
};
use futures_util::future::BoxFuture;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use reqwest::Client;
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::Sha256;
use std::{
    error::Error,
    sync::{Arc, OnceLock, Weak},
};
use tokio::time::timeout;
use tracing::warn;

/// Begins a secret that is base64, as Standard Webhooks has it.
const ENCODED_SECRET: &str = "whsec_";

/// How long a tool took, by tool's outcome.
const SECONDS: &str = "tandem_tool_seconds";

/// See [`Tools`].
pub(crate) struct HttpTools {
    clients: Clients,
    directory: Arc<Directory>,
    /// For the tools that are carried out here; set once everything is there.
    shared: Arc<OnceLock<Weak<Shared>>>,
}

/// Asks tools.
#[derive(Clone)]
struct Clients {
    /// For addresses that the installation has chosen.
    open: Client,
    /// For those that a tenant has chosen.
    guarded: Client,
    /// Where the latter may be.
    reach: Reach,
    answer_bytes: usize,
}

#[derive(Serialize)]
struct ToolRequest<'a> {
    call: &'a str,
    tool: &'a str,
    arguments: &'a Map<String, Value>,
}

#[derive(Debug, thiserror::Error)]
enum ToolError {
    #[error("the tool is not set up")]
    NotSetUp,
    #[error("the tool could not be looked up")]
    Tenant(#[source] LoadError),
    #[error("the tool's arguments have no JSON form")]
    Arguments(#[source] serde_json::Error),
    #[error("the tool is at an address that may not be asked")]
    Address(#[from] BadAddress),
    #[error("the tool is at an address that may not be asked")]
    NotPublic(#[from] NotPublic),
    #[error("the tool's server could not be reached")]
    Unreachable(#[source] reqwest::Error),
    #[error("the tool answered with status {0}")]
    Status(u16),
    #[error("the tool's answer broke off")]
    BrokenOff(#[source] reqwest::Error),
    #[error("the tool's answer is too long")]
    TooLong,
    #[error("the tool's answer is not text")]
    NotText,
    #[error("the tool took too long")]
    TimedOut,
    #[error(transparent)]
    Own(#[from] OwnToolError),
}

impl HttpTools {
    /// # Errors
    /// When the HTTP client cannot be made.
    pub(crate) fn new(
        directory: Arc<Directory>,
        options: &ControlPlaneOptions,
        lookup: Arc<dyn Lookup>,
    ) -> Result<Self, reqwest::Error> {
        Ok(Self { clients: Clients::new(options, lookup)?, directory, shared: Arc::default() })
    }

    /// From now on the tools that are carried out here act on this.
    pub(crate) fn attach(&self, shared: &Arc<Shared>) {
        // Set once, where everything is put together.
        self.shared.get_or_init(|| Arc::downgrade(shared));
    }
}

impl Tools for HttpTools {
    fn run(&self, invocation: ToolInvocation) -> BoxFuture<'static, Result<String, ToolFailure>> {
        let (clients, directory) = (self.clients.clone(), Arc::clone(&self.directory));
        let own = OwnTool::of(&invocation.tool.name);
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let started = tokio::time::Instant::now();
            let limit = invocation.timeout;
            let run = async {
                // A tenant's own tool of such a name counts before ours.
                match (remote_tool(&directory, &invocation).await, own) {
                    (Err(ToolError::NotSetUp), Some(own)) => {
                        let shared = shared.get().and_then(Weak::upgrade).ok_or(ToolError::NotSetUp)?;
                        Ok(own.run(&shared, &invocation).await?)
                    }
                    (tool, _) => clients.ask(tool?, &invocation).await,
                }
            };
            let answer = timeout(limit, run).await.unwrap_or(Err(ToolError::TimedOut));
            let outcome = if answer.is_ok() { "ok" } else { "failed" };
            metrics::histogram!(SECONDS, "outcome" => outcome).record(started.elapsed().as_secs_f64());
            answer.map_err(|cause| {
                let (call, tool) = (&invocation.call, &invocation.tool.name);
                warn!(%call, tool, error = &cause as &dyn Error, "a tool failed");
                ToolFailure(cause.to_string())
            })
        })
    }
}

/// The tool as its tenant has set it up now.
async fn remote_tool(directory: &Directory, invocation: &ToolInvocation) -> Result<RemoteTool, ToolError> {
    let tenant = directory.tenant(&store::TenantId::known(invocation.tenant.0.as_str())).await;
    tenant
        .map_err(ToolError::Tenant)?
        .and_then(|tenant| {
            tenant.answerer(&invocation.assistant.0)?.remote_tools.get(&invocation.tool.name).cloned()
        })
        .ok_or(ToolError::NotSetUp)
}

impl Clients {
    fn new(options: &ControlPlaneOptions, lookup: Arc<dyn Lookup>) -> Result<Self, reqwest::Error> {
        let http = HttpOptions { connect: options.tool_connect, ..HttpOptions::default() };
        let reach = options.delivery.reach;
        let guarded = http_client_builder(http).dns_resolver(GuardedResolver::new(lookup, reach)).build()?;
        Ok(Self { open: http_client(http)?, guarded, reach, answer_bytes: options.tool_answer_bytes })
    }

    /// The client for this tool's address, if it may be asked.
    fn of(&self, tool: &RemoteTool) -> Result<&Client, ToolError> {
        match tool.chosen_by {
            ChosenBy::Installation => Ok(&self.open),
            ChosenBy::Tenant => {
                // An address that is written as a number never comes to the resolver.
                check(tool.url.as_str(), self.reach)?;
                Ok(&self.guarded)
            }
        }
    }

    async fn ask(&self, tool: RemoteTool, invocation: &ToolInvocation) -> Result<String, ToolError> {
        let client = self.of(&tool)?;
        let request = ToolRequest {
            call: &invocation.call.0,
            tool: &invocation.tool.name,
            arguments: &invocation.tool.arguments,
        };
        let body = serde_json::to_string(&request).map_err(ToolError::Arguments)?;
        let timestamp = Timestamp::now().as_second();
        // The engine's key is unique within the call; the id has no full stop, which separates what is signed.
        let id = format!("{}_{}", invocation.call, invocation.key.0).replace('.', "-");
        let mut request = client
            .post(tool.url)
            .header("content-type", "application/json")
            .header("webhook-id", &id)
            .header("webhook-timestamp", timestamp);
        // Without a secret everybody could make the signature: it would only look like one.
        if !tool.signing_secret.reveal().is_empty() {
            let signature = signature(&tool.signing_secret, &id, timestamp, &body);
            request = request.header("webhook-signature", signature);
        }
        let mut response = request.body(body).send().await.map_err(unreachable)?;
        if !response.status().is_success() {
            return Err(ToolError::Status(response.status().as_u16()));
        }
        let mut answer = Vec::new();
        while let Some(piece) =
            response.chunk().await.map_err(|cause| ToolError::BrokenOff(cause.without_url()))?
        {
            if answer.len() + piece.len() > self.answer_bytes {
                return Err(ToolError::TooLong);
            }
            answer.extend_from_slice(&piece);
        }
        String::from_utf8(answer).map_err(|_| ToolError::NotText)
    }
}

fn unreachable(cause: reqwest::Error) -> ToolError {
    if NotPublic::is_behind(&cause) { NotPublic.into() } else { ToolError::Unreachable(cause.without_url()) }
}

/// `v1,` and the HMAC-SHA256 of id, time (unix s) and body.
#[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
fn signature(secret: &Secret, id: &str, timestamp: i64, body: &str) -> String {
    let secret = secret.reveal();
    let key = secret
        .strip_prefix(ENCODED_SECRET)
        .and_then(|encoded| STANDARD.decode_to_vec(encoded).ok())
        .unwrap_or_else(|| secret.as_bytes().to_vec());
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("HMAC takes keys of every length");
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode_to_string(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests;
