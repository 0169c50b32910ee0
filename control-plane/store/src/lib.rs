//! What the control plane keeps, and the port that a database implements. There is no database in here.
//!
//! Everything that belongs to a tenant is reached through [`Store::tenant`] and nothing else, so a query
//! without a tenant cannot be written by accident. `src/queries/` holds the SQL text and `src/shared/` the port around it,
//! which every database crate includes and has checked against its own schema (`docs/adr/0003-one-sql-text.md`);
//! `contract_tests!` is the behaviour that each of them must show.
//!
//! Times are unix microseconds, UTC. Ids are text.

mod changes;
#[cfg(feature = "contract")]
pub mod contract;
mod document;
mod error;
pub mod ids;
pub mod model;
mod port;
pub mod row;

pub use changes::{Change, ChangeListener, ChangeListeners, Stamp};
pub use document::{Body, Document, Filter, Order, Resource, Stored, Table};
pub use error::StoreError;
pub use ids::{CallId, Id, TenantId, new_id};
pub use model::{
    call::{
        Call, CallFacts, CallFilter, CallMove, Direction, EndedCall, Event, JournalChunk, NewCall, Page,
        Record, Turn,
    },
    call_status::CallStatus,
    identity::KeyOwner,
};
pub use port::{DirectoryRows, Store, StoreFuture, TenantStore, TenantTx};
