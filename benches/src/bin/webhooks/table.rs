//! What was measured, as a table.

use crate::{Measured, plan::Plan, seed::NUMBERS_EACH};
use std::{fmt::Write, fs};

/// The same of the server with few tenants and of the one with many: what each round measured.
#[derive(Debug, Default)]
pub struct Pair {
    few: Vec<Vec<f64>>,
    many: Vec<Vec<f64>>,
}

impl Pair {
    pub fn add(&mut self, is_many: bool, figures: Vec<f64>) {
        if is_many { &mut self.many } else { &mut self.few }.push(figures);
    }

    /// How many times as long the server with many tenants takes: over all rounds, and in the middle, the lowest and the
    /// highest of the rounds.
    fn ratios(&self, percent: usize) -> [f64; 4] {
        let whole = percentile(&self.many.concat(), percent) / percentile(&self.few.concat(), percent);
        let rounds = self.few.iter().zip(&self.many);
        let each: Vec<_> =
            rounds.map(|(few, many)| percentile(many, percent) / percentile(few, percent)).collect();
        [whole, percentile(&each, 50), percentile(&each, 1), percentile(&each, 100)]
    }
}

/// By nearest rank.
fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or(f64::NAN)
}

/// How busy the machine is.
pub fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: Vec<_> = load.split(' ').take(3).collect();
    format!("{cores} cores, load {}", load.join(" "))
}

pub fn render(plan: &Plan, all: &[Measured]) -> String {
    let mut text = String::new();
    let tenants = |count: usize| format!("{count} tenants, {} numbers", count * NUMBERS_EACH);
    writeln!(
        text,
        "{:42}{:^27}{:^27}{:^27}",
        "",
        tenants(plan.few),
        tenants(plan.many),
        "p99, many over few"
    )
    .unwrap();
    let head = format!("{:>9}{:>9}{:>9}", "p50", "p95", "p99");
    writeln!(text, "{:36}{:>6}{head}{head}{:>9}{:>18}", "", "calls", "all", "rounds").unwrap();
    for of in all {
        writeln!(text, "{}", of.database).unwrap();
        for (name, pair) in [
            ("webhook: first call of a tenant, ms", &of.first),
            ("webhook: later calls, ms", &of.later),
            ("tandem load: webhook, ms", &of.load_webhook),
            ("tandem load: stream up, ms", &of.load_stream),
        ] {
            let count: usize = pair.many.iter().map(Vec::len).sum();
            write!(text, "  {name:34}{count:>6}").unwrap();
            for rounds in [&pair.few, &pair.many] {
                let values = rounds.concat();
                for percent in [50, 95, 99] {
                    write!(text, "{:>9.2}", percentile(&values, percent)).unwrap();
                }
            }
            let [whole, middle, lowest, highest] = pair.ratios(99);
            writeln!(text, "{whole:>9.2}{middle:>7.2} ({lowest:.2}-{highest:.2})").unwrap();
        }
        let [few, many] = [&of.rush.few, &of.rush.many].map(|rounds| percentile(&rounds.concat(), 50));
        writeln!(text, "  {:34}{:>6}{few:>18.0}{many:>27.0}", "webhook: answers a second", "").unwrap();
    }
    text
}
