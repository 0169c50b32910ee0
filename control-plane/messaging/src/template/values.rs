//! The variables of a template: what kind each is, and whether what is given is of that kind.

use super::Fault;
use crate::{phone::Phone, words::words};
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Longest text that is filled in, in characters.
const TEXT_MAX: usize = 4_096;
/// Most variables of a template.
const VARIABLES_MAX: usize = 100;

words! {
    /// What kind of value a variable takes.
    pub enum Kind, "variable kind" {
        /// Any text of at most 4,096 characters.
        Text => "text",
        /// A number.
        Number => "number",
        /// Yes or no.
        Bool => "bool",
        /// A day (`2026-11-21`) or a moment (RFC 3339).
        Date => "date",
        /// `{"amount": "12.50", "currency": "USD"}`.
        Money => "money",
        /// An address of the web, `http` or `https`.
        Url => "url",
        /// A phone number, E.164.
        Phone => "phone",
    }
}

/// A variable of a template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variable {
    /// What kind.
    pub kind: Kind,
    /// Whether a message can go without it. Where it is not given and has no default it is `none`.
    #[serde(default)]
    pub optional: bool,
    /// What is filled in where nothing is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// What a preview shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<Value>,
}

/// What is wrong with a variable. Does not hold its value: it may be somebody's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VariableError {
    /// It was not given.
    #[error("variable {0:?} is missing")]
    Missing(String),
    /// It is not of its kind.
    #[error("variable {name:?} is not {}", expected(*kind))]
    Wrong {
        /// Which.
        name: String,
        /// What it should be.
        kind: Kind,
    },
    /// The template does not know it.
    #[error("variable {0:?} is not one of the template")]
    Unknown(String),
}

impl VariableError {
    /// Which variable it is about.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Missing(name) | Self::Unknown(name) | Self::Wrong { name, .. } => name,
        }
    }
}

const fn expected(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "a text of at most 4096 characters",
        Kind::Number => "a number",
        Kind::Bool => "true or false",
        Kind::Date => "a day such as 2026-11-21 or a moment in RFC 3339",
        Kind::Money => "an amount such as {\"amount\": \"12.50\", \"currency\": \"USD\"}",
        Kind::Url => "an http or https address",
        Kind::Phone => "a phone number such as +15550100",
    }
}

pub(super) fn said(errors: &[VariableError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// What is wrong with the variables as they are declared.
pub(super) fn check(variables: &BTreeMap<String, Variable>) -> Vec<Fault> {
    let mut faults = Vec::new();
    if variables.len() > VARIABLES_MAX {
        let reason = format!("there are more than {VARIABLES_MAX} variables");
        faults.push(Fault { pointer: "/variables".to_owned(), reason });
    }
    for (name, variable) in variables {
        let pointer = format!("/variables/{}", super::escaped(name));
        let first = name.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
        if !first || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            let reason = "a name has letters, digits and underscores".to_owned();
            faults.push(Fault { pointer: pointer.clone(), reason });
        }
        for (field, value) in [("default", &variable.default), ("example", &variable.example)] {
            if value.as_ref().is_some_and(|value| !is_of(variable.kind, value)) {
                let reason = format!("it is not {}", expected(variable.kind));
                faults.push(Fault { pointer: format!("{pointer}/{field}"), reason });
            }
        }
    }
    faults
}

/// The values with the defaults of those that were not given; every one is there and of its kind.
pub(super) fn context(
    variables: &BTreeMap<String, Variable>,
    values: &Map<String, Value>,
) -> Result<BTreeMap<String, Value>, Vec<VariableError>> {
    let mut errors: Vec<VariableError> = values
        .keys()
        .filter(|name| !variables.contains_key(*name))
        .map(|name| VariableError::Unknown(name.clone()))
        .collect();
    let mut context = BTreeMap::new();
    for (name, variable) in variables {
        let given = values.get(name).filter(|value| !value.is_null()).or(variable.default.as_ref());
        match given {
            Some(value) if is_of(variable.kind, value) => {
                context.insert(name.clone(), value.clone());
            }
            Some(_) => errors.push(VariableError::Wrong { name: name.clone(), kind: variable.kind }),
            None if variable.optional => {
                context.insert(name.clone(), Value::Null);
            }
            None => errors.push(VariableError::Missing(name.clone())),
        }
    }
    if errors.is_empty() { Ok(context) } else { Err(errors) }
}

fn is_of(kind: Kind, value: &Value) -> bool {
    let text = value.as_str();
    match kind {
        Kind::Text => text.is_some_and(|text| text.chars().count() <= TEXT_MAX),
        Kind::Number => value.is_number(),
        Kind::Bool => value.is_boolean(),
        Kind::Date => text.is_some_and(|text| text.parse::<Timestamp>().is_ok() || is_day(text)),
        Kind::Money => is_money(value),
        Kind::Url => text.is_some_and(is_url),
        Kind::Phone => text.is_some_and(|text| text.starts_with('+') && Phone::parse(text, None).is_ok()),
    }
}

fn is_day(text: &str) -> bool {
    text.len() == 10 && text.parse::<Date>().is_ok()
}

fn is_money(value: &Value) -> bool {
    let Some(fields) = value.as_object().filter(|fields| fields.len() == 2) else { return false };
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    let amount = text("amount").is_some_and(|amount| {
        let amount = amount.strip_prefix('-').unwrap_or(amount);
        let (whole, cents) = amount.split_once('.').unwrap_or((amount, "0"));
        let digits =
            |part: &str| (1..=15).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        digits(whole) && digits(cents) && cents.len() <= 4
    });
    let currency = text("currency")
        .is_some_and(|code| code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase()));
    amount && currency
}

fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let host = rest.map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    let plain =
        text.chars().all(|c| !c.is_whitespace() && !c.is_control() && !matches!(c, '"' | '<' | '>' | '\\'));
    text.len() <= 2_048 && plain && host.is_some_and(|host| !host.is_empty() && !host.starts_with('@'))
}
