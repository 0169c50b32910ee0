//! Numbers that Twilio writes as text or as numbers, depending on the resource.

use serde::{Deserialize, Deserializer, de::Error};

#[derive(Deserialize)]
#[serde(untagged)]
enum TextOrNumber {
    Text(String),
    Number(i64),
}

/// A count or a length; null, an empty text and a negative number (`-1`: not known yet) are none.
pub(crate) fn optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let number = match Option::<TextOrNumber>::deserialize(deserializer)? {
        None => return Ok(None),
        Some(TextOrNumber::Text(text)) if text.is_empty() => return Ok(None),
        Some(TextOrNumber::Text(text)) => text.parse().map_err(D::Error::custom)?,
        Some(TextOrNumber::Number(number)) => number,
    };
    Ok(u64::try_from(number).ok())
}

/// The same where it is always there; none counts as 0.
pub(crate) fn required<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    optional(deserializer).map(Option::unwrap_or_default)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Counted {
        #[serde(deserialize_with = "optional", default)]
        n: Option<u64>,
    }

    #[test]
    fn text_and_numbers_are_the_same() {
        let n = |json: &str| serde_json::from_str::<Counted>(json).map(|counted| counted.n);
        assert_eq!(n(r#"{"n":"15"}"#).unwrap(), Some(15));
        assert_eq!(n(r#"{"n":15}"#).unwrap(), Some(15));
        for none in [r#"{"n":null}"#, r#"{"n":""}"#, r#"{"n":"-1"}"#, "{}"] {
            assert_eq!(n(none).unwrap(), None, "{none}");
        }
        assert!(n(r#"{"n":"many"}"#).is_err());
    }
}
