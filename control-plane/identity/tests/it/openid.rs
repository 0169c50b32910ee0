use crate::{
    provider::{CLIENT, Provider, new_key},
    support::{House, NOW, SECOND, actor, client, elsewhere, house_with, secret},
};
use base64_simd::URL_SAFE_NO_PAD;
use engine::provider::Secret;
use identity::{
    IdentityError,
    openid::{OpenIdError, Returned, Started},
    sign_in::SignedIn,
};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use store::model::identity::{Role, UserStatus};

fn claims(provider: &Provider) -> Value {
    let now = NOW / SECOND;
    json!({
        "iss": provider.issuer.as_str(), "aud": CLIENT, "sub": "subject-1", "iat": now, "exp": now + 300,
        "email": "Carla@example.com", "email_verified": true,
    })
}

fn with(mut claims: Value, name: &str, value: Value) -> Value {
    claims[name] = value;
    claims
}

async fn begin(house: &House) -> Started {
    house.identity.begin_openid("acme", &client(), NOW).await.unwrap()
}

async fn finish(
    house: &House,
    started: &Started,
    state: &str,
    code: &Secret,
) -> Result<SignedIn, IdentityError> {
    let returned = Returned { flow: started.flow.reveal(), state, code };
    house.identity.finish_openid("acme", returned, &elsewhere(1), NOW).await
}

/// The whole way, with what the provider says.
async fn sign_in(house: &House, provider: &Provider, claims: Value) -> Result<SignedIn, IdentityError> {
    let started = begin(house).await;
    let (state, code) = provider.sign_in(&started.url, claims);
    finish(house, &started, &state, &code).await
}

async fn with_carla() -> (Provider, House) {
    let provider = Provider::start().await;
    let house = house_with(provider.openid(&[])).await;
    let tenant = house.tenant("one").await;
    house.person("carla@example.com", &tenant, Role::Operator).await;
    (provider, house)
}

#[tokio::test]
async fn somebody_whose_address_the_provider_has_verified_is_let_in() {
    for post_only in [false, true] {
        let (provider, house) = with_carla().await;
        provider.knows.lock().post_only = post_only;
        let SignedIn::Session(tokens) = sign_in(&house, &provider, claims(&provider)).await.unwrap() else {
            panic!()
        };
        let user = house.user(&tokens.user).await.value;
        assert_eq!(user.email, "carla@example.com");
        let subject = format!("{} subject-1", provider.issuer.as_str().trim_end_matches('/'));
        assert_eq!(user.openid_subject.as_deref(), Some(subject.as_str()));
        // The second time the subject alone decides, whatever the address is by now.
        let moved = with(claims(&provider), "email", json!("other@example.com"));
        let SignedIn::Session(again) = sign_in(&house, &provider, moved).await.unwrap() else { panic!() };
        assert_eq!(again.user, tokens.user);
    }
}

#[tokio::test]
async fn what_was_set_before_the_address_was_proved_proves_nothing_afterwards() {
    let (provider, house) = with_carla().await;
    let before = house.session("carla@example.com").await;
    sign_in(&house, &provider, claims(&provider)).await.unwrap();
    assert!(house.identity.authenticate(&before.access.token, NOW).await.is_err());
    let password = secret(crate::support::PASSWORD);
    let refused = house.identity.sign_in("carla@example.com", &password, &client(), NOW).await;
    assert!(matches!(refused, Err(IdentityError::Refused)));
}

#[tokio::test]
async fn an_address_that_is_not_verified_links_nobody() {
    let (provider, house) = with_carla().await;
    for said in [json!(false), json!("false"), Value::Null] {
        let refused = sign_in(&house, &provider, with(claims(&provider), "email_verified", said)).await;
        assert!(matches!(refused, Err(IdentityError::OpenId(OpenIdError::NoVerifiedEmail))), "{refused:?}");
    }
    let stranger = with(claims(&provider), "email", json!("stranger@example.com"));
    let refused = sign_in(&house, &provider, stranger).await;
    assert!(matches!(refused, Err(IdentityError::OpenId(OpenIdError::NoSuchUser))), "{refused:?}");
}

#[tokio::test]
async fn a_provider_vouches_for_its_hosts_alone() {
    let provider = Provider::start().await;
    let house = house_with(provider.openid(&["example.org"])).await;
    house.admin("carla@example.com").await;
    let refused = sign_in(&house, &provider, claims(&provider)).await;
    assert!(matches!(refused, Err(IdentityError::OpenId(OpenIdError::NoVerifiedEmail))), "{refused:?}");
}

#[tokio::test]
async fn a_user_who_is_linked_to_one_subject_is_not_linked_to_another() {
    let (provider, house) = with_carla().await;
    sign_in(&house, &provider, claims(&provider)).await.unwrap();
    let other = with(claims(&provider), "sub", json!("subject-2"));
    let refused = sign_in(&house, &provider, other).await;
    assert!(matches!(refused, Err(IdentityError::OpenId(OpenIdError::NoSuchUser))), "{refused:?}");
}

#[tokio::test]
async fn a_disabled_user_stays_out() {
    let (provider, house) = with_carla().await;
    let SignedIn::Session(tokens) = sign_in(&house, &provider, claims(&provider)).await.unwrap() else {
        panic!()
    };
    let disabled = house.identity.set_enabled(&tokens.user, false, &actor(), NOW).await.unwrap();
    assert_eq!(disabled.value.status, UserStatus::Disabled);
    let refused = sign_in(&house, &provider, claims(&provider)).await;
    assert!(matches!(refused, Err(IdentityError::Refused)), "{refused:?}");
}

#[tokio::test]
async fn a_token_that_does_not_say_what_it_must_is_not_believed() {
    let (provider, house) = with_carla().await;
    let now = NOW / SECOND;
    let wrong = [
        ("iss", json!("https://other.example.com")),
        ("aud", json!("somebody else")),
        ("aud", json!([CLIENT, "somebody else"])),
        ("azp", json!("somebody else")),
        ("exp", json!(now - 61)),
        ("iat", json!(now + 61)),
        ("nonce", json!("of another flow")),
        ("nonce", Value::Null),
        ("sub", json!("")),
        ("sub", json!("x".repeat(256))),
    ];
    for (name, value) in wrong {
        let refused = sign_in(&house, &provider, with(claims(&provider), name, value.clone())).await;
        assert!(
            matches!(refused, Err(IdentityError::OpenId(OpenIdError::IdToken(_)))),
            "{name} {value}: {refused:?}"
        );
    }
    for name in ["iss", "aud", "exp", "iat", "sub"] {
        let mut claims = claims(&provider);
        claims.as_object_mut().unwrap().remove(name);
        let refused = sign_in(&house, &provider, claims).await;
        assert!(matches!(refused, Err(IdentityError::OpenId(OpenIdError::IdToken(_)))), "{name}");
    }
}

#[tokio::test]
async fn neither_an_unsigned_token_nor_one_signed_with_what_is_public_is_believed() {
    let (provider, house) = with_carla().await;
    let encoded = |json: &Value| URL_SAFE_NO_PAD.encode_to_string(json.to_string());
    let unsigned =
        format!("{}.{}.", encoded(&json!({ "alg": "none", "kid": "one" })), encoded(&claims(&provider)));
    let public = EncodingKey::from_secret(b"what everybody knows");
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some("one".to_owned());
    let symmetric = encode(&header, &claims(&provider), &public).unwrap();
    let mut header = Header::new(Algorithm::ES256);
    header.kid = Some("one".to_owned());
    let other_key = encode(&header, &claims(&provider), &new_key()).unwrap();
    for forged in [unsigned, symmetric, other_key, "no token".to_owned()] {
        provider.knows.lock().forged = Some(forged.clone());
        let refused = sign_in(&house, &provider, claims(&provider)).await;
        assert!(
            matches!(refused, Err(IdentityError::OpenId(OpenIdError::IdToken(_)))),
            "{forged}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn keys_are_kept_and_fetched_again_when_the_provider_exchanges_them() {
    let (provider, house) = with_carla().await;
    sign_in(&house, &provider, claims(&provider)).await.unwrap();
    sign_in(&house, &provider, claims(&provider)).await.unwrap();
    assert_eq!(provider.knows.lock().keys_fetched, 1);
    provider.knows.lock().keys.push(("two".to_owned(), new_key()));
    // Not more than once a minute, so that tokens with invented keys make no flood.
    assert!(sign_in(&house, &provider, claims(&provider)).await.is_err());
    assert_eq!(provider.knows.lock().keys_fetched, 1);
    let started = begin(&house).await;
    let (state, code) = provider.sign_in(&started.url, claims(&provider));
    let returned = Returned { flow: started.flow.reveal(), state: &state, code: &code };
    house.identity.finish_openid("acme", returned, &elsewhere(1), NOW + 60 * SECOND).await.unwrap();
    assert_eq!(provider.knows.lock().keys_fetched, 2);
}

#[tokio::test]
async fn what_comes_back_belongs_to_what_was_begun() {
    let (provider, house) = with_carla().await;
    let (ours, theirs) = (begin(&house).await, begin(&house).await);
    let (our_state, our_code) = provider.sign_in(&ours.url, claims(&provider));
    let (their_state, their_code) = provider.sign_in(&theirs.url, claims(&provider));
    // Somebody is made to finish a sign-in that another has begun.
    let refused = finish(&house, &ours, &their_state, &their_code).await;
    assert!(matches!(refused, Err(IdentityError::Refused)));
    // A code of another flow does not fit the verifier.
    let refused = finish(&house, &ours, &our_state, &their_code).await;
    assert!(matches!(refused, Err(IdentityError::OpenId(OpenIdError::Status { status: 400, .. }))));
    finish(&house, &ours, &our_state, &our_code).await.unwrap();
    // A code is good once.
    assert!(finish(&house, &ours, &our_state, &our_code).await.is_err());

    let late = Returned { flow: theirs.flow.reveal(), state: &their_state, code: &their_code };
    let refused = house.identity.finish_openid("acme", late, &client(), NOW + 601 * SECOND).await;
    assert!(matches!(refused, Err(IdentityError::Refused)), "after ten minutes");
    let unknown = house.identity.begin_openid("other", &client(), NOW).await;
    assert!(matches!(unknown, Err(IdentityError::OpenId(OpenIdError::UnknownProvider))));
}

#[tokio::test]
async fn a_provider_that_says_it_is_another_is_not_asked() {
    let (provider, house) = with_carla().await;
    provider.knows.lock().says_issuer = Some("https://other.example.com".to_owned());
    let refused = house.identity.begin_openid("acme", &client(), NOW).await;
    assert!(matches!(refused, Err(IdentityError::OpenId(OpenIdError::Malformed { .. }))), "{refused:?}");
}
