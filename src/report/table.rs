//! The report for a terminal: one line per figure, aligned, with units.

use super::{CallCounts, Distribution, LoadReport, ProcessFigures};
use std::fmt::{self, Write};

#[expect(clippy::expect_used, reason = "writing into a string cannot fail")]
pub(super) fn render(report: &LoadReport) -> String {
    let mut text = String::new();
    write(report, &mut text).expect("a string takes everything");
    text
}

/// What each row says: its name, and its figures as text. Shared with the page.
pub(super) fn latencies(report: &LoadReport) -> Vec<(&'static str, Option<Distribution>)> {
    vec![
        ("webhook", report.webhook_ms),
        ("stream up", report.setup_ms),
        ("overhead", report.overhead_ms),
        ("response", report.response_ms),
        ("barge-in", report.barge_in_ms),
    ]
}

/// Everything that is not a percentile: name and figure.
pub(super) fn figures(report: &LoadReport) -> Vec<(&'static str, String)> {
    let mut rows = vec![
        ("calls", counts(&report.calls)),
        (
            "underruns",
            format!(
                "{} ({:.3} per call-minute, {:.0} ms in all)",
                report.underruns.count, report.underruns.per_call_minute, report.underruns.total_ms
            ),
        ),
        ("carrier warnings", report.carrier_warnings.count.to_string()),
    ];
    if let Some(server) = &report.server {
        rows.push(("server", process(server)));
    }
    if let Some(floor) = &report.floor {
        rows.push(("echo floor calls", counts(&floor.calls)));
        if let Some(server) = &floor.server {
            rows.push(("echo floor", process(server)));
        }
        if let (Some(cpu), Some(memory)) = (floor.cpu_ratio, floor.memory_ratio) {
            rows.push(("server / floor", format!("{cpu:.2} x CPU, {memory:.2} x memory")));
        }
    }
    rows
}

fn write(report: &LoadReport, f: &mut String) -> fmt::Result {
    let settings = &report.settings;
    writeln!(f, "{} calls ({}) to {}", settings.calls, settings.fixtures.join(", "), settings.to)?;
    writeln!(f)?;
    writeln!(f, "{:<18}{:>9}{:>9}{:>9}{:>9}{:>9}", "ms", "p50", "p95", "p99", "max", "count")?;
    for (name, distribution) in latencies(report) {
        match distribution {
            Some(Distribution { count, p50, p95, p99, max }) => {
                writeln!(f, "{name:<18}{p50:>9.1}{p95:>9.1}{p99:>9.1}{max:>9.1}{count:>9}")?;
            }
            None => writeln!(f, "{name:<18}{:>9}", "-")?,
        }
    }
    writeln!(f)?;
    for (name, figure) in figures(report) {
        writeln!(f, "{name:<18}{figure}")?;
    }
    for (kind, list) in [("lost", &report.calls.lost_because), ("warning", &report.carrier_warnings.kinds)] {
        for (cause, count) in list {
            writeln!(f, "{kind:<18}{count} x {cause}")?;
        }
    }
    Ok(())
}

fn counts(calls: &CallCounts) -> String {
    let CallCounts { started, completed, lost, peak_concurrent, minutes, .. } = calls;
    format!(
        "{started} started, {completed} completed, {lost} lost, {peak_concurrent} at once, {minutes:.1} minutes"
    )
}

fn process(figures: &ProcessFigures) -> String {
    format!(
        "{:.3} CPU s per call-minute, {:.2} MB per call, {:.0} MB at most",
        figures.cpu_s_per_call_minute,
        figures.resident_bytes_per_call / 1e6,
        figures.resident_peak_bytes as f64 / 1e6
    )
}
