//! What becomes of recordings.

use engine::provider::Secret;
use serde::Deserialize;
use std::path::PathBuf;

/// What becomes of a recording when its call is over.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recording {
    /// Whether an Ogg/Opus file is made of it.
    pub opus: bool,
    /// Whether the WAV file stays beside it.
    pub keep_wav: bool,
    /// Whether the carrier's own recordings are deleted there once they are stored here: in the subaccounts that the platform
    /// made, where a tenant does not say.
    pub delete_at_carrier: bool,
    /// Where recordings stay; `None`: in the data folder.
    pub folder: Option<PathBuf>,
    /// Signs links to recordings in a folder; `None`: made once, in the data folder.
    pub link_secret: Option<Secret>,
    /// A bucket where recordings stay instead.
    pub s3: RecordingBucket,
}

impl Default for Recording {
    fn default() -> Self {
        Self {
            opus: false,
            keep_wav: true,
            delete_at_carrier: true,
            folder: None,
            link_secret: None,
            s3: RecordingBucket::default(),
        }
    }
}

/// A bucket of S3, or of what speaks its protocol.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RecordingBucket {
    /// Its name; `None`: recordings stay in a folder.
    pub bucket: Option<String>,
    /// The region that requests are signed for.
    pub region: String,
    /// Where a compatible server is; `None`: Amazon.
    pub endpoint: Option<String>,
    /// Where those who follow a link reach it, if that is another address.
    pub public_endpoint: Option<String>,
    /// The key's id.
    pub access_key_id: Option<String>,
    /// The key.
    pub secret_access_key: Option<Secret>,
    /// For temporary credentials.
    pub session_token: Option<Secret>,
    /// Whether the other side is asked to encrypt each object with its own keys.
    pub encrypt: bool,
}

impl Default for RecordingBucket {
    fn default() -> Self {
        Self {
            bucket: None,
            region: "us-east-1".to_owned(),
            endpoint: None,
            public_endpoint: None,
            access_key_id: None,
            secret_access_key: None,
            session_token: None,
            encrypt: true,
        }
    }
}
