//! Says when the caller's utterance is complete, from voice activity and from what the recogniser sends.
//!
//! Every word that the recogniser holds final comes out in exactly one utterance; an utterance that was opened
//! always ends, by [`Decision::Complete`] or [`Decision::NoWords`], even in noise that never stops and with a
//! recogniser that never answers. A pure decider: time is given with each input, and after each input the owner
//! arms one timer for [`Endpointing::poll_timeout`].
//!
//! The facts are kept as they come; what follows from them, and when, is one function, `due`.

use crate::call::time::CallTime;
use serde::{Deserialize, Serialize};
use std::time::Duration;

pub mod allowance;
pub mod backchannel;
mod given_out;
mod options;
#[cfg(test)]
mod tests;

use allowance::allowance;
use given_out::GivenOut;
pub use options::EndpointingOptions;

/// A transcript, on the call's clock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TranscriptFact {
    /// What was said; may be empty.
    pub text: String,
    /// False: replaces the previous interim. True: will not change.
    pub is_final: bool,
    /// The recogniser heard the end of speech.
    pub speech_final: bool,
    /// Answers [`Decision::Finalize`].
    pub from_finalize: bool,
    /// End of the audio it covers.
    pub audio_end: CallTime,
}

/// A fact about the caller's speech.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "input")]
pub enum EndpointingInput {
    /// Voice activity began.
    SpeechStarted {
        /// When the voice began, before the detector was sure of it.
        onset: CallTime,
    },
    /// Voice activity ended.
    SpeechEnded {
        /// When the voice ended, before the detector was sure of it.
        end: CallTime,
    },
    /// Text from the recogniser.
    Transcript(TranscriptFact),
    /// The recogniser has heard no word for its configured time.
    UtteranceEnd,
    /// The timer of [`Endpointing::poll_timeout`] has run out.
    Timeout,
}

/// What follows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "decision")]
pub enum Decision {
    /// Ask the recogniser to give out what it knows.
    Finalize,
    /// The caller has finished.
    Complete(Utterance),
    /// There was voice, or an interim that was withdrawn, and no word: noise.
    NoWords,
}

/// What the caller said in one go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Utterance {
    /// Their words, never empty.
    pub text: String,
    /// When the voice ended; `None` if voice activity did not notice it, or its end.
    pub speech_end: Option<CallTime>,
    /// When the last final text arrived; of the last interim if there was no final.
    pub stt_final_at: CallTime,
}

/// The decider.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Endpointing {
    options: EndpointingOptions,
    asked: Option<String>,
    voice: Voice,
    open: Option<Open>,
    given_out: Option<GivenOut>,
}

/// Voice activity, across utterances.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Voice {
    #[default]
    Silent,
    Speaking {
        onset: CallTime,
    },
}

/// The utterance that is being said.
#[derive(Clone, Debug, PartialEq)]
struct Open {
    finals: String,
    interim: String,
    /// When the newest words arrived; of the utterance's opening until there are any.
    news_at: CallTime,
    final_at: Option<CallTime>,
    /// When its voice ended, if it had any and that is over.
    speech_end: Option<CallTime>,
    /// Until when words were heard that came after the recogniser had announced the end.
    late_words: Option<CallTime>,
    stage: Stage,
}

/// How far the recogniser is with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// More is expected.
    Listening,
    /// It was asked for what it knows.
    Flushing { asked_at: CallTime },
    /// It says that this was all: at `at`, of audio that ends at `audio_end`.
    Ended { at: CallTime, audio_end: CallTime },
}

/// What to do next and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Finalize,
    Close,
}

impl Endpointing {
    /// Nothing was said yet.
    #[must_use]
    pub fn new(options: EndpointingOptions) -> Self {
        Self { options, ..Self::default() }
    }

    /// What the assistant asked last: a caller who is asked for a number is given time to read it out.
    pub fn set_asked(&mut self, asked: Option<String>) {
        self.asked = asked;
    }

    /// Takes a fact in. `now` must not be earlier than before. There is at most one decision per input; if
    /// another one is due, [`Endpointing::poll_timeout`] is not later than `now`.
    pub fn handle(&mut self, input: EndpointingInput, now: CallTime) -> Option<Decision> {
        match input {
            EndpointingInput::SpeechStarted { onset } => self.speech_started(onset, now),
            EndpointingInput::SpeechEnded { end } => self.speech_ended(end),
            EndpointingInput::Transcript(fact) => self.transcript(&fact, now),
            EndpointingInput::UtteranceEnd => self.utterance_end(now),
            EndpointingInput::Timeout => {}
        }
        let (at, action) = self.due()?;
        (at <= now).then(|| self.act(action, now))
    }

    /// When to give [`EndpointingInput::Timeout`], or `None` while only the outside can move things on.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<CallTime> {
        self.due().map(|(at, _)| at)
    }

    /// Whether voice activity says that the caller is speaking.
    #[must_use]
    pub fn has_speech(&self) -> bool {
        matches!(self.voice, Voice::Speaking { .. })
    }

    /// Whether an utterance has begun that is not complete.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// The words of the utterance so far, the uncertain ones included.
    #[must_use]
    pub fn text_so_far(&self) -> String {
        self.open.as_ref().map(Open::text).unwrap_or_default()
    }

    fn speech_started(&mut self, onset: CallTime, now: CallTime) {
        self.voice = Voice::Speaking { onset };
        self.given_out = None;
        let open = self.open.get_or_insert_with(|| Open::new(now));
        open.speech_end = None;
        open.late_words = None;
        open.stage = Stage::Listening;
    }

    fn speech_ended(&mut self, end: CallTime) {
        if let (Voice::Speaking { .. }, Some(open)) = (self.voice, &mut self.open) {
            open.speech_end = Some(end);
        }
        self.voice = Voice::Silent;
    }

    fn transcript(&mut self, fact: &TranscriptFact, now: CallTime) {
        let is_end = fact.speech_final || fact.from_finalize;
        let is_final = fact.is_final || is_end;
        let text = match &self.given_out {
            Some(given_out) => given_out.news_in(&fact.text, fact.audio_end),
            None => fact.text.trim(),
        };
        if is_final {
            self.given_out = None;
        }
        let voice = self.voice;
        if !text.is_empty() {
            let open = self.open.get_or_insert_with(|| Open::new(now));
            open.hear(text, is_final, voice, fact.audio_end.min(now), now);
        }
        let Some(open) = &mut self.open else { return };
        if is_final && text.is_empty() {
            open.interim.clear();
        }
        // An end without any word says nothing, unless we asked for it.
        if is_end && (fact.from_finalize || open.has_text()) && !self.is_of_before(fact.audio_end) {
            self.end(now, fact.audio_end.min(now));
        }
    }

    fn utterance_end(&mut self, now: CallTime) {
        let Some(open) = &self.open else { return };
        let news_at = open.news_at.min(now);
        let is_new = !matches!(open.stage, Stage::Ended { .. });
        // It comes the recogniser's configured time after the last word, so the word was there before it.
        if is_new && open.has_text() && !self.is_of_before(news_at) {
            self.end(news_at, news_at);
        }
    }

    /// Whether audio up to `audio_end` is of what was said before the voice that is heard now: its end is then
    /// not the end of the utterance.
    fn is_of_before(&self, audio_end: CallTime) -> bool {
        match self.voice {
            Voice::Speaking { onset } => audio_end <= onset.after(self.options.shortest_word),
            Voice::Silent => false,
        }
    }

    fn end(&mut self, at: CallTime, audio_end: CallTime) {
        if let Some(open) = &mut self.open {
            open.stage = Stage::Ended { at, audio_end };
        }
    }

    /// What is to be done next, and when, if nothing else happens.
    fn due(&self) -> Option<(CallTime, Action)> {
        let open = self.open.as_ref()?;
        let options = &self.options;
        if open.finals.len() > options.text_bytes_max {
            return Some((open.news_at, Action::Close));
        }
        let due = match (open.stage, self.voice) {
            (Stage::Ended { at, .. }, _) if !open.has_text() => (at, Action::Close),
            (Stage::Ended { audio_end, .. }, Voice::Silent) => {
                let end = open.speech_end.unwrap_or(audio_end).max(open.late_words.unwrap_or_default());
                (end.after(self.patience(open)), Action::Close)
            }
            (Stage::Ended { at, audio_end }, Voice::Speaking { .. }) => {
                (at.after(options.noise_hold).max(audio_end.after(self.patience(open))), Action::Close)
            }
            (Stage::Flushing { asked_at }, _) => {
                (asked_at.max(open.news_at).after(options.transcript_wait), Action::Close)
            }
            (Stage::Listening, Voice::Silent) => match open.speech_end.max(open.late_words) {
                Some(end) => (end.after(options.finalize_after), Action::Finalize),
                None => (open.news_at.after(options.unvoiced_wait), Action::Finalize),
            },
            (Stage::Listening, Voice::Speaking { onset }) => {
                (onset.max(open.news_at).after(options.wordless_voice), Action::Finalize)
            }
        };
        Some(due)
    }

    fn patience(&self, open: &Open) -> Duration {
        allowance(&open.text(), self.asked.as_deref(), &self.options)
    }

    fn act(&mut self, action: Action, now: CallTime) -> Decision {
        match (action, self.open.take()) {
            (Action::Finalize, Some(open)) => {
                self.open = Some(Open { stage: Stage::Flushing { asked_at: now }, ..open });
                Decision::Finalize
            }
            (Action::Close, Some(open)) if open.has_text() => {
                self.given_out = GivenOut::of(&open.interim, now);
                let stt_final_at = open.final_at.unwrap_or(open.news_at);
                Decision::Complete(Utterance { text: open.text(), speech_end: open.speech_end, stt_final_at })
            }
            (Action::Finalize | Action::Close, Some(_) | None) => Decision::NoWords,
        }
    }
}

impl Open {
    const fn new(now: CallTime) -> Self {
        Self {
            finals: String::new(),
            interim: String::new(),
            news_at: now,
            final_at: None,
            speech_end: None,
            late_words: None,
            stage: Stage::Listening,
        }
    }

    fn has_text(&self) -> bool {
        !self.finals.is_empty() || !self.interim.is_empty()
    }

    fn text(&self) -> String {
        let mut text = self.finals.clone();
        append(&mut text, &self.interim);
        text
    }

    /// Takes words in. Words that only confirm the interim are no news, and change no deadline.
    fn hear(&mut self, text: &str, is_final: bool, voice: Voice, audio_end: CallTime, now: CallTime) {
        let is_news = !given_out::same_words(text, &self.interim);
        if is_final {
            append(&mut self.finals, text);
            self.interim.clear();
            self.final_at = Some(now);
        } else {
            text.clone_into(&mut self.interim);
        }
        if !is_news {
            return;
        }
        self.news_at = now;
        match (self.stage, voice) {
            (Stage::Ended { .. }, Voice::Silent) => {
                self.late_words = Some(audio_end);
                self.stage = Stage::Listening;
            }
            (Stage::Ended { .. } | Stage::Flushing { .. }, Voice::Speaking { .. }) => {
                self.stage = Stage::Listening
            }
            (Stage::Flushing { .. }, Voice::Silent) | (Stage::Listening, _) => {}
        }
    }
}

fn append(text: &mut String, more: &str) {
    if !text.is_empty() && !more.is_empty() {
        text.push(' ');
    }
    text.push_str(more);
}
