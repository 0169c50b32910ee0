//! Whose directory has changed: counted in the database, told at once within the process that changed it, and told to others
//! when they [catch up](crate::Store::catch_up).
//!
//! A tenant's directory is what its calls are answered by: its own row and its rows in the tables that
//! [`Table::is_directory`](crate::Table::is_directory) names. Whoever keeps a copy compares its [`Stamp`].

use crate::{ids::TenantId, new_id};
use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

/// Which state a tenant's directory is in: two that are the same hold the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Of the tenant's own row.
    pub version: i64,
    /// Units of work that changed the rest of the directory.
    pub changes: i64,
}

/// What has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// This tenant's directory.
    Of(&'a TenantId),
    /// Something happened that those who follow this tenant are to be told.
    Told(&'a TenantId),
    /// Any of them: another process may have changed something, and what is not known.
    Any,
}

/// Is told whose directory has changed. It must not block.
pub type ChangeListener = Arc<dyn Fn(Change<'_>) + Send + Sync>;

/// Who is told within this process.
#[derive(Clone)]
pub struct ChangeListeners {
    listeners: Arc<RwLock<Vec<ChangeListener>>>,
    origin: Arc<str>,
}

impl Default for ChangeListeners {
    fn default() -> Self {
        Self { listeners: Arc::default(), origin: new_id("node").into() }
    }
}

impl ChangeListeners {
    /// Tells `listener` too from now on.
    pub fn add(&self, listener: ChangeListener) {
        self.listeners.write().unwrap_or_else(PoisonError::into_inner).push(listener);
    }

    /// Tells all of them.
    pub fn tell(&self, change: Change<'_>) {
        for listener in self.listeners.read().unwrap_or_else(PoisonError::into_inner).iter() {
            listener(change);
        }
    }

    /// By what other processes know changes of this one: it has told of its own already.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }
}

impl fmt::Debug for ChangeListeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChangeListeners")
    }
}
