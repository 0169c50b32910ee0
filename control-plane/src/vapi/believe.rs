//! Whether a webhook shows the secret of an account: as a bearer token, in `X-Vapi-Secret`, or by a signature over its body.

use crate::directory::Account;
use axum::http::HeaderMap;
use engine::provider::Secret;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// The secret's name in an account.
const SECRET: &str = "webhook_secret";

pub(super) fn shows_secret(account: &Account, headers: &HeaderMap, body: &[u8]) -> bool {
    let Some(secret) = account.secrets.get(SECRET) else { return false };
    [Some(&secret.current), secret.previous.as_ref()]
        .into_iter()
        .flatten()
        .any(|secret| shows(secret, headers, body))
}

fn shows(secret: &Secret, headers: &HeaderMap, body: &[u8]) -> bool {
    // Everybody could show nothing.
    if secret.reveal().is_empty() {
        return false;
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let is_it = |shown: &str| bool::from(shown.as_bytes().ct_eq(secret.reveal().as_bytes()));
    let bearer = text("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let signature = text("x-vapi-signature").or_else(|| text("x-signature"));
    bearer.is_some_and(is_it)
        || text("x-vapi-secret").is_some_and(is_it)
        || signature.is_some_and(|signature| is_signed(secret, signature, body))
}

/// HMAC-SHA256 over the body, in hexadecimal, with or without `sha256=` before it.
fn is_signed(secret: &Secret, signature: &str, body: &[u8]) -> bool {
    let digits = signature.strip_prefix("sha256=").unwrap_or(signature);
    let mut bytes = Vec::with_capacity(digits.len() / 2);
    for pair in digits.as_bytes().chunks(2) {
        let digits = std::str::from_utf8(pair).ok().filter(|digits| digits.len() == 2);
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => bytes.push(byte),
            None => return false,
        }
    }
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.reveal().as_bytes()) else { return false };
    mac.update(body);
    // Compared in constant time.
    mac.verify_slice(&bytes).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderName;
    use proptest::prelude::*;

    fn shown(name: &str, value: &str) -> bool {
        let headers = [(name.parse::<HeaderName>().unwrap(), value.parse().unwrap())].into_iter().collect();
        shows(&Secret::new("key"), &headers, b"The quick brown fox jumps over the lazy dog")
    }

    #[test]
    fn a_secret_is_shown_in_one_of_three_ways() {
        assert!(shown("authorization", "Bearer key") && !shown("authorization", "Bearer kex"));
        assert!(!shown("authorization", "key"));
        assert!(shown("x-vapi-secret", "key") && !shown("x-vapi-secret", ""));
        // The usual example of HMAC-SHA256.
        let signature = "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8";
        assert!(shown("x-signature", signature) && shown("x-vapi-signature", &format!("sha256={signature}")));
        assert!(!shown("x-signature", &signature.replace('f', "0")));
        assert!(!shown("x-signature", "f7"));
        assert!(!shows(&Secret::new(""), &HeaderMap::new(), b""));
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(text in "[ -~]{0,80}") {
            let is_shown = shown("x-signature", &text) || shown("authorization", &text);
            prop_assert!(!is_shown);
        }
    }
}
