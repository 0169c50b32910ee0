//! A unit of work: all of its changes or none.

use super::StoreFuture;
use crate::{
    Body, Document, Filter, Resource, StoreError, Stored, Table,
    ids::{CallId, Id as _, TenantId},
    model::{
        audit::{Idempotency, IdempotencyRequest, StoredResponse},
        call::{CallFacts, CallMove, NewCall, Record},
        usage::Usage,
        work::{Claim, WorkKind},
    },
};

/// A unit of work of one actor in one tenant. Nothing of it is seen by others, or survives, without
/// [`commit`](Self::commit); after a method that failed it cannot be committed any more.
///
/// Every change of a resource writes its line of the audit log by itself: who, from where, what, before and after. There is
/// no way to change one without.
///
/// # Errors
/// As [`TenantStore`](crate::TenantStore); also [`StoreError::Taken`], [`StoreError::Missing`] and [`StoreError::Stale`].
pub trait TenantTx: Send {
    /// Whose part it works on.
    fn tenant(&self) -> &TenantId;

    /// When it began: the time of all that it writes.
    fn now(&self) -> i64;

    /// The row as this unit of work sees it; [`get`](Self#method.get) understands it.
    fn document<'a>(&'a mut self, table: Table, id: &'a str) -> StoreFuture<'a, Option<Document>>;

    /// The row with this lookup key as this unit of work sees it; [`find`](Self#method.find) understands it.
    fn document_by_lookup<'a>(
        &'a mut self,
        table: Table,
        lookup: &'a str,
    ) -> StoreFuture<'a, Option<Document>>;

    /// Rows as this unit of work sees them.
    fn documents<'a>(&'a mut self, table: Table, filter: &'a Filter) -> StoreFuture<'a, Vec<Document>>;

    /// Writes a new row; false if there is one with its lookup key. [`insert`](Self#method.insert) says it better.
    fn put_document<'a>(&'a mut self, table: Table, id: &'a str, body: &'a Body) -> StoreFuture<'a, bool>;

    /// Changes a row that has this version, and gives the changed one. [`update`](Self#method.update) says it better.
    fn replace_document<'a>(
        &'a mut self,
        table: Table,
        id: &'a str,
        version: i64,
        body: &'a Body,
    ) -> StoreFuture<'a, Document>;

    /// Deletes a row that has this version. [`delete`](Self#method.delete) says it better.
    fn remove_document<'a>(&'a mut self, table: Table, id: &'a str, version: i64) -> StoreFuture<'a, ()>;

    /// Writes a line of the audit log about something that is no change of a resource: a recording was heard, a call
    /// was ended. `details` holds no secrets.
    fn note<'a>(
        &'a mut self,
        action: &'a str,
        object: &'a str,
        details: &'a serde_json::Value,
    ) -> StoreFuture<'a, ()>;

    /// Says whether the request comes for the first time, and remembers it. Two that come at once wait for each other.
    fn idempotency<'a>(&'a mut self, request: &'a IdempotencyRequest) -> StoreFuture<'a, Idempotency>;

    /// Remembers the answer to a request that came for the first time. Without it the unit of work cannot be committed.
    fn respond<'a>(&'a mut self, key: &'a str, response: &'a StoredResponse) -> StoreFuture<'a, ()>;

    /// Lets work be claimed from `due_at` on. Work that is scheduled already becomes due then; if it is held, the
    /// holder loses its lease.
    fn schedule<'a>(&'a mut self, kind: WorkKind, object: &'a str, due_at: i64) -> StoreFuture<'a, ()>;

    /// As [`schedule`](Self::schedule), and what has the same `ordering` is given out one after the other, in the order of the
    /// objects' ids; see [`Store::claim_work_of`](crate::Store::claim_work_of).
    fn schedule_in_order<'a>(
        &'a mut self,
        kind: WorkKind,
        object: &'a str,
        due_at: i64,
        ordering: &'a str,
    ) -> StoreFuture<'a, ()>;

    /// Takes work off the list that is not needed any more. What a worker holds stays: whoever holds it finishes it.
    fn unschedule<'a>(&'a mut self, kind: WorkKind, object: &'a str) -> StoreFuture<'a, ()>;

    /// Takes work off the list; [`StoreError::Stale`] if the lease was lost, so that nothing of this unit of work counts.
    fn finish_work<'a>(&'a mut self, claim: &'a Claim) -> StoreFuture<'a, ()>;

    /// Takes work off the list if its lease is still held; else it stays, and everything else of this unit of work counts all the same.
    fn finish_work_if_held<'a>(&'a mut self, claim: &'a Claim) -> StoreFuture<'a, bool>;

    /// Puts work back until `due_at`; [`StoreError::Stale`] if the lease was lost.
    fn retry_work<'a>(&'a mut self, claim: &'a Claim, due_at: i64) -> StoreFuture<'a, ()>;

    /// Adds a call; [`StoreError::Taken`] if there is one with its id or carrier id.
    fn add_call<'a>(&'a mut self, new: &'a NewCall) -> StoreFuture<'a, ()>;

    /// Moves a call on; false if it is not in the state that the step starts from.
    fn move_call<'a>(&'a mut self, call: &'a CallId, step: CallMove) -> StoreFuture<'a, bool>;

    /// Keeps what is learned of a call; false if there is no such call.
    fn learn<'a>(&'a mut self, call: &'a CallId, facts: &'a CallFacts) -> StoreFuture<'a, bool>;

    /// Writes records of calls.
    fn append<'a>(&'a mut self, records: &'a [Record]) -> StoreFuture<'a, ()>;

    /// Deletes what was said in a call and what happened in it; how many turns that were. The call stays, with what counts.
    fn forget_words<'a>(&'a mut self, call: &'a CallId) -> StoreFuture<'a, u64>;

    /// Leaves of a call that is over only what counts, with these parties; empty is nobody.
    fn blank_call<'a>(&'a mut self, call: &'a CallId, from: &'a str, to: &'a str) -> StoreFuture<'a, ()>;

    /// Takes what a line of the audit log says of its object; who did what, when and with what stays. False if there is no such line.
    /// The database refuses any other change of one.
    fn blank_audit_entry<'a>(&'a mut self, entry: &'a str) -> StoreFuture<'a, bool>;

    /// Puts another answer in the place of a remembered one; false if none is remembered.
    fn replace_answer<'a>(&'a mut self, key: &'a str, response: &'a str) -> StoreFuture<'a, bool>;

    /// Keeps what was used; told again by the same source, it replaces what was known.
    fn put_usage<'a>(&'a mut self, usage: &'a Usage) -> StoreFuture<'a, ()>;

    /// Makes all of it count. Dropping the unit of work instead undoes it.
    fn commit(self: Box<Self>) -> StoreFuture<'static, ()>;
}

impl dyn TenantTx + '_ {
    /// The resource with this id, as this unit of work sees it.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn get<T: Resource>(&mut self, id: &T::Id) -> Result<Option<Stored<T>>, StoreError> {
        self.document(T::TABLE, id.as_str()).await?.map(Stored::read).transpose()
    }

    /// The resource with this lookup key, as this unit of work sees it.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn find<T: Resource>(&mut self, lookup: &str) -> Result<Option<Stored<T>>, StoreError> {
        self.document_by_lookup(T::TABLE, lookup).await?.map(Stored::read).transpose()
    }

    /// Adds a resource with a new id.
    ///
    /// # Errors
    /// [`StoreError::Taken`] if another has what must be had only once.
    pub async fn insert<T: Resource>(&mut self, value: T) -> Result<Stored<T>, StoreError> {
        self.insert_as(T::Id::generate(), value).await
    }

    /// Adds a resource with an id that was made before.
    ///
    /// # Errors
    /// [`StoreError::Taken`] if another has the id, or what must be had only once.
    pub async fn insert_as<T: Resource>(&mut self, id: T::Id, value: T) -> Result<Stored<T>, StoreError> {
        self.insert_new(id, value).await?.ok_or(StoreError::Taken { what: T::TABLE.noun() })
    }

    /// Adds a resource unless this tenant has one with its lookup key: `None`, and the unit of work can go on.
    ///
    /// # Errors
    /// [`StoreError::Taken`] if another has the id, or what must be had only once over all tenants.
    pub async fn insert_new<T: Resource>(
        &mut self,
        id: T::Id,
        value: T,
    ) -> Result<Option<Stored<T>>, StoreError> {
        let body = Body::write(&value)?;
        let now = self.now();
        let is_new = self.put_document(T::TABLE, id.as_str(), &body).await?;
        Ok(is_new.then_some(Stored { id, version: 1, created_at: now, updated_at: now, value }))
    }

    /// Changes a resource that is still as it was read.
    ///
    /// # Errors
    /// [`StoreError::Missing`] and [`StoreError::Stale`] if it is not; [`StoreError::Taken`] if another has what must be had
    /// only once.
    pub async fn update<T: Resource>(
        &mut self,
        id: &T::Id,
        version: i64,
        value: T,
    ) -> Result<Stored<T>, StoreError> {
        let body = Body::write(&value)?;
        let row = self.replace_document(T::TABLE, id.as_str(), version, &body).await?;
        Ok(Stored {
            id: id.clone(),
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
            value,
        })
    }

    /// Deletes a resource that is still as it was read.
    ///
    /// # Errors
    /// [`StoreError::Missing`] and [`StoreError::Stale`] if it is not; [`StoreError::Conflict`] if others belong to it.
    pub async fn delete<T: Resource>(&mut self, id: &T::Id, version: i64) -> Result<(), StoreError> {
        self.remove_document(T::TABLE, id.as_str(), version).await
    }
}
