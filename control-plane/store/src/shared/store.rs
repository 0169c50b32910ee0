//! The port's door: it leads to a tenant, answers what is asked before the tenant is known, and hands out work.

use crate::{
    Backend,
    claim::{claim, claim_of},
    failure::failed,
    queries::{directory, platform, without_nul, work},
    tenant::Tenant,
};
use futures_util::future::BoxFuture;
use store::{
    ChangeListener, KeyOwner, Store, StoreError, StoreFuture, TenantId, TenantStore,
    ids::UserId,
    model::{
        identity::{Membership, UserMembership},
        number::{AccountOwner, NumberOwner},
        work::{Claim, TenantHealth, WorkKind},
    },
    new_id,
    row::ClaimRow,
};

fn claims(rows: Vec<ClaimRow>, kind: WorkKind, lease: &str) -> Vec<Claim> {
    let claim = |row: ClaimRow| Claim {
        kind,
        tenant: TenantId::known(row.tenant),
        object: row.object,
        lease: lease.to_owned(),
        attempts: row.attempts,
    };
    rows.into_iter().map(claim).collect()
}

impl Store for Backend {
    fn tenant(&self, tenant: &TenantId) -> Box<dyn TenantStore> {
        Box::new(Tenant::new(self.clone(), tenant.clone()))
    }

    fn key_owner<'a>(&'a self, hash: &'a str) -> StoreFuture<'a, Option<KeyOwner>> {
        Box::pin(async move {
            const DOING: &str = "looking a key up";
            let hash = &*without_nul(hash);
            let mut db = self.read_shown(hash, DOING).await?;
            Ok(directory::key_owner(&mut db, hash).await.map_err(failed(DOING))?.map(KeyOwner::from))
        })
    }

    fn number_owner<'a>(&'a self, e164: &'a str) -> StoreFuture<'a, Option<NumberOwner>> {
        Box::pin(async move {
            const DOING: &str = "looking a number up";
            let e164 = &*without_nul(e164);
            let mut db = self.read_shown(e164, DOING).await?;
            Ok(directory::number_owner(&mut db, e164).await.map_err(failed(DOING))?.map(NumberOwner::from))
        })
    }

    fn account_owners<'a>(&'a self, sid: &'a str) -> StoreFuture<'a, Vec<AccountOwner>> {
        Box::pin(async move {
            const DOING: &str = "looking an account up";
            let sid = &*without_nul(sid);
            let mut db = self.read_shown(sid, DOING).await?;
            let rows = directory::account_owners(&mut db, sid).await.map_err(failed(DOING))?;
            Ok(rows.into_iter().map(AccountOwner::from).collect())
        })
    }

    fn memberships_of<'a>(&'a self, user: &'a UserId) -> StoreFuture<'a, Vec<UserMembership>> {
        Box::pin(async move {
            const DOING: &str = "looking a user's tenants up";
            let mut db = self.read_shown(user.as_str(), DOING).await?;
            let rows = directory::memberships_of(&mut db, user.as_str()).await.map_err(failed(DOING))?;
            let mut parts = Vec::with_capacity(rows.len());
            for row in rows {
                let membership: Membership = serde_json::from_str(&row.body)
                    .map_err(|source| StoreError::Unreadable { what: "membership", source })?;
                if membership.invitation.is_none() {
                    parts.push(UserMembership {
                        tenant: TenantId::known(row.tenant_id),
                        role: membership.role,
                    });
                }
            }
            Ok(parts)
        })
    }

    fn health_of_all(&self, limit: u16) -> StoreFuture<'_, Vec<TenantHealth>> {
        Box::pin(async move {
            const DOING: &str = "reading how all tenants' providers are";
            let mut db = self.read(&TenantId::platform(), DOING).await?;
            let rows = platform::health_of_all(&mut db, limit).await.map_err(failed(DOING))?;
            rows.into_iter().map(TenantHealth::try_from).collect()
        })
    }

    fn health_due<'a>(&'a self, now: i64, after: &'a TenantId, limit: u16) -> StoreFuture<'a, Vec<TenantId>> {
        Box::pin(async move {
            const DOING: &str = "looking up whose providers are due";
            let mut db = self.read(&TenantId::platform(), DOING).await?;
            let rows =
                platform::health_due(&mut db, now, after.as_str(), limit).await.map_err(failed(DOING))?;
            Ok(rows.into_iter().map(TenantId::known).collect())
        })
    }

    fn claim_work(
        &self,
        kind: WorkKind,
        now: i64,
        lease_until: i64,
        limit: u16,
    ) -> StoreFuture<'_, Vec<Claim>> {
        Box::pin(async move {
            const DOING: &str = "taking work";
            // Many look every second, most of them for nothing: nobody who writes is to wait for that.
            let mut seen = self.read(&TenantId::platform(), DOING).await?;
            let is_due = work::is_due(&mut seen, kind, now).await.map_err(failed(DOING))?;
            drop(seen);
            if !is_due {
                return Ok(Vec::new());
            }
            let lease = new_id("lease");
            let mut db = self.write_unscoped(DOING).await?;
            let rows = claim(&mut db, kind, now, lease_until, &lease, limit).await.map_err(failed(DOING))?;
            db.commit().await.map_err(failed(DOING))?;
            Ok(claims(rows, kind, &lease))
        })
    }

    fn work_tenants<'a>(
        &'a self,
        kind: WorkKind,
        now: i64,
        after: &'a str,
        limit: u16,
    ) -> StoreFuture<'a, Vec<TenantId>> {
        Box::pin(async move {
            const DOING: &str = "looking up who has work";
            let mut db = self.read(&TenantId::platform(), DOING).await?;
            let rows = work::tenants(&mut db, kind, now, after, limit).await.map_err(failed(DOING))?;
            Ok(rows.into_iter().map(TenantId::known).collect())
        })
    }

    fn claim_work_of<'a>(
        &'a self,
        tenant: &'a TenantId,
        kind: WorkKind,
        now: i64,
        lease_until: i64,
        limit: u16,
    ) -> StoreFuture<'a, Vec<Claim>> {
        Box::pin(async move {
            const DOING: &str = "taking work of a tenant";
            let lease = new_id("lease");
            let mut db = self.write_unscoped(DOING).await?;
            let times = (now, lease_until);
            let rows = claim_of(&mut db, tenant.as_str(), kind, times, &lease, limit).await;
            let rows = rows.map_err(failed(DOING))?;
            db.commit().await.map_err(failed(DOING))?;
            Ok(claims(rows, kind, &lease))
        })
    }

    fn on_change(&self, listener: ChangeListener) {
        self.listeners.add(listener);
    }

    fn catch_up(&self) -> StoreFuture<'_, ()> {
        Box::pin(self.hear_others())
    }

    fn tidy(&self) -> StoreFuture<'_, ()> {
        Box::pin(self.tidy_up())
    }

    fn forget_traces(&self) -> StoreFuture<'_, ()> {
        Box::pin(self.wipe())
    }

    fn check_writable(&self, now: i64) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            const DOING: &str = "writing to see whether it works";
            let mut db = self.write_unscoped(DOING).await?;
            directory::beat(&mut db, now).await.map_err(failed(DOING))?;
            db.commit().await.map_err(failed(DOING))
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.close_pools())
    }
}
