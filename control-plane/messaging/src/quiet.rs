//! When somebody may be written to: not in quiet hours, by the clock where they are.
//!
//! The contact's own time zone counts if it is known, else that of the number's area code in the United States and Canada, else those of its
//! country, else the tenant's. Where there are several it must be outside of the quiet hours in all of them: nobody is woken because they live
//! in the other half of a country. Where no hour suits all of a country, the tenant's own clock counts.

use crate::{dispatch::Quiet, words::words};
use jiff::{Timestamp, ToSpan, civil::Time, tz::TimeZone};
use std::{collections::HashMap, sync::LazyLock};

/// Zones by country, ISO 3166.
static COUNTRIES: LazyLock<HashMap<&'static str, Vec<&'static str>>> = LazyLock::new(|| {
    let lines = include_str!("../../src/outbound/zones.tsv").lines().filter(|line| !line.starts_with('#'));
    let parts = lines.filter_map(|line| line.split_once('\t'));
    parts.map(|(country, zones)| (country, zones.split(' ').collect())).collect()
});

/// Zones by area code.
static AREA_CODES: LazyLock<HashMap<&'static str, Vec<&'static str>>> = LazyLock::new(|| {
    let lines = include_str!("quiet/area_codes.tsv").lines().filter(|line| !line.starts_with('#'));
    let parts = lines.filter_map(|line| line.split_once('\t'));
    parts
        .flat_map(|(zones, codes)| codes.split(' ').map(move |code| (code, zones.split(' ').collect())))
        .collect()
});

/// How far ahead an hour that suits all zones is looked for, in h.
const HORIZON_H: i64 = 48;

/// The quiet hours of each day; may go past midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuietHours {
    from: Time,
    to: Time,
}

/// Why quiet hours cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuietError {
    /// Not a time.
    #[error("{0:?} is not a time such as 21:00")]
    NotATime(String),
    /// The whole day, or nothing of it.
    #[error("quiet hours begin and end at different times")]
    Empty,
}

words! {
    /// What a person's time zones were taken from.
    pub enum ZoneSource, "source of a time zone" {
        /// The contact has one.
        Contact => "contact",
        /// The area code of the number.
        AreaCode => "area_code",
        /// The country of the number.
        Country => "country",
        /// Nothing is known: the tenant's own.
        Tenant => "tenant",
    }
}

/// The time zones in which a person may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zones {
    zones: Vec<TimeZone>,
    own: TimeZone,
    source: ZoneSource,
}

impl QuietHours {
    /// Reads times of day, `HH:MM`.
    ///
    /// # Errors
    /// [`QuietError`].
    pub fn parse(from: &str, to: &str) -> Result<Self, QuietError> {
        let time =
            |text: &str| Time::strptime("%H:%M", text).map_err(|_| QuietError::NotATime(text.to_owned()));
        let (from, to) = (time(from)?, time(to)?);
        if from == to { Err(QuietError::Empty) } else { Ok(Self { from, to }) }
    }

    /// Whether something may be sent to somebody in these zones at `at`, unix µs, or when it may.
    #[must_use]
    pub fn verdict(self, zones: &Zones, at: i64) -> Quiet {
        let Ok(now) = Timestamp::from_microsecond(at) else { return Quiet::Open };
        let first = self.first_outside(&zones.zones, now);
        let first =
            first.or_else(|| self.first_outside(std::slice::from_ref(&zones.own), now)).unwrap_or(now);
        if first > now { Quiet::ClosedUntil(first.as_microsecond()) } else { Quiet::Open }
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
        // Where a clock change skips the end, it is the moment after the gap.
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

impl Zones {
    /// The zones of a person by what is known of them. `contact` is the contact's own zone, `e164` their number, `own` the tenant's zone, each
    /// by its IANA name; one that does not exist is not known.
    #[must_use]
    pub fn of(contact: Option<&str>, e164: Option<&str>, own: &str) -> Self {
        let own = TimeZone::get(own).unwrap_or(TimeZone::UTC);
        let known = |names: &[&str]| -> Vec<TimeZone> {
            names.iter().filter_map(|name| TimeZone::get(name).ok()).collect()
        };
        let found = [
            (contact.map(|zone| known(&[zone])), ZoneSource::Contact),
            (e164.and_then(area_code_zones).map(known), ZoneSource::AreaCode),
            (e164.and_then(country).as_deref().and_then(country_zones).map(known), ZoneSource::Country),
        ];
        for (zones, source) in found {
            if let Some(zones) = zones.filter(|zones| !zones.is_empty()) {
                return Self { zones, own, source };
            }
        }
        Self { zones: vec![own.clone()], own, source: ZoneSource::Tenant }
    }

    /// What they were taken from.
    #[must_use]
    pub const fn source(&self) -> ZoneSource {
        self.source
    }
}

/// The country of a number, E.164, as ISO 3166 has it; `None` if the number does not say.
#[must_use]
pub fn country(e164: &str) -> Option<String> {
    let number = phonenumber::parse(None, e164).ok()?;
    number.country().id().map(|country| country.as_ref().to_owned())
}

/// The time zones of a country, ISO 3166, by their IANA names.
#[must_use]
pub fn country_zones(country: &str) -> Option<&'static [&'static str]> {
    COUNTRIES.get(country).map(Vec::as_slice)
}

/// The time zones of an area code of the United States or Canada; `None` for other numbers.
fn area_code_zones(e164: &str) -> Option<&'static [&'static str]> {
    let national = e164.strip_prefix("+1").filter(|national| national.len() == 10)?;
    AREA_CODES.get(national.get(..3)?).map(Vec::as_slice)
}

#[cfg(test)]
mod tests;
