//! The comment header, the stream's second packet (RFC 7845, section 5.2).

use crate::{page::OWN_PACKET_MAX, reader::ReadError, writer::WriteError};

#[cfg(test)]
mod tests;

const MAGIC: &[u8; 8] = b"OpusTags";
const VENDOR: &str = concat!("audio-opus ", env!("CARGO_PKG_VERSION"));

/// What is said about a recording: names, such as `TITLE`, with values. A name may occur more than once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tags {
    vendor: String,
    comments: Vec<(String, String)>,
}

impl Default for Tags {
    fn default() -> Self {
        Self { vendor: VENDOR.to_owned(), comments: Vec::new() }
    }
}

impl Tags {
    /// No tags but who made the file.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with one more. Whether the name can be one is checked when it is written: ASCII from space to `}`
    /// without `=`.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.comments.push((name.into(), value.into()));
        self
    }

    /// Which program made the file.
    #[must_use]
    pub fn vendor(&self) -> &str {
        &self.vendor
    }

    /// Names and values, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.comments.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The first value of this name, whose case does not matter.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, WriteError> {
        let mut bytes = MAGIC.to_vec();
        put(&mut bytes, &[&self.vendor])?;
        bytes.extend_from_slice(&length(self.comments.len())?);
        for (name, value) in &self.comments {
            let valid = name.bytes().all(|byte| (0x20..=0x7D).contains(&byte) && byte != b'=');
            if name.is_empty() || !valid {
                return Err(WriteError::TagName(name.clone()));
            }
            put(&mut bytes, &[name, "=", value])?;
        }
        if bytes.len() > OWN_PACKET_MAX { Err(WriteError::TagsTooLong) } else { Ok(bytes) }
    }

    /// Reads the packet. What is not UTF-8 is replaced, and what has no `=` is left out.
    pub(crate) fn parse(packet: &[u8]) -> Result<Self, ReadError> {
        let mut rest = packet.strip_prefix(MAGIC).ok_or(ReadError::Tags)?;
        let vendor = take(&mut rest)?;
        let count = take_length(&mut rest)?;
        let mut comments = Vec::new();
        for _ in 0..count {
            // Each takes at least the four bytes of its length, so a wrong count ends here.
            let comment = take(&mut rest)?;
            if let Some((name, value)) = comment.split_once('=') {
                comments.push((name.to_owned(), value.to_owned()));
            }
        }
        Ok(Self { vendor, comments })
    }
}

fn length(len: usize) -> Result<[u8; 4], WriteError> {
    u32::try_from(len).map(u32::to_le_bytes).map_err(|_| WriteError::TagsTooLong)
}

fn put(bytes: &mut Vec<u8>, parts: &[&str]) -> Result<(), WriteError> {
    bytes.extend_from_slice(&length(parts.iter().map(|part| part.len()).sum())?);
    for part in parts {
        bytes.extend_from_slice(part.as_bytes());
    }
    Ok(())
}

fn take_length(rest: &mut &[u8]) -> Result<usize, ReadError> {
    let (length, behind) = rest.split_first_chunk::<4>().ok_or(ReadError::Tags)?;
    *rest = behind;
    usize::try_from(u32::from_le_bytes(*length)).map_err(|_| ReadError::Tags)
}

fn take(rest: &mut &[u8]) -> Result<String, ReadError> {
    let length = take_length(rest)?;
    let (text, behind) = rest.split_at_checked(length).ok_or(ReadError::Tags)?;
    *rest = behind;
    Ok(String::from_utf8_lossy(text).into_owned())
}
