//! Files of messages: kept with the recordings, each under an address that only this program can make and that stands in the message's
//! row. Nobody is shown that address: who may read a message gets a link to its file that ends soon.
//!
//! What browsers would run or lay out as a page of ours is always a file to save: only pictures, sound and films of known kinds are shown
//! where they are, and nothing is sniffed.

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use jiff::Timestamp;
use objects::{Key, Link, Links, LocalFile, ObjectError, ObjectStore};
use std::{io, path::PathBuf, sync::Arc, time::Duration};
use store::model::message::Media;
use tokio::fs;
use tracing::warn;

/// What signatures of these addresses are for.
pub(crate) const PURPOSE: &str = "file";
/// Below this are files that a tenant's programs put here for messages. They are of no person, and many messages may carry one.
pub(crate) const UPLOADS: &str = "uploads/";
/// How a file is sent that is not to be shown.
pub(crate) const TO_SAVE: &str = "application/octet-stream";
/// Longest end of a name that is kept.
const EXTENSION: usize = 8;
/// Kinds that browsers show without running anything, and how their files end.
const SHOWN: &[(&str, &str)] = &[
    ("image/jpeg", "jpg"),
    ("image/png", "png"),
    ("image/gif", "gif"),
    ("image/webp", "webp"),
    ("audio/mpeg", "mp3"),
    ("audio/ogg", "ogg"),
    ("audio/mp4", "m4a"),
    ("audio/aac", "aac"),
    ("audio/amr", "amr"),
    ("audio/wav", "wav"),
    ("audio/3gpp", "3ga"),
    ("video/mp4", "mp4"),
    ("video/3gpp", "3gp"),
    ("video/webm", "webm"),
];
/// Kinds that are saved, and how their files end.
const SAVED: &[(&str, &str)] = &[
    ("application/pdf", "pdf"),
    ("text/plain", "txt"),
    ("text/csv", "csv"),
    ("text/vcard", "vcf"),
    ("text/x-vcard", "vcf"),
    ("text/calendar", "ics"),
];

/// Why a file is not kept or read now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    #[error("the object store did not do it")]
    Object(#[from] ObjectError),
    #[error("a file could not be written here")]
    Io(#[from] io::Error),
}

/// Where files of messages are.
#[derive(Clone)]
pub(crate) struct Files {
    pub(crate) objects: Arc<dyn ObjectStore>,
    pub(crate) links: Links,
    /// Where we are reached, without a slash at the end.
    pub(crate) own_address: String,
    pub(crate) data_dir: PathBuf,
    /// How long a link lasts that is shown.
    pub(crate) link: Duration,
}

impl Files {
    /// The address of a file of ours.
    pub(crate) fn address(&self, key: &Key) -> String {
        let signature = self.links.sign(PURPOSE, key.as_str());
        // What came in goes with its message; what is sent may be many messages'.
        let way = if key.as_str().starts_with(UPLOADS) { "kept" } else { "files" };
        format!("{}/{way}/{key}?signature={signature}", self.own_address)
    }

    /// Which of our files an address names; `None`: it is not one that this program made.
    pub(crate) fn key(&self, address: &str) -> Option<Key> {
        let path = address.strip_prefix(&self.own_address)?;
        let rest = path.strip_prefix("/files/").or_else(|| path.strip_prefix("/kept/"))?;
        let (key, signature) = rest.split_once("?signature=")?;
        let key: Key = key.parse().ok()?;
        self.links.is_signed(PURPOSE, key.as_str(), signature).then_some(key)
    }

    /// Keeps a file; gives its address. Again is the same.
    pub(crate) async fn keep(
        &self,
        key: &Key,
        media_type: &str,
        content: &Bytes,
    ) -> Result<String, FileError> {
        let place = self.data_dir.join("incoming");
        fs::create_dir_all(&place).await?;
        let path = place.join(store::new_id("file"));
        let kept = self.put(key, media_type, content, &path).await;
        match fs::remove_file(&path).await {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound && kept.is_ok() => return Err(cause.into()),
            Ok(()) | Err(_) => kept?,
        }
        Ok(self.address(key))
    }

    async fn put(
        &self,
        key: &Key,
        media_type: &str,
        content: &Bytes,
        path: &PathBuf,
    ) -> Result<(), FileError> {
        fs::write(path, content).await?;
        let file = LocalFile::measure(path, media_type).await?;
        Ok(self.objects.put(key, &file).await?)
    }

    /// Whether a file is there.
    pub(crate) async fn is_kept(&self, key: &Key) -> Result<bool, FileError> {
        Ok(self.objects.head(key).await?.is_some())
    }

    /// A file of at most so many bytes; `None`: it is not there, or longer.
    pub(crate) async fn read(&self, key: &Key, longest: usize) -> Result<Option<Bytes>, FileError> {
        let mut object = match self.objects.get(key, None).await {
            Ok(object) => object,
            Err(ObjectError::Missing) => return Ok(None),
            Err(cause) => return Err(cause.into()),
        };
        let mut whole = BytesMut::new();
        while let Some(piece) = object.body.next().await {
            whole.extend_from_slice(&piece?);
            if whole.len() > longest {
                return Ok(None);
            }
        }
        Ok(Some(whole.freeze()))
    }

    /// The address of a message's file as it is shown at `at`, unix µs: one of ours by a link that ends, another's as it is.
    pub(crate) fn shown(&self, media: &Media, at: i64) -> String {
        let Some(key) = self.key(&media.url) else { return media.url.clone() };
        let media_type = media.content_type.as_deref().or_else(|| type_of(name_of(&key))).unwrap_or_default();
        self.linked(&key, shown_as(media_type), self.link, at).unwrap_or_default()
    }

    /// The address of a file as a provider is given it: one of ours by a link that lasts as long as providers try, another's as it is.
    pub(crate) fn lent(&self, address: &str, at: i64) -> String {
        let Some(key) = self.key(address) else { return address.to_owned() };
        let media_type = type_of(name_of(&key)).unwrap_or(TO_SAVE);
        self.linked(&key, media_type, LENT, at).unwrap_or_default()
    }

    fn linked(&self, key: &Key, media_type: &str, lasts: Duration, at: i64) -> Option<String> {
        let link = Link { lasts, media_type: media_type.to_owned(), file_name: name_of(key).to_owned() };
        let at = Timestamp::from_microsecond(at).unwrap_or(Timestamp::UNIX_EPOCH);
        match self.objects.signed_url(key, &link, at) {
            Ok(url) => Some(url.into()),
            Err(cause) => {
                warn!(error = &cause as &dyn std::error::Error, "a link to a file cannot be made");
                None
            }
        }
    }
}

/// A provider fetches a file within so long: it keeps messages for ten hours.
const LENT: Duration = Duration::from_secs(24 * 3_600);

/// The name of a file: the end of its place.
pub(crate) fn name_of(key: &Key) -> &str {
    key.as_str().rsplit('/').next().unwrap_or("file")
}

/// A media type without its parameters, in lower case.
fn plain(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Under which media type a file is sent to a browser.
fn shown_as(media_type: &str) -> &'static str {
    let plain = plain(media_type);
    SHOWN.iter().find(|(kind, _)| *kind == plain).map_or(TO_SAVE, |(kind, _)| kind)
}

/// The end of a file's name by its media type, with its dot; empty for what is not known.
pub(crate) fn ending(media_type: &str) -> String {
    let plain = plain(media_type);
    let known = SHOWN.iter().chain(SAVED).find(|(kind, _)| *kind == plain);
    known.map(|(_, end)| format!(".{end}")).unwrap_or_default()
}

/// The media type of a file by the end of its name.
pub(crate) fn type_of(name: &str) -> Option<&'static str> {
    let (_, end) = name.rsplit_once('.')?;
    SHOWN.iter().chain(SAVED).find(|(_, known)| *known == end).map(|(kind, _)| *kind)
}

/// The end of a file's name that says what it is, such as `.pdf`; empty if it has none that is plain.
pub(crate) fn extension(name: &str) -> String {
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

    #[test]
    fn what_a_browser_could_run_is_a_file_to_save() {
        for unsafe_kind in [
            "text/html",
            "image/svg+xml",
            "application/xhtml+xml",
            "text/javascript",
            "application/pdf",
            "text/xml; charset=utf-8",
            "",
            "image/jpeg/../html",
        ] {
            assert_eq!(shown_as(unsafe_kind), TO_SAVE, "{unsafe_kind}");
        }
        assert_eq!(shown_as("IMAGE/JPEG; name=a.html"), "image/jpeg");
        assert_eq!((ending("image/jpeg"), ending("text/html")), (".jpg".to_owned(), String::new()));
        assert_eq!((type_of("0.pdf"), type_of("0.exe"), type_of("0")), (Some("application/pdf"), None, None));
    }
}
