//! The port: what a database must do for the control plane.

use crate::{
    Call, CallFilter, CallId, CallMove, Event, JournalChunk, KeyOwner, NewCall, NewKey, Page, Record,
    StoreError, TenantId, Turn,
};
use futures_util::future::BoxFuture;

/// A database.
///
/// # Errors
/// Every method fails with [`StoreError::Unavailable`] when the database does not serve.
pub trait Store: Send + Sync {
    /// Everything of one tenant, and nothing of any other.
    fn tenant(&self, tenant: &TenantId) -> Box<dyn TenantStore>;

    /// Makes the tenant known, or gives it another name.
    fn put_tenant<'a>(
        &'a self,
        tenant: &'a TenantId,
        name: &'a str,
        now: i64,
    ) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Whom the key with this SHA-256 speaks for. The one question that is asked before a tenant is known.
    fn key_owner<'a>(&'a self, hash: &'a str) -> BoxFuture<'a, Result<Option<KeyOwner>, StoreError>>;

    /// Writes something and waits until it is durable.
    fn check_writable(&self, now: i64) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Lets go of the database; later requests fail.
    fn close(&self) -> BoxFuture<'_, ()>;
}

/// One tenant's part of a database.
///
/// # Errors
/// Every method fails with [`StoreError::Unavailable`] when the database does not serve, and with
/// [`StoreError::Conflict`] when what is to be written contradicts what is there.
pub trait TenantStore: Send + Sync {
    /// Whose part it is.
    fn id(&self) -> &TenantId;

    /// Keeps a new key.
    fn add_key(&self, key: NewKey) -> BoxFuture<'_, Result<(), StoreError>>;

    /// How many keys there are.
    fn key_count(&self) -> BoxFuture<'_, Result<i64, StoreError>>;

    /// The call with this carrier id, which is `new` if there was none.
    fn ensure_call(&self, new: NewCall) -> BoxFuture<'_, Result<Call, StoreError>>;

    /// A call by its id.
    fn call<'a>(&'a self, call: &'a CallId) -> BoxFuture<'a, Result<Option<Call>, StoreError>>;

    /// A call by the carrier's id.
    fn call_by_carrier_sid<'a>(&'a self, sid: &'a str) -> BoxFuture<'a, Result<Option<Call>, StoreError>>;

    /// Calls, newest first.
    fn calls<'a>(
        &'a self,
        filter: &'a CallFilter,
        page: &'a Page,
    ) -> BoxFuture<'a, Result<Vec<Call>, StoreError>>;

    /// Moves a call on; false if it is not in the state that the step starts from.
    fn move_call<'a>(&'a self, call: &'a CallId, step: CallMove) -> BoxFuture<'a, Result<bool, StoreError>>;

    /// Counts one more request to the carrier to come back, and says how many there were; `None` if there is no
    /// such call.
    fn count_reconnect<'a>(&'a self, call: &'a CallId) -> BoxFuture<'a, Result<Option<i64>, StoreError>>;

    /// Remembers where a call is to be handed to; false if there is no such call.
    fn set_transfer<'a>(&'a self, call: &'a CallId, to: &'a str) -> BoxFuture<'a, Result<bool, StoreError>>;

    /// Writes all of the records or none.
    fn append<'a>(&'a self, records: &'a [Record]) -> BoxFuture<'a, Result<(), StoreError>>;

    /// The turns of a call, in order.
    fn turns<'a>(&'a self, call: &'a CallId) -> BoxFuture<'a, Result<Vec<Turn>, StoreError>>;

    /// What else happened in a call, in order.
    fn events<'a>(&'a self, call: &'a CallId) -> BoxFuture<'a, Result<Vec<Event>, StoreError>>;

    /// At most `limit` chunks of a call's journal that start at or after entry `from_seq`, in order.
    fn journal<'a>(
        &'a self,
        call: &'a CallId,
        from_seq: i64,
        limit: u16,
    ) -> BoxFuture<'a, Result<Vec<JournalChunk>, StoreError>>;
}
