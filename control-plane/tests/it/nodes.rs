//! Two control planes, as two processes have them, on one PostgreSQL database: whichever of them is asked, a request has its
//! effect once, a number has one owner, and work is done by one. Where there is no PostgreSQL the tests are left out and say so.

use crate::support::*;
use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{Method, Request, StatusCode},
    routing::post,
};
use control_plane::{
    ControlPlane,
    settings::{ControlPlaneSettings, StoreSettings},
};
use deliveries::{SenderOptions, WorkerOptions, address::Reach};
use engine::provider::{AbortOnDrop, Secret};
use fixtures::sandbox::{Sandbox, SandboxOptions};
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};
use store::{
    Store, TenantId,
    model::{
        audit::Actor,
        tenant::{Tenant, TenantSettings, TenantStatus},
    },
};
use store_postgres::{PostgresOptions, PostgresStore, test_server};
use twilio_rest::TwilioOptions;

/// How often two requests meet.
const TRIES: usize = 12;

pub(crate) struct Nodes {
    pub(crate) nodes: [Harness; 2],
    url: String,
}

impl Nodes {
    /// Two control planes with the same keys; each has a folder of its own.
    pub(crate) async fn new(change: impl Fn(&mut ControlPlaneSettings)) -> Option<Self> {
        let url = test_server::database().await?;
        let one = Self::node(Folder::new(), &url, None, &change).await;
        let folder = Folder::new();
        std::fs::create_dir_all(&folder.0).unwrap();
        std::fs::copy(one.folder.0.join("secrets.key"), folder.0.join("secrets.key")).unwrap();
        let two = Self::node(folder, &url, Some(one.key.clone()), &change).await;
        Some(Self { nodes: [one, two], url })
    }

    pub(crate) async fn node(
        folder: Folder,
        url: &str,
        key: Option<String>,
        change: impl Fn(&mut ControlPlaneSettings),
    ) -> Harness {
        let mut settings = settings(&folder).await;
        settings.store = StoreSettings::Postgres { url: Secret::new(url) };
        settings.limits.rate.write.requests = 1_000_000;
        settings.limits.rate.spend.requests = 1_000_000;
        change(&mut settings);
        let opened = ControlPlane::open(settings).await.unwrap();
        let key = key.unwrap_or_else(|| opened.first_key.unwrap().reveal().to_owned());
        Harness { router: opened.control_plane.router(), plane: opened.control_plane, key, folder }
    }

    /// The same request to both at once, again and again.
    async fn race(&self, ask: impl AsyncFn(&Harness, usize) -> Answer) -> Vec<[Answer; 2]> {
        let mut answers = Vec::new();
        for number in 0..TRIES {
            let [one, two] = &self.nodes;
            let (one, two) = tokio::join!(ask(one, number), ask(two, number));
            answers.push([one, two]);
        }
        answers
    }
}

async fn ask(
    node: &Harness,
    (method, path): (Method, &str),
    headers: &[(&str, &str)],
    body: &Value,
) -> Answer {
    let mut request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    if !headers.iter().any(|(name, _)| *name == "authorization") {
        request = request.header("authorization", format!("Bearer {}", node.key));
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    node.send(request.body(Body::from(body.to_string())).unwrap()).await
}

fn statuses(answers: &[Answer; 2]) -> BTreeSet<u16> {
    answers.iter().map(|answer| answer.status.as_u16()).collect()
}

#[tokio::test]
async fn two_nodes_that_get_the_same_request_at_once_carry_it_out_once() {
    let Some(nodes) = Nodes::new(|_| {}).await else { return };
    let answers = nodes
        .race(async |node, number| {
            let key = format!("key-{number}");
            let body = json!({ "name": format!("Queue {number}") });
            ask(node, (Method::POST, "/v1/queues"), &[("idempotency-key", &key)], &body).await
        })
        .await;
    for [one, two] in answers {
        assert_eq!((one.status, two.status), (StatusCode::CREATED, StatusCode::CREATED), "{}", two.text());
        assert_eq!(one.json(), two.json(), "the same answer");
        let replayed = [&one, &two].map(|answer| answer.header("idempotent-replayed") == "true");
        assert_ne!(replayed[0], replayed[1], "one of them remembers the other's answer");
    }
    let listed = nodes.nodes[0].get("/v1/queues?limit=100").await.json();
    assert_eq!(listed["data"].as_array().unwrap().len(), TRIES);
}

#[tokio::test]
async fn of_two_nodes_that_change_what_they_both_read_one_is_told_to_read_again() {
    let Some(nodes) = Nodes::new(|_| {}).await else { return };
    let made = nodes.nodes[0].post_json("/v1/queues", &json!({ "name": "Support" })).await;
    let path = made.header("location").to_owned();
    let answers = nodes
        .race(async |node, number| {
            let tag = format!("\"{}\"", number + 1);
            let body = json!({ "max_waiting": number + 1 });
            ask(node, (Method::PATCH, &path), &[("if-match", &tag)], &body).await
        })
        .await;
    for answers in answers {
        assert_eq!(statuses(&answers), [200, 412].into(), "{}", answers[0].text());
    }
    let after = nodes.nodes[1].get(&path).await;
    assert_eq!(after.header("etag"), format!("\"{}\"", TRIES + 1));
}

#[tokio::test]
async fn a_number_that_two_tenants_want_at_two_nodes_at_once_is_ones() {
    let Some(nodes) = Nodes::new(|_| {}).await else { return };
    let other = TenantId::generate();
    let key = add_tenant(&nodes, &other).await;
    let own = format!("Bearer {}", nodes.nodes[0].key);
    let others = format!("Bearer {key}");
    for number in 0..TRIES {
        let body = json!({ "e164": format!("+155502{number:02}") });
        let [one, two] = &nodes.nodes;
        let post = (Method::POST, "/v1/numbers");
        let own = [("authorization", own.as_str())];
        let others = [("authorization", others.as_str())];
        let (one, two) = tokio::join!(ask(one, post.clone(), &own, &body), ask(two, post, &others, &body));
        let answers = [one, two];
        assert_eq!(statuses(&answers), [201, 409].into(), "{} {}", answers[0].text(), answers[1].text());
        let refused = answers.iter().find(|answer| answer.status == StatusCode::CONFLICT).unwrap();
        assert!(!refused.text().contains(other.as_str()) && !refused.text().contains("ten_1"));
    }
}

/// Another tenant, and a key of its own.
async fn add_tenant(nodes: &Nodes, id: &TenantId) -> String {
    use identity::api_key::{NewKey, first};
    let store = PostgresStore::open(&nodes.url, PostgresOptions::default()).await.unwrap();
    let row = Tenant {
        name: "Other".to_owned(),
        slug: "other".to_owned(),
        status: TenantStatus::Active,
        settings: TenantSettings::default(),
    };
    let mut tx = store.platform().begin(&Actor::system("test"), 1).await.unwrap();
    tx.insert_as(id.clone(), row).await.unwrap();
    tx.commit().await.unwrap();
    let mode = store::model::identity::KeyMode::Live;
    let new = NewKey { name: "other".to_owned(), scopes: Vec::new(), mode, expires_at: None };
    let (secret, key) = first(new);
    let mut tx = store.tenant(id).begin(&Actor::system("test"), 1).await.unwrap();
    tx.insert(key).await.unwrap();
    tx.commit().await.unwrap();
    secret.reveal().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_at_two_nodes_is_told_by_one_of_them() {
    let Some(nodes) = Nodes::new(|settings| {
        settings.limits.delivery = SenderOptions { reach: Reach::Anywhere, ..SenderOptions::default() };
        settings.limits.deliveries =
            WorkerOptions { poll: Duration::from_millis(5), ..WorkerOptions::default() };
    })
    .await
    else {
        return;
    };
    let (url, came, _server) = receiver().await;
    let form = json!({ "url": url, "name": "Ours", "events": ["call.*"] });
    let made = nodes.nodes[0].post_json("/v1/webhook-endpoints", &form).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let sid = |number: usize| format!("CA{number:032}");
    // The carrier asks both nodes about each call, and tells both of its end.
    nodes.race(async |node, number| node.incoming(&sid(number)).await).await;
    nodes
        .race(async |node, number| {
            node.hook("/api/voice/status", &call_fields(&sid(number), "completed")).await
        })
        .await;
    let all = async || {
        let count = came.lock().unwrap().len();
        // Nothing is due any more: both nodes have looked for more and found none.
        let is_all = count >= 2 * TRIES && is_over(&nodes).await;
        is_all.then(|| came.lock().unwrap().clone())
    };
    let all = until(all, "all that is told").await;
    let mut told = BTreeMap::<(String, String), usize>::new();
    for event in all {
        let call = event["data"]["call_id"].as_str().unwrap().to_owned();
        *told.entry((call, event["type"].as_str().unwrap().to_owned())).or_default() += 1;
    }
    assert_eq!(told.len(), 2 * TRIES, "{told:?}");
    assert!(told.values().all(|times| *times == 1), "{told:?}");
}

/// Whether every delivery has been made.
async fn is_over(nodes: &Nodes) -> bool {
    let page = nodes.nodes[0].get("/v1/webhook-deliveries?limit=100").await.json();
    let rows = page["data"].as_array().unwrap_or_else(|| panic!("{page}"));
    rows.iter().all(|row| row["status"] == "delivered")
}

type Came = Arc<Mutex<Vec<Value>>>;

/// A customer's server.
async fn receiver() -> (String, Came, AbortOnDrop) {
    let came = Came::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let hook = async |State(came): State<Came>, body: Bytes| {
        came.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
        StatusCode::NO_CONTENT
    };
    let router = axum::Router::new().route("/hook", post(hook)).with_state(Arc::clone(&came));
    let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, came, AbortOnDrop(server))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_placed_by_one_of_two_nodes() {
    let sandbox = Sandbox::start(SandboxOptions::without_delay()).await.unwrap();
    let carrier = sandbox.base_url();
    let main = format!("AC{}", "0".repeat(32));
    let Some(nodes) = Nodes::new(|settings| {
        settings.tenant.twilio.account_sid.clone_from(&main);
        settings.tenant.twilio.auth_token = Secret::new("sandbox");
        settings.tenant.numbers = vec!["+15550100".to_owned()];
        settings.twilio = TwilioOptions::at(carrier.parse().unwrap());
        settings.limits.work.poll = Duration::from_millis(5);
    })
    .await
    else {
        return;
    };
    let placed = join_all((0..TRIES).map(|number| {
        let node = &nodes.nodes[number % 2];
        let body = json!({ "to": format!("+15550{number:03}42") });
        async move { node.post_json("/v1/calls", &body).await }
    }))
    .await;
    let mut calls = Vec::new();
    for answer in placed {
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
        calls.push(answer.json()["id"].as_str().unwrap().to_owned());
    }
    for call in calls {
        // Either node knows of it as soon as one has placed it.
        let is_placed = |shown: &Value| !shown["carrier_call_id"].is_null();
        nodes.nodes[1].shows(&format!("/v1/calls/{call}"), is_placed).await;
    }
    let at_the_carrier = sandbox.twilio()[&main]["calls"].as_array().map_or(0, Vec::len);
    assert_eq!(at_the_carrier, TRIES, "no call is placed twice");
}
