//! Counts which keys are in use and what opens with them.

use crate::{
    KekId, Vault, VaultError,
    holders::HoldsSecrets,
    rotate::{PAGE, Tenants},
    vault::ACTIVE,
};
use std::collections::BTreeMap;
use store::{
    Filter, TenantId,
    ids::Id as _,
    model::{
        account::{DataKey, DataKeyStatus, ProviderAccount},
        assistant::Assistant,
        identity::User,
        webhook::WebhookEndpoint,
        work::Job,
    },
};

/// Which keys are in use, and what opens with them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Tenants that were looked at, the platform among them.
    pub tenants: u64,
    /// Data keys by what wraps them. A key-encryption key that is not in here is needed by nothing.
    pub data_keys: BTreeMap<KekId, u64>,
    /// Data keys among them that only open.
    pub retired: u64,
    /// Data keys that do not open with the keys of this node.
    pub shut: u64,
    /// Secrets that are sealed with their tenant's active data key.
    pub secrets: u64,
    /// Secrets that are sealed with one before it.
    pub secrets_of_retired: u64,
    /// Secrets that do not open.
    pub secrets_shut: u64,
}

impl Vault {
    /// Counts the keys and secrets of one tenant, or of all. Opens every one of them.
    ///
    /// # Errors
    /// When the store does not serve.
    pub async fn status(&self, tenant: Option<&TenantId>) -> Result<Status, VaultError> {
        let mut status = Status::default();
        if let Some(tenant) = tenant {
            self.look_at(tenant, &mut status).await?;
            return Ok(status);
        }
        let mut tenants = Tenants::default();
        while let Some(tenant) = tenants.next(&*self.store).await? {
            self.look_at(&tenant, &mut status).await?;
        }
        Ok(status)
    }

    async fn look_at(&self, tenant: &TenantId, status: &mut Status) -> Result<(), VaultError> {
        status.tenants += 1;
        let part = self.store.tenant(tenant);
        let mut filter = Filter::first(PAGE).oldest_first();
        loop {
            let page = part.list::<DataKey>(&filter).await?;
            let Some(last) = page.last() else { break };
            filter = filter.after(last.id.as_str());
            for stored in page {
                let row = &stored.value;
                *status.data_keys.entry(KekId::known(&row.wrapped_with)).or_default() += 1;
                status.retired += u64::from(row.status == DataKeyStatus::Retired);
                status.shut += u64::from(self.ring.unwrap(tenant, &stored.id, row).is_err());
            }
        }
        let active = part.find::<DataKey>(ACTIVE).await?.map(|stored| stored.id);
        let active = active.as_ref().map_or("", |id| id.as_str());
        self.count::<ProviderAccount>(tenant, active, status).await?;
        self.count::<WebhookEndpoint>(tenant, active, status).await?;
        self.count::<Assistant>(tenant, active, status).await?;
        self.count::<User>(tenant, active, status).await?;
        self.count::<Job>(tenant, active, status).await
    }

    async fn count<T: HoldsSecrets>(
        &self,
        tenant: &TenantId,
        active: &str,
        status: &mut Status,
    ) -> Result<(), VaultError> {
        let part = self.store.tenant(tenant);
        let mut filter = Filter::first(PAGE).oldest_first();
        loop {
            let page = part.list::<T>(&filter).await?;
            let Some(last) = page.last() else { return Ok(()) };
            filter = filter.after(last.id.as_str());
            for stored in page {
                for (place, sealed) in stored.value.secrets(&stored.id) {
                    if !self.opens(tenant, &place, &sealed).await? {
                        status.secrets_shut += 1;
                    } else if sealed.sealed_with.as_str() == active {
                        status.secrets += 1;
                    } else {
                        status.secrets_of_retired += 1;
                    }
                }
            }
        }
    }
}
