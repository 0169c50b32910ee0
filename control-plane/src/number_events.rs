//! Numbers that are added or changed are told to customers' servers, in the unit of work that does so.

use deliveries::{announce, told::number_changed};
use store::{StoreError, Stored, TenantTx, ids::NumberId, model::number::Number};

/// Tells that a number was added, in the unit of work that adds it.
pub(crate) async fn added(tx: &mut dyn TenantTx, row: &Stored<Number>) -> Result<(), StoreError> {
    match number_changed(None, row) {
        Some(event) => announce(tx, event).await,
        None => Ok(()),
    }
}

/// Changes a number that is still as it was read, and tells it if it does something else from now on.
pub(crate) async fn change(
    tx: &mut (dyn TenantTx + 'static),
    id: &NumberId,
    version: i64,
    before: &Number,
    now: Number,
) -> Result<Stored<Number>, StoreError> {
    let row = tx.update(id, version, now).await?;
    if let Some(event) = number_changed(Some(before), &row) {
        announce(tx, event).await?;
    }
    Ok(row)
}
