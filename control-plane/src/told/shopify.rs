//! `POST /hooks/shopify/{topic}`: what happens in a shop. Believed with the signature of the tenant's app, its current secret or the one
//! before; kept once by the delivery's id, and answered before anything follows from it. Shopify waits 5 s for an answer.

use super::{WEBHOOKS, not_believed, whole};
use crate::{
    clock::now_us,
    directory::{Account, TenantView},
    messengers::SHOPIFY,
    problem::Problem,
    shared::Shared,
};
use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use gateways::shopify::{
    Secrets, ShopDomain, ShopifyError, Verified,
    payload::{same_shop, shop_in},
    verify,
};
use serde_json::{Value, json};
use std::sync::Arc;
use store::{
    StoreError,
    ids::InboundEventId,
    model::{
        audit::Actor,
        webhook::{InboundEvent, InboundStatus},
        work::WorkKind,
    },
};
use tracing::warn;

/// What is kept of shops.
pub(super) const SOURCE: &str = "shopify";
/// The secret of a shop's account.
const SECRET: &str = "client_secret";

/// `POST /hooks/shopify/{topic}`. The topic that counts is the one of the headers.
pub(crate) async fn webhook(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Body) -> Response {
    let (outcome, response) = match take(&shared, &headers, body).await {
        Ok(()) => ("ok", StatusCode::OK.into_response()),
        Err(problem) => ("refused", problem.into_response()),
    };
    metrics::counter!(WEBHOOKS, "source" => SOURCE, "outcome" => outcome).increment(1);
    response
}

async fn take(shared: &Shared, headers: &HeaderMap, body: Body) -> Result<(), Problem> {
    let body = whole(shared, body).await?;
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let shop = ["shopify-shop-domain", "x-shopify-shop-domain"].into_iter().find_map(header);
    let shop: ShopDomain = shop.and_then(|shop| shop.trim().parse().ok()).ok_or_else(not_believed)?;
    let owners = shared.whole_store().account_owners(shop.as_str()).await?;
    for owner in owners {
        let Some(view) = shared.directory.tenant(&owner.tenant).await.map_err(StoreError::from)? else {
            continue;
        };
        let Some((account, secrets)) = of_shop(&view, &shop) else { continue };
        match verify(header, &body, &secrets) {
            Ok(verified) => {
                let named = shop_in(&body).map_err(|error| Problem::invalid(error.to_string()))?;
                // The signature does not cover the header that says which shop it is.
                same_shop(&verified.shop, named.as_deref()).map_err(|_| not_believed())?;
                return keep(shared, &owner.tenant, account, &verified, &body).await;
            }
            // Another tenant may have the same shop.
            Err(ShopifyError::WrongSignature) => {}
            Err(error) => return Err(Problem::invalid(error.to_string())),
        }
    }
    warn!("a webhook of Shopify's is not believed");
    Err(not_believed())
}

fn of_shop<'v>(view: &'v TenantView, shop: &ShopDomain) -> Option<(&'v Account, Secrets)> {
    let is_it =
        |account: &&Account| account.kind == SHOPIFY && account.is_active() && account.sid == shop.as_str();
    let account = view.accounts.iter().find(is_it)?;
    let secret = account.secrets.get(SECRET)?;
    let usable = !secret.current.reveal().is_empty();
    let previous = secret.previous.clone().filter(|previous| !previous.reveal().is_empty());
    usable.then(|| (account, Secrets { current: secret.current.clone(), previous }))
}

/// Keeps it, once; what follows from it is done afterwards.
async fn keep(
    shared: &Shared,
    tenant: &store::TenantId,
    account: &Account,
    verified: &Verified,
    body: &[u8],
) -> Result<(), Problem> {
    let body: Value = serde_json::from_slice(body).map_err(|_| Problem::invalid("the body is no JSON"))?;
    let country = account.properties.get("country_code");
    let told = json!({
        "topic": verified.topic, "shop": verified.shop.as_str(), "country": country, "body": body,
    });
    let event = InboundEvent {
        source: SOURCE.to_owned(),
        dedupe_key: verified.webhook_id.clone(),
        raw: told.to_string(),
        status: InboundStatus::Received,
        outcome: None,
    };
    let (now, id) = (now_us(), InboundEventId::generate());
    let mut tx = shared.store_of(tenant).begin(&Actor::system(SOURCE), now).await?;
    if tx.insert_new(id.clone(), event).await?.is_some() {
        tx.schedule(WorkKind::InboundEvent, id.as_str(), now).await?;
        tx.commit().await?;
        shared.told.wake();
    }
    Ok(())
}
