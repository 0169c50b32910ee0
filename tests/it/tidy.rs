//! The tree itself: what every file must keep to.

mod items;
mod schemas;
mod secrets;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

/// Longest file of product code, in lines; what is longer is about more than one thing. Tests may be longer.
const LINES_MAX: usize = 500;

/// Text files of the product, by their ending.
const TEXT: &[&str] = &["rs", "md", "toml", "sql", "service", "json"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// In the root, what is built and what belongs to whoever runs the program there; as `.gitignore` has it.
const NOT_OURS: &[&str] = &["target", "data", "tandem.toml"];

/// All files below `folder` but for hidden ones and [`NOT_OURS`].
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with('.') || (folder == root() && NOT_OURS.contains(&name.as_str())) {
            continue;
        }
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// Name in the repository and text of every file with one of these endings.
fn texts(endings: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    files(root(), &mut found);
    found.retain(|path| {
        path.extension().is_some_and(|ending| endings.iter().any(|wanted| ending.to_str() == Some(wanted)))
    });
    let named = found.into_iter().map(|path| {
        let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
        (name, std::fs::read_to_string(&path).unwrap())
    });
    let named: Vec<_> = named.collect();
    assert!(!named.is_empty());
    named
}

fn is_test(name: &str) -> bool {
    name.split('/').any(|part| matches!(part, "tests" | "tests.rs" | "wire_tests" | "wire_tests.rs"))
}

/// Lines before the tests in the file itself.
fn product_lines(text: &str) -> usize {
    text.lines()
        .take_while(|line| *line != "#[cfg(test)]" || text.contains("#[cfg(test)]\nmod tests;"))
        .count()
}

#[test]
fn no_file_of_the_product_is_longer_than_500_lines() {
    let long: Vec<_> = texts(&["rs"])
        .into_iter()
        .filter(|(name, _)| !is_test(name))
        .map(|(name, text)| (name, product_lines(&text)))
        .filter(|(_, lines)| *lines > LINES_MAX)
        .collect();
    assert!(long.is_empty(), "split them along their seams: {long:?}");
}

#[test]
fn nothing_is_left_for_later_and_no_test_is_switched_off() {
    // Put together, so that this file does not find itself.
    let marks = [["TO", "DO"], ["FIX", "ME"], ["#[ign", "ore"], ["todo", "!("], ["unimple", "mented!("]];
    let marks = marks.map(|parts| parts.concat());
    for (name, text) in texts(&["rs", "md", "sql", "toml"]) {
        for (number, line) in text.lines().enumerate() {
            let found = marks.iter().find(|mark| line.contains(mark.as_str()));
            assert!(found.is_none(), "{name}:{}: {line}", number + 1);
        }
    }
}

#[test]
fn no_file_names_a_place_on_somebodys_machine() {
    let places = [["/ho", "me/"], ["/ro", "ot/"], ["/wo", "rk/"], ["/Use", "rs/"], ["../sha", "red"]];
    let places = places.map(|parts| parts.concat());
    for (name, text) in texts(TEXT) {
        for (number, line) in text.lines().enumerate() {
            let found = places.iter().find(|place| line.contains(place.as_str()));
            assert!(found.is_none(), "{name}:{}: {line}", number + 1);
        }
    }
}

/// Every name in quotes, or in backquotes, that begins as our metrics do.
fn metric_names(text: &str, quote: char) -> BTreeSet<String> {
    let prefix = format!("{quote}tandem_");
    let of_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    text.match_indices(&prefix)
        .map(|(at, _)| text[at + 1..].chars().take_while(|c| of_name(*c)).collect())
        .collect()
}

/// The metrics that the product has.
fn metrics() -> BTreeSet<String> {
    const KINDS: [&str; 3] = ["counter!(", "gauge!(", "histogram!("];
    let mut used = BTreeSet::new();
    for (name, text) in texts(&["rs"]) {
        if !is_test(&name) && KINDS.iter().any(|kind| text.contains(kind)) {
            used.extend(metric_names(&text, '"'));
        }
    }
    assert!(used.len() > 20, "the search finds them: {used:?}");
    used
}

#[test]
fn every_metric_is_explained_in_the_operations_page_and_no_other() {
    let page = std::fs::read_to_string(root().join("docs/operations.md")).unwrap();
    assert_eq!(metrics(), metric_names(&page, '`'));
}

#[test]
fn the_dashboard_draws_metrics_that_there_are() {
    let file = std::fs::read_to_string(root().join("deploy/grafana.json")).unwrap();
    let dashboard: serde_json::Value = serde_json::from_str(&file).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let asked = |panel: &serde_json::Value| -> Vec<String> {
        let targets = panel["targets"].as_array().unwrap().iter();
        targets.map(|target| target["expr"].as_str().unwrap().replace(['(', ' '], "`")).collect()
    };
    let known = metrics();
    for panel in panels {
        let names: Vec<_> = asked(panel).iter().map(|question| metric_names(question, '`')).collect();
        assert!(!names.is_empty() && names.iter().all(|names| names.len() == 1), "{panel}");
        let unknown: Vec<_> = names.iter().flatten().filter(|name| !known.contains(*name)).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }
    assert!(panels.len() > 8);
}
