//! A new tenant's order, taken in the platform's unit of work that adds the tenant, so that there is never one without the other. The
//! worker then gives the order in the tenant's own part.

use crate::{OwnAccount, ProvisionError, Provisioner, worker::now_us};
use serde::{Deserialize, Serialize};
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

/// What is to be ordered in the tenant's part.
#[derive(Debug, Serialize, Deserialize)]
struct Admission {
    tenant: TenantId,
    own: Option<SealedAccount>,
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
        let state = serde_json::to_value(Admission { tenant: tenant.clone(), own });
        let job = Job {
            kind: ADMISSION.to_owned(),
            key: Some(format!("admission:{tenant}")),
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
        let mut tx = part.begin(&Actor::system("provisioning"), now_us()).await?;
        match self.set_up(&mut *tx, &tenant.value.name, own.as_ref()).await {
            Ok(_) => tx.commit().await?,
            // Given before the last crash.
            Err(ProvisionError::Store(StoreError::Taken { .. })) => drop(tx),
            Err(error) => return Err(error),
        }
        let mut tx = self.store.tenant(&claim.tenant).begin(&Actor::system("provisioning"), now_us()).await?;
        let state = serde_json::to_value(Admission { tenant: admission.tenant, own: None });
        let done = Job {
            status: JobStatus::Done,
            step: "end".to_owned(),
            state: state.map_err(ProvisionError::Unreadable)?,
            ..job.value
        };
        tx.update(&job.id, job.version, done).await?;
        tx.finish_work(claim).await?;
        tx.commit().await?;
        self.wake();
        Ok(())
    }
}
