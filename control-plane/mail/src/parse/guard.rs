//! What is done to a mail before the library reads it, so that no mail can bring the program down.
//!
//! The library holds a mail within a mail as a value within a value, and lets go of it, and copies it where it was encoded, by calling
//! itself for each level. A mail of some hundred thousand levels, which fits into some megabytes, would run it out of stack, which
//! nothing catches. So a mail may have only so many parts, and what is in an encoded mail within a mail is not looked at (RFC 2046
//! 5.2.1 does not allow to encode one).

use std::borrow::Cow;

/// Headers `Content-Type` in all of a mail. Beyond it only the mail's own headers are read. A mail with files has ten.
const MOST_PARTS: usize = 200;
const CONTENT_TYPE: &[u8] = b"content-type";
const ENCODING: &[u8] = b"content-transfer-encoding";

/// A mail that can be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Guarded<'a> {
    /// All of it.
    Whole(Cow<'a, [u8]>),
    /// It has too many parts: its headers.
    HeadersOnly,
}

pub(super) fn guard(raw: &[u8]) -> Guarded<'_> {
    let blocks = blocks(raw);
    if blocks.iter().map(|block| block.types).sum::<usize>() > MOST_PARTS {
        return Guarded::HeadersOnly;
    }
    let has_digest = blocks
        .iter()
        .any(|block| block.types > 0 && contains(within(raw, block.start, block.end), b"digest"));
    let mut mail = Cow::Borrowed(raw);
    for block in &blocks {
        if block.encodings.is_empty() {
            continue;
        }
        let text = within(raw, block.start, block.end);
        let is_mail =
            contains(text, b"rfc822") || contains(text, b"global") || (has_digest && block.types == 0);
        // The header gets another name, and the mail in this part stays what it is: not decoded.
        for encoding in block.encodings.iter().filter(|_| is_mail) {
            if let Some(byte) = mail.to_mut().get_mut(*encoding) {
                *byte = b'X';
            }
        }
    }
    Guarded::Whole(mail)
}

/// Lines without an empty one between them. All headers of a part are in one, whatever else is.
#[derive(Debug, Default)]
struct Block {
    start: usize,
    end: usize,
    /// Lines that begin with `Content-Type`.
    types: usize,
    /// Where lines are that begin with `Content-Transfer-Encoding`.
    encodings: Vec<usize>,
}

fn blocks(raw: &[u8]) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut block = Block::default();
    let mut at = 0;
    for line in raw.split_inclusive(|byte| *byte == b'\n') {
        let text = line.trim_ascii_start();
        let begins =
            |name: &[u8]| text.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
        if text.is_empty() {
            if block.types > 0 || !block.encodings.is_empty() {
                blocks.push(Block { end: at, ..block });
            }
            block = Block { start: at + line.len(), ..Block::default() };
        } else if begins(CONTENT_TYPE) {
            block.types += 1;
        } else if begins(ENCODING) {
            block.encodings.push(at + line.len() - text.len());
        }
        at += line.len();
    }
    if block.types > 0 || !block.encodings.is_empty() {
        blocks.push(Block { end: raw.len(), ..block });
    }
    blocks
}

fn within(raw: &[u8], start: usize, end: usize) -> &[u8] {
    raw.get(start..end).unwrap_or_default()
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(raw: &str) -> Option<String> {
        match guard(raw.as_bytes()) {
            Guarded::Whole(Cow::Borrowed(_)) => None,
            Guarded::Whole(Cow::Owned(mail)) => Some(String::from_utf8(mail).unwrap()),
            Guarded::HeadersOnly => panic!("too many parts"),
        }
    }

    #[test]
    fn only_a_mail_within_a_mail_stays_encoded() {
        assert_eq!(
            changed(
                "Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\nrfc822 global digest\r\n"
            ),
            None
        );
        assert_eq!(
            changed("Content-Type: message/rfc822\r\n\r\nContent-Transfer-Encoding: base64\r\n\r\nxx"),
            None
        );
        let encoded = "A: b\r\n\r\n--b\r\nContent-Type: Message/\r\n RFC822\r\n\tContent-Transfer-Encoding: base64\r\n\r\nxx";
        assert_eq!(changed(encoded).unwrap(), encoded.replace("Content-Transfer", "Xontent-Transfer"));
        let twice = "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 7bit\r\nContent-Transfer-Encoding: base64\r\n\r\nxx";
        assert_eq!(changed(twice).unwrap(), twice.replace("Content-Transfer", "Xontent-Transfer"));
        let digest = "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\nxx";
        assert_eq!(changed(digest).unwrap(), digest.replace("Content-Transfer", "Xontent-Transfer"));
    }

    #[test]
    fn parts_are_counted_however_they_are_written() {
        let parts = |count: usize| "\r\n  CONTENT-TYPE : text/plain\r\n".repeat(count);
        assert!(matches!(guard(parts(MOST_PARTS).as_bytes()), Guarded::Whole(_)));
        assert_eq!(guard(parts(MOST_PARTS + 1).as_bytes()), Guarded::HeadersOnly);
    }
}
