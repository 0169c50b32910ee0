//! Secrets that are sent to us: they can be written, and never read. Not even an error repeats one.

use engine::provider::Secret;
use serde::{Deserialize, Deserializer, de::Error as _};
use std::fmt;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

use crate::problem::{FaultCode, Faults};

/// Longest secret, in characters. A token of Twilio's has 32, a key of a model's provider some 200.
const SECRET_MAX: usize = 1_000;

/// A secret that was sent to us.
#[derive(Clone)]
pub(crate) struct NewSecret(pub(crate) Secret);

impl NewSecret {
    /// Whether it is a secret that a header can carry.
    pub(crate) fn check(&self, faults: &mut Faults, name: &str) {
        let text = self.0.reveal();
        if text.is_empty() || text.chars().count() > SECRET_MAX {
            faults.add_at(name, FaultCode::OutOfRange, format!("it must have 1 to {SECRET_MAX} characters"));
        } else if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            faults.add_at(name, FaultCode::InvalidValue, "it must consist of visible ASCII characters");
        }
    }
}

impl fmt::Debug for NewSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewSecret")
    }
}

impl<'de> Deserialize<'de> for NewSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The usual error would show what is there instead.
        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(text) => Ok(Self(Secret::new(&text))),
            _ => Err(D::Error::custom("a secret must be a text")),
        }
    }
}

impl PartialSchema for NewSecret {
    fn schema() -> RefOr<Schema> {
        let secret = ObjectBuilder::new().schema_type(Type::String).write_only(true);
        let secret = secret.min_length(Some(1)).max_length(Some(SECRET_MAX)).pattern(Some("^[!-~]+$"));
        secret.description(Some("Can be written, and is never shown.")).into()
    }
}

impl ToSchema for NewSecret {
    fn name() -> std::borrow::Cow<'static, str> {
        "Secret".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_error_and_no_text_repeats_a_secret() {
        for body in ["[\"CANARY\"]", "{\"CANARY\": 1}", "4711", "true"] {
            let error = serde_json::from_str::<NewSecret>(body).unwrap_err().to_string();
            assert!(!error.contains("CANARY") && !error.contains("4711"), "{error}");
        }
        let secret: NewSecret = serde_json::from_str("\"CANARY\"").unwrap();
        assert_eq!((format!("{secret:?}").as_str(), secret.0.reveal()), ("NewSecret", "CANARY"));
        let mut faults = Faults::default();
        NewSecret(Secret::new("CANARY with spaces")).check(&mut faults, "it");
        let found = faults.into_found();
        assert!(found.len() == 1 && !format!("{found:?}").contains("CANARY"), "{found:?}");
    }
}
