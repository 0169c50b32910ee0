//! Walks every operation of the OpenAPI document: with another tenant's ids, as every role, with no and with worthless
//! credentials. Not a byte of another tenant's data comes back, and nobody does what their role does not allow.
//!
//! An operation that has no example in `examples.rs` fails the test: whoever adds one says there what is to be tried.

mod examples;
mod world;

use crate::support::*;
use axum::{
    body::Body,
    http::{Method, Request},
};
use examples::{Example, example};
use identity::permission::{Least, Permission};
use serde_json::{Value, json};
use store::model::identity::Role;
use world::{CANARY, World};

/// An operation of the document.
struct Operation {
    method: Method,
    path: String,
    /// What it needs; `None`: it is for everybody, or about oneself.
    needs: Option<Permission>,
    /// Whether a credential has to be shown.
    asks_who: bool,
    takes_a_body: bool,
}

impl Operation {
    fn names_something(&self) -> bool {
        self.path.contains("{id}")
    }

    fn names_the_tenant(&self) -> bool {
        self.path.contains("{tenant_id}")
    }
}

async fn operations(harness: &Harness) -> Vec<Operation> {
    let document = harness.get("/v1/openapi.json").await.json();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let security = operation["security"].as_array().cloned().unwrap_or_default();
            let name = security.first().and_then(|way| way["bearer"][0].as_str().map(str::to_owned));
            let needs = name.map(|name| {
                let known = Permission::ALL.iter().find(|permission| permission.as_str() == name);
                *known.unwrap_or_else(|| panic!("{method} {path} needs {name}, which is no permission"))
            });
            operations.push(Operation {
                method: method.to_uppercase().parse().unwrap(),
                path: path.clone(),
                needs,
                takes_a_body: operation["requestBody"].is_object(),
                asks_who: security.iter().any(|way| way.get("bearer").is_some()),
            });
        }
    }
    // Whoever signs out asks nothing more.
    operations.sort_by_key(|operation| operation.path == "/v1/auth/sign-out");
    assert!(operations.len() > 30, "the document lists {}", operations.len());
    operations
}

async fn ask(
    world: &World,
    bearer: Option<&str>,
    method: &Method,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<&str>,
) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(bearer) = bearer {
        request = request.header("authorization", format!("Bearer {bearer}"));
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = match body {
        Some(body) => {
            request = request.header("content-type", "application/json");
            Body::from(body.to_owned())
        }
        None => Body::empty(),
    };
    world.harness.send(request.body(body).unwrap()).await
}

/// Nothing of the other tenant is in the answer, not even in a header.
fn assert_clean(answer: &Answer, what: &str) {
    let mut all = format!("{:?}", answer.headers).into_bytes();
    all.extend_from_slice(&answer.body);
    let text = String::from_utf8_lossy(&all).to_lowercase();
    assert!(!text.contains(CANARY), "{what}: {text}");
    // 502: no provider answers in this world.
    assert!(matches!(answer.status.as_u16(), 200..500 | 502), "{what}: {} {text}", answer.status);
}

#[tokio::test]
async fn no_operation_gives_away_a_byte_of_another_tenant() {
    let world = World::new().await;
    let before = world.everything_of_the_other().await;
    for operation in operations(&world.harness).await {
        let Example { foreign_path, body, .. } = example(&world, &operation);
        let body = body.map(|body: Value| body.to_string());
        for (who, bearer) in world.everybody_here() {
            let what = format!("{} {foreign_path} as {who}", operation.method);
            let answer =
                ask(&world, Some(bearer), &operation.method, &foreign_path, &[], body.as_deref()).await;
            assert_clean(&answer, &what);
            let status = answer.status.as_u16();
            if operation.names_the_tenant() {
                assert_eq!(status, 404, "{what}: {}", answer.text());
            } else if operation.names_something() {
                assert!(matches!(status, 403 | 404), "{what}: {status} {}", answer.text());
            }
        }
        for header in ["tandem-tenant", "x-company-id"] {
            let named = [(header, world.other.as_str())];
            for (who, bearer) in world.everybody_here() {
                let what = format!("{} {foreign_path} as {who} for the other tenant", operation.method);
                let answer =
                    ask(&world, Some(bearer), &operation.method, &foreign_path, &named, body.as_deref())
                        .await;
                assert_clean(&answer, &what);
                let is_of_a_tenant =
                    operation.needs.is_some_and(|needs| matches!(needs.least(), Least::Role(_)));
                if is_of_a_tenant {
                    assert_eq!(answer.status, 404, "{what}: {}", answer.text());
                }
            }
        }
    }
    assert_eq!(world.everything_of_the_other().await, before, "somebody changed it");
}

#[tokio::test]
async fn without_a_good_credential_nothing_is_answered() {
    let world = World::new().await;
    for operation in operations(&world.harness).await {
        let Example { own_path, foreign_path, body } = example(&world, &operation);
        let body = body.map(|body| body.to_string());
        for (which, bearer) in world.worthless() {
            for path in [&own_path, &foreign_path] {
                let what = format!("{} {path} with {which}", operation.method);
                let answer = ask(&world, bearer, &operation.method, path, &[], body.as_deref()).await;
                assert_clean(&answer, &what);
                if operation.asks_who {
                    assert_eq!(answer.problem(401), "unauthorized", "{what}");
                }
            }
        }
    }
}

#[tokio::test]
async fn everybody_may_do_what_their_role_allows_and_nothing_else() {
    let world = World::new().await;
    for operation in operations(&world.harness).await {
        let Some(needs) = operation.needs else { continue };
        let Example { own_path, .. } = example(&world, &operation);
        for (role, bearer) in &world.roles {
            // A body that is none: whoever may do it is told so, and nothing is done.
            let body = Some("{").filter(|_| operation.method != Method::GET);
            let answer = ask(&world, Some(bearer), &operation.method, &own_path, &[], body).await;
            let what = format!("{} {own_path}, which needs {needs}, as {role}", operation.method);
            assert_clean(&answer, &what);
            let allowed = needs.is_of(*role);
            assert_eq!(answer.status == 403, !allowed, "{what}: {} {}", answer.status, answer.text());
            assert_ne!(answer.status, 401, "{what}");
        }
    }
}

#[tokio::test]
async fn a_key_may_do_what_its_scopes_allow_and_a_test_key_reaches_nobody_outside() {
    let world = World::new().await;
    let operations = operations(&world.harness).await;
    for (scope, bearer) in &world.scopes {
        for operation in &operations {
            let Some(needs) = operation.needs else { continue };
            let Example { own_path, .. } = example(&world, operation);
            let body = Some("{").filter(|_| operation.method != Method::GET);
            let answer = ask(&world, Some(bearer), &operation.method, &own_path, &[], body).await;
            let what = format!("{} {own_path}, which needs {needs}, with {scope}", operation.method);
            assert_eq!(answer.status == 403, !scope.carries(needs), "{what}: {}", answer.text());
        }
    }
    for operation in &operations {
        let Some(needs) = operation.needs else { continue };
        let Example { own_path, .. } = example(&world, operation);
        let answer = ask(&world, Some(&world.test_key), &operation.method, &own_path, &[], Some("{")).await;
        let stays_inside = needs.reach() == identity::permission::Reach::Inside && needs.is_of(Role::Admin);
        assert_eq!(answer.status == 403, !stays_inside, "{} {own_path}: {}", operation.method, answer.text());
    }
}

#[tokio::test]
async fn the_platform_names_the_tenant_that_it_acts_for() {
    let world = World::new().await;
    let get = Method::GET;
    let bearer = Some(world.platform_key.as_str());
    let unnamed = ask(&world, bearer, &get, "/v1/numbers", &[], None).await;
    assert_eq!(unnamed.problem(400), "tenant_required");
    let named = [("tandem-tenant", world.other.as_str())];
    let other = ask(&world, bearer, &get, "/v1/numbers", &named, None).await.json();
    assert_eq!(other["data"].as_array().unwrap().len(), 1, "{other}");
    let nobody = [("tandem-tenant", "ten_00000000000000000000000001")];
    assert_eq!(ask(&world, bearer, &get, "/v1/numbers", &nobody, None).await.problem(404), "not_found");
    let listed = ask(&world, bearer, &get, "/v1/tenants?limit=100", &[], None).await.json();
    let slugs: Vec<_> =
        listed["data"].as_array().unwrap().iter().map(|tenant| tenant["slug"].clone()).collect();
    assert!(slugs.contains(&json!("own")) && slugs.contains(&json!("canary")), "{slugs:?}");
    assert!(!slugs.contains(&json!("platform")), "the platform itself is no tenant");
}
