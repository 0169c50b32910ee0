//! Reads business hours, and says of everything that is wrong where it is and why.

use super::{DAY, Exception, Hours, Span};
use jiff::{civil::Date, tz::TimeZone};
use std::collections::{BTreeMap, btree_map::Entry};
use store::model::number::{BusinessHours, OpenSpan};

/// Most spans of a week: one for every half hour of five days is more than anybody keeps.
const WEEKLY_MAX: usize = 240;
/// Most days that are not usual: several years of them.
const EXCEPTIONS_MAX: usize = 1_000;
/// Most spans of such a day.
const OPEN_MAX: usize = 48;
/// Minutes of a week.
const WEEK: u32 = 7 * DAY as u32;

/// Something wrong in what was given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{pointer}: {message}")]
pub struct Fault {
    /// Where, as a JSON pointer.
    pub pointer: String,
    /// What, for people.
    pub message: String,
}

impl Fault {
    pub(crate) fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), message: message.into() }
    }
}

pub(super) fn read(hours: &BusinessHours, tenant_zone: &str) -> Result<Hours, Vec<Fault>> {
    let mut faults = Vec::new();
    let zone = zone(hours.time_zone.as_deref().unwrap_or(tenant_zone), &mut faults);
    let weekly = weekly(hours, &mut faults);
    let exceptions = exceptions(hours, &mut faults);
    match zone {
        Some(zone) if faults.is_empty() => Ok(Hours { zone, weekly, exceptions }),
        Some(_) | None => Err(faults),
    }
}

fn zone(name: &str, faults: &mut Vec<Fault>) -> Option<TimeZone> {
    match TimeZone::get(name) {
        Ok(zone) => Some(zone),
        Err(_) => {
            faults.push(Fault::new(
                "/time_zone",
                "there is no such time zone; it is an IANA name such as Europe/Paris",
            ));
            None
        }
    }
}

fn weekly(hours: &BusinessHours, faults: &mut Vec<Fault>) -> [Vec<Span>; 7] {
    let mut week: [Vec<Span>; 7] = Default::default();
    if hours.weekly.len() > WEEKLY_MAX {
        faults.push(Fault::new("/weekly", format!("there are more than {WEEKLY_MAX} spans")));
        return week;
    }
    // Where each span begins in the week, how long it is, and where it stands.
    let mut placed: Vec<(u32, u32, usize)> = Vec::new();
    for (index, span) in hours.weekly.iter().enumerate() {
        let pointer = format!("/weekly/{index}");
        let day = usize::from(span.weekday).checked_sub(1).filter(|day| *day < week.len());
        if day.is_none() {
            let message = "a weekday is a number from 1 (Monday) to 7 (Sunday)";
            faults.push(Fault::new(format!("{pointer}/weekday"), message));
        }
        if let (Some(read), Some(day)) = (span_of(&span.from, &span.to, &pointer, faults), day) {
            if let Some(day) = week.get_mut(day) {
                day.push(read);
            }
            let from = u32::from(span.weekday - 1) * u32::from(DAY) + u32::from(read.from);
            placed.push((from, u32::from(read.to - read.from), index));
        }
    }
    placed.sort_unstable();
    // Each against the one that begins next, the last against the first of the week that follows.
    for (place, &(from, length, index)) in placed.iter().enumerate() {
        let next = placed.get(place + 1).map(|next| (next.0, next.2));
        let next = next.or_else(|| placed.first().map(|first| (first.0 + WEEK, first.2)));
        if let Some((next_from, next_index)) = next
            && next_index != index
            && from + length > next_from
        {
            let message = format!("it overlaps with the span at /weekly/{}", index.min(next_index));
            faults.push(Fault::new(format!("/weekly/{}", index.max(next_index)), message));
        }
    }
    for day in &mut week {
        day.sort_unstable_by_key(|span| span.from);
    }
    week
}

fn exceptions(hours: &BusinessHours, faults: &mut Vec<Fault>) -> BTreeMap<Date, Exception> {
    let mut days = BTreeMap::new();
    if hours.exceptions.len() > EXCEPTIONS_MAX {
        faults.push(Fault::new("/exceptions", format!("there are more than {EXCEPTIONS_MAX} days")));
        return days;
    }
    for (index, exception) in hours.exceptions.iter().enumerate() {
        let pointer = format!("/exceptions/{index}");
        let open = open_spans(&exception.open, &pointer, faults);
        let Some(date) = date(&exception.date) else {
            faults.push(Fault::new(format!("{pointer}/date"), "a date is written YYYY-MM-DD and exists"));
            continue;
        };
        match days.entry(date) {
            Entry::Vacant(free) => {
                free.insert(Exception { name: exception.name.clone(), open });
            }
            Entry::Occupied(_) => {
                faults.push(Fault::new(format!("{pointer}/date"), "this date is there twice"));
            }
        }
    }
    days
}

fn open_spans(open: &[OpenSpan], pointer: &str, faults: &mut Vec<Fault>) -> Vec<Span> {
    if open.len() > OPEN_MAX {
        faults.push(Fault::new(format!("{pointer}/open"), format!("there are more than {OPEN_MAX} spans")));
        return Vec::new();
    }
    let mut placed: Vec<(Span, usize)> = Vec::new();
    for (index, span) in open.iter().enumerate() {
        let pointer = format!("{pointer}/open/{index}");
        placed.extend(span_of(&span.from, &span.to, &pointer, faults).map(|span| (span, index)));
    }
    placed.sort_unstable_by_key(|(span, _)| span.from);
    for ((earlier, one), (later, other)) in placed.iter().zip(placed.iter().skip(1)) {
        if earlier.to > later.from {
            let message = format!("it overlaps with the span at {pointer}/open/{}", one.min(other));
            faults.push(Fault::new(format!("{pointer}/open/{}", one.max(other)), message));
        }
    }
    placed.into_iter().map(|(span, _)| span).collect()
}

fn span_of(from: &str, to: &str, pointer: &str, faults: &mut Vec<Fault>) -> Option<Span> {
    let opens = minute(from).filter(|minute| *minute < DAY);
    if opens.is_none() {
        faults.push(Fault::new(format!("{pointer}/from"), "a time is written HH:MM, from 00:00 to 23:59"));
    }
    let closes = minute(to);
    if closes.is_none() {
        faults.push(Fault::new(format!("{pointer}/to"), "a time is written HH:MM, from 00:00 to 24:00"));
    }
    let (from, to) = (opens?, closes?);
    if from == to {
        let message = "it closes when it opens; a whole day is from 00:00 to 24:00";
        faults.push(Fault::new(format!("{pointer}/to"), message));
        return None;
    }
    Some(Span { from, to: if to > from { to } else { to + DAY } })
}

/// Minutes since midnight of `HH:MM`; `24:00` is the day's end.
fn minute(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let two_digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    if !two_digits(hours) || !two_digits(minutes) {
        return None;
    }
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    let all = hours * 60 + minutes;
    (minutes < 60 && all <= DAY).then_some(all)
}

/// Only the one way of writing it: the parser knows others, with a time for instance.
fn date(text: &str) -> Option<Date> {
    let is_plain = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    is_plain.then(|| text.parse().ok()).flatten()
}
