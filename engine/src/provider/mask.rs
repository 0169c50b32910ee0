//! Takes a credential out of what others say. Pure.
//!
//! Services repeat what they were sent: as it was, escaped in their own JSON, or with the header that carried it, which for HTTP
//! Basic is base64. What is left of it must be of no use.

use super::Secret;
use base64_simd::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use url::form_urlencoded::byte_serialize;

/// What stands in place of a credential.
const MASK: &str = "(credential)";
/// So many bytes of a credential in a row are taken out even if the rest of it was cut off, and shorter credentials are looked for as
/// they are only: their encodings may be words of the text.
const PIECE: usize = 8;

/// `text` without the credential, in whatever form it stands there.
#[must_use]
pub fn masked(text: &str, secret: &Secret) -> String {
    let secret = secret.reveal();
    let mut text = text.to_owned();
    for form in forms(secret) {
        if text.contains(&form) {
            text = text.replace(&form, MASK);
        }
    }
    // A message that was cut off in the middle of it.
    let beginnings = (PIECE..secret.len()).rev().filter_map(|length| secret.get(..length));
    if let Some(beginning) = beginnings.into_iter().find(|beginning| text.ends_with(beginning)) {
        text.truncate(text.len() - beginning.len());
        text.push_str(MASK);
    }
    text
}

fn forms(secret: &str) -> Vec<String> {
    if secret.is_empty() {
        return Vec::new();
    }
    let mut forms = vec![secret.to_owned()];
    if secret.len() < PIECE {
        return forms;
    }
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    forms.push(hex.to_uppercase());
    forms.push(hex);
    forms.push(byte_serialize(secret.as_bytes()).collect());
    let quoted = serde_json::Value::from(secret).to_string();
    forms.push(quoted[1..quoted.len() - 1].to_owned());
    for before in 0..3 {
        let padded = [&vec![0; before], secret.as_bytes()].concat();
        // The digits that hold nothing of what stands before and after it.
        let digits = (before * 8).div_ceil(6)..padded.len() * 8 / 6;
        forms.push(STANDARD_NO_PAD.encode_to_string(&padded)[digits.clone()].to_owned());
        forms.push(URL_SAFE_NO_PAD.encode_to_string(&padded)[digits].to_owned());
    }
    forms
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_credential_is_taken_out_in_every_form() {
        let text = "sk-fake/1+2\"3=";
        let secret = Secret::new(text);
        let basic = STANDARD_NO_PAD.encode_to_string(format!("AC1:{text}"));
        let hex: String = text.bytes().map(|byte| format!("{byte:02X}")).collect();
        for (said, left) in [
            (format!("the key {text} is not good"), "the key (credential) is not good".to_owned()),
            ("key=sk-fake%2F1%2B2%223%3D&x".to_owned(), "key=(credential)&x".to_owned()),
            (r#"{"key":"sk-fake/1+2\"3="}"#.to_owned(), r#"{"key":"(credential)"}"#.to_owned()),
            (format!("0x{hex}."), "0x(credential).".to_owned()),
            (format!("so far: {}", &text[..9]), "so far: (credential)".to_owned()),
        ] {
            assert_eq!(masked(&said, &secret), left);
        }
        let left = masked(&format!("authorization: Basic {basic}"), &secret);
        assert!(
            left.starts_with("authorization: Basic ") && left.contains(MASK) && left.len() < 45,
            "{left}"
        );
        assert_eq!(masked("nothing of it", &secret), "nothing of it");
        assert_eq!(masked("a text", &Secret::new("")), "a text");
        assert_eq!(masked("eHg and xx", &Secret::new("xx")), "eHg and (credential)");
    }

    proptest! {
        #[test]
        fn whatever_the_credential_nothing_of_it_is_left(
            secret in "[!-~]{12,40}", before in "[ -~]{0,20}", after in "[ -~]{0,20}",
        ) {
            let mask = Secret::new(&secret);
            let encoded = STANDARD_NO_PAD.encode_to_string(format!("{before}{secret}{after}"));
            let middle = STANDARD_NO_PAD.encode_to_string(&secret.as_bytes()[3..9]);
            if before.len() % 3 == 0 {
                prop_assert!(encoded.contains(&middle));
                prop_assert!(!masked(&encoded, &mask).contains(&middle));
            }
            let shown = masked(&format!("{before}{secret}{after}"), &mask);
            prop_assert!(!shown.contains(&secret));
        }
    }
}
