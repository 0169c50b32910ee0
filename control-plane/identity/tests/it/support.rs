//! A store in a folder of its own, identity on it, and people.

use engine::provider::Secret;
use identity::{
    Client, Identity, IdentityOptions,
    invitation::Shown,
    openid::OpenId,
    principal::{Caller, Principal},
    session::SessionTokens,
    sign_in::SignedIn,
    token::{SigningKey, Tokens},
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};
use store::{
    Store, Stored, TenantId,
    ids::UserId,
    model::{
        audit::{Actor, AuditFilter},
        identity::{Membership, Role, User},
        tenant::{Tenant, TenantSettings, TenantStatus},
    },
};
use store_postgres::{PostgresOptions, PostgresStore, test_server::again};
use store_sqlite::{SqliteOptions, SqliteStore};
use vault::{KeyRing, Vault, new_key};

pub(crate) const NOW: i64 = 1_780_000_000_000_000;
pub(crate) const SECOND: i64 = 1_000_000;
pub(crate) const PASSWORD: &str = "four words of mine";

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("{} stays behind: {error}", self.0.display());
        }
    }
}

/// A store in the folder, or in the PostgreSQL database that belongs to it.
async fn open_store(folder: &Path) -> Arc<dyn Store> {
    match again::url(folder).await {
        Some(url) => Arc::new(PostgresStore::open(&url, PostgresOptions::default()).await.unwrap()),
        None => {
            let file = folder.join("tandem.db");
            Arc::new(SqliteStore::open(&file, SqliteOptions::default()).await.unwrap())
        }
    }
}

pub(crate) struct House {
    pub(crate) identity: Identity,
    pub(crate) store: Arc<dyn Store>,
    _folder: Folder,
}

pub(crate) fn secret(text: &str) -> Secret {
    Secret::new(text)
}

pub(crate) fn actor() -> Actor {
    Actor::system("test")
}

pub(crate) fn client() -> Client {
    Client {
        ip: Some("192.0.2.7".parse().unwrap()),
        user_agent: Some("a browser".to_owned()),
        request_id: Some("req_1".to_owned()),
    }
}

/// From somewhere else: nobody shares the limits of its network.
pub(crate) fn elsewhere(number: u8) -> Client {
    Client { ip: Some([198, 51, 100, number].into()), ..client() }
}

pub(crate) async fn house() -> House {
    house_with(OpenId::default()).await
}

pub(crate) async fn house_with(openid: OpenId) -> House {
    let path = std::env::temp_dir().join(store::new_id("tandem_identity"));
    std::fs::create_dir(&path).unwrap();
    let store = open_store(&path).await;
    let identity = identity_on(&store, openid);
    House { identity, store, _folder: Folder(path) }
}

pub(crate) fn identity_on(store: &Arc<dyn Store>, openid: OpenId) -> Identity {
    let ring = KeyRing::new(&[new_key().unwrap()]).unwrap();
    let vault = Arc::new(Vault::new(Arc::clone(store), ring));
    let tokens = Tokens::new("https://calls.example.com", SigningKey::derived("k1", b"root"), Vec::new());
    Identity::new(Arc::clone(store), vault, tokens, openid, IdentityOptions::default())
}

impl House {
    /// A tenant, and its owner.
    pub(crate) async fn tenant(&self, slug: &str) -> TenantId {
        let id = TenantId::generate();
        let tenant = Tenant {
            name: slug.to_owned(),
            slug: slug.to_owned(),
            status: TenantStatus::Active,
            settings: TenantSettings::default(),
        };
        let mut tx = self.store.platform().begin(&actor(), NOW).await.unwrap();
        tx.insert_as(id.clone(), tenant).await.unwrap();
        tx.commit().await.unwrap();
        id
    }

    /// Somebody who runs the platform, with a password.
    pub(crate) async fn admin(&self, email: &str) -> UserId {
        let enabled = self.identity.make_platform_admin(email, "Ann", NOW).await.unwrap();
        let (user, _) = self
            .identity
            .accept(&enabled.token, Shown::With(&secret(PASSWORD)), &Client::default(), NOW)
            .await
            .unwrap();
        user
    }

    /// Somebody with a password and a role in the tenant.
    pub(crate) async fn person(&self, email: &str, tenant: &TenantId, role: Role) -> UserId {
        let platform = self.platform_principal(tenant).await;
        let invited = self.identity.invite(&platform, (email, "Carla", role), &actor(), NOW).await.unwrap();
        let password = secret(PASSWORD);
        let (shown, client) = (Shown::With(&password), Client::default());
        self.identity.accept(&invited.token, shown, &client, NOW).await.unwrap().0
    }

    /// Whoever runs the platform, at work in the tenant.
    pub(crate) async fn platform_principal(&self, tenant: &TenantId) -> Principal {
        let email = "platform@example.com";
        if self.store.platform().find::<User>(email).await.unwrap().is_none() {
            self.admin(email).await;
        }
        self.principal(email, tenant).await
    }

    /// Somebody at work in the tenant.
    pub(crate) async fn principal(&self, email: &str, tenant: &TenantId) -> Principal {
        let tokens = self.session(email).await;
        self.caller(&tokens).await.in_tenant(tenant).unwrap()
    }

    pub(crate) async fn session(&self, email: &str) -> SessionTokens {
        let signed_in =
            self.identity.sign_in(email, &secret(PASSWORD), &Client::default(), NOW).await.unwrap();
        let SignedIn::Session(tokens) = signed_in else { panic!("a second factor is asked for") };
        tokens
    }

    pub(crate) async fn caller(&self, tokens: &SessionTokens) -> Caller {
        self.identity.authenticate(&tokens.access.token, NOW).await.unwrap()
    }

    pub(crate) async fn user(&self, user: &UserId) -> Stored<User> {
        self.store.platform().get::<User>(user).await.unwrap().unwrap()
    }

    pub(crate) async fn membership(&self, tenant: &TenantId, user: &UserId) -> Stored<Membership> {
        self.store.tenant(tenant).find::<Membership>(user.as_str()).await.unwrap().unwrap()
    }

    /// Actions in the audit log of the platform, the newest first.
    pub(crate) async fn actions(&self, object: &str) -> Vec<String> {
        let filter = AuditFilter { object: Some(object.to_owned()), limit: 100, ..AuditFilter::default() };
        let log = self.store.platform().audit_log(&filter).await.unwrap();
        log.into_iter().map(|entry| entry.action).collect()
    }
}
