//! What all resources have in common: they are listed, read, made, changed and deleted in the same way. A resource says
//! only what of it can be set ([`Form`]) and how that is stored.

use super::{
    body::{Body, Check, Patch},
    etag::Preconditions,
    item::{Item, Named},
    once::{Answer, Stop},
    op::Op,
    page::{List, Page},
};
use crate::problem::{Fault, FaultCode, Place, Problem};
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Serialize, de::DeserializeOwned};
use store::{Filter, Resource, Stored, Table, TenantTx};

/// What of a resource can be set.
pub(crate) trait Form: Serialize + DeserializeOwned + Check + Named + Send + Sync + 'static {
    /// The resource.
    type Resource: Resource;
    /// Where the resources are, such as `/v1/queues`.
    const PATH: &'static str;

    /// What is set in a resource.
    fn of(resource: Self::Resource) -> Self;

    /// The resource, made or changed from what it was before.
    fn into_resource(self, before: Option<Self::Resource>) -> Self::Resource;

    /// What it names.
    fn references(&self) -> Vec<Reference> {
        Vec::new()
    }
}

/// Something of the same tenant that a body names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    /// Where in the body.
    pub(crate) pointer: String,
    /// What kind of thing; a user is named by its part in the tenant.
    pub(crate) to: Table,
    /// Which.
    pub(crate) id: String,
}

impl Reference {
    pub(crate) fn new(pointer: impl Into<String>, to: Table, id: impl ToString) -> Self {
        Self { pointer: pointer.into(), to, id: id.to_string() }
    }
}

/// A unit of work.
pub(crate) type Tx = dyn TenantTx;

/// A page of resources.
pub(crate) async fn list<N, T: Resource, V>(
    op: &Op<N>,
    list: &List<impl DeserializeOwned>,
    narrow: impl FnOnce(Filter) -> Filter,
    view: impl Fn(T) -> V,
) -> Result<axum::Json<Page<Item<V>>>, Problem> {
    let rows = op.store.list::<T>(&narrow(list.resources::<T>()?)).await?;
    Ok(axum::Json(list.page_of(rows, |row| Item::of(row, &view))))
}

/// One resource, with its ETag.
pub(crate) async fn read<N, T: Resource, V: Serialize>(
    op: &Op<N>,
    id: &T::Id,
    known: &Preconditions,
    view: impl FnOnce(T) -> V,
) -> Result<Response, Problem> {
    let row = op.store.get::<T>(id).await?.ok_or_else(|| Problem::not_found(T::TABLE.noun()))?;
    Ok(known.show(row.version, &Item::of(row, view)))
}

/// Makes a resource.
pub(crate) async fn create<N, F: Form, V: Serialize>(
    op: &Op<N>,
    body: Body<F>,
    view: impl FnOnce(F::Resource) -> V,
) -> Result<Response, Stop> {
    let references = body.value.references();
    let mut work = op.begin_once(&body.once).await?;
    check_references(&mut *work.tx, &references).await?;
    let row = work.tx.insert(body.value.into_resource(None)).await?;
    let (version, location) = (row.version, format!("{}/{}", F::PATH, row.id));
    let answer = Answer::created(&Item::of(row, view), location, version)?;
    work.finish(answer).await
}

/// Changes a resource.
pub(crate) async fn patch<N, F: Form, V: Serialize>(
    op: &Op<N>,
    id: &<F::Resource as Resource>::Id,
    known: &Preconditions,
    patch: &Patch<F>,
    view: impl FnOnce(F::Resource) -> V,
) -> Result<Response, Problem>
where
    F::Resource: Clone,
{
    let mut tx = op.begin().await?;
    let row = current::<F::Resource>(&mut *tx, id, known).await?;
    let form = patch.apply(&F::of(row.value.clone()))?;
    check_references(&mut *tx, &form.references()).await?;
    let changed = tx.update(id, row.version, form.into_resource(Some(row.value))).await?;
    tx.commit().await?;
    Ok(shown(changed, view))
}

/// Deletes a resource.
pub(crate) async fn delete<N, T: Resource>(
    op: &Op<N>,
    id: &T::Id,
    known: &Preconditions,
) -> Result<StatusCode, Problem> {
    let mut tx = op.begin().await?;
    let row = current::<T>(&mut *tx, id, known).await?;
    tx.delete::<T>(id, row.version).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A resource that is about to be changed, if the client knows it as it is.
pub(crate) async fn current<T: Resource>(
    tx: &mut Tx,
    id: &T::Id,
    known: &Preconditions,
) -> Result<Stored<T>, Problem> {
    let row = tx.get::<T>(id).await?.ok_or_else(|| Problem::not_found(T::TABLE.noun()))?;
    known.allow_change(row.version)?;
    Ok(row)
}

/// A resource that was changed, with its ETag.
pub(crate) fn shown<T: Resource, V: Serialize>(row: Stored<T>, view: impl FnOnce(T) -> V) -> Response {
    Preconditions::default().show(row.version, &Item::of(row, view)).into_response()
}

/// Everything that is named must be there, in this tenant. What is another tenant's is not there.
pub(crate) async fn check_references(tx: &mut Tx, references: &[Reference]) -> Result<(), Problem> {
    let mut faults = Vec::new();
    for reference in references {
        let found = match reference.to {
            Table::Users => tx.document_by_lookup(Table::Memberships, &reference.id).await?,
            table => tx.document(table, &reference.id).await?,
        };
        if found.is_none() {
            faults.push(Fault {
                place: Place::Pointer(reference.pointer.clone()),
                code: FaultCode::UnknownReference,
                detail: format!("there is no such {}", reference.to.noun()),
            });
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(Problem::unacceptable(faults)) }
}
