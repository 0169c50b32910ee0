//! Setting a tenant up at the carrier, following it, undoing it; and the jobs that do so.

use super::{
    body::{Body, Check, Empty},
    item::{Item, Named},
    need::{ProvisioningRead, ProvisioningRun},
    number_orders::{KindForm, area_code, is_pattern},
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
use identity::permission::Permission;
use provisioning::{NumberWish, OwnAccount, ProvisionError, State, Subject, TENANT_JOB, saga::Step};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::{
    Stored,
    ids::{JobId, NumberId},
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
    /// What is set up: `provision_tenant` or `provision_number`; `admit_tenant` until the order of a new tenant has been given.
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
    /// The steps that are done, in order: `subaccount`, `application`, `key`, `activation` (from then on the tenant is served) and
    /// `number` of a tenant; `purchase` or `adoption`, `webhooks` and `activation` of a number.
    done: Vec<&'static str>,
    /// The steps that are left.
    left: Vec<&'static str>,
    /// The number that was ordered for a new tenant, and the job to follow.
    number: Option<OrderedNumber>,
}

/// A number that was ordered for a new tenant.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OrderedNumber {
    /// Its id.
    #[schema(schema_with = schema::id::<NumberId>)]
    id: NumberId,
    /// The job that has it bought, or adopted, and set up.
    #[schema(schema_with = schema::id::<JobId>)]
    job: JobId,
}

impl Named for JobView {
    const NAME: &'static str = "Job";
}

impl JobView {
    pub(super) fn of(job: Job) -> Self {
        let state = State::read(&job).ok().flatten();
        let (done, left) = state.as_ref().map_or((&[][..], &[][..]), |state| {
            let steps = state.saga.plan.steps();
            steps.split_at(state.saga.done.min(steps.len()))
        });
        let words = |steps: &[Step]| steps.iter().map(|step| step.as_str()).collect();
        let (done, left) = (words(done), words(left));
        let number = match state.map(|state| state.subject) {
            Some(Subject::Tenant(facts)) => facts.number.map(|(id, job)| OrderedNumber { id, job }),
            Some(Subject::Number(_)) | None => None,
        };
        Self {
            done,
            left,
            number,
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
    /// The number that it is to have, ordered as soon as the account is ready.
    #[serde(default)]
    number: Option<NumberWishForm>,
}

/// A number that a new tenant is to have: `e164`, or the first one that the carrier offers.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NumberWishForm {
    /// This one.
    #[serde(default)]
    #[schema(pattern = r"^\+[1-9][0-9]{6,14}$", example = "+15550100")]
    e164: Option<String>,
    /// The account has `e164` already: nothing is bought, its webhooks are pointed here.
    #[serde(default)]
    adopt: bool,
    /// Without `e164`: where, ISO 3166-1, two capital letters.
    #[serde(default)]
    #[schema(pattern = "^[A-Z]{2}$", default = "US")]
    country: Option<String>,
    /// Without `e164`: of which kind.
    #[serde(default)]
    #[schema(inline, default = "local")]
    kind: Option<KindForm>,
    /// Without `e164`, in the US and Canada: three digits.
    #[serde(default)]
    #[schema(pattern = "^[0-9]{3}$")]
    area_code: Option<String>,
    /// Without `e164`: digits that it contains; `*` is any digit.
    #[serde(default)]
    #[schema(pattern = "^[0-9*+]{2,16}$")]
    contains: Option<String>,
    /// For people; without it the number itself.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 64)]
    name: Option<String>,
}

impl NumberWishForm {
    fn check(&self, faults: &mut Faults) {
        let searches = [
            ("country", self.country.is_some()),
            ("kind", self.kind.is_some()),
            ("area_code", self.area_code.is_some()),
            ("contains", self.contains.is_some()),
        ];
        match &self.e164 {
            Some(e164) => {
                faults.e164("e164", e164);
                for (field, _) in searches.into_iter().filter(|(_, is_there)| *is_there) {
                    faults.add_at(field, FaultCode::InvalidValue, "it cannot be asked for beside e164");
                }
            }
            None if self.adopt => {
                faults.add_at("e164", FaultCode::InvalidValue, "it is needed for a number that is adopted");
            }
            None => {}
        }
        let is_country = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase());
        if self.country.as_deref().is_some_and(|text| !is_country(text)) {
            faults.add_at("country", FaultCode::InvalidValue, "it must be two capital letters");
        }
        if self.area_code.as_deref().is_some_and(|text| area_code(text).is_none()) {
            faults.add_at("area_code", FaultCode::InvalidValue, "it must be three digits");
        }
        if self.contains.as_deref().is_some_and(|text| !is_pattern(text)) {
            faults.add_at("contains", FaultCode::InvalidValue, "it must be 2 to 16 digits or `*`");
        }
        faults.text_if("name", self.name.as_deref(), 1, 64);
    }

    fn into_wish(self) -> NumberWish {
        match self.e164 {
            Some(e164) => NumberWish::Exactly { e164, name: self.name, adopted: self.adopt },
            None => NumberWish::First {
                country: self.country.unwrap_or_else(|| "US".to_owned()),
                kind: self.kind.unwrap_or_default().into(),
                area_code: self.area_code.as_deref().and_then(area_code),
                contains: self.contains,
                name: self.name,
            },
        }
    }
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
        if let Some(number) = &self.number {
            faults.field("number", |faults| number.check(faults));
        }
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

/// How a tenant is to be set up, once the carrier has taken the credentials that it brings.
pub(super) struct SetUp {
    pub(super) own: Option<OwnAccount>,
    pub(super) wish: Option<NumberWish>,
}

impl SetUp {
    pub(super) async fn of(shared: &Shared, form: ProvisioningForm) -> Result<Self, Problem> {
        let own = match &form.account {
            Some(account) => Some(own_account(shared, account).await?),
            None => None,
        };
        Ok(Self { own, wish: form.number.map(NumberWishForm::into_wish) })
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

/// Sets the tenant up at the carrier: in its own account, or in a subaccount that is made for it; then the number is ordered that it is
/// to have. Follow it by the job.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant_id}/provisioning", tag = "Provisioning", security(("bearer" = ["provisioning:run"])),
    params(("tenant_id" = String, Path, description = "`ten_…`")), request_body = ProvisioningForm,
    responses((status = 202, description = "It is being done", body = JobItem), (status = 502, description = "The carrier does not answer")),
)]
async fn provision_tenant(op: Op<ProvisioningRun>, body: Body<ProvisioningForm>) -> Result<Response, Stop> {
    op.answered_before(&body.once).await?;
    let SetUp { own, wish } = SetUp::of(&op.shared, body.value).await?;
    let mut work = op.begin_once(&body.once).await?;
    let tenant = work.tx.get::<Tenant>(op.tenant()).await?.ok_or_else(|| Problem::not_found("tenant"))?;
    let job = op.shared.provisioner.set_up(&mut *work.tx, &tenant.value.name, own.as_ref(), wish).await?;
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
    // Until the order of a new tenant has come to its own part. It is read first: an order that is given meanwhile would look as if all
    // were done.
    let ordered = op.shared.provisioner.admission_of(op.tenant()).await?;
    let job = op.store.find::<Job>(TENANT_JOB).await?.or(ordered);
    let job = job.ok_or_else(|| Problem::not_found("job"))?;
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

/// Undoes what a job did, or is doing: a number that was bought is given back, a tenant's key, application and subaccount go.
///
/// The tenant is closed then: that needs `tenant:close` too.
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
    if let Some(job) = work.tx.get::<Job>(&id).await?
        && let Some(State { subject: Subject::Tenant(_), .. }) = State::read(&job.value)?
    {
        // In the end the tenant is closed.
        op.check(Permission::TenantClose)?;
    }
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
