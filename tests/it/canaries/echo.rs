//! Services that refuse everything, and repeat in their refusal all that they were sent, as careless ones do. Where a test
//! needs one that takes a credential, they take it, or hand the request on to the sandbox.

use axum::{
    Router,
    body::{Bytes, to_bytes},
    extract::{
        FromRequestParts as _, Request, State, WebSocketUpgrade,
        ws::{CloseFrame, Message, WebSocket},
    },
    http::{StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use engine::provider::{AbortOnDrop, http::http_client};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::net::TcpListener;

/// Longest body that is repeated, in bytes.
const LONGEST: usize = 1024 * 1024;

/// What came in: where, and all of it.
pub(super) type Heard = (String, Vec<u8>);

struct Served {
    sandbox: String,
    http: reqwest::Client,
    heard: Mutex<Vec<Heard>>,
    /// Secrets that the sandbox made and that were handed on.
    made: Mutex<BTreeSet<String>>,
    /// Whether the carrier refuses too, instead of the sandbox answering in its place.
    carrier_refuses: AtomicBool,
}

/// A server of such services.
pub(super) struct Echo {
    pub(super) address: SocketAddr,
    served: Arc<Served>,
    _task: AbortOnDrop,
}

impl Echo {
    pub(super) async fn start(sandbox: String) -> Self {
        let served = Arc::new(Served {
            sandbox,
            http: http_client(Default::default()).unwrap(),
            heard: Mutex::default(),
            made: Mutex::default(),
            carrier_refuses: AtomicBool::new(false),
        });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(answer).with_state(Arc::clone(&served));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, served, _task: AbortOnDrop(task) }
    }

    pub(super) fn at(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(super) fn carrier_refuses(&self, refuses: bool) {
        self.served.carrier_refuses.store(refuses, Ordering::Relaxed);
    }

    /// Secrets that the carrier made: tokens of accounts, and of keys.
    pub(super) fn made(&self) -> BTreeSet<String> {
        self.served.made.lock().unwrap().clone()
    }

    /// What came in below these paths.
    pub(super) fn heard(&self, paths: &[&str]) -> Vec<Heard> {
        let heard = self.served.heard.lock().unwrap();
        heard
            .iter()
            .filter(|(path, _)| paths.iter().any(|wanted| path.starts_with(wanted)))
            .cloned()
            .collect()
    }
}

async fn answer(State(served): State<Arc<Served>>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let body = to_bytes(body, LONGEST).await.unwrap_or_default();
    let path = parts.uri.path().to_owned();
    let told = told(&parts, &body);
    served.heard.lock().unwrap().push((path.clone(), told.clone().into_bytes()));
    if path.starts_with("/2010-04-01") && !served.carrier_refuses.load(Ordering::Relaxed) {
        return hand_on(&served, &parts, body).await;
    }
    if path.starts_with("/sockets")
        && let Ok(upgrade) = WebSocketUpgrade::from_request_parts(&mut parts, &()).await
    {
        return upgrade.on_upgrade(async move |socket| refuse_within(socket, &told).await);
    }
    let takes_keys =
        !path.starts_with("/strict") && ["/v1/projects", "/v1/models"].iter().any(|end| path.ends_with(end));
    match path.as_str() {
        _ if takes_keys => axum::Json(json!({})).into_response(),
        path if path.starts_with("/s3") => {
            let xml = format!(
                "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>{told}</Message></Error>"
            );
            (StatusCode::FORBIDDEN, [(header::CONTENT_TYPE, "application/xml")], xml).into_response()
        }
        path if path.starts_with("/customer") || path.starts_with("/tools") => {
            (StatusCode::INTERNAL_SERVER_ERROR, told).into_response()
        }
        _ => refusal(&told),
    }
}

/// All of a request, as text.
fn told(parts: &Parts, body: &[u8]) -> String {
    let mut told = format!("{} {}\n", parts.method, parts.uri);
    // The credential first: an error repeats only so much.
    let (keys, others): (Vec<_>, Vec<_>) = parts.headers.iter().partition(|(name, _)| {
        ["authorization", "x-api-key", "xi-api-key", "x-amz-security-token"].contains(&name.as_str())
    });
    for (name, value) in keys.into_iter().chain(others) {
        told.push_str(&format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes())));
    }
    told.push_str(&String::from_utf8_lossy(body));
    told
}

/// In the forms of all providers at once.
fn refusal(told: &str) -> Response {
    let short: String = told.chars().take(2_000).collect();
    let body = json!({
        "error": { "type": "authentication_error", "code": "invalid_api_key", "message": short },
        "detail": { "status": "invalid_api_key", "message": short },
        "err_code": "INVALID_AUTH", "err_msg": short, "code": 20003, "message": short,
        "more_info": "https://www.example.com/errors/20003", "status": 401,
    });
    (StatusCode::UNAUTHORIZED, axum::Json(body)).into_response()
}

/// Takes the socket, and says in it that the key is not good.
async fn refuse_within(mut socket: WebSocket, told: &str) {
    let message =
        json!({ "type": "Error", "error": told, "description": told, "message": told, "code": 1008 });
    let close = CloseFrame {
        code: 1008,
        reason: told.chars().filter(char::is_ascii).take(120).collect::<String>().into(),
    };
    // Whoever does not listen any more is not told.
    drop(socket.send(Message::Text(message.to_string().into())).await);
    drop(socket.send(Message::Close(Some(close))).await);
    while let Some(Ok(_)) = socket.recv().await {}
}

async fn hand_on(served: &Served, parts: &Parts, body: Bytes) -> Response {
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let mut request =
        served.http.request(parts.method.clone(), format!("{}{target}", served.sandbox)).body(body);
    for name in [header::AUTHORIZATION, header::CONTENT_TYPE, header::ACCEPT] {
        if let Some(value) = parts.headers.get(&name) {
            request = request.header(name, value);
        }
    }
    let answer = request.send().await.unwrap();
    let (status, kind) = (answer.status(), answer.headers().get(header::CONTENT_TYPE).cloned());
    let body = answer.bytes().await.unwrap();
    if let Ok(json) = serde_json::from_slice(&body) {
        secrets_of(&json, &mut served.made.lock().unwrap());
    }
    let mut response = (status, body).into_response();
    if let Some(kind) = kind {
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    response
}

fn secrets_of(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text)
                        if ["auth_token", "secret"].contains(&name.as_str()) && text.len() >= 12 =>
                    {
                        found.insert(text.clone());
                    }
                    value => secrets_of(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| secrets_of(item, found)),
        _ => {}
    }
}
