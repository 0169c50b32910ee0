//! Asks the providers of all tenants when it is time, and keeps what came of it.

use super::decide::{HealthOptions, Probe, decide};
use crate::{
    api::accounts::trial::{Trial, Tried},
    clock::{now_us, rfc3339},
    mail_servers::{IMAP, SMTP},
    messengers::{ONESIGNAL, WHAPI},
    problem::Code,
    providers::Service,
};
use deliveries::{Event, EventType, announce, payload::HealthTold};
use engine::provider::{AbortOnDrop, Secret};
use futures_util::future::join_all;
use provisioning::{ProvisionError, Provisioner};
use std::{collections::BTreeMap, fmt, sync::Arc};
use store::{
    Filter, Store, StoreError, Stored, TenantId, TenantStore,
    ids::HealthId,
    model::{
        account::{AccountStatus, ProviderAccount},
        audit::Actor,
        tenant::Tenant,
        work::{Health, HealthStatus},
    },
};
use tokio::time::{Duration, Instant, sleep, sleep_until};
use tracing::{error, warn};
use twilio_rest::Account;
use vault::{Place, Vault, VaultError};

/// What the monitor does stands under this name in the audit log.
const SELF: &str = "provider_health";
/// Kind of the carrier's accounts, and the subject where there is none in the store.
const TWILIO: &str = "twilio";
/// Rows that are read at once.
const PAGE: u16 = 100;
/// What somebody who must act is told.
const ALERT: &str = "DEPENDENCY_HEALTH_CRITICAL";
/// How often somebody was told, as a counter.
const ALERTS: &str = "tandem_dependency_alerts_total";

/// How often it is looked whose providers are due, and how fast they are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watch {
    /// Pause between two rounds. Default 60 s, the soonest that a provider is asked again. A round in which nobody is due is
    /// one question to the store, however many tenants there are.
    pub pause: Duration,
    /// Shortest time from one tenant to the next. Default 100 ms: 3,000 tenants are asked within the 5 minutes after which they are due
    /// again, more of them less often; neither the carrier, nor the database, nor the calls that come in see a burst.
    pub pace: Duration,
    /// When a provider is slow or down, and how often it is asked.
    pub health: HealthOptions,
}

impl Default for Watch {
    fn default() -> Self {
        Self {
            pause: Duration::from_secs(60),
            pace: Duration::from_millis(100),
            health: HealthOptions::default(),
        }
    }
}

/// Asks providers, and keeps what came of it.
pub struct Monitor {
    store: Arc<dyn Store>,
    vault: Arc<Vault>,
    provisioner: Arc<Provisioner>,
    trial: Arc<Trial>,
    watch: Watch,
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor").field("watch", &self.watch).finish_non_exhaustive()
    }
}

/// Something that is asked.
struct Subject {
    /// The account's id, or the provider's name.
    name: String,
    provider: String,
    details: BTreeMap<String, String>,
    asked: Asked,
}

/// Who is asked. An error: the credentials cannot be had.
enum Asked {
    /// There is nothing to ask with.
    Nobody,
    /// The carrier.
    Carrier(Box<Result<Account, ProvisionError>>),
    /// A service that listens, thinks, speaks or carries messages, with the tenant's own account there.
    Service(Box<ProviderAccount>, Result<BTreeMap<String, Secret>, VaultError>),
}

impl Monitor {
    /// A monitor of the tenants in `store`.
    #[must_use]
    pub(crate) fn new(
        store: Arc<dyn Store>,
        vault: Arc<Vault>,
        provisioner: Arc<Provisioner>,
        trial: Arc<Trial>,
        watch: Watch,
    ) -> Self {
        Self { store, vault, provisioner, trial, watch }
    }

    /// Asks what is due, of all tenants, for ever.
    #[must_use]
    pub fn start(self: &Arc<Self>) -> AbortOnDrop {
        let monitor = Arc::clone(self);
        AbortOnDrop(tokio::spawn(async move {
            loop {
                sleep(monitor.watch.pause).await;
                if let Err(cause) = monitor.round().await {
                    warn!(
                        error = &cause as &dyn std::error::Error,
                        "the providers' health could not be kept"
                    );
                }
            }
        }))
    }

    /// Asks the providers of every tenant of which one is due. A tenant that cannot be read does not keep the others from
    /// being asked.
    async fn round(&self) -> Result<(), StoreError> {
        let mut after = TenantId::known("");
        loop {
            let due = self.store.health_due(now_us(), &after, PAGE).await?;
            let Some(last) = due.last() else { return Ok(()) };
            after = last.clone();
            for tenant in due {
                let next = Instant::now() + self.watch.pace;
                match self.check(&tenant, false).await {
                    Ok(_) => {}
                    Err(cause) if cause.is_retryable() => return Err(cause),
                    Err(cause) => {
                        warn!(%tenant, error = &cause as &dyn std::error::Error, "a tenant's providers could not be asked");
                    }
                }
                sleep_until(next).await;
            }
        }
    }

    /// What is known of a tenant's providers, after those were asked that are due, or all of them.
    ///
    /// # Errors
    /// When the store does not serve.
    pub async fn check(&self, tenant: &TenantId, all: bool) -> Result<Vec<Stored<Health>>, StoreError> {
        let part = self.store.tenant(tenant);
        let known = part.list::<Health>(&Filter::first(PAGE)).await?;
        let subjects = self.subjects(&*part).await?;
        let before_of = |subject: &Subject| known.iter().find(|row| row.value.subject == subject.name);
        let is_due = |subject: &&Subject| before_of(subject).is_none_or(|row| row.value.due_at <= now_us());
        let due: Vec<_> = subjects.iter().filter(|subject| all || is_due(subject)).collect();
        // All of a tenant's at once: one that does not answer holds the others up no longer than itself.
        let asked = join_all(due.iter().map(|subject| self.ask(subject))).await;
        for (subject, (probe, details)) in due.into_iter().zip(asked) {
            self.keep(&*part, subject, before_of(subject), &probe, details).await?;
        }
        self.forget(&*part, &known, &subjects).await?;
        part.list::<Health>(&Filter::first(PAGE)).await
    }

    /// Everything of a tenant that is asked.
    async fn subjects(&self, part: &(dyn TenantStore + 'static)) -> Result<Vec<Subject>, StoreError> {
        let tenant = part.id().clone();
        let name = part.get::<Tenant>(&tenant).await?.map_or_else(String::new, |row| row.value.name);
        let rows = part.list::<ProviderAccount>(&Filter::first(PAGE)).await?;
        let mut subjects = Vec::new();
        for row in rows.into_iter().filter(|row| row.value.status != AccountStatus::Closed) {
            let is_service = Service::ALL.iter().any(|service| service.name() == row.value.kind)
                || matches!(row.value.kind.as_str(), WHAPI | ONESIGNAL | SMTP | IMAP);
            let has_own = row.value.secrets.contains_key("auth_token") || is_service;
            let source = if has_own { format!("company:{name}") } else { "configuration".to_owned() };
            let (subject, provider) = (row.id.as_str().to_owned(), row.value.kind.clone());
            let asked = if provider == TWILIO {
                Asked::Carrier(Box::new(self.provisioner.carrier_account(&tenant, &row).await))
            } else if is_service && row.value.status == AccountStatus::Active {
                let secrets = self.secrets(&tenant, &row).await;
                Asked::Service(Box::new(row.value), secrets)
            } else {
                continue;
            };
            let details = details(&provider, &source);
            subjects.push(Subject { name: subject, provider, details, asked });
        }
        if !subjects.iter().any(|subject| subject.provider == TWILIO) {
            let (name, provider) = (TWILIO.to_owned(), TWILIO.to_owned());
            subjects.push(Subject { name, provider, details: details(TWILIO, "none"), asked: Asked::Nobody });
        }
        Ok(subjects)
    }

    async fn secrets(
        &self,
        tenant: &TenantId,
        account: &Stored<ProviderAccount>,
    ) -> Result<BTreeMap<String, Secret>, VaultError> {
        let mut secrets = BTreeMap::new();
        for (name, credential) in &account.value.secrets {
            let place = Place::provider_account(&account.id, name);
            secrets.insert(name.clone(), self.vault.open(tenant, &place, &credential.current).await?);
        }
        Ok(secrets)
    }

    /// Asks one provider: what came of it, and what else is known.
    async fn ask(&self, subject: &Subject) -> (Probe, BTreeMap<String, String>) {
        let unusable = |cause: &dyn std::error::Error| {
            Probe::Refuses(format!("its credentials cannot be used: {cause}"))
        };
        let mut details = subject.details.clone();
        let probe = match &subject.asked {
            Asked::Nobody => Probe::NotConfigured,
            Asked::Carrier(account) => match &**account {
                Err(cause) => unusable(cause),
                Ok(account) => {
                    let began = Instant::now();
                    match account.fetch_account().await {
                        Ok(found) => {
                            details.insert("account_status".to_owned(), found.status.to_string());
                            if found.status == twilio_rest::AccountStatus::Active {
                                Probe::Serves(began.elapsed())
                            } else {
                                Probe::Refuses(format!("the account is {}", found.status))
                            }
                        }
                        Err(cause) if cause.is_unauthorized() => {
                            Probe::Refuses("Twilio does not take the account's credentials".to_owned())
                        }
                        Err(cause) => Probe::Silent(cause.to_string()),
                    }
                }
            },
            Asked::Service(_, Err(cause)) if cause.is_retryable() => Probe::Silent(cause.to_string()),
            Asked::Service(_, Err(cause)) => unusable(cause),
            Asked::Service(account, Ok(secrets)) => self.ask_service(account, secrets).await,
        };
        (probe, details)
    }

    async fn ask_service(&self, account: &ProviderAccount, secrets: &BTreeMap<String, Secret>) -> Probe {
        let began = Instant::now();
        let tried = match Tried::of(account, secrets) {
            Ok(tried) => self.trial.try_at(tried).await,
            Err(problem) => Err(problem),
        };
        match tried {
            Ok(()) => Probe::Serves(began.elapsed()),
            Err(problem) if problem.code == Code::CredentialsRejected => {
                Probe::Refuses(format!("{} does not take the account's credentials", account.kind))
            }
            Err(_) => Probe::Silent(format!("{} does not answer as it should", account.kind)),
        }
    }

    async fn keep(
        &self,
        part: &(dyn TenantStore + 'static),
        subject: &Subject,
        before: Option<&Stored<Health>>,
        probe: &Probe,
        details: BTreeMap<String, String>,
    ) -> Result<(), StoreError> {
        let now = now_us();
        let known = before.map(|row| &row.value);
        let (health, alert) = decide(&subject.name, known, probe, details, now, &self.watch.health);
        let mut tx = part.begin(&Actor::system(SELF), now).await?;
        if let Some(alert) = &alert {
            let details =
                serde_json::json!({ "event": ALERT, "provider": subject.provider, "message": alert.message });
            tx.note("health.critical", &subject.name, &details).await?;
        }
        if let Some(kind) = told(known.map(|known| known.status), health.status) {
            let data = HealthTold {
                tenant_id: part.id().to_string(),
                provider: subject.provider.clone(),
                subject: subject.name.clone(),
                status: health.status.as_str().to_owned(),
                before: known.map(|known| known.status.as_str().to_owned()),
                message: health.message.clone(),
                critical: health.critical,
                checked_at: rfc3339(now),
            };
            announce(&mut *tx, Event::once(kind, &subject.name, &now.to_string(), now, &data)).await?;
        }
        let stored = match before {
            Some(row) => tx.update(&row.id, row.version, health).await.map(|_| true),
            None => tx.insert_new(HealthId::generate(), health).await.map(|row| row.is_some()),
        };
        match stored {
            Ok(true) => tx.commit().await?,
            // Another node has asked at the same time, and told whoever must act.
            Ok(false) | Err(StoreError::Stale { .. } | StoreError::Missing { .. }) => return Ok(()),
            Err(cause) => return Err(cause),
        }
        if let Some(alert) = alert {
            metrics::counter!(ALERTS).increment(1);
            error!(event = ALERT, tenant = %part.id(), subject = subject.name, message = alert.message, "somebody must act");
        }
        Ok(())
    }

    /// What is not asked any more has no health.
    async fn forget(
        &self,
        part: &(dyn TenantStore + 'static),
        known: &[Stored<Health>],
        subjects: &[Subject],
    ) -> Result<(), StoreError> {
        for row in known {
            if subjects.iter().any(|subject| subject.name == row.value.subject) {
                continue;
            }
            let mut tx = part.begin(&Actor::system(SELF), now_us()).await?;
            match tx.delete::<Health>(&row.id, row.version).await {
                Ok(()) => tx.commit().await?,
                Err(StoreError::Stale { .. } | StoreError::Missing { .. }) => {}
                Err(cause) => return Err(cause),
            }
        }
        Ok(())
    }
}

/// What is told of a provider that was in one state and is in another now.
fn told(before: Option<HealthStatus>, now: HealthStatus) -> Option<EventType> {
    match (before, now) {
        (Some(before), now) if before == now => None,
        (_, HealthStatus::Down) => Some(EventType::HealthDown),
        (_, HealthStatus::Degraded) => Some(EventType::HealthDegraded),
        (Some(HealthStatus::Down | HealthStatus::Degraded), HealthStatus::Healthy) => {
            Some(EventType::HealthRecovered)
        }
        (_, HealthStatus::Healthy | HealthStatus::NotConfigured) => None,
    }
}

fn details(provider: &str, source: &str) -> BTreeMap<String, String> {
    [("provider".to_owned(), provider.to_owned()), ("credential_source".to_owned(), source.to_owned())].into()
}

#[cfg(test)]
mod tests;
