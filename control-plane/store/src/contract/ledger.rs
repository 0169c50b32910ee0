//! What was used, and whether the database serves.

use super::{calls::new_call, tenant};
use crate::{
    CallId, Store,
    model::usage::{Usage, UsageTotal},
};

pub(super) fn usage(source: &str, call: Option<&CallId>, cost_micros: i64) -> Usage {
    Usage {
        source: source.to_owned(),
        kind: "call_cost".to_owned(),
        quantity_micros: 2_000_000,
        unit: "minute".to_owned(),
        cost_micros,
        currency: "USD".to_owned(),
        estimated: true,
        call: call.cloned(),
        period_start: 10,
        period_end: 20,
    }
}

pub async fn a_price_of_the_provider_replaces_the_estimate(store: &dyn Store) {
    let tenant = tenant(store, "a").await;
    let call = tenant.ensure_call(new_call("CA1", 10)).await.unwrap();
    tenant.put_usage(&usage("twilio", Some(&call.id), 17_000)).await.unwrap();
    let told = Usage { estimated: false, ..usage("twilio", Some(&call.id), 15_000) };
    tenant.put_usage(&told).await.unwrap();
    tenant.put_usage(&usage("llm", Some(&call.id), 1)).await.unwrap();
    assert_eq!(tenant.usage_of(&call.id).await.unwrap(), [told, usage("llm", Some(&call.id), 1)]);
    tenant.put_usage(&Usage { period_start: 20, ..usage("later", None, 5) }).await.unwrap();

    let total = UsageTotal {
        kind: "call_cost".to_owned(),
        unit: "minute".to_owned(),
        currency: "USD".to_owned(),
        uses: 2,
        quantity_micros: 4_000_000,
        cost_micros: 15_001,
    };
    assert_eq!(tenant.usage(10, 20).await.unwrap(), [total]);
    assert_eq!(tenant.usage(30, 40).await.unwrap(), []);
}

pub async fn a_closed_store_says_so(store: &dyn Store) {
    store.check_writable(1).await.unwrap();
    store.close().await;
    let refused = store.check_writable(2).await.unwrap_err();
    assert!(refused.is_retryable(), "{refused:?}");
}
