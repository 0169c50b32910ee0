//! Money and amounts as Twilio writes them: decimal text, which is never taken through binary floating point.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A decimal number, digit for digit as it came: `-0.0085`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Decimal(String);

/// The text is no decimal number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a decimal number")]
pub struct DecimalError;

impl Decimal {
    /// As it came.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// In millionths; what is smaller is rounded half away from zero. `None` beyond an `i64`.
    #[must_use]
    pub fn micros(&self) -> Option<i64> {
        let (negative, digits) =
            self.0.strip_prefix('-').map_or((false, self.0.as_str()), |rest| (true, rest));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let mut micros = whole.parse::<i64>().ok()?.checked_mul(1_000_000)?;
        let mut unit = 100_000;
        for digit in fraction.bytes().take(6) {
            micros = micros.checked_add(i64::from(digit - b'0') * unit)?;
            unit /= 10;
        }
        if fraction.as_bytes().get(6).is_some_and(|digit| *digit >= b'5') {
            micros = micros.checked_add(1)?;
        }
        Some(if negative { -micros } else { micros })
    }
}

impl TryFrom<String> for Decimal {
    type Error = DecimalError;

    fn try_from(text: String) -> Result<Self, DecimalError> {
        let digits = text.strip_prefix('-').unwrap_or(&text);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if text.len() <= 40 && all_digits(whole) && all_digits(fraction) {
            Ok(Self(text))
        } else {
            Err(DecimalError)
        }
    }
}

impl FromStr for Decimal {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Self, DecimalError> {
        text.to_owned().try_into()
    }
}

impl From<Decimal> for String {
    fn from(decimal: Decimal) -> Self {
        decimal.0
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn micros(text: &str) -> Option<i64> {
        text.parse::<Decimal>().unwrap().micros()
    }

    #[test]
    fn amounts_keep_every_digit() {
        assert_eq!(micros("-0.0085"), Some(-8_500));
        assert_eq!(micros("12.34"), Some(12_340_000));
        assert_eq!(micros("0.00000149"), Some(1));
        assert_eq!(micros("0.0000005"), Some(1));
        assert_eq!(micros("7"), Some(7_000_000));
        assert_eq!(micros("99999999999999999999"), None);
        for wrong in ["", "-", ".5", "1.", "1e3", "1,5", "+1", "NaN"] {
            assert!(wrong.parse::<Decimal>().is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn whatever_was_written_in_micros_is_read_back(micros in -1_000_000_000_000_i64..1_000_000_000_000) {
            let sign = if micros < 0 { "-" } else { "" };
            let positive = micros.unsigned_abs();
            let text = format!("{sign}{}.{:06}", positive / 1_000_000, positive % 1_000_000);
            prop_assert_eq!(text.parse::<Decimal>().unwrap().micros(), Some(micros));
        }
    }
}
