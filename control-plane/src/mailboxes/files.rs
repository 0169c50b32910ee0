//! Files that came with mail: kept with the recordings, each under an address that only this program can make. Whoever has the address
//! may read the file, as with the carrier's own media; it is always a file to save and never shown as a page of ours.

use crate::{
    api::media::send_object,
    problem::{Code, Problem},
    shared::Shared,
};
use axum::{
    extract::{Path, RawQuery, State},
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use bytes::Bytes;
use mail::Received;
use objects::{Key, LocalFile};
use sha2::{Digest, Sha256};
use std::{fmt::Write as _, io, path::PathBuf, sync::Arc};
use store::{StoreError, TenantId, model::message::Media};
use tokio::fs;

/// What signatures of these addresses are for.
const PURPOSE: &str = "file";
/// How files are sent whatever they are.
const MEDIA_TYPE: &str = "application/octet-stream";
/// Longest end of a name that is kept.
const EXTENSION: usize = 8;

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
        put(shared, &key, &file.media_type, &file.content).await.map_err(|cause| {
            StoreError::Unavailable { doing: "keeping a file that came with a mail", source: cause }
        })?;
        let url =
            format!("{}/files/{key}?signature={}", own(shared), shared.links.sign(PURPOSE, key.as_str()));
        media.push(Media { url, content_type: Some(file.media_type.clone()) });
    }
    Ok(media)
}

fn own(shared: &Shared) -> &str {
    shared.base_url.as_str().trim_end_matches('/')
}

async fn put(
    shared: &Shared,
    key: &Key,
    media_type: &str,
    content: &Bytes,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let place = shared.data_dir.join("incoming");
    fs::create_dir_all(&place).await?;
    let path = place.join(store::new_id("file"));
    let kept = write(shared, key, media_type, content, &path).await;
    match fs::remove_file(&path).await {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound && kept.is_ok() => Err(cause.into()),
        Ok(()) | Err(_) => kept,
    }
}

async fn write(
    shared: &Shared,
    key: &Key,
    media_type: &str,
    content: &Bytes,
    path: &PathBuf,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    fs::write(path, content).await?;
    let file = LocalFile::measure(path, media_type).await?;
    Ok(shared.objects.put(key, &file).await?)
}

/// Names a mail where names are short and plain.
fn hash(mail: &str) -> String {
    Sha256::digest(mail.as_bytes()).iter().fold(String::new(), |mut text, byte| {
        // Writing to a String does not fail.
        write!(text, "{byte:02x}").unwrap_or_default();
        text
    })
}

/// The end of a file's name that says what it is, such as `.pdf`; empty if it has none that is plain.
fn extension(name: &str) -> String {
    match name.rsplit_once('.') {
        Some((_, end))
            if (1..=EXTENSION).contains(&end.len())
                && end.bytes().all(|byte| byte.is_ascii_alphanumeric()) =>
        {
            format!(".{}", end.to_ascii_lowercase())
        }
        Some(_) | None => String::new(),
    }
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
    let name = key.as_str().rsplit('/').next().unwrap_or("file");
    let disposition = Some(format!("attachment; filename=\"{name}\""));
    let answer = send_object(&*shared.objects, &key, &headers, MEDIA_TYPE, disposition).await?;
    let mut answer = answer.ok_or_else(missing)?;
    answer.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_files_name_leaves_its_folder_and_its_kind_in_no_case() {
        for (name, end) in [
            ("Invoice.PDF", ".pdf"),
            ("../../etc/passwd", ""),
            ("a.b/c", ""),
            ("photo.jpeg.exe", ".exe"),
            ("none", ""),
            ("long.averylongend", ""),
            ("", ""),
        ] {
            assert_eq!(extension(name), end, "{name}");
        }
    }
}
