//! Twilio's ids: two letters that say what it is, and 32 hexadecimal digits. A value that was made is
//! well-formed, so it can stand in a path.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Why a text is not the id that was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {what}: {expected} and 32 hexadecimal digits were expected")]
pub struct SidError {
    /// The text, cut off after 64 characters.
    pub text: String,
    /// Whose id was expected.
    pub what: &'static str,
    /// The letters that were expected.
    pub expected: &'static str,
}

fn check(text: &str, what: &'static str, prefixes: &[&'static str]) -> Result<(), SidError> {
    let digits = prefixes.iter().find_map(|prefix| text.strip_prefix(prefix));
    if digits.is_some_and(|digits| digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit())) {
        return Ok(());
    }
    let expected = prefixes.first().copied().unwrap_or_default();
    Err(SidError { text: text.chars().take(64).collect(), what, expected })
}

macro_rules! sids {
    ($($(#[$doc:meta])* $name:ident: $($prefix:literal)|+;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// As it is written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = SidError;

            fn try_from(text: String) -> Result<Self, SidError> {
                check(&text, stringify!($name), &[$($prefix),+])?;
                Ok(Self(text))
            }
        }

        impl FromStr for $name {
            type Err = SidError;

            fn from_str(text: &str) -> Result<Self, SidError> {
                text.to_owned().try_into()
            }
        }

        impl From<$name> for String {
            fn from(sid: $name) -> Self {
                sid.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

sids! {
    /// An account or subaccount (`AC…`).
    AccountSid: "AC";
    /// A TwiML application (`AP…`).
    ApplicationSid: "AP";
    /// A call (`CA…`).
    CallSid: "CA";
    /// A conference (`CF…`).
    ConferenceSid: "CF";
    /// An API key (`SK…`).
    KeySid: "SK";
    /// A message (`SM…`, with media `MM…`).
    MessageSid: "SM" | "MM";
    /// A phone number of an account (`PN…`).
    NumberSid: "PN";
    /// A queue (`QU…`).
    QueueSid: "QU";
    /// A recording (`RE…`).
    RecordingSid: "RE";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_letters_and_digits_make_an_id() {
        let digits = "0".repeat(32);
        assert!(format!("AC{digits}").parse::<AccountSid>().is_ok());
        assert!(format!("MM{digits}").parse::<MessageSid>().is_ok());
        for wrong in [format!("CA{digits}"), "AC".to_owned(), format!("AC{digits}0"), "AC/../..".to_owned()] {
            assert!(wrong.parse::<AccountSid>().is_err(), "{wrong}");
        }
        assert!(serde_json::from_str::<CallSid>("\"CA../Accounts\"").is_err());
    }
}
