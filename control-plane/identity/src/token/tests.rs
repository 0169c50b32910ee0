use super::*;
use base64_simd::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use serde_json::{Value, json};

const NOW: i64 = 1_780_000_000_000_000;
const LIFE: Duration = Duration::from_mins(15);
const ISSUER: &str = "https://calls.example.com";

fn key(id: &str) -> SigningKey {
    SigningKey::derived(id, id.as_bytes())
}

fn tokens() -> Tokens {
    Tokens::new(ISSUER, key("now"), vec![key("before")])
}

fn access(tokens: &Tokens) -> (UserId, SessionId, String) {
    let (user, session) = (UserId::generate(), SessionId::generate());
    let token = tokens.access(&user, &session, NOW, LIFE).unwrap().token;
    (user, session, token)
}

fn claims() -> Value {
    let now = NOW / SECOND_US;
    json!({
        "iss": ISSUER, "aud": "tandem:api", "sub": UserId::generate(), "sid": SessionId::generate(),
        "iat": now, "nbf": now, "exp": now + 900, "jti": "1",
    })
}

fn signed(algorithm: Algorithm, kid: &str, claims: &Value, secret: &[u8]) -> String {
    let mut header = Header::new(algorithm);
    header.kid = Some(kid.to_owned());
    encode(&header, claims, &EncodingKey::from_secret(secret)).unwrap()
}

#[test]
fn a_token_says_whom_it_speaks_for() {
    let tokens = tokens();
    let (user, session, token) = access(&tokens);
    let claims = tokens.verify_access(&token, NOW).unwrap();
    assert_eq!((claims.user, claims.session), (user, session));
    assert_eq!(claims.expires_at, NOW + 900 * SECOND_US);
}

#[test]
fn a_token_is_good_for_its_life_alone() {
    let tokens = tokens();
    let (_, _, token) = access(&tokens);
    let at = |seconds: i64| tokens.verify_access(&token, NOW + seconds * SECOND_US);
    assert!(at(899).is_ok());
    assert!(matches!(at(900), Err(TokenError::Expired)));
    assert!(at(-CLOCK_SKEW_S).is_ok());
    assert!(matches!(at(-CLOCK_SKEW_S - 1), Err(TokenError::Early)));
}

#[test]
fn a_token_is_good_for_its_purpose_alone() {
    let tokens = tokens();
    let (_, _, access) = access(&tokens);
    assert!(matches!(tokens.verify(Purpose::SecondFactor, &access, NOW), Err(TokenError::Foreign)));
    let user = UserId::generate();
    let step = tokens.issue(Purpose::SecondFactor, user.as_str(), NOW, LIFE).unwrap().token;
    assert!(matches!(tokens.verify_access(&step, NOW), Err(TokenError::Foreign)));
    assert!(matches!(tokens.verify(Purpose::OpenId, &step, NOW), Err(TokenError::Foreign)));
    assert_eq!(tokens.verify(Purpose::SecondFactor, &step, NOW).unwrap().subject, user.as_str());
}

#[test]
fn tokens_outlive_the_exchange_of_keys_until_the_old_key_is_taken_away() {
    let (_, _, token) = access(&Tokens::new(ISSUER, key("before"), Vec::new()));
    assert!(tokens().verify_access(&token, NOW).is_ok());
    let without = Tokens::new(ISSUER, key("now"), Vec::new());
    assert!(matches!(without.verify_access(&token, NOW), Err(TokenError::Foreign)));
}

#[test]
fn a_key_of_the_same_name_with_another_root_signs_nothing_for_us() {
    let impostor = Tokens::new(ISSUER, SigningKey::derived("now", b"another root"), Vec::new());
    let (_, _, token) = access(&impostor);
    assert!(matches!(tokens().verify_access(&token, NOW), Err(TokenError::Foreign)));
}

#[test]
fn another_issuers_token_is_refused() {
    let other = Tokens::new("https://other.example.com", key("now"), Vec::new());
    let (_, _, token) = access(&other);
    assert!(matches!(tokens().verify_access(&token, NOW), Err(TokenError::Foreign)));
}

#[test]
fn the_token_does_not_choose_the_algorithm() {
    let tokens = tokens();
    let secret = &*tokens.active.secret;
    assert!(tokens.verify_access(&signed(Algorithm::HS256, "now", &claims(), secret), NOW).is_ok());
    for algorithm in [Algorithm::HS384, Algorithm::HS512] {
        let token = signed(algorithm, "now", &claims(), secret);
        assert!(matches!(tokens.verify_access(&token, NOW), Err(TokenError::Foreign)), "{algorithm:?}");
    }
    let encoded = |json: &Value| URL_SAFE_NO_PAD.encode_to_string(json.to_string());
    for algorithm in ["none", "None", "RS256"] {
        let header = encoded(&json!({ "alg": algorithm, "kid": "now", "typ": "JWT" }));
        let unsigned = format!("{header}.{}.", encoded(&claims()));
        assert!(matches!(tokens.verify_access(&unsigned, NOW), Err(TokenError::Foreign)), "{algorithm}");
    }
}

#[test]
fn a_token_without_one_of_its_claims_is_refused() {
    let tokens = tokens();
    for claim in ["iss", "aud", "sub", "sid", "iat", "nbf", "exp", "jti"] {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove(claim);
        let token = signed(Algorithm::HS256, "now", &claims, &*tokens.active.secret);
        assert!(matches!(tokens.verify_access(&token, NOW), Err(TokenError::Foreign)), "{claim}");
    }
}

#[test]
fn a_secret_follows_from_the_token_and_the_label() {
    let tokens = tokens();
    let issue = || tokens.issue(Purpose::OpenId, "provider", NOW, LIFE).unwrap().token;
    let (one, two) = (issue(), issue());
    let verified = |token: &str| tokens.verify(Purpose::OpenId, token, NOW).unwrap();
    let secret = tokens.secret_of(&verified(&one), "nonce");
    assert_eq!(secret, tokens.secret_of(&verified(&one), "nonce"));
    assert_ne!(secret, tokens.secret_of(&verified(&one), "verifier"));
    assert_ne!(secret, tokens.secret_of(&verified(&two), "nonce"));
}

#[test]
fn neither_keys_nor_tokens_are_printed() {
    let tokens = tokens();
    let issued = tokens.issue(Purpose::OpenId, "provider", NOW, LIFE).unwrap();
    assert!(!format!("{issued:?}").contains(&issued.token));
    let hex = format!("{:?}", &*tokens.active.secret);
    assert!(!format!("{tokens:?} {:?}", tokens.active).contains(&hex));
}

proptest! {
    #[test]
    fn a_changed_token_is_refused(at in 0_usize..600, to in proptest::char::range('0', 'z')) {
        let tokens = tokens();
        let (_, _, token) = access(&tokens);
        let mut letters: Vec<char> = token.chars().collect();
        let at = at % letters.len();
        prop_assume!(letters[at] != to);
        // The last letter of a signature holds two bits that do not count.
        prop_assume!(at != letters.len() - 1);
        letters[at] = to;
        let changed: String = letters.into_iter().collect();
        prop_assert!(tokens.verify_access(&changed, NOW).is_err());
    }

    #[test]
    fn no_text_makes_verifying_panic(text in "\\PC*") {
        prop_assert!(tokens().verify_access(&text, NOW).is_err());
    }
}
