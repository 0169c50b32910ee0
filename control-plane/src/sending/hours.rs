//! When somebody may be written to or called: outside of the tenant's quiet hours by the clock where they are.

use crate::directory::TenantView;
use messaging::{
    dispatch::Quiet,
    quiet::{QuietHours as Span, Zones},
};
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
        quiet_at(quiet, to.time_zone.as_deref(), to.phone.as_deref(), &self.own_zone, at)
    }
}

/// Whether it is quiet at `at`, unix µs, where somebody is: in the zone that is known of them, else where their number is, else in
/// the tenant's own. Hours that cannot be read were never accepted, and hold nobody back.
pub(crate) fn quiet_at(
    quiet: &QuietHours,
    zone: Option<&str>,
    phone: Option<&str>,
    own_zone: &str,
    at: i64,
) -> Quiet {
    Span::parse(&quiet.from, &quiet.to)
        .map_or(Quiet::Open, |span| span.verdict(&Zones::of(zone, phone, own_zone), at))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NIGHT: i64 = 1_795_298_400_000_000;

    fn hours(from: &str, to: &str) -> QuietHours {
        QuietHours { from: from.to_owned(), to: to.to_owned() }
    }

    #[test]
    fn hours_that_cannot_be_read_or_are_none_hold_nobody_back() {
        for (from, to) in [("22:00", "22:00"), ("late", "early")] {
            assert_eq!(quiet_at(&hours(from, to), None, Some("+442079460000"), "UTC", NIGHT), Quiet::Open);
        }
    }

    #[test]
    fn the_zone_that_is_known_counts_before_the_number_and_the_number_before_the_tenants() {
        let night = hours("21:00", "08:00");
        let number = Some("+442079460000");
        assert!(matches!(quiet_at(&night, None, number, "Asia/Tokyo", NIGHT), Quiet::ClosedUntil(_)));
        assert_eq!(quiet_at(&night, Some("America/New_York"), number, "Asia/Tokyo", NIGHT), Quiet::Open);
        assert_eq!(quiet_at(&night, Some("nowhere"), None, "America/New_York", NIGHT), Quiet::Open);
    }
}
