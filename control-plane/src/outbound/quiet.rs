//! When somebody may be called: not in the tenant's quiet hours, by the clock where the called number is.
//!
//! A number says its country, and a country its time zones (`zones.tsv`). Where a country has several, it must be outside of the
//! quiet hours in all of them: nobody is woken because they live in the other half of it. Where no hour suits all of them, or
//! the number says no country, the tenant's own clock counts.

use jiff::{Timestamp, ToSpan, civil::Time, tz::TimeZone};
use std::{collections::HashMap, sync::LazyLock};
use store::model::tenant::QuietHours;

static ZONES: LazyLock<HashMap<&'static str, Vec<&'static str>>> = LazyLock::new(|| {
    let lines = include_str!("zones.tsv").lines().filter(|line| !line.starts_with('#'));
    let parts = lines.filter_map(|line| line.split_once('\t'));
    parts.map(|(country, zones)| (country, zones.split(' ').collect())).collect()
});

/// How far ahead an hour that suits all zones is looked for.
const HORIZON_H: i64 = 48;

/// The country of a number, E.164, as ISO 3166 has it; `None` if the number does not say.
pub(crate) fn country(e164: &str) -> Option<String> {
    let number = phonenumber::parse(None, e164).ok()?;
    number.country().id().map(|country| country.as_ref().to_owned())
}

/// The first moment from `at` on at which the number may be called.
pub(crate) fn allowed_from(quiet: &QuietHours, e164: &str, own_zone: &str, at: Timestamp) -> Timestamp {
    let Some(span) = Span::of(quiet) else { return at };
    let own = || vec![TimeZone::get(own_zone).unwrap_or(TimeZone::UTC)];
    let theirs: Vec<TimeZone> = country(e164)
        .and_then(|country| ZONES.get(country.as_str()))
        .into_iter()
        .flatten()
        .filter_map(|zone| TimeZone::get(zone).ok())
        .collect();
    let first = if theirs.is_empty() { None } else { span.first_outside(&theirs, at) };
    first.or_else(|| span.first_outside(&own(), at)).unwrap_or(at)
}

/// The quiet hours of a day; may go past midnight.
#[derive(Clone, Copy, Debug)]
struct Span {
    from: Time,
    to: Time,
}

impl Span {
    /// `None` if there are none: what cannot be read was never accepted, and a span without length is no span.
    fn of(quiet: &QuietHours) -> Option<Self> {
        let time = |text: &str| Time::strptime("%H:%M", text).ok();
        let (from, to) = (time(&quiet.from)?, time(&quiet.to)?);
        (from != to).then_some(Self { from, to })
    }

    fn holds(self, time: Time) -> bool {
        if self.from < self.to {
            self.from <= time && time < self.to
        } else {
            time >= self.from || time < self.to
        }
    }

    /// When the quiet hours that hold `at` in this zone end; `None` if none do.
    fn end(self, zone: &TimeZone, at: Timestamp) -> Option<Timestamp> {
        let local = at.to_zoned(zone.clone());
        if !self.holds(local.time()) {
            return None;
        }
        let today = local.date();
        let day = if local.time() < self.to { today } else { today.checked_add(1.day()).ok()? };
        let end = day.to_datetime(self.to).to_zoned(zone.clone()).ok()?.timestamp();
        // The clocks may be set back over the end: then it comes once more.
        Some(end.max(at.checked_add(1.minute()).ok()?))
    }

    fn first_outside(self, zones: &[TimeZone], at: Timestamp) -> Option<Timestamp> {
        let limit = at.checked_add(HORIZON_H.hours()).ok()?;
        let mut at = at;
        while at <= limit {
            match zones.iter().find_map(|zone| self.end(zone, at)) {
                Some(end) => at = end,
                None => return Some(at),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{prelude::*, sample::select};

    fn night() -> QuietHours {
        QuietHours { from: "21:00".to_owned(), to: "08:00".to_owned() }
    }

    fn allowed(number: &str, at: &str) -> String {
        allowed_from(&night(), number, "Europe/Berlin", at.parse().unwrap()).to_string()
    }

    #[test]
    fn the_clock_of_the_called_number_counts() {
        // Tokyo, nine hours ahead of UTC.
        assert_eq!(allowed("+81312345678", "2026-11-21T12:00:00Z"), "2026-11-21T23:00:00Z");
        assert_eq!(allowed("+81312345678", "2026-11-21T01:00:00Z"), "2026-11-21T01:00:00Z");
        // London, where it is evening but not late.
        assert_eq!(allowed("+442079460000", "2026-11-21T20:59:00Z"), "2026-11-21T20:59:00Z");
        assert_eq!(allowed("+442079460000", "2026-11-21T21:00:00Z"), "2026-11-22T08:00:00Z");
    }

    #[test]
    fn in_a_country_of_many_zones_nobody_is_woken() {
        // Nine in the evening in New York is after eight in the morning in Honolulu only from 18:00 UTC on.
        assert_eq!(allowed("+12125550100", "2026-11-21T13:30:00Z"), "2026-11-21T18:00:00Z");
        let country = country("+12125550100");
        assert_eq!(country.as_deref(), Some("US"));
    }

    #[test]
    fn without_a_country_the_tenants_clock_counts() {
        assert_eq!(allowed("+15550100", "2026-11-21T22:00:00Z"), "2026-11-22T07:00:00Z");
    }

    #[test]
    fn hours_that_cannot_be_read_or_are_none_hold_nobody_back() {
        let at: Timestamp = "2026-11-21T22:00:00Z".parse().unwrap();
        for (from, to) in [("22:00", "22:00"), ("late", "early")] {
            let quiet = QuietHours { from: from.to_owned(), to: to.to_owned() };
            assert_eq!(allowed_from(&quiet, "+442079460000", "UTC", at), at);
        }
    }

    #[test]
    fn every_zone_of_the_list_is_known() {
        assert!(ZONES.len() > 240);
        let unknown: Vec<_> = ZONES.values().flatten().filter(|zone| TimeZone::get(zone).is_err()).collect();
        assert_eq!(unknown, Vec::<&&str>::new());
    }

    proptest! {
        /// Whenever it is, the moment that is given is not earlier, and not quiet in any of the zones.
        #[test]
        fn nobody_is_called_in_quiet_hours(
            second in 1_700_000_000_i64..1_900_000_000, number in select(vec!["+442079460000", "+12125550100", "+81312345678"]),
            from in 0_i8..24, length in 1_i8..14,
        ) {
            let to = (from + length) % 24;
            let quiet = QuietHours { from: format!("{from:02}:00"), to: format!("{to:02}:00") };
            let at = Timestamp::from_second(second).unwrap();
            let allowed = allowed_from(&quiet, number, "UTC", at);
            prop_assert!(allowed >= at);
            let span = Span::of(&quiet).unwrap();
            let country = country(number).unwrap();
            let zones: Vec<_> = ZONES[country.as_str()].iter().map(|zone| TimeZone::get(zone).unwrap()).collect();
            // Where no hour suits a whole country the tenant's clock counts.
            if span.first_outside(&zones, at).is_some() {
                for zone in zones {
                    prop_assert!(!span.holds(allowed.to_zoned(zone).time()));
                }
            }
        }
    }
}
