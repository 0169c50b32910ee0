//! One tenant's part of a database.

use super::{StoreFuture, TenantTx};
use crate::{
    Document, Filter, Resource, Stamp, StoreError, Stored, Table,
    ids::{BatchId, CallId, KeyId, TenantId, UserId},
    model::{
        audit::{Actor, AuditEntry, AuditFilter},
        call::{Call, CallFacts, CallFilter, CallMove, Event, JournalChunk, NewCall, Page, Record, Turn},
        inbox::TenantEvent,
        message::{Channel, MessageStatus},
        outgoing_counts::{ConversationFilter, StatusCount},
        usage::{Usage, UsageTotal},
        work::Claim,
    },
    row::AnswerRow,
};

/// What a tenant's directory held when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryRows {
    /// Its stamp; the rows may already be newer.
    pub stamp: Stamp,
    /// The tenant's own row.
    pub tenant: Document,
    /// The lists that were asked for, in that order.
    pub lists: Vec<Vec<Document>>,
}

/// One tenant's part of a database. Resources are read with [`get`](Self#method.get), [`find`](Self#method.find) and
/// [`list`](Self#method.list), and changed in a unit of work ([`begin`](Self::begin)).
///
/// # Errors
/// Every method fails with [`StoreError::Unavailable`] when the database does not serve, and with
/// [`StoreError::Conflict`] when what is to be written contradicts what is there.
pub trait TenantStore: Send + Sync {
    /// Whose part it is.
    fn id(&self) -> &TenantId;

    /// Begins a unit of work of `actor` at the time `now`. SQLite serves one at a time: nothing slow may be waited for
    /// while it is open.
    fn begin<'a>(&'a self, actor: &'a Actor, now: i64) -> StoreFuture<'a, Box<dyn TenantTx>>;

    /// As [`begin`](Self::begin) for what nobody waits for: it goes behind every unit of work of `begin`, and of its kind one is open at
    /// the same time in each process. It should be short all the same: who comes meanwhile has to wait for its end. What is written
    /// without a unit of work, as leases are, waits with it for a connection.
    fn begin_behind<'a>(&'a self, actor: &'a Actor, now: i64) -> StoreFuture<'a, Box<dyn TenantTx>>;

    /// Whether others than those who are behind come at this moment, in this process: whatever is behind should be short then, and
    /// otherwise do much at once.
    fn others_come(&self) -> bool;

    /// The row with this id; [`get`](Self#method.get) understands it.
    fn document<'a>(&'a self, table: Table, id: &'a str) -> StoreFuture<'a, Option<Document>>;

    /// The row with this lookup key; [`find`](Self#method.find) understands it.
    fn document_by_lookup<'a>(&'a self, table: Table, lookup: &'a str) -> StoreFuture<'a, Option<Document>>;

    /// Rows; [`list`](Self#method.list) understands them.
    fn documents<'a>(&'a self, table: Table, filter: &'a Filter) -> StoreFuture<'a, Vec<Document>>;

    /// How many rows there are; a limit and a place to start from do not count.
    fn document_count<'a>(&'a self, table: Table, filter: &'a Filter) -> StoreFuture<'a, i64>;

    /// Conversations, those with the latest activity first.
    fn conversations<'a>(
        &'a self,
        filter: &'a ConversationFilter,
        page: &'a Page,
    ) -> StoreFuture<'a, Vec<Document>>;

    /// How many open conversations an operator has.
    fn open_conversations_of<'a>(&'a self, assignee: &'a UserId) -> StoreFuture<'a, i64>;

    /// How many messages of a batch are in which state.
    fn batch_counts<'a>(&'a self, batch: &'a BatchId) -> StoreFuture<'a, Vec<StatusCount>>;

    /// Messages of a batch in the order in which they were made, those after `after`; at most `limit`.
    fn batch_messages<'a>(
        &'a self,
        batch: &'a BatchId,
        status: Option<MessageStatus>,
        after: &'a str,
        limit: u16,
    ) -> StoreFuture<'a, Vec<Document>>;

    /// Messages with an address, the newest first; `strays`: only those that are in no conversation.
    fn messages_with<'a>(
        &'a self,
        address: &'a str,
        strays: bool,
        limit: u16,
    ) -> StoreFuture<'a, Vec<Document>>;

    /// How many messages that were made at or after `from` and before `until` are in which state.
    fn message_counts(&self, from: i64, until: i64) -> StoreFuture<'_, Vec<StatusCount>>;

    /// Gives every event that counts by now and has none its place after those that have one, at most `limit` of them, and says which
    /// place was given last. Places are 1, 2, 3 and so on, none is left out, and whoever sees one sees all before it: who knows the
    /// last place that they saw misses nothing and sees nothing twice.
    fn place_events(&self, limit: u16) -> StoreFuture<'_, i64>;

    /// At most `limit` events whose place is after `after`, in order, with their places.
    fn events_after(&self, after: i64, limit: u16) -> StoreFuture<'_, Vec<(i64, TenantEvent)>>;

    /// Of the `limit` oldest events, deletes those of before a time, and says how many. Those without a place are to get it first:
    /// whoever comes back later sees by it that something is gone.
    fn forget_events(&self, before: i64, limit: u16) -> StoreFuture<'_, u64>;

    /// The stamp of the tenant's directory; `None` if there is no such tenant.
    fn stamp(&self) -> StoreFuture<'_, Option<Stamp>>;

    /// The tenant's row and rows of other tables, on one connection; `None` if there is no such tenant.
    fn directory<'a>(&'a self, lists: &'a [(Table, Filter)]) -> StoreFuture<'a, Option<DirectoryRows>>;

    /// Lines of the audit log, newest first.
    fn audit_log<'a>(&'a self, filter: &'a AuditFilter) -> StoreFuture<'a, Vec<AuditEntry>>;

    /// Notes that a key was used.
    fn touch_key<'a>(&'a self, key: &'a KeyId, now: i64) -> StoreFuture<'a, ()>;

    /// When keys were used last.
    fn key_uses(&self) -> StoreFuture<'_, Vec<(KeyId, i64)>>;

    /// Finishes work outside of a unit of work; false if the lease was lost.
    fn finish_work<'a>(&'a self, claim: &'a Claim) -> StoreFuture<'a, bool>;

    /// Puts work back until `due_at`; false if the lease was lost.
    fn retry_work<'a>(&'a self, claim: &'a Claim, due_at: i64) -> StoreFuture<'a, bool>;

    /// Holds work longer; false if the lease was lost.
    fn extend_work<'a>(&'a self, claim: &'a Claim, lease_until: i64) -> StoreFuture<'a, bool>;

    /// The call with this carrier id, which is `new` if there was none.
    fn ensure_call(&self, new: NewCall) -> StoreFuture<'_, Call>;

    /// A call by its id.
    fn call<'a>(&'a self, call: &'a CallId) -> StoreFuture<'a, Option<Call>>;

    /// A call by the carrier's id.
    fn call_by_carrier_sid<'a>(&'a self, sid: &'a str) -> StoreFuture<'a, Option<Call>>;

    /// Calls, newest first.
    fn calls<'a>(&'a self, filter: &'a CallFilter, page: &'a Page) -> StoreFuture<'a, Vec<Call>>;

    /// Moves a call on; false if it is not in the state that the step starts from.
    fn move_call<'a>(&'a self, call: &'a CallId, step: CallMove) -> StoreFuture<'a, bool>;

    /// Keeps what is learned of a call; false if there is no such call.
    fn learn<'a>(&'a self, call: &'a CallId, facts: &'a CallFacts) -> StoreFuture<'a, bool>;

    /// Counts one more request to the carrier to come back, and says how many there were; `None` if there is no
    /// such call.
    fn count_reconnect<'a>(&'a self, call: &'a CallId) -> StoreFuture<'a, Option<i64>>;

    /// Remembers where a call is to be handed to; false if there is no such call.
    fn set_transfer<'a>(&'a self, call: &'a CallId, to: &'a str) -> StoreFuture<'a, bool>;

    /// Writes all of the records or none.
    fn append<'a>(&'a self, records: &'a [Record]) -> StoreFuture<'a, ()>;

    /// The turns of a call, in order.
    fn turns<'a>(&'a self, call: &'a CallId) -> StoreFuture<'a, Vec<Turn>>;

    /// What else happened in a call, in order.
    fn events<'a>(&'a self, call: &'a CallId) -> StoreFuture<'a, Vec<Event>>;

    /// At most `limit` chunks of a call's journal that start at or after entry `from_seq`, in order.
    fn journal<'a>(
        &'a self,
        call: &'a CallId,
        from_seq: i64,
        limit: u16,
    ) -> StoreFuture<'a, Vec<JournalChunk>>;

    /// Keeps what was used; told again by the same source, it replaces what was known.
    fn put_usage<'a>(&'a self, usage: &'a Usage) -> StoreFuture<'a, ()>;

    /// What a call used, in the order in which it became known.
    fn usage_of<'a>(&'a self, call: &'a CallId) -> StoreFuture<'a, Vec<Usage>>;

    /// What was used by kind, unit and currency, of uses that began at or after `from` and before `until`.
    fn usage(&self, from: i64, until: i64) -> StoreFuture<'_, Vec<UsageTotal>>;

    /// Answers to requests that are remembered, in the order of their keys, those after `after`; at most `limit`.
    fn answers<'a>(&'a self, after: &'a str, limit: u16) -> StoreFuture<'a, Vec<AnswerRow>>;

    /// Calls that are over, began before `before` and at or after `after`, and of which there still are words; the oldest first.
    fn worded_calls(&self, before: i64, after: i64, limit: u16) -> StoreFuture<'_, Vec<CallId>>;

    /// Messages of a channel that were made before a time, whose words are still there and which nobody sends any more; the oldest
    /// first.
    fn worded_messages(&self, channel: Channel, before: i64, limit: u16) -> StoreFuture<'_, Vec<Document>>;

    /// Forgets remembered requests whose time is over, and says how many.
    fn forget_requests(&self, now: i64) -> StoreFuture<'_, u64>;
}

impl dyn TenantStore + '_ {
    /// The resource with this id.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn get<T: Resource>(&self, id: &T::Id) -> Result<Option<Stored<T>>, StoreError> {
        use crate::ids::Id as _;
        self.document(T::TABLE, id.as_str()).await?.map(Stored::read).transpose()
    }

    /// The resource with this lookup key: what that is, each type says.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn find<T: Resource>(&self, lookup: &str) -> Result<Option<Stored<T>>, StoreError> {
        self.document_by_lookup(T::TABLE, lookup).await?.map(Stored::read).transpose()
    }

    /// Resources.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn list<T: Resource>(&self, filter: &Filter) -> Result<Vec<Stored<T>>, StoreError> {
        self.documents(T::TABLE, filter).await?.into_iter().map(Stored::read).collect()
    }

    /// How many resources there are; a limit and a place to start from do not count.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn count<T: Resource>(&self, filter: &Filter) -> Result<i64, StoreError> {
        self.document_count(T::TABLE, filter).await
    }
}
