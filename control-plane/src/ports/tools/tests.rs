//! How requests are signed, and where they are not sent.

use super::*;
use axum::{Router, extract::State, http::StatusCode, response::IntoResponse, routing::post};
use deliveries::SenderOptions;
use engine::{llm::ToolCall, ports::ToolInvocationKey};
use serde_json::json;
use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};
use tokio::net::TcpListener;

#[test]
fn the_signature_is_that_of_standard_webhooks() {
    // The example of the specification's own libraries.
    let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let made = signature(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
    assert_eq!(made, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

/// Knows these names, and counts how often it was asked.
#[derive(Default)]
struct Names {
    known: HashMap<&'static str, Vec<IpAddr>>,
    asked: Arc<AtomicU32>,
}

impl Lookup for Names {
    fn lookup(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let found = self.known.get(name.as_str()).cloned();
        Box::pin(async move { found.ok_or_else(|| io::ErrorKind::NotFound.into()) })
    }
}

/// A server of somebody's in our own network, and how often it was asked.
async fn near_us() -> (SocketAddr, Arc<AtomicU32>) {
    let asked = Arc::new(AtomicU32::new(0));
    let answer = async |State(asked): State<Arc<AtomicU32>>| {
        asked.fetch_add(1, Ordering::Relaxed);
        "what nobody outside may know"
    };
    let moved = async || (StatusCode::TEMPORARY_REDIRECT, [("location", "/")]).into_response();
    let app =
        Router::new().route("/", post(answer)).route("/moved", post(moved)).with_state(Arc::clone(&asked));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    (address, asked)
}

fn clients(reach: Reach, names: Names) -> Clients {
    let delivery = SenderOptions { reach, ..SenderOptions::default() };
    Clients::new(&ControlPlaneOptions { delivery, ..ControlPlaneOptions::default() }, Arc::new(names))
        .unwrap()
}

async fn ask(clients: &Clients, url: &str, chosen_by: ChosenBy) -> Result<String, String> {
    let invocation = ToolInvocation {
        tenant: "ten_1".into(),
        call: "call_1".into(),
        assistant: "asst_1".into(),
        key: ToolInvocationKey("e3.0".to_owned()),
        tool: ToolCall {
            id: "tool_1".to_owned(),
            name: "lookup".to_owned(),
            arguments: json!({}).as_object().unwrap().clone(),
        },
        timeout: Duration::from_secs(5),
    };
    let tool = RemoteTool { url: url.parse().unwrap(), signing_secret: Secret::new(""), chosen_by };
    clients.ask(tool, &invocation).await.map_err(|error| error.to_string())
}

const CLOSED: &str = "the tool is at an address that may not be asked";

#[tokio::test]
async fn a_tenants_tool_is_never_asked_in_our_own_network() {
    let (near, asked) = near_us().await;
    let port = near.port();
    let (loopback, public): (IpAddr, IpAddr) =
        ("127.0.0.1".parse().unwrap(), "93.184.215.14".parse().unwrap());
    let mapped: IpAddr = "::ffff:127.0.0.1".parse().unwrap();
    let known = HashMap::from([
        ("inside.example.com", vec![loopback]),
        ("mapped.example.com", vec![mapped]),
        ("both.example.com", vec![public, loopback]),
    ]);
    let clients = clients(Reach::Public, Names { known, ..Names::default() });
    for url in [
        // Names that lead there, and one that leads there too.
        format!("https://inside.example.com:{port}/"),
        format!("https://mapped.example.com:{port}/"),
        format!("https://both.example.com:{port}/"),
        // Addresses, in each way in which one can be written.
        format!("https://127.0.0.1:{port}/"),
        format!("https://2130706433:{port}/"),
        format!("https://0x7f.1:{port}/"),
        format!("https://[::1]:{port}/"),
        format!("https://[::ffff:127.0.0.1]:{port}/"),
        format!("https://[::ffff:7f00:1]:{port}/"),
        format!("https://[64:ff9b::7f00:1]:{port}/"),
        "https://169.254.169.254/latest/meta-data".to_owned(),
        "https://10.0.0.1/".to_owned(),
        // The machine itself, and what is not encrypted.
        format!("https://localhost:{port}/"),
        "https://metadata.google.internal/".to_owned(),
        format!("http://inside.example.com:{port}/"),
        format!("http://127.0.0.1:{port}/"),
    ] {
        assert_eq!(ask(&clients, &url, ChosenBy::Tenant).await, Err(CLOSED.to_owned()), "{url}");
    }
    assert_eq!(asked.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn what_was_looked_at_is_what_is_connected_to_and_a_redirect_leads_nowhere() {
    let (near, asked) = near_us().await;
    let names = Names { known: HashMap::from([("shop.example.com", vec![near.ip()])]), ..Names::default() };
    let lookups = Arc::clone(&names.asked);
    let clients = clients(Reach::Anywhere, names);
    let url = |path: &str| format!("http://shop.example.com:{}{path}", near.port());
    assert!(ask(&clients, &url("/"), ChosenBy::Tenant).await.is_ok());
    assert_eq!(lookups.load(Ordering::Relaxed), 1, "a name is resolved once for a connection");
    let moved = ask(&clients, &url("/moved"), ChosenBy::Tenant).await;
    assert_eq!(moved, Err("the tool answered with status 307".to_owned()));
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_tool_of_the_installation_may_be_in_its_own_network() {
    let (near, asked) = near_us().await;
    let clients = clients(Reach::Public, Names::default());
    assert!(ask(&clients, &format!("http://{near}/"), ChosenBy::Installation).await.is_ok());
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}
