//! Files that came with mail: kept with the recordings ([`crate::files`]), each under an address that only this program can make.

use crate::{
    api::media::send_object,
    files::{PURPOSE, TO_SAVE, extension, name_of},
    keys::sha256_hex,
    problem::{Code, Problem},
    shared::Shared,
};
use axum::{
    extract::{Path, RawQuery, State},
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use mail::Received;
use objects::Key;
use std::sync::Arc;
use store::{StoreError, TenantId, model::message::Media};

/// Keeps the files of a mail; again is the same.
///
/// # Errors
/// When they cannot be kept now: the mail comes again.
pub(super) async fn keep(
    shared: &Shared,
    tenant: &TenantId,
    mail: &str,
    received: &Received,
) -> Result<Vec<Media>, StoreError> {
    let mut media = Vec::new();
    for (index, file) in received.attachments.iter().enumerate() {
        let name = format!("{index}{}", extension(file.name.as_deref().unwrap_or_default()));
        // The mail is named by its hash: names of objects are short and plain.
        let key = format!("mail/{tenant}/{}/{name}", sha256_hex(mail.as_bytes()));
        let Ok(key) = key.parse::<Key>() else { continue };
        let url = shared.files.keep(&key, &file.media_type, &file.content).await.map_err(|cause| {
            StoreError::Unavailable { doing: "keeping a file that came with a mail", source: cause.into() }
        })?;
        media.push(Media { url, content_type: Some(file.media_type.clone()) });
    }
    Ok(media)
}

/// `/files/…`
pub(crate) async fn download(
    State(shared): State<Arc<Shared>>,
    Path(key): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let missing = || Problem::not_found("file");
    let key: Key = key.parse().map_err(|_| missing())?;
    let query = query.unwrap_or_default();
    let signature = query.strip_prefix("signature=").ok_or_else(missing)?;
    if !shared.links.is_signed(PURPOSE, key.as_str(), signature) {
        return Err(Problem::new(Code::Forbidden, "the address was not made by this server"));
    }
    let disposition = Some(format!("attachment; filename=\"{}\"", name_of(&key)));
    let answer = send_object(&*shared.objects, &key, &headers, TO_SAVE, disposition).await?;
    let mut answer = answer.ok_or_else(missing)?;
    answer.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(answer)
}
