//! One tenant's part of the database.

use crate::{
    Backend, Read,
    failure::failed,
    queries::{calls, changes, documents, events, inbox, ledger, privacy, records, work},
    record,
    turns::Behind,
    tx::Tx,
};
use sqlx::Transaction;
use store::{
    Call, CallFacts, CallFilter, CallId, CallMove, DirectoryRows, Document, Event, Filter, JournalChunk,
    NewCall, Page, Record, Stamp, StoreError, StoreFuture, Table, TenantId, TenantStore, TenantTx, Turn,
    ids::{BatchId, KeyId, UserId},
    model::{
        audit::{Actor, AuditEntry, AuditFilter},
        inbox::TenantEvent,
        message::{Channel, MessageStatus},
        outgoing_counts::{ConversationFilter, StatusCount},
        usage::{Usage, UsageTotal},
        work::Claim,
    },
    row::{AnswerRow, CallRow, ToldRow},
};

const BEGINNING: &str = "beginning a unit of work";

#[derive(Debug)]
pub(crate) struct Tenant {
    store: Backend,
    tenant: TenantId,
}

impl Tenant {
    pub(crate) fn new(store: Backend, tenant: TenantId) -> Self {
        Self { store, tenant }
    }

    async fn read(&self, doing: &'static str) -> Result<Read, StoreError> {
        self.store.read(&self.tenant, doing).await
    }

    async fn write(&self, doing: &'static str) -> Result<Transaction<'static, crate::Db>, StoreError> {
        self.store.write(&self.tenant, doing).await
    }

    fn unit_of_work(
        &self,
        transaction: Transaction<'static, crate::Db>,
        behind: Option<Behind>,
        actor: &Actor,
        now: i64,
    ) -> Box<dyn TenantTx> {
        let listeners = self.store.listeners.clone();
        Box::new(Tx::new(transaction, behind, self.tenant.clone(), actor.clone(), now, listeners))
    }
}

fn known(row: Option<CallRow>) -> Result<Option<Call>, StoreError> {
    row.map(Call::try_from).transpose()
}

/// Answers from the tenant's part: `$db` is a connection that sees nothing else, `$tenant` the tenant's id.
macro_rules! read {
    ($self:ident, $doing:literal, |$db:ident, $tenant:ident| $query:expr) => {
        Box::pin(async move {
            let mut scope = $self.read($doing).await?;
            let ($db, $tenant) = (&mut *scope, $self.tenant.as_str());
            $query.await.map_err(failed($doing))
        })
    };
    ($self:ident, $doing:literal, |$db:ident, $tenant:ident| $query:expr, $then:expr) => {
        Box::pin(async move {
            let mut scope = $self.read($doing).await?;
            let ($db, $tenant) = (&mut *scope, $self.tenant.as_str());
            let rows = $query.await.map_err(failed($doing))?;
            $then(rows)
        })
    };
}

/// Writes to the tenant's part, all or nothing.
macro_rules! write {
    ($self:ident, $doing:literal, |$db:ident, $tenant:ident| $query:expr) => {
        Box::pin(async move {
            let mut transaction = $self.write($doing).await?;
            let ($db, $tenant) = (&mut *transaction, $self.tenant.as_str());
            let done = $query.await.map_err(failed($doing))?;
            transaction.commit().await.map_err(failed($doing))?;
            Ok(done)
        })
    };
}

impl TenantStore for Tenant {
    fn id(&self) -> &TenantId {
        &self.tenant
    }

    fn begin<'a>(&'a self, actor: &'a Actor, now: i64) -> StoreFuture<'a, Box<dyn TenantTx>> {
        Box::pin(async move {
            let waiting = self.store.turns.in_front();
            let transaction = self.write(BEGINNING).await?;
            drop(waiting);
            Ok(self.unit_of_work(transaction, None, actor, now))
        })
    }

    fn begin_behind<'a>(&'a self, actor: &'a Actor, now: i64) -> StoreFuture<'a, Box<dyn TenantTx>> {
        Box::pin(async move {
            let place = self.store.turns.behind().await;
            let transaction = self.write(BEGINNING).await?;
            Ok(self.unit_of_work(transaction, Some(place), actor, now))
        })
    }

    fn others_come(&self) -> bool {
        self.store.turns.others_come()
    }

    fn document<'a>(&'a self, table: Table, id: &'a str) -> StoreFuture<'a, Option<Document>> {
        read!(self, "reading a resource", |db, tenant| documents::by_id(db, table, tenant, id))
    }

    fn document_by_lookup<'a>(&'a self, table: Table, lookup: &'a str) -> StoreFuture<'a, Option<Document>> {
        read!(self, "looking a resource up", |db, tenant| documents::by_lookup(db, table, tenant, lookup))
    }

    fn documents<'a>(&'a self, table: Table, filter: &'a Filter) -> StoreFuture<'a, Vec<Document>> {
        read!(self, "listing resources", |db, tenant| documents::list(db, table, tenant, filter))
    }

    fn document_count<'a>(&'a self, table: Table, filter: &'a Filter) -> StoreFuture<'a, i64> {
        read!(self, "counting resources", |db, tenant| documents::count(db, table, tenant, filter))
    }

    fn conversations<'a>(
        &'a self,
        filter: &'a ConversationFilter,
        page: &'a Page,
    ) -> StoreFuture<'a, Vec<Document>> {
        read!(self, "listing conversations", |db, tenant| inbox::conversations(db, tenant, filter, page))
    }

    fn open_conversations_of<'a>(&'a self, assignee: &'a UserId) -> StoreFuture<'a, i64> {
        read!(self, "counting conversations", |db, tenant| {
            inbox::open_conversations_of(db, tenant, assignee.as_str())
        })
    }

    fn batch_counts<'a>(&'a self, batch: &'a BatchId) -> StoreFuture<'a, Vec<StatusCount>> {
        read!(self, "counting messages of a batch", |db, tenant| inbox::batch_counts(
            db,
            tenant,
            batch.as_str()
        ))
    }

    fn batch_messages<'a>(
        &'a self,
        batch: &'a BatchId,
        status: Option<MessageStatus>,
        after: &'a str,
        limit: u16,
    ) -> StoreFuture<'a, Vec<Document>> {
        read!(self, "listing messages of a batch", |db, tenant| {
            inbox::batch_messages(db, tenant, batch.as_str(), status, after, limit)
        })
    }

    fn messages_with<'a>(
        &'a self,
        address: &'a str,
        strays: bool,
        limit: u16,
    ) -> StoreFuture<'a, Vec<Document>> {
        read!(self, "listing messages with an address", |db, tenant| {
            inbox::messages_with(db, tenant, address, strays, limit)
        })
    }

    fn message_counts(&self, from: i64, until: i64) -> StoreFuture<'_, Vec<StatusCount>> {
        read!(self, "counting messages", |db, tenant| inbox::message_counts(db, tenant, from, until))
    }

    fn stamp(&self) -> StoreFuture<'_, Option<Stamp>> {
        read!(self, "reading a tenant's stamp", |db, tenant| changes::stamp(db, tenant))
    }

    fn directory<'a>(&'a self, lists: &'a [(Table, Filter)]) -> StoreFuture<'a, Option<DirectoryRows>> {
        Box::pin(async move {
            const DOING: &str = "reading a tenant's directory";
            let mut scope = self.read(DOING).await?;
            let (db, id) = (&mut *scope, self.tenant.as_str());
            // First, so that what changes meanwhile makes the stamp an older one.
            let Some(stamp) = changes::stamp(db, id).await.map_err(failed(DOING))? else { return Ok(None) };
            let tenant = documents::by_id(db, Table::Tenants, id, id).await.map_err(failed(DOING))?;
            let Some(tenant) = tenant else { return Ok(None) };
            let mut rows = DirectoryRows { stamp, tenant, lists: Vec::with_capacity(lists.len()) };
            for (table, filter) in lists {
                rows.lists.push(documents::list(db, *table, id, filter).await.map_err(failed(DOING))?);
            }
            Ok(Some(rows))
        })
    }

    fn audit_log<'a>(&'a self, filter: &'a AuditFilter) -> StoreFuture<'a, Vec<AuditEntry>> {
        read!(
            self,
            "reading the audit log",
            |db, tenant| ledger::audit_log(db, tenant, filter),
            |rows: Vec<_>| { rows.into_iter().map(AuditEntry::try_from).collect() }
        )
    }

    fn touch_key<'a>(&'a self, key: &'a KeyId, now: i64) -> StoreFuture<'a, ()> {
        write!(self, "noting that a key was used", |db, tenant| ledger::touch_key(
            db,
            tenant,
            key.as_str(),
            now
        ))
    }

    fn key_uses(&self) -> StoreFuture<'_, Vec<(KeyId, i64)>> {
        read!(self, "reading when keys were used", |db, tenant| ledger::key_uses(db, tenant), |rows: Vec<
            _,
        >| {
            Ok(rows.into_iter().map(|(key, at)| (KeyId::known(key), at)).collect())
        })
    }

    fn finish_work<'a>(&'a self, claim: &'a Claim) -> StoreFuture<'a, bool> {
        write!(self, "finishing work", |db, tenant| work::finish(db, tenant, claim))
    }

    fn retry_work<'a>(&'a self, claim: &'a Claim, due_at: i64) -> StoreFuture<'a, bool> {
        write!(self, "putting work back", |db, tenant| work::retry(db, tenant, claim, due_at))
    }

    fn extend_work<'a>(&'a self, claim: &'a Claim, lease_until: i64) -> StoreFuture<'a, bool> {
        write!(self, "holding work", |db, tenant| work::extend(db, tenant, claim, lease_until))
    }

    fn ensure_call(&self, new: NewCall) -> StoreFuture<'_, Call> {
        Box::pin(async move {
            const DOING: &str = "storing a call";
            let tenant = self.tenant.as_str();
            let mut transaction = self.write(DOING).await?;
            calls::insert_call(&mut transaction, tenant, &new).await.map_err(failed(DOING))?;
            let row = match &new.carrier_sid {
                Some(sid) => calls::call_by_carrier_sid(&mut transaction, tenant, sid).await,
                None => calls::call_by_id(&mut transaction, tenant, new.id.as_str()).await,
            };
            let row = row.and_then(|row| row.ok_or(sqlx::Error::RowNotFound)).map_err(failed(DOING))?;
            transaction.commit().await.map_err(failed(DOING))?;
            row.try_into()
        })
    }

    fn call<'a>(&'a self, call: &'a CallId) -> StoreFuture<'a, Option<Call>> {
        read!(self, "reading a call", |db, tenant| calls::call_by_id(db, tenant, call.as_str()), known)
    }

    fn call_by_carrier_sid<'a>(&'a self, sid: &'a str) -> StoreFuture<'a, Option<Call>> {
        read!(self, "reading a call", |db, tenant| calls::call_by_carrier_sid(db, tenant, sid), known)
    }

    fn calls<'a>(&'a self, filter: &'a CallFilter, page: &'a Page) -> StoreFuture<'a, Vec<Call>> {
        read!(self, "listing calls", |db, tenant| calls::list_calls(db, tenant, filter, page), |rows: Vec<
            _,
        >| {
            rows.into_iter().map(Call::try_from).collect()
        })
    }

    fn move_call<'a>(&'a self, call: &'a CallId, step: CallMove) -> StoreFuture<'a, bool> {
        write!(self, "moving a call on", |db, tenant| calls::move_call(db, tenant, call.as_str(), step))
    }

    fn learn<'a>(&'a self, call: &'a CallId, facts: &'a CallFacts) -> StoreFuture<'a, bool> {
        write!(self, "storing facts of a call", |db, tenant| calls::learn(db, tenant, call.as_str(), facts))
    }

    fn count_reconnect<'a>(&'a self, call: &'a CallId) -> StoreFuture<'a, Option<i64>> {
        write!(self, "counting a reconnect", |db, tenant| calls::count_reconnect(db, tenant, call.as_str()))
    }

    fn set_transfer<'a>(&'a self, call: &'a CallId, to: &'a str) -> StoreFuture<'a, bool> {
        write!(self, "storing a transfer", |db, tenant| calls::set_transfer(db, tenant, call.as_str(), to))
    }

    fn append<'a>(&'a self, records: &'a [Record]) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            const DOING: &str = "storing what happened in calls";
            let mut transaction = self.write(DOING).await?;
            for record in records {
                record::write(&mut transaction, self.tenant.as_str(), record).await.map_err(failed(DOING))?;
            }
            transaction.commit().await.map_err(failed(DOING))
        })
    }

    fn turns<'a>(&'a self, call: &'a CallId) -> StoreFuture<'a, Vec<Turn>> {
        read!(self, "reading turns", |db, tenant| records::turns(db, tenant, call.as_str()), |rows: Vec<
            _,
        >| {
            Ok(rows.into_iter().map(Turn::from).collect())
        })
    }

    fn events<'a>(&'a self, call: &'a CallId) -> StoreFuture<'a, Vec<Event>> {
        read!(self, "reading events", |db, tenant| records::events(db, tenant, call.as_str()))
    }

    fn journal<'a>(
        &'a self,
        call: &'a CallId,
        from_seq: i64,
        limit: u16,
    ) -> StoreFuture<'a, Vec<JournalChunk>> {
        read!(self, "reading the journal", |db, tenant| {
            records::chunks(db, tenant, call.as_str(), from_seq, limit)
        })
    }

    fn put_usage<'a>(&'a self, usage: &'a Usage) -> StoreFuture<'a, ()> {
        write!(self, "storing what was used", |db, tenant| ledger::put_usage(db, tenant, usage))
    }

    fn usage_of<'a>(&'a self, call: &'a CallId) -> StoreFuture<'a, Vec<Usage>> {
        read!(
            self,
            "reading what a call used",
            |db, tenant| ledger::usage_of(db, tenant, call.as_str()),
            |rows: Vec<_>| { Ok(rows.into_iter().map(Usage::from).collect()) }
        )
    }

    fn usage(&self, from: i64, until: i64) -> StoreFuture<'_, Vec<UsageTotal>> {
        read!(self, "adding up what was used", |db, tenant| ledger::usage(db, tenant, from, until))
    }

    fn place_events(&self, limit: u16) -> StoreFuture<'_, i64> {
        Box::pin(async move {
            const DOING: &str = "putting events in order";
            let tenant = self.tenant.as_str();
            let mut scope = self.read(DOING).await?;
            if !events::some_without_position(&mut scope, tenant).await.map_err(failed(DOING))? {
                return events::last_position(&mut scope, tenant).await.map_err(failed(DOING));
            }
            drop(scope);
            let mut transaction = self.write(DOING).await?;
            let last = events::hold_positions(&mut transaction, tenant).await.map_err(failed(DOING))?;
            let placed = events::place(&mut transaction, tenant, last, limit).await.map_err(failed(DOING))?;
            transaction.commit().await.map_err(failed(DOING))?;
            Ok(last + placed)
        })
    }

    fn events_after(&self, after: i64, limit: u16) -> StoreFuture<'_, Vec<(i64, TenantEvent)>> {
        read!(
            self,
            "reading what happened",
            |db, tenant| events::after(db, tenant, after, limit),
            |rows: Vec<ToldRow>| rows.into_iter().map(TryInto::try_into).collect()
        )
    }

    fn forget_events(&self, before: i64, limit: u16) -> StoreFuture<'_, u64> {
        write!(self, "forgetting what happened", |db, tenant| events::forget(db, tenant, before, limit))
    }

    fn answers<'a>(&'a self, after: &'a str, limit: u16) -> StoreFuture<'a, Vec<AnswerRow>> {
        read!(self, "reading remembered answers", |db, tenant| privacy::answers(db, tenant, after, limit))
    }

    fn worded_calls(&self, before: i64, after: i64, limit: u16) -> StoreFuture<'_, Vec<CallId>> {
        read!(
            self,
            "reading calls with words",
            |db, tenant| privacy::worded_calls(db, tenant, (before, after), limit),
            |rows: Vec<String>| Ok(rows.into_iter().map(CallId::known).collect())
        )
    }

    fn worded_messages(&self, channel: Channel, before: i64, limit: u16) -> StoreFuture<'_, Vec<Document>> {
        read!(self, "reading messages with words", |db, tenant| {
            privacy::worded_messages(db, tenant, channel.as_str(), before, limit)
        })
    }

    fn forget_requests(&self, now: i64) -> StoreFuture<'_, u64> {
        write!(self, "forgetting requests", |db, tenant| ledger::forget_requests(db, tenant, now))
    }
}
