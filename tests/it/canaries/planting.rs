//! Puts a secret into every credential that the REST API takes, and has every credential made that the program makes.

use super::house::{Answer, As, House, after_hint};
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::Method;
use serde_json::{Value, json};
use sha1::Sha1;
use std::time::{Duration, Instant, SystemTime};

const PATIENCE: Duration = Duration::from_secs(30);

/// A number of the tenant whose accounts are stored.
pub(super) const STORED_NUMBER: &str = "+15550111";

/// What is there once everything is planted.
pub(super) struct Planted {
    /// Somebody who runs the platform.
    pub(super) admin: As,
    /// The tenants that were made.
    pub(super) tenants: Vec<String>,
    /// The one whose accounts are stored: its account at the carrier, and its token.
    pub(super) stored: (String, String),
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no {pointer} in {value}"))
}

/// What comes after the last full stop: the secret of an invitation, and the signature of a JWT. Before it stand ids, or what can be
/// told by whoever knows whom it is about.
fn last_part(token: &str) -> &str {
    token.rsplit_once('.').unwrap().1
}

pub(super) async fn everything(house: &House) -> Planted {
    let (admin, admin_email) = admin(house).await;
    let mut tenants = Vec::new();
    for slug in ["bringer", "subaccount", "stored"] {
        let new = json!({ "name": slug, "slug": slug });
        let made = house.done(&admin, Method::POST, "/v1/tenants", new).await;
        tenants.push(text(&made.json, "/id").to_owned());
    }
    provisioned(house, &admin, &tenants[0], &tenants[1]).await;
    let own = admin.of(&tenants[2]);
    let stored = accounts(house, &own, &tenants[2]).await;
    assistants(house, &own).await;
    keys(house, &own).await;
    members(house, &own).await;
    endpoints(house, &own).await;
    softphone(house, &admin.of(&tenants[1])).await;
    openid(house).await;
    strangers(house, &own).await;
    one_time_passwords(house, &admin, &admin_email).await;
    Planted { admin, tenants, stored }
}

/// Somebody who runs the platform: invited, with a password, signed in.
async fn admin(house: &House) -> (As, String) {
    let email = "ann@example.com".to_owned();
    let (made, said) = house.run(&["admin", "create", "--email", &email, "--json"]);
    let made: Value =
        serde_json::from_slice(&made.stdout).unwrap_or_else(|error| panic!("{error}: {made:?}"));
    let token = text(&made, "/token").to_owned();
    house.shown_by_command(said, "the first invitation", last_part(&token));
    let nobody = As::default();
    let password = house.plant("AcceptForm.password");
    let foreign = house.plant("AcceptForm.token of nobody");
    let refused = json!({ "token": format!("inv_0.{foreign}"), "password": password });
    assert_eq!(house.post(&nobody, "/v1/auth/invitations/accept", refused).await.status, 401);
    house
        .done(
            &nobody,
            Method::POST,
            "/v1/auth/invitations/accept",
            json!({ "token": token, "password": password }),
        )
        .await;
    // A password of somewhere else, as people try them.
    let wrong = json!({ "email": email, "password": house.plant("SignInForm.password that is wrong") });
    assert_eq!(house.post(&nobody, "/v1/auth/sign-in", wrong).await.status, 401);
    let session = sign_in(house, &email, &password).await;
    let session = refreshed(house, &session).await;
    let admin = As::bearer(text(&session, "/access_token"));
    // With another password.
    let (current, next) =
        (house.plant("PasswordForm.current that is wrong"), house.plant("PasswordForm.password"));
    let wrong = json!({ "current": current, "password": next });
    let refused = house.post(&admin, "/v1/me/password", wrong).await;
    assert!((400..500).contains(&refused.status), "{}", refused.text);
    house.made("PasswordForm.current", &password);
    house
        .done(&admin, Method::POST, "/v1/me/password", json!({ "current": password, "password": next }))
        .await;
    (admin, email)
}

/// A session without a one-time password.
async fn sign_in(house: &House, email: &str, password: &str) -> Value {
    house.made("SignInForm.password", password);
    let proof = json!({ "email": email, "password": password });
    let answer = house.done(&As::default(), Method::POST, "/v1/auth/sign-in", proof).await;
    let session = answer.json["session"].clone();
    shown_session(house, &answer, &session, "of signing in");
    session
}

fn shown_session(house: &House, answer: &Answer, session: &Value, which: &str) {
    let (access, refresh) = (text(session, "/access_token"), text(session, "/refresh_token"));
    house.shown(answer, &format!("access token {which}"), last_part(access));
    house.shown(answer, &format!("refresh token {which}"), refresh.split_once('.').unwrap().1);
}

async fn refreshed(house: &House, session: &Value) -> Value {
    let nobody = As::default();
    let foreign = json!({ "refresh_token": house.plant("RefreshForm.refresh_token") });
    assert_eq!(house.post(&nobody, "/v1/auth/refresh", foreign).await.status, 401);
    let token = json!({ "refresh_token": text(session, "/refresh_token") });
    let answer = house.done(&nobody, Method::POST, "/v1/auth/refresh", token).await;
    shown_session(house, &answer, &answer.json, "of refreshing");
    answer.json.clone()
}

/// A tenant with an account that it brings, and one with a subaccount that is made for it.
async fn provisioned(house: &House, admin: &As, bringer: &str, made: &str) {
    let (sid, token) = house.account_at_carrier("OwnAccountForm.auth_token").await;
    let path = format!("/v1/tenants/{bringer}/provisioning");
    house.echo.carrier_refuses(true);
    let refused =
        json!({ "account": { "sid": sid, "auth_token": house.plant("OwnAccountForm.auth_token refused") } });
    let answer = house.post(&admin.of(bringer), &path, refused).await;
    assert!((400..500).contains(&answer.status), "{}", answer.text);
    house.echo.carrier_refuses(false);
    let account = json!({ "account": { "sid": sid, "auth_token": token } });
    let answer = house.done(&admin.of(bringer), Method::POST, &path, account).await;
    finished(house, &admin.of(bringer), text(&answer.json, "/id")).await;
    let path = format!("/v1/tenants/{made}/provisioning");
    let answer = house.done(&admin.of(made), Method::POST, &path, json!({})).await;
    finished(house, &admin.of(made), text(&answer.json, "/id")).await;
    // What the carrier made for them.
    let made = house.echo.made();
    let known = house.search();
    let new: Vec<_> = made.iter().filter(|secret| known.leaks(secret.as_bytes()).is_empty()).collect();
    assert!(new.len() >= 2, "a token and a key's secret");
    for (number, secret) in new.into_iter().enumerate() {
        house.made(&format!("secret {number} of the carrier's"), secret);
    }
}

async fn finished(house: &House, who: &As, job: &str) {
    let began = Instant::now();
    loop {
        let answer = house.get(who, &format!("/v1/jobs/{job}")).await;
        match text(&answer.json, "/status") {
            "done" => return,
            "failed" => panic!("{}", answer.text),
            _ => assert!(began.elapsed() < PATIENCE, "{}", answer.text),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Accounts at all providers, good ones and refused ones; gives the account at the carrier.
async fn accounts(house: &House, who: &As, tenant: &str) -> (String, String) {
    let (sid, token) = house.account_at_carrier("TwilioConfigChange.authToken").await;
    let key = json!({ "accountSid": sid, "authToken": token });
    house.done(who, Method::PUT, &format!("/v1/tenants/{tenant}/providers/twilio"), key).await;
    let refused = json!({
        "apiKey": "SK00000000000000000000000000000001", "apiSecret": house.plant("TwilioConfigChange.apiSecret"),
    });
    house.echo.carrier_refuses(true);
    for path in
        [format!("/v1/tenants/{tenant}/providers/twilio"), format!("/api/companies/{tenant}/twilio/config")]
    {
        let answer = house.ask(who, Method::PUT, &path, Some(refused.clone())).await;
        assert!((400..500).contains(&answer.status), "{}", answer.text);
    }
    house.echo.carrier_refuses(false);
    let list = house.get(who, "/v1/provider-accounts").await;
    let number = json!({ "e164": STORED_NUMBER, "account": text(&list.json, "/data/0/id"), "primary": true });
    house.done(who, Method::POST, "/v1/numbers", number).await;

    let new = |kind: &str, base: &str, secret: Value| json!({ "kind": kind, "name": kind, "secrets": { "api_key": secret }, "properties": { "base_url": base } });
    for (kind, place) in
        [("deepgram", "/kept"), ("anthropic", "/kept"), ("openai", "/kept/v1"), ("elevenlabs", "/sockets")]
    {
        let secret = house.plant(&format!("NewProviderAccount.secrets of {kind}"));
        let made = new(kind, &house.echo.at(place), secret.into());
        let made = house.done(who, Method::POST, "/v1/provider-accounts", made).await;
        let path = format!("/v1/provider-accounts/{}/secrets/api_key", text(&made.json, "/id"));
        let secret = house.plant(&format!("SecretForm.secret of {kind}"));
        house.done(who, Method::PUT, &path, json!({ "secret": secret })).await;
        // Not taken: refused, out of reach, of the wrong form.
        let wrong = house.plant(&format!("NewProviderAccount.secrets of {kind}, wrong"));
        let unknown = json!({
            "kind": kind, "name": "x", "secrets": { "api_key": format!("{wrong} {wrong}"), "other": wrong },
        });
        for refused in [
            new(kind, &house.echo.at("/strict"), json!(wrong)),
            new(kind, "http://127.0.0.1:1", json!(wrong)),
            new(kind, &house.echo.at("/kept"), json!([wrong])),
            new(kind, &house.echo.at("/kept"), json!({ "text": wrong })),
            unknown,
        ] {
            let answer = house.post(who, "/v1/provider-accounts", refused).await;
            assert!((400..=504).contains(&answer.status) && answer.status != 500, "{}", answer.text);
        }
        let broken = format!("{{\"kind\": \"{kind}\", \"secrets\": {{\"api_key\": \"{wrong}\",,}}}}");
        assert_eq!(house.raw(who, "/v1/provider-accounts", "application/json", broken).await.status, 400);
    }
    let (other, other_token) = house.account_at_carrier("NewProviderAccount.secrets of twilio").await;
    let shared = house.plant("NewProviderAccount.secrets shared key");
    let twilio = json!({
        "kind": "twilio", "name": "twilio", "sid": other,
        "secrets": { "auth_token": other_token, "webhooks_sharedkey_1": shared },
    });
    house.done(who, Method::POST, "/v1/provider-accounts", twilio).await;
    (sid, token)
}

async fn assistants(house: &House, who: &As) {
    let tool = |secret: Value| {
        json!({
            "name": "lookup_order", "kind": "http", "description": "Where an order is.", "signing_secret": secret,
            "url": house.echo.at("/tools/lookup_order"),
        })
    };
    let assistant = |secret: Value| json!({ "name": "Front desk", "config": { "tools": [tool(secret)] } });
    let made = assistant(house.plant("Tool.signing_secret").into());
    let made = house.done(who, Method::POST, "/v1/assistants", made).await;
    let path = format!("/v1/assistants/{}", text(&made.json, "/id"));
    let next = json!({ "config": { "tools": [tool(house.plant("Tool.signing_secret, another").into())] } });
    house.done(who, Method::PATCH, &path, next).await;
    for wrong in [
        json!([house.plant("Tool.signing_secret, wrong")]),
        json!(format!("{} ", house.plant("Tool.signing_secret, bad"))),
    ] {
        assert_eq!(house.post(who, "/v1/assistants", assistant(wrong)).await.status, 422);
    }
}

async fn keys(house: &House, who: &As) {
    let once = who.with("idempotency-key", "the-key");
    let answer = house.done(&once, Method::POST, "/v1/api-keys", json!({ "name": "Shop" })).await;
    house.shown(&answer, "an API key", after_hint(text(&answer.json, "/key")));
    let again = house.done(&once, Method::POST, "/v1/api-keys", json!({ "name": "Shop" })).await;
    assert!(again.json["key"].is_null(), "{}", again.text);
    let path = format!("/v1/api-keys/{}/rotate", text(&answer.json, "/id"));
    let once = who.with("idempotency-key", "the-exchange");
    let answer = house.done(&once, Method::POST, &path, json!({ "overlap_s": 60 })).await;
    house.shown(&answer, "an API key, exchanged", after_hint(text(&answer.json, "/key")));
    let again = house.post(&once, &path, json!({ "overlap_s": 60 })).await;
    assert!(again.json["key"].is_null(), "{}", again.text);
    // Used, and tried wrongly.
    house.get(&As::bearer(text(&answer.json, "/key")), "/v1/numbers").await;
}

async fn members(house: &House, who: &As) {
    let once = who.with("idempotency-key", "the-invitation");
    let invite = json!({ "email": "bob@example.com", "name": "Bob", "role": "viewer" });
    let invited = house.done(&once, Method::POST, "/v1/members", invite.clone()).await;
    house.shown(&invited, "an invitation", last_part(text(&invited.json, "/invitation/token")));
    house.done(&once, Method::POST, "/v1/members", invite).await;
    let path = format!("/v1/members/{}/invitation", text(&invited.json, "/id"));
    let again = house.done(who, Method::POST, &path, json!({})).await;
    let token = text(&again.json, "/invitation/token").to_owned();
    house.shown(&again, "an invitation, again", last_part(&token));
    let path = format!("/v1/users/{}/reset", text(&invited.json, "/user_id"));
    house.shown(&again, "AcceptForm.token", last_part(&token));
    let password = house.plant("AcceptForm.password of a member");
    let accept = json!({ "token": token, "password": password });
    house.done(&As::default(), Method::POST, "/v1/auth/invitations/accept", accept).await;
    let reset = house.done(&As { tenant: None, ..who.clone() }, Method::POST, &path, json!({})).await;
    house.shown(&reset, "a reset", last_part(text(&reset.json, "/token")));
}

/// Endpoints whose server fails and repeats what it was sent.
async fn endpoints(house: &House, who: &As) {
    let once = who.with("idempotency-key", "the-endpoint");
    let new = json!({ "name": "Shop", "url": house.echo.at("/customer/hook") });
    let made = house.done(&once, Method::POST, "/v1/webhook-endpoints", new.clone()).await;
    let secret = |answer: &Answer| text(&answer.json, "/secret").strip_prefix("whsec_").unwrap().to_owned();
    house.shown(&made, "an endpoint's secret", &secret(&made));
    house.done(&once, Method::POST, "/v1/webhook-endpoints", new).await;
    let path = format!("/v1/webhook-endpoints/{}", text(&made.json, "/id"));
    let next =
        house.done(who, Method::POST, &format!("{path}/rotate-secret"), json!({ "overlap_s": 600 })).await;
    house.shown(&next, "an endpoint's secret, exchanged", &secret(&next));
    house.done(who, Method::POST, &format!("{path}/test"), json!({})).await;
    let began = Instant::now();
    while house.echo.heard(&["/customer"]).is_empty() {
        assert!(began.elapsed() < PATIENCE, "no message is sent");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let within = house.plant("a password in an address");
    let new = json!({ "name": "Shop", "url": format!("https://ann:{within}@hooks.example.com/") });
    assert_eq!(house.post(who, "/v1/webhook-endpoints", new).await.status, 422);
}

async fn softphone(house: &House, who: &As) {
    let answer = house.done(who, Method::POST, "/v1/softphone/token", json!({})).await;
    house.shown(&answer, "a softphone's token", last_part(text(&answer.json, "/token")));
}

/// The provider is out of reach, and somebody comes back with a code nevertheless.
async fn openid(house: &House) {
    let nobody = As::default();
    let started = house.get(&nobody, "/v1/auth/oidc/realm/start").await;
    assert!((400..=504).contains(&started.status) && started.status != 500, "{}", started.text);
    let (code, state) = (house.plant("a code of OpenID"), house.plant("a state of OpenID"));
    let flow = house.plant("a flow of OpenID");
    let back = nobody.with("cookie", format!("tandem_openid={flow}").as_str());
    let path = format!("/v1/auth/oidc/realm/callback?code={code}&state={state}");
    assert_eq!(house.get(&back, &path).await.status, 401);
}

/// Those who show what is no credential here, but may be one elsewhere.
async fn strangers(house: &House, who: &As) {
    for (which, begin) in [
        ("key", "tdm_live_"),
        ("test key", "tdm_test_"),
        ("token", "eyJhbGciOiJIUzI1NiJ9.e30."),
        ("word", ""),
    ] {
        let shown = format!("{begin}{}", house.plant(&format!("a bearer's {which}")));
        assert_eq!(house.get(&As::bearer(&shown), "/v1/numbers").await.status, 401);
    }
    let nobody = As::default();
    let basic = nobody.with("authorization", &format!("Basic {}", house.plant("a basic credential")));
    assert_eq!(house.get(&basic, "/v1/numbers").await.status, 401);
    let in_query = house.plant("a key in a query");
    house.get(who, &format!("/v1/numbers?api_key={in_query}")).await;
    house.get(&nobody, &format!("/nowhere/{in_query}?token={in_query}")).await;
    let vapi = nobody.with("authorization", &format!("Bearer {}", house.plant("a secret of Vapi")));
    let vapi = vapi.with("x-vapi-secret", &house.plant("another secret of Vapi"));
    house.post(&vapi, "/hooks/vapi", json!({ "message": { "type": "status-update" } })).await;
    // Webhooks: not signed by those whose they are, and signed.
    let (sid, token) = &house.own_account;
    let fields = |call: &'static str| {
        [
            ("AccountSid", sid.as_str()),
            ("CallSid", call),
            ("From", "+15550199"),
            ("To", super::house::OWN_NUMBER),
            ("CallStatus", "ringing"),
            ("Direction", "inbound"),
        ]
    };
    let wrong = house.plant("a token that signs nothing here");
    let refused =
        house.hook("/api/voice/incoming", &wrong, &fields("CA00000000000000000000000000000001")).await;
    assert_eq!(refused.status, 403, "{}", refused.text);
    let answer =
        house.hook("/api/voice/incoming", token, &fields("CA00000000000000000000000000000002")).await;
    let (_, rest) =
        answer.text.split_once("name=\"token\" value=\"").unwrap_or_else(|| panic!("{}", answer.text));
    house.shown(&answer, "a stream's token", rest.split_once('"').unwrap().0);
}

/// The last thing: from now on the admin needs codes to sign in.
async fn one_time_passwords(house: &House, admin: &As, email: &str) {
    let password = super::secret::text_for("PasswordForm.password");
    house.made("ProofForm.password", &password);
    let begun = house.done(admin, Method::POST, "/v1/me/totp", json!({ "password": password })).await;
    let secret = text(&begun.json, "/secret").to_owned();
    house.shown(&begun, "a secret of one-time passwords", &secret);
    let raw = from_base32(&secret);
    let code = totp(&raw, 0);
    house.code(&code);
    let confirmed = house.done(admin, Method::POST, "/v1/me/totp/confirm", json!({ "code": code })).await;
    let codes: Vec<_> = confirmed.json["recovery_codes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|code| code.as_str().unwrap())
        .collect();
    for (number, code) in codes.iter().enumerate() {
        house.shown(&confirmed, &format!("recovery code {number}"), code);
        house.made(&format!("recovery code {number} as one word"), &code.replace('-', ""));
    }
    let nobody = As::default();
    let proof = json!({ "email": email, "password": password });
    let second = async |code: &str, which: &str| {
        let asked = house.done(&nobody, Method::POST, "/v1/auth/sign-in", proof.clone()).await;
        let token = text(&asked.json, "/second_factor/token").to_owned();
        house.shown(&asked, &format!("SecondFactorForm.token {which}"), last_part(&token));
        let wrong = json!({ "token": token, "code": format!("{}-x", &codes[9][..codes[9].len() - 2]) });
        house.post(&nobody, "/v1/auth/totp", wrong).await;
        let answer =
            house.done(&nobody, Method::POST, "/v1/auth/totp", json!({ "token": token, "code": code })).await;
        shown_session(house, &answer, &answer.json, which);
    };
    let next = totp(&raw, 1);
    house.code(&next);
    second(&next, "of a code").await;
    second(codes[0], "of a recovery code").await;
    house.made("BothForm.password", &password);
    let remove = json!({ "password": password, "code": codes[1] });
    house.done(admin, Method::POST, "/v1/me/totp/remove", remove).await;
}

/// The code of RFC 6238 for now, or some steps later.
fn totp(secret: &[u8], later: u64) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let mac = Hmac::<Sha1>::new_from_slice(secret).unwrap().chain_update((now / 30 + later).to_be_bytes());
    let hash = mac.finalize().into_bytes();
    let offset = usize::from(hash[19] & 15);
    let word = u32::from_be_bytes(hash[offset..offset + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", word % 1_000_000)
}

fn from_base32(text: &str) -> Vec<u8> {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let (mut bytes, mut word, mut bits) = (Vec::new(), 0_u32, 0);
    for digit in text.chars() {
        word = word << 5 | DIGITS.find(digit).unwrap() as u32;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push((word >> bits & 255) as u8);
        }
    }
    bytes
}
