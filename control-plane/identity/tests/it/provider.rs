//! An OpenID provider for the tests: a server of its own on this machine, which signs with keys of its own.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use axum::{
    Form, Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::{get, post},
};
use base64_simd::{STANDARD, URL_SAFE_NO_PAD};
use engine::provider::{AbortOnDrop, Secret};
use identity::openid::{OpenId, OpenIdOptions, OpenIdProvider};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use parking_lot::Mutex;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};
use tokio::net::TcpListener;
use url::Url;

pub(crate) const CLIENT: &str = "tandem client";
pub(crate) const SECRET: &str = "se/cret";
pub(crate) const REDIRECT: &str = "https://calls.example.com/v1/auth/oidc/acme/callback";

/// What the provider knows, and how it misbehaves.
#[derive(Default)]
pub(crate) struct Knows {
    /// The keys that it shows; it signs with the last.
    pub(crate) keys: Vec<(String, EncodingKey)>,
    /// What it gives for a code, and the challenge that the code was asked for with.
    codes: HashMap<String, (Value, String)>,
    /// How often its keys were fetched.
    pub(crate) keys_fetched: usize,
    /// Takes the secret in the form, not as basic authentication.
    pub(crate) post_only: bool,
    /// The issuer that it says it is, if that is not the address it has.
    pub(crate) says_issuer: Option<String>,
    /// Signs in this way, whatever the key.
    pub(crate) forged: Option<String>,
}

pub(crate) struct Provider {
    pub(crate) knows: Arc<Mutex<Knows>>,
    pub(crate) issuer: Url,
    _server: AbortOnDrop,
}

pub(crate) fn new_key() -> EncodingKey {
    let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
    EncodingKey::from_ec_der(key.as_ref())
}

#[derive(Clone)]
struct Served {
    knows: Arc<Mutex<Knows>>,
    issuer: Url,
}

impl Provider {
    pub(crate) async fn start() -> Self {
        static FIRST: LazyLock<EncodingKey> = LazyLock::new(new_key);
        let keys = vec![("one".to_owned(), FIRST.clone())];
        let knows = Arc::new(Mutex::new(Knows { keys, ..Knows::default() }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = Url::parse(&format!("http://{}/realm", listener.local_addr().unwrap())).unwrap();
        let served = Served { knows: Arc::clone(&knows), issuer: issuer.clone() };
        let router = Router::new()
            .route("/realm/.well-known/openid-configuration", get(configuration))
            .route("/realm/keys", get(keys_of))
            .route("/realm/token", post(token))
            .with_state(served);
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { knows, issuer, _server: AbortOnDrop(server) }
    }

    pub(crate) fn openid(&self, email_hosts: &[&str]) -> OpenId {
        let provider = OpenIdProvider {
            name: "acme".to_owned(),
            issuer: self.issuer.clone(),
            client_id: CLIENT.to_owned(),
            client_secret: Secret::new(SECRET),
            redirect: Url::parse(REDIRECT).unwrap(),
            email_hosts: email_hosts.iter().map(|host| (*host).to_owned()).collect(),
        };
        let options = OpenIdOptions { allow_http: true, ..OpenIdOptions::default() };
        OpenId::new(vec![provider], options).unwrap()
    }

    /// The user signs in: what the provider gives the browser, `state` and code.
    pub(crate) fn sign_in(&self, authorization: &Url, claims: Value) -> (String, Secret) {
        let asked: HashMap<_, _> = authorization.query_pairs().into_owned().collect();
        assert_eq!(authorization.path(), "/realm/authorize");
        for (name, value) in [
            ("response_type", "code"),
            ("client_id", CLIENT),
            ("redirect_uri", REDIRECT),
            ("scope", "openid email"),
            ("code_challenge_method", "S256"),
        ] {
            assert_eq!(asked[name], value);
        }
        let mut claims = claims;
        claims.as_object_mut().unwrap().entry("nonce").or_insert(json!(asked["nonce"]));
        let code = store::new_id("code");
        self.knows.lock().codes.insert(code.clone(), (claims, asked["code_challenge"].clone()));
        (asked["state"].clone(), Secret::new(&code))
    }
}

async fn configuration(State(served): State<Served>) -> Json<Value> {
    let knows = served.knows.lock();
    let issuer = served.issuer.as_str();
    let methods =
        if knows.post_only { json!(["client_secret_post"]) } else { json!(["client_secret_basic"]) };
    Json(json!({
        "issuer": knows.says_issuer.as_deref().unwrap_or(issuer),
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
        "token_endpoint_auth_methods_supported": methods,
    }))
}

async fn keys_of(State(served): State<Served>) -> Json<Value> {
    let mut knows = served.knows.lock();
    knows.keys_fetched += 1;
    let public = |(id, key): &(String, EncodingKey)| {
        let mut jwk = Jwk::from_encoding_key(key, Algorithm::ES256).unwrap();
        jwk.common.key_id = Some(id.clone());
        serde_json::to_value(jwk).unwrap()
    };
    Json(json!({ "keys": knows.keys.iter().map(public).collect::<Vec<_>>() }))
}

async fn token(
    State(served): State<Served>,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> Result<Json<Value>, StatusCode> {
    let mut knows = served.knows.lock();
    let basic = format!("Basic {}", STANDARD.encode_to_string("tandem+client:se%2Fcret"));
    let shown = headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
    let in_form = form.get("client_id").zip(form.get("client_secret"));
    let known = if knows.post_only {
        shown.is_none() && in_form == Some((&CLIENT.to_owned(), &SECRET.to_owned()))
    } else {
        shown == Some(basic) && in_form.is_none()
    };
    if !known || form["grant_type"] != "authorization_code" || form["redirect_uri"] != REDIRECT {
        return Err(StatusCode::UNAUTHORIZED);
    }
    let (claims, challenge) = knows.codes.remove(&form["code"]).ok_or(StatusCode::BAD_REQUEST)?;
    if URL_SAFE_NO_PAD.encode_to_string(Sha256::digest(&form["code_verifier"])) != challenge {
        return Err(StatusCode::BAD_REQUEST);
    }
    if let Some(forged) = &knows.forged {
        return Ok(Json(json!({ "id_token": forged })));
    }
    let (id, key) = knows.keys.last().unwrap();
    let mut header = Header::new(Algorithm::ES256);
    header.kid = Some(id.clone());
    let id_token = encode(&header, &claims, key).unwrap();
    Ok(Json(json!({ "id_token": id_token, "access_token": "unused", "token_type": "Bearer" })))
}
