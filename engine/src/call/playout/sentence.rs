//! One sentence in the ledger: its text, its audio, and which words lie where in it.
//!
//! Where the synthesiser reports no word ends they are estimated: the text's characters share the audio's
//! length, which until the sentence is complete is taken to be 65 ms per character. The estimate is refined as
//! audio comes in and exact in length once the sentence is done.

use super::chunks::Chunks;
use crate::{call::sentences::speech_weight, ids::SentenceId, tts::WordEnd};
use bytes::Bytes;
use std::sync::Arc;

/// A word that lacks at most this much of its end counts as heard: 60 ms, about one phoneme, and never more
/// than half of the word.
const WORD_TOLERANCE: u32 = 60 * 8;

/// Speech per character of text while its true length is not known: 65 ms, the middle of the voices tried
/// (12-18 characters per second).
const SAMPLES_PER_CHARACTER: u32 = 65 * 8;

#[derive(Clone, Debug)]
pub(super) struct Sentence {
    pub(super) id: SentenceId,
    text: Arc<str>,
    audio: Chunks,
    /// Known word ends, both fields increasing. Ends that were estimated are not in here, except before `take`.
    words: Vec<WordEnd>,
    /// Where the synthesis under way begins: at zero, or where an earlier one was cut.
    take: WordEnd,
    /// Whether the synthesis under way reports word ends.
    aligned: bool,
    done: bool,
    /// Offset of the next sample to send.
    pub(super) sent: u32,
    /// Farthest sample proven, or known at a `clear`, to have been played.
    pub(super) heard: u32,
    /// Text offset of the last report.
    pub(super) reported: u32,
}

impl Sentence {
    pub(super) fn new(id: SentenceId, text: Arc<str>) -> Self {
        Self {
            id,
            text,
            audio: Chunks::default(),
            words: Vec::new(),
            take: WordEnd { text: 0, samples: 0 },
            aligned: false,
            done: false,
            sent: 0,
            heard: 0,
            reported: 0,
        }
    }

    pub(super) fn push(&mut self, audio: Bytes, words: &[WordEnd]) {
        self.audio.push(audio);
        for word in words {
            self.aligned = true;
            let text = self.take.text.saturating_add(word.text) as usize;
            let end = WordEnd {
                text: self.text.floor_char_boundary(text) as u32,
                samples: self.take.samples.saturating_add(word.samples),
            };
            let last = self.words.last().unwrap_or(&self.take);
            if end.text > last.text && end.samples >= last.samples {
                self.words.push(end);
            }
        }
    }

    pub(super) const fn finish(&mut self) {
        self.done = true;
    }

    pub(super) const fn is_done(&self) -> bool {
        self.done
    }

    /// Samples received.
    pub(super) const fn received(&self) -> u32 {
        self.audio.end()
    }

    /// Samples received and not sent.
    pub(super) const fn unsent(&self) -> u32 {
        self.audio.end() - self.sent
    }

    /// Whether nothing of it is left to send, now or later.
    pub(super) const fn is_sent(&self) -> bool {
        self.done && self.unsent() == 0
    }

    /// Whether it has been played whole, or has nothing to be played.
    pub(super) const fn is_over(&self) -> bool {
        self.is_sent() && self.heard >= self.audio.end()
    }

    /// The next samples to send, at most `max`.
    pub(super) fn next_part(&self, max: u32) -> Option<Bytes> {
        self.audio.slice(self.sent, max)
    }

    /// End of the last word that was heard when `played` samples were, as an offset into the text.
    pub(super) fn text_heard(&self, played: u32) -> u32 {
        let take_has_audio =
            self.audio.end() > self.take.samples || self.take.text as usize >= self.text.len();
        if self.done && take_has_audio && played > 0 {
            let tolerance = WORD_TOLERANCE.min(self.audio.end() / 2);
            if played + tolerance >= self.audio.end() {
                return self.text.len() as u32;
            }
        }
        let mut heard = 0;
        let mut start = 0;
        for word in self.known_words() {
            let tolerance = WORD_TOLERANCE.min((word.samples - start) / 2);
            if played <= start || played + tolerance < word.samples {
                break;
            }
            heard = word.text;
            start = word.samples;
        }
        heard
    }

    /// Whether this text offset is the whole text.
    pub(super) fn is_complete(&self, text_heard: u32) -> bool {
        text_heard as usize >= self.text.trim_end().len()
    }

    /// Where to start again when playing was cut at `offset`: there, if no word is under way, else at the start
    /// of the word.
    pub(super) fn restart_of(&self, offset: u32) -> u32 {
        let mut start = 0;
        for word in self.known_words() {
            if word.samples > offset {
                return start.max(self.audio.start()).min(offset);
            }
            start = word.samples;
        }
        if self.done { offset } else { start.max(self.audio.start()).min(offset) }
    }

    /// Gives audio back that will not be asked for again once playing has provably reached this offset.
    pub(super) fn release_before(&mut self, reached: u32) {
        let keep_from = self.restart_of(reached);
        self.audio.release_before(keep_from);
    }

    /// The synthesiser is gone: keeps what is said in whole words, drops the rest of what was not sent, and
    /// returns the text offset to synthesise from. `None` if nothing of it is missing.
    pub(super) fn cut(&mut self) -> Option<u32> {
        if self.done {
            return None;
        }
        let received = self.audio.end();
        let mut words = self.known_words();
        words.retain(|word| word.samples <= received);
        let last = words.last().copied().unwrap_or(self.take);
        let (text, end) = if last.samples >= self.sent {
            (last.text, last.samples)
        } else {
            // The caller hears the start of the next word whatever we do, so it is said: all there is of it.
            let rest = &self.text[last.text as usize..];
            let word = word_ends(rest).next().map_or(rest.len(), |end| end.text);
            (last.text + word as u32, received)
        };
        if text > last.text {
            words.push(WordEnd { text, samples: end });
        }
        self.words = words;
        self.audio.truncate(end);
        let rest = &self.text[text as usize..];
        let next_word = text + (rest.len() - rest.trim_start().len()) as u32;
        self.take = WordEnd { text: next_word, samples: end };
        self.aligned = false;
        if next_word as usize >= self.text.len() {
            self.done = true;
            return None;
        }
        Some(next_word)
    }

    /// Word ends as reported, or else as estimated.
    fn known_words(&self) -> Vec<WordEnd> {
        let mut words = self.words.clone();
        if self.aligned {
            return words;
        }
        let rest = &self.text[self.take.text as usize..];
        let whole_weight: u32 = rest.chars().map(speech_weight).sum();
        let received = self.audio.end() - self.take.samples;
        let length = if self.done {
            received
        } else {
            received.max(whole_weight.saturating_mul(SAMPLES_PER_CHARACTER))
        };
        words.extend(word_ends(rest).map(|end| {
            let share = u64::from(length) * u64::from(end.weight) / u64::from(whole_weight.max(1));
            WordEnd { text: self.take.text + end.text as u32, samples: self.take.samples + share as u32 }
        }));
        words
    }
}

struct TextEnd {
    /// Byte offset just after the word and its punctuation.
    text: usize,
    /// Speech weight of the text up to there.
    weight: u32,
}

/// The ends of the words of a text: before white space, and around every character of a script that writes
/// without spaces.
fn word_ends(text: &str) -> impl Iterator<Item = TextEnd> {
    let mut chars = text.char_indices().peekable();
    let mut weight = 0;
    std::iter::from_fn(move || {
        while let Some((at, char)) = chars.next() {
            weight += speech_weight(char);
            let ends_here = chars.peek().is_none_or(|&(_, next)| {
                next.is_whitespace() || (is_unspaced(char) && next.is_alphanumeric()) || is_unspaced(next)
            });
            if !char.is_whitespace() && ends_here {
                return Some(TextEnd { text: at + char.len_utf8(), weight });
            }
        }
        None
    })
}

/// Scripts in which a character is a word of its own for our purpose: Han, Hiragana, Katakana.
fn is_unspaced(char: char) -> bool {
    matches!(char, '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}')
}
