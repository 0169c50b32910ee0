//! People and keys: signing in, invitations, roles, keys, through the HTTP routes.

use crate::support::*;
use axum::{
    body::Body,
    http::{Method, Request, StatusCode},
};
use control_plane::admin::invite_admin;
use serde_json::{Value, json};
use std::sync::Arc;
use store::Store;
use vault::KeyRing;

const PASSWORD: &str = "four words of mine";

impl Harness {
    async fn by(&self, bearer: &str, method: Method, path: &str, body: &Value) -> Answer {
        self.by_once(bearer, method, path, body, None).await
    }

    async fn by_once(
        &self,
        bearer: &str,
        method: Method,
        path: &str,
        body: &Value,
        once: Option<&str>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        request = request.header("content-type", "application/json").header("user-agent", "a browser");
        if !bearer.is_empty() {
            request = request.header("authorization", format!("Bearer {bearer}"));
        }
        if let Some(key) = once {
            request = request.header("idempotency-key", key);
        }
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    /// The store, as another process opens it.
    async fn store(&self) -> Arc<dyn Store> {
        open_store(&self.folder).await
    }

    /// A platform admin's access token.
    async fn admin(&self) -> String {
        let ring = KeyRing::read(&self.folder.0.join("secrets.key")).unwrap();
        let invited = invite_admin(&self.store().await, ring, "ann@example.com", "Ann").await.unwrap();
        let accept = json!({ "token": invited.token.reveal(), "password": PASSWORD });
        let accepted = self.by("", Method::POST, "/v1/auth/invitations/accept", &accept).await;
        assert_eq!(accepted.status, StatusCode::OK, "{}", accepted.text());
        self.sign_in("ann@example.com").await["access_token"].as_str().unwrap().to_owned()
    }

    async fn sign_in(&self, email: &str) -> Value {
        let proof = json!({ "email": email, "password": PASSWORD });
        let signed_in = self.by("", Method::POST, "/v1/auth/sign-in", &proof).await;
        assert_eq!(signed_in.status, StatusCode::OK, "{}", signed_in.text());
        assert_eq!(signed_in.header("cache-control"), "no-store");
        signed_in.json()["session"].clone()
    }

    /// Somebody with a role in the tenant: the member's id and an access token.
    pub(crate) async fn member(&self, email: &str, role: &str) -> (String, String) {
        let invite = json!({ "email": email, "name": "Somebody", "role": role });
        let invited = self.by_platform("/v1/members", &invite).await;
        assert_eq!(invited.status, StatusCode::CREATED, "{}", invited.text());
        let invited = invited.json();
        let accept = json!({ "token": invited["invitation"]["token"], "password": PASSWORD });
        let accepted = self.by("", Method::POST, "/v1/auth/invitations/accept", &accept).await;
        assert_eq!(accepted.status, StatusCode::OK, "{}", accepted.text());
        let token = self.sign_in(email).await["access_token"].as_str().unwrap().to_owned();
        (invited["id"].as_str().unwrap().to_owned(), token)
    }

    async fn by_platform(&self, path: &str, body: &Value) -> Answer {
        let store = self.store().await;
        let key = identity::api_key::first(identity::api_key::NewKey {
            name: "platform".to_owned(),
            scopes: Vec::new(),
            mode: store::model::identity::KeyMode::Live,
            expires_at: None,
        });
        let actor = store::model::audit::Actor::system("test");
        let mut tx = store.platform().begin(&actor, 1).await.unwrap();
        tx.insert(key.1).await.unwrap();
        tx.commit().await.unwrap();
        let request = Request::post(path)
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {}", key.0.reveal()))
            .header("tandem-tenant", "ten_1");
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }
}

#[tokio::test]
async fn the_first_admin_comes_in_with_the_printed_invitation_and_sees_the_platform() {
    let harness = Harness::new().await;
    let token = harness.admin().await;
    let me = harness.by(&token, Method::GET, "/v1/me", &Value::Null).await.json();
    assert_eq!(
        (&me["user"]["email"], &me["user"]["platform_admin"]),
        (&json!("ann@example.com"), &json!(true))
    );
    assert!(me["tenants"][0]["permissions"].as_array().unwrap().contains(&json!("platform:manage")));
    assert_eq!(harness.by(&token, Method::GET, "/v1/users", &Value::Null).await.status, StatusCode::OK);
    // Without a part in one tenant alone, the tenant has to be named.
    assert_eq!(
        harness.by(&token, Method::GET, "/v1/calls", &Value::Null).await.problem(400),
        "tenant_required"
    );
}

#[tokio::test]
async fn a_session_goes_on_with_its_refresh_token_and_ends_at_once() {
    let harness = Harness::new().await;
    harness.admin().await;
    let session = harness.sign_in("ann@example.com").await;
    let refresh = async |token: &Value| {
        harness.by("", Method::POST, "/v1/auth/refresh", &json!({ "refresh_token": token })).await
    };
    let next = refresh(&session["refresh_token"]).await.json();
    let access = next["access_token"].as_str().unwrap();
    let sessions = harness.by(access, Method::GET, "/v1/me/sessions", &Value::Null).await.json();
    let current = sessions["data"].as_array().unwrap().iter().find(|one| one["current"] == true).unwrap();
    assert_eq!((&current["id"], &current["user_agent"]), (&next["session_id"], &json!("a browser")));

    let out = harness.by(access, Method::POST, "/v1/auth/sign-out", &json!({})).await;
    assert_eq!(out.status, StatusCode::NO_CONTENT);
    assert_eq!(harness.by(access, Method::GET, "/v1/me", &Value::Null).await.problem(401), "unauthorized");
    assert_eq!(refresh(&next["refresh_token"]).await.problem(401), "unauthorized");
}

#[tokio::test]
async fn who_does_not_prove_who_they_are_is_refused_and_told_nothing() {
    let harness = Harness::new().await;
    let token = harness.admin().await;
    let sign_in = async |body: Value| harness.by("", Method::POST, "/v1/auth/sign-in", &body).await;
    let wrong = sign_in(json!({ "email": "ann@example.com", "password": "wrong" })).await;
    let unknown = sign_in(json!({ "email": "nobody@example.com", "password": PASSWORD })).await;
    assert_eq!(
        (wrong.problem(401), unknown.problem(401)),
        ("unauthorized".to_owned(), "unauthorized".to_owned())
    );
    assert_eq!(wrong.json()["detail"], unknown.json()["detail"]);
    assert_eq!(sign_in(json!({ "email": "ann@example.com" })).await.problem(422), "invalid_body");
    let change = json!({ "current": "wrong", "password": "other words of mine" });
    let refused = harness.by(&token, Method::POST, "/v1/me/password", &change).await;
    assert_eq!(refused.problem(403), "proof_rejected");
    let change = json!({ "current": PASSWORD, "password": "short" });
    let unfit = harness.by(&token, Method::POST, "/v1/me/password", &change).await;
    assert_eq!(unfit.problem(422), "invalid_body");
    assert_eq!(unfit.json()["errors"][0]["pointer"], "/password");
    for path in ["/v1/auth/oidc/other/start", "/v1/auth/oidc/other/callback"] {
        let answer = harness.by("", Method::GET, path, &Value::Null).await;
        assert!(matches!(answer.status.as_u16(), 401 | 404), "{path}: {}", answer.text());
    }
}

#[tokio::test]
async fn a_tenants_people_do_what_their_roles_allow() {
    let harness = Harness::new().await;
    let (_, owner) = harness.member("owner@example.com", "owner").await;
    let (viewer_id, viewer) = harness.member("viewer@example.com", "viewer").await;
    let queue = json!({ "name": "Support" });
    assert_eq!(harness.by(&viewer, Method::GET, "/v1/calls", &Value::Null).await.status, StatusCode::OK);
    assert_eq!(harness.by(&viewer, Method::POST, "/v1/queues", &queue).await.problem(403), "forbidden");
    let promote = json!({ "role": "owner" });
    let path = format!("/v1/members/{viewer_id}");
    assert_eq!(harness.by(&viewer, Method::PATCH, &path, &promote).await.problem(403), "forbidden");

    let admin = json!({ "role": "admin" });
    let changed = harness.by(&owner, Method::PATCH, &path, &admin).await;
    assert_eq!((changed.status, &changed.json()["role"]), (StatusCode::OK, &json!("admin")));
    assert_eq!(harness.by(&viewer, Method::POST, "/v1/queues", &queue).await.status, StatusCode::CREATED);
    assert_eq!(harness.by(&viewer, Method::PATCH, &path, &promote).await.problem(403), "forbidden");
    let members = harness.by(&viewer, Method::GET, "/v1/members?limit=1", &Value::Null).await.json();
    assert_eq!(members["data"].as_array().unwrap().len(), 1);
    assert!(members["next_cursor"].is_string());
    assert_eq!(members["data"][0]["invitation"], Value::Null);

    let removed = harness.by(&owner, Method::DELETE, &path, &Value::Null).await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);
    assert_eq!(
        harness.by(&viewer, Method::GET, "/v1/calls", &Value::Null).await.problem(400),
        "tenant_required"
    );
    let own = harness.by(&owner, Method::GET, "/v1/members", &Value::Null).await.json();
    let own = format!("/v1/members/{}", own["data"][0]["id"].as_str().unwrap());
    assert_eq!(harness.by(&owner, Method::DELETE, &own, &Value::Null).await.problem(409), "conflict");
}

#[tokio::test]
async fn a_key_is_shown_once_even_if_it_is_asked_for_twice() {
    let harness = Harness::new().await;
    let body = json!({ "name": "shop", "scopes": ["calls:read"] });
    let make =
        async || harness.by_once(&harness.key, Method::POST, "/v1/api-keys", &body, Some("once")).await;
    let (first, again) = (make().await, make().await);
    assert_eq!((first.status, again.status), (StatusCode::CREATED, StatusCode::CREATED), "{}", first.text());
    let (first, again) = (first.json(), again.json());
    assert_eq!((&first["id"], &again["key"]), (&again["id"], &Value::Null));
    let key = first["key"].as_str().unwrap();
    assert_eq!(harness.by(key, Method::GET, "/v1/calls", &Value::Null).await.status, StatusCode::OK);
    assert_eq!(harness.by(key, Method::GET, "/v1/queues", &Value::Null).await.problem(403), "forbidden");
    assert_eq!(harness.by(key, Method::POST, "/v1/api-keys", &body).await.problem(403), "forbidden");
    let path = format!("/v1/api-keys/{}", first["id"].as_str().unwrap());
    let read = harness.get(&path).await.json();
    assert_eq!((&read["key"], &read["hint"]), (&Value::Null, &json!(&key[key.len() - 4..])));
    assert!(read["last_used_at"].is_string());
    let listed = harness.get("/v1/api-keys").await;
    assert!(!listed.text().contains(key));
}

#[tokio::test]
async fn a_key_is_exchanged_while_the_old_one_lives_and_revoked_at_once() {
    let harness = Harness::new().await;
    let made =
        harness.by(&harness.key, Method::POST, "/v1/api-keys", &json!({ "name": "shop" })).await.json();
    let old = made["key"].as_str().unwrap();
    let path = format!("/v1/api-keys/{}", made["id"].as_str().unwrap());
    let rotated =
        harness.by(&harness.key, Method::POST, &format!("{path}/rotate"), &json!({ "overlap_s": 60 })).await;
    assert_eq!(rotated.status, StatusCode::CREATED, "{}", rotated.text());
    let new = rotated.json()["key"].as_str().unwrap().to_owned();
    for key in [old, &new] {
        assert_eq!(harness.by(key, Method::GET, "/v1/calls", &Value::Null).await.status, StatusCode::OK);
    }
    assert!(harness.get(&path).await.json()["expires_at"].is_string());
    let revoked = harness.by(&harness.key, Method::DELETE, &path, &Value::Null).await;
    assert_eq!(revoked.status, StatusCode::NO_CONTENT);
    assert_eq!(harness.by(old, Method::GET, "/v1/calls", &Value::Null).await.problem(401), "unauthorized");
    assert_eq!(harness.by(&new, Method::GET, "/v1/calls", &Value::Null).await.status, StatusCode::OK);
    for bad in [
        json!({ "name": "x", "scopes": ["all"] }),
        json!({ "name": "x", "expires_at": "2000-01-01T00:00:00Z" }),
    ] {
        let refused = harness.by(&harness.key, Method::POST, "/v1/api-keys", &bad).await;
        assert_eq!(refused.problem(422), "invalid_body", "{bad}");
    }
}

#[tokio::test]
async fn an_invitation_is_shown_once_and_its_token_stands_nowhere() {
    let harness = Harness::new().await;
    let invite = json!({ "email": "carla@example.com", "name": "Carla", "role": "viewer" });
    let make = async || {
        harness.by_once(&harness.key, Method::POST, "/v1/members", &invite, Some("once")).await.json()
    };
    let (first, again) = (make().await, make().await);
    assert_eq!(first["id"], again["id"], "{first}");
    assert_eq!(again["invitation"]["token"], Value::Null);
    let token = first["invitation"]["token"].as_str().unwrap();
    let secret = token.rsplit_once('.').unwrap().1;
    let path = format!("/v1/members/{}", first["id"].as_str().unwrap());
    assert!(!harness.get(&path).await.text().contains(secret));
    let renewed =
        harness.by(&harness.key, Method::POST, &format!("{path}/invitation"), &json!({})).await.json();
    assert_ne!(renewed["invitation"]["token"], first["invitation"]["token"]);
    let accept = json!({ "token": token, "password": PASSWORD });
    let void = harness.by("", Method::POST, "/v1/auth/invitations/accept", &accept).await;
    assert_eq!(void.problem(401), "unauthorized");
}
