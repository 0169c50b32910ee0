//! Shopify's webhooks: whether one is Shopify's, for which shop, and what it says. Pure.
//!
//! Sources: the vendor's libraries `@shopify/shopify-api` 13.1.0 (the vectors in `fixtures/vectors/shopify_hmac.json` were
//! made with it) and `shopify-api-ruby` (August 2026).
//!
//! - [`verify`]: the signature, with both sets of headers; a [`Verified`] says topic, shop, event and delivery.
//! - [`payload`]: the fields of orders, checkouts and privacy requests that are of use.
//! - [`query`]: the signature of OAuth's and the app proxy's queries.

pub mod payload;
pub mod query;
mod webhook;

pub use webhook::{HeaderSet, Secrets, ShopDomain, ShopifyError, Verified, verify};

use engine::provider::Secret;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// HMAC-SHA256 of `bytes` with the app's client secret.
#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn mac(secret: &Secret, bytes: &[u8]) -> Hmac<Sha256> {
    let mac = Hmac::<Sha256>::new_from_slice(secret.reveal().as_bytes()).expect("a key of any length");
    mac.chain_update(bytes)
}
