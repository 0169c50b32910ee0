//! Cuts the model's streamed text into pieces for synthesis.
//!
//! The first clause leaves as soon as it is complete, so that the voice starts early; after that whole
//! sentences, for the melody. What must not be spoken (Markdown, emoji) is taken out. The pieces depend on the
//! text alone, not on how it was split into deltas, and together they are the cleaned text, apart from white
//! space and a rest (or 220 characters on end) without any letter or digit.

mod boundary;
mod markup;
#[cfg(test)]
mod tests;

use boundary::{Boundary, is_pictograph};
use markup::Markup;
use std::collections::VecDeque;

/// How large pieces are. Lengths in characters of a Latin script; see [`speech_weight`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SentenceOptions {
    /// A first clause has at least this much: 12, about 0.8 s of speech, which covers the next piece's wait.
    pub first_min: u32,
    /// A first clause without punctuation ends at the first word border after this: 34, about 2 s.
    pub first_max: u32,
    /// A later sentence has at least this much, shorter ones join the next: 20, about 1.3 s.
    pub min: u32,
    /// No piece has more: 220, about 14 s. Long pieces delay their own audio.
    pub max: u32,
}

impl Default for SentenceOptions {
    fn default() -> Self {
        Self { first_min: 12, first_max: 34, min: 20, max: 220 }
    }
}

/// The chunker of one answer.
#[derive(Clone, Debug)]
pub struct Sentences {
    options: SentenceOptions,
    markup: Markup,
    /// Cleaned text that has not left yet; its white space is single, a line break counts more than a space.
    text: String,
    weight: u32,
    is_first: bool,
    pieces: VecDeque<String>,
}

impl Sentences {
    /// Ready for the first delta of an answer.
    #[must_use]
    pub fn new(options: SentenceOptions) -> Self {
        Self {
            options,
            markup: Markup::default(),
            text: String::new(),
            weight: 0,
            is_first: true,
            pieces: VecDeque::new(),
        }
    }

    /// Takes the next delta; take the pieces out with [`Sentences::next_piece`].
    pub fn push(&mut self, delta: &str) {
        for char in delta.chars() {
            let clean = self.markup.push(char);
            for char in clean.chars() {
                self.push_clean(char);
            }
        }
    }

    /// The answer, or what comes before a pause in it, is complete: everything leaves.
    pub fn flush(&mut self) {
        let rest = self.markup.flush();
        for char in rest.chars() {
            self.push_clean(char);
        }
        self.cut(self.text.len());
        self.text.clear();
        self.weight = 0;
        self.is_first = true;
    }

    /// The next complete piece, trimmed, with single spaces.
    pub fn next_piece(&mut self) -> Option<String> {
        self.pieces.pop_front()
    }

    fn push_clean(&mut self, char: char) {
        if is_pictograph(char) {
            return;
        }
        if char.is_whitespace() && char != '\u{A0}' && char != '\u{202F}' {
            let is_break = char == '\n';
            match self.text.chars().next_back() {
                None | Some('\n') => return,
                Some(' ') if is_break => {
                    self.text.pop();
                    self.weight -= speech_weight(' ');
                }
                Some(' ') => return,
                Some(_) => {}
            }
            self.append(if is_break { '\n' } else { ' ' });
        } else {
            self.append(char);
        }
        self.cut_complete();
    }

    fn append(&mut self, char: char) {
        self.text.push(char);
        self.weight += speech_weight(char);
    }

    /// Lets a piece go if one became complete with the last character.
    fn cut_complete(&mut self) {
        let min = if self.is_first { self.options.first_min } else { self.options.min };
        if let Some(boundary) = Boundary::before_last(&self.text) {
            let (clause, end) = match boundary {
                Boundary::Sentence(end) => (false, end),
                Boundary::Clause(end) => (true, end),
                Boundary::Word(end)
                    if self.is_first && weight_of(&self.text[..end]) >= self.options.first_max =>
                {
                    (true, end)
                }
                Boundary::Word(_) => (true, usize::MAX),
            };
            let may_cut = end != usize::MAX && (self.is_first || !clause);
            if may_cut && self.is_enough(end, min) {
                self.cut(end);
                return;
            }
        }
        if self.weight > self.options.max {
            self.cut(boundary::split_of_long(&self.text));
        }
    }

    /// Whether the text before `end` can be a piece: long enough, and for the first one, of two words.
    fn is_enough(&self, end: usize, min: u32) -> bool {
        let piece = &self.text[..end];
        weight_of(piece) >= min && (!self.is_first || boundary::has_two_words(piece))
    }

    /// Lets the text before `end` go, unless there is nothing in it to be spoken.
    fn cut(&mut self, end: usize) {
        let (piece, rest) = self.text.split_at(end);
        if !piece.chars().any(char::is_alphanumeric) {
            if self.weight > self.options.max {
                self.text.clear();
                self.weight = 0;
            }
            return;
        }
        self.pieces.push_back(piece.trim().replace('\n', " "));
        self.text = rest.trim_start().to_owned();
        self.weight = weight_of(&self.text);
        self.is_first = false;
    }
}

/// How long a character takes to say, in characters of a Latin script: 1, but 3 for scripts in which a
/// character is a syllable or a word.
#[must_use]
pub fn speech_weight(char: char) -> u32 {
    match char {
        '\u{3040}'..='\u{30FF}'
        | '\u{3400}'..='\u{4DBF}'
        | '\u{4E00}'..='\u{9FFF}'
        | '\u{AC00}'..='\u{D7A3}' => 3,
        _ => 1,
    }
}

fn weight_of(text: &str) -> u32 {
    text.chars().map(speech_weight).sum()
}
