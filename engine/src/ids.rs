//! Names of things, as types: a call cannot be mistaken for a tenant.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

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
    };
}

id!(
    /// A tenant: a company with its own carrier account (`ten_…`).
    TenantId
);
id!(
    /// A call, across all of its streams (`call_…`).
    CallId
);
id!(
    /// An assistant: prompt, voice, tools, providers (`asst_…`).
    AssistantId
);

/// Counts what the assistant says: each answer, greeting, prompt or goodbye has its own epoch.
///
/// Every message that belongs to an answer carries it, and whatever comes from an older epoch is dropped at
/// the door.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub u32);

impl Epoch {
    /// The epoch after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "e{}", self.0)
    }
}

/// A sentence within an epoch, counted from 0 in the order in which they are spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SentenceId {
    /// The answer that the sentence belongs to.
    pub epoch: Epoch,
    /// Its place in that answer, from 0.
    pub index: u32,
}

impl fmt::Display for SentenceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.s{}", self.epoch, self.index)
    }
}
