//! A tenant's accounts at providers, with their credentials opened.

use super::load::LoadError;
use crate::{
    providers::{Access, Dialect, Service, Services},
    settings::TwilioAccount,
};
use engine::provider::Secret;
use std::{
    collections::{BTreeMap, HashMap},
    error::Error,
};
use store::{
    Stored, TenantId,
    ids::AccountId,
    model::account::{AccountStatus, ProviderAccount, Sealed},
};
use tracing::{error, warn};
use url::Url;
use vault::{Place, Vault};

/// Begins the name of a key that signs webhooks where their settings name it.
const SHARED_KEY: &str = "webhooks_sharedkey_";

/// An account at a provider.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    /// Its row.
    pub(crate) id: Option<AccountId>,
    pub(crate) kind: String,
    pub(crate) sid: String,
    pub(crate) status: AccountStatus,
    pub(crate) properties: BTreeMap<String, String>,
    /// What it is used for; empty: for all that its provider does.
    pub(crate) roles: Vec<String>,
    /// Accounts with lower numbers are tried first.
    pub(crate) priority: i32,
    /// What is secret, by its name. What did not open is not there.
    pub(crate) secrets: HashMap<String, Opened>,
    /// What may sign its webhooks.
    pub(crate) signing: SigningKeys,
}

/// A secret, and the one before it while it is being exchanged.
#[derive(Clone, Debug)]
pub(crate) struct Opened {
    pub(crate) current: Secret,
    pub(crate) previous: Option<Secret>,
}

/// What may sign an account's webhooks.
#[derive(Clone, Debug, Default)]
pub(crate) struct SigningKeys {
    /// Its tokens; none is empty, since everybody could sign with that.
    pub(crate) tokens: Vec<Secret>,
    /// Keys that sign instead where `X-Twilio-Webhooks-Signature-Settings` names them, by their id.
    pub(crate) shared: HashMap<String, Secret>,
}

impl SigningKeys {
    fn of(secrets: &HashMap<String, Opened>) -> Self {
        let tokens = secrets.get("auth_token").map_or_else(Vec::new, |token| {
            [Some(&token.current), token.previous.as_ref()].into_iter().flatten().cloned().collect()
        });
        let shared = secrets
            .iter()
            .filter(|(name, _)| name.starts_with(SHARED_KEY))
            .map(|(name, key)| (name.clone(), key.current.clone()))
            .collect();
        let mut keys = Self { tokens, shared };
        keys.drop_empty();
        keys
    }

    /// Those of the configuration are believed beside what is stored.
    pub(crate) fn add(&mut self, configured: &TwilioAccount) {
        self.tokens.extend(
            [Some(&configured.auth_token), configured.previous_auth_token.as_ref()]
                .into_iter()
                .flatten()
                .cloned(),
        );
        self.shared.extend(configured.shared_keys.clone());
        self.drop_empty();
    }

    fn drop_empty(&mut self) {
        self.tokens.retain(|token| !token.reveal().is_empty());
        self.shared.retain(|_, key| !key.reveal().is_empty());
    }
}

impl Account {
    /// Opens what is sealed in a row. What does not open is left out and logged: the rest of the tenant is served.
    ///
    /// # Errors
    /// When the database does not serve: then nothing is known of the secret.
    pub(super) async fn open(
        vault: &Vault,
        tenant: &TenantId,
        stored: Stored<ProviderAccount>,
    ) -> Result<Self, LoadError> {
        let Stored { id, value: account, .. } = stored;
        let mut secrets = HashMap::new();
        for (name, credential) in account.secrets {
            let place = Place::provider_account(&id, &name);
            let Some(current) = open(vault, tenant, &place, &credential.current).await? else { continue };
            let previous = match &credential.previous {
                Some(sealed) => open(vault, tenant, &place, sealed).await?,
                None => None,
            };
            secrets.insert(name, Opened { current, previous });
        }
        Ok(Self {
            id: Some(id),
            kind: account.kind,
            sid: account.sid,
            status: account.status,
            properties: account.properties,
            roles: account.roles,
            priority: account.priority,
            signing: SigningKeys::of(&secrets),
            secrets,
        })
    }

    /// How the service whose account it is is reached with it; `None` if its address is none.
    fn access(&self, default_address: Option<&Url>) -> Option<Access> {
        let property = |name: &str| self.properties.get(name).cloned();
        let base_url = match property("base_url") {
            Some(own) => match Url::parse(&own) {
                Ok(url) => url,
                Err(cause) => {
                    warn!(account = ?self.id, error = &cause as &dyn Error, "a provider account's address is none");
                    return None;
                }
            },
            None => default_address?.clone(),
        };
        Some(Access {
            base_url,
            api_key: self.secrets.get("api_key").map(|key| key.current.clone()),
            dialect: Dialect {
                version: property("version"),
                auth: property("auth"),
                max_tokens_field: property("max_tokens_field"),
            },
        })
    }
}

/// Opens one secret; `None` if it never will.
pub(super) async fn open(
    vault: &Vault,
    tenant: &TenantId,
    place: &Place,
    sealed: &Sealed,
) -> Result<Option<Secret>, LoadError> {
    match vault.open(tenant, place, sealed).await {
        Ok(secret) => Ok(Some(secret)),
        Err(vault::VaultError::Store(cause)) => Err(LoadError::Store(cause)),
        Err(cause) => {
            error!(%tenant, ?place, error = &cause as &dyn Error, "a credential does not open and is not used");
            Ok(None)
        }
    }
}

/// How a service is reached for a tenant: through its own accounts, in their order, or through this installation's if it
/// has none there. An own account that is suspended is not replaced: its tenant would spend our money unseen.
pub(super) fn reached(accounts: &[Account], services: &Services, service: Service) -> Vec<Access> {
    let mut own = accounts.iter().filter(|account| account.kind == service.name()).peekable();
    if own.peek().is_none() {
        return services.access.get(&service).cloned().into_iter().collect();
    }
    own.filter(|account| account.is_active())
        .filter_map(|account| account.access(services.addresses.get(&service)))
        .collect()
}
