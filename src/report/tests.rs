//! Percentiles are exact, every figure can be worked out by hand from its samples, and the page stands alone.

use super::{
    CallSample, Distribution, FloorSamples, LoadReport, LoadSamples, LoadSettings, ProcessUse,
    ResponseSample, percentile,
};
use proptest::prelude::*;
use std::time::Duration;

const fn at_ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn settings() -> LoadSettings {
    LoadSettings {
        calls: 2,
        fixtures: vec!["order-status".to_owned()],
        to: "http://127.0.0.1:1/<voice>".to_owned(),
        ramp_per_second: 10.0,
        duration_s: None,
        fixed_delay_ms: Some(400.0),
    }
}

fn call(started_s: u64, ended_s: u64, latencies_ms: &[u64]) -> CallSample {
    let response = |(index, &latency): (usize, &u64)| ResponseSample {
        at: Duration::from_secs(started_s + index as u64),
        latency: at_ms(latency),
        fixed: Some(at_ms(400)),
    };
    CallSample {
        started: Duration::from_secs(started_s),
        ended: Duration::from_secs(ended_s),
        webhook: Some(at_ms(3 + started_s)),
        setup: Some(at_ms(7 + started_s)),
        responses: latencies_ms.iter().enumerate().map(response).collect(),
        ..CallSample::default()
    }
}

fn samples() -> LoadSamples {
    let good = CallSample {
        barge_ins: vec![at_ms(210)],
        underruns: vec![at_ms(20), at_ms(40)],
        ..call(0, 60, &[410, 430, 405])
    };
    let lost = CallSample {
        lost: Some("the stream was refused".to_owned()),
        carrier_warnings: vec!["31951 additional field".to_owned()],
        ..call(30, 90, &[390])
    };
    LoadSamples {
        calls: vec![good, lost],
        server: Some(ProcessUse { cpu: at_ms(600), resident_before: 30_000_000, resident_peak: 31_000_000 }),
        floor: Some(FloorSamples {
            calls: vec![call(0, 60, &[]), call(0, 60, &[])],
            server: Some(ProcessUse {
                cpu: at_ms(200),
                resident_before: 5_000_000,
                resident_peak: 5_400_000,
            }),
        }),
    }
}

#[test]
fn percentiles_are_nearest_ranks() {
    // The worked example of the nearest-rank method in the literature.
    let sorted = [15.0, 20.0, 35.0, 40.0, 50.0];
    let found = [5, 30, 40, 50, 100].map(|percent| percentile(&sorted, percent));
    assert_eq!(found, [15.0, 20.0, 20.0, 35.0, 50.0].map(Some));
    let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
    assert_eq!(
        [50, 95, 99, 100].map(|percent| percentile(&hundred, percent)),
        [50.0, 95.0, 99.0, 100.0].map(Some)
    );
    assert_eq!(percentile(&[7.0], 1), Some(7.0));
    assert_eq!(percentile(&[], 50), None);
    assert_eq!(Distribution::of(&[]), None);
}

proptest! {
    #[test]
    fn a_percentile_is_the_smallest_value_that_covers_its_share(
        mut values in prop::collection::vec(-1e6_f64..1e6, 1..200),
        percent in 1_u8..=100,
    ) {
        values.sort_unstable_by(f64::total_cmp);
        let found = percentile(&values, percent).expect("there are values");
        let covered = |limit: f64| values.iter().filter(|&&value| value <= limit).count() * 100;
        let needed = usize::from(percent) * values.len();
        prop_assert!(values.contains(&found));
        prop_assert!(covered(found) >= needed);
        if let Some(&below) = values.iter().rev().find(|&&value| value < found) {
            prop_assert!(covered(below) < needed);
        }
    }
}

#[test]
fn every_figure_can_be_worked_out_by_hand() {
    let report = LoadReport::new(settings(), &samples());
    let calls = &report.calls;
    assert_eq!((calls.started, calls.completed, calls.lost, calls.peak_concurrent), (2, 1, 1, 2));
    assert!((calls.minutes - 2.0).abs() < 1e-9);
    assert_eq!(calls.lost_because, [("the stream was refused".to_owned(), 1)]);
    let overhead = report.overhead_ms.expect("the fixed delay is known");
    assert_eq!(overhead.count, 4);
    assert!((overhead.p50 - 5.0).abs() < 1e-6 && (overhead.max - 30.0).abs() < 1e-6, "{overhead:?}");
    assert!((report.response_ms.expect("there are answers").max - 430.0).abs() < 1e-6);
    assert!((report.barge_in_ms.expect("there is one").p50 - 210.0).abs() < 1e-6);
    assert_eq!(report.underruns.count, 2);
    assert!((report.underruns.per_call_minute - 1.0).abs() < 1e-9);
    assert!((report.underruns.total_ms - 60.0).abs() < 1e-6);
    assert_eq!(report.carrier_warnings.kinds, [("31951 additional field".to_owned(), 1)]);
    let server = report.server.expect("its id is known");
    assert!((server.cpu_s_per_call_minute - 0.3).abs() < 1e-9);
    assert!((server.resident_bytes_per_call - 500_000.0).abs() < 1e-6);
    let floor = report.floor.as_ref().expect("it was run");
    assert!((floor.cpu_ratio.expect("both are known") - 3.0).abs() < 1e-9);
    assert!((floor.memory_ratio.expect("both are known") - 2.5).abs() < 1e-9);
}

#[test]
fn without_fixed_delays_there_is_no_overhead_but_a_latency() {
    let mut samples = samples();
    for response in samples.calls.iter_mut().flat_map(|call| &mut call.responses) {
        response.fixed = None;
    }
    let report = LoadReport::new(LoadSettings { fixed_delay_ms: None, ..settings() }, &samples);
    assert_eq!(report.overhead_ms, None);
    assert_eq!(report.response_ms.map(|figures| figures.count), Some(4));
}

#[test]
fn a_run_without_calls_has_a_report_too() {
    let report = LoadReport::new(settings(), &LoadSamples::default());
    assert_eq!(report.calls.started, 0);
    assert_eq!(report.server, None);
    assert!(report.to_html().contains("Nothing was measured."));
    let table = report.to_table();
    assert!(table.contains("0 started") && !table.contains("-0"), "{table}");
}

#[test]
fn calls_that_follow_one_another_are_not_counted_as_two_at_once() {
    let samples = LoadSamples { calls: vec![call(0, 10, &[]), call(10, 20, &[])], ..LoadSamples::default() };
    let report = LoadReport::new(settings(), &samples);
    assert_eq!(report.calls.peak_concurrent, 1);
    assert_eq!(report.series.concurrent, [(0.0, 1), (10.0, 1), (20.0, 0)]);
}

#[test]
fn a_long_run_keeps_its_worst_answer_in_every_plot() {
    let mut slow = call(0, 4_000, &vec![400; 3_999]);
    slow.responses[1_234].latency = at_ms(9_000);
    let report = LoadReport::new(settings(), &LoadSamples { calls: vec![slow], ..LoadSamples::default() });
    assert!(report.series.overhead_cdf.len() <= 402 && report.series.latency.len() <= 101);
    assert_eq!(report.series.overhead_cdf.last().map(|point| point.1), Some(1.0));
    assert!(report.series.latency.iter().any(|slice| slice.response_ms.max > 8_999.0));
}

#[test]
fn the_table_reads_as_a_person_would_want_it() {
    let expected = expect_test::expect![[r#"
        2 calls (order-status) to http://127.0.0.1:1/<voice>

        ms                      p50      p95      p99      max    count
        webhook                 3.0     33.0     33.0     33.0        2
        stream up               7.0     37.0     37.0     37.0        2
        overhead                5.0     30.0     30.0     30.0        4
        response              405.0    430.0    430.0    430.0        4
        barge-in              210.0    210.0    210.0    210.0        1

        calls             2 started, 1 completed, 1 lost, 2 at once, 2.0 minutes
        underruns         2 (1.000 per call-minute, 60 ms in all)
        carrier warnings  1
        server            0.300 CPU s per call-minute, 0.50 MB per call, 31 MB at most
        echo floor calls  2 started, 2 completed, 0 lost, 2 at once, 2.0 minutes
        echo floor        0.100 CPU s per call-minute, 0.20 MB per call, 5 MB at most
        server / floor    3.00 x CPU, 2.50 x memory
        lost              1 x the stream was refused
        warning           1 x 31951 additional field
    "#]];
    expected.assert_eq(&LoadReport::new(settings(), &samples()).to_table());
}

#[test]
fn the_json_can_be_read_back_unchanged() {
    let report = LoadReport::new(settings(), &samples());
    let text = serde_json::to_string(&report).expect("it serialises");
    let back: LoadReport = serde_json::from_str(&text).expect("it reads back");
    // JSON text holds the shortest form of a number; it must be the same one.
    assert_eq!(serde_json::to_string(&back).expect("it serialises"), text);
}

#[test]
fn the_page_stands_alone_and_holds_nothing_that_was_not_escaped() {
    let mut samples = samples();
    samples.calls[1].lost = Some("<script>alert(1)</script>".to_owned());
    let page = LoadReport::new(settings(), &samples).to_html();
    assert!(!page.contains("<script") && !page.contains("<voice>"), "{page}");
    for outside in ["src=", "href=", "url(", "@import"] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert_eq!(page.matches("<svg").count(), 3);
    assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
    assert!(page.contains("prefers-color-scheme:dark"));
    assert!(!page.contains("NaN") && !page.contains("inf"));
}
