//! Fills in one text, with minijinja in its strict mode.
//!
//! A tenant's template must not cost the others anything: its source, its steps and what it writes are bounded. A value could still be doubled
//! over and over within few steps, so texts are not joined or multiplied in a template, nothing is assigned, and nothing is repeated (no variable
//! is a list): `if` is what is left, with the filters listed here.

use super::Variable;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value, filters};
use std::{collections::BTreeMap, io};

/// Longest source, in bytes.
const SOURCE_MAX: usize = 64 * 1024;
/// Longest text that is written, in bytes: a mail of this size is read by nobody.
const OUTPUT_MAX: usize = 256 * 1024;
/// Steps of the engine. A mail of a hundred lines takes some thousand.
const FUEL: u64 = 50_000;
/// How deep a source may be nested.
const DEPTH_MAX: usize = 64;
/// What may stand in `{% %}`.
const STATEMENTS: &[&str] = &["if", "elif", "else", "endif"];
/// What may stand there where values may be lists. What is repeated is written, and that is bounded.
pub(super) const STATEMENTS_OF_LISTS: &[&str] = &["if", "elif", "else", "endif", "for", "endfor"];

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Plain,
    /// One line, for a header.
    Line,
    /// Variables are escaped.
    Html,
}

pub(super) fn environment(form: Form) -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(DEPTH_MAX);
    environment.set_auto_escape_callback(move |_| {
        if form == Form::Html { AutoEscape::Html } else { AutoEscape::None }
    });
    environment.add_filter("upper", filters::upper);
    environment.add_filter("lower", filters::lower);
    environment.add_filter("title", filters::title);
    environment.add_filter("capitalize", filters::capitalize);
    environment.add_filter("trim", filters::trim);
    environment.add_filter("length", filters::length);
    environment.add_filter("round", filters::round);
    environment.add_filter("date", date);
    environment.add_filter("money", money);
    environment
}

/// What is wrong with a source, for people.
pub(super) fn check(source: &str, variables: &BTreeMap<String, Variable>) -> Vec<String> {
    match compile(source, Form::Plain, variables, |_| Ok(())) {
        Ok(()) => Vec::new(),
        Err(reason) => vec![reason],
    }
}

/// Fills in a source.
pub(super) fn render(
    source: &str,
    form: Form,
    variables: &BTreeMap<String, Variable>,
    context: &BTreeMap<String, serde_json::Value>,
) -> Result<String, String> {
    compile(source, form, variables, |template| {
        let context = Value::from_pairs(context.iter().map(|(name, given)| (name.clone(), value(given))));
        let text = written(template, context)?;
        if form == Form::Line && text.chars().any(char::is_control) {
            return Err("it must be one line".to_owned());
        }
        Ok(text)
    })
}

fn compile<T>(
    source: &str,
    form: Form,
    variables: &BTreeMap<String, Variable>,
    then: impl FnOnce(&minijinja::Template<'_, '_>) -> Result<T, String>,
) -> Result<T, String> {
    short_enough(source)?;
    only_what_is_allowed(source, STATEMENTS)?;
    let environment = environment(form);
    let template = environment.template_from_str(source).map_err(|error| reason(&error))?;
    let mut unknown: Vec<String> = template
        .undeclared_variables(false)
        .into_iter()
        .filter(|name| !variables.contains_key(name))
        .collect();
    unknown.sort();
    if let Some(name) = unknown.first() {
        return Err(format!("variable {name:?} is not declared"));
    }
    then(&template)
}

/// What a template writes, up to the limit.
pub(super) fn written(template: &minijinja::Template<'_, '_>, context: Value) -> Result<String, String> {
    let mut written = Bounded { bytes: Vec::new() };
    template.render_captured_to(context, &mut written).map_err(|error| reason(&error)).map(|_| ())?;
    String::from_utf8(written.bytes).map_err(|_| "it is not UTF-8".to_owned())
}

/// A value of a variable, as the engine has it. No kind of variable holds a list.
fn value(given: &serde_json::Value) -> Value {
    match given {
        serde_json::Value::Null | serde_json::Value::Array(_) => Value::from(()),
        serde_json::Value::Bool(is) => Value::from(*is),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(whole) => Value::from(whole),
            None => Value::from(number.as_f64().unwrap_or_default()),
        },
        serde_json::Value::String(text) => Value::from(text.as_str()),
        serde_json::Value::Object(fields) => {
            Value::from_pairs(fields.iter().map(|(name, field)| (name.clone(), value(field))))
        }
    }
}

/// What the engine says, without what it quotes.
pub(super) fn reason(error: &Error) -> String {
    let line = error.line().map(|line| format!("line {line}: ")).unwrap_or_default();
    let what = match error.kind() {
        ErrorKind::OutOfFuel => "it takes too many steps".to_owned(),
        ErrorKind::WriteFailure => format!("it writes more than {OUTPUT_MAX} bytes"),
        ErrorKind::UndefinedError => "it uses a value that is not there".to_owned(),
        kind => error.detail().map_or_else(|| kind.to_string(), |detail| format!("{kind}: {detail}")),
    };
    format!("{line}{what}")
}

/// Refuses a source that would take long to read.
pub(super) fn short_enough(source: &str) -> Result<(), String> {
    if source.len() > SOURCE_MAX { Err(format!("it is longer than {SOURCE_MAX} bytes")) } else { Ok(()) }
}

/// Refuses what could make a text grow without writing it: see the head of this file.
pub(super) fn only_what_is_allowed(source: &str, statements: &[&str]) -> Result<(), String> {
    let mut rest = source;
    while let Some(at) = rest.find("{") {
        rest = &rest[at + 1..];
        let Some(kind) = rest.chars().next().filter(|kind| matches!(kind, '{' | '%' | '#')) else { continue };
        rest = &rest[1..];
        if kind == '#' {
            let Some(end) = rest.find("#}") else { return Ok(()) };
            rest = &rest[end + 2..];
            continue;
        }
        if kind == '%' {
            let word = rest.trim_start_matches(['-', '+']).trim_start();
            let word =
                word.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default();
            if !statements.contains(&word) {
                let allowed = statements.join(", ");
                return Err(format!("{word:?} cannot be used in a template: only {allowed}"));
            }
        }
        let end = end_of_tag(rest, kind)?;
        rest = &rest[end..];
    }
    Ok(())
}

/// Where a tag ends; refuses operators that join or multiply.
fn end_of_tag(tag: &str, kind: char) -> Result<usize, String> {
    let close = if kind == '{' { "}}" } else { "%}" };
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in tag.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if tag[at..].starts_with(close) => return Ok(at),
            None if c == '"' || c == '\'' => quote = Some(c),
            // `{{+` and `+}}` keep white space, and stand at the edges.
            None if c == '+' && (at == 0 || tag[at + 1..].starts_with(close)) => {}
            None if matches!(c, '~' | '*' | '+') => {
                return Err(format!(
                    "{c:?} cannot be used in a template: texts are not joined or calculated"
                ));
            }
            None => {}
        }
    }
    Ok(tag.len())
}

/// `{{ day | date("%d.%m.%Y") }}`: a day or a moment, in UTC.
fn date(value: &str, format: &str) -> Result<String, Error> {
    let wrong = |_| Error::new(ErrorKind::InvalidOperation, "not a date, or not a form of dates");
    let day = if value.len() == 10 {
        value.parse::<jiff::civil::Date>().map_err(wrong)?.at(0, 0, 0, 0)
    } else {
        jiff::tz::TimeZone::UTC.to_datetime(value.parse::<jiff::Timestamp>().map_err(wrong)?)
    };
    // A form such as %1000000000d would write as many digits.
    if format.len() > 64
        || format.split('%').skip(1).any(|part| part.starts_with(|c: char| c.is_ascii_digit()))
    {
        return Err(Error::new(ErrorKind::InvalidOperation, "not a form of dates"));
    }
    jiff::fmt::strtime::format(format, day).map_err(wrong)
}

/// `{{ total | money }}`: `12.50 USD`.
fn money(value: &Value) -> Result<String, Error> {
    let (amount, currency) = (value.get_attr("amount")?, value.get_attr("currency")?);
    Ok(format!("{amount} {currency}"))
}

/// Takes so much and no more.
struct Bounded {
    bytes: Vec<u8>,
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > OUTPUT_MAX {
            return Err(io::Error::other("too much"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
