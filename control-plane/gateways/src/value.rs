//! Reading JSON that others wrote: what is missing or of another type is no panic and, where it is not needed, no error.

use serde_json::{Map, Value};

/// Something that must be there is not, or is of another type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct ShapeError {
    /// Where, such as `messages[2].id`.
    pub path: String,
    /// What is wrong with it.
    pub problem: &'static str,
}

impl ShapeError {
    pub(crate) fn new(path: impl Into<String>, problem: &'static str) -> Self {
        Self { path: path.into(), problem }
    }
}

/// A text that is not empty.
pub(crate) fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A text, or an integer as text.
pub(crate) fn name(value: &Value, name: &str) -> Option<String> {
    match value.get(name)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// An integer, or a text of one.
pub(crate) fn integer(value: &Value, name: &str) -> Option<i64> {
    match value.get(name)? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A number, or a text of one.
pub(crate) fn number(value: &Value, name: &str) -> Option<f64> {
    let number = match value.get(name)? {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    number.is_finite().then_some(number)
}

/// Entries of a list; none where there is no list.
pub(crate) fn entries<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The texts in a list.
pub(crate) fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(|entry| entry.as_str().map(str::to_owned)).collect()
}

pub(crate) fn object(value: &Value) -> Option<&Map<String, Value>> {
    value.as_object()
}

/// A moment in unix µs: seconds as a number or a text, with fractions or without. What would lie beyond the year 5000 is
/// taken for milliseconds.
pub(crate) fn moment(value: &Value, name: &str) -> Option<i64> {
    const YEAR_5000_S: f64 = 95_617_584_000.0;
    let number = number(value, name).filter(|number| *number > 0.0)?;
    let seconds = if number >= YEAR_5000_S { number / 1_000.0 } else { number };
    (seconds < YEAR_5000_S).then_some((seconds * 1_000_000.0).round() as i64)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// JSON of every shape, with the gateways' own names and words in it so that it gets far.
    pub(crate) fn any_json() -> impl Strategy<Value = Value> {
        const WORDS: [&str; 40] = [
            "id",
            "messages",
            "statuses",
            "message",
            "sent",
            "type",
            "text",
            "body",
            "chat_id",
            "from_me",
            "timestamp",
            "image",
            "status",
            "errors",
            "error",
            "contacts",
            "input",
            "wa_id",
            "health",
            "event",
            "context",
            "reply",
            "location",
            "latitude",
            "longitude",
            "invalid_aliases",
            "external_id",
            "successful",
            "failed",
            "remaining",
            "webhooks",
            "headers",
            "events",
            "customer",
            "phone",
            "email",
            "line_items",
            "shop_domain",
            "created_at",
            "file_size",
        ];
        let word = || proptest::sample::select(WORDS.as_slice()).prop_map(str::to_owned);
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            word().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 64, 8, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::hash_map(word(), inner, 0..8)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    #[test]
    fn a_moment_is_read_however_it_is_written() {
        for written in
            [json!(1_760_000_000), json!("1760000000"), json!(1_760_000_000_000_u64), json!(1_760_000_000.0)]
        {
            let at = moment(&json!({"t": written}), "t");
            assert_eq!(at, Some(1_760_000_000_000_000), "{written}");
        }
        assert_eq!(moment(&json!({"t": "1760000000.25"}), "t"), Some(1_760_000_000_250_000));
        for nothing in [json!(0), json!(-5), json!("soon"), json!(null), json!(1e300), json!([1])] {
            assert_eq!(moment(&json!({"t": nothing}), "t"), None, "{nothing}");
        }
    }
}
