//! From timed characters to the ends of words, in the sentence's text and in its audio.

use super::wire::TimedText;
use crate::{call::time::SAMPLES_PER_MS, tts::WordEnd};
use std::{collections::VecDeque, ops::Range};

/// Follows one sentence.
#[derive(Debug)]
pub(super) struct WordClock {
    text: String,
    /// Byte ranges of the words of `text`, the next one to end first.
    words: VecDeque<Range<usize>>,
    /// The aligned word that is being spelled, and its end so far.
    spelled: String,
    spelled_end: u64,
    /// The word was recognised; what still follows of it before a space is not part of the text.
    between_words: bool,
    /// Ended in the alignment, but not yet in the audio.
    ended: VecDeque<WordEnd>,
    /// Samples so far.
    samples: u64,
}

impl WordClock {
    pub(super) fn new(text: &str) -> Self {
        let start_of = |word: &str| word.as_ptr().addr() - text.as_ptr().addr();
        let words = text.split_whitespace().map(|word| start_of(word)..start_of(word) + word.len()).collect();
        Self {
            text: text.to_owned(),
            words,
            spelled: String::new(),
            spelled_end: 0,
            between_words: true,
            ended: VecDeque::new(),
            samples: 0,
        }
    }

    /// Whether there was any audio.
    pub(super) const fn has_audio(&self) -> bool {
        self.samples > 0
    }

    /// Takes one piece: `samples` of audio and its alignment, whose times count from the start of the piece.
    pub(super) fn piece(&mut self, samples: usize, alignment: &[TimedText]) -> Vec<WordEnd> {
        let offset = self.samples;
        for TimedText { text, end_ms } in alignment {
            self.spell(text, offset.saturating_add(samples_in(*end_ms)));
        }
        self.samples = self.samples.saturating_add(samples as u64);
        let mut words = Vec::new();
        while let Some(word) = self.ended.front().filter(|word| u64::from(word.samples) <= self.samples) {
            words.push(*word);
            self.ended.pop_front();
        }
        words
    }

    fn spell(&mut self, text: &str, end: u64) {
        if text.trim().is_empty() {
            if !self.spelled.is_empty() {
                self.end_word();
            }
            self.between_words = true;
            return;
        }
        let Some(word) = self.words.front() else { return };
        let word = &self.text[word.clone()];
        // After a recognised word without a space: the next word if it begins so, else a rest of the last one.
        if !self.between_words && self.spelled.is_empty() && !word.starts_with(text) {
            return;
        }
        self.between_words = false;
        self.spelled.push_str(text);
        self.spelled_end = end;
        if self.spelled == word {
            self.end_word();
        }
    }

    fn end_word(&mut self) {
        self.spelled.clear();
        self.between_words = false;
        let Some(word) = self.words.pop_front() else { return };
        let before = self.ended.back().map_or(0, |word| word.samples);
        let samples = u32::try_from(self.spelled_end).unwrap_or(u32::MAX).max(before);
        self.ended.push_back(WordEnd { text: u32::try_from(word.end).unwrap_or(u32::MAX), samples });
    }
}

/// Milliseconds of audio as samples; nonsense is 0.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "the cast saturates, NaN gives 0, and 8 is exact"
)]
fn samples_in(ms: f64) -> u64 {
    (ms * SAMPLES_PER_MS as f64).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Characters of 50 ms, as many as the piece has.
    fn aligned(text: &str) -> (usize, Vec<TimedText>) {
        let timed: Vec<TimedText> = text
            .chars()
            .zip(1_u32..)
            .map(|(char, number)| TimedText { text: char.to_string(), end_ms: f64::from(number) * 50.0 })
            .collect();
        (timed.len() * 400, timed)
    }

    fn words_of(text: &str, pieces: &[&str]) -> Vec<(String, u32)> {
        let mut clock = WordClock::new(text);
        let mut words = Vec::new();
        for piece in pieces {
            let (samples, timed) = aligned(piece);
            words.extend(clock.piece(samples, &timed));
        }
        words.iter().map(|word| (text[..word.text as usize].to_owned(), word.samples)).collect()
    }

    fn word(heard: &str, samples: u32) -> (String, u32) {
        (heard.to_owned(), samples)
    }

    #[test]
    fn a_word_ends_with_its_last_character_and_later_pieces_count_on() {
        assert_eq!(
            words_of("Hello, you.", &["Hello, ", "you. "]),
            [word("Hello,", 6 * 400), word("Hello, you.", 11 * 400)]
        );
    }

    #[test]
    fn a_word_may_be_cut_by_pieces_and_preceded_by_a_space() {
        assert_eq!(
            words_of("Grüße  an", &[" Gr", "üße a", "n"]),
            [word("Grüße", 6 * 400), word("Grüße  an", 9 * 400)]
        );
    }

    #[test]
    fn a_text_that_is_read_out_differently_still_counts_words() {
        let (heard, _): (Vec<String>, Vec<u32>) =
            words_of("It is 5th now", &["It is fifth now"]).into_iter().unzip();
        assert_eq!(heard, ["It", "It is", "It is 5th", "It is 5th now"]);
        let (heard, _): (Vec<String>, Vec<u32>) = words_of("A 5 b", &["A 5ive b"]).into_iter().unzip();
        assert_eq!(heard, ["A", "A 5", "A 5 b"]);
    }

    #[test]
    fn a_word_is_reported_only_once_its_audio_is_there() {
        let mut clock = WordClock::new("one two");
        let (samples, timed) = aligned("one two");
        assert_eq!(clock.piece(4 * 400, &timed).len(), 1, "the second word's audio is to come");
        assert_eq!(clock.piece(samples - 4 * 400, &[]), [WordEnd { text: 7, samples: 7 * 400 }]);
    }

    proptest! {
        #[test]
        fn words_end_in_order_within_text_and_audio(
            text in "[a-cü ]{0,12}",
            pieces in prop::collection::vec(("[a-cü ]{0,6}", 0_usize..4_000, -1e9_f64..1e9), 0..6),
        ) {
            let mut clock = WordClock::new(&text);
            let mut before = WordEnd { text: 0, samples: 0 };
            let mut total = 0;
            for (spelled, samples, shift) in pieces {
                let timed: Vec<TimedText> = aligned(&spelled).1.into_iter()
                    .map(|timed| TimedText { end_ms: timed.end_ms + shift, ..timed })
                    .collect();
                total += samples;
                for word in clock.piece(samples, &timed) {
                    prop_assert!(word.text > before.text && text.is_char_boundary(word.text as usize));
                    prop_assert!(word.samples >= before.samples && word.samples as usize <= total);
                    before = word;
                }
            }
        }
    }
}
