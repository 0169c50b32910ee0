//! `/v1/provider-accounts`: a tenant's accounts at providers. Secrets can be written and are never shown; they are tried at the
//! provider before they are stored.

mod form;
mod property;
pub(crate) mod trial;

use super::{
    body::{Body, Check, Patch},
    crud,
    etag::Preconditions,
    item::Item,
    need::{AccountsManage, AccountsRead},
    once::{Answer, Stop},
    op::Op,
    page::{List, Page, PageParams},
    path::{PathId, SecretName},
    secret::NewSecret,
};
use crate::{
    keys::random_token,
    mail_servers::IMAP,
    messengers::{WEBHOOK_SECRET, WHAPI},
    problem::{Code, Faults, Problem},
    shared::Shared,
};
use axum::{Json, http::StatusCode, response::Response};
use engine::provider::Secret;
use form::{AccountForm, AccountView, Kind, NewAccount};
use serde::Deserialize;
use std::{collections::BTreeMap, sync::Arc};
use store::{
    Filter, StoreError, Stored, TenantId, TenantTx,
    ids::AccountId,
    model::{
        account::{Credential, ProviderAccount},
        work::WorkKind,
    },
};
use trial::Tried;
use url::Url;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use vault::Place;

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default()
        .routes(routes!(list_accounts, create_account))
        .routes(routes!(read_account, update_account, delete_account))
        .routes(routes!(put_account_secret))
}

type AccountItem = Item<AccountView>;
type AccountPatch = Patch<AccountForm>;

/// Which accounts to list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AccountParams {
    /// At this provider.
    kind: Option<Kind>,
}

/// A secret that replaces another.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SecretForm {
    /// The secret.
    secret: NewSecret,
}

impl Check for SecretForm {
    fn check(&self, faults: &mut Faults) {
        self.secret.check(faults, "secret");
    }
}

/// Lists the accounts at providers, newest first.
#[utoipa::path(
    get, path = "/v1/provider-accounts", tag = "Provider accounts", security(("bearer" = ["accounts:read"])),
    params(PageParams, AccountParams), responses((status = 200, description = "A page of them", body = Page<AccountItem>)),
)]
async fn list_accounts(
    op: Op<AccountsRead>,
    list: List<AccountParams>,
) -> Result<Json<Page<AccountItem>>, Problem> {
    let narrow = |filter: Filter| match list.filter.kind {
        Some(kind) => filter.of(kind.as_str()),
        None => filter,
    };
    crud::list(&op, &list, narrow, AccountView::of).await
}

/// Adds an account at a provider, once the provider has taken its credentials.
#[utoipa::path(
    post, path = "/v1/provider-accounts", tag = "Provider accounts", security(("bearer" = ["accounts:manage"])),
    request_body = NewAccount, responses((status = 201, description = "It is there", body = AccountItem)),
)]
async fn create_account(op: Op<AccountsManage>, body: Body<NewAccount>) -> Result<Response, Stop> {
    let mut new = body.value;
    op.answered_before(&body.once).await?;
    form::allow_address(&op.principal, &new.properties, &BTreeMap::new())?;
    let mut secrets = new.secrets();
    let id = AccountId::generate();
    if new.kind == Kind::Whapi {
        let shown = secrets.entry(WEBHOOK_SECRET.to_owned()).or_insert_with(|| Secret::new(&random_token()));
        let shown = shown.clone();
        let phone = connect(&op, &id, new.tried(&secrets), &shown).await?;
        new.learn_phone(phone);
    } else {
        op.shared.trial.try_at(new.tried(&secrets)).await?;
    }
    let mut work = op.begin_once(&body.once).await?;
    let mut sealed = BTreeMap::new();
    for (name, secret) in &secrets {
        let place = Place::provider_account(&id, name);
        let current = op.shared.vault.seal_in(&mut *work.tx, &place, secret).await?;
        sealed.insert(name.clone(), Credential { current, previous: None });
    }
    let row = work.tx.insert_as(id, new.into_account(sealed)).await?;
    read_mailbox(&mut *work.tx, &row).await?;
    let (version, location) = (row.version, format!("/v1/provider-accounts/{}", row.id));
    let answer = Answer::created(&Item::of(row, AccountView::of), location, version)?;
    work.finish(answer).await
}

/// Reads an account at a provider.
#[utoipa::path(
    get, path = "/v1/provider-accounts/{id}", tag = "Provider accounts", security(("bearer" = ["accounts:read"])),
    params(("id" = String, Path, description = "`acc_…`")),
    responses(
        (status = 200, description = "The account", body = AccountItem),
        (status = 304, description = "As it is known"),
    ),
)]
async fn read_account(
    op: Op<AccountsRead>,
    PathId(id): PathId<AccountId>,
    known: Preconditions,
) -> Result<Response, Problem> {
    crud::read(&op, &id, &known, AccountView::of).await
}

/// Changes an account at a provider. Where its properties change, its credentials are tried again. A mail server's `host`, `port` and
/// `security` stay: its password was given for that server.
#[utoipa::path(
    patch, path = "/v1/provider-accounts/{id}", tag = "Provider accounts", security(("bearer" = ["accounts:manage"])),
    params(("id" = String, Path, description = "`acc_…`")), request_body = AccountPatch,
    responses((status = 200, description = "As it is now", body = AccountItem)),
)]
async fn update_account(
    op: Op<AccountsManage>,
    PathId(id): PathId<AccountId>,
    known: Preconditions,
    patch: AccountPatch,
) -> Result<Response, Problem> {
    // What the provider says is waited for before the unit of work begins; should the account be changed meanwhile, the
    // version shows it.
    let Stored { value: before, version, .. } = account(&op, &id).await?;
    known.allow_change(version)?;
    let form = patch.apply(&AccountForm::of(&before))?;
    let changed = form.into_account(before.clone())?;
    form::allow_address(&op.principal, &changed.properties, &before.properties)?;
    property::keep_server(&changed.properties, &before.properties)?;
    if changed.properties != before.properties {
        let secrets = open(&op, &id, &before).await?;
        op.shared.trial.try_at(Tried::of(&changed, &secrets)?).await?;
    }
    let mut tx = op.begin().await?;
    let changed = tx.update(&id, version, changed).await?;
    read_mailbox(&mut *tx, &changed).await?;
    tx.commit().await?;
    Ok(crud::shown(changed, AccountView::of))
}

/// Deletes an account at a provider here. At the provider it stays.
#[utoipa::path(
    delete, path = "/v1/provider-accounts/{id}", tag = "Provider accounts", security(("bearer" = ["accounts:manage"])),
    params(("id" = String, Path, description = "`acc_…`")),
    responses((status = 204, description = "It is gone")),
)]
async fn delete_account(
    op: Op<AccountsManage>,
    PathId(id): PathId<AccountId>,
    known: Preconditions,
) -> Result<StatusCode, Problem> {
    crud::delete::<_, ProviderAccount>(&op, &id, &known).await
}

/// Sets or exchanges a secret of an account, once the provider has taken it. The one before it is still believed when others
/// show it, until the next exchange.
#[utoipa::path(
    put, path = "/v1/provider-accounts/{id}/secrets/{name}", tag = "Provider accounts",
    security(("bearer" = ["accounts:manage"])),
    params(
        ("id" = String, Path, description = "`acc_…`"),
        ("name" = String, Path, description = "Which: `auth_token`, `api_key_secret`, `api_key`, `token`, `webhook_secret`, `client_secret`, `password`, `refresh_token` or `dkim_key`"),
    ),
    request_body = SecretForm,
    responses((status = 200, description = "It is stored", body = AccountItem)),
)]
async fn put_account_secret(
    op: Op<AccountsManage>,
    PathId(id): PathId<AccountId>,
    SecretName(name): SecretName,
    known: Preconditions,
    body: Body<SecretForm>,
) -> Result<Response, Problem> {
    let Stored { value: before, version, .. } = account(&op, &id).await?;
    known.allow_change(version)?;
    if !Kind::of(&before).is_some_and(|kind| kind.has_secret(&name)) {
        return Err(Problem::not_found("secret of this kind of account"));
    }
    let secret = body.value.secret.0;
    let mut secrets = open(&op, &id, &before).await?;
    let known = secrets.insert(name.clone(), secret.clone());
    let tried = Tried::of(&before, &secrets)?;
    match secrets.get(WEBHOOK_SECRET).filter(|_| before.kind == WHAPI) {
        // Another token may be another channel, which does not know yet where to tell.
        Some(shown) => drop(connect(&op, &id, tried, shown).await?),
        None => op.shared.trial.try_at(tried).await?,
    }
    if known.as_ref() == Some(&secret) {
        // The request came again: the secret before it must not be lost to that.
        return Ok(crud::shown(account(&op, &id).await?, AccountView::of));
    }
    let mut tx = op.begin().await?;
    let current = op.shared.vault.seal_in(&mut *tx, &Place::provider_account(&id, &name), &secret).await?;
    let mut changed = before;
    let previous = changed.secrets.remove(&name).map(|credential| credential.current);
    changed.secrets.insert(name, Credential { current, previous });
    let changed = tx.update(&id, version, changed).await?;
    tx.commit().await?;
    Ok(crud::shown(changed, AccountView::of))
}

/// Lets a mailbox be read, once its account counts.
pub(crate) async fn read_mailbox(
    tx: &mut (dyn TenantTx + 'static),
    account: &Stored<ProviderAccount>,
) -> Result<(), StoreError> {
    if account.value.kind == IMAP {
        tx.schedule(WorkKind::Mailbox, account.id.as_str(), tx.now()).await?;
    }
    Ok(())
}

/// Lets a channel at Whapi tell us, once it has taken its token.
async fn connect<N>(
    op: &Op<N>,
    id: &AccountId,
    tried: Tried<'_>,
    shown: &Secret,
) -> Result<Option<String>, Problem> {
    let url = webhook_url(&op.shared.base_url, op.tenant(), id);
    op.shared.trial.connect_whapi(tried, url, shown).await
}

/// Where a channel at Whapi tells us.
pub(crate) fn webhook_url(base_url: &Url, tenant: &TenantId, account: &AccountId) -> Url {
    let mut url = base_url.clone();
    url.set_path(&format!("{}/hooks/whapi/{account}", base_url.path().trim_end_matches('/')));
    url.query_pairs_mut().append_pair("tenant", tenant.as_str());
    url
}

async fn account<N>(op: &Op<N>, id: &AccountId) -> Result<Stored<ProviderAccount>, Problem> {
    op.store.get::<ProviderAccount>(id).await?.ok_or_else(|| Problem::not_found("provider_account"))
}

/// The secrets of an account as they are now.
pub(super) async fn open<N>(
    op: &Op<N>,
    id: &AccountId,
    account: &ProviderAccount,
) -> Result<BTreeMap<String, Secret>, Problem> {
    let mut secrets = BTreeMap::new();
    for (name, credential) in &account.secrets {
        let place = Place::provider_account(id, name);
        let secret = op.shared.vault.open(op.tenant(), &place, &credential.current).await?;
        secrets.insert(name.clone(), secret);
    }
    Ok(secrets)
}

/// The answer where a provider does not take credentials.
fn rejected(pointer: &str, detail: impl Into<String>) -> Problem {
    Problem::new(Code::CredentialsRejected, detail).at(pointer)
}
