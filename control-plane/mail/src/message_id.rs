//! `Message-ID`s, without their angle brackets.

use std::{fmt, str::FromStr};

/// Longest id, in bytes: it has to fit into a line of 998 with its header's name. Ids in use have less than 200.
const LONGEST: usize = 900;

/// Why something is no message id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a message id has the form left@right, without spaces, angle brackets and other than ASCII characters"
)]
pub struct MessageIdError;

/// The id of one mail, such as `01890a5d@mail.tandem.example`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(String);

impl MessageId {
    /// Checks an id; angle brackets around it are taken off.
    ///
    /// # Errors
    /// If it cannot stand in a header. Some servers write ids without an `@`: those are taken from received mail all the same.
    pub fn parse(text: &str) -> Result<Self, MessageIdError> {
        let id = Self::received(text).ok_or(MessageIdError)?;
        match id.0.split_once('@') {
            Some((left, right)) if !left.is_empty() && !right.is_empty() => Ok(id),
            Some(_) | None => Err(MessageIdError),
        }
    }

    /// What somebody else's server calls an id, as long as it can be repeated in a header.
    pub(crate) fn received(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.strip_prefix('<').unwrap_or(text);
        let text = text.strip_suffix('>').unwrap_or(text);
        let fits = !text.is_empty() && text.len() <= LONGEST;
        let clean = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'<' && byte != b'>');
        (fits && clean).then(|| Self(text.to_owned()))
    }

    /// Without angle brackets.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As headers have it.
    pub(crate) fn in_brackets(&self) -> String {
        format!("<{}>", self.0)
    }
}

impl FromStr for MessageId {
    type Err = MessageIdError;

    fn from_str(text: &str) -> Result<Self, MessageIdError> {
        Self::parse(text)
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_taken_with_and_without_brackets_and_never_with_what_ends_a_header() {
        assert_eq!(MessageId::parse(" <a@b> ").unwrap(), MessageId::parse("a@b").unwrap());
        for bad in ["", "<>", "a", "@b", "a@", "a b@c", "a\r\nBcc: x@y", "<a@b> <c@d>", "ä@b"] {
            assert_eq!(MessageId::parse(bad), Err(MessageIdError), "{bad:?}");
        }
        assert_eq!(MessageId::received("local-id").unwrap().as_str(), "local-id");
        assert!(MessageId::received(&"a".repeat(901)).is_none());
    }
}
