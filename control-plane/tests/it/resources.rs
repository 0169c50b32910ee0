//! What all resources have in common: versions, pages, requests that have their effect once, and bodies that will not do.

use crate::support::*;
use axum::{
    body::Body,
    http::{Method, Request, StatusCode},
};
use serde_json::{Value, json};

impl Harness {
    async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        request = request.header("authorization", format!("Bearer {}", self.key));
        request = request.header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask(Method::POST, path, &[], body).await
    }
}

#[tokio::test]
async fn a_resource_is_made_read_changed_and_deleted() {
    let harness = Harness::new().await;
    let made = harness.post("/v1/queues", &json!({ "name": "Support" })).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    assert_eq!(made.header("etag"), "\"1\"");
    let path = made.header("location").to_owned();
    assert_eq!(made.json()["max_wait_s"], 600);
    let read = harness.get(&path).await;
    assert_eq!((read.json(), read.header("etag")), (made.json(), "\"1\""));
    let changed = harness.ask(Method::PATCH, &path, &[], &json!({ "max_waiting": 5 })).await;
    assert_eq!((changed.status, changed.header("etag")), (StatusCode::OK, "\"2\""), "{}", changed.text());
    assert_eq!((&changed.json()["name"], &changed.json()["max_waiting"]), (&json!("Support"), &json!(5)));
    let deleted = harness.ask(Method::DELETE, &path, &[], &Value::Null).await;
    assert_eq!((deleted.status, deleted.text()), (StatusCode::NO_CONTENT, ""));
    assert_eq!(harness.get(&path).await.problem(404), "not_found");
}

#[tokio::test]
async fn nobody_undoes_a_change_that_they_have_not_seen() {
    let harness = Harness::new().await;
    let path = harness.post("/v1/queues", &json!({ "name": "A" })).await.header("location").to_owned();
    let change = json!({ "name": "B" });
    let patch = async |tag| harness.ask(Method::PATCH, &path, &[("if-match", tag)], &change).await;
    assert_eq!(patch("\"1\"").await.status, StatusCode::OK);
    assert_eq!(patch("\"1\"").await.problem(412), "precondition_failed");
    let delete = harness.ask(Method::DELETE, &path, &[("if-match", "\"1\"")], &Value::Null).await;
    assert_eq!(delete.problem(412), "precondition_failed");
    let known = harness.ask(Method::GET, &path, &[("if-none-match", "\"2\"")], &Value::Null).await;
    assert_eq!((known.status, known.text()), (StatusCode::NOT_MODIFIED, ""));
}

#[tokio::test]
async fn a_request_with_an_idempotency_key_has_its_effect_once() {
    let harness = Harness::new().await;
    let send = async |key: &str, name: &str| {
        harness.ask(Method::POST, "/v1/queues", &[("idempotency-key", key)], &json!({ "name": name })).await
    };
    let first = send("a", "One").await;
    assert_eq!((first.status, first.header("idempotent-replayed")), (StatusCode::CREATED, ""));
    let again = send("\"a\"", "One").await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (StatusCode::CREATED, "true"));
    assert_eq!((again.json(), again.header("etag")), (first.json(), first.header("etag")));
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!(send("a", "Two").await.problem(422), "idempotency_key_reused");
    assert_eq!(send("b", "One").await.problem(409), "taken", "another request, which fails by itself");
    assert_eq!(send("b", "Two").await.status, StatusCode::CREATED, "what failed is not remembered");
    assert_eq!(send("two words", "Three").await.problem(400), "invalid_request");
    let listed = harness.get("/v1/queues").await.json();
    assert_eq!(listed["data"].as_array().unwrap().len(), 2, "{listed}");
}

#[tokio::test]
async fn a_list_is_read_in_pages() {
    let harness = Harness::new().await;
    for index in 0..5 {
        harness.post("/v1/queues", &json!({ "name": format!("Queue {index}") })).await;
    }
    let (mut names, mut path) = (Vec::new(), "/v1/queues?limit=2".to_owned());
    loop {
        let page = harness.get(&path).await.json();
        names.extend(page["data"].as_array().unwrap().iter().map(|queue| queue["name"].clone()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/v1/queues?limit=2&cursor={cursor}");
    }
    assert_eq!(json!(names), json!(["Queue 4", "Queue 3", "Queue 2", "Queue 1", "Queue 0"]));
    for query in ["limit=0", "cursor=x", "name=x", "cursor=Y2FsbF8x"] {
        assert_eq!(
            harness.get(&format!("/v1/queues?{query}")).await.problem(400),
            "invalid_request",
            "{query}"
        );
    }
}

#[tokio::test]
async fn a_body_that_will_not_do_is_answered_with_every_place() {
    let harness = Harness::new().await;
    let stranger = store::ids::UserId::generate();
    for (body, pointer, code) in [
        (json!({}), "", "wrong_shape"),
        (json!({ "name": 5 }), "/name", "wrong_shape"),
        (json!({ "name": "" }), "/name", "out_of_range"),
        (json!({ "name": "A", "max_waiting": 0 }), "/max_waiting", "out_of_range"),
        (json!({ "name": "A", "members": [{ "user": "usr_1" }] }), "/members/0/user", "wrong_shape"),
        (json!({ "name": "A", "members": [{ "user": stranger }] }), "/members/0/user", "unknown_reference"),
        (json!({ "name": "A\0" }), "/name", "invalid_value"),
        (json!([]), "", "wrong_shape"),
    ] {
        let answer = harness.post("/v1/queues", &body).await;
        assert_eq!(answer.problem(422), "invalid_body", "{body}");
        let fault = &answer.json()["errors"][0];
        assert_eq!((&fault["pointer"], &fault["code"]), (&json!(pointer), &json!(code)), "{body}: {fault}");
    }
    let request = Request::post("/v1/queues").header("authorization", format!("Bearer {}", harness.key));
    let answer = harness.send(request.body(Body::from("name=A")).unwrap()).await;
    assert_eq!(answer.problem(415), "unsupported_media_type");
    let long = json!({ "name": "x".repeat(300_000) });
    assert_eq!(harness.post("/v1/queues", &long).await.problem(413), "body_too_large");
}

#[tokio::test]
async fn whoever_asks_too_often_is_told_when_to_come_back() {
    let harness = Harness::with(|settings| settings.limits.rate.write.requests = 2).await;
    let first = harness.post("/v1/queues", &json!({ "name": "A" })).await;
    assert_eq!(first.header("ratelimit-policy"), "\"write\";q=2;w=60");
    assert_eq!(first.header("ratelimit"), "\"write\";r=1;t=30");
    harness.post("/v1/queues", &json!({ "name": "B" })).await;
    let third = harness.post("/v1/queues", &json!({ "name": "C" })).await;
    assert_eq!(third.problem(429), "rate_limited");
    let wait: u32 = third.header("retry-after").parse().unwrap();
    assert!((1..=30).contains(&wait), "{wait}");
    assert_eq!(third.header("ratelimit"), "\"write\";r=0;t=60");
    assert_eq!(harness.get("/v1/queues").await.status, StatusCode::OK, "reading has a limit of its own");
}

#[tokio::test]
async fn a_key_acts_for_its_own_tenant_and_no_other() {
    let harness = Harness::new().await;
    for header in ["tandem-tenant", "x-company-id"] {
        let ask =
            async |tenant| harness.ask(Method::GET, "/v1/queues", &[(header, tenant)], &Value::Null).await;
        assert_eq!(ask("ten_1").await.status, StatusCode::OK);
        let other = store::TenantId::generate();
        for foreign in [other.as_str(), store::TenantId::platform().as_str(), "", "Nobody at all"] {
            assert_eq!(ask(foreign).await.problem(404), "not_found", "{foreign}");
        }
    }
    let both = [("tandem-tenant", "ten_1"), ("x-company-id", "ten_2")];
    assert_eq!(harness.ask(Method::GET, "/v1/queues", &both, &Value::Null).await.problem(404), "not_found");
}

#[tokio::test]
async fn the_document_and_its_page_are_open_to_everybody() {
    let harness = Harness::new().await;
    for (path, kind) in [
        ("/v1/openapi.json", "application/json"),
        ("/docs", "text/html; charset=utf-8"),
        ("/docs/page.css", "text/css; charset=utf-8"),
        ("/docs/page.js", "text/javascript; charset=utf-8"),
    ] {
        let answer = harness.send(Request::get(path).body(Body::empty()).unwrap()).await;
        assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, kind), "{path}");
        assert!(answer.header("content-security-policy").contains("script-src 'self'"));
        assert!(
            !answer.text().contains("http://") && !answer.text().contains("cdn."),
            "{path} needs something from elsewhere"
        );
    }
    let page = harness.get("/v1/openapi.json").await.json();
    assert!(page["openapi"].as_str().unwrap().starts_with("3.1"), "{}", page["openapi"]);
}
