//! `/media/…`: where links to recordings, and to exports of what is kept of people, in a folder lead. Who may follow one, the link itself says; each use is noted.

use crate::{
    api::media::send_object,
    clock::now_us,
    problem::{Code, Problem},
    shared::Shared,
};
use axum::{
    extract::{Path, RawQuery, State},
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use jiff::Timestamp;
use objects::{Key, LinkError};
use serde_json::json;
use std::sync::Arc;
use store::{TenantId, model::audit::Actor};

/// In the audit log, whoever has a link.
const ACTOR: &str = "recording_link";

pub(crate) async fn download(
    State(shared): State<Arc<Shared>>,
    Path(key): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let missing = || Problem::not_found("recording");
    let key: Key = key.parse().map_err(|_| missing())?;
    let at = Timestamp::from_microsecond(now_us()).unwrap_or(Timestamp::UNIX_EPOCH);
    let link =
        shared.links.check(&key, query.as_deref().unwrap_or_default(), at).map_err(|wrong| match wrong {
            LinkError::Invalid => missing(),
            LinkError::Expired => Problem::new(Code::Forbidden, "the link has ended: ask for another"),
        })?;
    // A link is only made for what is a tenant's.
    let tenant =
        key.as_str().split('/').nth(1).and_then(|tenant| TenantId::parse(tenant).ok()).ok_or_else(missing)?;
    let disposition = Some(link.disposition());
    let answer = send_object(&*shared.objects, &key, &headers, &link.media_type, disposition).await?;
    let mut answer = answer.ok_or_else(missing)?;
    answer.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let mut tx = shared.store_of(&tenant).begin(&Actor::system(ACTOR), now_us()).await?;
    let range = headers.get("range").and_then(|value| value.to_str().ok());
    let action = match key.as_str().split('/').next() {
        Some("exports") => "privacy.download",
        Some("recordings") => "recording.download",
        Some(_) | None => "file.download",
    };
    tx.note(action, key.as_str(), &json!({ "range": range })).await?;
    tx.commit().await?;
    Ok(answer)
}
