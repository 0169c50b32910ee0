//! Takes out what a model thinks aloud: some servers leave it in the text, between `<think>` and `</think>`.

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

/// Filters one answer. Thinking is recognised at the start of the answer only, where models put it: a caller
/// who asks about the tag gets it read out.
#[derive(Debug, Default)]
pub(super) struct ThinkingFilter {
    state: State,
    /// What could still become a tag.
    held: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Start,
    Thinking,
    Answering,
}

impl ThinkingFilter {
    /// What of the answer so far may be spoken, and was not given before.
    pub(super) fn push(&mut self, text: &str) -> String {
        self.held.push_str(text);
        loop {
            match self.state {
                State::Answering => return std::mem::take(&mut self.held),
                State::Start => {
                    let begun = self.held.trim_start();
                    if begun.len() < OPEN.len() && OPEN.starts_with(begun) {
                        return String::new();
                    }
                    if let Some(thought) = begun.strip_prefix(OPEN) {
                        self.held = thought.to_owned();
                        self.state = State::Thinking;
                    } else {
                        self.state = State::Answering;
                    }
                }
                State::Thinking => {
                    let Some((_, answer)) = self.held.split_once(CLOSE) else {
                        // Only as much is kept as could be the beginning of the closing tag.
                        let is_tail = |length: &usize| self.held.ends_with(&CLOSE[..*length]);
                        let keep = (1..CLOSE.len()).rev().find(is_tail).unwrap_or(0);
                        self.held.drain(..self.held.len() - keep);
                        return String::new();
                    };
                    // A model may think again before its first word.
                    self.held = answer.to_owned();
                    self.state = State::Start;
                }
            }
        }
    }

    /// What was held back although no tag came of it.
    pub(super) fn finish(&mut self) -> String {
        match self.state {
            State::Start => std::mem::take(&mut self.held),
            State::Thinking | State::Answering => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn spoken<'a>(pieces: impl IntoIterator<Item = &'a str>) -> String {
        let mut filter = ThinkingFilter::default();
        let mut spoken: String = pieces.into_iter().map(|piece| filter.push(piece)).collect();
        spoken.push_str(&filter.finish());
        spoken
    }

    #[test]
    fn thinking_is_not_spoken() {
        assert_eq!(spoken(["<think>\nThey want a refund.</think>Of course."]), "Of course.");
        assert_eq!(spoken([" <think></think><think>again</think> Yes."]), " Yes.");
        assert_eq!(spoken(["<think>for ever"]), "");
    }

    #[test]
    fn an_answer_about_the_tag_is_spoken() {
        assert_eq!(spoken(["The tag <think> opens it."]), "The tag <think> opens it.");
        assert_eq!(spoken(["<thin"]), "<thin");
        assert_eq!(spoken(["<b>"]), "<b>");
    }

    proptest! {
        #[test]
        fn cutting_the_answer_differently_changes_nothing(
            pieces in prop::collection::vec(prop::sample::select(vec!["<", "think>", "</", "<think>", "</think>", "ü", " "]), 0..12),
        ) {
            let whole: String = pieces.concat();
            let letters: Vec<String> = whole.chars().map(String::from).collect();
            prop_assert_eq!(spoken(letters.iter().map(String::as_str)), spoken([whole.as_str()]));
        }
    }
}
