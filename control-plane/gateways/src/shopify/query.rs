//! The signature of a query: OAuth's and the app proxy's.

use super::mac;
use engine::provider::Secret;
use hmac::Mac;
use std::collections::BTreeMap;
use url::form_urlencoded::byte_serialize;

/// How far the query's `timestamp` and our clock may lie apart, in s (the vendor's library).
const TIMESTAMP_S: u64 = 90;

/// Who signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signer {
    /// Shopify itself, on the way through OAuth: parameter `hmac`.
    Admin,
    /// The app proxy: parameter `signature`.
    AppProxy,
}

/// Whether a query, decoded, is signed with the secret and not older or newer than 90 s. `now_s` is unix time.
#[must_use]
pub fn is_right(signer: Signer, query: &[(String, String)], secret: &Secret, now_s: i64) -> bool {
    let own = match signer {
        Signer::Admin => "hmac",
        Signer::AppProxy => "signature",
    };
    let value = |wanted: &str| query.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    let timestamp = value("timestamp").and_then(|text| text.parse::<i64>().ok());
    let in_time = timestamp.is_some_and(|at| at.abs_diff(now_s) <= TIMESTAMP_S);
    let Some(given) = value(own).and_then(from_hex) else { return false };
    let signed = match signer {
        Signer::Admin => admin(query),
        Signer::AppProxy => app_proxy(query),
    };
    mac(secret, signed.as_bytes()).verify_slice(&given).is_ok() && in_time
}

fn others(query: &[(String, String)]) -> BTreeMap<&str, Vec<&str>> {
    let mut values: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in query.iter().filter(|(name, _)| !matches!(name.as_str(), "hmac" | "signature")) {
        values.entry(name).or_default().push(value);
    }
    values
}

/// Sorted by name, encoded as in a query, joined with `&`.
fn admin(query: &[(String, String)]) -> String {
    let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let pairs = others(query).into_iter().flat_map(|(name, values)| {
        values
            .into_iter()
            .map(move |value| format!("{}={}", encoded(name), encoded(value)))
            .collect::<Vec<_>>()
    });
    pairs.collect::<Vec<_>>().join("&")
}

/// Sorted by name, as it is, joined with nothing; values of one name with a comma.
fn app_proxy(query: &[(String, String)]) -> String {
    others(query).into_iter().map(|(name, values)| format!("{name}={}", values.join(","))).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes = text.as_bytes();
    if bytes.len() != 64 {
        return None;
    }
    bytes.chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn queries_are_taken_and_refused_as_in_the_vectors() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/vectors/shopify_hmac.json");
        let vectors: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let mut checked = 0;
        for case in vectors["cases"].as_array().unwrap().iter().filter(|case| case["op"] == "query") {
            checked += 1;
            let mut query = Vec::new();
            for (name, value) in case["query"].as_object().unwrap() {
                let values = match value {
                    Value::Array(values) => values.clone(),
                    one => vec![one.clone()],
                };
                query.extend(values.iter().map(|value| (name.clone(), value.as_str().unwrap().to_owned())));
            }
            let signer = if case["category"] == "query-admin" { Signer::Admin } else { Signer::AppProxy };
            let secret = Secret::new(case["secrets"][0].as_str().unwrap());
            let now_s = case["now"].as_i64().unwrap();
            let right = is_right(signer, &query, &secret, now_s);
            assert_eq!(right, case["expect"]["valid"].as_bool().unwrap(), "{}", case["id"]);
            assert!(!is_right(signer, &query, &secret, now_s + 1_000), "{}: later", case["id"]);
        }
        assert_eq!(checked, 6);
    }
}
