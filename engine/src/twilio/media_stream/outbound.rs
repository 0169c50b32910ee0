//! Writes the three messages that the carrier accepts, by template: it drops a message that has any other
//! field. All of them are appended to the buffer, which the caller empties and reuses.

use super::StreamSid;
use base64_simd::{AsOut, STANDARD};
use bytes::{BufMut, BytesMut};

/// Bytes that base64 turns into one group of four characters.
const GROUP: usize = 3;

/// Appends a `media` message with the mu-law bytes of all `parts`, in order, as one payload. Keep them below
/// 6,000 bytes in all: the carrier names no limit, and 8 kB of base64 is known to be taken.
pub fn write_media<'a>(
    message: &mut BytesMut,
    stream_sid: &StreamSid,
    parts: impl IntoIterator<Item = &'a [u8]>,
) {
    begin(message, "media", stream_sid);
    message.put_slice(br#","media":{"payload":""#);
    write_base64(message, parts);
    message.put_slice(br#""}}"#);
}

/// Appends a `mark` message: the carrier sends the name back when everything before it has been played.
pub fn write_mark(message: &mut BytesMut, stream_sid: &StreamSid, name: &str) {
    begin(message, "mark", stream_sid);
    message.put_slice(br#","mark":{"name":""#);
    write_escaped(message, name);
    message.put_slice(br#""}}"#);
}

/// Appends a `clear` message: the carrier forgets what it has not played and returns all marks.
pub fn write_clear(message: &mut BytesMut, stream_sid: &StreamSid) {
    begin(message, "clear", stream_sid);
    message.put_u8(b'}');
}

fn begin(message: &mut BytesMut, event: &str, stream_sid: &StreamSid) {
    message.put_slice(br#"{"event":""#);
    message.put_slice(event.as_bytes());
    message.put_slice(br#"","streamSid":""#);
    message.put_slice(stream_sid.as_str().as_bytes());
    message.put_u8(b'"');
}

/// Base64 of the concatenation: what is left of a part after whole groups waits for the next part.
fn write_base64<'a>(message: &mut BytesMut, parts: impl IntoIterator<Item = &'a [u8]>) {
    let mut group = [0_u8; GROUP];
    let mut waiting = 0;
    for mut part in parts {
        if waiting > 0 {
            let taken = part.len().min(GROUP - waiting);
            group[waiting..waiting + taken].copy_from_slice(&part[..taken]);
            waiting += taken;
            part = &part[taken..];
            if waiting < GROUP {
                continue;
            }
            encode(message, &group);
        }
        let (whole, rest) = part.split_at(part.len() - part.len() % GROUP);
        encode(message, whole);
        group[..rest.len()].copy_from_slice(rest);
        waiting = rest.len();
    }
    encode(message, &group[..waiting]);
}

fn encode(message: &mut BytesMut, bytes: &[u8]) {
    let from = message.len();
    let length = STANDARD.encoded_length(bytes.len());
    message.resize(from + length, 0);
    let encoded = STANDARD.encode(bytes, message[from..].as_out());
    debug_assert_eq!(encoded.len(), length);
}

fn write_escaped(message: &mut BytesMut, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => message.put_slice(&[b'\\', byte]),
            0..=0x1f => {
                message.put_slice(br"\u00");
                message.put_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 0xf)]]);
            }
            _ => message.put_u8(byte),
        }
    }
}
