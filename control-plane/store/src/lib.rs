//! What the control plane keeps, and the port that a database implements. There is no database in here.
//!
//! Everything that belongs to a tenant is reached through [`Store::tenant`] and nothing else, so a query
//! without a tenant cannot be written by accident. `src/queries/` holds the SQL text that every database crate
//! includes and has checked against its own schema (`docs/adr/0003-one-sql-text.md`); `contract_tests!` is the
//! behaviour that each of them must show.
//!
//! Times are unix microseconds, UTC. Ids are text.

mod contract;
mod error;
mod ids;
mod model;
mod port;
pub mod row;
mod status;

pub use error::StoreError;
pub use ids::{CallId, TenantId, new_id};
pub use model::{
    Call, CallFilter, CallMove, Direction, EndedCall, Event, JournalChunk, KeyOwner, NewCall, NewKey, Page,
    Record, Turn,
};
pub use port::{Store, TenantStore};
pub use status::CallStatus;
