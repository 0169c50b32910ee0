use super::*;
use proptest::{collection::vec, prelude::*, sample::select};
use store::model::number::{DateException, OpenSpan, WeeklySpan};

fn span(weekday: u8, from: &str, to: &str) -> WeeklySpan {
    WeeklySpan { weekday, from: from.to_owned(), to: to.to_owned() }
}

fn exception(date: &str, name: &str, open: &[(&str, &str)]) -> DateException {
    let open = open.iter().map(|(from, to)| OpenSpan { from: (*from).to_owned(), to: (*to).to_owned() });
    DateException { date: date.to_owned(), name: name.to_owned(), open: open.collect() }
}

fn stored(zone: &str, weekly: Vec<WeeklySpan>, exceptions: Vec<DateException>) -> BusinessHours {
    BusinessHours { name: "Hours".to_owned(), time_zone: Some(zone.to_owned()), weekly, exceptions }
}

fn hours(zone: &str, weekly: Vec<WeeklySpan>, exceptions: Vec<DateException>) -> Hours {
    Hours::read(&stored(zone, weekly, exceptions), "UTC").unwrap()
}

fn daily(from: &str, to: &str) -> Vec<WeeklySpan> {
    (1..=7).map(|day| span(day, from, to)).collect()
}

/// `2026-03-08T06:59:59Z`, or with an offset.
fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn is_open(hours: &Hours, text: &str) -> bool {
    hours.at(at(text)).open
}

#[test]
fn a_span_is_open_from_its_first_minute_to_just_before_its_last() {
    // 2026-11-23 is a Monday.
    let hours = hours("Europe/Paris", vec![span(1, "09:00", "12:30"), span(1, "14:00", "18:00")], vec![]);
    for (time, open) in [
        ("2026-11-23T08:59:59+01:00", false),
        ("2026-11-23T09:00:00+01:00", true),
        ("2026-11-23T12:29:59+01:00", true),
        ("2026-11-23T12:30:00+01:00", false),
        ("2026-11-23T14:00:00+01:00", true),
        ("2026-11-24T10:00:00+01:00", false),
    ] {
        assert_eq!(is_open(&hours, time), open, "{time}");
    }
    assert_eq!(hours.next_change(at("2026-11-23T10:00:00+01:00")), Some(at("2026-11-23T12:30:00+01:00")));
    assert_eq!(hours.next_change(at("2026-11-23T12:30:00+01:00")), Some(at("2026-11-23T14:00:00+01:00")));
    assert_eq!(hours.next_change(at("2026-11-23T18:00:00+01:00")), Some(at("2026-11-30T09:00:00+01:00")));
}

#[test]
fn a_span_past_midnight_belongs_to_the_day_on_which_it_opens() {
    let hours = hours("Europe/Paris", vec![span(7, "22:00", "06:00")], vec![]);
    for (time, open) in [
        ("2026-11-22T05:00:00+01:00", false),
        ("2026-11-22T22:00:00+01:00", true),
        ("2026-11-23T05:59:59+01:00", true),
        ("2026-11-23T06:00:00+01:00", false),
        ("2026-11-23T23:00:00+01:00", false),
    ] {
        assert_eq!(is_open(&hours, time), open, "{time}");
    }
    assert_eq!(hours.next_change(at("2026-11-23T00:00:00+01:00")), Some(at("2026-11-23T06:00:00+01:00")));
}

#[test]
fn midnight_ends_a_day_however_it_is_written() {
    for to in ["24:00", "00:00"] {
        let hours = hours("UTC", vec![span(1, "20:00", to)], vec![]);
        assert!(is_open(&hours, "2026-11-23T23:59:59Z") && !is_open(&hours, "2026-11-24T00:00:00Z"), "{to}");
    }
}

#[test]
fn an_unusual_day_has_only_its_own_spans() {
    let days = vec![
        exception("2026-12-25", "Christmas", &[]),
        exception("2026-12-24", "Eve", &[("09:00", "12:00")]),
    ];
    let hours = hours("Europe/Paris", daily("08:00", "20:00"), days);
    let eve = hours.at(at("2026-12-24T11:00:00+01:00"));
    assert_eq!((eve.open, eve.exception.as_deref()), (true, Some("Eve")));
    assert!(!is_open(&hours, "2026-12-24T13:00:00+01:00"));
    let christmas = hours.at(at("2026-12-25T10:00:00+01:00"));
    assert_eq!((christmas.open, christmas.exception.as_deref()), (false, Some("Christmas")));
    assert_eq!(hours.at(at("2026-12-26T10:00:00+01:00")), Openness { open: true, exception: None });
    assert_eq!(hours.next_change(at("2026-12-24T12:00:00+01:00")), Some(at("2026-12-26T08:00:00+01:00")));
}

#[test]
fn a_night_ends_at_midnight_before_an_unusual_day() {
    let closed = vec![exception("2026-12-25", "Christmas", &[])];
    let usual = hours("UTC", daily("22:00", "06:00"), closed);
    assert!(is_open(&usual, "2026-12-24T23:59:59Z") && !is_open(&usual, "2026-12-25T00:00:00Z"));
    assert!(!is_open(&usual, "2026-12-25T23:00:00Z") && !is_open(&usual, "2026-12-26T05:00:00Z"));
    let late = hours(
        "UTC",
        daily("08:00", "18:00"),
        vec![exception("2026-12-31", "New Year's Eve", &[("20:00", "03:00")])],
    );
    assert!(!is_open(&late, "2026-12-31T10:00:00Z") && is_open(&late, "2027-01-01T02:59:59Z"));
    assert!(is_open(&late, "2027-01-01T08:00:00Z"), "the day after is usual again");
}

#[test]
fn what_opens_in_a_skipped_hour_opens_at_the_change() {
    // On 2026-03-08 at 02:00 New York's clocks go to 03:00: 07:00 UTC.
    let opens = hours("America/New_York", daily("02:30", "10:00"), vec![]);
    assert!(!is_open(&opens, "2026-03-08T06:59:59Z") && is_open(&opens, "2026-03-08T07:00:00Z"));
    let closes = hours("America/New_York", daily("00:00", "02:30"), vec![]);
    assert!(is_open(&closes, "2026-03-08T06:59:59Z") && !is_open(&closes, "2026-03-08T07:00:00Z"));
    let inside = hours("America/New_York", daily("02:10", "02:50"), vec![]);
    assert_eq!(inside.next_change(at("2026-03-08T05:00:00Z")), Some(at("2026-03-09T02:10:00-04:00")));
}

#[test]
fn what_opens_or_closes_in_an_hour_that_comes_twice_does_not_close_in_between() {
    // On 2026-11-01 at 02:00 New York's clocks go back to 01:00: 06:00 UTC.
    let opens = hours("America/New_York", daily("01:30", "05:00"), vec![]);
    assert!(!is_open(&opens, "2026-11-01T05:29:59Z") && is_open(&opens, "2026-11-01T05:30:00Z"));
    assert!(is_open(&opens, "2026-11-01T06:10:00Z"), "the clock shows 01:10 again");
    let closes = hours("America/New_York", daily("00:00", "01:30"), vec![]);
    assert!(is_open(&closes, "2026-11-01T05:45:00Z"), "the clock shows 01:30 for the first time");
    assert!(is_open(&closes, "2026-11-01T06:29:59Z") && !is_open(&closes, "2026-11-01T06:30:00Z"));
    assert_eq!(closes.next_change(at("2026-11-01T05:00:00Z")), Some(at("2026-11-01T06:30:00Z")));
}

#[test]
fn a_midnight_that_does_not_exist_or_comes_twice_ends_the_day_all_the_same() {
    // São Paulo, 2018-11-04: 00:00 became 01:00 (03:00 UTC). St. John's, 2010-11-07: 00:01 became 23:01 of the day before.
    let gap = hours("America/Sao_Paulo", vec![span(6, "20:00", "24:00"), span(7, "00:00", "02:00")], vec![]);
    assert!(is_open(&gap, "2018-11-04T02:59:59Z") && is_open(&gap, "2018-11-04T03:00:00Z"));
    assert!(!is_open(&gap, "2018-11-04T04:00:00Z"), "02:00 by the new clock");
    let fold = hours("America/St_Johns", vec![span(7, "00:00", "01:00")], vec![]);
    let first_midnight = at("2010-11-07T00:00:00-02:30");
    assert!(!is_open(&fold, "2010-11-06T23:59:59-02:30") && fold.at(first_midnight).open);
    assert!(is_open(&fold, "2010-11-06T23:30:00-03:30"), "Sunday has begun once already");
    assert!(!is_open(&fold, "2010-11-07T01:00:00-03:30"));
}

#[test]
fn a_day_that_a_place_never_had_is_passed_over() {
    // Samoa had no 30 December 2011.
    let hours = hours(
        "Pacific/Apia",
        daily("22:00", "06:00"),
        vec![exception("2011-12-30", "Never", &[("08:00", "12:00")])],
    );
    assert!(is_open(&hours, "2011-12-29T23:59:59-10:00"));
    assert!(!is_open(&hours, "2011-12-31T00:00:00+14:00"), "the night ended at a midnight of an unusual day");
    assert_eq!(hours.next_change(at("2011-12-31T00:00:00+14:00")), Some(at("2011-12-31T22:00:00+14:00")));
}

#[test]
fn what_never_changes_says_so() {
    let always = hours("Europe/Paris", daily("00:00", "24:00"), vec![]);
    assert!(is_open(&always, "2026-03-29T01:00:00Z"));
    assert_eq!(always.next_change(at("2026-01-01T00:00:00Z")), None);
    let never = hours("Europe/Paris", vec![], vec![]);
    assert_eq!(never.next_change(at("2026-01-01T00:00:00Z")), None);
    let once = hours("UTC", vec![], vec![exception("2026-12-24", "Once", &[("09:00", "10:00")])]);
    assert_eq!(once.next_change(at("2026-01-01T00:00:00Z")), Some(at("2026-12-24T09:00:00Z")));
    assert_eq!(once.next_change(at("2026-12-24T09:00:00Z")), Some(at("2026-12-24T10:00:00Z")));
}

#[test]
fn hours_without_a_zone_have_their_tenants() {
    let own = BusinessHours { time_zone: None, ..stored("", vec![span(1, "09:00", "10:00")], vec![]) };
    assert!(is_open(&Hours::read(&own, "Asia/Kolkata").unwrap(), "2026-11-23T03:30:00Z"));
    assert_eq!(Hours::read(&own, "Atlantis").unwrap_err()[0].pointer, "/time_zone");
}

#[test]
fn everything_that_is_wrong_is_pointed_at() {
    let wrong = stored(
        "Europe/Atlantis",
        vec![
            span(0, "09:00", "10:00"),
            span(8, "09:00", "10:00"),
            span(1, "9:00", "10:60"),
            span(1, "24:00", "25:00"),
            span(2, "09:00", "09:00"),
            span(3, "+9:00", "1０:00"),
        ],
        vec![
            exception("2026-02-29", "", &[]),
            exception("2026-12-25", "", &[("08:00", "12:00"), ("11:59", "13:00")]),
            exception("2026-12-25", "", &[("x", "12:00")]),
            exception("2026-12-25T10:00", "", &[]),
        ],
    );
    let faults = Hours::read(&wrong, "UTC").unwrap_err();
    let pointers: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(
        pointers,
        [
            "/time_zone",
            "/weekly/0/weekday",
            "/weekly/1/weekday",
            "/weekly/2/from",
            "/weekly/2/to",
            "/weekly/3/from",
            "/weekly/3/to",
            "/weekly/4/to",
            "/weekly/5/from",
            "/weekly/5/to",
            "/exceptions/0/date",
            "/exceptions/1/open/1",
            "/exceptions/2/open/0/from",
            "/exceptions/2/date",
            "/exceptions/3/date",
        ]
    );
}

#[test]
fn spans_that_overlap_are_pointed_at_over_midnight_and_over_the_weeks_end_too() {
    for (first, second, wrong) in [
        (span(1, "09:00", "12:00"), span(1, "11:59", "13:00"), true),
        (span(1, "09:00", "12:00"), span(1, "12:00", "13:00"), false),
        (span(1, "22:00", "06:00"), span(2, "05:59", "09:00"), true),
        (span(1, "22:00", "06:00"), span(2, "06:00", "09:00"), false),
        (span(7, "22:00", "06:00"), span(1, "05:00", "09:00"), true),
        (span(7, "22:00", "06:00"), span(1, "06:00", "09:00"), false),
        (span(3, "09:00", "10:00"), span(3, "09:00", "10:00"), true),
    ] {
        for weekly in [vec![first.clone(), second.clone()], vec![second.clone(), first.clone()]] {
            let faults = Hours::read(&stored("UTC", weekly.clone(), vec![]), "UTC").err();
            let pointers =
                faults.map(|faults| faults.into_iter().map(|fault| fault.pointer).collect::<Vec<_>>());
            assert_eq!(pointers, wrong.then(|| vec!["/weekly/1".to_owned()]), "{weekly:?}");
        }
    }
}

#[test]
fn too_much_is_refused() {
    let many = vec![span(1, "09:00", "10:00"); 241];
    assert_eq!(Hours::read(&stored("UTC", many, vec![]), "UTC").unwrap_err()[0].pointer, "/weekly");
    let days = vec![exception("2026-12-25", "", &[]); 1_001];
    assert_eq!(Hours::read(&stored("UTC", vec![], days), "UTC").unwrap_err()[0].pointer, "/exceptions");
}

/// Hours without overlaps: every day a span of a part of it, or none, in one of zones with all kinds of changes.
fn any_hours() -> impl Strategy<Value = Hours> {
    let zones = select(vec![
        "UTC",
        "America/New_York",
        "Europe/Dublin",
        "Australia/Lord_Howe",
        "Asia/Kathmandu",
        "Pacific/Apia",
        "America/St_Johns",
        "Africa/Casablanca",
        "America/Sao_Paulo",
    ]);
    let time = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
    let day = (any::<bool>(), 0_u16..720, 720_u16..=1_440);
    let special = (0_i64..365, any::<bool>(), 0_u16..1_440, 0_u16..1_440);
    (zones, vec(day, 7), vec(special, 0..5)).prop_map(move |(zone, week, special)| {
        let weekly = (1_u8..).zip(week).filter(|(_, (open, ..))| *open);
        let weekly = weekly.map(|(day, (_, from, to))| span(day, &time(from), &time(to))).collect();
        let mut exceptions: Vec<DateException> = Vec::new();
        for (day, open, from, to) in special {
            let date =
                jiff::civil::date(2026, 1, 1).checked_add(jiff::Span::new().days(day)).unwrap().to_string();
            if exceptions.iter().any(|known| known.date == date) {
                continue;
            }
            let (from, to) = (time(from), time(to));
            let spans = [(from.as_str(), to.as_str())];
            exceptions.push(exception(&date, "day", if open && from != to { &spans } else { &[] }));
        }
        hours(zone, weekly, exceptions)
    })
}

proptest! {
    #[test]
    fn nothing_changes_before_the_next_change(hours in any_hours(), second in 1_767_225_600_i64..1_798_761_600, part in 0.0..1.0_f64) {
        let now = Timestamp::from_second(second).unwrap();
        let before = hours.at(now).open;
        if let Some(change) = hours.next_change(now) {
            prop_assert!(change > now);
            prop_assert_ne!(hours.at(change).open, before, "it changes then");
            let length = change.as_second() - second;
            let between = Timestamp::from_second(second + (length as f64 * part) as i64).unwrap();
            if between < change {
                prop_assert_eq!(hours.at(between).open, before);
                prop_assert_eq!(hours.next_change(between), Some(change));
            }
        }
    }

    #[test]
    fn it_is_open_as_the_clock_says_where_the_clock_is_not_changed(hours in any_hours(), second in 1_767_225_600_i64..1_798_761_600) {
        let now = Timestamp::from_second(second).unwrap();
        let local = hours.zone.to_datetime(now);
        // Far from any change of the clock, and from spans of the day before.
        let near = [-2, 2].map(|days| hours.zone.to_offset(Timestamp::from_second(second + days * 86_400).unwrap()));
        prop_assume!(near[0] == near[1]);
        let minute = u16::try_from(local.hour()).unwrap() * 60 + u16::try_from(local.minute()).unwrap();
        let today = hours.spans(local.date()).iter().any(|span| span.from <= minute && minute < span.to);
        let is_unusual = hours.exceptions.contains_key(&local.date());
        let yesterday = local.date().yesterday().unwrap();
        let tail = !is_unusual && hours.spans(yesterday).iter().any(|span| minute + DAY < span.to);
        prop_assert_eq!(hours.at(now).open, today || tail);
    }

    #[test]
    fn any_instant_has_an_answer(hours in any_hours(), second in prop_oneof![any::<i64>(), -300_000_000_000..250_000_000_000_i64]) {
        let (first, last) = (Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
        let at = Timestamp::from_second(second.clamp(first, last)).unwrap();
        let open = hours.at(at).open;
        if let Some(change) = hours.next_change(at) {
            prop_assert_ne!(hours.at(change).open, open);
        }
    }

    #[test]
    fn any_text_is_read_or_pointed_at(from in ".{0,6}", to in "[0-9:]{0,6}", day: u8, date in "[0-9-]{0,11}", zone in ".{0,12}") {
        let wild = stored(&zone, vec![span(day, &from, &to)], vec![exception(&date, &from, &[(&to, &from)])]);
        if let Err(faults) = Hours::read(&wild, "UTC") {
            prop_assert!(faults.iter().all(|fault| fault.pointer.starts_with('/')));
        }
    }
}
