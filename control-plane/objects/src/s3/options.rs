//! How a bucket is reached.

use engine::provider::{Secret, http::HttpOptions};
use std::time::Duration;
use url::Url;

/// How a bucket is reached.
#[derive(Clone, Debug)]
pub struct S3Options {
    /// Where the service is, without the bucket: `https://s3.eu-central-1.amazonaws.com`, a compatible server's address, the
    /// sandbox.
    pub endpoint: Url,
    /// Where those who follow a link reach it, if that is another address: a link is signed for the host that it names.
    pub public_endpoint: Option<Url>,
    /// The region that requests are signed for.
    pub region: String,
    /// The bucket.
    pub bucket: String,
    /// Whether the bucket stands in the path (`host/bucket/key`) and not before the host (`bucket.host/key`). Compatible
    /// servers usually want the path.
    pub path_style: bool,
    /// The key's id.
    pub access_key_id: String,
    /// The key.
    pub secret_access_key: Secret,
    /// For temporary credentials.
    pub session_token: Option<Secret>,
    /// How the other side encrypts what it keeps.
    pub encryption: Encryption,
    /// How connections are made and kept.
    pub http: HttpOptions,
    /// Longest wait for an answer once everything is sent. Default 30 s: a large upload is written down on the other side
    /// first.
    pub answer: Duration,
    /// Longest time without progress while bytes are sent or received. Default 20 s.
    pub idle: Duration,
}

impl S3Options {
    /// A bucket of Amazon's, with the defaults.
    ///
    /// # Errors
    /// When the region makes no host name.
    pub fn amazon(
        region: &str,
        bucket: &str,
        access_key_id: &str,
        secret_access_key: Secret,
    ) -> Result<Self, url::ParseError> {
        let endpoint = Url::parse(&format!("https://s3.{region}.amazonaws.com"))?;
        Ok(Self { path_style: false, ..Self::at(endpoint, region, bucket, access_key_id, secret_access_key) })
    }

    /// A bucket of a compatible server, named in the path, with the defaults.
    #[must_use]
    pub fn at(
        endpoint: Url,
        region: &str,
        bucket: &str,
        access_key_id: &str,
        secret_access_key: Secret,
    ) -> Self {
        Self {
            endpoint,
            public_endpoint: None,
            region: region.to_owned(),
            bucket: bucket.to_owned(),
            path_style: true,
            access_key_id: access_key_id.to_owned(),
            secret_access_key,
            session_token: None,
            encryption: Encryption::Aes256,
            http: HttpOptions::default(),
            answer: Duration::from_secs(30),
            idle: Duration::from_secs(20),
        }
    }
}

/// How the other side encrypts what it keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encryption {
    /// With its own keys, one for each object (SSE-S3).
    #[default]
    Aes256,
    /// As the bucket is set up. For compatible servers that refuse to be asked.
    OfBucket,
}
