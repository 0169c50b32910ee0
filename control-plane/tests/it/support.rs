//! A control plane on a folder of its own, and the carrier that signs for it.

pub(crate) use fixtures::wait::{eventually, until};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    http::{HeaderMap, Method, Request, StatusCode},
};
use base64_simd::STANDARD;
use control_plane::{
    ControlPlane,
    messengers::MessengerOptions,
    providers::{Access, Dialect, Offer, Providers, Service, Services, Stage, Voice},
    settings::{
        BusSettings, CarrierTexts, ChosenBy, ControlPlaneOptions, ControlPlaneSettings, RateLimit,
        RateLimits, RecordingSettings, RemoteTool, SignInSettings, StoreSettings, TenantSettings,
        TwilioAccount,
    },
};
use engine::{
    call::{
        journal::{Decider, JournalEntry},
        time::CallTime,
    },
    ids::{CallId, Epoch},
    llm::{LlmProvider, LlmRequest, LlmStream, Usage},
    ports::{
        Assistant, CallEvent, CallPlan, CallSummary, EndReason, Refusal, StreamClaim, TurnRecord, Waterfall,
    },
    provider::{ErrorKind, ProviderError, Secret},
    stt::{SttProvider, SttSession, SttSpec},
    tts::{TtsProvider, TtsSession, TtsSpec},
};
use futures_util::future::BoxFuture;
use gateways::{onesignal::OneSignalOptions, whapi::WhapiOptions};
use hmac::{Hmac, KeyInit, Mac};
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::Value;
use sha1::Sha1;
use std::{collections::HashMap, path::PathBuf, sync::Arc};
use store::Store;
use store_postgres::{PostgresOptions, PostgresStore, test_server::again};
use store_sqlite::{SqliteOptions, SqliteStore};
use tower::ServiceExt;
use twilio_rest::TwilioOptions;
use url::{Url, form_urlencoded};

pub(crate) const ACCOUNT: &str = "AC00000000000000000000000000000001";
pub(crate) const TOKEN: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const BASE: &str = "https://voice.example.test";
pub(crate) const OWN_NUMBER: &str = "+15550199";
/// An address at which nobody answers.
pub(crate) const NOWHERE: &str = "http://127.0.0.1:1";
pub(crate) const CALLER: &str = "+15550100";

/// A folder that goes with the test.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(std::env::temp_dir().join(store::new_id("tandem_control")))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("{} stays behind: {error}", self.0.display());
        }
    }
}

#[derive(Debug)]
struct Silent;

impl Silent {
    fn refuse<T: Send + 'static>() -> BoxFuture<'static, Result<T, ProviderError>> {
        let refused = ProviderError {
            provider: "silent".to_owned(),
            doing: "connecting",
            message: "there is nobody".to_owned(),
            kind: ErrorKind::Transient,
        };
        Box::pin(async { Err(refused) })
    }
}

impl SttProvider for Silent {
    fn name(&self) -> &str {
        "silent"
    }
    fn connect(&self, _: SttSpec) -> BoxFuture<'static, Result<SttSession, ProviderError>> {
        Self::refuse()
    }
}

impl TtsProvider for Silent {
    fn name(&self) -> &str {
        "silent"
    }
    fn connect(&self, _: TtsSpec) -> BoxFuture<'static, Result<TtsSession, ProviderError>> {
        Self::refuse()
    }
}

impl LlmProvider for Silent {
    fn name(&self) -> &str {
        "silent"
    }
    fn stream(&self, _: LlmRequest) -> LlmStream {
        unreachable!("nobody asks")
    }
    fn warm_up(&self) {}
}

/// Services that serve every tenant, and that nobody asks.
fn services() -> Services {
    let stage = |service: Service| Stage {
        offers: [(service, Offer { model: "model".to_owned(), voice: None })].into(),
        order: vec![service],
    };
    let address = Url::parse("https://services.example.test").unwrap();
    let access = Access {
        base_url: address.clone(),
        api_key: Some(Secret::new("platform-key")),
        dialect: Dialect::default(),
    };
    Services {
        clients: Arc::default(),
        addresses: Service::ALL.map(|service| (service, address.clone())).into(),
        access: Service::ALL.map(|service| (service, access.clone())).into(),
        stt: stage(Service::Deepgram),
        llm: stage(Service::Anthropic),
        tts: stage(Service::Elevenlabs),
    }
}

/// Where the data of a folder is: in it, or in a PostgreSQL database of its own.
pub(crate) async fn store_settings(folder: &Folder) -> StoreSettings {
    match again::url(&folder.0).await {
        Some(url) => StoreSettings::Postgres { url: Secret::new(&url) },
        None => StoreSettings::Embedded,
    }
}

/// The store of a folder, as another process opens it.
pub(crate) async fn open_store(folder: &Folder) -> Arc<dyn Store> {
    match again::url(&folder.0).await {
        Some(url) => Arc::new(PostgresStore::open(&url, PostgresOptions::default()).await.unwrap()),
        None => {
            let file = folder.0.join("tandem.db");
            Arc::new(SqliteStore::open(&file, SqliteOptions::default()).await.unwrap())
        }
    }
}

pub(crate) async fn settings(folder: &Folder) -> ControlPlaneSettings {
    ControlPlaneSettings {
        base_url: Url::parse(BASE).unwrap(),
        data_dir: folder.0.clone(),
        recording: RecordingSettings::default(),
        twilio: TwilioOptions::at(NOWHERE.parse().unwrap()),
        messengers: MessengerOptions {
            whapi: WhapiOptions::at(NOWHERE.parse().unwrap()),
            onesignal: OneSignalOptions::at(NOWHERE.parse().unwrap()),
            ..MessengerOptions::default()
        },
        store: store_settings(folder).await,
        bus: BusSettings::Local,
        sign_in: SignInSettings::default(),
        keys: vault::KeyRing::read_or_create(&folder.0.join("secrets.key")).unwrap(),
        platform_account: None,
        outage_url: None,
        services: services(),
        tenant: TenantSettings {
            id: "ten_1".into(),
            name: "A tenant".to_owned(),
            twilio: TwilioAccount {
                account_sid: ACCOUNT.to_owned(),
                auth_token: Secret::new(TOKEN),
                previous_auth_token: None,
                shared_keys: HashMap::new(),
            },
            numbers: vec![OWN_NUMBER.to_owned()],
            assistant: Arc::new(Assistant {
                id: "asst_1".into(),
                prompt: "Be kind.".to_owned(),
                greeting: Some("Hello!".to_owned()),
                idle_prompts: Vec::new(),
                goodbye: "Goodbye.".to_owned(),
                apology: "Sorry.".to_owned(),
                tool_filler: "One moment.".to_owned(),
                language: "en".to_owned(),
                voice: "voice".to_owned(),
                keyterms: Vec::new(),
                tools: Vec::new(),
                max_tokens: 100,
            }),
            remote_tools: HashMap::new(),
            transfer_targets: HashMap::from([("sales".to_owned(), "+15550142".to_owned())]),
            providers: Providers {
                stt: vec![Arc::new(Silent)],
                llm: vec![Arc::new(Silent)],
                tts: vec![Voice { provider: Arc::new(Silent), voice: None }],
            },
            record: true,
            texts: CarrierTexts::default(),
        },
        metrics: PrometheusBuilder::new().build_recorder().handle(),
        limits: ControlPlaneOptions {
            stream_verdict: std::time::Duration::from_millis(50),
            log_linger: std::time::Duration::ZERO,
            // A busy machine may need longer than a server is given.
            log_close: std::time::Duration::from_secs(120),
            rate: RateLimits {
                read: RateLimit { requests: 1_000_000, window: std::time::Duration::from_secs(60) },
                ..RateLimits::default()
            },
            ..ControlPlaneOptions::default()
        },
    }
}

pub(crate) fn remote_tool(url: &str) -> RemoteTool {
    let signing_secret = Secret::new("tool-secret");
    RemoteTool { url: Url::parse(url).unwrap(), signing_secret, chosen_by: ChosenBy::Installation }
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The problem's code, if it is a problem as it should be.
    pub(crate) fn problem(&self, status: u16) -> String {
        let problem = self.json();
        assert_eq!(self.status, status, "{problem}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["request_id"], self.header("x-request-id"));
        assert!(!problem["title"].as_str().unwrap().is_empty());
        problem["code"].as_str().unwrap().to_owned()
    }

    /// The stream's token in TwiML.
    pub(crate) fn stream_token(&self) -> String {
        let (_, rest) =
            self.text().split_once("name=\"token\" value=\"").unwrap_or_else(|| panic!("{}", self.text()));
        rest.split_once('"').unwrap().0.to_owned()
    }
}

pub(crate) struct Harness {
    pub(crate) plane: ControlPlane,
    pub(crate) router: Router,
    pub(crate) key: String,
    pub(crate) folder: Folder,
}

impl Harness {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut ControlPlaneSettings)) -> Self {
        let folder = Folder::new();
        let mut settings = settings(&folder).await;
        change(&mut settings);
        let opened = ControlPlane::open(settings).await.unwrap();
        Self {
            router: opened.control_plane.router(),
            plane: opened.control_plane,
            key: opened.first_key.expect("the first start makes a key").reveal().to_owned(),
            folder,
        }
    }

    /// The same data folder in a new process, the old one being gone without a word.
    pub(crate) async fn killed_and_started_again(self) -> Self {
        let Self { plane, router, key, folder } = self;
        drop((plane, router));
        let opened = ControlPlane::open(settings(&folder).await).await.unwrap();
        assert!(opened.first_key.is_none(), "a key is made only once");
        Self { router: opened.control_plane.router(), plane: opened.control_plane, key, folder }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        let request = Request::get(path).header("authorization", format!("Bearer {}", self.key));
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// A request with a JSON body and the key.
    pub(crate) async fn json(&self, method: Method, path: &str, body: &Value) -> Answer {
        let request = Request::builder().method(method).uri(path);
        let request = request.header("authorization", format!("Bearer {}", self.key));
        let request = request.header("content-type", "application/json");
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    pub(crate) async fn post_json(&self, path: &str, body: &Value) -> Answer {
        self.json(Method::POST, path, body).await
    }

    pub(crate) async fn patch_json(&self, path: &str, body: &Value) -> Answer {
        self.json(Method::PATCH, path, body).await
    }

    /// A signed form.
    pub(crate) async fn hook(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.send(signed(path, fields, TOKEN).body(form(fields)).unwrap()).await
    }

    pub(crate) async fn incoming(&self, call_sid: &str) -> Answer {
        self.hook("/api/voice/incoming", &call_fields(call_sid, "ringing")).await
    }

    pub(crate) async fn stream_ended(&self, call_sid: &str) -> Answer {
        self.hook("/api/voice/stream-ended", &call_fields(call_sid, "in-progress")).await
    }

    pub(crate) async fn admit(&self, call_sid: &str, token: &str) -> Result<CallPlan, Refusal> {
        let claim = StreamClaim {
            account_sid: ACCOUNT.to_owned(),
            call_sid: call_sid.to_owned(),
            stream_sid: "MZ00000000000000000000000000000001".to_owned(),
            token: Some(Secret::new(token)),
        };
        self.plane.ports().admissions.admit(claim).await
    }

    /// A call that has its first stream.
    pub(crate) async fn streaming(&self, call_sid: &str) -> CallId {
        let token = self.incoming(call_sid).await.stream_token();
        let plan = self.admit(call_sid, &token).await.unwrap();
        self.tell(&plan.call, CallEvent::StreamStarted { stream_sid: "MZ1".to_owned() });
        plan.call
    }

    pub(crate) fn tell(&self, call: &CallId, event: CallEvent) {
        self.plane.ports().log.record(call, event).unwrap();
    }

    /// What an address shows once it is as it should be.
    pub(crate) async fn shows(&self, path: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let looked = async || Some(self.get(path).await.json()).filter(&is_it);
        match eventually(looked).await {
            Some(shown) => shown,
            None => panic!("{path} never shows it: {}", self.get(path).await.text()),
        }
    }

    /// Waits until the call shows what was told, which is stored by a task of its own.
    pub(crate) async fn call_when(&self, call: &CallId, told: impl Fn(&Value) -> bool) -> Value {
        let give_up = std::time::Instant::now() + std::time::Duration::from_secs(120);
        while std::time::Instant::now() < give_up {
            let shown = self.get(&format!("/v1/calls/{call}")).await.json();
            if told(&shown) {
                return shown;
            }
            // The database works on a thread of its own, which a busy machine may keep waiting.
            std::thread::sleep(std::time::Duration::from_millis(1));
            tokio::task::yield_now().await;
        }
        panic!("it is never stored");
    }
}

pub(crate) fn call_fields<'a>(call_sid: &'a str, status: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("AccountSid", ACCOUNT),
        ("CallSid", call_sid),
        ("From", CALLER),
        ("To", OWN_NUMBER),
        ("CallStatus", status),
        ("Direction", "inbound"),
    ]
}

pub(crate) fn form(fields: &[(&str, &str)]) -> Body {
    Body::from(form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish())
}

pub(crate) fn signed(path: &str, fields: &[(&str, &str)], token: &str) -> axum::http::request::Builder {
    Request::post(path)
        .header("host", "anything.example")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("x-twilio-signature", signature(&format!("{BASE}{path}"), fields, token))
}

pub(crate) fn signature(url: &str, fields: &[(&str, &str)], token: &str) -> String {
    let mut fields = fields.to_vec();
    fields.sort_unstable();
    let mut mac = Hmac::<Sha1>::new_from_slice(token.as_bytes()).unwrap();
    mac.update(url.as_bytes());
    for (name, value) in fields {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    STANDARD.encode_to_string(mac.finalize().into_bytes())
}

pub(crate) fn ended(reason: EndReason) -> CallEvent {
    CallEvent::Ended(CallSummary {
        reason,
        duration_ms: 61_500,
        context: Vec::new(),
        transfer_to: None,
        recorded: true,
        recording_ms: 61_000,
    })
}

pub(crate) fn turn(number: u32, caller: &str, assistant: &str) -> TurnRecord {
    TurnRecord {
        number,
        epoch: Epoch(number),
        caller: caller.to_owned(),
        assistant: assistant.to_owned(),
        interrupted: false,
        tools: Vec::new(),
        waterfall: Waterfall {
            speech_end_ms: Some(1_000),
            stt_final_ms: Some(1_300),
            endpoint_ms: Some(1_350),
            llm_first_token_ms: Some(1_600),
            first_sentence_ms: Some(1_650),
            tts_first_byte_ms: Some(1_800),
            first_frame_sent_ms: Some(1_805),
            mark_returned_ms: Some(3_000),
        },
        usage: Usage { input_tokens: 10, cached_tokens: 0, output_tokens: 5 },
    }
}

pub(crate) fn entry(seq: u64) -> JournalEntry {
    let input = serde_json::value::to_raw_value(&serde_json::json!({ "n": seq })).unwrap();
    JournalEntry { seq, at: CallTime::from_ms(seq), decider: Decider::Turn, input }
}
