//! A unit of work, and the lines of the audit log that it writes for every change.

use crate::{
    Db,
    failure::{failed, taken},
    others::tell_others,
    queries::{calls, changes, documents, ledger, privacy, work},
    record,
    turns::Behind,
};
use sqlx::Transaction;
use store::{
    Body, CallFacts, CallId, CallMove, ChangeListeners, Document, Filter, NewCall, Record, StoreError,
    StoreFuture, Table, TenantId, TenantTx,
    model::{
        audit::{Actor, AuditEntry, Idempotency, IdempotencyRequest, StoredResponse, shown},
        usage::Usage,
        work::{Claim, WorkKind},
    },
    new_id,
};

#[derive(Debug)]
pub(crate) struct Tx {
    transaction: Transaction<'static, Db>,
    tenant: TenantId,
    actor: Actor,
    now: i64,
    /// A step failed: what PostgreSQL would refuse from then on, no database does.
    broken: bool,
    /// A request that has no answer yet.
    unanswered: Option<String>,
    /// What it changed of the tenant's directory besides the tenant's own row, whose version says it.
    counts: bool,
    /// Whose directory it changed.
    changed: Changed,
    /// Its place among those that are behind, until the transaction is over: fields end in the order in which they are written.
    _behind: Option<Behind>,
}

/// Tells the listeners in the end, whether or not somebody still waits for it: what was changed may count by then.
#[derive(Debug)]
struct Changed {
    tenants: Vec<TenantId>,
    /// The tenant in which something happened that is told to those who follow.
    told: Option<TenantId>,
    listeners: ChangeListeners,
}

impl Drop for Changed {
    fn drop(&mut self) {
        for tenant in &self.tenants {
            self.listeners.tell(store::Change::Of(tenant));
        }
        if let Some(tenant) = &self.told {
            self.listeners.tell(store::Change::Told(tenant));
        }
    }
}

/// What is written to the audit log of one change.
struct Change<'a> {
    table: Table,
    id: &'a str,
    verb: &'static str,
    before: Option<&'a Body>,
    after: Option<&'a Body>,
}

/// One step: refused after one that failed, and nothing follows it if it fails.
macro_rules! step {
    ($self:ident, $step:expr) => {
        Box::pin(async move {
            $self.sound()?;
            // Also if nobody waits for its end.
            $self.broken = true;
            let done = $step.await;
            $self.broken = done.is_err();
            done
        })
    };
    ($self:ident, $doing:literal, |$db:ident, $tenant:ident| $query:expr) => {
        Box::pin(async move {
            $self.sound()?;
            $self.broken = true;
            let ($db, $tenant) = (&mut *$self.transaction, $self.tenant.as_str());
            let done = $query.await.map_err(failed($doing));
            $self.broken = done.is_err();
            done
        })
    };
}

const UNIT: &str = "unit of work";

impl Tx {
    pub(crate) fn new(
        transaction: Transaction<'static, Db>,
        behind: Option<Behind>,
        tenant: TenantId,
        actor: Actor,
        now: i64,
        listeners: ChangeListeners,
    ) -> Self {
        let changed = Changed { tenants: Vec::new(), told: None, listeners };
        Self {
            transaction,
            tenant,
            actor,
            now,
            broken: false,
            unanswered: None,
            counts: false,
            changed,
            _behind: behind,
        }
    }

    /// Remembers that a row was changed by which calls are answered.
    fn note_change(&mut self, table: Table, id: &str) {
        if table == Table::TenantEvents {
            self.changed.told = Some(self.tenant.clone());
        }
        if !table.is_directory() {
            return;
        }
        let tenant = if table == Table::Tenants { TenantId::known(id) } else { self.tenant.clone() };
        self.counts |= table != Table::Tenants;
        if !self.changed.tenants.contains(&tenant) {
            self.changed.tenants.push(tenant);
        }
    }

    fn sound(&self) -> Result<(), StoreError> {
        if self.broken {
            return Err(StoreError::Invalid { what: UNIT, why: "one of its steps failed".to_owned() });
        }
        Ok(())
    }

    async fn audit(&mut self, change: Change<'_>) -> Result<(), StoreError> {
        if !change.table.is_audited() {
            return Ok(());
        }
        let entry = AuditEntry {
            id: new_id("aud"),
            at: self.now,
            actor: self.actor.clone(),
            action: format!("{}.{}", change.table.noun(), change.verb),
            object: change.id.to_owned(),
            before: change.before.map(|body| shown(change.table, body)),
            after: change.after.map(|body| shown(change.table, body)),
        };
        ledger::add_audit_entry(&mut self.transaction, self.tenant.as_str(), &entry)
            .await
            .map_err(failed("writing the audit log"))
    }

    /// Whose row it will be: a tenant's row is its own, also when the platform writes it.
    fn owner<'a>(&'a self, table: Table, id: &'a str) -> Result<&'a str, StoreError> {
        match table {
            Table::Tenants if self.tenant == TenantId::platform() || self.tenant.as_str() == id => Ok(id),
            Table::Tenants => Err(StoreError::Invalid {
                what: table.noun(),
                why: "only the platform adds another".to_owned(),
            }),
            _ => Ok(self.tenant.as_str()),
        }
    }

    async fn put(&mut self, table: Table, id: &str, body: &Body) -> Result<bool, StoreError> {
        const DOING: &str = "storing a resource";
        let owner = self.owner(table, id)?.to_owned();
        let is_new = documents::put(&mut self.transaction, table, &owner, id, self.now, body)
            .await
            .map_err(taken(DOING, table.noun()))?;
        if is_new {
            self.note_change(table, id);
            self.audit(Change { table, id, verb: "create", before: None, after: Some(body) }).await?;
        }
        Ok(is_new)
    }

    /// The row, if it still has this version.
    async fn unchanged(&mut self, table: Table, id: &str, version: i64) -> Result<Body, StoreError> {
        let row = documents::by_id(&mut self.transaction, table, self.tenant.as_str(), id)
            .await
            .map_err(failed("reading a resource"))?
            .ok_or(StoreError::Missing { what: table.noun() })?;
        if row.version == version {
            Ok(Body::stored(row.body))
        } else {
            Err(StoreError::Stale { what: table.noun() })
        }
    }

    async fn replace(
        &mut self,
        table: Table,
        id: &str,
        version: i64,
        body: &Body,
    ) -> Result<Document, StoreError> {
        let before = self.unchanged(table, id, version).await?;
        let tenant = self.tenant.as_str();
        let row = documents::replace(&mut self.transaction, table, tenant, (id, version), self.now, body)
            .await
            .map_err(taken("changing a resource", table.noun()))?
            .ok_or(StoreError::Stale { what: table.noun() })?;
        self.note_change(table, id);
        self.audit(Change { table, id, verb: "update", before: Some(&before), after: Some(body) }).await?;
        Ok(row)
    }

    async fn remove(&mut self, table: Table, id: &str, version: i64) -> Result<(), StoreError> {
        let before = self.unchanged(table, id, version).await?;
        let removed = documents::remove(&mut self.transaction, table, self.tenant.as_str(), id, version)
            .await
            .map_err(failed("deleting a resource"))?;
        if !removed {
            return Err(StoreError::Stale { what: table.noun() });
        }
        self.note_change(table, id);
        self.audit(Change { table, id, verb: "delete", before: Some(&before), after: None }).await
    }

    async fn remember(&mut self, request: &IdempotencyRequest) -> Result<Idempotency, StoreError> {
        const DOING: &str = "remembering a request";
        let tenant = self.tenant.as_str();
        let db = &mut *self.transaction;
        if ledger::remember_request(db, tenant, request, self.now).await.map_err(failed(DOING))? {
            self.unanswered = Some(request.key.clone());
            return Ok(Idempotency::Fresh);
        }
        let row = ledger::remembered_request(db, tenant, &request.key)
            .await
            .and_then(|row| row.ok_or(sqlx::Error::RowNotFound))
            .map_err(failed(DOING))?;
        if row.request_hash != request.request_hash {
            return Ok(Idempotency::Mismatch);
        }
        let unknown = || StoreError::Unknown { what: "answer to a request", value: String::new() };
        let status = row.status.and_then(|status| u16::try_from(status).ok()).ok_or_else(unknown)?;
        Ok(Idempotency::Replay(StoredResponse { status, body: row.response.ok_or_else(unknown)? }))
    }

    async fn answer(&mut self, key: &str, response: &StoredResponse) -> Result<(), StoreError> {
        let known = ledger::answer_request(&mut self.transaction, self.tenant.as_str(), key, response)
            .await
            .map_err(failed("storing the answer to a request"))?;
        if !known {
            return Err(StoreError::Missing { what: "request" });
        }
        self.unanswered.take_if(|unanswered| unanswered == key);
        Ok(())
    }

    async fn add(&mut self, new: &NewCall) -> Result<(), StoreError> {
        let is_new = calls::insert_call(&mut self.transaction, self.tenant.as_str(), new)
            .await
            .map_err(failed("storing a call"))?;
        if is_new { Ok(()) } else { Err(StoreError::Taken { what: "call" }) }
    }

    async fn append_all(&mut self, records: &[Record]) -> Result<(), StoreError> {
        for record in records {
            record::write(&mut self.transaction, self.tenant.as_str(), record)
                .await
                .map_err(failed("storing what happened in calls"))?;
        }
        Ok(())
    }
}

/// Work that was done under a lease that another holds now must not count.
fn still_held(held: Result<bool, StoreError>) -> Result<(), StoreError> {
    if held? { Ok(()) } else { Err(StoreError::Stale { what: "lease" }) }
}

impl TenantTx for Tx {
    fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    fn now(&self) -> i64 {
        self.now
    }

    fn document<'a>(&'a mut self, table: Table, id: &'a str) -> StoreFuture<'a, Option<Document>> {
        step!(self, "reading a resource", |db, tenant| documents::by_id(db, table, tenant, id))
    }

    fn document_by_lookup<'a>(
        &'a mut self,
        table: Table,
        lookup: &'a str,
    ) -> StoreFuture<'a, Option<Document>> {
        step!(self, "looking a resource up", |db, tenant| documents::by_lookup(db, table, tenant, lookup))
    }

    fn documents<'a>(&'a mut self, table: Table, filter: &'a Filter) -> StoreFuture<'a, Vec<Document>> {
        step!(self, "listing resources", |db, tenant| documents::list(db, table, tenant, filter))
    }

    fn put_document<'a>(&'a mut self, table: Table, id: &'a str, body: &'a Body) -> StoreFuture<'a, bool> {
        step!(self, self.put(table, id, body))
    }

    fn replace_document<'a>(
        &'a mut self,
        table: Table,
        id: &'a str,
        version: i64,
        body: &'a Body,
    ) -> StoreFuture<'a, Document> {
        step!(self, self.replace(table, id, version, body))
    }

    fn remove_document<'a>(&'a mut self, table: Table, id: &'a str, version: i64) -> StoreFuture<'a, ()> {
        step!(self, self.remove(table, id, version))
    }

    fn note<'a>(
        &'a mut self,
        action: &'a str,
        object: &'a str,
        details: &'a serde_json::Value,
    ) -> StoreFuture<'a, ()> {
        let entry = AuditEntry {
            id: new_id("aud"),
            at: self.now,
            actor: self.actor.clone(),
            action: action.to_owned(),
            object: object.to_owned(),
            before: None,
            after: Some(details.to_string()),
        };
        step!(self, "writing the audit log", |db, tenant| ledger::add_audit_entry(db, tenant, &entry))
    }

    fn idempotency<'a>(&'a mut self, request: &'a IdempotencyRequest) -> StoreFuture<'a, Idempotency> {
        step!(self, self.remember(request))
    }

    fn respond<'a>(&'a mut self, key: &'a str, response: &'a StoredResponse) -> StoreFuture<'a, ()> {
        step!(self, self.answer(key, response))
    }

    fn schedule<'a>(&'a mut self, kind: WorkKind, object: &'a str, due_at: i64) -> StoreFuture<'a, ()> {
        step!(self, "scheduling work", |db, tenant| work::schedule(db, tenant, kind, object, due_at, None))
    }

    fn schedule_in_order<'a>(
        &'a mut self,
        kind: WorkKind,
        object: &'a str,
        due_at: i64,
        ordering: &'a str,
    ) -> StoreFuture<'a, ()> {
        step!(self, "scheduling work", |db, tenant| {
            work::schedule(db, tenant, kind, object, due_at, Some(ordering))
        })
    }

    fn unschedule<'a>(&'a mut self, kind: WorkKind, object: &'a str) -> StoreFuture<'a, ()> {
        let now = self.now;
        step!(self, "taking work off the list", |db, tenant| work::unschedule(db, tenant, kind, object, now))
    }

    fn finish_work<'a>(&'a mut self, claim: &'a Claim) -> StoreFuture<'a, ()> {
        step!(self, async {
            let held = work::finish(&mut self.transaction, self.tenant.as_str(), claim).await;
            still_held(held.map_err(failed("finishing work")))
        })
    }

    fn finish_work_if_held<'a>(&'a mut self, claim: &'a Claim) -> StoreFuture<'a, bool> {
        step!(self, "finishing work", |db, tenant| work::finish(db, tenant, claim))
    }

    fn retry_work<'a>(&'a mut self, claim: &'a Claim, due_at: i64) -> StoreFuture<'a, ()> {
        step!(self, async {
            let held = work::retry(&mut self.transaction, self.tenant.as_str(), claim, due_at).await;
            still_held(held.map_err(failed("putting work back")))
        })
    }

    fn add_call<'a>(&'a mut self, new: &'a NewCall) -> StoreFuture<'a, ()> {
        step!(self, self.add(new))
    }

    fn move_call<'a>(&'a mut self, call: &'a CallId, step: CallMove) -> StoreFuture<'a, bool> {
        step!(self, "moving a call on", |db, tenant| calls::move_call(db, tenant, call.as_str(), step))
    }

    fn learn<'a>(&'a mut self, call: &'a CallId, facts: &'a CallFacts) -> StoreFuture<'a, bool> {
        step!(self, "storing facts of a call", |db, tenant| calls::learn(db, tenant, call.as_str(), facts))
    }

    fn append<'a>(&'a mut self, records: &'a [Record]) -> StoreFuture<'a, ()> {
        step!(self, self.append_all(records))
    }

    fn forget_words<'a>(&'a mut self, call: &'a CallId) -> StoreFuture<'a, u64> {
        step!(self, "forgetting what was said in a call", |db, tenant| {
            privacy::forget_words(db, tenant, call.as_str())
        })
    }

    fn blank_call<'a>(&'a mut self, call: &'a CallId, from: &'a str, to: &'a str) -> StoreFuture<'a, ()> {
        step!(self, "forgetting whose a call was", |db, tenant| {
            privacy::blank_call(db, tenant, call.as_str(), from, to)
        })
    }

    fn blank_audit_entry<'a>(&'a mut self, entry: &'a str) -> StoreFuture<'a, bool> {
        step!(self, "blanking the audit log", |db, tenant| privacy::blank_audit_entry(db, tenant, entry))
    }

    fn replace_answer<'a>(&'a mut self, key: &'a str, response: &'a str) -> StoreFuture<'a, bool> {
        step!(self, "replacing a remembered answer", |db, tenant| {
            privacy::replace_answer(db, tenant, key, response)
        })
    }

    fn put_usage<'a>(&'a mut self, usage: &'a Usage) -> StoreFuture<'a, ()> {
        step!(self, "storing what was used", |db, tenant| ledger::put_usage(db, tenant, usage))
    }

    fn commit(self: Box<Self>) -> StoreFuture<'static, ()> {
        const DOING: &str = "committing a unit of work";
        Box::pin(async move {
            self.sound()?;
            if self.unanswered.is_some() {
                return Err(StoreError::Invalid {
                    what: UNIT,
                    why: "a request in it has no answer".to_owned(),
                });
            }
            let Self { mut transaction, tenant, counts, changed, .. } = *self;
            if counts {
                changes::count_change(&mut transaction, tenant.as_str()).await.map_err(failed(DOING))?;
            }
            let origin = changed.listeners.origin();
            for changed in &changed.tenants {
                tell_others(&mut transaction, origin, changed.as_str()).await.map_err(failed(DOING))?;
            }
            let done = transaction.commit().await.map_err(failed(DOING));
            drop(changed);
            done
        })
    }
}
