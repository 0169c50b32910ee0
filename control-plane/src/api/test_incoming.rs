//! `POST /v1/calls/test-incoming`: an incoming call is tried out as if the carrier had asked, from the number that is called to
//! what the carrier would be told and what the assistant would begin with. Nothing is stored and no carrier is asked.

use super::{
    body::{Body, Check},
    need::CallsTry,
    op::Op,
    phone, schema,
    simulate::{Simulation, SimulationView, simulated},
};
use crate::{
    contacts,
    directory::{Account, TenantView},
    problem::{Code, Faults, Problem},
    shared::Shared,
    who_answers::WhoAnswers,
};
use axum::Json;
use routing::Step;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use store::{StoreError, ids::ContactId, model::number::NumberStatus};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default().routes(routes!(test_incoming)).routes(routes!(test_incoming_as_before))
}

/// A call that might come in.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TestCall)]
pub(crate) struct TestForm {
    /// Which of the tenant's numbers is called.
    #[serde(deserialize_with = "phone::number")]
    #[schema(schema_with = schema::phone)]
    to: String,
    /// Who calls; without it somebody whom nobody knows. Hidden callers are `anonymous`.
    #[serde(default, deserialize_with = "phone::optional")]
    #[schema(min_length = 1, max_length = 100, example = "+15550100")]
    from: Option<String>,
    /// When it comes in, RFC 3339; without it now.
    #[serde(default)]
    #[schema(format = DateTime, example = "2026-12-25T10:00:00Z")]
    at: Option<String>,
}

impl TestForm {
    fn simulation(&self) -> Simulation {
        Simulation { at: self.at.clone(), caller: self.from.clone(), failed: Vec::new() }
    }
}

impl Check for TestForm {
    fn check(&self, faults: &mut Faults) {
        faults.e164("to", &self.to);
        self.simulation().check(faults);
    }
}

/// How it would go.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TestCallView {
    /// Whether nothing stands in its way.
    ok: bool,
    /// What was looked at, in the order in which a call meets it.
    checks: Vec<CheckView>,
    /// The contact who would be on the line.
    #[schema(schema_with = schema::optional_id::<ContactId>)]
    contact: Option<ContactId>,
    /// What the assistant would begin with; `null` if none answers at first.
    assistant: Option<BeginsWith>,
    /// Who would answer, why, and what the carrier would be told.
    decision: SimulationView,
}

/// Something that could stand in a call's way.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TestCallCheck)]
pub(crate) struct CheckView {
    /// What: `number`, `account`, `assistant` or `node`.
    name: &'static str,
    /// Whether it lets the call through.
    ok: bool,
    /// For people.
    detail: String,
}

/// What an assistant begins with.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TestCallAssistant)]
pub(crate) struct BeginsWith {
    /// Which.
    id: String,
    /// What it says first; `null`: it waits for the caller.
    greeting: Option<String>,
    /// Its instructions, with what is known of who is on the line.
    prompt: String,
}

/// Tries out how an incoming call would be answered. No carrier is asked, and nothing is stored.
#[utoipa::path(
    post, path = "/v1/calls/test-incoming", tag = "Calls", security(("bearer" = ["calls:try"])), request_body = TestForm,
    responses((status = 200, description = "How it would go", body = TestCallView)),
)]
async fn test_incoming(op: Op<CallsTry>, body: Body<TestForm>) -> Result<Json<TestCallView>, Problem> {
    tried(&op, &body.value).await
}

/// Tries out how an incoming call would be answered; the same as `/v1/calls/test-incoming` at its old address.
#[utoipa::path(
    post, path = "/api/voice/test-incoming", tag = "Former routes", security(("bearer" = ["calls:try"])),
    request_body = TestForm, responses((status = 200, description = "How it would go", body = TestCallView)),
)]
async fn test_incoming_as_before(
    op: Op<CallsTry>,
    body: Body<TestForm>,
) -> Result<Json<TestCallView>, Problem> {
    tried(&op, &body.value).await
}

async fn tried<N>(op: &Op<N>, form: &TestForm) -> Result<Json<TestCallView>, Problem> {
    let unknown = || Problem::new(Code::NumberUnknown, "the number is not one of the tenant's").at("/to");
    let tenant = op.shared.directory.tenant(op.tenant()).await.map_err(StoreError::from)?;
    let tenant = tenant.ok_or_else(|| Problem::not_found("tenant"))?;
    let who = WhoAnswers::of_number(&tenant, &form.to).ok_or_else(unknown)?;
    let decision = simulated(op, &tenant, &who, &form.simulation()).await?;
    let contact = contacts::on_the_line(&*op.store, &decision.caller).await;
    let mut checks = vec![number_check(&who), account_check(&tenant, &who)];
    let mut assistant = None;
    if let Step::Assistant { assistant: named } = &decision.first {
        let id = named
            .as_ref()
            .map_or_else(|| tenant.default_assistant_id(), |id| tenant.assistant_id(id.as_str()));
        let answering = tenant.answering(id, &form.to);
        checks.push(CheckView {
            name: "assistant",
            ok: answering.is_some(),
            detail: match &answering {
                Some(_) => format!("the assistant {id} answers"),
                None => "the tenant has no assistant that can answer: callers are asked to leave a message"
                    .to_owned(),
            },
        });
        assistant = answering.map(|answering| {
            let told = contacts::introduced(&answering.assistant, contact.as_ref());
            BeginsWith { id: told.id.0.clone(), greeting: told.greeting.clone(), prompt: told.prompt.clone() }
        });
    }
    checks.push(CheckView {
        name: "node",
        ok: !op.shared.is_draining(),
        detail: match op.shared.is_draining() {
            true => "this node takes no new calls".to_owned(),
            false => "this node takes calls".to_owned(),
        },
    });
    Ok(Json(TestCallView {
        ok: checks.iter().all(|check| check.ok),
        checks,
        contact: contact.map(|row| row.id),
        assistant,
        decision,
    }))
}

fn number_check(who: &WhoAnswers) -> CheckView {
    let status = who.number.number.status;
    CheckView {
        name: "number",
        ok: status == NumberStatus::Active,
        detail: format!("the number is {status}"),
    }
}

/// Calls come through the account that owns the number, or through any of the tenant's if it is not known which does.
fn account_check(tenant: &TenantView, who: &WhoAnswers) -> CheckView {
    let mut accounts = tenant.accounts.iter().filter(|account| account.kind == "twilio");
    let owner = who.number.number.account.as_ref();
    let ok = match owner {
        Some(owner) => accounts.any(|account| account.id.as_ref() == Some(owner) && account.is_active()),
        None => accounts.any(Account::is_active),
    };
    let detail = match ok {
        true => "the account takes calls",
        false => "no account of the tenant's at the carrier takes calls of this number",
    };
    CheckView { name: "account", ok, detail: detail.to_owned() }
}
