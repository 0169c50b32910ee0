//! One tenant's part of the file.

use crate::{SqliteStore, queries, unavailable};
use futures_util::future::BoxFuture;
use sqlx::{Sqlite, Transaction};
use store::{
    Call, CallFilter, CallId, CallMove, Event, JournalChunk, NewCall, NewKey, Page, Record, StoreError,
    TenantId, TenantStore, Turn, row::CallRow,
};

#[derive(Debug)]
pub(crate) struct SqliteTenant {
    store: SqliteStore,
    tenant: TenantId,
}

impl SqliteTenant {
    pub(crate) fn new(store: SqliteStore, tenant: TenantId) -> Self {
        Self { store, tenant }
    }

    /// Takes the write lock at once: a transaction that starts by reading could fail when it comes to write.
    async fn begin(&self, doing: &'static str) -> Result<Transaction<'static, Sqlite>, StoreError> {
        self.store.writer.begin_with("begin immediate").await.map_err(unavailable(doing))
    }

    async fn write(
        &self,
        transaction: &mut Transaction<'static, Sqlite>,
        record: &Record,
    ) -> Result<(), sqlx::Error> {
        let tenant = self.tenant.as_str();
        let db = &mut **transaction;
        match record {
            Record::StreamStarted { call, at } => queries::count_stream(db, tenant, call.as_str(), *at).await,
            Record::Turn { call, turn } => queries::put_turn(db, tenant, call.as_str(), turn).await,
            Record::Journal { call, chunk } => queries::put_chunk(db, tenant, call.as_str(), chunk).await,
            Record::Event { call, event } => queries::put_event(db, tenant, call.as_str(), event).await,
            Record::Ended { call, ended } => queries::end_call(db, tenant, call.as_str(), ended).await,
        }
    }
}

fn known(row: Option<CallRow>) -> Result<Option<Call>, StoreError> {
    row.map(Call::try_from).transpose()
}

impl TenantStore for SqliteTenant {
    fn id(&self) -> &TenantId {
        &self.tenant
    }

    fn add_key(&self, key: NewKey) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            queries::add_key(&self.store.writer, self.tenant.as_str(), &key)
                .await
                .map_err(unavailable("storing a key"))
        })
    }

    fn key_count(&self) -> BoxFuture<'_, Result<i64, StoreError>> {
        Box::pin(async move {
            queries::key_count(&self.store.readers, self.tenant.as_str())
                .await
                .map_err(unavailable("counting keys"))
        })
    }

    fn ensure_call(&self, new: NewCall) -> BoxFuture<'_, Result<Call, StoreError>> {
        Box::pin(async move {
            const DOING: &str = "storing a call";
            let tenant = self.tenant.as_str();
            let mut transaction = self.begin(DOING).await?;
            queries::insert_call(&mut *transaction, tenant, &new).await.map_err(unavailable(DOING))?;
            let row = queries::call_by_carrier_sid(&mut *transaction, tenant, &new.carrier_sid)
                .await
                .and_then(|row| row.ok_or(sqlx::Error::RowNotFound))
                .map_err(unavailable(DOING))?;
            transaction.commit().await.map_err(unavailable(DOING))?;
            row.try_into()
        })
    }

    fn call<'a>(&'a self, call: &'a CallId) -> BoxFuture<'a, Result<Option<Call>, StoreError>> {
        Box::pin(async move {
            queries::call_by_id(&self.store.readers, self.tenant.as_str(), call.as_str())
                .await
                .map_err(unavailable("reading a call"))
                .and_then(known)
        })
    }

    fn call_by_carrier_sid<'a>(&'a self, sid: &'a str) -> BoxFuture<'a, Result<Option<Call>, StoreError>> {
        Box::pin(async move {
            queries::call_by_carrier_sid(&self.store.readers, self.tenant.as_str(), sid)
                .await
                .map_err(unavailable("reading a call"))
                .and_then(known)
        })
    }

    fn calls<'a>(
        &'a self,
        filter: &'a CallFilter,
        page: &'a Page,
    ) -> BoxFuture<'a, Result<Vec<Call>, StoreError>> {
        Box::pin(async move {
            queries::list_calls(&self.store.readers, self.tenant.as_str(), filter, page)
                .await
                .map_err(unavailable("listing calls"))?
                .into_iter()
                .map(Call::try_from)
                .collect()
        })
    }

    fn move_call<'a>(&'a self, call: &'a CallId, step: CallMove) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            queries::move_call(&self.store.writer, self.tenant.as_str(), call.as_str(), step)
                .await
                .map_err(unavailable("moving a call on"))
        })
    }

    fn count_reconnect<'a>(&'a self, call: &'a CallId) -> BoxFuture<'a, Result<Option<i64>, StoreError>> {
        Box::pin(async move {
            queries::count_reconnect(&self.store.writer, self.tenant.as_str(), call.as_str())
                .await
                .map_err(unavailable("counting a reconnect"))
        })
    }

    fn set_transfer<'a>(&'a self, call: &'a CallId, to: &'a str) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            queries::set_transfer(&self.store.writer, self.tenant.as_str(), call.as_str(), to)
                .await
                .map_err(unavailable("storing a transfer"))
        })
    }

    fn append<'a>(&'a self, records: &'a [Record]) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            const DOING: &str = "storing what happened in calls";
            let mut transaction = self.begin(DOING).await?;
            for record in records {
                self.write(&mut transaction, record).await.map_err(unavailable(DOING))?;
            }
            transaction.commit().await.map_err(unavailable(DOING))
        })
    }

    fn turns<'a>(&'a self, call: &'a CallId) -> BoxFuture<'a, Result<Vec<Turn>, StoreError>> {
        Box::pin(async move {
            let rows = queries::turns(&self.store.readers, self.tenant.as_str(), call.as_str())
                .await
                .map_err(unavailable("reading turns"))?;
            Ok(rows.into_iter().map(Turn::from).collect())
        })
    }

    fn events<'a>(&'a self, call: &'a CallId) -> BoxFuture<'a, Result<Vec<Event>, StoreError>> {
        Box::pin(async move {
            queries::events(&self.store.readers, self.tenant.as_str(), call.as_str())
                .await
                .map_err(unavailable("reading events"))
        })
    }

    fn journal<'a>(
        &'a self,
        call: &'a CallId,
        from_seq: i64,
        limit: u16,
    ) -> BoxFuture<'a, Result<Vec<JournalChunk>, StoreError>> {
        Box::pin(async move {
            queries::chunks(&self.store.readers, self.tenant.as_str(), call.as_str(), from_seq, limit)
                .await
                .map_err(unavailable("reading the journal"))
        })
    }
}
