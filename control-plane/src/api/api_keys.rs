//! `/v1/api-keys`: keys of a tenant's programs. A key is shown once.

use super::{
    body::{Body, Check},
    crud::current,
    etag::Preconditions,
    item::{Item, Named},
    need::{KeysManage, KeysRead},
    once::{Answer, Stop},
    op::Op,
    page::{All, List, Page, PageParams},
    path::PathId,
    schema,
};
use crate::{
    clock::{now_us, rfc3339},
    problem::{Code, FaultCode, Faults, Problem},
    shared::Shared,
};
use axum::{Json, http::StatusCode, response::Response};
use engine::provider::Secret;
use identity::{
    api_key::{self, NewKey},
    permission::Scope,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{collections::HashMap, sync::Arc};
use store::{
    Filter, Stored,
    ids::KeyId,
    model::identity::{ApiKey, KeyMode, KeyStatus},
};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Keys of a tenant that are good at the same time.
const MOST_KEYS: i64 = 100;
/// Longest time that an exchanged key lives beside the new one, in s: 30 days.
const LONGEST_OVERLAP_S: u32 = 30 * 24 * 3_600;

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default()
        .routes(routes!(list_api_keys, create_api_key))
        .routes(routes!(read_api_key, revoke_api_key))
        .routes(routes!(rotate_api_key))
}

/// What a key is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ApiKeyForm {
    /// What it is for.
    #[schema(min_length = 1, max_length = 100, example = "Shop")]
    name: String,
    /// What it may do; empty: all that an admin may.
    #[serde(default)]
    #[schema(schema_with = schema::words::<Scope>)]
    scopes: Vec<String>,
    /// `test`: nothing that is done with it leaves the house.
    #[serde(default = "live")]
    #[schema(schema_with = schema::word::<KeyMode>)]
    mode: KeyMode,
    /// Not after this time, RFC 3339; `null`: until it is revoked.
    #[serde(default)]
    #[schema(format = "date-time", max_length = 64)]
    expires_at: Option<String>,
}

/// How a key is exchanged.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RotateForm {
    /// How long the old key lives beside the new one, in s.
    #[serde(default = "a_day")]
    #[schema(minimum = 0, maximum = 2_592_000, default = a_day)]
    overlap_s: u32,
}

/// A key.
#[derive(Clone, Serialize, ToSchema)]
struct ApiKeyView {
    name: String,
    /// The key itself. It is shown once, in the answer to the request that made it; `null` elsewhere.
    key: Option<String>,
    /// Its last characters.
    hint: String,
    scopes: Vec<String>,
    #[schema(schema_with = schema::word::<KeyMode>)]
    mode: &'static str,
    #[schema(schema_with = schema::word::<KeyStatus>)]
    status: &'static str,
    expires_at: Option<String>,
    /// When it was used last, to the minute.
    last_used_at: Option<String>,
}

type ApiKeyItem = Item<ApiKeyView>;

const fn live() -> KeyMode {
    KeyMode::Live
}

const fn a_day() -> u32 {
    24 * 3_600
}

impl Named for ApiKeyView {
    const NAME: &'static str = "ApiKey";
}

impl ApiKeyForm {
    /// Unix µs; the outer `None`: it is no time.
    fn expires_at(&self) -> Option<Option<i64>> {
        match &self.expires_at {
            None => Some(None),
            Some(text) => Some(Some(text.parse::<Timestamp>().ok()?.as_microsecond())),
        }
    }
}

impl Check for ApiKeyForm {
    fn check(&self, faults: &mut Faults) {
        faults.text("name", &self.name, 1, 100);
        faults.at_most("scopes", &self.scopes, Scope::ALL.len());
        faults.each("scopes", &self.scopes, |faults, scope| {
            if Scope::parse(scope).is_err() {
                faults.add(FaultCode::InvalidValue, "there is no such scope");
            }
        });
        if self.expires_at().is_none() {
            faults.add_at("expires_at", FaultCode::InvalidValue, "it must be a time as RFC 3339 has it");
        } else if self.expires_at().flatten().is_some_and(|at| at <= now_us()) {
            faults.add_at("expires_at", FaultCode::OutOfRange, "it must be in the future");
        }
    }
}

impl Check for RotateForm {
    fn check(&self, faults: &mut Faults) {
        faults.number("overlap_s", self.overlap_s, 0, LONGEST_OVERLAP_S);
    }
}

fn item(key: Stored<ApiKey>, secret: Option<&Secret>, used: Option<i64>) -> ApiKeyItem {
    Item::of(key, |key| ApiKeyView {
        name: key.name,
        key: secret.map(|secret| secret.reveal().to_owned()),
        hint: key.hint,
        scopes: key.scopes,
        mode: key.mode.as_str(),
        status: key.status.as_str(),
        expires_at: key.expires_at.map(rfc3339),
        last_used_at: used.map(rfc3339),
    })
}

async fn uses<N>(op: &Op<N>) -> Result<HashMap<KeyId, i64>, Problem> {
    Ok(op.store.key_uses().await?.into_iter().collect())
}

/// Lists the keys, newest first, with those that are not good any more.
#[utoipa::path(
    get, path = "/v1/api-keys", tag = "API keys", security(("bearer" = ["api_keys:read"])), params(PageParams),
    responses((status = 200, description = "A page of them", body = Page<ApiKeyItem>)),
)]
async fn list_api_keys(op: Op<KeysRead>, list: List<All>) -> Result<Json<Page<ApiKeyItem>>, Problem> {
    let uses = uses(&op).await?;
    let keys = op.store.list::<ApiKey>(&list.resources::<ApiKey>()?).await?;
    let view = |key: Stored<ApiKey>| {
        let used = uses.get(&key.id).copied();
        item(key, None, used)
    };
    Ok(Json(list.page_of(keys, view)))
}

/// Makes a key, which may do no more than whoever makes it. The answer holds the key, once.
#[utoipa::path(
    post, path = "/v1/api-keys", tag = "API keys", security(("bearer" = ["api_keys:manage"])), request_body = ApiKeyForm,
    responses((status = 201, description = "It is there", body = ApiKeyItem)),
)]
async fn create_api_key(op: Op<KeysManage>, body: Body<ApiKeyForm>) -> Result<Response, Stop> {
    let form = body.value;
    op.answered_before(&body.once).await?;
    let scopes = api_key::scopes(&form.scopes).map_err(|error| Problem::invalid(error.to_string()))?;
    let expires_at = form.expires_at().flatten();
    let new = NewKey { name: form.name, scopes, mode: form.mode, expires_at };
    let (secret, key) = api_key::make(&op.principal, new, now_us()).map_err(Problem::from)?;
    let mut work = op.begin_once(&body.once).await?;
    room(&op).await?;
    let key = work.tx.insert(key).await?;
    let answer = |secret| {
        let location = format!("/v1/api-keys/{}", key.id);
        Answer::created(&item(key.clone(), secret, None), location, key.version)
    };
    work.finish_keeping(answer(Some(&secret))?, &answer(None)?).await
}

/// Reads a key.
#[utoipa::path(
    get, path = "/v1/api-keys/{id}", tag = "API keys", security(("bearer" = ["api_keys:read"])),
    params(("id" = String, Path, description = "`key_…`")),
    responses((status = 200, description = "The key", body = ApiKeyItem), (status = 304, description = "As it is known")),
)]
async fn read_api_key(
    op: Op<KeysRead>,
    PathId(id): PathId<KeyId>,
    known: Preconditions,
) -> Result<Response, Problem> {
    let used = uses(&op).await?.get(&id).copied();
    let key = op.store.get::<ApiKey>(&id).await?.ok_or_else(|| Problem::not_found("api_key"))?;
    Ok(known.show(key.version, &item(key, None, used)))
}

/// Revokes a key, at once and for good.
#[utoipa::path(
    delete, path = "/v1/api-keys/{id}", tag = "API keys", security(("bearer" = ["api_keys:manage"])),
    params(("id" = String, Path, description = "`key_…`")),
    responses((status = 204, description = "It is not good any more")),
)]
async fn revoke_api_key(
    op: Op<KeysManage>,
    PathId(id): PathId<KeyId>,
    known: Preconditions,
) -> Result<StatusCode, Problem> {
    let mut tx = op.begin().await?;
    let key = current::<ApiKey>(&mut *tx, &id, &known).await?;
    if key.value.status == KeyStatus::Active {
        tx.update(&id, key.version, ApiKey { status: KeyStatus::Revoked, ..key.value }).await?;
        tx.commit().await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Exchanges a key: gives a new one that may do the same, while the old one lives on for a time.
#[utoipa::path(
    post, path = "/v1/api-keys/{id}/rotate", tag = "API keys", security(("bearer" = ["api_keys:manage"])),
    params(("id" = String, Path, description = "`key_…`, the old one")), request_body = RotateForm,
    responses((status = 201, description = "The new one", body = ApiKeyItem)),
)]
async fn rotate_api_key(
    op: Op<KeysManage>,
    PathId(id): PathId<KeyId>,
    body: Body<RotateForm>,
) -> Result<Response, Stop> {
    let mut work = op.begin_once(&body.once).await?;
    room(&op).await?;
    let old = current::<ApiKey>(&mut *work.tx, &id, &Preconditions::default()).await?;
    let now = work.tx.now();
    let until = now.saturating_add(i64::from(body.value.overlap_s) * 1_000_000);
    let (secret, new, ending) =
        api_key::rotate(&op.principal, &old.value, until, now).map_err(Problem::from)?;
    work.tx.update(&id, old.version, ending).await?;
    let key = work.tx.insert(new).await?;
    let answer = |secret| {
        let location = format!("/v1/api-keys/{}", key.id);
        Answer::created(&item(key.clone(), secret, None), location, key.version)
    };
    work.finish_keeping(answer(Some(&secret))?, &answer(None)?).await
}

/// A tenant has only so many keys that are not revoked.
async fn room(op: &Op<KeysManage>) -> Result<(), Problem> {
    let filter = Filter::default().with_status(KeyStatus::Active.as_str());
    if op.store.count::<ApiKey>(&filter).await? < MOST_KEYS {
        return Ok(());
    }
    Err(Problem::new(Code::Conflict, format!("a tenant has at most {MOST_KEYS} keys: revoke some first")))
}
