//! Secrets that are looked for, and how they are looked for: in plain, in base64, in hexadecimal, percent-encoded and escaped,
//! whole or in part.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

/// So many bytes in a row of a secret are a leak. What is shorter tells nothing of the rest.
const PIECE: usize = 12;

/// A secret that is somewhere on purpose, and may be nowhere else.
#[derive(Clone, Debug)]
pub(super) struct Canary {
    /// Where it was put in, or who made it: `Schema.property` first, for a field of the API.
    pub(super) field: String,
    /// What of it nobody can know otherwise.
    core: String,
}

impl Canary {
    /// A secret that others made.
    pub(super) fn made(field: &str, core: &str) -> Self {
        assert!(core.len() >= PIECE, "{field} is too short to be found: {core}");
        Self { field: field.to_owned(), core: core.to_owned() }
    }
}

/// A text that stands in no other place, and is the same with every run: 24 letters and digits.
pub(super) fn text_for(field: &str) -> String {
    const DIGITS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut text = String::from("Cn");
    for round in 0_u8..3 {
        let mut hasher = DefaultHasher::new();
        (field, round).hash(&mut hasher);
        let mut rest = hasher.finish();
        while rest > 0 && text.len() < 24 {
            text.push(char::from(DIGITS[(rest % 62) as usize]));
            rest /= 62;
        }
    }
    text
}

/// Base64 (RFC 4648, section 4), without padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let word =
            three.iter().chain([0, 0].iter()).take(3).fold(0_u32, |word, byte| word << 8 | u32::from(*byte));
        let digits = (0..=three.len()).map(|digit| DIGITS[(word >> (18 - 6 * digit) & 63) as usize]);
        text.extend(digits.map(char::from));
    }
    text
}

/// The same with its padding.
pub(super) fn base64_padded(bytes: &[u8]) -> String {
    let digits = base64(bytes);
    format!("{digits}{}", "=".repeat(digits.len().next_multiple_of(4) - digits.len()))
}

/// The digits of base64 that follow from these bytes alone when `before` others stand before them.
fn base64_within(bytes: &[u8], before: usize) -> String {
    let padded = [&vec![0; before][..], bytes].concat();
    let whole = base64(&padded);
    // The digits into which bits of a neighbour go.
    let (first, last) = ((before * 8).div_ceil(6), padded.len() * 8 / 6);
    whole[first..last].to_owned()
}

/// Everything that a search looks for.
pub(super) struct Search {
    /// In lower case, with the canary whose it is and the form that it has.
    patterns: Vec<(Vec<u8>, usize, &'static str)>,
    /// Patterns by their first four bytes.
    by_start: BTreeMap<[u8; 4], Vec<usize>>,
    /// Whether any begins with these two bytes.
    starts: Vec<bool>,
    fields: Vec<String>,
    /// Short codes, which are looked for in texts only.
    codes: Vec<String>,
}

/// A secret in a place where it may not be: its field, and the form in which it is there.
pub(super) type Leak = (String, &'static str);

impl Search {
    pub(super) fn new(canaries: &[Canary], codes: &[String]) -> Self {
        let mut patterns = Vec::new();
        for (index, canary) in canaries.iter().enumerate() {
            let core = canary.core.as_bytes();
            // Its pieces one after the other, and the last one whole.
            let starts = (0..=core.len() - PIECE).step_by(PIECE).chain([core.len() - PIECE]);
            for piece in starts.collect::<BTreeSet<_>>().into_iter().map(|start| &core[start..start + PIECE])
            {
                patterns.push((piece.to_vec(), index, "plain"));
                let hex = piece.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
                patterns.push((hex.into_bytes(), index, "hexadecimal"));
                for before in 0..3 {
                    let encoded = base64_within(piece, before);
                    patterns.push((
                        encoded.replace('+', "-").replace('/', "_").into_bytes(),
                        index,
                        "base64url",
                    ));
                    patterns.push((encoded.into_bytes(), index, "base64"));
                }
                let percent = piece.iter().map(|byte| format!("%{byte:02x}")).collect::<String>();
                patterns.push((percent.into_bytes(), index, "percent-encoded"));
                let escaped = piece.iter().map(|byte| format!("\\u{byte:04x}")).collect::<String>();
                patterns.push((escaped.into_bytes(), index, "escaped"));
            }
        }
        let mut by_start: BTreeMap<[u8; 4], Vec<usize>> = BTreeMap::new();
        let mut starts = vec![false; 1 << 16];
        for (index, (pattern, ..)) in patterns.iter_mut().enumerate() {
            pattern.make_ascii_lowercase();
            by_start.entry([pattern[0], pattern[1], pattern[2], pattern[3]]).or_default().push(index);
            starts[usize::from(u16::from_be_bytes([pattern[0], pattern[1]]))] = true;
        }
        let fields = canaries.iter().map(|canary| canary.field.clone()).collect();
        Self { patterns, by_start, starts, fields, codes: codes.to_vec() }
    }

    /// What is in there.
    pub(super) fn leaks(&self, bytes: &[u8]) -> BTreeSet<Leak> {
        let lower = bytes.to_ascii_lowercase();
        let mut found = BTreeSet::new();
        for (at, four) in lower.windows(4).enumerate() {
            if !self.starts[usize::from(u16::from_be_bytes([four[0], four[1]]))] {
                continue;
            }
            let Some(candidates) = self.by_start.get(four) else { continue };
            for &index in candidates {
                let (pattern, canary, form) = &self.patterns[index];
                if lower[at..].starts_with(pattern) {
                    found.insert((self.fields[*canary].clone(), *form));
                }
            }
        }
        found
    }

    /// The same, and one-time codes that stand by themselves. A time with six digits after its point is none.
    pub(super) fn leaks_of_text(&self, bytes: &[u8]) -> BTreeSet<Leak> {
        let mut found = self.leaks(bytes);
        for code in &self.codes {
            let length = code.len();
            for (at, _) in bytes.windows(length).enumerate().filter(|(_, window)| *window == code.as_bytes())
            {
                let before = at.checked_sub(1).map_or(b' ', |at| bytes[at]);
                let after = bytes.get(at + length).copied().unwrap_or(b' ');
                if !before.is_ascii_alphanumeric() && before != b'.' && !after.is_ascii_alphanumeric() {
                    found.insert((format!("code {code}"), "plain"));
                }
            }
        }
        found
    }
}

#[test]
fn a_secret_is_found_in_every_form_and_in_part() {
    let canary = Canary::made("it", &text_for("it"));
    let search = Search::new(std::slice::from_ref(&canary), &["482913".to_owned()]);
    let core = canary.core.clone();
    let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02X}")).collect::<String>();
    let places = [
        (format!("key={core}&x"), "plain"),
        (core[..14].to_uppercase(), "plain"),
        (core[core.len() - PIECE..].to_owned(), "plain"),
        (hex(&core), "hexadecimal"),
        (base64(core.as_bytes()), "base64"),
        (base64(format!("u:{core}").as_bytes()), "base64"),
        (base64(format!("us:{core}!!").as_bytes()), "base64"),
        (core.bytes().map(|byte| format!("%{byte:02X}")).collect(), "percent-encoded"),
    ];
    for (place, form) in places {
        let place = [b"\x00\xff before ".as_slice(), place.as_bytes(), b" after"].concat();
        assert!(search.leaks(&place).contains(&("it".to_owned(), form)), "{form}");
    }
    assert!(search.leaks(format!("{}…", &core[..PIECE - 1]).as_bytes()).is_empty());
    assert_eq!(search.leaks_of_text(b"{\"code\":\"482913\"}").len(), 1);
    assert!(search.leaks_of_text(b"12:00:00.482913Z 1482913").is_empty());
    assert_eq!(base64(b"foobar"), "Zm9vYmFy");
    assert_eq!(base64(b"fooba"), "Zm9vYmE");
}
