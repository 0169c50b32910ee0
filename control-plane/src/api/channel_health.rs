//! How the accounts of a tenant's channels fare, by what became of its messages.

use super::{
    body::Empty,
    need::{HealthCheck, HealthRead},
    once::{Answer, Stop},
    op::Op,
    path::{ChannelName, PathId},
    schema,
};
use crate::{
    clock::{now_us, rfc3339},
    problem::Problem,
    shared::Shared,
};
use axum::{Json, http::StatusCode, response::Response};
use messaging::{Channel, health::Standing, plan::Tier};
use outbox::Route;
use serde::Serialize;
use std::sync::Arc;
use store::ids::AccountId;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default()
        .routes(routes!(read_channels))
        .routes(routes!(reset_channel_account))
        .routes(routes!(read_channels_of_voice))
        .routes(routes!(read_channels_of_crm))
        .routes(routes!(reset_channel))
}

/// How a channel or an account of it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ChannelStatus)]
pub(crate) enum StatusView {
    /// It works.
    Healthy,
    /// An account failed once or twice, is slow, or is passed over while another works.
    Degraded,
    /// Every account failed three times or more: the channel is passed over.
    Down,
    /// There is no account that can send.
    NotConfigured,
}

/// How the tenant's channels are.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChannelHealthList {
    /// The worst of those that are set up.
    status: StatusView,
    /// Each of them.
    channels: Vec<ChannelView>,
}

/// How a channel is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChannelHealth)]
pub(crate) struct ChannelView {
    /// Which.
    #[schema(schema_with = schema::word::<store::model::message::Channel>)]
    channel: store::model::message::Channel,
    status: StatusView,
    /// Its accounts, in the order in which they are used.
    accounts: Vec<AccountView>,
}

/// How an account of a channel is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChannelAccountHealth)]
pub(crate) struct AccountView {
    /// Its id.
    #[schema(example = "acc_01jd0000000000000000000000")]
    account: String,
    /// Who carries its messages.
    #[schema(example = "whapi")]
    provider: String,
    /// Whether it can send this channel's messages at all.
    capable: bool,
    status: StatusView,
    /// Failures in a row.
    failures: u32,
    /// What kind of failure the last one was.
    #[schema(example = "account")]
    reason: Option<String>,
    /// Since when it is as it is; `null`: no change is known.
    #[schema(format = DateTime)]
    since: Option<String>,
    /// When one message may try it again; `null`: it is used.
    #[schema(format = DateTime)]
    next_trial: Option<String>,
}

impl From<Standing> for StatusView {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::Healthy => Self::Healthy,
            Standing::Degraded => Self::Degraded,
            Standing::Down => Self::Down,
        }
    }
}

/// A channel is as good as what is left of it: without an account that is used it is down.
fn of_channel(accounts: &[AccountView]) -> StatusView {
    let capable = || accounts.iter().filter(|account| account.capable).map(|account| account.status);
    if capable().next().is_none() {
        StatusView::NotConfigured
    } else if capable().all(|status| status == StatusView::Down) {
        StatusView::Down
    } else if capable().all(|status| status == StatusView::Healthy) {
        StatusView::Healthy
    } else {
        StatusView::Degraded
    }
}

async fn list<N>(op: &Op<N>) -> Result<ChannelHealthList, Problem> {
    let now = now_us();
    let setup = op.shared.outbox.setup(op.tenant()).await?;
    let routes = setup.map(|setup| setup.routes).unwrap_or_default();
    let book = op.shared.outbox.book();
    let accounts: Vec<String> = routes.iter().map(|route| route.account.clone()).collect();
    book.read(&*op.store, accounts, now).await?;
    let view = |route: &Route| {
        let faring = book.faring(op.tenant(), &route.account, now);
        AccountView {
            account: route.account.clone(),
            provider: route.provider.to_owned(),
            capable: route.capable,
            status: faring.standing.into(),
            failures: faring.failures,
            reason: faring.class.map(|class| class.as_str().to_owned()),
            since: faring.since.map(rfc3339),
            next_trial: faring.next_trial.map(rfc3339),
        }
    };
    let of = |channel: &Channel| {
        let mut own: Vec<&Route> = routes.iter().filter(|route| route.channel == *channel).collect();
        own.sort_by_key(|route| (place(route.tier), route.priority, route.account.clone()));
        let accounts: Vec<AccountView> = own.into_iter().map(view).collect();
        let status = of_channel(&accounts);
        ChannelView { channel: outbox::channel_to(*channel), status, accounts }
    };
    let channels: Vec<ChannelView> = Channel::ALL.iter().map(of).collect();
    let set_up = channels.iter().map(|channel| channel.status);
    let worst =
        set_up.filter(|status| *status != StatusView::NotConfigured).max_by_key(|status| *status as u8);
    Ok(ChannelHealthList { status: worst.unwrap_or(StatusView::NotConfigured), channels })
}

const fn place(tier: Tier) -> u8 {
    match tier {
        Tier::Paid => 0,
        Tier::Backup => 1,
        Tier::Trial => 2,
    }
}

/// Which accounts are meant.
#[derive(Clone, Debug)]
enum Meant {
    Account(AccountId),
    Channel(Channel),
}

impl Meant {
    fn fits(&self, route: &Route) -> bool {
        match self {
            Self::Account(id) => route.account == id.as_str(),
            Self::Channel(channel) => route.channel == *channel,
        }
    }
}

/// Takes accounts for healthy that somebody has mended, and says how all are then.
async fn reset(op: Op<HealthCheck>, body: Empty, meant: Meant) -> Result<Response, Stop> {
    op.answered_before(&body.once).await?;
    let setup = op.shared.outbox.setup(op.tenant()).await?;
    let mut accounts: Vec<(Channel, String)> = Vec::new();
    for route in setup.map(|setup| setup.routes).unwrap_or_default() {
        if meant.fits(&route) && !accounts.iter().any(|(_, known)| *known == route.account) {
            accounts.push((route.channel, route.account));
        }
    }
    if accounts.is_empty() {
        return Err(Problem::not_found("account of a channel").into());
    }
    for (channel, account) in &accounts {
        op.shared.outbox.book().reset(&*op.store, *channel, account, now_us()).await?;
    }
    let list = list(&op).await?;
    let mut work = op.begin_once(&body.once).await?;
    for (channel, account) in &accounts {
        let details = serde_json::json!({ "channel": channel });
        work.tx.note("channel_health.reset", account, &details).await?;
    }
    work.finish(Answer::new(StatusCode::OK, &list)?).await
}

/// How the accounts of the tenant's channels are, by what became of its messages.
#[utoipa::path(
    get, path = "/v1/health/channels", tag = "Health", security(("bearer" = ["health:read"])),
    responses((status = 200, description = "How they are", body = ChannelHealthList)),
)]
async fn read_channels(op: Op<HealthRead>) -> Result<Json<ChannelHealthList>, Problem> {
    list(&op).await.map(Json)
}

/// Takes an account of a channel for healthy: the next message uses it again.
#[utoipa::path(
    post, path = "/v1/health/channels/{id}/reset", tag = "Health", security(("bearer" = ["health:check"])),
    params(("id" = String, Path, description = "The account, `acc_…`")),
    responses((status = 200, description = "How all are then", body = ChannelHealthList)),
)]
async fn reset_channel_account(
    op: Op<HealthCheck>,
    PathId(id): PathId<AccountId>,
    body: Empty,
) -> Result<Response, Stop> {
    reset(op, body, Meant::Account(id)).await
}

/// How the tenant's channels are; the same as `/v1/health/channels` at an old address.
#[utoipa::path(
    get, path = "/api/voice/comm-health", tag = "Former routes", security(("bearer" = ["health:read"])),
    responses((status = 200, description = "How they are", body = ChannelHealthList)),
)]
async fn read_channels_of_voice(op: Op<HealthRead>) -> Result<Json<ChannelHealthList>, Problem> {
    read_channels(op).await
}

/// How the tenant's channels are; the same as `/v1/health/channels` at an old address.
#[utoipa::path(
    get, path = "/api/crm/comm-health", tag = "Former routes", security(("bearer" = ["health:read"])),
    responses((status = 200, description = "How they are", body = ChannelHealthList)),
)]
async fn read_channels_of_crm(op: Op<HealthRead>) -> Result<Json<ChannelHealthList>, Problem> {
    read_channels(op).await
}

/// Takes all accounts of a channel for healthy.
#[utoipa::path(
    post, path = "/api/crm/comm-health/{channel}/reset", tag = "Former routes", security(("bearer" = ["health:check"])),
    params(("channel" = String, Path, description = "Such as `whatsapp`")),
    responses((status = 200, description = "How all are then", body = ChannelHealthList)),
)]
async fn reset_channel(
    op: Op<HealthCheck>,
    ChannelName(channel): ChannelName,
    body: Empty,
) -> Result<Response, Stop> {
    reset(op, body, Meant::Channel(channel)).await
}
