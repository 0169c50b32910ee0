//! Codes for whoever lost the authenticator: ten, each good once, kept as hashes.

use crate::random::{is_hash_of, sha256_hex};
use engine::provider::Secret;

/// How many there are at first.
pub const CODES: usize = 10;
/// Random bytes of a code: too many to find it by its hash.
const BYTES: usize = 10;
/// Crockford's digits: none is taken for another.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// New codes, such as `5k2c-…-…-…`, and their hashes.
#[must_use]
pub fn new_codes() -> (Vec<Secret>, Vec<String>) {
    let codes: Vec<Secret> = (0..CODES).map(|_| code(rand::random())).collect();
    let hashes = codes.iter().map(|code| sha256_hex(&plain(code.reveal()))).collect();
    (codes, hashes)
}

/// The hashes without that of `code`; `None` if it is not among them.
#[must_use]
pub fn without(hashes: &[String], code: &str) -> Option<Vec<String>> {
    let code = plain(code);
    let rest: Vec<String> = hashes.iter().filter(|hash| !is_hash_of(hash, &code)).cloned().collect();
    (rest.len() < hashes.len()).then_some(rest)
}

/// Whether this looks like one of these codes rather than one of an authenticator's.
#[must_use]
pub fn looks_like_one(code: &str) -> bool {
    plain(code).len() == BYTES * 8 / 5
}

fn code(bytes: [u8; BYTES]) -> Secret {
    let mut bits = bytes.iter().fold(0_u128, |bits, byte| (bits << 8) | u128::from(*byte));
    let mut text = String::new();
    for place in 0..BYTES * 8 / 5 {
        if place > 0 && place % 4 == 0 {
            text.push('-');
        }
        text.push(char::from(DIGITS[usize::try_from(bits & 31).unwrap_or_default()]));
        bits >>= 5;
    }
    Secret::new(&text)
}

/// As it is hashed, however it was typed.
fn plain(code: &str) -> String {
    code.chars().filter(|char| !matches!(char, '-' | ' ')).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_good_once_however_it_is_typed() {
        let (codes, hashes) = new_codes();
        assert_eq!((codes.len(), hashes.len()), (CODES, CODES));
        let typed = codes[3].reveal().to_uppercase().replace('-', " ");
        assert!(looks_like_one(&typed));
        let rest = without(&hashes, &typed).unwrap();
        assert_eq!(rest.len(), CODES - 1);
        assert_eq!(without(&rest, &typed), None);
        assert!(without(&rest, codes[4].reveal()).is_some());
    }

    #[test]
    fn codes_are_long_and_never_the_same() {
        let (codes, _) = new_codes();
        assert_eq!(codes[0].reveal().len(), 19);
        assert_ne!(codes[0].reveal(), codes[1].reveal());
        assert!(!looks_like_one("123456"));
        assert_eq!(without(&[], ""), None);
    }
}
