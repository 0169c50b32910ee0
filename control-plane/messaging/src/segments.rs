//! How many parts a text message has, and which alphabet it needs: what it costs.
//!
//! GSM-7 (3GPP TS 23.038, default alphabet and its extension table) while every character is in it, UCS-2 otherwise. One part holds 160 or 70
//! units, each of several 153 or 67. A character of two units is never split.

use crate::words::words;
use serde::Serialize;

words! {
    /// The alphabet of a text message.
    pub enum Encoding, "encoding" {
        /// The GSM default alphabet.
        Gsm7 => "gsm7",
        /// Two bytes a unit.
        Ucs2 => "ucs2",
    }
}

/// The default alphabet, without its escape.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// Those that need an escape before them, and so two units.
const EXTENSION: &str = "\u{c}^{}\\[~]|€";

/// What a text needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Segments {
    /// The alphabet.
    pub encoding: Encoding,
    /// Units of the alphabet, escapes counted.
    pub units: usize,
    /// Parts; none for an empty text.
    pub segments: usize,
    /// The characters that are why it is not GSM-7, each once, the first few.
    pub outside_gsm7: Vec<char>,
}

/// Most characters that are named as outside of GSM-7.
const NAMED_MAX: usize = 8;

/// Counts the parts of a text.
#[must_use]
pub fn count(text: &str) -> Segments {
    let mut outside_gsm7: Vec<char> = Vec::new();
    let mut encoding = Encoding::Gsm7;
    for c in text.chars().filter(|c| gsm7_units(*c).is_none()) {
        encoding = Encoding::Ucs2;
        if outside_gsm7.len() < NAMED_MAX && !outside_gsm7.contains(&c) {
            outside_gsm7.push(c);
        }
    }
    let widths = || text.chars().map(|c| units(c, encoding));
    let all: usize = widths().sum();
    let (single, several) = capacity(encoding);
    let segments = if all <= single { all.min(1) } else { packed(widths(), several) };
    Segments { encoding, units: all, segments, outside_gsm7 }
}

/// Splits a text into its parts, as a phone would put them together again.
#[must_use]
pub fn split(text: &str) -> Vec<&str> {
    let counted = count(text);
    if counted.segments <= 1 {
        return if text.is_empty() { Vec::new() } else { vec![text] };
    }
    let (_, several) = capacity(counted.encoding);
    let (mut parts, mut from, mut used) = (Vec::new(), 0, 0);
    for (at, c) in text.char_indices() {
        let width = units(c, counted.encoding);
        if used + width > several {
            parts.push(&text[from..at]);
            (from, used) = (at, 0);
        }
        used += width;
    }
    parts.push(&text[from..]);
    parts
}

/// Units of one part, if there is one, and of each, if there are several.
const fn capacity(encoding: Encoding) -> (usize, usize) {
    match encoding {
        Encoding::Gsm7 => (160, 153),
        Encoding::Ucs2 => (70, 67),
    }
}

fn packed(widths: impl Iterator<Item = usize>, capacity: usize) -> usize {
    let (mut segments, mut used) = (1, 0);
    for width in widths {
        if used + width > capacity {
            segments += 1;
            used = 0;
        }
        used += width;
    }
    segments
}

fn units(c: char, encoding: Encoding) -> usize {
    match encoding {
        Encoding::Gsm7 => gsm7_units(c).unwrap_or(1),
        Encoding::Ucs2 => c.len_utf16(),
    }
}

fn gsm7_units(c: char) -> Option<usize> {
    if c.is_ascii_alphanumeric() || c == ' ' || BASIC.contains(c) {
        Some(1)
    } else if EXTENSION.contains(c) {
        Some(2)
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
