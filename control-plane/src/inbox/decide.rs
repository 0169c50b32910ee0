//! Whether the assistant answers a message: decided from facts alone, so that every reason can be tried out.

use store::model::{
    message::{Analysis, Control, ConversationStatus},
    tenant::MessagingSettings,
};

/// What the writer wants when they ask for a person.
const HUMAN: &str = "human_requested";

/// What is known when a message is looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts<'a> {
    pub(super) settings: &'a MessagingSettings,
    pub(super) control: &'a Control,
    pub(super) status: ConversationStatus,
    /// Whether it was answered already, or something newer was written since.
    pub(super) is_last: bool,
    /// Whether the writer has asked not to be written to.
    pub(super) opted_out: bool,
    pub(super) analysis: Option<&'a Analysis>,
    /// Answers of the assistant in this conversation today.
    pub(super) today: u32,
    /// And within the last ten minutes.
    pub(super) in_a_row: u32,
}

/// What is done about a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The assistant answers.
    Answer,
    /// A person should.
    Person(Why),
    /// Nothing: it is somebody else's, or there is nothing to do.
    Leave(Why),
}

/// Why the assistant does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// The tenant does not want it.
    Off,
    /// Somebody else has the conversation.
    NotItsOwn,
    /// There is nothing to do in it.
    Closed,
    /// It was answered, or something newer is.
    NotLast,
    /// The writer does not want to be written to.
    OptedOut,
    /// It is not known what it means.
    NotUnderstood,
    /// It is not sure enough what it means.
    Unsure,
    /// They ask for a person.
    Asked,
    /// The day's answers are used up.
    Budget,
    /// It looks as if a program answers.
    Loop,
}

/// Whether the assistant answers.
pub(super) fn decide(facts: Facts<'_>) -> Verdict {
    let Facts { settings, control, status, is_last, opted_out, analysis, today, in_a_row } = facts;
    if *control != Control::Assistant {
        return Verdict::Leave(Why::NotItsOwn);
    }
    if !is_last {
        return Verdict::Leave(Why::NotLast);
    }
    if opted_out {
        return Verdict::Leave(Why::OptedOut);
    }
    if status == ConversationStatus::Closed {
        return Verdict::Leave(Why::Closed);
    }
    if !settings.auto_reply {
        return Verdict::Leave(Why::Off);
    }
    match analysis {
        // Perhaps a program, perhaps somebody in a hurry: a person sees which, and until then nobody answers.
        _ if in_a_row >= settings.answers_in_a_row => Verdict::Person(Why::Loop),
        None => Verdict::Person(Why::NotUnderstood),
        Some(analysis) if analysis.intent == HUMAN => Verdict::Person(Why::Asked),
        Some(analysis) if analysis.confidence < settings.threshold => Verdict::Person(Why::Unsure),
        Some(_) if today >= settings.answers_per_day => Verdict::Person(Why::Budget),
        Some(_) => Verdict::Answer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use store::{
        ids::UserId,
        model::message::{Sentiment, Urgency},
    };

    fn control() -> impl Strategy<Value = Control> {
        prop_oneof![
            Just(Control::Assistant),
            Just(Control::Paused),
            Just(Control::Operator { user: UserId::generate(), since: 0, active_at: 0 }),
        ]
    }

    fn analysis() -> impl Strategy<Value = Option<Analysis>> {
        let one =
            (0..=100_u8, prop_oneof![Just("appointment"), Just(HUMAN)]).prop_map(|(confidence, intent)| {
                Analysis {
                    sentiment: Sentiment::Neutral,
                    intent: intent.to_owned(),
                    urgency: Urgency::Normal,
                    confidence,
                    lead_score: None,
                    suggests_call: false,
                }
            });
        proptest::option::of(one)
    }

    proptest! {
        #[test]
        fn the_assistant_answers_only_where_every_reason_lets_it(
            control in control(), analysis in analysis(), auto_reply: bool, is_last: bool, opted_out: bool, open: bool,
            threshold in 0..=100_u8, today in 0..6_u32, in_a_row in 0..6_u32, per_day in 0..6_u32, row in 0..6_u32,
        ) {
            let settings = MessagingSettings {
                auto_reply, threshold, answers_per_day: per_day, answers_in_a_row: row, ..MessagingSettings::default()
            };
            let status = if open { ConversationStatus::Open } else { ConversationStatus::Closed };
            let verdict = decide(Facts {
                settings: &settings, control: &control, status, is_last, opted_out, analysis: analysis.as_ref(), today, in_a_row,
            });
            let is_sure = analysis.as_ref().is_some_and(|known| known.confidence >= threshold && known.intent != HUMAN);
            let may = control == Control::Assistant && auto_reply && is_last && !opted_out && open && is_sure
                && today < per_day && in_a_row < row;
            prop_assert_eq!(verdict == Verdict::Answer, may);
            let waits = control == Control::Assistant && auto_reply && is_last && !opted_out && open;
            prop_assert_eq!(matches!(verdict, Verdict::Leave(_)), !waits, "whoever waits for an answer is not left in silence");
        }
    }
}
