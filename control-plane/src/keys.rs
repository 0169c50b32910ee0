//! What must not be guessed, and hashes.

use base64_simd::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// 32 random bytes, 43 characters of `A-Z a-z 0-9 - _`.
pub(crate) fn random_token() -> String {
    URL_SAFE_NO_PAD.encode_to_string(rand::random::<[u8; 32]>())
}

/// SHA-256, lower-case hexadecimal. Enough for what is random; not for passwords.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut hex, byte| {
        #[expect(clippy::expect_used, reason = "writing to a string cannot fail")]
        write!(hex, "{byte:02x}").expect("writing to a string cannot fail");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_standard_one() {
        // FIPS 180-2, appendix B.1.
        assert_eq!(sha256_hex(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
