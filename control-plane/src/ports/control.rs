//! What the engine asks of the carrier's call: it is remembered here and carried out when the stream has ended.

use crate::shared::Shared;
use engine::{
    ids::CallId,
    ports::{CallControl, ToolFailure},
};
use futures_util::future::BoxFuture;
use std::{error::Error, sync::Arc};
use tracing::{error, warn};

/// See [`CallControl`].
pub(crate) struct CarrierControl(pub(crate) Arc<Shared>);

impl CallControl for CarrierControl {
    fn transfer(&self, call: &CallId, to: &str) -> BoxFuture<'static, Result<(), ToolFailure>> {
        let (shared, call, to) = (Arc::clone(&self.0), call.clone(), to.to_owned());
        Box::pin(async move {
            let cannot = || ToolFailure("this call cannot be transferred".to_owned());
            let owner = shared.live.tenant(&call).ok_or_else(cannot)?;
            let tenant = shared
                .directory
                .tenant(&store::TenantId::known(owner.0))
                .await
                .map_err(|cause| {
                    error!(%call, error = &cause as &dyn Error, "a call is not transferred: its tenant cannot be read");
                    cannot()
                })?
                .ok_or_else(cannot)?;
            if tenant.transfer_number(&to).is_none() {
                warn!(%call, "a transfer to somebody whom the tenant does not know is refused");
                let mut known: Vec<_> = tenant.transfer_targets.keys().map(String::as_str).collect();
                known.sort_unstable();
                return Err(ToolFailure(format!(
                    "there is nobody of that name to transfer to; known are: {}",
                    known.join(", ")
                )));
            }
            shared.live.set_transfer(&call, &to);
            // Memory is enough unless this process is killed before the stream ends.
            let id = store::CallId::known(call.0.as_str());
            if let Err(cause) = shared.store(&tenant.id).set_transfer(&id, &to).await {
                error!(%call, error = &cause as &dyn Error, "a transfer is not stored; it is kept in memory");
            }
            Ok(())
        })
    }
}
