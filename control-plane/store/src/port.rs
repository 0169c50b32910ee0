//! The port: what a database must do for the control plane.
//!
//! - [`Store`] leads to a tenant, answers the few questions that are asked before the tenant is known, and hands out work.
//! - [`TenantStore`] reads one tenant's part, notes what happens in its calls, and begins units of work.
//! - [`TenantTx`] is a unit of work: all of its changes or none, with the lines of the audit log that it writes itself.

mod tenant;
mod tx;

pub use tenant::{DirectoryRows, TenantStore};
pub use tx::TenantTx;

use crate::{
    ChangeListener, StoreError,
    ids::{TenantId, UserId},
    model::{
        identity::{KeyOwner, UserMembership},
        number::{AccountOwner, NumberOwner},
        work::{Claim, TenantHealth, WorkKind},
    },
};
use futures_util::future::BoxFuture;

/// What a method of the port gives.
pub type StoreFuture<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// A database.
///
/// # Errors
/// Every method fails with [`StoreError::Unavailable`] when the database does not serve.
pub trait Store: Send + Sync {
    /// Everything of one tenant, and nothing of any other.
    fn tenant(&self, tenant: &TenantId) -> Box<dyn TenantStore>;

    /// What belongs to the platform and to no tenant: users, sessions, prices, its own accounts, keys and audit log. It
    /// also reaches every tenant's own row ([`Tenant`](crate::model::tenant::Tenant)), itself included.
    fn platform(&self) -> Box<dyn TenantStore> {
        self.tenant(&TenantId::platform())
    }

    /// Whom the key with this SHA-256 speaks for. Whether it may still be used, the key itself says.
    fn key_owner<'a>(&'a self, hash: &'a str) -> StoreFuture<'a, Option<KeyOwner>>;

    /// Whose active number this is.
    fn number_owner<'a>(&'a self, e164: &'a str) -> StoreFuture<'a, Option<NumberOwner>>;

    /// Who set up the provider's account with this sid; at most 16, since nothing keeps two tenants from doing so.
    fn account_owners<'a>(&'a self, sid: &'a str) -> StoreFuture<'a, Vec<AccountOwner>>;

    /// In which tenants a user is what; at most 1,000. What was not accepted yet is not among them.
    fn memberships_of<'a>(&'a self, user: &'a UserId) -> StoreFuture<'a, Vec<UserMembership>>;

    /// How the providers of all tenants are, the worst first, for those who run the platform; at most `limit`.
    fn health_of_all(&self, limit: u16) -> StoreFuture<'_, Vec<TenantHealth>>;

    /// Tenants that are served, one of whose providers is to be looked at now, or none of them ever was: at most `limit`, in
    /// the order of their ids, those after `after`.
    fn health_due<'a>(&'a self, now: i64, after: &'a TenantId, limit: u16) -> StoreFuture<'a, Vec<TenantId>>;

    /// Takes work that is due, the longest due first, and holds it until `lease_until`. What another worker holds is not
    /// given; what was held until now and not finished is given again.
    fn claim_work(
        &self,
        kind: WorkKind,
        now: i64,
        lease_until: i64,
        limit: u16,
    ) -> StoreFuture<'_, Vec<Claim>>;

    /// Tenants that have work of this kind that is due, in the order of their ids, those after `after`; at most `limit`. Who takes
    /// from each in turn lets none wait for another's.
    fn work_tenants<'a>(
        &'a self,
        kind: WorkKind,
        now: i64,
        after: &'a str,
        limit: u16,
    ) -> StoreFuture<'a, Vec<TenantId>>;

    /// Takes work of one tenant as [`claim_work`](Self::claim_work) does. What was scheduled in an order is given in that order: as
    /// long as an earlier piece is due or held, the later ones wait.
    fn claim_work_of<'a>(
        &'a self,
        tenant: &'a TenantId,
        kind: WorkKind,
        now: i64,
        lease_until: i64,
        limit: u16,
    ) -> StoreFuture<'a, Vec<Claim>>;

    /// Tells `listener` from now on whose directory a unit of work of this process has changed: after it counts, and before
    /// [`TenantTx::commit`] returns.
    fn on_change(&self, listener: ChangeListener);

    /// Tells the listeners what other processes have changed: nothing that was committed before this was called is untold when it
    /// returns. One question answers for all tenants, however many there are.
    fn catch_up(&self) -> StoreFuture<'_, ()>;

    /// Does what the database leaves to those who write, so that none of them waits for it. To be called again and again, every
    /// few seconds.
    fn tidy(&self) -> StoreFuture<'_, ()>;

    /// Sees to it that nothing of what was deleted is left in the files that this program writes, as far as nobody is in the way.
    fn forget_traces(&self) -> StoreFuture<'_, ()>;

    /// Writes something and waits until it is durable.
    fn check_writable(&self, now: i64) -> StoreFuture<'_, ()>;

    /// Lets go of the database; later requests fail.
    fn close(&self) -> BoxFuture<'_, ()>;
}
