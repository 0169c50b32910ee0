//! DKIM signatures (RFC 6376, and RFC 8463 for Ed25519), relaxed in headers and body.
//!
//! The signature covers every header that says who, to whom, about what and how it is answered, and that there is no second `From`.
//! Keys are RSA with 2,048 bits or more, or Ed25519. No large receiver checks the latter yet: sign with RSA.

use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair},
};
use base64_simd::STANDARD;
use engine::provider::Secret;
use rustls::pki_types::{PrivateKeyDer, pem::PemObject};
use sha2::{Digest, Sha256};
use std::fmt;
use url::Host;

/// What is signed, where it is there.
const SIGNED: [&str; 15] = [
    "from",
    "to",
    "cc",
    "reply-to",
    "subject",
    "date",
    "message-id",
    "in-reply-to",
    "references",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "auto-submitted",
];
/// Longest line of the signature that is written, in bytes.
const LINE: usize = 76;

/// Why a key does not sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DkimError {
    /// Not PEM with a private key.
    #[error("the DKIM key is no private key in PEM")]
    Pem,
    /// Neither RSA with 2,048 to 8,192 bits nor Ed25519.
    #[error("the DKIM key must be RSA with at least 2048 bits, or Ed25519")]
    Kind,
    /// No name that can stand in the DNS.
    #[error("the DKIM domain and selector must be names of the DNS")]
    Name,
    /// The library did not sign.
    #[error("signing failed")]
    Sign,
}

/// A domain's key. `Debug` shows no part of it.
pub struct DkimKey {
    domain: String,
    selector: String,
    pair: Pair,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl DkimKey {
    /// Takes a key in: PKCS #8 (`BEGIN PRIVATE KEY`) or, for RSA, PKCS #1 (`BEGIN RSA PRIVATE KEY`).
    ///
    /// # Errors
    /// If it is none of these, or the names are none.
    pub fn from_pem(domain: &str, selector: &str, pem: &Secret) -> Result<Self, DkimError> {
        let key = PrivateKeyDer::from_pem_slice(pem.reveal().as_bytes()).map_err(|_| DkimError::Pem)?;
        let pair = match &key {
            PrivateKeyDer::Pkcs1(key) => {
                Pair::Rsa(RsaKeyPair::from_der(key.secret_pkcs1_der()).map_err(|_| DkimError::Kind)?)
            }
            PrivateKeyDer::Pkcs8(key) => match RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()) {
                Ok(pair) => Pair::Rsa(pair),
                // Keys made by OpenSSL do not have the public half in them.
                Err(_) => Ed25519KeyPair::from_pkcs8_maybe_unchecked(key.secret_pkcs8_der())
                    .map(Pair::Ed25519)
                    .map_err(|_| DkimError::Kind)?,
            },
            _ => return Err(DkimError::Kind),
        };
        Ok(Self { domain: name(domain)?, selector: name(selector)?, pair })
    }

    /// `selector._domainkey.domain`, where the public key has to be.
    #[must_use]
    pub fn record_name(&self) -> String {
        format!("{}._domainkey.{}", self.selector, self.domain)
    }

    /// The TXT record with the public key.
    ///
    /// # Errors
    /// [`DkimError::Sign`] if the library cannot write it.
    pub fn record(&self) -> Result<String, DkimError> {
        Ok(match &self.pair {
            Pair::Rsa(pair) => {
                let key: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(|_| DkimError::Sign)?;
                format!("v=DKIM1; k=rsa; p={}", STANDARD.encode_to_string(key.as_ref()))
            }
            Pair::Ed25519(pair) => {
                format!("v=DKIM1; k=ed25519; p={}", STANDARD.encode_to_string(pair.public_key().as_ref()))
            }
        })
    }

    /// The header to put before the message, with its line end. `now` is in unix seconds.
    pub(super) fn sign(&self, message: &[u8], now: i64) -> Result<Vec<u8>, DkimError> {
        let (headers, body) = split(message);
        let fields = fields(headers);
        let mut names: Vec<&str> = Vec::new();
        for name in SIGNED {
            let times = fields.iter().filter(|(field, _)| field == name).count();
            names.extend(std::iter::repeat_n(name, times));
        }
        // Once more than there are: a second one put in later breaks the signature.
        names.extend(["from", "subject"]);
        let algorithm = match self.pair {
            Pair::Rsa(_) => "rsa-sha256",
            Pair::Ed25519(_) => "ed25519-sha256",
        };
        let body_hash = STANDARD.encode_to_string(Sha256::digest(relaxed_body(body)));
        let tags = [
            "v=1;".to_owned(),
            format!("a={algorithm};"),
            "c=relaxed/relaxed;".to_owned(),
            format!("d={};", self.domain),
            format!("s={};", self.selector),
            format!("t={now};"),
            format!("h={};", names.join(":")),
            format!("bh={body_hash};"),
            "b=".to_owned(),
        ];
        let unsigned = folded(&tags);
        let mut signed = Vec::new();
        // Of several of a name the last comes first (RFC 6376 5.4.2); a name too often stands for nothing.
        let mut left = fields;
        for name in &names {
            if let Some(at) = left.iter().rposition(|(field, _)| field == name) {
                let (field, value) = left.remove(at);
                signed.extend_from_slice(format!("{field}:{}\r\n", relaxed_value(value)).as_bytes());
            }
        }
        signed.extend_from_slice(format!("dkim-signature:{}", relaxed_value(&unsigned)).as_bytes());
        let signature = STANDARD.encode_to_string(self.pair.sign(&signed)?);
        let mut header = format!("DKIM-Signature: {unsigned}");
        let mut line = header.rsplit("\r\n").next().map_or(0, str::len);
        for char in signature.chars() {
            if line >= LINE {
                header.push_str("\r\n ");
                line = 1;
            }
            header.push(char);
            line += 1;
        }
        header.push_str("\r\n");
        Ok(header.into_bytes())
    }
}

impl fmt::Debug for DkimKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DkimKey({})", self.record_name())
    }
}

impl Pair {
    fn sign(&self, data: &[u8]) -> Result<Vec<u8>, DkimError> {
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), data, &mut signature)
                    .map_err(|_| DkimError::Sign)?;
                Ok(signature)
            }
            // RFC 8463 3: the hash is what is signed.
            Self::Ed25519(pair) => Ok(pair.sign(&Sha256::digest(data)).as_ref().to_vec()),
        }
    }
}

fn name(text: &str) -> Result<String, DkimError> {
    let label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    match Host::parse(text) {
        Ok(Host::Domain(name)) if name.split('.').all(label) => Ok(name),
        Ok(_) | Err(_) => Err(DkimError::Name),
    }
}

/// Headers, each with its line end, and the body.
fn split(message: &[u8]) -> (&[u8], &[u8]) {
    match message.windows(4).position(|window| window == b"\r\n\r\n") {
        Some(at) => (message.get(..at + 2).unwrap_or_default(), message.get(at + 4..).unwrap_or_default()),
        None => (message, &[]),
    }
}

/// Names in lower case, and values as they are, with their folding.
fn fields(headers: &[u8]) -> Vec<(String, &str)> {
    let text = std::str::from_utf8(headers).unwrap_or_default();
    let mut fields = Vec::new();
    let mut start = 0;
    for (at, _) in text.match_indices("\r\n") {
        let goes_on = text.get(at + 2..).is_some_and(|rest| rest.starts_with([' ', '\t']));
        if goes_on {
            continue;
        }
        if let Some((name, value)) = text.get(start..at).and_then(|field| field.split_once(':')) {
            fields.push((name.trim_end().to_ascii_lowercase(), value));
        }
        start = at + 2;
    }
    fields
}

/// RFC 6376 3.4.2.
fn relaxed_value(value: &str) -> String {
    value.split([' ', '\t', '\r', '\n']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// RFC 6376 3.4.4.
fn relaxed_body(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut empty_lines = 0;
    let body = body.strip_suffix(b"\r\n").unwrap_or(body);
    for line in body.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let start = out.len();
        let mut space = false;
        let mut written = Vec::with_capacity(line.len());
        for byte in line {
            if matches!(byte, b' ' | b'\t') {
                space = true;
                continue;
            }
            if space {
                written.push(b' ');
                space = false;
            }
            written.push(*byte);
        }
        if written.is_empty() {
            empty_lines += 1;
            continue;
        }
        for _ in 0..empty_lines {
            out.extend_from_slice(b"\r\n");
        }
        empty_lines = 0;
        out.extend_from_slice(&written);
        out.extend_from_slice(b"\r\n");
        debug_assert!(out.len() > start);
    }
    out
}

/// Tags after one another, on as many lines as it takes; the list of headers can be broken at its colons.
fn folded(tags: &[String]) -> String {
    let mut text = String::new();
    let mut line = "DKIM-Signature: ".len();
    for tag in tags {
        let pieces: Vec<&str> = tag.split_inclusive(':').collect();
        for (at, piece) in pieces.iter().enumerate() {
            if line + piece.len() + 1 > LINE {
                text.push_str("\r\n ");
                line = 1;
            } else if at == 0 && !text.is_empty() {
                text.push(' ');
                line += 1;
            }
            text.push_str(piece);
            line += piece.len();
        }
    }
    text
}

#[cfg(test)]
mod tests;
