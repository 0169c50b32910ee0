//! Setting a tenant up at the carrier, following it, undoing it; and the jobs that do so.

use super::{
    body::{Body, Check, Empty},
    item::{Item, Named},
    need::{ProvisioningRead, ProvisioningRun},
    once::{Answer, Stop},
    op::Op,
    path::PathId,
    schema,
};
use crate::{
    problem::{Code, FaultCode, Faults, Problem},
    shared::Shared,
};
use axum::{Json, http::StatusCode, response::Response};
use engine::provider::Secret;
use provisioning::{OwnAccount, ProvisionError, State, TENANT_JOB};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::{
    Stored,
    ids::JobId,
    model::{
        tenant::Tenant,
        work::{Job, JobStatus},
    },
};
use tracing::error;
use twilio_rest::{AccountSid, AccountStatus};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default()
        .routes(routes!(provision_tenant, read_provisioning))
        .routes(routes!(read_job))
        .routes(routes!(retry_job))
        .routes(routes!(cancel_job))
}

pub(super) type JobItem = Item<JobView>;

/// Something that is being set up at the carrier, or undone there.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobView {
    /// What is set up: `provision_tenant` or `provision_number`.
    kind: String,
    /// The id of the account or number that it is about.
    subject: Option<String>,
    /// How far it has come. `failed`: it waits for a person, and goes on with `retry`.
    #[schema(schema_with = schema::word::<JobStatus>)]
    status: JobStatus,
    /// The step that is next; `end` if there is none.
    step: String,
    /// How often the step failed in a row.
    attempts: u32,
    /// Why it failed last.
    error: Option<String>,
}

impl Named for JobView {
    const NAME: &'static str = "Job";
}

impl JobView {
    pub(super) fn of(job: Job) -> Self {
        Self {
            kind: job.kind,
            subject: job.subject,
            status: job.status,
            step: job.step,
            attempts: job.attempts,
            error: job.error,
        }
    }
}

/// How a tenant is set up.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProvisioningForm {
    /// The tenant's own account; without it a subaccount of the platform's is made.
    #[serde(default)]
    account: Option<OwnAccountForm>,
}

/// An account that the tenant brings.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OwnAccountForm {
    /// The carrier's id for it.
    #[schema(pattern = "^AC[0-9a-f]{32}$", example = "AC00000000000000000000000000000000")]
    sid: String,
    /// Its auth token. It is tried before it is stored, and never shown again.
    #[schema(value_type = String, min_length = 1, max_length = 200, write_only)]
    auth_token: Secret,
    /// For people; without it the account's name at the carrier.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 100)]
    name: Option<String>,
}

impl Check for ProvisioningForm {
    fn check(&self, faults: &mut Faults) {
        let Some(account) = &self.account else { return };
        faults.field("account", |faults| {
            if account.sid.parse::<AccountSid>().is_err() {
                faults.add_at("sid", FaultCode::InvalidValue, "it must be AC and 32 hexadecimal digits");
            }
            faults.text("auth_token", account.auth_token.reveal(), 1, 200);
            faults.text_if("name", account.name.as_deref(), 1, 100);
        });
    }
}

impl From<ProvisionError> for Problem {
    fn from(cause: ProvisionError) -> Self {
        match cause {
            ProvisionError::Store(cause) => cause.into(),
            ProvisionError::Carrier(cause) if cause.is_unauthorized() => {
                Self::new(Code::CredentialsRejected, "the carrier does not take the account's credentials")
            }
            ProvisionError::Carrier(cause @ twilio_rest::TwilioError::Invalid { .. }) => {
                Self::invalid(cause.to_string())
            }
            ProvisionError::Carrier(twilio_rest::TwilioError::Refused { refusal, .. })
                if refusal.status < 500 =>
            {
                Self::new(Code::Conflict, format!("the carrier refused it: {refusal}"))
            }
            ProvisionError::Carrier(cause) => {
                error!(error = &cause as &dyn std::error::Error, "the carrier did not serve a request");
                Self::new(Code::ProviderUnavailable, "the carrier does not answer as it should")
            }
            ProvisionError::NumberInUse => Self::new(Code::Taken, cause.to_string()),
            ProvisionError::NoPlatformAccount | ProvisionError::NotSetUp(_) | ProvisionError::Refused(_) => {
                Self::new(Code::Conflict, cause.to_string())
            }
            cause => {
                error!(error = &cause as &dyn std::error::Error, "an order could not be taken");
                Self::new(Code::Internal, "the request could not be served")
            }
        }
    }
}

impl From<ProvisionError> for Stop {
    fn from(cause: ProvisionError) -> Self {
        Self::Problem(cause.into())
    }
}

/// The account that a tenant brings, if the carrier takes its credentials.
async fn own_account(shared: &Shared, form: &OwnAccountForm) -> Result<OwnAccount, Problem> {
    let sid: AccountSid = form.sid.parse().map_err(|_| Problem::invalid("account.sid is no account's id"))?;
    let details = shared.provisioner.verify(&sid, &form.auth_token).await?;
    if details.status != AccountStatus::Active {
        let detail = format!("the account is {} at the carrier", details.status);
        return Err(Problem::new(Code::CredentialsRejected, detail));
    }
    let name = form.name.clone().unwrap_or(details.friendly_name);
    Ok(OwnAccount { sid, auth_token: form.auth_token.clone(), name })
}

/// Sets the tenant up at the carrier: in its own account, or in a subaccount that is made for it. Follow it by the job.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant_id}/provisioning", tag = "Provisioning", security(("bearer" = ["provisioning:run"])),
    params(("tenant_id" = String, Path, description = "`ten_…`")), request_body = ProvisioningForm,
    responses((status = 202, description = "It is being done", body = JobItem), (status = 502, description = "The carrier does not answer")),
)]
async fn provision_tenant(op: Op<ProvisioningRun>, body: Body<ProvisioningForm>) -> Result<Response, Stop> {
    let own = match &body.value.account {
        Some(form) => Some(own_account(&op.shared, form).await?),
        None => None,
    };
    let mut work = op.begin_once(&body.once).await?;
    let tenant = work.tx.get::<Tenant>(op.tenant()).await?.ok_or_else(|| Problem::not_found("tenant"))?;
    let job = op.shared.provisioner.set_up(&mut *work.tx, &tenant.value.name, own.as_ref()).await?;
    let answer = Answer::new(StatusCode::ACCEPTED, &Item::of(job, JobView::of))?;
    let response = work.finish(answer).await?;
    op.shared.provisioner.wake();
    Ok(response)
}

/// How far setting the tenant up has come.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant_id}/provisioning", tag = "Provisioning", security(("bearer" = ["provisioning:read"])),
    params(("tenant_id" = String, Path, description = "`ten_…`")),
    responses((status = 200, description = "The job", body = JobItem)),
)]
async fn read_provisioning(op: Op<ProvisioningRead>) -> Result<Json<JobItem>, Problem> {
    let job = op.store.find::<Job>(TENANT_JOB).await?.ok_or_else(|| Problem::not_found("job"))?;
    Ok(Json(Item::of(job, JobView::of)))
}

/// Reads a job.
#[utoipa::path(
    get, path = "/v1/jobs/{id}", tag = "Provisioning", security(("bearer" = ["provisioning:read"])),
    params(("id" = String, Path, description = "`job_…`")),
    responses((status = 200, description = "The job", body = JobItem)),
)]
async fn read_job(op: Op<ProvisioningRead>, PathId(id): PathId<JobId>) -> Result<Json<JobItem>, Problem> {
    let job = op.store.get::<Job>(&id).await?.ok_or_else(|| Problem::not_found("job"))?;
    // Others' jobs are none of the API's.
    if State::read(&job.value)?.is_none() {
        return Err(Problem::not_found("job"));
    }
    Ok(Json(Item::of(job, JobView::of)))
}

/// Lets a job that waits for a person go on.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/retry", tag = "Provisioning", security(("bearer" = ["provisioning:run"])),
    params(("id" = String, Path, description = "`job_…`")),
    responses((status = 202, description = "It goes on", body = JobItem)),
)]
async fn retry_job(
    op: Op<ProvisioningRun>,
    PathId(id): PathId<JobId>,
    body: Empty,
) -> Result<Response, Stop> {
    let mut work = op.begin_once(&body.once).await?;
    let job = op.shared.provisioner.retry(&mut *work.tx, &id).await?;
    accepted(&op, work, job).await
}

/// Undoes what a job did, or is doing: a number is given back, a tenant's key, application and subaccount go.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/cancel", tag = "Provisioning", security(("bearer" = ["provisioning:run"])),
    params(("id" = String, Path, description = "`job_…`")),
    responses((status = 202, description = "It is being undone", body = JobItem)),
)]
async fn cancel_job(
    op: Op<ProvisioningRun>,
    PathId(id): PathId<JobId>,
    body: Empty,
) -> Result<Response, Stop> {
    let mut work = op.begin_once(&body.once).await?;
    let job = op.shared.provisioner.cancel(&mut *work.tx, &id).await?;
    accepted(&op, work, job).await
}

/// An order was taken; the worker looks for it at once.
pub(super) async fn accepted<N>(
    op: &Op<N>,
    work: super::once::Work,
    job: Stored<Job>,
) -> Result<Response, Stop> {
    let response = work.finish(Answer::new(StatusCode::ACCEPTED, &Item::of(job, JobView::of))?).await?;
    op.shared.provisioner.wake();
    Ok(response)
}
