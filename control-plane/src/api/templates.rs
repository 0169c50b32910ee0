//! `/v1/templates`: the words of messages, by language and channel, with places to fill in. Every change of them is kept as a version,
//! so that it can be said later what somebody was sent.

pub(super) mod form;
mod try_out;

use super::{
    body::{Body, Patch},
    crud::{self, Tx},
    etag::Preconditions,
    item::Item,
    need::{TemplatesManage, TemplatesRead},
    once::{Answer, Stop},
    op::Op,
    page::{All, List, Page, PageParams},
    path::PathId,
};
use crate::{problem::Problem, shared::Shared};
use axum::{Json, http::StatusCode, response::Response};
use form::{TemplateForm, TemplateParams, TemplateView, VersionView, content_of, has_language};
use std::sync::Arc;
use store::{
    Filter, Stored,
    ids::TemplateId,
    model::template::{Template, TemplateVersion},
};
use utoipa_axum::{router::OpenApiRouter, routes};

/// Templates and versions that are read at once.
const READ: u16 = 200;

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default()
        .routes(routes!(list_templates, create_template))
        .routes(routes!(read_template, update_template, delete_template))
        .routes(routes!(list_template_versions))
        .merge(try_out::routes())
}

pub(super) type TemplateItem = Item<TemplateView>;
type TemplatePatch = Patch<TemplateForm>;
type VersionItem = Item<VersionView>;

/// Lists the templates, newest first.
#[utoipa::path(
    get, path = "/v1/templates", tag = "Templates", security(("bearer" = ["templates:read"])),
    params(PageParams, TemplateParams),
    responses((status = 200, description = "A page of them", body = Page<TemplateItem>)),
)]
async fn list_templates(
    op: Op<TemplatesRead>,
    list: List<TemplateParams>,
) -> Result<Json<Page<TemplateItem>>, Problem> {
    page(&op, &list).await
}

/// A page of the templates that are asked for.
pub(super) async fn page<N>(
    op: &Op<N>,
    list: &List<TemplateParams>,
) -> Result<Json<Page<TemplateItem>>, Problem> {
    let TemplateParams { language, category, status } = &list.filter;
    let narrowed = |filter: Filter| {
        let filter = match category {
            Some(category) => filter.of(category.as_str()),
            None => filter,
        };
        match status {
            Some(status) => filter.with_status(status.as_str()),
            None => filter,
        }
    };
    let mut filter = narrowed(list.resources::<Template>()?);
    let mut found: Vec<Stored<Template>> = Vec::new();
    // The languages stand within the words: templates are looked through until the page is full.
    loop {
        let rows = op.store.list::<Template>(&filter).await?;
        let last = rows.last().map(|row| row.id.clone());
        let wanted = |row: &Stored<Template>| {
            language.as_ref().is_none_or(|language| has_language(&row.value, language))
        };
        found.extend(rows.into_iter().filter(wanted));
        match last {
            Some(last) if language.is_some() && found.len() <= usize::from(list.limit) => {
                filter = narrowed(Filter::first(READ)).after(last.as_str());
            }
            _ => break,
        }
    }
    Ok(Json(list.page_of(found, |row| Item::of(row, TemplateView::of))))
}

/// Adds a template. Messages are made from it by its name.
#[utoipa::path(
    post, path = "/v1/templates", tag = "Templates", security(("bearer" = ["templates:manage"])), request_body = TemplateForm,
    responses((status = 201, description = "It is there", body = TemplateItem)),
)]
async fn create_template(op: Op<TemplatesManage>, body: Body<TemplateForm>) -> Result<Response, Stop> {
    let mut work = op.begin_once(&body.once).await?;
    let row = work.tx.insert(body.value.into_template(1)).await?;
    keep_version(&mut *work.tx, &row).await?;
    let (version, location) = (row.version, format!("/v1/templates/{}", row.id));
    let answer = Answer::created(&Item::of(row, TemplateView::of), location, version)?;
    work.finish(answer).await
}

/// Reads a template.
#[utoipa::path(
    get, path = "/v1/templates/{id}", tag = "Templates", security(("bearer" = ["templates:read"])),
    params(("id" = String, Path, description = "`tpl_…`")),
    responses(
        (status = 200, description = "The template", body = TemplateItem),
        (status = 304, description = "As it is known"),
    ),
)]
async fn read_template(
    op: Op<TemplatesRead>,
    PathId(id): PathId<TemplateId>,
    known: Preconditions,
) -> Result<Response, Problem> {
    crud::read(&op, &id, &known, TemplateView::of).await
}

/// Changes a template. Batches that have begun end with the words that they began with.
#[utoipa::path(
    patch, path = "/v1/templates/{id}", tag = "Templates", security(("bearer" = ["templates:manage"])),
    params(("id" = String, Path, description = "`tpl_…`")), request_body = TemplatePatch,
    responses((status = 200, description = "As it is now", body = TemplateItem)),
)]
async fn update_template(
    op: Op<TemplatesManage>,
    PathId(id): PathId<TemplateId>,
    known: Preconditions,
    patch: TemplatePatch,
) -> Result<Response, Problem> {
    let mut tx = op.begin().await?;
    let row = crud::current::<Template>(&mut *tx, &id, &known).await?;
    let form = patch.apply(&TemplateForm::of(&row.value)?)?;
    let says_other = content_of(&form) != row.value.content;
    let number = row.value.number.saturating_add(i64::from(says_other));
    let changed = tx.update(&id, row.version, form.into_template(number)).await?;
    if says_other {
        keep_version(&mut *tx, &changed).await?;
    }
    tx.commit().await?;
    Ok(crud::shown(changed, TemplateView::of))
}

/// Deletes a template with its versions. What was sent stays; a batch that still runs with it reaches nobody more, so one that is
/// only not to be used any more is better archived.
#[utoipa::path(
    delete, path = "/v1/templates/{id}", tag = "Templates", security(("bearer" = ["templates:manage"])),
    params(("id" = String, Path, description = "`tpl_…`")),
    responses((status = 204, description = "It is gone")),
)]
async fn delete_template(
    op: Op<TemplatesManage>,
    PathId(id): PathId<TemplateId>,
    known: Preconditions,
) -> Result<StatusCode, Problem> {
    let mut tx = op.begin().await?;
    let row = crud::current::<Template>(&mut *tx, &id, &known).await?;
    loop {
        let of = Filter::first(READ).of(id.as_str());
        let versions = tx.documents(store::Table::TemplateVersions, &of).await?;
        if versions.is_empty() {
            break;
        }
        for version in versions {
            let version = Stored::<TemplateVersion>::read(version)?;
            tx.delete::<TemplateVersion>(&version.id, version.version).await?;
        }
    }
    tx.delete::<Template>(&id, row.version).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the words that a template had, the newest first.
#[utoipa::path(
    get, path = "/v1/templates/{id}/versions", tag = "Templates", security(("bearer" = ["templates:read"])),
    params(("id" = String, Path, description = "`tpl_…`"), PageParams),
    responses((status = 200, description = "A page of them", body = Page<VersionItem>)),
)]
async fn list_template_versions(
    op: Op<TemplatesRead>,
    PathId(id): PathId<TemplateId>,
    list: List<All>,
) -> Result<Json<Page<VersionItem>>, Problem> {
    op.store.get::<Template>(&id).await?.ok_or_else(|| Problem::not_found("template"))?;
    crud::list(&op, &list, |filter| filter.of(id.as_str()), VersionView::of).await
}

/// Keeps what a template says now.
async fn keep_version(tx: &mut Tx, row: &Stored<Template>) -> Result<(), Problem> {
    let Template { number, content, .. } = row.value.clone();
    tx.insert(TemplateVersion { template: row.id.clone(), number, content }).await?;
    Ok(())
}
