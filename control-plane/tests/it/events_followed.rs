//! `GET /v1/events` and its web socket: everything that happens is told once to whoever follows, from wherever they left off.

use crate::support::*;
use axum::{
    body::{Body, BodyDataStream},
    http::{Request, StatusCode},
};
use engine::ports::EndReason;
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};
use tokio::time::timeout;
use tower::ServiceExt as _;

/// What a test waits for at most.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// A server-sent event.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Sent {
    pub(crate) id: Option<String>,
    pub(crate) event: String,
    pub(crate) data: Value,
}

/// Somebody who follows.
pub(crate) struct Followed {
    body: BodyDataStream,
    text: String,
    pub(crate) last_id: String,
}

impl Followed {
    /// Follows at a node; `query` begins with a question mark unless it is empty.
    pub(crate) async fn at(node: &Harness, query: &str) -> Self {
        Self::with(node, query, &node.key, None).await
    }

    pub(crate) async fn after(node: &Harness, query: &str, last_id: &str) -> Self {
        Self::with(node, query, &node.key, Some(last_id)).await
    }

    /// Waits until there is room for one more.
    pub(crate) async fn with(node: &Harness, query: &str, key: &str, last_id: Option<&str>) -> Self {
        let asking = async || {
            let path = format!("/v1/events{query}");
            let mut request = Request::get(path).header("authorization", format!("Bearer {key}"));
            if let Some(last_id) = last_id {
                request = request.header("last-event-id", last_id);
            }
            let request = request.body(Body::empty()).unwrap();
            let response = node.router.clone().oneshot(request).await.unwrap();
            (response.status() != StatusCode::TOO_MANY_REQUESTS).then_some(response)
        };
        let response = until(asking, "room").await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let body = response.into_body().into_data_stream();
        let mut followed = Self { body, text: String::new(), last_id: String::new() };
        let opened = followed.next_of("stream.opened").await;
        assert_eq!(opened.data["after"], json!(followed.last_id));
        followed
    }

    /// The next event; `None`: the connection has ended.
    pub(crate) async fn next(&mut self) -> Option<Sent> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let mut sent = Sent::default();
                for line in block.lines() {
                    match line.split_once(": ") {
                        Some(("id", id)) => sent.id = Some(id.to_owned()),
                        Some(("event", name)) => sent.event = name.to_owned(),
                        Some(("data", data)) => sent.data = serde_json::from_str(data).unwrap(),
                        _ => {}
                    }
                }
                self.text = rest.to_owned();
                if let Some(id) = &sent.id {
                    self.last_id.clone_from(id);
                }
                if !sent.event.is_empty() {
                    return Some(sent);
                }
                continue;
            }
            let portion = timeout(LIMIT, self.body.next()).await.expect("nothing is told")?;
            self.text.push_str(std::str::from_utf8(&portion.unwrap()).unwrap());
        }
    }

    pub(crate) async fn next_of(&mut self, name: &str) -> Sent {
        let sent = self.next().await.expect("the connection ends");
        assert_eq!(sent.event, name, "{sent:?}");
        sent
    }

    /// The next `count` events.
    pub(crate) async fn told(&mut self, count: usize) -> Vec<Sent> {
        let mut told = Vec::new();
        while told.len() < count {
            told.push(self.next().await.expect("the connection ends"));
        }
        told
    }
}

pub(crate) fn sid(number: usize) -> String {
    format!("CA{number:032}")
}

#[tokio::test]
async fn what_happens_is_told_as_it_happens_as_the_webhooks_tell_it() {
    let harness = Harness::new().await;
    let mut followed = Followed::at(&harness, "").await;
    let call = harness.streaming(&sid(1)).await;
    let started = followed.next_of("call.started").await;
    assert!(started.data["id"].as_str().unwrap().starts_with("evt_"));
    assert_eq!(started.data["type"], "call.started");
    assert_eq!(started.data["data"]["call_id"], call.to_string());
    harness.tell(&call, ended(EndReason::CallerHungUp));
    harness.hook("/api/voice/status", &call_fields(&sid(1), "completed")).await;
    let ended = followed.next_of("call.ended").await;
    assert_eq!(ended.data["data"]["call_id"], call.to_string());
    let places: Vec<i64> = [&started, &ended].map(|sent| sent.id.as_ref().unwrap().parse().unwrap()).into();
    assert_eq!(places[1], places[0] + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_loses_the_connection_again_and_again_is_told_everything_once() {
    const CALLS: usize = 40;
    let harness = Harness::new().await;
    let mut followed = Followed::at(&harness, "?types=call.started").await;
    let calling = async {
        for number in 0..CALLS {
            harness.incoming(&sid(number)).await;
        }
    };
    let following = async {
        let mut told = Vec::new();
        while told.len() < CALLS {
            told.push(followed.next_of("call.started").await);
            if told.len() % 3 == 0 {
                let last = followed.last_id.clone();
                followed = Followed::after(&harness, "?types=call.started", &last).await;
            }
        }
        told
    };
    let ((), told) = tokio::join!(calling, following);
    let ids: BTreeSet<_> = told.iter().map(|sent| sent.data["data"]["call_id"].to_string()).collect();
    assert_eq!(ids.len(), CALLS, "each call is told once");
    // Somebody else reads all of it again, from the beginning.
    let again = Followed::after(&harness, "?types=call.*", "0").await.told(CALLS).await;
    assert_eq!(again, told);
}

#[tokio::test]
async fn a_filter_keeps_what_it_names_and_old_names_are_told_to_those_who_ask_for_them() {
    let harness = Harness::new().await;
    let mut former = Followed::at(&harness, "?names=former&types=sms_received,call.ended").await;
    let mut present = Followed::at(&harness, "?types=message.received").await;
    harness.incoming(&sid(1)).await;
    let fields = [
        ("AccountSid", ACCOUNT),
        ("MessageSid", "SM00000000000000000000000000000001"),
        ("From", CALLER),
        ("To", OWN_NUMBER),
        ("Body", "Hello"),
        ("NumMedia", "0"),
    ];
    assert_eq!(harness.hook("/hooks/twilio/sms", &fields).await.status, StatusCode::OK);
    let (old, new) = (former.next_of("sms_received").await, present.next_of("message.received").await);
    assert_eq!((&old.id, &old.data), (&new.id, &new.data), "the same event under another name");
    assert_eq!(old.data["data"]["channel"], "sms");
    for bad in ["?types=nothing", "?names=old", "?last_event_id=evt_1", "?since=1", "?types=a&types=b"] {
        let refused = harness.get(&format!("/v1/events{bad}")).await;
        assert_eq!(refused.problem(400), "invalid_request", "{bad}");
    }
}

#[tokio::test]
async fn a_connection_on_which_nothing_happens_is_told_that_it_is_alive_until_the_node_closes() {
    let harness =
        Harness::with(|settings| settings.limits.streams.keep_alive = Duration::from_millis(20)).await;
    let mut followed = Followed::at(&harness, "").await;
    let portion = timeout(LIMIT, followed.body.next()).await.unwrap().unwrap().unwrap();
    assert_eq!(portion, ": alive\n\n");
    harness.plane.drain();
    let ended = followed.next_of("stream.ended").await;
    assert_eq!(ended.data, json!({ "reason": "closing", "after": followed.last_id }));
    assert_eq!(followed.next().await, None);
}

#[tokio::test]
async fn whoever_may_follow_no_more_is_told_no_more() {
    let harness =
        Harness::with(|settings| settings.limits.streams.keep_alive = Duration::from_millis(20)).await;
    let made =
        harness.post_json("/v1/api-keys", &json!({ "name": "Console", "scopes": ["events:read"] })).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let key = made.json()["key"].as_str().unwrap().to_owned();
    let mut followed = Followed::with(&harness, "", &key, None).await;
    harness.incoming(&sid(1)).await;
    followed.next_of("call.started").await;
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let revoked = harness.json(axum::http::Method::DELETE, &format!("/v1/api-keys/{id}"), &json!({})).await;
    assert!(revoked.status.is_success(), "{}", revoked.text());
    let ended = followed.next_of("stream.ended").await;
    assert_eq!(ended.data["reason"], "not_allowed");
    assert_eq!(followed.next().await, None);
}

#[tokio::test]
async fn more_connections_than_may_follow_are_refused_and_a_slow_one_is_closed_without_loss() {
    let harness = Harness::with(|settings| {
        settings.limits.streams.listeners = 1;
        settings.limits.streams.queue = 4;
        settings.limits.streams.patience = Duration::from_millis(50);
    })
    .await;
    let mut slow = Followed::at(&harness, "").await;
    let refused = harness.get("/v1/events").await;
    assert_eq!(refused.problem(429), "rate_limited");
    assert_eq!(refused.header("retry-after"), "5");
    for number in 0..20 {
        harness.incoming(&sid(number)).await;
    }
    // There is room as soon as the one that takes nothing has been given up.
    drop(Followed::at(&harness, "").await);
    let mut told = Vec::new();
    let after = loop {
        let sent = slow.next().await.expect("it says why");
        if sent.event == "stream.ended" {
            assert_eq!(sent.data["reason"], "too_slow");
            break sent.data["after"].as_str().unwrap().to_owned();
        }
        told.push(sent);
    };
    assert_eq!(after, slow.last_id);
    drop(slow);
    let mut again = Followed::after(&harness, "", &after).await;
    told.extend(again.told(20 - told.len()).await);
    let calls: BTreeSet<_> =
        told.iter().map(|sent| sent.data["data"]["carrier_call_id"].to_string()).collect();
    assert_eq!(calls.len(), 20);
}

#[tokio::test]
async fn a_browser_follows_over_a_web_socket() {
    let harness = Harness::new().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = harness.router.clone();
    let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let mut request = tokio_tungstenite::tungstenite::client::IntoClientRequest::into_client_request(
        format!("ws://{address}/v1/ws?types=call.*"),
    )
    .unwrap();
    let offered = format!("tandem, bearer.{}", harness.key);
    request.headers_mut().insert("sec-websocket-protocol", offered.parse().unwrap());
    let (mut socket, answer) = tokio_tungstenite::connect_async(request).await.unwrap();
    assert_eq!(answer.headers()["sec-websocket-protocol"], "tandem", "the token is not repeated");
    let mut next = async |name: &str| {
        let message = timeout(LIMIT, socket.next()).await.unwrap().unwrap().unwrap();
        let message: Value = serde_json::from_str(message.to_text().unwrap()).unwrap();
        assert_eq!(message["event"], name, "{message}");
        message
    };
    let opened = next("stream.opened").await;
    harness.incoming(&sid(1)).await;
    let started = next("call.started").await;
    let place = |message: &Value| message["id"].as_str().unwrap().parse::<i64>().unwrap();
    assert_eq!(place(&started), place(&opened) + 1);
    assert_eq!(started["data"]["data"]["carrier_call_id"], sid(1));
    socket.close(None).await.unwrap();
    server.abort();
}
