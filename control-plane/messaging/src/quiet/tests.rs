use super::*;
use proptest::{prelude::*, sample::select};

fn night() -> QuietHours {
    QuietHours::parse("21:00", "08:00").unwrap()
}

fn micros(at: &str) -> i64 {
    at.parse::<Timestamp>().unwrap().as_microsecond()
}

/// When somebody may be written to at the earliest.
fn allowed(zones: &Zones, at: &str) -> String {
    let from = match night().verdict(zones, micros(at)) {
        Quiet::Open => micros(at),
        Quiet::ClosedUntil(until) => until,
    };
    Timestamp::from_microsecond(from).unwrap().to_string()
}

fn by_number(e164: &str) -> Zones {
    Zones::of(None, Some(e164), "Europe/Berlin")
}

#[test]
fn the_contacts_own_zone_counts_before_that_of_the_number() {
    let zones = Zones::of(Some("Asia/Tokyo"), Some("+442079460000"), "Europe/Berlin");
    assert_eq!(zones.source(), ZoneSource::Contact);
    assert_eq!(allowed(&zones, "2026-11-21T12:00:00Z"), "2026-11-21T23:00:00Z");
    let unknown = Zones::of(Some("Mars/Olympus"), Some("+442079460000"), "Europe/Berlin");
    assert_eq!(unknown.source(), ZoneSource::Country);
}

#[test]
fn the_country_of_a_number_says_its_clock() {
    let london = by_number("+442079460000");
    assert_eq!(allowed(&london, "2026-11-21T20:59:00Z"), "2026-11-21T20:59:00Z");
    assert_eq!(allowed(&london, "2026-11-21T21:00:00Z"), "2026-11-22T08:00:00Z");
}

#[test]
fn an_area_code_says_more_than_the_country() {
    let new_york = by_number("+12125550100");
    assert_eq!(new_york.source(), ZoneSource::AreaCode);
    // Eight in the morning on the east coast is not quiet there, though it is in Hawaii.
    assert_eq!(allowed(&new_york, "2026-11-21T13:00:00Z"), "2026-11-21T13:00:00Z");
    assert_eq!(allowed(&by_number("+18085550100"), "2026-11-21T13:00:00Z"), "2026-11-21T18:00:00Z");
    // Half of Idaho is on Pacific time.
    assert_eq!(allowed(&by_number("+12085550100"), "2026-11-21T15:00:00Z"), "2026-11-21T16:00:00Z");
}

#[test]
fn in_a_country_of_many_zones_it_must_be_allowed_in_all() {
    // Toll-free: anywhere in the country. Nine in the evening in New York is three in the afternoon in Honolulu.
    let anywhere = Zones {
        zones: [by_number("+12125550100").zones, by_number("+18085550100").zones].concat(),
        ..by_number("+12125550100")
    };
    assert_eq!(allowed(&anywhere, "2026-11-21T13:30:00Z"), "2026-11-21T18:00:00Z");
    assert_eq!(allowed(&anywhere, "2026-11-22T02:30:00Z"), "2026-11-22T18:00:00Z");
}

#[test]
fn without_a_country_the_tenants_clock_counts() {
    let zones = by_number("+15550100");
    assert_eq!(zones.source(), ZoneSource::Tenant);
    assert_eq!(allowed(&zones, "2026-11-21T22:00:00Z"), "2026-11-22T07:00:00Z");
}

#[test]
fn quiet_hours_end_by_the_clock_on_days_on_which_it_is_changed() {
    let berlin = Zones::of(Some("Europe/Berlin"), None, "UTC");
    // The clocks go forward on 29 March 2026 and back on 25 October.
    assert_eq!(allowed(&berlin, "2026-03-28T22:00:00Z"), "2026-03-29T06:00:00Z");
    assert_eq!(allowed(&berlin, "2026-10-24T22:00:00Z"), "2026-10-25T07:00:00Z");
    let skipped = QuietHours::parse("01:00", "02:30").unwrap();
    assert_eq!(
        skipped.verdict(&berlin, micros("2026-03-29T00:30:00Z")),
        Quiet::ClosedUntil(micros("2026-03-29T01:30:00Z"))
    );
}

#[test]
fn what_is_no_time_is_refused() {
    assert_eq!(QuietHours::parse("late", "08:00"), Err(QuietError::NotATime("late".to_owned())));
    assert_eq!(QuietHours::parse("08:00", "08:00"), Err(QuietError::Empty));
}

#[test]
fn every_zone_of_the_lists_is_known_and_every_area_code_stands_once() {
    let all = COUNTRIES.values().chain(AREA_CODES.values()).flatten();
    let unknown: Vec<_> = all.filter(|zone| TimeZone::get(zone).is_err()).collect();
    assert_eq!(unknown, Vec::<&&str>::new());
    let lines = include_str!("area_codes.tsv").lines().filter(|line| !line.starts_with('#'));
    let codes: Vec<&str> = lines.flat_map(|line| line.split_once('\t').unwrap().1.split(' ')).collect();
    assert_eq!(codes.len(), AREA_CODES.len());
    assert!(codes.iter().all(|code| code.len() == 3 && code.parse::<u16>().is_ok_and(|code| code >= 200)));
    assert!(codes.len() > 380, "{}", codes.len());
}

proptest! {
    /// Whenever it is, the moment that is given is not earlier, and not quiet in any of the zones.
    #[test]
    fn nobody_is_written_to_in_quiet_hours(
        second in 1_700_000_000_i64..1_900_000_000, from in 0_i8..24, length in 1_i8..12,
        number in select(vec!["+442079460000", "+12125550100", "+19285550100", "+81312345678", "+61255500000"]),
    ) {
        let to = (from + length) % 24;
        let hours = QuietHours::parse(&format!("{from:02}:00"), &format!("{to:02}:00")).unwrap();
        let zones = by_number(number);
        let at = second * 1_000_000;
        let allowed = match hours.verdict(&zones, at) {
            Quiet::Open => at,
            Quiet::ClosedUntil(until) => { prop_assert!(until > at); until }
        };
        let allowed = Timestamp::from_microsecond(allowed).unwrap();
        for zone in &zones.zones {
            prop_assert!(!hours.holds(allowed.to_zoned(zone.clone()).time()));
        }
        prop_assert_eq!(hours.verdict(&zones, allowed.as_microsecond()), Quiet::Open);
    }

    #[test]
    fn no_numbers_make_it_panic(at: i64, number: String, zone: String) {
        let verdict = night().verdict(&Zones::of(Some(&zone), Some(&number), "UTC"), at);
        prop_assert!(!matches!(verdict, Quiet::ClosedUntil(until) if until <= at));
    }
}
