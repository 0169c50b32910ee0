//! Reads the file's text: errors with line and caret, and the line on which an option stands. A line is shown
//! only as far as it cannot hold a credential.

use super::{Config, ConfigError, Source};
use std::ops::Range;
use toml::de::{DeTable, DeValue, Error};

/// Options whose values are never shown, and what is in every address: one may hold a password.
const SECRET_KEYS: [&str; 5] = ["api_key", "token", "secret", "keys", "://"];

/// The file's options, known to fit [`Config`], and the same as a table.
pub(super) fn parse(source: Source<'_>) -> Result<(Config, toml::Table), ConfigError> {
    let read = || Ok((toml::from_str(source.text)?, toml::from_str(source.text)?));
    read().map_err(|error: Error| ConfigError::File {
        name: source.name.to_owned(),
        detail: render(source.text, error.message(), error.span()),
    })
}

/// The line, counted from 1, on which `key` stands, or that of the innermost table around it that is written.
pub(super) fn line_of(text: &str, key: &str) -> Option<usize> {
    let document = DeTable::parse(text).ok()?;
    let mut segments = key.split('.');
    let (written, value) = document.get_ref().get_key_value(segments.next()?)?;
    let (mut start, mut value) = (written.span().start, value.get_ref());
    for segment in segments {
        match value {
            DeValue::Table(table) => {
                let Some((written, inner)) = table.get_key_value(segment) else { break };
                (start, value) = (written.span().start, inner.get_ref());
            }
            DeValue::Array(array) => {
                let Some(inner) = segment.parse::<usize>().ok().and_then(|index| array.get(index)) else {
                    break;
                };
                (start, value) = (inner.span().start, inner.get_ref());
            }
            _ => break,
        }
    }
    Some(text[..start].matches('\n').count() + 1)
}

/// Cause, line and caret.
fn render(text: &str, message: &str, span: Option<Range<usize>>) -> String {
    let Some(span) = span else { return message.to_owned() };
    let start = floor_char_boundary(text, span.start);
    let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
    let line = text[line_start..].lines().next().unwrap_or_default();
    let number = text[..line_start].matches('\n').count() + 1;
    let column = text[line_start..start].chars().count();
    let shown = showable(line);
    let message = if shown.len() < line.len() { without_value(message) } else { message.to_owned() };
    let length =
        text.get(start..span.end).map_or(0, |marked| marked.lines().next().unwrap_or("").chars().count());
    let carets = "^".repeat(length.clamp(1, line.chars().count().saturating_sub(column).max(1)));
    let ellipsis = if shown.len() < line.len() { " …" } else { "" };
    let gutter = " ".repeat(number.to_string().len());
    format!(
        "{message}\n{gutter} |\n{number} | {shown}{ellipsis}\n{gutter} | {indent}{carets}",
        message = message.trim_end(),
        indent = " ".repeat(column)
    )
}

/// The part of a line that cannot hold a credential: all of it for a table's header and for an option that
/// exists and is not secret, its key for any other option, nothing for anything else.
fn showable(line: &str) -> &str {
    let trimmed = line.trim_start();
    if trimmed.starts_with('[') || trimmed.is_empty() {
        return line;
    }
    let Some(equals) = line.find('=') else { return "" };
    let key = line[..equals].trim();
    let is_option = Config::example().lines().any(|example| {
        let example = example.trim_start_matches("# ");
        example.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='))
    });
    let is_secret = SECRET_KEYS.iter().any(|secret| line.contains(secret));
    if is_option && !is_secret { line } else { line[..=equals].trim_end() }
}

/// Serde's messages name the value they refuse; this one does not.
pub(super) fn without_value(message: &str) -> String {
    if message.starts_with("invalid ")
        && let Some((_, expected)) = message.rsplit_once(", expected ")
    {
        return format!("expected {expected}");
    }
    message.to_owned()
}

fn floor_char_boundary(text: &str, index: usize) -> usize {
    (0..=index.min(text.len())).rev().find(|&index| text.is_char_boundary(index)).unwrap_or(0)
}
