//! What is kept, as types: one file per subject.

pub mod account;
pub mod assistant;
pub mod audit;
pub mod call;
pub mod call_status;
pub mod consent;
pub mod contact;
pub mod identity;
pub mod inbox;
pub mod message;
pub mod number;
pub mod outgoing;
pub mod outgoing_counts;
pub mod queue;
pub mod recording;
pub mod template;
pub mod tenant;
pub mod usage;
pub mod webhook;
pub mod work;

/// Gives an enum of words its text, and reads it back.
macro_rules! words {
    ($name:ident, $what:literal, { $($variant:ident => $text:literal),+ $(,)? }) => {
        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// As stored and as in the API.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// Reads what [`Self::as_str`] gives.
            ///
            /// # Errors
            /// When there is no such word.
            pub fn parse(text: &str) -> Result<Self, $crate::StoreError> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    other => Err($crate::StoreError::Unknown { what: $what, value: other.to_owned() }),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use words;

/// Says where the values of a type are and what their ids are.
macro_rules! resource {
    ($type:ty, $id:ty, $table:ident) => {
        impl $crate::Resource for $type {
            type Id = $id;
            const TABLE: $crate::Table = $crate::Table::$table;
        }
    };
}
pub(crate) use resource;
