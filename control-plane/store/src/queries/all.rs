//! The SQL text that every database shares. A database crate names its database `Db` and its connections `Connection`, and
//! takes this module in by its path; its compiler checks every line against that database's own schema.

pub(crate) mod calls;
pub(crate) mod changes;
pub(crate) mod directory;
pub(crate) mod documents;
pub(crate) mod events;
pub(crate) mod inbox;
pub(crate) mod ledger;
pub(crate) mod platform;
pub(crate) mod privacy;
pub(crate) mod records;
pub(crate) mod work;

use std::borrow::Cow;

/// PostgreSQL cannot keep a NUL character, and what callers and models say must not be lost for one.
pub(crate) fn without_nul(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(text) }
}
