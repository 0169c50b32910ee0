//! The carrier's own signatures, and what must not pass for one.

use super::*;
use proptest::{collection::vec, prelude::*};
use serde::Deserialize;
use std::{collections::HashMap, fs, path::Path};

#[derive(Deserialize)]
struct Vectors {
    count: usize,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    id: String,
    kind: String,
    secret: String,
    url: String,
    params: Option<Vec<(String, String)>>,
    raw_body: Option<String>,
    signature: String,
    signature_settings_header: Option<String>,
    expect_valid: bool,
}

fn vectors() -> Vectors {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/vectors/twilio_signature.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn account(secret: &str) -> SigningKeys {
    SigningKeys {
        tokens: vec![Secret::new(secret)],
        shared: HashMap::from([(
            "webhooks_sharedkey_00000000000000000000000000".to_owned(),
            Secret::new(secret),
        )]),
    }
}

#[test]
fn every_vector_of_the_carriers_own_library_is_judged_as_it_should_be() {
    let vectors = vectors();
    assert_eq!(vectors.cases.len(), vectors.count);
    for case in vectors.cases {
        let fields = case.params.unwrap_or_default();
        let body = case.raw_body.unwrap_or_default();
        // What a handler sees of a form is what it decodes from the body.
        if case.kind == "form" {
            let decoded: Vec<_> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
            assert_eq!(decoded, fields, "{}", case.id);
        }
        let body = match case.kind.as_str() {
            "form" => SignedBody::Form(&fields),
            "json" => SignedBody::Json(body.as_bytes()),
            "get" | "websocket" => SignedBody::None,
            other => panic!("unknown kind {other}"),
        };
        let request = SignedRequest {
            url: &case.url,
            body,
            signature: &case.signature,
            settings: case.signature_settings_header.as_deref(),
        };
        let judged = verify(&account(&case.secret), request);
        assert_eq!(judged.is_ok(), case.expect_valid, "{}: {judged:?}", case.id);
    }
}

const URL: &str = "https://voice.example.test/api/voice/incoming";

#[test]
fn the_previous_token_is_good_while_it_is_being_exchanged() {
    let signature = sign(&Secret::new("old"), Algorithm::Sha1, URL, "");
    let request =
        SignedRequest { url: URL, body: SignedBody::Form(&[]), signature: &signature, settings: None };
    let mut account = account("new");
    assert_eq!(verify(&account, request), Err(SignatureError::Mismatch));
    account.tokens.push(Secret::new("old"));
    assert_eq!(verify(&account, request), Ok(()));
}

#[test]
fn a_shared_key_must_be_known_and_its_algorithm_too() {
    let account = account("secret");
    let signature = sign(&account.tokens[0], Algorithm::Sha1, URL, "");
    let judge = |settings| {
        let request = SignedRequest {
            url: URL,
            body: SignedBody::None,
            signature: &signature,
            settings: Some(settings),
        };
        verify(&account, request)
    };
    assert_eq!(judge("key=another,algorithm=HMAC_SHA1"), Err(SignatureError::UnknownKey));
    assert_eq!(judge("algorithm=HMAC_SHA1"), Err(SignatureError::UnknownKey));
    let md5 = "key=webhooks_sharedkey_00000000000000000000000000,algorithm=HMAC_MD5";
    assert_eq!(judge(md5), Err(SignatureError::UnknownAlgorithm));
}

#[test]
fn a_json_body_without_its_hash_is_not_believed() {
    let account = account("secret");
    let signature = sign(&account.tokens[0], Algorithm::Sha1, URL, "");
    let request =
        SignedRequest { url: URL, body: SignedBody::Json(b"{}"), signature: &signature, settings: None };
    assert_eq!(verify(&account, request), Err(SignatureError::BodyHash));
}

proptest! {
    #[test]
    fn no_url_breaks_the_list_of_candidates(url in any::<String>(), host in "[a-z@:\\[\\]./?#]{0,20}") {
        for url in [url, format!("https://{host}"), format!("wss://{host}/")] {
            prop_assert!(!candidate_urls(&url).is_empty());
        }
    }

    #[test]
    fn the_order_of_fields_does_not_matter(
        fields in vec(("[A-Za-z]{1,4}", ".{0,6}"), 0..8).prop_flat_map(|fields| {
            (Just(fields.clone()), Just(fields).prop_shuffle())
        }),
    ) {
        prop_assert_eq!(signed_fields(SignedBody::Form(&fields.0)), signed_fields(SignedBody::Form(&fields.1)));
    }
}
