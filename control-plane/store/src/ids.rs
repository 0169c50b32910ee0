//! Names of the store's things, as types.

use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }
    };
}

id!(
    /// A tenant (`ten_…`).
    TenantId
);
id!(
    /// A call (`call_…`).
    CallId
);

impl CallId {
    /// A new one, later in order than those made before it.
    #[must_use]
    pub fn new() -> Self {
        Self(new_id("call"))
    }
}

impl Default for CallId {
    fn default() -> Self {
        Self::new()
    }
}

/// A new id, `kind_` and 32 hexadecimal digits of a UUID version 7: ids sort by the time they were made.
#[must_use]
pub fn new_id(kind: &str) -> String {
    format!("{kind}_{}", Uuid::now_v7().simple())
}
