//! A job of ours as the store has it. No secrets: those are sealed in the account's row.

use crate::{
    NumberWish, ProvisionError,
    saga::{Direction, Plan, Saga},
};
use serde::{Deserialize, Serialize};
use store::{
    ids::{AccountId, JobId, NumberId},
    model::{
        account::AccountMode,
        work::{Job, JobStatus},
    },
};

/// What a tenant's job is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantFacts {
    /// The tenant's name, as the carrier is told it.
    pub organization: String,
    /// Whose account it is.
    pub mode: AccountMode,
    /// The account's row.
    pub account: AccountId,
    /// The account at the carrier (`AC…`), once it is there.
    pub account_sid: Option<String>,
    /// The application (`AP…`), once it is there.
    pub application_sid: Option<String>,
    /// The key (`SK…`), once it is there.
    pub key_sid: Option<String>,
    /// The number that it is to have.
    #[serde(default)]
    pub wish: Option<NumberWish>,
    /// The number's row and the job that has it bought, once it is ordered.
    #[serde(default)]
    pub number: Option<(NumberId, JobId)>,
}

/// What a number's job is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberFacts {
    /// The number's row.
    pub number: NumberId,
    /// The account's row.
    pub account: AccountId,
    /// E.164.
    pub e164: String,
    /// The number at the carrier (`PN…`), once it is there.
    pub carrier_sid: Option<String>,
}

/// What a job is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A tenant.
    Tenant(TenantFacts),
    /// A number.
    Number(NumberFacts),
}

/// How far a job has come, and what it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// How far it has come.
    pub saga: Saga,
    /// What it is about.
    pub subject: Subject,
}

/// Lookup key of the job that sets a tenant up.
pub const TENANT_JOB: &str = "provision";

/// The kinds of jobs that are ours.
const TENANT: &str = "provision_tenant";
const NUMBER: &str = "provision_number";

impl State {
    /// A job that sets a tenant up.
    pub(crate) fn of_tenant(facts: TenantFacts) -> Self {
        let plan = match facts.mode {
            AccountMode::Own => Plan::OwnAccount,
            AccountMode::Subaccount => Plan::Subaccount,
        };
        Self { saga: Saga::new(plan), subject: Subject::Tenant(facts) }
    }

    /// Understands a job; `None` if it is not one of ours.
    ///
    /// # Errors
    /// [`ProvisionError::Unreadable`] if it was written by another version.
    pub fn read(job: &Job) -> Result<Option<Self>, ProvisionError> {
        if job.kind != TENANT && job.kind != NUMBER {
            return Ok(None);
        }
        serde_json::from_value(job.state.clone()).map(Some).map_err(ProvisionError::Unreadable)
    }

    /// There is one job with this key in a tenant.
    pub(crate) fn key(&self) -> String {
        match &self.subject {
            Subject::Tenant(_) => TENANT_JOB.to_owned(),
            Subject::Number(facts) => number_key(&facts.e164),
        }
    }

    /// The job as it is stored.
    pub(crate) fn write(&self, error: Option<String>) -> Result<Job, ProvisionError> {
        let (kind, subject) = match &self.subject {
            Subject::Tenant(facts) => (TENANT, facts.account.as_str()),
            Subject::Number(facts) => (NUMBER, facts.number.as_str()),
        };
        Ok(Job {
            kind: kind.to_owned(),
            key: Some(self.key()),
            subject: Some(subject.to_owned()),
            status: self.status(),
            step: self.saga.step().map_or("end", |step| step.as_str()).to_owned(),
            state: serde_json::to_value(self).map_err(ProvisionError::Unreadable)?,
            attempts: self.saga.failures,
            error,
        })
    }

    /// How far it has come, in the store's words.
    #[must_use]
    pub fn status(&self) -> JobStatus {
        match (self.saga.stuck, self.saga.direction, self.saga.is_over()) {
            (true, ..) => JobStatus::Failed,
            (false, Direction::Forward, false) => JobStatus::Running,
            (false, Direction::Forward, true) => JobStatus::Done,
            (false, Direction::Back, false) => JobStatus::Undoing,
            (false, Direction::Back, true) => JobStatus::Undone,
        }
    }
}

/// The key of a number's job: of the number itself, so that no two jobs buy it at the same time.
pub(crate) fn number_key(e164: &str) -> String {
    format!("number:{e164}")
}
