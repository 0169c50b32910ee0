//! Tables and goals, as text for a terminal, as Markdown for a page and as JSON for a program.

use crate::harness::Timed;
use serde::Serialize;
use std::fmt::Write;

/// A table of figures: the first column of each row is a name, the others are numbers or short texts.
#[derive(Debug, Serialize)]
pub(crate) struct Table {
    /// What was measured.
    pub(crate) title: String,
    /// What the columns mean, where the heads do not say it.
    pub(crate) note: String,
    /// Whether it belongs into a README.
    pub(crate) in_readme: bool,
    pub(crate) heads: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

/// A column that compares every row with one row.
pub(crate) struct Against<'a> {
    /// The head of the column.
    pub(crate) head: &'a str,
    /// The row that is 1.
    pub(crate) row: &'a str,
}

impl Table {
    /// A table of times per repeat: median, spread, ratios to the rows in `against` that took part.
    pub(crate) fn of_times(title: impl Into<String>, times: &[Timed], against: &[Against<'_>]) -> Self {
        let against: Vec<(&str, &Timed)> =
            against.iter().filter_map(|column| Some((column.head, find(times, column.row)?))).collect();
        let mut heads: Vec<String> = ["", "median ns", "p10", "p90"].map(String::from).into();
        heads.extend(against.iter().map(|(head, _)| format!("x {head}")));
        let rows = times
            .iter()
            .map(|time| {
                let (p10, p90) = time.spread_ns();
                let mut row = vec![time.name.clone()];
                row.extend([time.median_ns(), p10, p90].map(nanoseconds));
                row.extend(against.iter().map(|(_, other)| format!("{:.3}", time.ratio_to(other))));
                row
            })
            .collect();
        Self { title: title.into(), note: String::new(), in_readme: false, heads, rows }
    }

    /// Says what the columns mean.
    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// Marks it as one for a README.
    pub(crate) fn for_readme(mut self) -> Self {
        self.in_readme = true;
        self
    }

    /// Adds a column on the right; `value` is asked for each row's name.
    pub(crate) fn column(mut self, head: &str, value: impl Fn(&str) -> String) -> Self {
        self.heads.push(head.to_owned());
        for row in &mut self.rows {
            let value = value(&row[0]);
            row.push(value);
        }
        self
    }

    /// For a terminal: names to the left, figures to the right.
    pub(crate) fn text(&self) -> String {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.chain([&self.heads[column]]).map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.heads.len()).map(width).collect();
        let mut text = format!("\n## {}\n", self.title);
        if !self.note.is_empty() {
            text += &format!("{}\n", self.note);
        }
        for row in std::iter::once(&self.heads).chain(&self.rows) {
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let padded =
                    if column == 0 { format!("{cell:<width$}") } else { format!("  {cell:>width$}") };
                text += &padded;
            }
            text.truncate(text.trim_end().len());
            text.push('\n');
        }
        text
    }

    /// For a page.
    pub(crate) fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let mut text = format!("**{}**\n\n", self.title);
        text += &line(&self.heads);
        text += &format!("|---{}|\n", "|--:".repeat(self.heads.len() - 1));
        for row in &self.rows {
            text += &line(row);
        }
        if !self.note.is_empty() {
            text += &format!("\n{}\n", self.note);
        }
        text
    }
}

/// The row of that name.
pub(crate) fn find<'a>(times: &'a [Timed], name: &str) -> Option<&'a Timed> {
    times.iter().find(|time| time.name == name)
}

/// Three digits or so of a time.
fn nanoseconds(ns: f64) -> String {
    if ns < 1_000.0 { format!("{ns:.1}") } else { format!("{ns:.0}") }
}

/// What a table must show.
#[derive(Debug, Serialize)]
pub(crate) struct Goal {
    /// What is promised.
    pub(crate) promise: String,
    /// What was found; nothing if a contestant was missing.
    pub(crate) found: Option<String>,
    /// Whether the promise is kept; nothing if it could not be measured.
    pub(crate) kept: Option<bool>,
}

impl Goal {
    /// A figure that is to be at most `limit`.
    pub(crate) fn at_most(promise: impl Into<String>, limit: f64, found: Option<f64>) -> Self {
        Self::judged(promise.into(), found, |found| found <= limit)
    }

    /// A figure that is to be at least `limit`.
    pub(crate) fn at_least(promise: impl Into<String>, limit: f64, found: Option<f64>) -> Self {
        Self::judged(promise.into(), found, |found| found >= limit)
    }

    /// Says more about what was found.
    pub(crate) fn detail(mut self, detail: &str) -> Self {
        if let Some(found) = &mut self.found {
            found.push_str(detail);
        }
        self
    }

    fn judged(promise: String, found: Option<f64>, kept: impl Fn(f64) -> bool) -> Self {
        Self { promise, found: found.map(|found| format!("{found:.3}")), kept: found.map(kept) }
    }

    fn verdict(&self) -> &'static str {
        match self.kept {
            Some(true) => "kept",
            Some(false) => "MISSED",
            None => "not measured",
        }
    }
}

/// All goals as one table.
pub(crate) fn of_goals(goals: &[Goal]) -> Table {
    let heads = ["goal", "found", "verdict"].map(String::from).into();
    let row = |goal: &Goal| {
        let found = goal.found.clone().unwrap_or_else(|| "a contestant is not installed".to_owned());
        vec![goal.promise.clone(), found, goal.verdict().to_owned()]
    };
    Table {
        title: "Goals".to_owned(),
        note: String::new(),
        in_readme: true,
        heads,
        rows: goals.iter().map(row).collect(),
    }
}

/// Everything one run has found.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    /// The machine it ran on.
    pub(crate) machine: String,
    pub(crate) date: String,
    /// Contestants that could not take part, and why.
    pub(crate) missing: Vec<String>,
    pub(crate) tables: Vec<Table>,
    pub(crate) goals: Vec<Goal>,
}

impl Report {
    /// Prints a table at once and keeps it.
    pub(crate) fn add(&mut self, table: Table) {
        print!("{}", table.text());
        self.tables.push(table);
    }

    /// The part for a README.
    pub(crate) fn markdown(&self) -> String {
        let mut text = format!("Measured on {}, {}.\n\n", self.machine, self.date);
        for table in self.tables.iter().filter(|table| table.in_readme) {
            text += &table.markdown();
            text.push('\n');
        }
        text += &of_goals(&self.goals).markdown();
        for missing in &self.missing {
            write!(text, "\nNot measured: {missing}.\n").unwrap_or_default();
        }
        text
    }
}
