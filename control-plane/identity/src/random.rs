//! What must not be guessed, and how it is kept: as a hash.

use base64_simd::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// 32 random bytes of the operating system's generator, as 43 characters of `A-Z a-z 0-9 - _`.
#[must_use]
pub fn random_text() -> String {
    let bytes = Zeroizing::new(rand::random::<[u8; 32]>());
    URL_SAFE_NO_PAD.encode_to_string(bytes.as_slice())
}

/// SHA-256, lower-case hexadecimal. Enough for what is random; not for passwords.
#[must_use]
pub fn sha256_hex(text: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    Sha256::digest(text.as_bytes())
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}

/// Whether `hash` is that of `text`, in a time that does not depend on where they differ.
#[must_use]
pub fn is_hash_of(hash: &str, text: &str) -> bool {
    bool::from(hash.as_bytes().ct_eq(sha256_hex(text).as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_standard_one() {
        // FIPS 180-2, appendix B.1.
        assert_eq!(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert!(is_hash_of(&sha256_hex("abc"), "abc"));
        assert!(!is_hash_of(&sha256_hex("abc"), "abd"));
        assert!(!is_hash_of("", "abc"));
    }

    #[test]
    fn random_text_is_long_and_never_the_same() {
        assert_ne!(random_text(), random_text());
        assert_eq!(random_text().len(), 43);
    }
}
