//! The secret that signs links to recordings in a folder: given by the settings, or made once and kept in the data folder.

use crate::keys::random_token;
use engine::provider::Secret;
use std::{
    fs,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// Its file in the data folder.
const FILE: &str = "recording-links.key";

/// The secret cannot be read or kept.
#[derive(Debug, thiserror::Error)]
#[error("the file {} cannot be used", path.display())]
pub struct LinksError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// The secret of the data folder, which is made if there is none.
///
/// # Errors
/// When the file can be neither read nor made.
pub(crate) fn link_secret(data_dir: &Path) -> Result<Secret, LinksError> {
    let path = data_dir.join(FILE);
    let failed = |source| LinksError { path: path.clone(), source };
    // Made beside it first: a file under its name is always whole, whoever else makes one.
    let part = data_dir.join(format!("{FILE}.{}.part", std::process::id()));
    if !path.try_exists().map_err(failed)? {
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&part)
            .map_err(failed)?;
        file.write_all(random_token().as_bytes()).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        match fs::hard_link(&part, &path) {
            Err(source) if source.kind() != io::ErrorKind::AlreadyExists => return Err(failed(source)),
            Ok(()) | Err(_) => {}
        }
        fs::remove_file(&part).map_err(failed)?;
    }
    let secret = fs::read_to_string(&path).map_err(failed)?;
    Ok(Secret::new(secret.trim()))
}
