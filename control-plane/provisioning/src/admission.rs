//! A new tenant's order, taken in the platform's unit of work that adds the tenant, so that there is never one without the other. The
//! worker then gives the order in the tenant's own part.

use crate::{
    NumberWish, OwnAccount, ProvisionError, Provisioner,
    worker::{SELF, chain, micros, now_us},
};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use store::{
    StoreError, Stored, TenantId, TenantTx,
    ids::AccountId,
    model::{
        account::Sealed,
        audit::Actor,
        tenant::Tenant,
        work::{Claim, Job, JobStatus, WorkKind},
    },
};
use vault::Place;

/// The kind of such a job. It is the platform's.
pub(crate) const ADMISSION: &str = "admit_tenant";
/// Wait after an order could not be given.
const AGAIN: Duration = Duration::from_secs(10);

/// What is to be ordered in the tenant's part.
#[derive(Debug, Serialize, Deserialize)]
struct Admission {
    tenant: TenantId,
    own: Option<SealedAccount>,
    #[serde(default)]
    wish: Option<NumberWish>,
}

/// A tenant's own account, sealed for the platform until the tenant's part has it.
#[derive(Debug, Serialize, Deserialize)]
struct SealedAccount {
    /// Only part of what binds the seal.
    account: AccountId,
    sid: String,
    name: String,
    auth_token: Sealed,
}

impl Provisioner {
    /// Orders a tenant to be set up that is added in this unit of work, which is the platform's.
    ///
    /// # Errors
    /// As [`Provisioner::set_up`].
    pub async fn admit(
        &self,
        tx: &mut (dyn TenantTx + 'static),
        tenant: &TenantId,
        own: Option<&OwnAccount>,
        wish: Option<NumberWish>,
    ) -> Result<Stored<Job>, ProvisionError> {
        let own = match own {
            Some(own) => {
                let account = AccountId::generate();
                let place = Place::provider_account(&account, "auth_token");
                let auth_token = self.vault.seal_in(tx, &place, &own.auth_token).await?;
                Some(SealedAccount { account, sid: own.sid.to_string(), name: own.name.clone(), auth_token })
            }
            None if self.makes_subaccounts() => None,
            None => return Err(ProvisionError::NoPlatformAccount),
        };
        let state = serde_json::to_value(Admission { tenant: tenant.clone(), own, wish });
        let job = Job {
            kind: ADMISSION.to_owned(),
            key: Some(key(tenant)),
            subject: Some(tenant.as_str().to_owned()),
            status: JobStatus::Running,
            step: "order".to_owned(),
            state: state.map_err(ProvisionError::Unreadable)?,
            attempts: 0,
            error: None,
        };
        let job = tx.insert(job).await?;
        tx.schedule(WorkKind::Job, job.id.as_str(), tx.now()).await?;
        Ok(job)
    }

    /// Gives the order in the tenant's part; what was given already stays.
    pub(crate) async fn carry_admission_out(
        &self,
        claim: &Claim,
        job: Stored<Job>,
    ) -> Result<(), ProvisionError> {
        if job.value.status == JobStatus::Done {
            self.store.tenant(&claim.tenant).finish_work(claim).await?;
            return Ok(());
        }
        let admission: Admission =
            serde_json::from_value(job.value.state.clone()).map_err(ProvisionError::Unreadable)?;
        if let Err(error) = self.give_order(claim, &admission).await {
            return self.put_admission_back(claim, job, error).await;
        }
        let mut tx = self.store.tenant(&claim.tenant).begin(&Actor::system(SELF), now_us()).await?;
        let state = serde_json::to_value(Admission { tenant: admission.tenant, own: None, wish: None });
        let done = Job {
            status: JobStatus::Done,
            step: "end".to_owned(),
            state: state.map_err(ProvisionError::Unreadable)?,
            error: None,
            ..job.value
        };
        tx.update(&job.id, job.version, done).await?;
        tx.finish_work(claim).await?;
        tx.commit().await?;
        self.wake();
        Ok(())
    }

    /// Gives the order in the tenant's part, if it was not given before the last crash.
    async fn give_order(&self, claim: &Claim, admission: &Admission) -> Result<(), ProvisionError> {
        let own = match &admission.own {
            Some(own) => {
                let place = Place::provider_account(&own.account, "auth_token");
                let auth_token = self.vault.open(&claim.tenant, &place, &own.auth_token).await?;
                Some(OwnAccount { sid: own.sid.parse()?, auth_token, name: own.name.clone() })
            }
            None => None,
        };
        let part = self.store.tenant(&admission.tenant);
        let tenant =
            part.get::<Tenant>(&admission.tenant).await?.ok_or(StoreError::Missing { what: "tenant" })?;
        let mut tx = part.begin(&Actor::system(SELF), now_us()).await?;
        match self.set_up(&mut *tx, &tenant.value.name, own.as_ref(), admission.wish.clone()).await {
            Ok(_) => tx.commit().await?,
            // Given before the last crash.
            Err(ProvisionError::Store(StoreError::Taken { .. })) => drop(tx),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Notes why the order could not be given, for people to see, and tries again later: it was taken, so it is not given up.
    async fn put_admission_back(
        &self,
        claim: &Claim,
        job: Stored<Job>,
        error: ProvisionError,
    ) -> Result<(), ProvisionError> {
        let error = chain(&error);
        tracing::warn!(tenant = ?job.value.subject, error, "a new tenant's setting-up could not be ordered");
        let now = now_us();
        let noted = Job { attempts: job.value.attempts.saturating_add(1), error: Some(error), ..job.value };
        let mut tx = self.store.tenant(&claim.tenant).begin(&Actor::system(SELF), now).await?;
        tx.update(&job.id, job.version, noted).await?;
        tx.retry_work(claim, now + micros(AGAIN)).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The order of a new tenant that has not been given in its own part yet, or could not be.
    ///
    /// # Errors
    /// When the store does not serve.
    pub async fn admission_of(&self, tenant: &TenantId) -> Result<Option<Stored<Job>>, StoreError> {
        self.store.platform().find::<Job>(&key(tenant)).await
    }
}

/// The key of a tenant's admission.
fn key(tenant: &TenantId) -> String {
    format!("admission:{tenant}")
}
