//! The carrier's API on behalf of a tenant.

use crate::tenants::Tenants;
use futures_util::future::BoxFuture;
use std::sync::Arc;
use store::{Call, StoreError, TenantId};
use twilio_rest::{Account, AccountSid, Credentials, TwilioClient};

/// Finds the account on whose behalf the carrier is asked.
pub(crate) trait Carriers: Send + Sync {
    /// The account that a call is on, else the tenant's own for calls; `None` if the tenant has none.
    fn of<'a>(
        &'a self,
        tenant: &'a TenantId,
        call: Option<&'a Call>,
    ) -> BoxFuture<'a, Result<Option<Account>, StoreError>>;
}

/// The accounts of the configuration.
pub(crate) struct ConfiguredCarriers {
    pub(crate) client: TwilioClient,
    pub(crate) tenants: Arc<Tenants>,
}

impl Carriers for ConfiguredCarriers {
    fn of<'a>(
        &'a self,
        tenant: &'a TenantId,
        _: Option<&'a Call>,
    ) -> BoxFuture<'a, Result<Option<Account>, StoreError>> {
        let settings = self.tenants.get(tenant.as_str()).filter(|settings| settings.has_account());
        let account = settings.and_then(|settings| {
            let account_sid = settings.twilio.account_sid.parse::<AccountSid>().ok()?;
            let auth_token = settings.twilio.auth_token.clone();
            Some(self.client.account(Credentials::AuthToken { account_sid, auth_token }))
        });
        Box::pin(std::future::ready(Ok(account)))
    }
}
