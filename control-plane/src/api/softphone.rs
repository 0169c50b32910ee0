//! `/v1/softphone/token`: lets a person's softphone in, for an hour.

use super::{body::Empty, need::SoftphoneUse, op::Op};
use crate::{
    clock::{now_us, rfc3339},
    problem::{Code, Problem},
    shared::Shared,
};
use axum::{
    Json,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use identity::principal::Who;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::default().routes(routes!(softphone_token))
}

/// A token for a softphone.
#[derive(Serialize, ToSchema)]
pub(crate) struct SoftphoneToken {
    /// For the carrier's library in the browser. Whoever has it may call at the tenant's cost.
    token: String,
    /// Under which name the softphone is called.
    identity: String,
    /// Until when it is good.
    #[schema(format = DateTime)]
    expires_at: String,
}

/// Makes a token for one's own softphone. It is good for an hour, and stored nowhere.
#[utoipa::path(
    post, path = "/v1/softphone/token", tag = "Softphone", security(("bearer" = ["softphone:use"])),
    responses((status = 200, description = "The token", body = SoftphoneToken)),
)]
async fn softphone_token(op: Op<SoftphoneUse>, _: Empty) -> Result<Response, Problem> {
    let user = match &op.principal.who {
        Who::PlatformAdmin { user, .. } | Who::Member { user, .. } => user,
        Who::Key { .. } => {
            return Err(Problem::new(Code::Forbidden, "a softphone is a person's, not a key's"));
        }
    };
    let now = u64::try_from(now_us() / 1_000_000).unwrap_or_default();
    let made = op.shared.provisioner.softphone_token(op.tenant(), user.as_str(), now).await?;
    let expires_at = i64::try_from(made.expires_at).unwrap_or(i64::MAX).saturating_mul(1_000_000);
    let view = SoftphoneToken {
        token: made.token.reveal().to_owned(),
        identity: made.identity,
        expires_at: rfc3339(expires_at),
    };
    let mut response = Json(view).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
