//! What is looked after for all tenants now and then, and cannot be told by anybody: calls whose end nobody reported, the months of
//! the numbers, what happened so long ago that nobody comes back for it, and what was said and written longer ago than a tenant keeps it. Each round begins anew from what is stored, so whoever is killed in one only does it again.

mod number_months;
mod old_events;
mod retention;
mod stale_calls;

use crate::shared::Shared;
use engine::provider::AbortOnDrop;
use std::{error::Error, sync::Arc, time::Duration};
use store::{Filter, StoreError, TenantId, model::tenant::Tenant};
use tokio::time::sleep;
use tracing::warn;

/// Tenants that are read at once.
const PAGE: u16 = 100;

/// When tenants are looked after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpkeepOptions {
    /// Pause between two rounds. Default 5 min: a round reads two short lists of each tenant.
    pub every: Duration,
    /// Pause between two tenants. Default 100 ms: a round of 10,000 takes a quarter of an hour, and the calls that come in do not
    /// notice it.
    pub pace: Duration,
    /// A call that is so old, not over and not in this process is asked for at the carrier. Default 10 min: most calls are over by
    /// then, and the reports of their ends have come.
    pub stale_after: Duration,
    /// Calls of one tenant that are asked for in one round, at most. Default 100: what an account's limit lets through in a minute.
    pub asked_at_once: usize,
    /// Pause between two looks for what a tenant's retention ends. Default 1 h: it counts days.
    pub retention_every: Duration,
}

impl Default for UpkeepOptions {
    fn default() -> Self {
        Self {
            every: Duration::from_secs(5 * 60),
            pace: Duration::from_millis(100),
            stale_after: Duration::from_secs(10 * 60),
            asked_at_once: 100,
            retention_every: Duration::from_secs(3_600),
        }
    }
}

/// Goes through all tenants for ever, at once for the first time: whoever was killed may have left calls behind.
pub(crate) fn start(shared: &Arc<Shared>) -> AbortOnDrop {
    let shared = Arc::clone(shared);
    AbortOnDrop(tokio::spawn(async move {
        let mut charged = number_months::Charged::default();
        let mut applied = retention::Applied::default();
        loop {
            if let Err(cause) = round(&shared, &mut charged, &mut applied).await {
                warn!(error = &cause as &dyn Error, "the tenants could not be looked after");
            }
            sleep(shared.limits.upkeep.every).await;
        }
    }))
}

async fn round(
    shared: &Shared,
    charged: &mut number_months::Charged,
    applied: &mut retention::Applied,
) -> Result<(), StoreError> {
    let platform = shared.whole_store().platform();
    let mut filter = Filter::first(PAGE).oldest_first();
    loop {
        let tenants = platform.list::<Tenant>(&filter).await?;
        let Some(last) = tenants.last() else { return Ok(()) };
        filter = filter.after(last.id.as_str());
        for tenant in tenants {
            let part = shared.store_of(&tenant.id);
            old_events::forget(&*part, &shared.limits.streams).await?;
            if tenant.id == TenantId::platform() {
                continue;
            }
            stale_calls::look(shared, &*part).await?;
            if let Err(cause) = charged.charge(shared, &*part, &tenant.value).await {
                warn!(tenant = %tenant.id, error = &cause as &dyn Error, "the numbers' months could not be noted");
            }
            if let Err(cause) = applied.apply(shared, &*part, &tenant.value).await {
                warn!(tenant = %tenant.id, error = &cause as &dyn Error, "what is too old could not all be ended");
            }
            sleep(shared.limits.upkeep.pace).await;
        }
    }
}
