//! For those who watch the process: is it alive, does it take calls, what does it measure.

use crate::{
    clock::now_us,
    problem::{Code, Problem},
    shared::Shared,
};
use axum::{Json, extract::State, http::header, response::IntoResponse};
use serde_json::{Value, json};
use std::{error::Error, sync::Arc};
use tokio::time::{Instant, timeout};
use tracing::error;

/// The process answers.
pub(crate) async fn healthz() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// New calls are taken: the node is not draining, and the database can write.
pub(crate) async fn readyz(State(shared): State<Arc<Shared>>) -> Result<Json<Value>, Problem> {
    if shared.is_draining() {
        let detail = "the node is draining and takes no new calls";
        return Err(Problem::new(Code::Draining, detail));
    }
    if !can_write(&shared).await {
        let detail = "the database cannot write now";
        return Err(Problem::new(Code::StoreUnavailable, detail));
    }
    let mut ready = json!({ "status": "ok", "calls": shared.live.streaming() });
    if let Some(lacking) = shared.lacking {
        ready["lacking"] = json!(format!(
            "{lacking}: only tenants with provider accounts of their own are answered by an assistant"
        ));
    }
    Ok(Json(ready))
}

/// Asks the database, but not more often than the options allow.
async fn can_write(shared: &Shared) -> bool {
    let mut known = shared.writable.lock().await;
    if let Some((asked, writable)) = *known
        && asked.elapsed() < shared.limits.readiness_cache
    {
        return writable;
    }
    let writable = match timeout(shared.limits.readiness_deadline, shared.check_writable(now_us())).await {
        Ok(Ok(())) => true,
        Ok(Err(cause)) => {
            error!(error = &cause as &dyn Error, "the database cannot write");
            false
        }
        Err(_) => {
            error!("the database does not answer in time");
            false
        }
    };
    *known = Some((Instant::now(), writable));
    writable
}

/// Prometheus' text format.
pub(crate) async fn metrics(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    shared.log.measure();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], shared.metrics.render())
}
