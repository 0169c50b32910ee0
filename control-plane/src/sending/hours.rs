//! When somebody may be written to: outside of the tenant's quiet hours by the clock where they are.

use crate::{directory::TenantView, outbound::quiet};
use jiff::{Timestamp, tz::TimeZone};
use messaging::dispatch::Quiet;
use outbox::{Hours, To};
use store::model::tenant::QuietHours;

/// A tenant's quiet hours.
pub(super) struct TenantHours {
    quiet: Option<QuietHours>,
    own_zone: String,
}

impl TenantHours {
    pub(super) fn of(view: &TenantView) -> Self {
        let settings = &view.tenant.settings;
        Self { quiet: settings.quiet_hours.clone(), own_zone: settings.time_zone.clone() }
    }
}

impl Hours for TenantHours {
    fn at(&self, to: &To, at: i64) -> Quiet {
        let Some(quiet) = &self.quiet else { return Quiet::Open };
        let Ok(now) = Timestamp::from_microsecond(at) else { return Quiet::Open };
        // Where the person says they are counts before what their number says.
        let known = to.time_zone.as_deref().filter(|zone| TimeZone::get(zone).is_ok());
        let from = match (known, to.phone.as_deref()) {
            (None, Some(phone)) => quiet::allowed_from(quiet, phone, &self.own_zone, now),
            (Some(zone), _) => quiet::allowed_from(quiet, "", zone, now),
            (None, None) => quiet::allowed_from(quiet, "", &self.own_zone, now),
        };
        if from <= now { Quiet::Open } else { Quiet::ClosedUntil(from.as_microsecond()) }
    }
}
