//! Days and months in a tenant's time zone.

use jiff::{Timestamp, ToSpan, Zoned, tz::TimeZone};
use store::model::usage::BudgetPeriod;

/// A span of time, unix µs: from `start`, before `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// Its first microsecond.
    pub start: i64,
    /// The first one after it.
    pub end: i64,
}

/// There is no such period.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeriodError {
    /// The time zone is not known.
    #[error("there is no time zone {0:?}")]
    TimeZone(String),
    /// The time is beyond the calendar.
    #[error("the time is beyond the calendar")]
    Time,
}

/// The day or month that holds the time `at` (unix µs) in the time zone (IANA name).
///
/// # Errors
/// When there is no such time zone, or the time is beyond the calendar.
pub fn period(kind: BudgetPeriod, at: i64, time_zone: &str) -> Result<Period, PeriodError> {
    let zone = TimeZone::get(time_zone).map_err(|_| PeriodError::TimeZone(time_zone.to_owned()))?;
    let now = Timestamp::from_microsecond(at).map_err(|_| PeriodError::Time)?.to_zoned(zone);
    bounds(kind, &now).map_err(|_| PeriodError::Time)
}

fn bounds(kind: BudgetPeriod, now: &Zoned) -> Result<Period, jiff::Error> {
    let (start, end) = match kind {
        BudgetPeriod::Day => {
            let start = now.start_of_day()?;
            let end = start.date().checked_add(1.day())?.to_zoned(start.time_zone().clone())?;
            (start, end)
        }
        BudgetPeriod::Month => {
            let first = now.date().first_of_month();
            let next = first.checked_add(1.month())?;
            let zone = now.time_zone();
            (first.to_zoned(zone.clone())?, next.to_zoned(zone.clone())?)
        }
    };
    Ok(Period { start: start.timestamp().as_microsecond(), end: end.timestamp().as_microsecond() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{prelude::*, sample::select};

    fn micros(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_microsecond()
    }

    #[test]
    fn a_month_is_the_tenants_own() {
        let at = micros("2026-11-01T03:00:00Z");
        let berlin = period(BudgetPeriod::Month, at, "Europe/Berlin").unwrap();
        assert_eq!(berlin.start, micros("2026-10-31T23:00:00Z"));
        // There it is still October, which ends after the clocks were set back in the other time zone.
        let new_york = period(BudgetPeriod::Month, at, "America/New_York").unwrap();
        assert_eq!(
            (new_york.start, new_york.end),
            (micros("2026-10-01T04:00:00Z"), micros("2026-11-01T04:00:00Z"))
        );
        assert!(matches!(period(BudgetPeriod::Day, at, "Mars/Olympus"), Err(PeriodError::TimeZone(_))));
    }

    #[test]
    fn a_day_has_as_many_hours_as_the_clocks_say() {
        let day = period(BudgetPeriod::Day, micros("2026-10-25T12:00:00Z"), "Europe/Berlin").unwrap();
        assert_eq!(day.end - day.start, 25 * 3_600 * 1_000_000);
    }

    proptest! {
        /// No moment is in no period or in two.
        #[test]
        fn periods_follow_each_other_without_a_gap(
            at in 0_i64..4_000_000_000_000_000, kind in select(BudgetPeriod::ALL.to_vec()),
            zone in select(vec!["UTC", "Europe/Berlin", "America/Sao_Paulo", "Pacific/Apia", "Asia/Kolkata"]),
        ) {
            let now = period(kind, at, zone).unwrap();
            prop_assert!(now.start <= at && at < now.end);
            let next = period(kind, now.end, zone).unwrap();
            prop_assert_eq!(next.start, now.end);
            prop_assert_eq!(period(kind, now.end - 1, zone).unwrap(), now);
        }
    }
}
