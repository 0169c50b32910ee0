//! The whole product with the sandbox around it, in one process: what `tandem demo` shows and what the tests of the
//! whole are made of.

use crate::{
    config::{Assistant, Config, Tool, ToolKind},
    server::{Server, StartError, StopError},
};
use engine::provider::{
    Secret,
    http::{HttpOptions, http_client},
};
use fixtures::{
    call::Fixture,
    carrier::{Carrier, CarrierError, CarrierEvent, CarrierOptions, CarrierReport},
    expect::{Mismatch, Observed, ObservedTurn, check},
    sandbox::{Sandbox, SandboxError, SandboxOptions},
    stage,
};
use serde::Deserialize;
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

const ACCOUNT_SID: &str = "AC00000000000000000000000000000000";
const AUTH_TOKEN: &str = "sandbox";
const NUMBER: &str = "+15555550100";
const CALLER: &str = "+15555550110";
/// Whom the recorded calls ask to be put through to.
const COLLEAGUE: &str = "+15555550123";

/// The server may take so long to store the end of a call: the recording is finished first.
const STORED_WITHIN: Duration = Duration::from_secs(60);

/// Why a rehearsal cannot be held.
#[derive(Debug, thiserror::Error)]
pub enum RehearsalError {
    /// The stand-ins do not start.
    #[error("the sandbox does not start")]
    Sandbox(#[from] SandboxError),
    /// The server does not start.
    #[error("the server does not start")]
    Start(#[from] StartError),
    /// The server does not end in order.
    #[error("the server does not end in order")]
    Stop(#[from] StopError),
    /// The carrier cannot place the call.
    #[error("the call cannot be placed")]
    Carrier(#[from] CarrierError),
    /// The server's REST API cannot be read.
    #[error("the server's API does not answer as it should")]
    Api(#[from] reqwest::Error),
    /// The call does not come to an end in the server's books.
    #[error("the server has not stored the end of the call after {} s", STORED_WITHIN.as_secs())]
    NotStored,
    /// The key for the API is not known: the data folder was used before.
    #[error("the folder {} holds the data of an earlier run: choose another", .0.display())]
    UsedFolder(PathBuf),
}

/// A server with the sandbox around it.
pub struct Rehearsal {
    /// The stand-ins.
    pub sandbox: Sandbox,
    /// The product.
    pub server: Server,
    data_dir: PathBuf,
    key: Secret,
    http: reqwest::Client,
}

/// How a call went: as the carrier saw it, and as the server tells it.
#[derive(Debug)]
pub struct Performance {
    /// The carrier's side.
    pub report: CarrierReport,
    /// The server's side.
    pub call: CallDetail,
    /// Where the recording lies.
    pub recording: Option<PathBuf>,
    /// What is not as the recording expects.
    pub mismatches: Vec<Mismatch>,
}

/// A call, as the REST API shows it.
#[derive(Clone, Debug, Deserialize)]
pub struct CallDetail {
    /// Its id.
    pub id: String,
    /// How far it is.
    pub status: String,
    /// Why it ended.
    pub end_reason: Option<String>,
    /// The streams it had.
    pub streams: i64,
    /// The conversation.
    pub turns: Vec<Turn>,
    /// What else happened.
    pub events: Vec<Event>,
}

/// A turn, as the REST API shows it.
#[derive(Clone, Debug, Deserialize)]
pub struct Turn {
    /// From 0.
    pub number: u32,
    /// What the caller said.
    pub caller: String,
    /// What they heard.
    pub assistant: String,
    /// Whether it was cut short.
    pub interrupted: bool,
    /// Tools that were called.
    pub tools: Vec<engine::llm::ToolCall>,
    /// When the stages were reached, ms since the start of the call.
    pub waterfall: engine::ports::Waterfall,
    /// How long they took.
    pub latency: serde_json::Map<String, serde_json::Value>,
}

/// An event, as the REST API shows it.
#[derive(Clone, Debug, Deserialize)]
pub struct Event {
    /// What.
    pub kind: String,
    /// More of it.
    pub data: serde_json::Value,
}

#[derive(Deserialize)]
struct Page {
    data: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    id: String,
    carrier_call_id: String,
    status: String,
}

/// Options of a sandbox for rehearsals, on a free port of the loopback.
#[must_use]
pub fn sandbox_options() -> SandboxOptions {
    stage::sandbox_options(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
}

/// A configuration that points at `sandbox_url` and has what `fixture` expects of an assistant.
#[must_use]
pub fn config(sandbox_url: &str, fixture: &Fixture, data_dir: &Path) -> Config {
    let mut config = Config { data_dir: data_dir.to_owned(), ..Config::default() };
    config.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    config.tenant.twilio.base_url = sandbox_url.to_owned();
    config.providers.deepgram.base_url = sandbox_url.to_owned();
    config.providers.anthropic.base_url = sandbox_url.to_owned();
    config.providers.openai.base_url = format!("{sandbox_url}/v1");
    config.providers.elevenlabs.base_url = sandbox_url.to_owned();
    let key = Some(Secret::new("sandbox"));
    config.providers.deepgram.api_key.clone_from(&key);
    config.providers.anthropic.api_key.clone_from(&key);
    config.providers.openai.api_key.clone_from(&key);
    config.providers.elevenlabs.api_key = key;
    config.providers.elevenlabs.voice = Some("sandbox".to_owned());
    config.tenant.id = "demo".to_owned();
    config.tenant.name = "Demo".to_owned();
    config.tenant.twilio.account_sid = Some(ACCOUNT_SID.to_owned());
    config.tenant.twilio.auth_token = Some(Secret::new(AUTH_TOKEN));
    config.tenant.twilio.numbers = vec![NUMBER.to_owned()];
    config.tenant.transfer_targets = [("colleague".to_owned(), COLLEAGUE.to_owned())].into();
    config.assistant = assistant(sandbox_url, fixture);
    if let Some(idle_after_ms) = fixture.assistant.idle_after_ms {
        config.call.idle_after_ms = idle_after_ms;
    }
    config
}

fn assistant(sandbox_url: &str, fixture: &Fixture) -> Assistant {
    let hints = &fixture.assistant;
    let defaults = Assistant::default();
    let tool = |name: &str, kind: ToolKind| Tool {
        name: name.to_owned(),
        kind,
        own_description: (kind == ToolKind::Http).then(|| format!("The shop's {name}.")),
        own_parameters: None,
        url: (kind == ToolKind::Http).then(|| format!("{sandbox_url}/tools/{name}")),
        signing_secret: (kind == ToolKind::Http).then(|| Secret::new("sandbox")),
        timeout_ms: 10_000,
        read_only: kind == ToolKind::Http,
    };
    Assistant {
        language: hints.language.clone(),
        greeting: hints.greeting.clone(),
        idle_prompts: hints.idle_prompts.clone().unwrap_or(defaults.idle_prompts),
        goodbye: hints.goodbye.clone().unwrap_or(defaults.goodbye),
        tools: vec![
            tool("lookup_order", ToolKind::Http),
            tool("search_products", ToolKind::Http),
            tool("end_call", ToolKind::EndCall),
            tool("transfer_call", ToolKind::TransferCall),
        ],
        ..Assistant::default()
    }
}

impl Rehearsal {
    /// Starts the sandbox and a server for calls like `fixture`, with its data in `data_dir`. `tune` may change the
    /// configuration before the server starts.
    ///
    /// # Errors
    /// When either does not start, or the folder was used before.
    pub async fn start(
        sandbox: SandboxOptions,
        fixture: &Fixture,
        data_dir: &Path,
        tune: impl FnOnce(&mut Config),
    ) -> Result<Self, RehearsalError> {
        let sandbox = Sandbox::start(sandbox).await?;
        let mut config = config(&sandbox.base_url(), fixture, data_dir);
        tune(&mut config);
        let server = Server::start(config).await?;
        let Some(key) = server.first_key.clone() else {
            return Err(RehearsalError::UsedFolder(data_dir.to_owned()));
        };
        let http = http_client(HttpOptions::default())?;
        Ok(Self { sandbox, server, data_dir: data_dir.to_owned(), key, http })
    }

    /// How the carrier calls this server.
    #[must_use]
    pub fn carrier_options(&self) -> CarrierOptions {
        let server = format!("http://{}", self.server.address);
        CarrierOptions {
            from: CALLER.to_owned(),
            to: NUMBER.to_owned(),
            status_url: Some(format!("{server}/api/voice/status")),
            ..CarrierOptions::new(format!("{server}/api/voice/incoming"), ACCOUNT_SID, AUTH_TOKEN)
        }
    }

    /// Plays one recorded call and compares it with what it expects.
    ///
    /// # Errors
    /// When it cannot be placed, or the server does not tell of it.
    pub async fn call(
        &self,
        fixture: &Fixture,
        carrier: CarrierOptions,
        observer: impl FnMut(CarrierEvent) + Send,
    ) -> Result<Performance, RehearsalError> {
        let report = Carrier::new(carrier)?.run(fixture, observer).await?;
        let call = self.detail(&report.call_sid).await?;
        let path = self.data_dir.join("recordings").join("demo").join(format!("{}.wav", call.id));
        let recording = path.exists().then_some(path);
        let observed = Observed {
            turns: call.turns.iter().map(observed_turn).collect(),
            end: call.end_reason.clone().unwrap_or_default(),
            recording: recording.clone(),
        };
        let mismatches = check(fixture, &observed);
        Ok(Performance { report, call, recording, mismatches })
    }

    /// A call as the server tells it, once its end is stored.
    ///
    /// # Errors
    /// When the API does not answer, or the end is not stored in time.
    pub async fn detail(&self, carrier_sid: &str) -> Result<CallDetail, RehearsalError> {
        // By the clock on the wall: the database works by it, whatever the call's clock does.
        let deadline = std::time::Instant::now() + STORED_WITHIN;
        loop {
            let page: Page = self.get("/v1/calls?limit=100").await?;
            let entry = page.data.into_iter().find(|entry| entry.carrier_call_id == carrier_sid);
            if let Some(entry) =
                entry.filter(|entry| entry.status != "in_progress" && entry.status != "ringing")
            {
                let detail: CallDetail = self.get(&format!("/v1/calls/{}", entry.id)).await?;
                if detail.end_reason.is_some() {
                    return Ok(detail);
                }
            }
            if std::time::Instant::now() >= deadline {
                return Err(RehearsalError::NotStored);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Reads from the server's REST API.
    ///
    /// # Errors
    /// When it does not answer with success and the right JSON.
    pub async fn get<T: serde::de::DeserializeOwned>(&self, path: &str) -> Result<T, reqwest::Error> {
        let request = self.http.get(format!("http://{}{path}", self.server.address));
        request.bearer_auth(self.key.reveal()).send().await?.error_for_status()?.json().await
    }

    /// Reads what is no JSON document from the server's REST API, such as a journal.
    ///
    /// # Errors
    /// When it does not answer with success.
    pub async fn text(&self, path: &str) -> Result<String, reqwest::Error> {
        let request = self.http.get(format!("http://{}{path}", self.server.address));
        request.bearer_auth(self.key.reveal()).send().await?.error_for_status()?.text().await
    }

    /// Ends server and sandbox in order.
    ///
    /// # Errors
    /// When the server could not store everything.
    pub async fn end(self) -> Result<(), RehearsalError> {
        self.server.stop(Duration::ZERO).await?;
        Ok(())
    }
}

fn observed_turn(turn: &Turn) -> ObservedTurn {
    ObservedTurn {
        caller: turn.caller.clone(),
        assistant: turn.assistant.clone(),
        interrupted: turn.interrupted,
        tools: turn.tools.iter().map(|tool| tool.name.clone()).collect(),
    }
}
