//! The vectors, and what they leave out.

use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn vectors() -> Vec<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/vectors/shopify_hmac.json");
    let vectors: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    vectors["cases"].as_array().unwrap().clone()
}

fn secrets(case: &Value) -> Secrets {
    let all: Vec<Secret> = case["secrets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|secret| Secret::new(secret.as_str().unwrap()))
        .collect();
    Secrets { current: all[0].clone(), previous: all.get(1).cloned() }
}

fn headers(given: &Value) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    given.as_object().unwrap().iter().map(|(name, value)| (name.to_lowercase(), text(value))).collect()
}

fn check(case: &Value, headers: &BTreeMap<String, String>) -> Result<Verified, ShopifyError> {
    let header = |name: &str| headers.get(name).map(String::as_str);
    verify(header, case["raw_body"].as_str().unwrap().as_bytes(), &secrets(case))
}

/// The fields as the vendor's library names them.
fn told(verified: &Verified) -> Value {
    let mut told = json!({
        "webhookType": match verified.set { HeaderSet::Events => "events", HeaderSet::Webhooks => "webhooks" },
        "topic": verified.topic.to_uppercase().replace('/', "_"),
        "rawTopic": verified.topic,
        "domain": verified.shop.as_str(),
        "apiVersion": verified.api_version,
        "webhookId": verified.webhook_id,
    });
    let optional = [
        ("eventId", &verified.event_id),
        ("triggeredAt", &verified.triggered_at),
        ("name", &verified.name),
        ("subTopic", &verified.sub_topic),
        ("handle", &verified.handle),
        ("action", &verified.action),
        ("resourceId", &verified.resource_id),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            told[name] = value.as_str().into();
        }
    }
    told
}

#[test]
fn webhooks_are_taken_and_refused_as_in_the_vectors() {
    let mut checked = 0;
    for case in vectors().iter().filter(|case| case["op"] == "webhook") {
        let id = &case["id"];
        checked += 1;
        let result = check(case, &headers(&case["headers"]));
        match case["expect"]["reason"].as_str() {
            None => assert_eq!(told(&result.unwrap()), case["expect"]["fields"], "{id}"),
            Some("invalid_hmac") => assert_eq!(result, Err(ShopifyError::WrongSignature), "{id}"),
            Some("missing_hmac") => assert_eq!(result, Err(ShopifyError::NoSignature), "{id}"),
            Some("missing_headers") => {
                assert_eq!(result, Err(ShopifyError::MissingHeaders(vec!["topic"])), "{id}");
            }
            Some(other) => panic!("{id}: {other}"),
        }
    }
    assert_eq!(checked, 20);
}

fn case(id: &str) -> Value {
    vectors().into_iter().find(|case| case["id"] == id).unwrap()
}

#[test]
fn the_newer_set_decides_alone_even_when_it_is_wrong() {
    let case = case("evt-preferred-over-std");
    let mut headers = headers(&case["headers"]);
    assert_eq!(check(&case, &headers).unwrap().topic, "products/update");
    headers.insert("shopify-hmac-sha256".to_owned(), "AAAA".to_owned());
    assert_eq!(check(&case, &headers), Err(ShopifyError::WrongSignature));
    headers.insert("shopify-hmac-sha256".to_owned(), String::new());
    assert_eq!(check(&case, &headers), Err(ShopifyError::NoSignature));
    headers.remove("shopify-hmac-sha256");
    assert_eq!(check(&case, &headers).unwrap().topic, "orders/create");
}

#[test]
fn fields_of_the_two_sets_are_not_mixed() {
    let case = case("evt-preferred-over-std");
    let mut headers = headers(&case["headers"]);
    headers.remove("shopify-event-id");
    assert_eq!(check(&case, &headers), Err(ShopifyError::MissingHeaders(vec!["event-id"])));
}

#[test]
fn an_empty_body_and_a_strange_shop_are_refused() {
    let mut empty = case("std-order");
    empty["raw_body"] = "".into();
    let headers = headers(&empty["headers"]);
    assert_eq!(check(&empty, &headers), Err(ShopifyError::EmptyBody));
    let order = case("std-order");
    let mut elsewhere = headers;
    elsewhere.insert("x-shopify-shop-domain".to_owned(), "evil.example.test".to_owned());
    assert_eq!(check(&order, &elsewhere), Err(ShopifyError::ShopDomain));
    assert_eq!((ShopifyError::WrongSignature.status(), ShopifyError::NoSignature.status()), (401, 400));
}

#[test]
fn a_shop_is_a_name_below_myshopify() {
    let shop: ShopDomain = "Tandem-Test.myshopify.com".parse().unwrap();
    assert_eq!(shop.as_str(), "tandem-test.myshopify.com");
    let long = format!("{}.myshopify.com", "a".repeat(64));
    for wrong in [
        "",
        ".myshopify.com",
        "-a.myshopify.com",
        "a.b.myshopify.com",
        "a.myshopify.com.evil.test",
        "a.myshopify.com/",
        "é.myshopify.com",
        &long,
    ] {
        assert!(wrong.parse::<ShopDomain>().is_err(), "{wrong}");
    }
}

proptest! {
    #[test]
    fn no_header_and_no_body_is_a_panic(values in proptest::collection::vec(".{0,50}", 12), body: Vec<u8>) {
        let names = ["hmac-sha256", "topic", "shop-domain", "api-version", "webhook-id", "event-id"];
        let names: Vec<String> =
            names.iter().flat_map(|name| [format!("shopify-{name}"), format!("x-shopify-{name}")]).collect();
        let header = |name: &str| names.iter().position(|known| known == name).map(|at| values[at].as_str());
        let secrets = Secrets { current: Secret::new("a"), previous: Some(Secret::new("b")) };
        prop_assert!(verify(header, &body, &secrets).is_err());
    }
}
