//! Dates as Twilio writes them: `Sat, 21 Nov 2026 04:00:00 +0000`; null where there is none yet.

use jiff::{Timestamp, fmt::rfc2822};
use serde::{Deserialize, Deserializer, de::Error};

/// Reads a date, null, or an empty text.
pub(crate) fn optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    rfc2822::parse(&text).map(|date| Some(date.timestamp())).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Dated {
        #[serde(deserialize_with = "optional", default)]
        at: Option<Timestamp>,
    }

    #[test]
    fn dates_are_read_with_their_offset() {
        let at = |json: &str| serde_json::from_str::<Dated>(json).map(|dated| dated.at);
        let expected = "2026-11-21T04:00:00Z".parse().unwrap();
        assert_eq!(at(r#"{"at":"Sat, 21 Nov 2026 04:00:00 +0000"}"#).unwrap(), Some(expected));
        assert_eq!(at(r#"{"at":"Sat, 21 Nov 2026 05:00:00 +0100"}"#).unwrap(), Some(expected));
        assert_eq!(at(r#"{"at":null}"#).unwrap(), None);
        assert_eq!(at("{}").unwrap(), None);
        assert!(at(r#"{"at":"2026-11-21"}"#).is_err());
    }
}
