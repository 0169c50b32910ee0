//! The carrier's API on behalf of a tenant.

use crate::directory::{Account as OwnAccount, Directory, TenantView};
use futures_util::future::BoxFuture;
use std::sync::Arc;
use store::{Call, Direction, StoreError, TenantId};
use twilio_rest::{Account, Credentials, TwilioClient};

/// Finds the account on whose behalf the carrier is asked.
pub(crate) trait Carriers: Send + Sync {
    /// The account of the number that a call is on, else the tenant's first for calls; `None` if the tenant has none.
    fn of<'a>(
        &'a self,
        tenant: &'a TenantId,
        call: Option<&'a Call>,
    ) -> BoxFuture<'a, Result<Option<Account>, StoreError>>;
}

/// The tenants' own accounts.
pub(crate) struct DirectoryCarriers {
    pub(crate) client: TwilioClient,
    pub(crate) directory: Arc<Directory>,
}

impl Carriers for DirectoryCarriers {
    fn of<'a>(
        &'a self,
        tenant: &'a TenantId,
        call: Option<&'a Call>,
    ) -> BoxFuture<'a, Result<Option<Account>, StoreError>> {
        Box::pin(async move {
            let Some(view) = self.directory.tenant(tenant).await? else { return Ok(None) };
            let credentials = account_of(&view, call).and_then(credentials);
            Ok(credentials.map(|credentials| self.client.account(credentials)))
        })
    }
}

/// The number of ours in a call.
pub(crate) fn own_number(call: &Call) -> &str {
    match call.direction {
        Direction::Inbound => &call.to_number,
        Direction::Outbound => &call.from_number,
    }
}

fn account_of<'v>(view: &'v TenantView, call: Option<&Call>) -> Option<&'v OwnAccount> {
    let carriers = || view.accounts.iter().filter(|account| account.kind == "twilio" && account.is_active());
    let of_number = call.and_then(|call| view.number(own_number(call))).and_then(|number| {
        carriers().find(|account| account.id.is_some() && account.id == number.number.account)
    });
    of_number.or_else(|| carriers().next())
}

/// An account without a token, or with an SID that is none, cannot be acted for.
pub(crate) fn credentials(account: &OwnAccount) -> Option<Credentials> {
    let account_sid = account.sid.parse().ok()?;
    let stored = account.secrets.get("auth_token").map(|token| &token.current);
    // A token of the configuration is not stored, but signs.
    let auth_token = stored.or_else(|| account.signing.tokens.first())?.clone();
    Some(Credentials::AuthToken { account_sid, auth_token })
}
