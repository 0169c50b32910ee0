//! Whether a webhook is Shopify's, and what its headers say.
//!
//! The signature is over the raw body only: neither the address nor the other headers are covered. So the shop in a header
//! is not proven by it; compare it with the shop in the body where there is one ([`super::payload::shop_in`]).

use super::mac;
use engine::provider::Secret;
use hmac::Mac;
use std::{fmt, str::FromStr};

/// The app's client secrets. While one is replaced both are right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secrets {
    /// The one in use.
    pub current: Secret,
    /// The one before it, as long as it counts.
    pub previous: Option<Secret>,
}

/// Which set of headers a delivery has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderSet {
    /// `X-Shopify-…`
    Webhooks,
    /// `shopify-…`, the newer one. Where its signature is there, nothing is read from the other.
    Events,
}

/// A shop: `name.myshopify.com`, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ShopDomain(String);

impl ShopDomain {
    /// `name.myshopify.com`
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ShopDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ShopDomain {
    type Err = ShopifyError;

    /// The vendor's pattern: `^[a-zA-Z0-9][a-zA-Z0-9-]*\.myshopify\.com$`. Longer than a DNS label is no shop.
    fn from_str(text: &str) -> Result<Self, ShopifyError> {
        let lower = text.to_ascii_lowercase();
        let name = lower.strip_suffix(".myshopify.com").ok_or(ShopifyError::ShopDomain)?;
        let fits = (1..=63).contains(&name.len())
            && !name.starts_with('-')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if fits { Ok(Self(lower)) } else { Err(ShopifyError::ShopDomain) }
    }
}

/// Why a webhook is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShopifyError {
    /// There is no signature.
    #[error("there is no signature")]
    NoSignature,
    /// The signature is wrong.
    #[error("the signature is wrong")]
    WrongSignature,
    /// The body is empty.
    #[error("the body is empty")]
    EmptyBody,
    /// Headers that must be there are missing.
    #[error("headers are missing: {}", .0.join(", "))]
    MissingHeaders(Vec<&'static str>),
    /// The shop is not one of Shopify's domains.
    #[error("the shop is not a domain below myshopify.com")]
    ShopDomain,
    /// The shop in the body is another than the one in the header.
    #[error("the shop in the body is another than the one in the header")]
    OtherShop,
}

impl ShopifyError {
    /// The HTTP status to answer with: 401 for a wrong signature (Shopify's app review asks for it), else 400.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::WrongSignature => 401,
            Self::NoSignature
            | Self::EmptyBody
            | Self::MissingHeaders(_)
            | Self::ShopDomain
            | Self::OtherShop => 400,
        }
    }
}

/// A webhook whose signature is right, and its headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// From which headers.
    pub set: HeaderSet,
    /// Such as `orders/create`.
    pub topic: String,
    /// The shop. Not covered by the signature.
    pub shop: ShopDomain,
    /// Such as `2026-10`.
    pub api_version: String,
    /// Of this delivery, the same when it is repeated: what comes twice is recognised by it.
    pub webhook_id: String,
    /// Of the merchant's action: several webhooks can have it.
    pub event_id: Option<String>,
    /// When it happened (RFC 3339, as written).
    pub triggered_at: Option<String>,
    /// Of the subscription.
    pub name: Option<String>,
    /// A part of the topic.
    pub sub_topic: Option<String>,
    /// Of the subscription; newer set only.
    pub handle: Option<String>,
    /// What happened (`create`, `update`); newer set only.
    pub action: Option<String>,
    /// To what (`gid://…`); newer set only.
    pub resource_id: Option<String>,
}

/// Checks a webhook. `header` gives a header's value by its name in lower case.
///
/// # Errors
/// See [`ShopifyError`].
pub fn verify<'h>(
    header: impl Fn(&str) -> Option<&'h str>,
    body: &[u8],
    secrets: &Secrets,
) -> Result<Verified, ShopifyError> {
    let set = if header("shopify-hmac-sha256").is_some() { HeaderSet::Events } else { HeaderSet::Webhooks };
    let of = |name: &str| {
        let value = match set {
            HeaderSet::Events => header(&format!("shopify-{name}")),
            HeaderSet::Webhooks => header(&format!("x-shopify-{name}")),
        };
        value.map(str::trim).filter(|value| !value.is_empty()).map(str::to_owned)
    };
    let signature = of("hmac-sha256").ok_or(ShopifyError::NoSignature)?;
    if body.is_empty() {
        return Err(ShopifyError::EmptyBody);
    }
    if !is_right(&signature, body, secrets) {
        return Err(ShopifyError::WrongSignature);
    }
    let mut missing = Vec::new();
    let mut must = |name: &'static str| {
        of(name).unwrap_or_else(|| {
            missing.push(name);
            String::new()
        })
    };
    let (topic, shop) = (must("topic"), must("shop-domain"));
    let (api_version, webhook_id) = (must("api-version"), must("webhook-id"));
    let event_id = match set {
        HeaderSet::Events => Some(must("event-id")),
        HeaderSet::Webhooks => of("event-id"),
    };
    if !missing.is_empty() {
        return Err(ShopifyError::MissingHeaders(missing));
    }
    Ok(Verified {
        set,
        topic,
        shop: shop.parse()?,
        api_version,
        webhook_id,
        event_id,
        triggered_at: of("triggered-at"),
        name: of("name"),
        sub_topic: of("sub-topic"),
        handle: of("handle"),
        action: of("action"),
        resource_id: of("resource-id"),
    })
}

/// Standard base64 of 32 bytes, compared in constant time with what each secret gives.
fn is_right(signature: &str, body: &[u8], secrets: &Secrets) -> bool {
    let Ok(given) = base64_simd::STANDARD.decode_to_vec(signature) else { return false };
    let fits = |secret: &Secret| mac(secret, body).verify_slice(&given).is_ok();
    let current = fits(&secrets.current);
    let previous = secrets.previous.as_ref().is_some_and(fits);
    given.len() == 32 && (current || previous)
}

#[cfg(test)]
mod tests;
