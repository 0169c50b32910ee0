//! A bucket of S3, or of what speaks its protocol.
//!
//! An object is uploaded with one request, which S3 takes up to 5 GB: a stereo WAV file of 43 hours. It either arrives whole,
//! with the SHA-256 that was signed, or not at all; there are no parts that could be left behind. Nothing is sent again
//! by itself but for one case: if the other side says that our clock is wrong, its own is believed from then on.

use crate::{
    Key, Link, LocalFile, Object, ObjectError, ObjectFuture, ObjectInfo, ObjectStore, PlaceKind,
    links::LONGEST,
};
use bytes::Bytes;
use engine::provider::http::http_client;
use futures_util::{FutureExt, StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use reqwest::{Method, RequestBuilder, Response, StatusCode, header};
use sign::{Signer, Unsigned};
use std::{
    fmt,
    ops::Range,
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};
use tokio::time::timeout;
use transfer::Progress;
use url::Url;

mod answer;
mod options;
mod sign;
mod transfer;

pub use options::{Encryption, S3Options};

/// SHA-256 of nothing.
const NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/// S3 takes no more in one request.
const LARGEST: u64 = 5 * 1024 * 1024 * 1024;

/// A bucket.
pub struct S3 {
    options: S3Options,
    signer: Signer,
    http: reqwest::Client,
    /// Where the bucket is, and where it is for those who follow links.
    bucket: Url,
    public_bucket: Url,
    /// How far the other side's clock is ahead of ours, in s.
    ahead_s: AtomicI64,
}

impl fmt::Debug for S3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3").field("bucket", &self.bucket.as_str()).finish_non_exhaustive()
    }
}

/// A request before it is signed.
struct Ask<'a> {
    doing: &'static str,
    method: Method,
    key: &'a Key,
    headers: Vec<(&'static str, String)>,
    file: Option<&'a LocalFile>,
}

impl S3 {
    /// Makes the client; nothing is sent yet.
    ///
    /// # Errors
    /// When the bucket has no address, or the HTTP client cannot be made.
    pub fn new(options: S3Options) -> Result<Self, ObjectError> {
        let http = http_client(options.http).map_err(|error| ObjectError::Unavailable {
            doing: "making the client",
            cause: error.to_string(),
        })?;
        let signer = Signer {
            access_key_id: options.access_key_id.clone(),
            secret_access_key: options.secret_access_key.clone(),
            session_token: options.session_token.clone(),
            region: options.region.clone(),
        };
        let bucket = bucket(&options, &options.endpoint)?;
        let public_bucket = bucket_of_links(&options)?;
        Ok(Self { options, signer, http, bucket, public_bucket, ahead_s: AtomicI64::new(0) })
    }

    fn now(&self) -> Timestamp {
        let ahead = SignedDuration::from_secs(self.ahead_s.load(Ordering::Relaxed));
        let now = Timestamp::now();
        now.checked_add(ahead).unwrap_or(now)
    }

    /// Sends the request, once more if our clock was the reason for a refusal.
    async fn send(&self, ask: &Ask<'_>) -> Result<Response, ObjectError> {
        let response = self.send_once(ask).await?;
        if response.status() != StatusCode::FORBIDDEN {
            return Ok(response);
        }
        let date = response.headers().get(header::DATE).cloned();
        let refusal = answer::refusal(ask.doing, response, self.options.idle).await;
        let is_skew = matches!(&refusal, ObjectError::Refused { code, .. } if code == "RequestTimeTooSkewed");
        match date.as_ref().and_then(answer::http_date) {
            Some(theirs) if is_skew => {
                let ahead = theirs.as_second() - Timestamp::now().as_second();
                self.ahead_s.store(ahead, Ordering::Relaxed);
                tracing::warn!(
                    ahead_s = ahead,
                    "the object store's clock and ours lie apart: its own is believed"
                );
                self.send_once(ask).await
            }
            Some(_) | None => Err(refusal),
        }
    }

    async fn send_once(&self, ask: &Ask<'_>) -> Result<Response, ObjectError> {
        let progress = Progress::default();
        let request = match ask.file {
            Some(file) => {
                let body = transfer::body(file, progress.clone()).await?;
                self.signed(ask).header(header::CONTENT_LENGTH, file.length).body(body)
            }
            None => self.signed(ask),
        };
        let sending = request.send();
        tokio::select! {
            answer = sending => answer.map_err(|error| match ask.file {
                // The connection was given up because of the file.
                Some(file) if progress.has_changed() => ObjectError::Changed { path: file.path.clone() },
                Some(_) | None => unavailable(ask.doing, answer::causes(&error)),
            }),
            () = progress.stalled(self.options.idle, self.options.answer) => {
                Err(unavailable(ask.doing, "no progress for too long".to_owned()))
            }
        }
    }

    fn signed(&self, ask: &Ask<'_>) -> RequestBuilder {
        let url = object(&self.bucket, ask.key);
        let unsigned = Unsigned {
            method: ask.method.as_str(),
            host: &host(&url),
            path: url.path(),
            query: &[],
            headers: &ask.headers,
            payload_sha256: ask.file.map_or(NOTHING, |file| &file.sha256),
        };
        let headers = self.signer.headers(&unsigned, self.now());
        let request = self.http.request(ask.method.clone(), url);
        headers.into_iter().fold(request, |request, (name, value)| request.header(name, value))
    }

    fn ask<'a>(doing: &'static str, method: Method, key: &'a Key) -> Ask<'a> {
        Ask { doing, method, key, headers: Vec::new(), file: None }
    }

    async fn put_file(&self, key: &Key, file: &LocalFile) -> Result<(), ObjectError> {
        let doing = "storing an object";
        if file.length > LARGEST {
            let code = "EntityTooLarge".to_owned();
            return Err(ObjectError::Refused { doing, status: 400, code });
        }
        let mut headers = vec![("content-type", file.media_type.clone())];
        if self.options.encryption == Encryption::Aes256 {
            headers.push(("x-amz-server-side-encryption", "AES256".to_owned()));
        }
        let response =
            self.send(&Ask { headers, file: Some(file), ..Self::ask(doing, Method::PUT, key) }).await?;
        if response.status().is_success() {
            return Ok(());
        }
        Err(answer::refusal(doing, response, self.options.idle).await)
    }

    async fn open(&self, key: &Key, range: Option<Range<u64>>) -> Result<Object, ObjectError> {
        let doing = "reading an object";
        let mut ask = Self::ask(doing, Method::GET, key);
        if let Some(range) = &range {
            ask.headers.push(("range", format!("bytes={}-{}", range.start, range.end.saturating_sub(1))));
        }
        let response = self.send(&ask).await?;
        let object = match response.status() {
            StatusCode::OK => response.content_length().map(|length| (length, 0..length)),
            StatusCode::PARTIAL_CONTENT => answer::content_range(response.headers()),
            _ => return Err(answer::refusal(doing, response, self.options.idle).await),
        };
        let Some((length, range)) = object else {
            return Err(unavailable(doing, "it does not say how long the object is".to_owned()));
        };
        let left = range.end - range.start;
        Ok(Object { length, range, body: pieces(doing, response, left, self.options.idle).boxed() })
    }

    async fn look(&self, key: &Key) -> Result<Option<ObjectInfo>, ObjectError> {
        let doing = "looking at an object";
        let response = self.send(&Self::ask(doing, Method::HEAD, key)).await?;
        match response.status() {
            StatusCode::OK => {
                let text = |name| response.headers().get(name)?.to_str().ok();
                let length = text(header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
                let length =
                    length.ok_or_else(|| unavailable(doing, "it does not say how long it is".to_owned()))?;
                Ok(Some(ObjectInfo { length, media_type: text(header::CONTENT_TYPE).map(str::to_owned) }))
            }
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(answer::refusal(doing, response, self.options.idle).await),
        }
    }

    async fn remove(&self, key: &Key) -> Result<(), ObjectError> {
        let doing = "deleting an object";
        let response = self.send(&Self::ask(doing, Method::DELETE, key)).await?;
        if response.status().is_success() {
            return Ok(());
        }
        match answer::refusal(doing, response, self.options.idle).await {
            ObjectError::Missing => Ok(()),
            refusal => Err(refusal),
        }
    }
}

impl ObjectStore for S3 {
    fn kind(&self) -> PlaceKind {
        PlaceKind::S3
    }

    fn put<'a>(&'a self, key: &'a Key, file: &'a LocalFile) -> ObjectFuture<'a, ()> {
        self.put_file(key, file).boxed()
    }

    fn get<'a>(&'a self, key: &'a Key, range: Option<Range<u64>>) -> ObjectFuture<'a, Object> {
        self.open(key, range).boxed()
    }

    fn head<'a>(&'a self, key: &'a Key) -> ObjectFuture<'a, Option<ObjectInfo>> {
        self.look(key).boxed()
    }

    fn delete<'a>(&'a self, key: &'a Key) -> ObjectFuture<'a, ()> {
        self.remove(key).boxed()
    }

    fn signed_url(&self, key: &Key, link: &Link, now: Timestamp) -> Result<Url, ObjectError> {
        if !link.is_plain() {
            return Err(ObjectError::Link("its media type or file name needs quoting"));
        }
        if link.lasts > LONGEST || link.lasts < Duration::from_secs(1) {
            return Err(ObjectError::Link("a link lasts from one second to seven days"));
        }
        let mut url = object(&self.public_bucket, key);
        let query = [
            ("response-content-disposition", link.disposition()),
            ("response-content-type", link.media_type.clone()),
        ];
        let unsigned = Unsigned {
            method: "GET",
            host: &host(&url),
            path: url.path(),
            query: &query,
            headers: &[],
            payload_sha256: NOTHING,
        };
        let ahead = SignedDuration::from_secs(self.ahead_s.load(Ordering::Relaxed));
        let at = now.checked_add(ahead).unwrap_or(now);
        let query = self.signer.presigned_query(&unsigned, link.lasts.as_secs(), at);
        url.set_query(Some(&query));
        Ok(url)
    }
}

fn unavailable(doing: &'static str, cause: String) -> ObjectError {
    ObjectError::Unavailable { doing, cause }
}

fn bucket_of_links(options: &S3Options) -> Result<Url, ObjectError> {
    bucket(options, options.public_endpoint.as_ref().unwrap_or(&options.endpoint))
}

/// Where the bucket is.
fn bucket(options: &S3Options, endpoint: &Url) -> Result<Url, ObjectError> {
    let wrong = ObjectError::Link("the bucket has no address");
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
    if options.bucket.is_empty() || !options.bucket.bytes().all(is_name) || endpoint.cannot_be_a_base() {
        return Err(wrong);
    }
    let mut url = endpoint.clone();
    url.set_query(None);
    if options.path_style {
        url.set_path(&format!("{}/{}", endpoint.path().trim_end_matches('/'), options.bucket));
        return Ok(url);
    }
    let host = endpoint.host_str().map(|host| format!("{}.{host}", options.bucket));
    match url.set_host(host.as_deref()) {
        Ok(()) => Ok(url),
        Err(_) => Err(wrong),
    }
}

fn object(bucket: &Url, key: &Key) -> Url {
    let mut url = bucket.clone();
    url.set_path(&format!("{}/{key}", bucket.path().trim_end_matches('/')));
    url
}

/// As the header `host` has it.
fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The body, `left` bytes of it.
fn pieces(
    doing: &'static str,
    response: Response,
    left: u64,
    idle: Duration,
) -> impl futures_util::Stream<Item = Result<Bytes, ObjectError>> + Send {
    stream::try_unfold((response, left), move |(mut response, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        match timeout(idle, response.chunk()).await {
            Ok(Ok(Some(piece))) => {
                let left = left.saturating_sub(piece.len() as u64);
                Ok(Some((piece, (response, left))))
            }
            Ok(Ok(None)) => Err(unavailable(doing, "it ended before it was complete".to_owned())),
            Ok(Err(error)) => Err(unavailable(doing, answer::causes(&error))),
            Err(_) => Err(unavailable(doing, format!("nothing for {idle:?}"))),
        }
    })
}
