//! What the other side's answers say: errors are XML, dates and ranges are HTTP's.

use crate::ObjectError;
use jiff::Timestamp;
use reqwest::{
    Response, StatusCode,
    header::{self, HeaderMap, HeaderValue},
};
use std::{error::Error, ops::Range, time::Duration};
use tokio::time::timeout;

/// Longest part of an error's body that is read, in bytes.
const LONGEST_ERROR: usize = 16 * 1024;
/// Longest code, in characters: theirs are words.
const LONGEST_CODE: usize = 60;

/// What an answer that is no success means.
pub(super) async fn refusal(doing: &'static str, mut response: Response, idle: Duration) -> ObjectError {
    let status = response.status();
    let mut body = Vec::new();
    while body.len() < LONGEST_ERROR {
        match timeout(idle, response.chunk()).await {
            Ok(Ok(Some(piece))) => body.extend_from_slice(&piece),
            // The status alone says enough when the body breaks off.
            Ok(Ok(None) | Err(_)) | Err(_) => break,
        }
    }
    classify(doing, status, code(&String::from_utf8_lossy(&body)))
}

fn classify(doing: &'static str, status: StatusCode, code: Option<String>) -> ObjectError {
    let code = code.unwrap_or_default();
    match (status.as_u16(), code.as_str()) {
        // A bucket that is not there is a fault of the settings, not a missing object.
        (404, "" | "NoSuchKey") => ObjectError::Missing,
        // `RequestTimeout`: our bytes came too slowly. `BadDigest` and the like: they were damaged on the way.
        (408 | 429 | 500.., _)
        | (_, "RequestTimeout" | "SlowDown" | "BadDigest" | "XAmzContentSHA256Mismatch" | "IncompleteBody") => {
            ObjectError::Unavailable { doing, cause: format!("HTTP {} {code}", status.as_u16()) }
        }
        (status, _) => ObjectError::Refused { doing, status, code },
    }
}

/// The text of `<Code>`, if it is a word.
fn code(body: &str) -> Option<String> {
    let (_, rest) = body.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    let is_word = code.len() <= LONGEST_CODE && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_word.then(|| code.to_owned())
}

/// The time of a `Date` header.
pub(super) fn http_date(value: &HeaderValue) -> Option<Timestamp> {
    jiff::fmt::rfc2822::parse(value.to_str().ok()?).ok().map(|date| date.timestamp())
}

/// The object's whole length and which bytes come, of `Content-Range: bytes 0-9/100`.
pub(super) fn content_range(headers: &HeaderMap) -> Option<(u64, Range<u64>)> {
    let text = headers.get(header::CONTENT_RANGE)?.to_str().ok()?.strip_prefix("bytes ")?;
    let (range, length) = text.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (length, first, last): (u64, u64, u64) =
        (length.parse().ok()?, first.parse().ok()?, last.parse().ok()?);
    (first <= last && last < length).then(|| (length, first..last + 1))
}

/// The whole chain of causes, as text; the URL, which may be signed, is left out.
pub(super) fn causes(error: &reqwest::Error) -> String {
    let mut causes = Vec::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        causes.push(error.to_string());
        cause = error.source();
    }
    if causes.is_empty() { "the request failed".to_owned() } else { causes.join(": ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_helps_when_it_is_tried_again_is_told_from_what_does_not() {
        let kind = |status: u16, code: &str| {
            let code = (!code.is_empty()).then(|| code.to_owned());
            classify("testing", StatusCode::from_u16(status).unwrap(), code)
        };
        assert!(matches!(kind(404, "NoSuchKey"), ObjectError::Missing));
        assert!(matches!(kind(404, ""), ObjectError::Missing));
        for (status, code, again) in [
            (404, "NoSuchBucket", false),
            (403, "SignatureDoesNotMatch", false),
            (403, "AccessDenied", false),
            (301, "PermanentRedirect", false),
            (503, "SlowDown", true),
            (500, "InternalError", true),
            (400, "RequestTimeout", true),
            (400, "XAmzContentSHA256Mismatch", true),
            (400, "EntityTooLarge", false),
        ] {
            assert_eq!(kind(status, code).is_retryable(), again, "{status} {code}");
        }
    }

    #[test]
    fn a_code_is_a_word_or_nothing() {
        assert_eq!(code("<Error><Code>NoSuchKey</Code><Message/></Error>").as_deref(), Some("NoSuchKey"));
        for other in ["", "<Code>", "<Code>a b</Code>", "<html>"] {
            assert_eq!(code(other), None, "{other}");
        }
    }

    #[test]
    fn a_date_is_read_as_http_writes_it() {
        let value = HeaderValue::from_static("Fri, 24 May 2013 00:00:00 GMT");
        assert_eq!(http_date(&value), Some("2013-05-24T00:00:00Z".parse().unwrap()));
        assert_eq!(http_date(&HeaderValue::from_static("today")), None);
    }

    proptest! {
        #[test]
        fn no_answer_makes_reading_it_panic(text in "\\PC{0,40}") {
            prop_assert!(code(&text).is_none_or(|code| code.len() <= LONGEST_CODE));
            if let Ok(value) = HeaderValue::from_str(&text) {
                prop_assert_eq!(http_date(&value), http_date(&value));
                let headers = [(header::CONTENT_RANGE, value)].into_iter().collect();
                if let Some((length, range)) = content_range(&headers) {
                    prop_assert!(range.start < range.end && range.end <= length);
                }
            }
        }
    }
}
