//! A sandbox, a client for its bucket, and files to put there.

use engine::provider::Secret;
use fixtures::sandbox::{Knobs, S3Setup, Sandbox, SandboxOptions};
use futures_util::TryStreamExt;
use objects::{Key, LocalFile, Object, ObjectError, S3, S3Options};
use std::{
    ops::Range,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

pub(crate) struct Setup {
    pub(crate) sandbox: Sandbox,
    pub(crate) s3: S3,
    folder: PathBuf,
}

impl Setup {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// With other options.
    pub(crate) async fn with(change: impl FnOnce(&mut S3Options)) -> Self {
        static FOLDERS: AtomicU32 = AtomicU32::new(0);
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("tandem-s3-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let sandbox = Sandbox::start(SandboxOptions::without_delay()).await.unwrap();
        let mut options = options(&sandbox);
        change(&mut options);
        Self { s3: S3::new(options).unwrap(), sandbox, folder }
    }

    pub(crate) fn knobs(&self, turn: impl FnOnce(&mut Knobs)) {
        self.sandbox.knobs().change(turn);
    }

    pub(crate) async fn file(&self, content: &[u8]) -> LocalFile {
        let path = self.folder.join("file");
        std::fs::write(&path, content).unwrap();
        LocalFile::measure(&path, "audio/ogg").await.unwrap()
    }
}

impl Drop for Setup {
    fn drop(&mut self) {
        // Left behind is only what the system clears away by itself.
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

pub(crate) fn options(sandbox: &Sandbox) -> S3Options {
    let setup = S3Setup::default();
    let endpoint = format!("{}/s3", sandbox.base_url()).parse().unwrap();
    let secret = Secret::new(&setup.secret_access_key);
    S3Options {
        answer: Duration::from_secs(10),
        ..S3Options::at(endpoint, &setup.region, &setup.bucket, &setup.access_key_id, secret)
    }
}

pub(crate) fn key() -> Key {
    "recordings/ten_1/call_1.ogg".parse().unwrap()
}

/// Bytes that are not all the same.
pub(crate) fn content(length: usize) -> Vec<u8> {
    (0..length).map(|n| u8::try_from(n * 7 % 253).unwrap()).collect()
}

pub(crate) async fn read(object: Object) -> Result<Vec<u8>, ObjectError> {
    let pieces: Vec<_> = object.body.try_collect().await?;
    Ok(pieces.concat())
}

pub(crate) fn range(from: u64, to: u64) -> Option<Range<u64>> {
    Some(from..to)
}
