//! Signature Version 4 as S3 has it: the path is not encoded a second time, and the payload's hash is a header or, in
//! links, the word `UNSIGNED-PAYLOAD`. Pure: time is a parameter.

use crate::object::hex;
use engine::provider::Secret;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

#[cfg(test)]
mod tests;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// In links: whoever follows one sends no payload.
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// As whom, and for where, requests are signed.
#[derive(Clone, Debug)]
pub(crate) struct Signer {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: Secret,
    pub(crate) session_token: Option<Secret>,
    pub(crate) region: String,
}

/// A request as it is signed. The path is as it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Unsigned<'a> {
    pub(crate) method: &'a str,
    pub(crate) host: &'a str,
    pub(crate) path: &'a str,
    /// Not encoded.
    pub(crate) query: &'a [(&'a str, String)],
    /// Beside `host` and those that the signer adds; names in lower case.
    pub(crate) headers: &'a [(&'static str, String)],
    /// SHA-256 of the body, lower-case hexadecimal.
    pub(crate) payload_sha256: &'a str,
}

impl Signer {
    /// The headers to send, the given ones included, `host` left out.
    pub(crate) fn headers(&self, request: &Unsigned<'_>, at: Timestamp) -> Vec<(&'static str, String)> {
        let mut headers = request.headers.to_vec();
        headers.push(("x-amz-content-sha256", request.payload_sha256.to_owned()));
        headers.push(("x-amz-date", date_time(at)));
        if let Some(token) = &self.session_token {
            headers.push(("x-amz-security-token", token.reveal().to_owned()));
        }
        let mut signed: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        signed.push(("host", request.host));
        let (names, signature) =
            self.sign(request, &query(request.query), &mut signed, request.payload_sha256, at);
        let credential = format!("{}/{}", self.access_key_id, self.scope(at));
        headers.push((
            "authorization",
            format!("{ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}"),
        ));
        headers
    }

    /// The query of a link that is good for `lasts_s` seconds, encoded. Of the headers only `host` is signed.
    pub(crate) fn presigned_query(&self, request: &Unsigned<'_>, lasts_s: u64, at: Timestamp) -> String {
        let mut pairs = request.query.to_vec();
        pairs.push(("X-Amz-Algorithm", ALGORITHM.to_owned()));
        pairs.push(("X-Amz-Credential", format!("{}/{}", self.access_key_id, self.scope(at))));
        pairs.push(("X-Amz-Date", date_time(at)));
        pairs.push(("X-Amz-Expires", lasts_s.to_string()));
        pairs.push(("X-Amz-SignedHeaders", "host".to_owned()));
        if let Some(token) = &self.session_token {
            pairs.push(("X-Amz-Security-Token", token.reveal().to_owned()));
        }
        let query = query(&pairs);
        let (_, signature) = self.sign(request, &query, &mut [("host", request.host)], UNSIGNED, at);
        format!("{query}&X-Amz-Signature={signature}")
    }

    /// The names of the signed headers, and the signature.
    fn sign(
        &self,
        request: &Unsigned<'_>,
        query: &str,
        headers: &mut [(&str, &str)],
        payload: &str,
        at: Timestamp,
    ) -> (String, String) {
        headers.sort_unstable();
        let names = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
        let lines: String =
            headers.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
        let canonical = format!("{}\n{}\n{query}\n{lines}\n{names}\n{payload}", request.method, request.path);
        let to_sign = format!(
            "{ALGORITHM}\n{}\n{}\n{}",
            date_time(at),
            self.scope(at),
            hex(&Sha256::digest(canonical.as_bytes()))
        );
        (names, hex(&hmac(&self.key(at), to_sign.as_bytes())))
    }

    fn key(&self, at: Timestamp) -> [u8; 32] {
        let secret = format!("AWS4{}", self.secret_access_key.reveal());
        let day = hmac(secret.as_bytes(), date(at).as_bytes());
        let region = hmac(&day, self.region.as_bytes());
        hmac(&hmac(&region, b"s3"), b"aws4_request")
    }

    fn scope(&self, at: Timestamp) -> String {
        format!("{}/{}/s3/aws4_request", date(at), self.region)
    }
}

fn date(at: Timestamp) -> String {
    at.strftime("%Y%m%d").to_string()
}

fn date_time(at: Timestamp) -> String {
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// Encoded, sorted by name.
fn query(pairs: &[(&str, String)]) -> String {
    let mut encoded: Vec<_> = pairs
        .iter()
        .map(|(name, value)| format!("{}={}", percent_encoded(name), percent_encoded(value)))
        .collect();
    encoded.sort_unstable();
    encoded.join("&")
}

/// Everything but RFC 3986's unreserved characters, in capitals.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    mac.update(text);
    mac.finalize().into_bytes().into()
}
