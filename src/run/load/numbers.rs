//! The numbers that calls go to in turns, read from a file.

use crate::run::Failure;
use engine::provider::Secret;
use fixtures::carrier::Carrier;
use std::{fs, path::Path};

/// A number, and what signs its webhooks.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Number {
    e164: String,
    account_sid: String,
    auth_token: Secret,
}

impl Number {
    /// Somebody who calls this number.
    pub(super) fn carrier(&self, carrier: &Carrier) -> Carrier {
        carrier.calling(&self.e164, &self.account_sid, self.auth_token.reveal())
    }
}

/// The numbers in a file: one a line, with its account and the account's auth token. Empty lines and lines that begin with `#`
/// are passed over.
pub(super) fn read(path: &Path) -> Result<Vec<Number>, Failure> {
    let shown = path.display();
    let text = fs::read_to_string(path).map_err(|error| Failure::new(format!("{shown}: {error}")))?;
    parse(&text).map_err(|line| {
        Failure::new(format!("{shown}: line {line} is not a number, an account SID and an auth token"))
    })
}

/// The numbers, or the line that is none, from 1.
fn parse(text: &str) -> Result<Vec<Number>, usize> {
    let mut numbers = Vec::new();
    for (line, text) in text.lines().enumerate() {
        let words: Vec<_> = text.split_whitespace().collect();
        match words[..] {
            [] => {}
            [first, ..] if first.starts_with('#') => {}
            [e164, account_sid, auth_token] => numbers.push(Number {
                e164: e164.to_owned(),
                account_sid: account_sid.to_owned(),
                auth_token: Secret::new(auth_token),
            }),
            _ => return Err(line + 1),
        }
    }
    // Somebody must be called.
    if numbers.is_empty() { Err(1) } else { Ok(numbers) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_a_number_with_its_account_and_token() {
        let numbers =
            parse("# of two\n+15550100 AC01 one\n\n  +15550101\tAC02 two\n").expect("they are numbers");
        let number = |e164: &str, sid: &str, token| Number {
            e164: e164.to_owned(),
            account_sid: sid.to_owned(),
            auth_token: Secret::new(token),
        };
        assert_eq!(numbers, [number("+15550100", "AC01", "one"), number("+15550101", "AC02", "two")]);
        assert!(!format!("{numbers:?}").contains("one"));
    }

    #[test]
    fn a_line_that_is_none_is_named() {
        assert_eq!(parse("+15550100 AC01 one\n+15550101"), Err(2));
        assert_eq!(parse("# nobody\n"), Err(1));
    }
}
