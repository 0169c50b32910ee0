//! What numbers cost by the month. Each month of a number is one line of the usage log under one name, so however often it is noted
//! it is there once. What this process has noted it need not note again.

use crate::{
    clock::now_us,
    costs::{CostError, alert, price_book},
    shared::Shared,
};
use jiff::{Timestamp, tz::TimeZone};
use messaging::quiet;
use pricing::{NumberMonth, Period, period, price_number};
use std::collections::HashSet;
use store::{
    Filter, Stored, TenantStore,
    ids::NumberId,
    model::{
        audit::Actor,
        number::{Number, NumberStatus},
        tenant::Tenant,
        usage::BudgetPeriod,
    },
};

/// What is noted here stands under this name in the audit log.
const SELF: &str = "costs";
/// The carrier of all numbers.
const CARRIER: &str = "twilio";
/// Numbers that are read at once.
const PAGE: u16 = 500;

/// The months that this process has noted: number, and the month's name.
#[derive(Debug, Default)]
pub(super) struct Charged(HashSet<(NumberId, String)>);

impl Charged {
    /// Notes what a tenant's numbers cost in this month, and in the one before it if that was not done then.
    pub(super) async fn charge(
        &mut self,
        shared: &Shared,
        part: &(dyn TenantStore + 'static),
        tenant: &Tenant,
    ) -> Result<(), CostError> {
        let zone = &tenant.settings.time_zone;
        let month = period(BudgetPeriod::Month, now_us(), zone)?;
        let before = period(BudgetPeriod::Month, month.start.saturating_sub(1), zone)?;
        let months = [(before, name_of(before, zone)), (month, name_of(month, zone))];
        let mut due = Vec::new();
        let mut filter = Filter::first(PAGE).oldest_first();
        loop {
            let page = part.list::<Number>(&filter).await?;
            let Some(last) = page.last() else { break };
            filter = filter.after(last.id.as_str());
            for row in page {
                for (month, name) in &months {
                    if is_had(&row, *month) && !self.0.contains(&(row.id.clone(), name.clone())) {
                        let since = period(BudgetPeriod::Day, row.created_at, zone)?.start;
                        due.push(NumberMonth {
                            number: row.id.clone(),
                            carrier: CARRIER.to_owned(),
                            country: quiet::country(&row.value.e164),
                            month: *month,
                            name: name.clone(),
                            since,
                        });
                    }
                }
            }
        }
        if due.is_empty() {
            return Ok(());
        }
        let book = price_book(shared.whole_store()).await?;
        let mut tx = part.begin(&Actor::system(SELF), now_us()).await?;
        for used in &due {
            if let Some(line) = price_number(&book, used)? {
                tx.put_usage(&line).await?;
            }
        }
        tx.commit().await?;
        // A few months of every number are remembered until the next restart: that is little.
        self.0.extend(due.into_iter().map(|used| (used.number, used.name)));
        alert(part).await
    }
}

/// What a month is called, `2026-11`, by the clock of its own time zone.
fn name_of(month: Period, zone: &str) -> String {
    let start = Timestamp::from_microsecond(month.start).unwrap_or(Timestamp::UNIX_EPOCH);
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    start.to_zoned(zone).strftime("%Y-%m").to_string()
}

/// Whether the carrier had given us the number in that month: one that was given back within it counts.
fn is_had(row: &Stored<Number>, month: Period) -> bool {
    let began = row.created_at < month.end && row.value.carrier_sid.is_some();
    began
        && match row.value.status {
            NumberStatus::Active | NumberStatus::Inactive => true,
            NumberStatus::Released => row.updated_at >= month.start,
            NumberStatus::Pending => false,
        }
}
