//! Runs the tenant's tools: one signed POST (Standard Webhooks), no redirects, a bounded answer in bounded time.
//!
//! What goes wrong is told to the model in plain words; addresses and secrets are not.

use crate::{
    directory::{Directory, LoadError},
    settings::{ControlPlaneOptions, RemoteTool},
};
use base64_simd::STANDARD;
use engine::{
    ports::{ToolFailure, ToolInvocation, Tools},
    provider::{
        Secret,
        http::{HttpOptions, http_client},
    },
};
use futures_util::future::BoxFuture;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use reqwest::Client;
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::Sha256;
use std::{error::Error, sync::Arc};
use tokio::time::timeout;
use tracing::warn;

/// Begins a secret that is base64, as Standard Webhooks has it.
const ENCODED_SECRET: &str = "whsec_";

/// How long a tool took, by tool's outcome.
const SECONDS: &str = "tandem_tool_seconds";

/// See [`Tools`].
pub(crate) struct HttpTools {
    client: Client,
    directory: Arc<Directory>,
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
}

impl HttpTools {
    /// # Errors
    /// When the HTTP client cannot be made.
    pub(crate) fn new(
        directory: Arc<Directory>,
        options: &ControlPlaneOptions,
    ) -> Result<Self, reqwest::Error> {
        let client = http_client(HttpOptions { connect: options.tool_connect, ..HttpOptions::default() })?;
        Ok(Self { client, directory, answer_bytes: options.tool_answer_bytes })
    }
}

impl Tools for HttpTools {
    fn run(&self, invocation: ToolInvocation) -> BoxFuture<'static, Result<String, ToolFailure>> {
        let (client, directory, answer_bytes) =
            (self.client.clone(), Arc::clone(&self.directory), self.answer_bytes);
        Box::pin(async move {
            let started = tokio::time::Instant::now();
            let limit = invocation.timeout;
            let run = async {
                let tool = remote_tool(&directory, &invocation).await?;
                post(client, tool, &invocation, answer_bytes).await
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

async fn post(
    client: Client,
    tool: RemoteTool,
    invocation: &ToolInvocation,
    answer_bytes: usize,
) -> Result<String, ToolError> {
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
    let mut response =
        request.body(body).send().await.map_err(|cause| ToolError::Unreachable(cause.without_url()))?;
    if !response.status().is_success() {
        return Err(ToolError::Status(response.status().as_u16()));
    }
    let mut answer = Vec::new();
    while let Some(piece) =
        response.chunk().await.map_err(|cause| ToolError::BrokenOff(cause.without_url()))?
    {
        if answer.len() + piece.len() > answer_bytes {
            return Err(ToolError::TooLong);
        }
        answer.extend_from_slice(&piece);
    }
    String::from_utf8(answer).map_err(|_| ToolError::NotText)
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
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_standard_webhooks() {
        // The example of the specification's own libraries.
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let made =
            signature(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(made, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
