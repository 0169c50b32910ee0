//! When a tenant is open: a week of spans, and days that are not usual, in a time zone.
//!
//! - A span is open from its first minute to just before its last. One whose end is not after its beginning goes on past
//!   midnight and belongs to the day on which it opens.
//! - A day that is not usual has only the spans that are written for it: a span that reaches into it from the day before
//!   ends at midnight.
//! - Where a clock change skips the minute at which a span opens or closes, it opens or closes at the change. Where a minute
//!   comes twice, a span opens at the first and closes at the second, so that nobody is locked out in between.

mod read;

use jiff::{
    Timestamp,
    civil::{Date, DateTime, Time},
    tz::{AmbiguousOffset, TimeZone},
};
pub use read::Fault;
use std::collections::BTreeMap;
use store::model::number::BusinessHours;

/// How far ahead the next change is looked for, in days: further than any week with a year of closed days in it.
const HORIZON_DAYS: i32 = 400;

/// Minutes of a day.
const DAY: u16 = 24 * 60;

/// Business hours that were read and found good.
#[derive(Clone, Debug)]
pub struct Hours {
    zone: TimeZone,
    weekly: [Vec<Span>; 7],
    exceptions: BTreeMap<Date, Exception>,
}

/// Minutes from the midnight at which the day begins; `to` is greater than `from`, and greater than [`DAY`] if the span goes
/// on past the next midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    from: u16,
    to: u16,
}

#[derive(Clone, Debug)]
struct Exception {
    name: String,
    open: Vec<Span>,
}

/// A span between two instants: open from the first to just before the second.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    from: Timestamp,
    to: Timestamp,
}

impl Stretch {
    fn holds(self, at: Timestamp) -> bool {
        self.from <= at && at < self.to
    }
}

/// What is known of a tenant's hours at some instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Openness {
    /// Whether it is open.
    pub open: bool,
    /// The name of the day, if it is not a usual one.
    pub exception: Option<String>,
}

impl Hours {
    /// Reads hours as they are stored. `tenant_zone` is used where they have no time zone of their own.
    ///
    /// # Errors
    /// Everything that is wrong, each with a JSON pointer into `hours`.
    pub fn read(hours: &BusinessHours, tenant_zone: &str) -> Result<Self, Vec<Fault>> {
        read::read(hours, tenant_zone)
    }

    /// Whether it is open at `at`.
    #[must_use]
    pub fn at(&self, at: Timestamp) -> Openness {
        let today = self.zone.to_datetime(at).date();
        // The day before may reach into this one; the day after may have begun already and be taken back by a clock change.
        let days = [today.yesterday().ok(), Some(today), today.tomorrow().ok()];
        let open = days.into_iter().flatten().any(|day| self.stretches(day).any(|stretch| stretch.holds(at)));
        Openness { open, exception: self.exceptions.get(&today).map(|exception| exception.name.clone()) }
    }

    /// When it next opens, if it is closed at `at`, or closes, if it is open; `None` if neither happens within some 400 days.
    #[must_use]
    pub fn next_change(&self, at: Timestamp) -> Option<Timestamp> {
        let today = self.zone.to_datetime(at).date();
        let mut open_until = self.at(at).open.then_some(at);
        let days = (-1..HORIZON_DAYS).map_while(|ahead| {
            let span = jiff::Span::new().try_days(ahead).ok()?;
            today.checked_add(span).ok()
        });
        // Beginnings come in order, from day to day and within a day.
        for stretch in days.flat_map(|day| self.stretches(day)) {
            match open_until {
                None if stretch.from > at => return Some(stretch.from),
                Some(until) if stretch.from > until => return Some(until),
                Some(until) => open_until = Some(until.max(stretch.to)),
                None => {}
            }
        }
        let last_day = today.checked_add(jiff::Span::new().try_days(HORIZON_DAYS - 1).ok()?).ok()?;
        open_until.filter(|until| self.zone.to_datetime(*until).date() < last_day)
    }

    /// When it is open by the spans of `day`, which may end on the day after.
    fn stretches(&self, day: Date) -> impl Iterator<Item = Stretch> {
        let tomorrow = day.tomorrow().ok();
        let cut = tomorrow
            .filter(|tomorrow| self.exceptions.contains_key(tomorrow))
            .and_then(|tomorrow| self.instant(tomorrow.to_datetime(Time::midnight()), Twice::First));
        self.spans(day).iter().filter_map(move |span| {
            let from = self.instant(day_time(day, tomorrow, span.from)?, Twice::First)?;
            let to = self.instant(day_time(day, tomorrow, span.to)?, Twice::Second)?;
            let to = cut.map_or(to, |cut| to.min(cut));
            (from < to).then_some(Stretch { from, to })
        })
    }

    fn spans(&self, day: Date) -> &[Span] {
        if let Some(exception) = self.exceptions.get(&day) {
            return &exception.open;
        }
        let weekday = usize::try_from(day.weekday().to_monday_zero_offset()).unwrap_or(0);
        self.weekly.get(weekday).map_or(&[], Vec::as_slice)
    }

    /// When the clock shows `local`; `None` beyond the calendar.
    fn instant(&self, local: DateTime, twice: Twice) -> Option<Timestamp> {
        let ambiguous = self.zone.to_ambiguous_timestamp(local);
        match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { .. } => ambiguous.compatible().ok(),
            AmbiguousOffset::Fold { .. } => match twice {
                Twice::First => ambiguous.earlier().ok(),
                Twice::Second => ambiguous.later().ok(),
            },
            AmbiguousOffset::Gap { .. } => {
                let before = ambiguous.earlier().ok()?;
                self.zone.following(before).next().map(|change| change.timestamp())
            }
        }
    }
}

/// Which of two instants is meant, where the clock shows the same time twice.
#[derive(Clone, Copy)]
enum Twice {
    First,
    Second,
}

/// `minute` of `day`, which is on `tomorrow` from [`DAY`] on.
fn day_time(day: Date, tomorrow: Option<Date>, minute: u16) -> Option<DateTime> {
    let (date, minute) = if minute < DAY { (day, minute) } else { (tomorrow?, minute - DAY) };
    let hour = i8::try_from(minute / 60).ok()?;
    let minute = i8::try_from(minute % 60).ok()?;
    Some(date.to_datetime(Time::new(hour, minute, 0, 0).ok()?))
}

#[cfg(test)]
mod tests;
