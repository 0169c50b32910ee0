//! Objects: their keys, the files that become objects, and what comes back.

use crate::ObjectError;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use sha2::{Digest, Sha256};
use std::{
    fmt,
    fmt::Write as _,
    fs::File,
    io::Read,
    ops::Range,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};
use tokio::task::spawn_blocking;

/// Longest key, in bytes. S3 takes 1,024; a file system takes names of 255.
const LONGEST_KEY: usize = 512;
/// Bytes of a file that are read at once.
const PIECE: usize = 256 * 1024;

/// The text is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key is made of segments of a-z, A-Z, 0-9, '.', '_' and '-', parted by slashes")]
pub struct KeyError;

/// The name of an object: segments parted by `/`, of letters, digits, `.`, `_` and `-`; no segment is empty or begins with a
/// dot. Such a key means the same in a URL, in a signature and below a folder, which it cannot leave.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(String);

impl Key {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let is_segment = |segment: &str| {
            !segment.is_empty()
                && !segment.starts_with('.')
                && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        };
        if text.len() <= LONGEST_KEY && text.split('/').all(is_segment) {
            Ok(Self(text.to_owned()))
        } else {
            Err(KeyError)
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A file of this machine that is to become an object, as it was measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its length, in bytes.
    pub length: u64,
    /// SHA-256 of its content, lower-case hexadecimal.
    pub sha256: String,
    /// Media type, such as `audio/ogg`.
    pub media_type: String,
}

impl LocalFile {
    /// Reads the file through once, on a thread of its own.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn measure(path: &Path, media_type: &str) -> Result<Self, ObjectError> {
        let (path, media_type) = (path.to_owned(), media_type.to_owned());
        let measured = spawn_blocking(move || {
            let (length, sha256) = digest(&path).map_err(|source| ObjectError::File {
                doing: "read",
                path: path.clone(),
                source,
            })?;
            Ok(Self { path, length, sha256, media_type })
        });
        measured.await.map_err(|error| ObjectError::Unavailable {
            doing: "measuring a file",
            cause: format!("its thread is gone: {error}"),
        })?
    }
}

fn digest(path: &Path) -> std::io::Result<(u64, String)> {
    let mut file = File::open(path)?;
    let (mut hash, mut length, mut piece) = (Sha256::new(), 0, vec![0; PIECE]);
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            return Ok((length, hex(&hash.finalize())));
        }
        hash.update(&piece[..read]);
        length += read as u64;
    }
}

/// What is known of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Its length, in bytes.
    pub length: u64,
    /// Media type; a folder does not know it.
    pub media_type: Option<String>,
}

/// An open object.
pub struct Object {
    /// Its whole length, in bytes.
    pub length: u64,
    /// Which bytes of it come.
    pub range: Range<u64>,
    /// The bytes. Fewer than announced never end without an error.
    pub body: BoxStream<'static, Result<Bytes, ObjectError>>,
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Object")
            .field("length", &self.length)
            .field("range", &self.range)
            .finish_non_exhaustive()
    }
}

/// What a link says beside its object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// How long it lasts; S3 takes up to 7 days.
    pub lasts: Duration,
    /// Media type under which the object comes.
    pub media_type: String,
    /// Name under which a browser saves it: letters, digits, `.`, `_` and `-`.
    pub file_name: String,
}

impl Link {
    /// Whether its texts are such that they need no quoting anywhere.
    pub(crate) fn is_plain(&self) -> bool {
        let plain = |text: &str, more: &[u8]| {
            !text.is_empty()
                && text.len() <= 255
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || more.contains(&byte))
        };
        plain(&self.media_type, b"/.+-") && plain(&self.file_name, b"._-")
    }

    /// As the header `content-disposition`: what has no type of its own is saved, not shown.
    #[must_use]
    pub fn disposition(&self) -> String {
        let way = if self.media_type == "application/octet-stream" { "attachment" } else { "inline" };
        format!("{way}; filename=\"{}\"", self.file_name)
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        #[expect(clippy::expect_used, reason = "writing to a string cannot fail")]
        write!(text, "{byte:02x}").expect("writing to a string");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_key_cannot_leave_its_folder() {
        for good in ["recordings/ten_1/call_2.ogg", "a", "a-b/c.d_e"] {
            assert_eq!(good.parse::<Key>().unwrap().as_str(), good);
        }
        let long = "a".repeat(LONGEST_KEY + 1);
        for bad in
            ["", "/a", "a/", "a//b", "..", "a/../b", "./a", "a/.b", "a b", "a%2fb", "ä", "a\\b", "a\0", &long]
        {
            assert_eq!(bad.parse::<Key>(), Err(KeyError), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn every_key_stays_below_the_root(text in "[a-z./]{0,12}") {
            if let Ok(key) = text.parse::<Key>() {
                let path = Path::new("/root").join(key.as_str());
                let ordinary = path.components().skip(2).all(|part| matches!(part, std::path::Component::Normal(_)));
                prop_assert!(ordinary && path.starts_with("/root"));
            }
        }
    }
}
