//! Messages to be sent, and what they are on the wire.

use super::{
    message::{Content, MediaKind},
    options::WhapiOptions,
};
use bytes::Bytes;
use serde_json::{Map, Value, json};
use url::Url;

/// Longest time that "typing" can be shown, in s (the API's limit).
const TYPING_MAX_S: u8 = 60;

/// A text to be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewText {
    /// Digits without `+` (`15551230000`), or a chat's id (`…@s.whatsapp.net`, `…@g.us`).
    pub to: String,
    /// The text.
    pub body: String,
    /// The message that it answers.
    pub quoted: Option<String>,
    /// How long the recipient sees that somebody types, in s, at most 60.
    pub typing_s: u8,
    /// No preview of a link in it.
    pub without_preview: bool,
}

/// Where media come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MediaSource {
    /// Whapi fetches it here, without a credential.
    Url(Url),
    /// Sent along; [`WhapiOptions::media_bytes`] is the limit.
    Bytes {
        /// Such as `image/png`.
        mime_type: String,
        /// The file.
        content: Bytes,
    },
}

/// Media to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMedia {
    /// As for [`NewText::to`].
    pub to: String,
    /// What it is.
    pub kind: MediaKind,
    /// Where it comes from.
    pub source: MediaSource,
    /// What it is, where a URL does not tell.
    pub mime_type: Option<String>,
    /// The text below it; nothing for audio, voice and stickers.
    pub caption: Option<String>,
    /// Its name; documents show it.
    pub filename: Option<String>,
    /// The message that it answers.
    pub quoted: Option<String>,
}

/// Whether the API's pattern `^[\d-]{9,31}(@[\w\.]{1,})?$` takes it.
pub(super) fn is_recipient(to: &str) -> bool {
    let (local, domain) = to.split_once('@').map_or((to, None), |(local, domain)| (local, Some(domain)));
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
    (9..=31).contains(&local.len())
        && local.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
        && domain.is_none_or(|domain| !domain.is_empty() && domain.chars().all(is_word))
}

fn recipient(to: &str) -> Result<(), String> {
    if is_recipient(to) {
        Ok(())
    } else {
        Err("the recipient is neither digits without a plus nor a chat's id".to_owned())
    }
}

impl NewText {
    /// What is sent.
    pub(super) fn body(&self) -> Result<Value, String> {
        recipient(&self.to)?;
        if self.body.trim().is_empty() {
            return Err("the text is empty".to_owned());
        }
        let mut body = Map::new();
        body.insert("to".to_owned(), self.to.as_str().into());
        body.insert("body".to_owned(), self.body.as_str().into());
        if let Some(quoted) = &self.quoted {
            body.insert("quoted".to_owned(), quoted.as_str().into());
        }
        if self.typing_s > 0 {
            body.insert("typing_time".to_owned(), self.typing_s.min(TYPING_MAX_S).into());
        }
        if self.without_preview {
            body.insert("no_link_preview".to_owned(), true.into());
        }
        Ok(Value::Object(body))
    }
}

impl NewMedia {
    /// What is sent.
    pub(super) fn body(&self, options: &WhapiOptions) -> Result<Value, String> {
        recipient(&self.to)?;
        let media = match &self.source {
            MediaSource::Url(url) => url.to_string(),
            MediaSource::Bytes { content, .. } if content.len() > options.media_bytes => {
                return Err(format!("the media have more than {} bytes", options.media_bytes));
            }
            MediaSource::Bytes { mime_type, content } => {
                format!("data:{mime_type};base64,{}", base64_simd::STANDARD.encode_to_string(content))
            }
        };
        let mut body = json!({"to": self.to, "media": media});
        let captioned = !matches!(self.kind, MediaKind::Audio | MediaKind::Voice | MediaKind::Sticker);
        let caption = self.caption.as_ref().filter(|_| captioned);
        let fields = [
            ("mime_type", self.mime_type.as_ref()),
            ("caption", caption),
            ("filename", self.filename.as_ref()),
            ("quoted", self.quoted.as_ref()),
        ];
        for (name, value) in fields {
            if let Some(value) = value {
                body[name] = value.as_str().into();
            }
        }
        Ok(body)
    }
}

/// What of a message of ours tells it from others when it is looked for: its text, or its kind and caption.
pub(super) fn looks_like(found: &Content, wanted: &Content) -> bool {
    let same = |a: &str, b: &str| a.trim() == b.trim();
    match (found, wanted) {
        (Content::Text { body: found, .. }, Content::Text { body: wanted, .. }) => same(found, wanted),
        (Content::Media(found), Content::Media(wanted)) => {
            let caption = |media: &super::ReceivedMedia| media.caption.clone().unwrap_or_default();
            found.kind == wanted.kind && same(&caption(found), &caption(wanted))
        }
        (Content::Text { .. } | Content::Media(_), _)
        | (
            Content::Location { .. }
            | Content::Contacts(_)
            | Content::Reaction { .. }
            | Content::Other { .. },
            _,
        ) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipient_is_digits_or_a_chat() {
        for good in [
            "15551230000",
            "15551230000@s.whatsapp.net",
            "120363000000000000@g.us",
            "15551230000-1600000000@g.us",
        ] {
            assert!(is_recipient(good), "{good}");
        }
        for bad in
            ["+15551230000", "123", "", "15551230000@", "1555123000a", "15551230000@a b", "1555123000\u{661}"]
        {
            assert!(!is_recipient(bad), "{bad}");
        }
    }

    #[test]
    fn bytes_go_along_as_a_data_url_and_have_a_limit() {
        let media = |length| NewMedia {
            to: "15551230000".to_owned(),
            kind: MediaKind::Voice,
            source: MediaSource::Bytes { mime_type: "audio/ogg".to_owned(), content: vec![0; length].into() },
            mime_type: None,
            caption: Some("not for voice".to_owned()),
            filename: None,
            quoted: None,
        };
        let options = WhapiOptions { media_bytes: 3, ..WhapiOptions::default() };
        let body = media(3).body(&options).unwrap();
        assert_eq!(body, json!({"to": "15551230000", "media": "data:audio/ogg;base64,AAAA"}));
        assert!(media(4).body(&options).is_err());
    }

    #[test]
    fn nothing_is_made_of_an_empty_text() {
        let text = NewText { to: "15551230000".to_owned(), body: " \n".to_owned(), ..NewText::default() };
        assert!(text.body().is_err());
        let text = NewText { body: "a".to_owned(), typing_s: 200, without_preview: true, ..text };
        let expected = json!({"to": "15551230000", "body": "a", "typing_time": 60, "no_link_preview": true});
        assert_eq!(text.body().unwrap(), expected);
    }
}
