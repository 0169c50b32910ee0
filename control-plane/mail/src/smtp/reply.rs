//! What a server answers.

use lettre::transport::smtp::Error;
use std::{error::Error as _, fmt, str::FromStr};

/// Longest part of a server's words that is kept, in characters.
const LONGEST_QUOTE: usize = 300;

/// A code such as `5.1.1` (RFC 3463).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnhancedCode {
    /// 2 success, 4 temporary, 5 permanent.
    pub class: u8,
    /// 1 address, 2 mailbox, 3 mail system, 4 network, 5 protocol, 6 content, 7 policy.
    pub subject: u16,
    /// What about it.
    pub detail: u16,
}

impl EnhancedCode {
    /// The code that a text begins with.
    #[must_use]
    pub fn at_start_of(text: &str) -> Option<Self> {
        text.split_whitespace().next()?.parse().ok()
    }
}

/// It is no such code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no enhanced status code")]
pub struct NoEnhancedCode;

impl FromStr for EnhancedCode {
    type Err = NoEnhancedCode;

    fn from_str(text: &str) -> Result<Self, NoEnhancedCode> {
        let number = |part: Option<&str>| {
            let part =
                part.filter(|part| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()));
            part.and_then(|part| part.parse::<u16>().ok()).ok_or(NoEnhancedCode)
        };
        let mut parts = text.split('.');
        let class = match parts.next() {
            Some("2") => 2,
            Some("4") => 4,
            Some("5") => 5,
            Some(_) | None => return Err(NoEnhancedCode),
        };
        let code = Self { class, subject: number(parts.next())?, detail: number(parts.next())? };
        if parts.next().is_some() { Err(NoEnhancedCode) } else { Ok(code) }
    }
}

impl fmt::Display for EnhancedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

/// A no, or that there was none.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The server's code and words.
    No { code: u16, text: String },
    /// The network's.
    Lost(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error.status() {
            Some(code) => Self::No {
                code: code.into(),
                text: one_line(&error.source().map(ToString::to_string).unwrap_or_default()),
            },
            None => Self::Lost(one_line(&causes(&error))),
        }
    }
}

fn causes(error: &Error) -> String {
    let mut causes = Vec::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        causes.push(error.to_string());
        cause = error.source();
    }
    if causes.is_empty() { error.to_string() } else { causes.join(": ") }
}

/// Short, on one line.
pub(super) fn one_line(text: &str) -> String {
    text.trim().chars().take(LONGEST_QUOTE).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_where_they_are_and_nowhere_else() {
        let code = EnhancedCode::at_start_of("5.1.1 no such user").unwrap();
        assert_eq!((code.class, code.subject, code.detail), (5, 1, 1));
        assert_eq!(EnhancedCode::at_start_of("4.7.28 slow down").unwrap().to_string(), "4.7.28");
        for text in ["", "no", "5.1", "5.1.1.1", "3.1.1", "5.1000.1", "5.1.x", "127.0.0.1 refused"] {
            assert_eq!(EnhancedCode::at_start_of(text), None, "{text:?}");
        }
    }
}
