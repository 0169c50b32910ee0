//! What orders and the worker share: the store, the vault, the carrier, and who we are.

use crate::{Addresses, Difference, ProvisionError};
use engine::provider::Secret;
use std::{collections::HashMap, fmt, sync::Arc};
use store::{
    Filter, Store, Stored, TenantId,
    ids::AccountId,
    model::{
        account::{AccountStatus, ProviderAccount},
        number::Number,
    },
};
use tokio::sync::Notify;
use twilio_rest::{
    Account, AccountDetails, AccountSid, AvailableNumber, AvailableNumberFilter, Credentials, IncomingNumber,
    NumberKind, NumberSid, TwilioClient,
};
use url::Url;
use vault::{Place, Vault};

/// Kind of the accounts that this crate sets up.
pub(crate) const TWILIO: &str = "twilio";
/// Accounts of a tenant that are looked at.
const ACCOUNTS: u16 = 100;

/// Who we are.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Our public address: what the carrier is told to ask.
    pub base_url: Url,
    /// The product's name, in front of the subaccounts' names.
    pub product: String,
    /// A file elsewhere that callers hear when we are not there; `None`: our own fallback.
    pub outage_url: Option<Url>,
    /// The account in which subaccounts are made, by its auth token; `None`: every tenant brings its own.
    pub platform: Option<Credentials>,
    /// Accounts whose credentials stand in the configuration and not in the store, by tenant and SID.
    pub configured: HashMap<(TenantId, String), Credentials>,
    /// Limits.
    pub options: ProvisionerOptions,
}

/// Limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProvisionerOptions {
    /// Numbers that one search gives, at most. Default 50: what people look through.
    pub search_max: usize,
}

impl Default for ProvisionerOptions {
    fn default() -> Self {
        Self { search_max: 50 }
    }
}

/// Takes orders. One for each process, shared.
pub struct Provisioner {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) vault: Arc<Vault>,
    pub(crate) client: TwilioClient,
    pub(crate) settings: Settings,
    pub(crate) addresses: Addresses,
    pub(crate) orders: Notify,
}

impl fmt::Debug for Provisioner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provisioner").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Provisioner {
    /// One that takes orders; a [`Worker`](crate::Worker) carries them out.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, vault: Arc<Vault>, client: TwilioClient, settings: Settings) -> Self {
        let addresses = Addresses::of(&settings.base_url).with_outage(settings.outage_url.clone());
        Self { store, vault, client, settings, addresses, orders: Notify::new() }
    }

    /// Our addresses.
    #[must_use]
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// Whether subaccounts can be made.
    #[must_use]
    pub fn makes_subaccounts(&self) -> bool {
        self.settings.platform.is_some()
    }

    /// Lets a worker of this process look for orders at once. To be called when the unit of work with the order has been committed.
    pub fn wake(&self) {
        self.orders.notify_waiters();
    }

    /// Tries credentials against the carrier's real API: what is not known to work is not to be stored.
    ///
    /// # Errors
    /// [`ProvisionError::Carrier`]; `is_unauthorized` if they are wrong.
    pub async fn verify(
        &self,
        sid: &AccountSid,
        auth_token: &Secret,
    ) -> Result<AccountDetails, ProvisionError> {
        let credentials = Credentials::AuthToken { account_sid: sid.clone(), auth_token: auth_token.clone() };
        Ok(self.client.account(credentials).fetch_account().await?)
    }

    /// Numbers that can be bought. `country` is two capital letters.
    ///
    /// # Errors
    /// [`ProvisionError`].
    pub async fn search(
        &self,
        tenant: &TenantId,
        account: Option<&AccountId>,
        country: &str,
        kind: NumberKind,
        filter: &AvailableNumberFilter,
    ) -> Result<Vec<AvailableNumber>, ProvisionError> {
        let account = self.account_of(tenant, account).await?;
        let account = self.carrier_account(tenant, &account).await?;
        let found = account.available_numbers(country, kind, filter)?;
        Ok(found.first(self.settings.options.search_max).await?)
    }

    /// The account with this id, or the tenant's first one that is in use.
    ///
    /// # Errors
    /// [`ProvisionError::NotSetUp`] if there is none.
    pub async fn account_of(
        &self,
        tenant: &TenantId,
        account: Option<&AccountId>,
    ) -> Result<Stored<ProviderAccount>, ProvisionError> {
        let part = self.store.tenant(tenant);
        let found = match account {
            Some(id) => part.get::<ProviderAccount>(id).await?,
            None => {
                let filter = Filter::first(ACCOUNTS)
                    .of(TWILIO)
                    .with_status(AccountStatus::Active.as_str())
                    .oldest_first();
                let accounts = part.list::<ProviderAccount>(&filter).await?;
                accounts.into_iter().min_by_key(|account| account.value.priority)
            }
        };
        found
            .filter(|found| found.value.kind == TWILIO && found.value.status == AccountStatus::Active)
            .ok_or(ProvisionError::NotSetUp("account in use"))
    }

    /// An account with its own credentials.
    ///
    /// # Errors
    /// [`ProvisionError`].
    pub async fn carrier_account(
        &self,
        tenant: &TenantId,
        account: &Stored<ProviderAccount>,
    ) -> Result<Account, ProvisionError> {
        let Some(token) = account.value.secrets.get("auth_token") else {
            let configured = self.settings.configured.get(&(tenant.clone(), account.value.sid.clone()));
            let credentials = configured.ok_or(ProvisionError::NotSetUp("auth token"))?;
            return Ok(self.client.account(credentials.clone()));
        };
        let place = Place::provider_account(&account.id, "auth_token");
        let auth_token = self.vault.open(tenant, &place, &token.current).await?;
        let account_sid = account.value.sid.parse()?;
        Ok(self.client.account(Credentials::AuthToken { account_sid, auth_token }))
    }

    /// What of a number's settings at the carrier is not as it should be.
    ///
    /// # Errors
    /// [`ProvisionError::NotSetUp`] if the carrier does not know the number.
    pub async fn differences(
        &self,
        tenant: &TenantId,
        number: &Number,
    ) -> Result<Vec<Difference>, ProvisionError> {
        let (account, sid) = self.at_carrier(tenant, number).await?;
        let there = account.fetch_number(&sid).await.map_err(|error| match error.is_gone() {
            true => ProvisionError::NotSetUp("such number"),
            false => error.into(),
        })?;
        Ok(self.addresses.differences(&there))
    }

    /// Points a number's webhooks at us.
    ///
    /// # Errors
    /// [`ProvisionError::NotSetUp`] if the carrier does not know the number.
    pub async fn configure(&self, tenant: &TenantId, number: &Number) -> Result<(), ProvisionError> {
        let (account, sid) = self.at_carrier(tenant, number).await?;
        self.point_here(&account, &sid).await?;
        Ok(())
    }

    /// Points a number's webhooks at us: those for messages only if the carrier says that it takes any.
    pub(crate) async fn point_here(
        &self,
        account: &Account,
        sid: &NumberSid,
    ) -> Result<IncomingNumber, ProvisionError> {
        let can = account.fetch_number(sid).await?.capabilities;
        Ok(account.update_number(sid, &self.addresses.number_with(can)).await?)
    }

    async fn at_carrier(
        &self,
        tenant: &TenantId,
        number: &Number,
    ) -> Result<(Account, NumberSid), ProvisionError> {
        let (Some(account), Some(sid)) = (&number.account, &number.carrier_sid) else {
            return Err(ProvisionError::NotSetUp("such number"));
        };
        let account = self.account_of(tenant, Some(account)).await?;
        Ok((self.carrier_account(tenant, &account).await?, sid.parse()?))
    }

    /// The account in which subaccounts are made.
    pub(crate) fn platform_account(&self) -> Result<Account, ProvisionError> {
        let credentials = self.settings.platform.clone().ok_or(ProvisionError::NoPlatformAccount)?;
        Ok(self.client.account(credentials))
    }
}
