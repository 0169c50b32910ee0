//! Makes the tenant of the configuration known in the store: its row, its account without the secrets, its numbers.
//!
//! What is there already stays as it is, but for the tenant's name: the configuration says how a tenant begins, the API
//! how it goes on. Tokens, assistant and providers of the configuration are stored nowhere; the directory adds them.

use super::is_e164;
use crate::{clock::now_us, settings::TenantSettings};
use store::{
    Filter, Store, StoreError, TenantId, TenantTx,
    ids::{AccountId, NumberId},
    model::{
        account::{AccountMode, AccountStatus, ProviderAccount},
        audit::Actor,
        number::{Capabilities, Number, NumberStatus, Routing},
        tenant::{Tenant, TenantSettings as StoredSettings, TenantStatus},
    },
};

/// What the configuration has done stands under this name in the audit log.
const ACTOR: &str = "configuration";

/// Why the tenant of the configuration cannot be made known.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// The database does not serve.
    #[error("storing the tenant of the configuration")]
    Store(#[from] StoreError),
    /// A number belongs to one tenant only.
    #[error("the number {number} of the configuration is another tenant's")]
    NumberTaken {
        /// Which.
        number: String,
    },
}

/// Makes the tenant of the configuration known, or gives it the name that it has there now. It keeps the id that it has
/// there.
pub(crate) async fn put_configured_tenant(
    store: &dyn Store,
    configured: &TenantSettings,
) -> Result<(), BootstrapError> {
    let id = TenantId::known(configured.id.0.as_str());
    put_row(store, &id, &configured.name).await?;
    let part = store.tenant(&id);
    let mut tx = part.begin(&Actor::system(ACTOR), now_us()).await?;
    let account = put_account(&mut *tx, configured).await?;
    let known = part.list::<Number>(&Filter::first(u16::MAX)).await?;
    let mut is_first = known.is_empty();
    let missing = configured.numbers.iter().filter(|number| is_e164(number));
    for number in missing.filter(|number| known.iter().all(|row| row.value.e164 != **number)) {
        // The configuration does not say; numbers of most countries carry both.
        let sms = messaging::plan::can_text(number, None);
        let can = Capabilities { voice: true, sms, mms: false };
        put_number(&mut *tx, number, account.as_ref(), is_first, can).await?;
        is_first = false;
    }
    tx.commit().await?;
    Ok(())
}

/// Makes a tenant's row, or gives it this name.
pub(crate) async fn put_row(store: &dyn Store, id: &TenantId, name: &str) -> Result<(), StoreError> {
    let known = store.platform().get::<Tenant>(id).await?;
    let mut tx = store.platform().begin(&Actor::system(ACTOR), now_us()).await?;
    match known {
        Some(known) if known.value.name == name => return Ok(()),
        Some(known) => {
            let renamed = Tenant { name: name.to_owned(), ..known.value };
            tx.update(id, known.version, renamed).await?;
        }
        None => {
            let new = Tenant {
                name: name.to_owned(),
                slug: id.as_str().to_owned(),
                status: TenantStatus::Active,
                settings: StoredSettings::default(),
            };
            // Another node may have been faster.
            tx.insert_new(id.clone(), new).await?;
        }
    }
    tx.commit().await
}

/// The row of the configuration's account, without its secrets; `None` if it has none.
async fn put_account(
    tx: &mut (dyn TenantTx + 'static),
    configured: &TenantSettings,
) -> Result<Option<AccountId>, StoreError> {
    if !configured.has_account() {
        return Ok(None);
    }
    let sid = &configured.twilio.account_sid;
    if let Some(known) = tx.find::<ProviderAccount>(sid).await? {
        return Ok(Some(known.id));
    }
    let new = ProviderAccount {
        kind: "twilio".to_owned(),
        mode: AccountMode::Own,
        sid: sid.clone(),
        name: "From the configuration".to_owned(),
        secrets: Default::default(),
        properties: Default::default(),
        roles: ["voice", "sms", "whatsapp"].map(str::to_owned).into(),
        priority: 0,
        status: AccountStatus::Active,
    };
    let id = AccountId::generate();
    match tx.insert_new(id, new).await? {
        Some(made) => Ok(Some(made.id)),
        // Another node was faster.
        None => Ok(tx.find::<ProviderAccount>(sid).await?.map(|known| known.id)),
    }
}

/// Makes a number's row, unless the tenant has the number.
pub(crate) async fn put_number(
    tx: &mut (dyn TenantTx + 'static),
    e164: &str,
    account: Option<&AccountId>,
    primary: bool,
    capabilities: Capabilities,
) -> Result<(), BootstrapError> {
    let new = |primary| Number {
        e164: e164.to_owned(),
        carrier_sid: None,
        account: account.cloned(),
        name: e164.to_owned(),
        status: NumberStatus::Active,
        primary,
        capabilities,
        greeting: None,
        voice: None,
        flow: None,
        routing: Routing::default(),
    };
    // Only one is the one to call from: if another node has added another one meanwhile, this is not.
    for primary in [primary, false] {
        if let Some(row) = tx.insert_new(NumberId::generate(), new(primary)).await? {
            crate::number_events::added(tx, &row).await?;
            return Ok(());
        }
        if tx.find::<Number>(e164).await?.is_some() {
            return Ok(());
        }
    }
    Err(BootstrapError::NumberTaken { number: e164.to_owned() })
}
