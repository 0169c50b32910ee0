//! Files that came with mail: kept with the recordings ([`crate::files`]), each under an address that only this program can make.

use crate::{
    api::media::send_object,
    files::{PURPOSE, TO_SAVE, extension, name_of},
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
use sha2::{Digest, Sha256};
use std::{fmt::Write as _, sync::Arc};
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
        let key = format!("mail/{tenant}/{}/{name}", hash(mail));
        let Ok(key) = key.parse::<Key>() else { continue };
        let url = shared.files.keep(&key, &file.media_type, &file.content).await.map_err(|cause| {
            StoreError::Unavailable { doing: "keeping a file that came with a mail", source: cause.into() }
        })?;
        media.push(Media { url, content_type: Some(file.media_type.clone()) });
    }
    Ok(media)
}

/// Names a mail where names are short and plain.
fn hash(mail: &str) -> String {
    Sha256::digest(mail.as_bytes()).iter().fold(String::new(), |mut text, byte| {
        // Writing to a String does not fail.
        write!(text, "{byte:02x}").unwrap_or_default();
        text
    })
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
