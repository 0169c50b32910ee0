//! The store on PostgreSQL: any number of nodes share one database.
//!
//! Every query names its tenant, and row-level security proves it a second time: the program works as the role
//! `tandem_app`, which owns nothing, and each unit of work says whose it is before anything else (`tandem.tenant`). A query
//! that forgot its tenant would see only that tenant's rows, and without a unit of work none.
//!
//! The user of the URL owns the tables and brings the schema up to date; it may create the role, or somebody did.

mod claim;
#[path = "../../store/src/shared/failure.rs"]
mod failure;
mod others;
#[path = "../../store/src/queries/all.rs"]
mod queries;
#[path = "../../store/src/shared/record.rs"]
mod record;
mod role;
#[path = "../../store/src/shared/store.rs"]
mod store_port;
#[path = "../../store/src/shared/tenant.rs"]
mod tenant;
#[cfg(feature = "test-server")]
#[allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "it serves tests, which fail with it")]
pub mod test_server;
#[path = "../../store/src/shared/turns.rs"]
mod turns;
#[path = "../../store/src/shared/tx.rs"]
mod tx;

use failure::failed;
use others::Others;
use sqlx::{
    Executor as _, PgConnection, PgPool, Postgres, Transaction,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::{str::FromStr as _, time::Duration};
use store::{ChangeListeners, StoreError, TenantId};
use turns::Turns;

/// What the shared text calls this database.
type Db = Postgres;
type Connection = PgConnection;
type Backend = PostgresStore;
/// A transaction that is never committed.
type Read = Transaction<'static, Postgres>;

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// Units of work of this node that are behind, at the same time: the server has others to serve, of other nodes too.
const BEHIND: usize = 1;

/// How the database is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PostgresOptions {
    /// Connections of this node. Default 16: most of a unit of work is waiting, and a server has 100 for all nodes
    /// unless told otherwise.
    pub connections: u32,
    /// Longest wait for a connection. Default 5 s: shorter than the carrier's patience (15 s).
    pub acquire_timeout: Duration,
    /// Longest time for one statement, in ms, and for a unit of work that does nothing. Default 10,000: a node that
    /// hangs must not hold what others wait for.
    pub statement_timeout_ms: u32,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self { connections: 16, acquire_timeout: Duration::from_secs(5), statement_timeout_ms: 10_000 }
    }
}

/// A store in a PostgreSQL database.
#[derive(Clone, Debug)]
pub struct PostgresStore {
    pool: PgPool,
    turns: Turns,
    listeners: ChangeListeners,
    others: Others,
}

impl PostgresStore {
    /// Connects to `url` (`postgres://user:password@host/database`) and brings the schema up to date. Several nodes may
    /// do so at once.
    ///
    /// # Errors
    /// When there is no such database, its user may not create what is missing, or it was written by a newer version.
    pub async fn open(url: &str, options: PostgresOptions) -> Result<Self, StoreError> {
        let connect = PgConnectOptions::from_str(url)
            .map_err(failed("reading the database's URL"))?
            .application_name("tandem");
        bring_up_to_date(&connect).await?;
        let timeout = options.statement_timeout_ms.to_string();
        let connect = connect.options([
            ("statement_timeout", timeout.as_str()),
            ("idle_in_transaction_session_timeout", timeout.as_str()),
        ]);
        let pool = PgPoolOptions::new()
            .max_connections(options.connections)
            .acquire_timeout(options.acquire_timeout)
            .after_connect(|connection, _| {
                Box::pin(async move {
                    connection.execute(role::BECOME).await?;
                    Ok(())
                })
            })
            .connect_with(connect)
            .await
            .map_err(failed("connecting to the database"))?;
        Ok(Self {
            pool,
            turns: Turns::new(BEHIND),
            listeners: ChangeListeners::default(),
            others: Others::default(),
        })
    }

    /// A transaction that sees what belongs to the tenant.
    async fn read(&self, tenant: &TenantId, doing: &'static str) -> Result<Read, StoreError> {
        self.write(tenant, doing).await
    }

    /// A transaction that sees the rows whose lookup key is `shown`.
    async fn read_shown(&self, shown: &str, doing: &'static str) -> Result<Read, StoreError> {
        self.begin("tandem.shown", shown, doing).await
    }

    /// A transaction that sees and writes what belongs to the tenant.
    async fn write(&self, tenant: &TenantId, doing: &'static str) -> Result<Read, StoreError> {
        self.begin("tandem.tenant", tenant.as_str(), doing).await
    }

    /// A transaction that sees and writes what belongs to no tenant.
    async fn write_unscoped(&self, doing: &'static str) -> Result<Read, StoreError> {
        self.pool.begin().await.map_err(failed(doing))
    }

    async fn begin(&self, scope: &str, value: &str, doing: &'static str) -> Result<Read, StoreError> {
        let mut transaction = self.write_unscoped(doing).await?;
        // Local to the transaction: the next one on this connection begins with none.
        sqlx::query("select set_config($1, $2, true)")
            .bind(scope)
            .bind(value)
            .execute(&mut *transaction)
            .await
            .map_err(failed(doing))?;
        Ok(transaction)
    }

    /// The server does it by itself.
    async fn tidy_up(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Its own `vacuum` does it, which is not this program's to order.
    async fn wipe(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn close_pools(&self) {
        self.others.close().await;
        self.pool.close().await;
    }
}

/// As the owner: the role and the migrations, one node after the other.
async fn bring_up_to_date(connect: &PgConnectOptions) -> Result<(), StoreError> {
    let owner = PgPoolOptions::new()
        .max_connections(1)
        .connect_with(connect.clone())
        .await
        .map_err(failed("connecting to the database"))?;
    role::ensure(&owner).await.map_err(failed("creating the role that the program works as"))?;
    // Takes a lock that other nodes wait for.
    MIGRATIONS.run(&owner).await.map_err(|error| StoreError::Unavailable {
        doing: "bringing the schema up to date",
        source: Box::new(error),
    })?;
    owner.close().await;
    Ok(())
}
