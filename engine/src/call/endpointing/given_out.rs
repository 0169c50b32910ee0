//! Remembers words that were given out before the recogniser had confirmed them, so that the confirmation does
//! not come out as a second utterance.

use crate::call::time::CallTime;
use std::time::Duration;

/// A confirmation may cover the silence up to when the words were given out, and what was on its way then; what
/// reaches this much further is said again.
const ON_ITS_WAY: Duration = Duration::from_secs(1);

/// Words that have been given out unconfirmed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct GivenOut {
    words: String,
    at: CallTime,
}

impl GivenOut {
    pub(super) fn of(interim: &str, at: CallTime) -> Option<Self> {
        (!interim.is_empty()).then(|| Self { words: interim.to_owned(), at })
    }

    /// The part of `text` that has not been given out.
    pub(super) fn news_in<'a>(&self, text: &'a str, audio_end: CallTime) -> &'a str {
        let text = text.trim();
        if audio_end > self.at.after(ON_ITS_WAY) {
            return text;
        }
        let mut rest = text;
        for known in self.words.split_whitespace() {
            let (word, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            if word.is_empty() {
                break;
            }
            if !same_words(word, known) {
                return text;
            }
            rest = after.trim_start();
        }
        rest
    }
}

/// Whether two texts have the same words, whatever their case and punctuation.
pub(super) fn same_words(one: &str, other: &str) -> bool {
    let letters = |text: &str| -> Vec<String> {
        let bare = text.split_whitespace().map(|word| word.chars().filter(|c| c.is_alphanumeric()));
        bare.map(|word| word.flat_map(char::to_lowercase).collect())
            .filter(|word: &String| !word.is_empty())
            .collect()
    };
    letters(one) == letters(other)
}
