//! The times that endpointing waits.

use std::time::Duration;

/// All of them in milliseconds of the call's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointingOptions {
    /// From the acoustic end of speech until the recogniser is asked to flush. Default 500: its own endpointing
    /// usually speaks after 300.
    pub finalize_after: Duration,
    /// How long the recogniser may take to flush. Default 1,000: it answers within 300 when it is well, and the
    /// caller hears silence meanwhile.
    pub transcript_wait: Duration,
    /// How long voice activity may contradict the recogniser's end of speech. Default 600: longer than the
    /// detector's hangover, so that only noise is cut short.
    pub noise_hold: Duration,
    /// From the newest word until a flush is asked for when voice activity noticed nothing. Default 1,000: the
    /// recogniser's own utterance end comes after as much.
    pub unvoiced_wait: Duration,
    /// How long voice may go on without a new word before it is taken for noise, and a flush is asked for.
    /// Default 3,000: interim results come at least every second while somebody speaks.
    pub wordless_voice: Duration,
    /// An end of speech announced for audio that reaches less than this into the present voice belongs to what
    /// was said before it. Default 200: no word is shorter.
    pub shortest_word: Duration,
    /// After text without punctuation. Default 700: the usual pause between turns, and some.
    pub unpunctuated: Duration,
    /// After text that trails off, such as "and" or a comma. Default 1,200: the caller is thinking.
    pub trailing: Duration,
    /// After digits of a number that is being read out, punctuated or not. Default 1,500: people pause between
    /// groups and look things up.
    pub dictation: Duration,
    /// After any other number. Default 400: mostly an answer ("two"), sometimes the beginning of a time or date.
    pub number: Duration,
    /// With this many digits a dictated number is taken for complete. Default 10, a national telephone number.
    pub dictated_digits: usize,
    /// Longest text of an utterance, in bytes; it is given out when it is longer. Default 8,000: nearly ten
    /// minutes of speech without a pause.
    pub text_bytes_max: usize,
}

impl Default for EndpointingOptions {
    fn default() -> Self {
        Self {
            finalize_after: Duration::from_millis(500),
            transcript_wait: Duration::from_millis(1_000),
            noise_hold: Duration::from_millis(600),
            unvoiced_wait: Duration::from_millis(1_000),
            wordless_voice: Duration::from_millis(3_000),
            shortest_word: Duration::from_millis(200),
            unpunctuated: Duration::from_millis(700),
            trailing: Duration::from_millis(1_200),
            dictation: Duration::from_millis(1_500),
            number: Duration::from_millis(400),
            dictated_digits: 10,
            text_bytes_max: 8_000,
        }
    }
}
