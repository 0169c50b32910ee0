//! What a recording sounds like, and the files of messages, streamed: a long call is never held in memory.

use crate::{
    Account, TwilioError,
    client::{Request, causes, given_up, refusal},
    limits::Share,
    retry::{Failure, Repetition},
};
use bytes::Bytes;
use futures_util::{Stream, stream};
use reqwest::{Method, Response, header};
use std::time::Duration;
use tokio::time::timeout;
use url::Url;

/// Redirects to the storage that are followed.
const REDIRECTS: usize = 3;

/// An open download.
#[derive(Debug)]
pub struct Media {
    doing: &'static str,
    response: Response,
    idle: Duration,
}

impl Media {
    /// Its length in bytes, where it is known beforehand.
    #[must_use]
    pub fn content_length(&self) -> Option<u64> {
        self.response.content_length()
    }

    /// `audio/x-wav`, `audio/mpeg`.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.response.headers().get(header::CONTENT_TYPE)?.to_str().ok()
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// If the connection breaks off, or nothing came for too long. The download has to begin anew then.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, TwilioError> {
        let lost = |cause| TwilioError::NoAnswer { doing: self.doing, cause };
        match timeout(self.idle, self.response.chunk()).await {
            Ok(Ok(chunk)) => Ok(chunk),
            Ok(Err(error)) => Err(lost(causes(&error))),
            Err(_) => Err(lost(format!("nothing for {:?}", self.idle))),
        }
    }

    /// The pieces as a stream; it ends after the first error.
    pub fn into_stream(self) -> impl Stream<Item = Result<Bytes, TwilioError>> {
        stream::try_unfold(
            self,
            |mut media| async move { Ok(media.chunk().await?.map(|chunk| (chunk, media))) },
        )
    }
}

impl Account {
    /// Opens a file of a message.
    ///
    /// # Errors
    /// See [`TwilioError`]; [`TwilioError::Invalid`] for what are no ids.
    pub async fn message_media(&self, message: &str, file: &str) -> Result<Media, TwilioError> {
        const DOING: &str = "downloading a message's file";
        let url = self.url(&["Messages", sid(DOING, message)?, "Media", sid(DOING, file)?]);
        self.media(DOING, url).await
    }

    /// Deletes a file of a message at Twilio, for good.
    ///
    /// # Errors
    /// See [`TwilioError`].
    pub async fn delete_message_media(&self, message: &str, file: &str) -> Result<(), TwilioError> {
        const DOING: &str = "deleting a message's file";
        let file = format!("{}.json", sid(DOING, file)?);
        self.delete(DOING, self.url(&["Messages", sid(DOING, message)?, "Media", &file])).await
    }

    /// Opens a download. Twilio may send us on to its storage, which must not see the credential.
    pub(crate) async fn media(&self, doing: &'static str, url: Url) -> Result<Media, TwilioError> {
        let options = self.client().options();
        let repetition = Repetition::Harmless;
        let request = Request { doing, method: Method::GET, url, body: None, repetition, share: Share::Rest };
        let lost =
            || TwilioError::NoAnswer { doing, cause: format!("no answer within {:?}", options.answer) };
        let mut response = timeout(options.answer, self.client().open(self, &request))
            .await
            .map_err(|_| lost())?
            .map_err(|failure| given_up(doing, failure))?;
        for _ in 0..REDIRECTS {
            if !response.status().is_redirection() {
                break;
            }
            let target = redirect(&request.url, &response).ok_or_else(|| TwilioError::Misunderstood {
                doing,
                cause: "a redirect to nowhere".to_owned(),
            })?;
            response = timeout(options.answer, self.client().http().get(target).send())
                .await
                .map_err(|_| lost())?
                .map_err(|error| TwilioError::NoAnswer { doing, cause: causes(&error) })?;
        }
        let (status, headers) = (response.status(), response.headers().clone());
        let mut media = Media { doing, response, idle: options.media_idle };
        if status.is_success() {
            return Ok(media);
        }
        // An error's body is short: its first piece says what there is to say.
        let body = media.chunk().await.ok().flatten().unwrap_or_default();
        Err(given_up(doing, Failure::Refused(Box::new(refusal(self, status, &headers, &body)))))
    }
}

/// An id as Twilio makes them; nothing else comes into an address.
fn sid<'s>(doing: &'static str, text: &'s str) -> Result<&'s str, TwilioError> {
    let is_sid = text.len() == 34 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_sid.then_some(text).ok_or_else(|| TwilioError::Invalid { doing, reason: "that is no id".to_owned() })
}

/// Where a response sends us: never from `https` to anything else.
fn redirect(from: &Url, response: &Response) -> Option<Url> {
    let location = response.headers().get(header::LOCATION)?.to_str().ok()?;
    let target = from.join(location).ok()?;
    (target.scheme() == "https" || target.scheme() == from.scheme()).then_some(target)
}
