//! Two servers on one PostgreSQL database and one NATS server, and a live call at one of them: whoever asks the other one gives it
//! orders and hears it all the same. Where there is no PostgreSQL or no NATS the test is left out and says so.

use crate::support::{Folder, until_said};
use bus::test_server;
use engine::provider::{
    Secret,
    http::{HttpOptions, http_client},
};
use fixtures::{call::Fixture, carrier::CarrierEvent};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use std::time::Duration;
use store_postgres::test_server as postgres;
use tandem::{
    rehearsal::{self, Rehearsal, sandbox_options},
    server::Server,
};
use tokio::{net::TcpStream, sync::oneshot, time::timeout};
use tokio_tungstenite::{
    client_async,
    tungstenite::{Message, client::IntoClientRequest},
};

/// What a test waits for at most.
const LIMIT: Duration = Duration::from_secs(60);

/// Somebody takes the caller's conversation over, and has something said in the call.
async fn take_over(http: &reqwest::Client, url: &impl Fn(&str) -> String, key: &str) {
    let post = async |path: &str, key: Option<&str>, body: Value| -> Value {
        let mut request = http.post(url(path)).json(&body);
        if let Some(key) = key {
            request = request.bearer_auth(key);
        }
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.text().await.unwrap());
        answer.json().await.unwrap()
    };
    let invite = json!({ "email": "olga@example.com", "name": "Olga", "role": "operator" });
    let invited = post("/v1/members", Some(key), invite).await;
    let accept = json!({ "token": invited["invitation"]["token"], "password": "four words of mine" });
    post("/v1/auth/invitations/accept", None, accept).await;
    let request = http.get(url("/v1/conversations")).bearer_auth(key);
    let all: Value = request.send().await.unwrap().json().await.unwrap();
    let path = format!("/v1/conversations/{}", all["data"][0]["id"].as_str().unwrap());
    let user = &invited["user_id"];
    let taken = post(&format!("{path}/takeover"), Some(key), json!({ "user": user })).await;
    assert_eq!(taken["control"]["by"], "operator", "{taken}");
    let said = json!({ "text": "This is Olga.", "channel": "voice", "user": user });
    post(&format!("{path}/messages"), Some(key), said).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_call_is_heard_and_ordered_about_from_any_node() {
    let Some(database) = postgres::database().await else { return };
    let Some(nats) = test_server::start() else { return };
    let fixture = Fixture::named("order-status").unwrap();
    let folders = [Folder::new(), Folder::new()];
    let tune = |config: &mut tandem::config::Config| {
        config.store.url = Some(Secret::new(&database));
        config.bus.url = Some(Secret::new(&nats.url()));
    };
    let rehearsal = Rehearsal::start(sandbox_options(), &fixture, folders[0].path(), tune).await.unwrap();
    std::fs::create_dir_all(folders[1].path()).unwrap();
    std::fs::copy(folders[0].path().join("secrets.key"), folders[1].path().join("secrets.key")).unwrap();
    let mut config = rehearsal::config(&rehearsal.sandbox.base_url(), &fixture, folders[1].path());
    tune(&mut config);
    let other = Server::start(config).await.unwrap();
    let key = rehearsal.server.first_key.as_ref().unwrap().reveal().to_owned();

    let (started, streaming) = oneshot::channel();
    let mut started = Some(started);
    let call = rehearsal.call(&fixture, rehearsal.carrier_options(), |event| {
        if matches!(event, CarrierEvent::StreamStarted { .. })
            && let Some(started) = started.take()
        {
            started.send(()).unwrap();
        }
    });
    let office = async {
        streaming.await.unwrap();
        let http = http_client(HttpOptions::default()).unwrap();
        let url = |path: &str| format!("http://{}{path}", other.address);
        let page: Value = http
            .get(url("/v1/calls?status=live"))
            .bearer_auth(&key)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        let call = page["data"][0]["id"].as_str().unwrap().to_owned();
        let order = async |order: &str, body: Value| {
            let request = http.post(url(&format!("/v1/calls/{call}/{order}"))).bearer_auth(&key);
            let answer = request.json(&body).send().await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        };
        for (name, body) in
            [("mute", json!({})), ("unmute", json!({})), ("say", json!({ "text": "One moment please." }))]
        {
            let (status, text) = order(name, body).await;
            assert_eq!(status, 202, "{name}: {text}");
        }
        until_said(&rehearsal, "One moment please.").await;
        take_over(&http, &url, &key).await;
        until_said(&rehearsal, "This is Olga.").await;
        let mut request = format!("ws://{}/v1/calls/{call}/listen?channels=mixed", other.address)
            .into_client_request()
            .unwrap();
        request.headers_mut().insert("authorization", format!("Bearer {key}").parse().unwrap());
        let tcp = TcpStream::connect(other.address).await.unwrap();
        let (mut socket, _) = client_async(request, tcp).await.unwrap();
        let (mut seconds, mut last) = (0, Value::Null);
        while let Some(Ok(message)) = timeout(LIMIT, socket.next()).await.expect("nothing is heard") {
            match message {
                Message::Text(text) => last = serde_json::from_str(&text).unwrap(),
                Message::Binary(audio) => {
                    assert!(!audio.is_empty() && audio.len() <= 8_000, "{}", audio.len());
                    seconds += 1;
                    if seconds == 2 {
                        let (status, text) = order("hang-up", json!({})).await;
                        assert_eq!(status, 202, "{text}");
                    }
                }
                Message::Close(_) => break,
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            }
        }
        assert!(seconds >= 2, "{seconds}");
        assert_eq!(last["event"], "end");
        // It is over: no node has it any more.
        let (status, text) = order("mute", json!({})).await;
        assert_eq!(status, 409, "{text}");
        assert!(text.contains("call_not_live"), "{text}");
    };
    let (performance, ()) = tokio::join!(call, office);
    let performance = performance.unwrap();
    assert_eq!(performance.call.end_reason.as_deref(), Some("operator_ended"));
    other.stop(Duration::from_secs(5)).await.unwrap();
    rehearsal.end().await.unwrap();
}
