//! Stores, tenants, and rows that hold secrets.

use engine::provider::Secret;
use std::{path::PathBuf, sync::Arc};
use store::{
    Store, TenantId,
    ids::{AccountId, AssistantId, EndpointId, JobId, UserId},
    model::{
        account::{AccountMode, AccountStatus, Credential, ProviderAccount},
        assistant::Assistant,
        audit::Actor,
        identity::{Proofs, User, UserStatus},
        tenant::{Tenant, TenantSettings, TenantStatus},
        webhook::{EndpointStatus, WebhookEndpoint},
        work::{Job, JobStatus},
    },
};
use store_postgres::{PostgresOptions, PostgresStore, test_server};
use store_sqlite::{SqliteOptions, SqliteStore};
use vault::{KeyRing, Place, Vault, new_key};

/// A folder that goes with the test.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        let path = std::env::temp_dir().join(store::new_id("tandem_vault"));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("{} stays behind: {error}", self.0.display());
        }
    }
}

pub(crate) struct Opened {
    store: SqliteStore,
    _folder: Folder,
}

impl Opened {
    pub(crate) fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.store.clone())
    }
}

pub(crate) async fn sqlite() -> Opened {
    let folder = Folder::new();
    let store = SqliteStore::open(&folder.0.join("tandem.db"), SqliteOptions::default()).await.unwrap();
    Opened { store, _folder: folder }
}

pub(crate) async fn postgres() -> Option<Arc<dyn Store>> {
    let url = test_server::database().await?;
    Some(Arc::new(PostgresStore::open(&url, PostgresOptions::default()).await.unwrap()))
}

pub(crate) fn actor() -> Actor {
    Actor::system("test")
}

pub(crate) async fn tenant(store: &dyn Store, slug: &str) -> TenantId {
    let id = TenantId::generate();
    let mut tx = store.platform().begin(&actor(), 1).await.unwrap();
    let tenant = Tenant {
        name: slug.to_owned(),
        slug: slug.to_owned(),
        status: TenantStatus::Active,
        settings: TenantSettings::default(),
    };
    tx.insert_as(id.clone(), tenant).await.unwrap();
    tx.commit().await.unwrap();
    id
}

pub(crate) fn ring(keys: &[&Secret]) -> KeyRing {
    KeyRing::new(&keys.iter().map(|&key| key.clone()).collect::<Vec<_>>()).unwrap()
}

pub(crate) fn any_ring() -> KeyRing {
    ring(&[&new_key().unwrap()])
}

pub(crate) fn place() -> Place {
    Place::provider_account(&AccountId::generate(), "auth_token")
}

/// An account with a current and a previous token.
pub(crate) async fn account(vault: &Vault, store: &dyn Store, tenant: &TenantId, token: &str) -> AccountId {
    let id = AccountId::generate();
    let place = Place::provider_account(&id, "auth_token");
    let current = vault.seal(tenant, &place, &Secret::new(token)).await.unwrap();
    let previous = vault.seal(tenant, &place, &Secret::new(&format!("{token} before"))).await.unwrap();
    let value = ProviderAccount {
        kind: "twilio".to_owned(),
        mode: AccountMode::Own,
        sid: format!("AC{}", id.as_str()),
        name: "Main".to_owned(),
        secrets: [("auth_token".to_owned(), Credential { current, previous: Some(previous) })].into(),
        properties: [].into(),
        roles: Vec::new(),
        priority: 0,
        status: AccountStatus::Active,
    };
    let mut tx = store.tenant(tenant).begin(&actor(), 2).await.unwrap();
    tx.insert_as(id.clone(), value).await.unwrap();
    tx.commit().await.unwrap();
    id
}

/// The tokens of an account: the current one and the one before.
pub(crate) async fn tokens(
    vault: &Vault,
    store: &dyn Store,
    tenant: &TenantId,
    id: &AccountId,
) -> [String; 2] {
    let account = store.tenant(tenant).get::<ProviderAccount>(id).await.unwrap().unwrap().value;
    let credential = &account.secrets["auth_token"];
    let place = Place::provider_account(id, "auth_token");
    let current = vault.open(tenant, &place, &credential.current).await.unwrap();
    let previous = vault.open(tenant, &place, credential.previous.as_ref().unwrap()).await.unwrap();
    [current.reveal().to_owned(), previous.reveal().to_owned()]
}

pub(crate) async fn endpoint(vault: &Vault, store: &dyn Store, tenant: &TenantId) -> EndpointId {
    let id = EndpointId::generate();
    let secret = vault.seal(tenant, &Place::webhook_endpoint(&id), &Secret::new("whsec")).await.unwrap();
    let value = WebhookEndpoint {
        url: "https://example.com/hook".to_owned(),
        name: "hook".to_owned(),
        events: Vec::new(),
        secret,
        previous_secret: None,
        previous_until: None,
        status: EndpointStatus::Active,
        failing_since: None,
    };
    let mut tx = store.tenant(tenant).begin(&actor(), 2).await.unwrap();
    tx.insert_as(id.clone(), value).await.unwrap();
    tx.commit().await.unwrap();
    id
}

/// An assistant with a tool whose requests are signed.
pub(crate) async fn assistant(vault: &Vault, store: &dyn Store, tenant: &TenantId) -> AssistantId {
    let id = AssistantId::generate();
    let place = Place::tool(&id, "order_status");
    let sealed = vault.seal(tenant, &place, &Secret::new("signs")).await.unwrap();
    let tools = serde_json::json!([
        { "name": "bye", "kind": "end_call", "signing_secret": null },
        { "name": "order_status", "kind": "http", "signing_secret": sealed },
    ]);
    let value =
        Assistant { name: "Desk".to_owned(), config: serde_json::json!({ "prompt": "", "tools": tools }) };
    let mut tx = store.tenant(tenant).begin(&actor(), 2).await.unwrap();
    tx.insert_as(id.clone(), value).await.unwrap();
    tx.commit().await.unwrap();
    id
}

/// The order to set a new tenant up, with the account that it brings.
pub(crate) async fn admission(vault: &Vault, store: &dyn Store) -> (JobId, AccountId) {
    let (platform, id, account) = (TenantId::platform(), JobId::generate(), AccountId::generate());
    let place = Place::provider_account(&account, "auth_token");
    let sealed = vault.seal(&platform, &place, &Secret::new("brought")).await.unwrap();
    let value = Job {
        kind: "admit_tenant".to_owned(),
        key: None,
        subject: None,
        status: JobStatus::Running,
        step: "order".to_owned(),
        state: serde_json::json!({ "tenant": "ten_1", "own": { "account": account, "auth_token": sealed } }),
        attempts: 0,
        error: None,
    };
    let mut tx = store.platform().begin(&actor(), 2).await.unwrap();
    tx.insert_as(id.clone(), value).await.unwrap();
    tx.commit().await.unwrap();
    (id, account)
}

pub(crate) async fn user(vault: &Vault, store: &dyn Store) -> UserId {
    let (platform, id) = (TenantId::platform(), UserId::generate());
    let totp = vault.seal(&platform, &Place::totp(&id), &Secret::new("totp")).await.unwrap();
    let value = User {
        email: "someone@example.com".to_owned(),
        name: "Someone".to_owned(),
        password_hash: None,
        totp: Some(totp),
        openid_subject: None,
        platform_admin: false,
        status: UserStatus::Active,
        failed_sign_ins: 0,
        locked_until: None,
        proofs: Proofs::default(),
    };
    let mut tx = store.platform().begin(&actor(), 2).await.unwrap();
    tx.insert_as(id.clone(), value).await.unwrap();
    tx.commit().await.unwrap();
    id
}
