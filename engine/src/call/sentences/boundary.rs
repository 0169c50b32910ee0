//! Where a piece of text may end: decided with one character of look-ahead, so that "$29.95", "Dr. Smith",
//! "10:30 a.m." and "example.com" stay whole.

/// A place where the text may be cut, as the byte offset after the piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Boundary {
    /// After a sentence, or a line.
    Sentence(usize),
    /// After a clause.
    Clause(usize),
    /// After a word.
    Word(usize),
}

/// Titles and references: what follows belongs to them, whatever it looks like.
const NEVER_LAST: &[&str] = &[
    "dr", "mr", "mrs", "ms", "prof", "sr", "sra", "srta", "st", "mt", "ft", "gen", "sgt", "capt", "rev",
    "hon", "ud", "uds", "vd", "av", "avda", "m", "mm", "mme", "mlle", "mgr", "vs", "fig", "vol", "p", "pp",
    "approx", "tel", "ext", "e.g", "i.e", "p.ej", "z.b", "d.h", "bzw", "ca", "hr", "fr", "str", "al",
];

/// Abbreviations only before a number.
const BEFORE_NUMBER: &[&str] = &["no", "nr", "núm", "nº", "art", "apt", "sec", "chap"];

impl Boundary {
    /// The boundary that the last character of `text` confirms, if it confirms one. What a boundary is depends
    /// on the text before it and on that one character.
    pub(super) fn before_last(text: &str) -> Option<Self> {
        let (at, last) = text.char_indices().next_back()?;
        if is_wide_ender(last) {
            return Some(Self::Sentence(text.len()));
        }
        if matches!(last, '，' | '、' | '；' | '：') {
            return Some(Self::Clause(text.len()));
        }
        if last == '\n' {
            return Some(Self::Sentence(at));
        }
        let before = &text[..at];
        // Nothing that may follow changes what a comma after a letter means, and the caller waits for it.
        if matches!(last, ',' | ';') && before.ends_with(char::is_alphabetic) {
            return Some(Self::Clause(text.len()));
        }
        let opens = matches!(last, '"' | '\'' | '’') && before.ends_with(char::is_whitespace);
        let goes_on = is_ender(last) || (is_closer(last) && !opens) || is_clause_mark(last);
        if last.is_whitespace() || goes_on {
            return None;
        }
        if matches!(before.chars().next_back(), Some('—' | '–')) && !last.is_ascii_digit() {
            return Some(Self::Clause(at));
        }
        let piece = before.trim_end();
        let gap = &before[piece.len()..];
        if piece.is_empty() || !gap.contains([' ', '\n']) {
            return None;
        }
        // After a gap: what stands before it?
        let bare = piece.trim_end_matches(is_closer);
        let mark = bare.chars().next_back()?;
        Some(if is_ender(mark) {
            if ends_sentence(bare, mark, last) { Self::Sentence(piece.len()) } else { return None }
        } else if is_clause_mark(mark) {
            Self::Clause(piece.len())
        } else {
            Self::Word(piece.len())
        })
    }
}

/// Whether `text`, which ends in `mark`, is a whole sentence if `next` follows after a space.
fn ends_sentence(text: &str, mark: char, next: char) -> bool {
    if next.is_lowercase() {
        return false;
    }
    if mark != '.' {
        return true;
    }
    let word = text.rsplit(char::is_whitespace).next().unwrap_or(text);
    let word = word.trim_start_matches(|char: char| !char.is_alphanumeric()).trim_end_matches('.');
    let lower = word.to_lowercase();
    if word.is_empty() {
        return true;
    }
    if word.chars().all(|char| char.is_ascii_digit()) {
        // "1. Milk" at the start of a line, or "3. 5".
        let line = text.rsplit('\n').next().unwrap_or(text);
        return line.trim_end_matches('.') != word && !next.is_ascii_digit();
    }
    if BEFORE_NUMBER.contains(&lower.as_str()) {
        return !next.is_ascii_digit();
    }
    let is_initial = word.chars().count() == 1 && word != "I" && word.chars().all(char::is_uppercase);
    let is_time = matches!(lower.as_str(), "a.m" | "p.m");
    let is_acronym = word.contains('.') && word.split('.').all(is_one_letter);
    if is_acronym && !is_time {
        return false;
    }
    let goes_on = is_initial || NEVER_LAST.contains(&lower.as_str()) || (is_time && next.is_ascii_digit());
    !goes_on
}

fn is_one_letter(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(char::is_alphabetic) && chars.next().is_none()
}

/// Where to cut a text that has become too long: after its last clause in the last two thirds, else after its
/// last word there, else where it stands.
pub(super) fn split_of_long(text: &str) -> usize {
    let earliest = text.len() / 3;
    let mut word = None;
    let mut clause = None;
    let mut chars = text.char_indices().peekable();
    let mut before = None;
    while let Some((at, char)) = chars.next() {
        let after = chars.peek().map(|&(_, next)| next);
        if char.is_whitespace() && at >= earliest && after.is_some() {
            word = Some(at);
            if before.is_some_and(|mark| is_clause_mark(mark) || is_ender(mark)) {
                clause = Some(at);
            }
        }
        before = Some(char);
    }
    clause.or(word).unwrap_or(text.len())
}

/// Whether the text has two words at least; a script without spaces needs none.
pub(super) fn has_two_words(text: &str) -> bool {
    text.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric)).nth(1).is_some()
        || text.chars().any(|char| super::speech_weight(char) > 1)
}

const fn is_ender(char: char) -> bool {
    matches!(char, '.' | '!' | '?' | '…' | '؟' | '۔' | '।')
}

/// Ends a sentence with no space after it.
const fn is_wide_ender(char: char) -> bool {
    matches!(char, '。' | '！' | '？' | '．')
}

const fn is_clause_mark(char: char) -> bool {
    matches!(char, ',' | ';' | ':' | '—' | '–' | '،' | '؛')
}

const fn is_closer(char: char) -> bool {
    matches!(char, '"' | '\'' | '”' | '’' | ')' | '»' | '›')
}

/// Symbols that have no place in speech: emoji, their joiners and modifiers, dingbats, flags, arrows.
pub(super) const fn is_pictograph(char: char) -> bool {
    matches!(char,
        '\u{1F000}'..='\u{1FAFF}'
        | '\u{2600}'..='\u{27BF}'
        | '\u{2B00}'..='\u{2BFF}'
        | '\u{2190}'..='\u{21FF}'
        | '\u{231A}'..='\u{231B}'
        | '\u{23E9}'..='\u{23FA}'
        | '\u{25A0}'..='\u{25FF}'
        | '\u{FE00}'..='\u{FE0F}'
        | '\u{200B}'..='\u{200F}'
        | '\u{20E3}'
        | '\u{E0020}'..='\u{E007F}')
}
