//! For the command line: takes accounts that stood in an environment over into the store, sealed, so that the environment need not
//! hold them any more. What is stored already stays as it is, so it can be done again.

use crate::{
    api::accounts::{
        read_mailbox,
        trial::{Trial, Tried},
        webhook_url,
    },
    clock::now_us,
    directory::{BootstrapError, put_number, put_row},
    keys::random_token,
    mail_servers::{IMAP, REFRESH_TOKEN},
    messengers::{Messengers, PHONE, TOKEN, WEBHOOK_SECRET, WHAPI, number::from_whapi},
    problem::Problem,
};
use engine::provider::Secret;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use store::{
    Store, StoreError, Stored, TenantId,
    ids::AccountId,
    model::{
        account::{AccountMode, AccountStatus, Credential, ProviderAccount},
        audit::Actor,
        number::Capabilities,
        tenant::Tenant,
    },
};
use url::Url;
use vault::{KeyRing, Place, Vault, VaultError};

/// What is imported stands under this name in the audit log.
const ACTOR: &str = "import";
/// Longest wait for a provider to take or refuse credentials.
const PATIENCE: Duration = Duration::from_secs(20);

/// An account that was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// Which provider: `twilio`, `whapi`, `onesignal`, `imap`, `deepgram`, `anthropic`, `openai` or `elevenlabs`.
    pub kind: &'static str,
    /// The provider's id for it; without one, the provider's name.
    pub sid: Option<String>,
    /// For people.
    pub name: &'static str,
    /// The auth token, the token or the key.
    pub secret: Secret,
    /// What else is secret, by its name.
    pub more: Vec<(&'static str, Secret)>,
    /// What it is used for.
    pub roles: Vec<&'static str>,
    /// Accounts with lower numbers are tried first.
    pub priority: i32,
    /// What is not secret, by its name.
    pub properties: Vec<(&'static str, String)>,
    /// A number that it owns, E.164, and what that can do besides calls.
    pub number: Option<FoundNumber>,
}

/// A number that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundNumber {
    /// E.164.
    pub e164: String,
    /// Whether it takes messages.
    pub sms: bool,
}

/// What became of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// It is stored now.
    Stored,
    /// It was stored already.
    Known,
}

/// Why an account cannot be taken over.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Its provider does not take the credentials, or does not answer.
    #[error("{account} is not stored: {why}")]
    Refused {
        /// Which.
        account: &'static str,
        /// What was said.
        why: String,
    },
    /// The database does not serve.
    #[error("the database does not serve")]
    Store(#[from] StoreError),
    /// The keys do not seal.
    #[error("the secret cannot be sealed")]
    Vault(#[from] VaultError),
    /// A number cannot be stored.
    #[error(transparent)]
    Number(#[from] BootstrapError),
    /// An HTTP client cannot be made.
    #[error("the client for the providers cannot be made")]
    Client(#[from] reqwest::Error),
}

/// Where accounts are taken over to.
pub struct Importer {
    store: Arc<dyn Store>,
    vault: Vault,
    trial: Trial,
    tenant: TenantId,
    own_address: Option<Url>,
}

impl Importer {
    /// For the tenant with this id, which is made if it is not there.
    ///
    /// # Errors
    /// [`ImportError`].
    pub async fn new(
        store: Arc<dyn Store>,
        keys: KeyRing,
        (messengers, addresses): (Messengers, BTreeMap<crate::providers::Service, Url>),
        (id, name): (&str, &str),
    ) -> Result<Self, ImportError> {
        let tenant = TenantId::known(id);
        put_row(&*store, &tenant, name).await?;
        let vault = Vault::new(Arc::clone(&store), keys);
        let trial = Trial::new(messengers, addresses, PATIENCE)?;
        Ok(Self { store, vault, trial, tenant, own_address: None })
    }

    /// Lets providers that have to be told where to tell us do so here.
    #[must_use]
    pub fn reached_at(self, own_address: Option<Url>) -> Self {
        Self { own_address, ..self }
    }

    /// Puts values that templates of messages know into the tenant's settings. What is set there already stays.
    ///
    /// # Errors
    /// [`ImportError`].
    pub async fn template_variables(&self, found: &[(&str, String)]) -> Result<Done, ImportError> {
        let part = self.store.tenant(&self.tenant);
        let mut tx = part.begin(&Actor::system(ACTOR), now_us()).await?;
        let Some(Stored { version, mut value, .. }) = tx.get::<Tenant>(&self.tenant).await? else {
            return Ok(Done::Known);
        };
        let known = &mut value.settings.template_variables;
        let before = known.len();
        for (name, text) in found {
            known.entry((*name).to_owned()).or_insert_with(|| text.clone());
        }
        if known.len() == before {
            return Ok(Done::Known);
        }
        tx.update(&self.tenant, version, value).await?;
        tx.commit().await?;
        Ok(Done::Stored)
    }

    /// Tries an account at its provider, and stores it with its number.
    ///
    /// # Errors
    /// [`ImportError`]; nothing of the account is stored then.
    pub async fn take_over(&self, found: &Found) -> Result<Done, ImportError> {
        let sid = found.sid.clone().unwrap_or_else(|| found.kind.to_owned());
        let secret_name = match found.kind {
            "twilio" => "auth_token",
            WHAPI => TOKEN,
            IMAP => REFRESH_TOKEN,
            _ => "api_key",
        };
        let part = self.store.tenant(&self.tenant);
        let known = part.find::<ProviderAccount>(&sid).await?;
        let is_known = known.as_ref().is_some_and(|row| row.value.secrets.contains_key(secret_name));
        let mut account = known.as_ref().map_or_else(|| new_account(found, sid), |row| row.value.clone());
        let id = known.as_ref().map_or_else(AccountId::generate, |row| row.id.clone());
        let mut secrets = BTreeMap::from([(secret_name.to_owned(), found.secret.clone())]);
        secrets.extend(found.more.iter().map(|(name, secret)| ((*name).to_owned(), secret.clone())));
        if !is_known {
            let refused =
                |problem: Problem| ImportError::Refused { account: found.name, why: problem.detail };
            let tried = Tried::of(&account, &secrets).map_err(refused)?;
            match self.own_address.as_ref().filter(|_| found.kind == WHAPI) {
                Some(own_address) => {
                    let shown = Secret::new(&random_token());
                    let url = webhook_url(own_address, &self.tenant, &id);
                    let phone = self.trial.connect_whapi(tried, url, &shown).await.map_err(refused)?;
                    let phone = phone.as_deref().and_then(from_whapi);
                    account.properties.extend(phone.map(|phone| (PHONE.to_owned(), phone)));
                    secrets.insert(WEBHOOK_SECRET.to_owned(), shown);
                }
                None => self.trial.try_at(tried).await.map_err(refused)?,
            }
        }
        let mut tx = part.begin(&Actor::system(ACTOR), now_us()).await?;
        if !is_known {
            for (name, secret) in &secrets {
                let place = Place::provider_account(&id, name);
                let current = self.vault.seal_in(&mut *tx, &place, secret).await?;
                account.secrets.insert(name.clone(), Credential { current, previous: None });
            }
            let stored = match &known {
                Some(row) => tx.update(&id, row.version, account).await?,
                None => tx.insert_as(id.clone(), account).await?,
            };
            read_mailbox(&mut *tx, &stored).await?;
        }
        if let Some(number) = &found.number {
            let can = Capabilities { voice: true, sms: number.sms, mms: number.sms };
            put_number(&mut *tx, &number.e164, Some(&id), found.priority == 0, can).await?;
        }
        tx.commit().await?;
        Ok(if is_known { Done::Known } else { Done::Stored })
    }
}

fn new_account(found: &Found, sid: String) -> ProviderAccount {
    ProviderAccount {
        kind: found.kind.to_owned(),
        mode: AccountMode::Own,
        sid,
        name: found.name.to_owned(),
        secrets: BTreeMap::new(),
        properties: found
            .properties
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect(),
        roles: found.roles.iter().map(|role| (*role).to_owned()).collect(),
        priority: found.priority,
        status: AccountStatus::Active,
    }
}
