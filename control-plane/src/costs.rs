//! What calls cost: noted when they are over, and again when the carrier tells its price; and whether that is more than a
//! tenant wants to spend.

use crate::clock::{now_us, rfc3339};
use deliveries::{Event, EventType, announce, payload::BudgetTold};
use messaging::quiet;
use pricing::{
    CallUse, Charged, Period, PeriodError, PriceBook, budget,
    money::{TooLarge, decimal},
    period, price_call,
};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use store::{
    Call, Direction, Filter, Store, StoreError, Stored, TenantId, TenantStore,
    ids::BudgetId,
    model::{
        audit::Actor,
        tenant::Tenant,
        usage::{Budget, Price, UsageTotal},
    },
};
use tracing::warn;

/// What is noted here stands under this name in the audit log.
const ACTOR: &str = "costs";
/// The carrier of all calls.
const CARRIER: &str = "twilio";
/// Prices that are read at once, and budgets of a tenant.
const PAGE: u16 = 500;

/// A tenant's part of the store.
type Part = dyn TenantStore;

/// Why a cost cannot be noted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CostError {
    #[error("the database did not serve")]
    Store(#[from] StoreError),
    #[error("it is beyond anything real")]
    TooLarge(#[from] TooLarge),
    #[error("the period of a budget is none")]
    Period(#[from] PeriodError),
}

/// Tokens of a turn, as they are stored.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Tokens {
    input_tokens: i64,
    output_tokens: i64,
}

/// All prices: the platform's, over those that a new installation begins with.
pub(crate) async fn price_book(store: &dyn Store) -> Result<PriceBook, StoreError> {
    price_book_of(&*store.platform()).await
}

/// The same, of the platform's part.
async fn price_book_of(platform: &Part) -> Result<PriceBook, StoreError> {
    let mut prices: Vec<Price> = pricing::defaults().collect();
    let mut filter = Filter::first(PAGE).oldest_first();
    loop {
        let page = platform.list::<Price>(&filter).await?;
        let Some(last) = page.last() else { return Ok(PriceBook::new(prices)) };
        filter = filter.after(last.id.as_str());
        prices.extend(page.into_iter().map(|row| row.value));
    }
}

/// The price book for estimates, which need not be of this very second: whoever accepts messages does not read it for each.
#[derive(Default)]
pub(crate) struct Prices {
    read: tokio::sync::Mutex<Option<(i64, Arc<PriceBook>)>>,
}

/// How long a price book is good for estimates, in µs. The price that is noted in the end is always the present one.
const PRICES_KEPT_US: i64 = 60_000_000;

impl Prices {
    /// The prices, at most a minute old at `now`, unix µs. `platform` is the platform's part of the store.
    pub(crate) async fn book(&self, platform: &Part, now: i64) -> Result<Arc<PriceBook>, StoreError> {
        let mut read = self.read.lock().await;
        if let Some((at, book)) = &*read
            && now.saturating_sub(*at) < PRICES_KEPT_US
        {
            return Ok(Arc::clone(book));
        }
        let book = Arc::new(price_book_of(platform).await?);
        *read = Some((now, Arc::clone(&book)));
        Ok(book)
    }
}

/// Notes what a call that is over used and cost, and tells of budgets that it brought to a threshold.
pub(crate) async fn settle(all: &dyn Store, store: &Part, call: &Call) -> Result<(), CostError> {
    let mut tokens = 0_i64;
    for turn in store.turns(&call.id).await? {
        let of_turn: Tokens = serde_json::from_str(&turn.usage).unwrap_or_default();
        tokens = tokens.saturating_add(of_turn.input_tokens).saturating_add(of_turn.output_tokens);
    }
    let lines = price_call(&price_book(all).await?, &used(call, tokens))?;
    if lines.is_empty() {
        return Ok(());
    }
    let mut tx = store.begin(&Actor::system(ACTOR), now_us()).await?;
    for line in &lines {
        tx.put_usage(line).await?;
    }
    tx.commit().await?;
    alert(store).await
}

fn used(call: &Call, tokens: i64) -> CallUse {
    let other_side = match call.direction {
        Direction::Inbound => &call.from_number,
        Direction::Outbound => &call.to_number,
    };
    let from = call.answered_at.unwrap_or(call.created_at);
    let seen_s = call.duration_ms.map(|ms| ms / 1_000 + i64::from(ms % 1_000 > 0));
    CallUse {
        call: call.id.clone(),
        carrier: CARRIER.to_owned(),
        direction: call.direction,
        country: quiet::country(other_side),
        from,
        until: call.ended_at.unwrap_or(from),
        billed_s: call.carrier_duration_s.or(seen_s).unwrap_or(0),
        streamed_ms: call.duration_ms.unwrap_or(0),
        charged: call.price_micros.map(|price_micros| Charged {
            price_micros,
            currency: call.price_unit.clone().unwrap_or_else(|| "USD".to_owned()),
        }),
        tokens,
        recorded_ms: call.recording_ms.unwrap_or(0),
    }
}

/// What counts for a budget of what was used.
pub(crate) fn spent(budget: &Budget, totals: &[UsageTotal]) -> i64 {
    let counts = |total: &&UsageTotal| {
        total.currency == budget.currency && budget.kind.as_ref().is_none_or(|kind| *kind == total.kind)
    };
    totals.iter().filter(counts).fold(0, |sum, total| sum.saturating_add(total.cost_micros))
}

/// A tenant's budgets with what was spent of them in the period that holds `now`.
pub(crate) async fn budgets(
    store: &Part,
    time_zone: &str,
    now: i64,
) -> Result<Vec<(Stored<Budget>, pricing::Period, i64)>, CostError> {
    let mut found = Vec::new();
    for row in store.list::<Budget>(&Filter::first(PAGE)).await? {
        let period = period(row.value.period, now, time_zone)?;
        let spent = spent(&row.value, &store.usage(period.start, period.end).await?);
        found.push((row, period, spent));
    }
    Ok(found)
}

/// Whether a budget that is a limit is used up.
pub(crate) async fn is_spent(store: &Part, time_zone: &str, now: i64) -> Result<bool, CostError> {
    let budgets = budgets(store, time_zone, now).await?;
    Ok(budgets.iter().any(|(row, _, spent)| row.value.hard && budget::is_used_up(&row.value, *spent)))
}

/// What is told of a threshold, `(percent, spent)`: once in a period.
fn event(
    tenant: &TenantId,
    id: &BudgetId,
    budget: &Budget,
    period: Period,
    (percent, spent): (u8, i64),
    now: i64,
) -> Event {
    let data = BudgetTold {
        tenant_id: tenant.to_string(),
        budget_id: id.to_string(),
        name: budget.name.clone(),
        kind: budget.kind.clone(),
        percent,
        spent: decimal(spent),
        limit: decimal(budget.limit_micros),
        currency: budget.currency.clone(),
        hard: budget.hard,
        period_start: rfc3339(period.start),
        period_end: rfc3339(period.end),
    };
    let kind = if percent < 100 { EventType::BudgetWarned } else { EventType::BudgetExceeded };
    Event::once(kind, id.as_str(), &format!("{} {percent}", period.start), now, &data)
}

/// Tells of thresholds that were reached, each once in a period.
pub(crate) async fn alert(store: &Part) -> Result<(), CostError> {
    let now = now_us();
    let tenant = store.get::<Tenant>(store.id()).await?;
    let time_zone = tenant.map_or_else(|| "UTC".to_owned(), |tenant| tenant.value.settings.time_zone);
    for (row, period, spent) in budgets(store, &time_zone, now).await? {
        let alerts = budget::due_alerts(&row.value, period, spent);
        if alerts.is_empty() {
            continue;
        }
        let told = budget::told(row.value, period, &alerts);
        let mut tx = store.begin(&Actor::system(ACTOR), now).await?;
        for alert in &alerts {
            warn!(tenant = %store.id(), budget = %row.id, percent = alert.percent, spent, "a budget has come to a threshold");
            metrics::counter!("tandem_budget_alerts_total").increment(1);
            let details = json!({
                "percent": alert.percent, "spent_micros": spent, "limit_micros": told.limit_micros,
                "currency": told.currency, "period_start": rfc3339(period.start),
            });
            tx.note("budget.alert", row.id.as_str(), &details).await?;
            announce(&mut *tx, event(store.id(), &row.id, &told, period, (alert.percent, spent), now))
                .await?;
        }
        tx.update(&row.id, row.version, told).await?;
        tx.commit().await?;
    }
    Ok(())
}
