//! One-time passwords by time (RFC 6238): HMAC-SHA-1, 30 s, six digits, which is what every authenticator app takes.
//! Pure: time is given in, in unix microseconds.

use engine::provider::Secret;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Length of a step, in seconds (RFC 6238, section 5.2).
const STEP_S: i64 = 30;
/// Steps before and after the present one whose code is good: clocks differ, people type (RFC 6238, section 5.2, recommends one).
const WINDOW: i64 = 1;
/// Digits of a code.
const DIGITS: u32 = 6;
/// Bytes of a secret: as long as the hash (RFC 4226, section 4, R6).
const SECRET_BYTES: usize = 20;
/// RFC 4648, section 6.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A new secret, as text that an authenticator app takes: base 32 without padding.
#[must_use]
pub fn new_secret() -> Secret {
    let bytes = Zeroizing::new(rand::random::<[u8; SECRET_BYTES]>());
    Secret::new(&base32(bytes.as_slice()))
}

/// The address that an authenticator app reads from a QR code.
#[must_use]
pub fn address(issuer: &str, email: &str, secret: &Secret) -> Secret {
    let mut url = String::from("otpauth://totp/");
    let quoted = |text: &str| {
        url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
    };
    url.push_str(&format!(
        "{0}:{1}?secret={2}&issuer={0}&algorithm=SHA1&digits={DIGITS}&period={STEP_S}",
        quoted(issuer),
        quoted(email),
        secret.reveal(),
    ));
    Secret::new(&url)
}

/// The step whose code this is, if it is good at `now` and later than `last_used`: a code is good once (RFC 6238,
/// section 5.2). Takes the same time for every code.
#[must_use]
pub fn accepted_step(secret: &Secret, code: &str, now: i64, last_used: Option<i64>) -> Option<i64> {
    let key = Zeroizing::new(from_base32(secret.reveal())?);
    let present = now.div_euclid(STEP_S * 1_000_000);
    let mut accepted = None;
    for step in present - WINDOW..=present + WINDOW {
        let good = hotp(&key, step.max(0).unsigned_abs(), DIGITS);
        let is_good = bool::from(good.as_bytes().ct_eq(code.as_bytes()));
        if is_good && last_used.is_none_or(|last| step > last) {
            accepted = Some(step);
        }
    }
    accepted
}

/// The code of a counter (RFC 4226, section 5.3).
fn hotp(key: &[u8], counter: u64, digits: u32) -> String {
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    let mac = Hmac::<Sha1>::new_from_slice(key).expect("a key of any length");
    let hash = mac.chain_update(counter.to_be_bytes()).finalize().into_bytes();
    let offset = usize::from(hash[19] & 15);
    let number = u32::from_be_bytes([hash[offset], hash[offset + 1], hash[offset + 2], hash[offset + 3]])
        & 0x7fff_ffff;
    let width = usize::try_from(digits).unwrap_or_default();
    format!("{:0width$}", number % 10_u32.pow(digits))
}

fn base32(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    let (mut bits, mut held) = (0_u32, 0_u32);
    for byte in bytes {
        bits = (bits << 8) | u32::from(*byte);
        held += 8;
        while held >= 5 {
            held -= 5;
            text.push(digit(bits >> held));
        }
        bits &= (1 << held) - 1;
    }
    if held > 0 {
        text.push(digit(bits << (5 - held)));
    }
    text
}

fn digit(value: u32) -> char {
    char::from(BASE32[usize::try_from(value & 31).unwrap_or_default()])
}

fn from_base32(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 5 / 8);
    let (mut bits, mut held) = (0_u32, 0_u32);
    for letter in text.bytes() {
        let value = BASE32.iter().position(|digit| *digit == letter.to_ascii_uppercase())?;
        bits = (bits << 5) | u32::try_from(value).ok()?;
        held += 5;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from((bits >> held) & 255).ok()?);
            bits &= (1 << held) - 1;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests;
