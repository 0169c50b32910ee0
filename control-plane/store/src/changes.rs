//! Whose directory has changed: counted in the database for other processes, and told within this one.
//!
//! A tenant's directory is what its calls are answered by: its own row and its rows in the tables that
//! [`Table::is_directory`](crate::Table::is_directory) names. Whoever keeps a copy compares its [`Stamp`].

use crate::ids::TenantId;
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

/// Is told whose directory has changed. It must not block.
pub type ChangeListener = Arc<dyn Fn(&TenantId) + Send + Sync>;

/// Who is told within this process.
#[derive(Clone, Default)]
pub struct ChangeListeners(Arc<RwLock<Vec<ChangeListener>>>);

impl ChangeListeners {
    /// Tells `listener` too from now on.
    pub fn add(&self, listener: ChangeListener) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).push(listener);
    }

    /// Tells all of them.
    pub fn tell(&self, tenant: &TenantId) {
        for listener in self.0.read().unwrap_or_else(PoisonError::into_inner).iter() {
            listener(tenant);
        }
    }
}

impl fmt::Debug for ChangeListeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChangeListeners")
    }
}
