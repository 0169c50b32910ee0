//! Whether a request was signed by the carrier with one of an account's keys.
//!
//! The URL that was signed is built from our own public address, never from what the request says of its host.
//! The carrier's documents disagree on ports and user names in it, so each form that they allow is tried.

use crate::directory::SigningKeys;
use base64_simd::STANDARD;
use engine::provider::Secret;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use url::form_urlencoded;

/// What is signed beside the URL.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SignedBody<'a> {
    /// Nothing: a GET, or an upgrade to a WebSocket.
    None,
    /// The fields of a form, decoded.
    Form(&'a [(String, String)]),
    /// A JSON body; its hash is in the URL's query.
    Json(&'a [u8]),
}

/// A request that claims to be the carrier's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SignedRequest<'a> {
    /// The URL as it was called.
    pub(crate) url: &'a str,
    /// What is signed beside it.
    pub(crate) body: SignedBody<'a>,
    /// `X-Twilio-Signature`.
    pub(crate) signature: &'a str,
    /// `X-Twilio-Webhooks-Signature-Settings`.
    pub(crate) settings: Option<&'a str>,
}

/// Why a signature is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SignatureError {
    /// Another key, another URL or other parameters.
    #[error("the signature does not fit the request")]
    Mismatch,
    /// It names a key that the account does not have.
    #[error("the signature names a key that is not known")]
    UnknownKey,
    /// It names an algorithm that is not known.
    #[error("the signature names an algorithm that is not known")]
    UnknownAlgorithm,
    /// The body is not the one that was signed.
    #[error("the body does not fit the hash in the URL")]
    BodyHash,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Algorithm {
    Sha1,
    Sha256,
}

/// Believes the request, or says why not.
pub(crate) fn verify(account: &SigningKeys, request: SignedRequest<'_>) -> Result<(), SignatureError> {
    if let SignedBody::Json(body) = request.body {
        check_body_hash(request.url, body)?;
    }
    let (keys, algorithm) = keys_for(account, request.settings)?;
    let fields = signed_fields(request.body);
    let fits = candidate_urls(request.url).iter().any(|url| {
        keys.iter().any(|key| {
            let expected = sign(key, algorithm, url, &fields);
            bool::from(expected.as_bytes().ct_eq(request.signature.as_bytes()))
        })
    });
    if fits { Ok(()) } else { Err(SignatureError::Mismatch) }
}

/// The keys that may have signed, and how. Without settings it is one of the account's tokens; with them the
/// shared key that they name, and no other.
fn keys_for<'a>(
    account: &'a SigningKeys,
    settings: Option<&str>,
) -> Result<(Vec<&'a Secret>, Algorithm), SignatureError> {
    let Some(settings) = settings else {
        return Ok((account.tokens.iter().collect(), Algorithm::Sha1));
    };
    let mut key = None;
    let mut algorithm = Algorithm::Sha1;
    for (name, value) in settings.split(',').filter_map(|pair| pair.split_once('=')) {
        match (name.trim(), value.trim()) {
            ("key", id) => key = account.shared.get(id),
            ("algorithm", named) if named.eq_ignore_ascii_case("HMAC_SHA1") => algorithm = Algorithm::Sha1,
            ("algorithm", named) if named.eq_ignore_ascii_case("HMAC_SHA256") => {
                algorithm = Algorithm::Sha256
            }
            ("algorithm", _) => return Err(SignatureError::UnknownAlgorithm),
            _ => {}
        }
    }
    key.map(|key| (vec![key], algorithm)).ok_or(SignatureError::UnknownKey)
}

/// Names and values without separators: sorted by name, then value, each pair once.
fn signed_fields(body: SignedBody<'_>) -> String {
    let SignedBody::Form(fields) = body else { return String::new() };
    let mut fields: Vec<_> = fields.iter().collect();
    fields.sort_unstable();
    fields.dedup();
    fields.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]).collect()
}

fn sign(key: &Secret, algorithm: Algorithm, url: &str, fields: &str) -> String {
    let key = key.reveal().as_bytes();
    match algorithm {
        Algorithm::Sha1 => mac::<Hmac<Sha1>>(key, url, fields),
        Algorithm::Sha256 => mac::<Hmac<Sha256>>(key, url, fields),
    }
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
fn mac<M: Mac + KeyInit>(key: &[u8], url: &str, fields: &str) -> String {
    let mut mac = <M as KeyInit>::new_from_slice(key).expect("HMAC takes keys of every length");
    mac.update(url.as_bytes());
    mac.update(fields.as_bytes());
    STANDARD.encode_to_string(mac.finalize().into_bytes())
}

/// `bodySHA256` of the URL must be there and fit: without it the body would not be signed at all.
fn check_body_hash(url: &str, body: &[u8]) -> Result<(), SignatureError> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let claimed = form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == "bodySHA256")
        .ok_or(SignatureError::BodyHash)?
        .1;
    let actual = crate::keys::sha256_hex(body);
    if bool::from(actual.as_bytes().ct_eq(claimed.as_bytes())) {
        Ok(())
    } else {
        Err(SignatureError::BodyHash)
    }
}

/// The forms of a URL that the carrier may have signed: as called, without its port, with the scheme's own port;
/// each also without the user name; a socket's also with and without a slash at its end.
fn candidate_urls(called: &str) -> Vec<String> {
    let url = called.split_once('#').map_or(called, |(url, _)| url);
    let mut candidates = vec![url.to_owned()];
    let Some((scheme, rest)) = url.split_once("://") else { return candidates };
    let authority_len = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(authority_len);
    let (user, host_and_port) = match authority.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, authority),
    };
    let (host, port) = split_port(host_and_port);
    let own_port = if matches!(scheme, "https" | "wss") { "443" } else { "80" };

    let mut hosts = vec![host_and_port.to_owned(), host.to_owned()];
    if port.is_none() {
        hosts.push(format!("{host}:{own_port}"));
    }
    for host in hosts {
        if let Some(user) = user {
            candidates.push(format!("{scheme}://{user}@{host}{path}"));
        }
        candidates.push(format!("{scheme}://{host}{path}"));
    }
    if matches!(scheme, "ws" | "wss") {
        let with_slash: Vec<_> = candidates
            .iter()
            .map(|url| url.strip_suffix('/').map_or_else(|| format!("{url}/"), str::to_owned))
            .collect();
        candidates.extend(with_slash);
    }
    candidates.dedup();
    candidates
}

/// An IPv6 address has colons of its own, within brackets.
fn split_port(host_and_port: &str) -> (&str, Option<&str>) {
    match host_and_port.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !port.is_empty() => {
            (host, Some(port))
        }
        _ => (host_and_port, None),
    }
}

#[cfg(test)]
mod tests;
