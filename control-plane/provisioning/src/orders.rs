//! Takes orders: rows, a job and its schedule, in the unit of work of whoever gives the order.

use crate::{
    NumberWish, ProvisionError, Provisioner,
    provisioner::TWILIO,
    saga::{Direction, Plan, Saga},
    state::{NumberFacts, State, Subject, TenantFacts, number_key},
};
use engine::provider::Secret;
use store::{
    StoreError, Stored, TenantTx,
    ids::{AccountId, JobId, NumberId},
    model::{
        account::{AccountMode, AccountStatus, Credential, ProviderAccount},
        number::{Capabilities, Number, NumberStatus, Routing},
        work::{Job, JobStatus, WorkKind},
    },
};
use twilio_rest::AccountSid;
use vault::Place;

/// An account that a tenant brings, with credentials that [`Provisioner::verify`] has tried.
#[derive(Clone, Debug)]
pub struct OwnAccount {
    /// `AC…`
    pub sid: AccountSid,
    /// Its auth token.
    pub auth_token: Secret,
    /// For people.
    pub name: String,
}

/// A number that is to be had.
#[derive(Clone, Debug)]
pub struct Purchase {
    /// The account's row.
    pub account: AccountId,
    /// E.164.
    pub e164: String,
    /// For people.
    pub name: String,
    /// The account has it already: nothing is bought.
    pub adopted: bool,
}

/// A unit of work.
type Tx<'a> = &'a mut (dyn TenantTx + 'static);

impl Provisioner {
    /// Orders a tenant to be set up in its own account, or in a subaccount that is made for it. The tenant's row must be there, in this
    /// unit of work or before; it becomes active when its account is ready, if it is being provisioned, and then the number that
    /// is wished for is ordered.
    ///
    /// # Errors
    /// [`ProvisionError::NoPlatformAccount`] where no subaccount can be made; [`StoreError::Taken`] if there is such an order.
    pub async fn set_up(
        &self,
        tx: Tx<'_>,
        organization: &str,
        own: Option<&OwnAccount>,
        wish: Option<NumberWish>,
    ) -> Result<Stored<Job>, ProvisionError> {
        let account = AccountId::generate();
        if let Some(own) = own {
            let place = Place::provider_account(&account, "auth_token");
            let current = self.vault.seal_in(tx, &place, &own.auth_token).await?;
            let row = ProviderAccount {
                kind: TWILIO.to_owned(),
                mode: AccountMode::Own,
                sid: own.sid.to_string(),
                name: own.name.clone(),
                secrets: [("auth_token".to_owned(), Credential { current, previous: None })].into(),
                properties: [].into(),
                roles: vec!["voice".to_owned()],
                priority: 0,
                status: AccountStatus::Active,
            };
            tx.insert_as(account.clone(), row).await?;
        } else if !self.makes_subaccounts() {
            return Err(ProvisionError::NoPlatformAccount);
        }
        let state = State::of_tenant(TenantFacts {
            organization: organization.to_owned(),
            mode: if own.is_some() { AccountMode::Own } else { AccountMode::Subaccount },
            account,
            account_sid: own.map(|own| own.sid.to_string()),
            application_sid: None,
            key_sid: None,
            wish,
            number: None,
        });
        add(tx, &state).await
    }

    /// Orders a number to be bought, or adopted, and its webhooks to be pointed at us. Whether another tenant has it, nobody may be told:
    /// that is found out by [`store::Store::number_owner`] before.
    ///
    /// # Errors
    /// [`ProvisionError::NumberInUse`] if it is, or such an order is being carried out.
    pub async fn obtain(
        &self,
        tx: Tx<'_>,
        purchase: &Purchase,
    ) -> Result<(Stored<Number>, Stored<Job>), ProvisionError> {
        let known = tx.find::<Job>(&number_key(&purchase.e164)).await?;
        let is_over = |job: &Job| matches!(job.status, JobStatus::Done | JobStatus::Undone);
        let in_use = tx.find::<Number>(&purchase.e164).await?.is_some();
        if in_use || known.as_ref().is_some_and(|job| !is_over(&job.value)) {
            return Err(ProvisionError::NumberInUse);
        }
        let row = Number {
            e164: purchase.e164.clone(),
            carrier_sid: None,
            account: Some(purchase.account.clone()),
            name: purchase.name.clone(),
            status: NumberStatus::Pending,
            primary: false,
            capabilities: Capabilities::default(),
            greeting: None,
            voice: None,
            flow: None,
            routing: Routing::default(),
        };
        let number = tx.insert(row).await?;
        let state = State {
            saga: Saga::new(if purchase.adopted { Plan::Adoption } else { Plan::Purchase }),
            subject: Subject::Number(NumberFacts {
                number: number.id.clone(),
                account: purchase.account.clone(),
                e164: purchase.e164.clone(),
                carrier_sid: None,
            }),
        };
        let job = match known {
            Some(job) => replace(tx, &job, &state).await?,
            None => add(tx, &state).await?,
        };
        Ok((number, job))
    }

    /// Orders a number to be given back to the carrier: at once, and perhaps for ever.
    ///
    /// # Errors
    /// [`ProvisionError::Refused`] for a number that the carrier does not know.
    pub async fn release(&self, tx: Tx<'_>, number: &NumberId) -> Result<Stored<Job>, ProvisionError> {
        let stored = tx.get::<Number>(number).await?.ok_or(StoreError::Missing { what: "number" })?;
        let row = &stored.value;
        let known = tx.find::<Job>(&number_key(&row.e164)).await?;
        if let Some(job) = &known
            && let Some(State { subject: Subject::Number(facts), saga }) = State::read(&job.value)?
            && facts.number == *number
            // To undo an adoption leaves the number with the account; to give it back is what is asked for here.
            && !(saga.plan == Plan::Adoption && saga.direction == Direction::Forward && saga.is_over())
        {
            let is_undone = saga.direction == Direction::Back && saga.is_over();
            return if is_undone { Ok(job.clone()) } else { self.cancel(tx, &job.id).await };
        }
        let (Some(account), Some(carrier_sid)) = (row.account.clone(), row.carrier_sid.clone()) else {
            return Err(ProvisionError::Refused("the carrier does not know this number: delete it instead"));
        };
        let state = State {
            saga: Saga::undoing(Plan::Purchase),
            subject: Subject::Number(NumberFacts {
                number: number.clone(),
                account,
                e164: row.e164.clone(),
                carrier_sid: Some(carrier_sid),
            }),
        };
        match known {
            Some(job) => replace(tx, &job, &state).await,
            None => add(tx, &state).await,
        }
    }

    /// Orders what a job did, or is doing, to be undone: the number is given back, the tenant's key, application and subaccount go.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if there is no such job of ours.
    pub async fn cancel(&self, tx: Tx<'_>, job: &JobId) -> Result<Stored<Job>, ProvisionError> {
        self.turn(tx, job, Saga::cancel).await
    }

    /// Orders a job that waits for a person to go on.
    ///
    /// # Errors
    /// [`ProvisionError::Refused`] if it does not wait.
    pub async fn retry(&self, tx: Tx<'_>, job: &JobId) -> Result<Stored<Job>, ProvisionError> {
        let stored = tx.get::<Job>(job).await?.ok_or(StoreError::Missing { what: "job" })?;
        if stored.value.status != JobStatus::Failed {
            return Err(ProvisionError::Refused("the job does not wait for anybody"));
        }
        self.turn(tx, job, Saga::retry).await
    }

    async fn turn(
        &self,
        tx: Tx<'_>,
        job: &JobId,
        turn: impl FnOnce(&mut Saga),
    ) -> Result<Stored<Job>, ProvisionError> {
        let stored = tx.get::<Job>(job).await?.ok_or(StoreError::Missing { what: "job" })?;
        let mut state = State::read(&stored.value)?.ok_or(StoreError::Missing { what: "job" })?;
        turn(&mut state.saga);
        replace(tx, &stored, &state).await
    }
}

async fn add(tx: Tx<'_>, state: &State) -> Result<Stored<Job>, ProvisionError> {
    let job = tx.insert(state.write(None)?).await?;
    tx.schedule(WorkKind::Job, job.id.as_str(), tx.now()).await?;
    Ok(job)
}

/// Whoever works on the job as it was loses its lease and its version: nothing of what it then does counts.
async fn replace(tx: Tx<'_>, job: &Stored<Job>, state: &State) -> Result<Stored<Job>, ProvisionError> {
    let job = tx.update(&job.id, job.version, state.write(None)?).await?;
    tx.schedule(WorkKind::Job, job.id.as_str(), tx.now()).await?;
    Ok(job)
}
