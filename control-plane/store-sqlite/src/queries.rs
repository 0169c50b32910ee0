//! The shared SQL text, checked against this database's schema.

use sqlx::{Executor, query, query_as};
use store::{
    CallFilter, CallMove, CallStatus, EndedCall, Event, JournalChunk, KeyOwner, NewCall, NewKey, Page, Turn,
    new_id,
    row::{CallRow, TurnRow},
};

type Db = sqlx::Sqlite;

include!("../../store/src/queries/tenants.rs");
include!("../../store/src/queries/calls.rs");
include!("../../store/src/queries/records.rs");
