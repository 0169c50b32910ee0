//! Where recordings are kept: a folder, or a bucket of S3 and what speaks its protocol.
//!
//! - [`ObjectStore`]: put a file, read it whole or in part, ask for it, delete it, hand out a link that ends by itself.
//! - [`Folder`]: files below a root; its links lead to the program's own route and are checked with [`Links`].
//! - [`S3`]: one bucket; every request is signed (Signature Version 4) and every upload carries its SHA-256, so that what
//!   arrived damaged is refused by the other side.
//!
//! Every operation may be repeated: putting the same file again, or deleting what is gone, changes nothing.

mod error;
mod folder;
mod links;
mod object;
mod s3;

pub use error::ObjectError;
pub use folder::Folder;
pub use links::{LinkError, Links};
pub use object::{Key, KeyError, Link, LocalFile, Object, ObjectInfo};
pub use s3::{Encryption, S3, S3Options};

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use std::{fmt, ops::Range, path::PathBuf};
use url::Url;

/// What a method of [`ObjectStore`] gives.
pub type ObjectFuture<'a, T> = BoxFuture<'a, Result<T, ObjectError>>;

/// In what kind of place objects are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PlaceKind {
    /// A folder.
    Folder,
    /// A bucket.
    S3,
}

/// Keeps objects by their keys.
///
/// # Errors
/// Every method fails with an [`ObjectError`]; [`ObjectError::is_retryable`] says whether it may succeed later.
pub trait ObjectStore: Send + Sync + fmt::Debug {
    /// In what kind of place it keeps them.
    fn kind(&self) -> PlaceKind;

    /// Keeps the file's content under the key, in the place of what was there. It is there whole and durable, or not at all.
    fn put<'a>(&'a self, key: &'a Key, file: &'a LocalFile) -> ObjectFuture<'a, ()>;

    /// Opens an object, or the bytes `range` of it, which must not be empty and may reach beyond its end.
    fn get<'a>(&'a self, key: &'a Key, range: Option<Range<u64>>) -> ObjectFuture<'a, Object>;

    /// What is known of an object; `None` if it is not there.
    fn head<'a>(&'a self, key: &'a Key) -> ObjectFuture<'a, Option<ObjectInfo>>;

    /// Deletes an object. One that is not there is no error.
    fn delete<'a>(&'a self, key: &'a Key) -> ObjectFuture<'a, ()>;

    /// An address from which anybody can read the object until the link ends, made at the time `now`. It is not looked whether
    /// the object is there.
    ///
    /// # Errors
    /// When the link cannot be expressed.
    fn signed_url(&self, key: &Key, link: &Link, now: Timestamp) -> Result<Url, ObjectError>;

    /// The object as a file of this machine, if that is how it is kept.
    fn local_path(&self, key: &Key) -> Option<PathBuf> {
        let _not_a_file = key;
        None
    }
}
