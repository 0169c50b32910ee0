//! An answer of the assistant: what was said in which order, what the model is doing, and how it enters the
//! context once it is known what the caller heard.

use super::Ask;
use crate::{
    call::{
        context::Context,
        endpointing::Utterance,
        playout::HeardEpoch,
        sentences::{SentenceOptions, Sentences},
        time::CallTime,
    },
    ids::{Epoch, SentenceId},
    llm::{ToolCall, ToolRound, Usage},
    options::TurnOptions,
    ports::{EndReason, ToolInvocationKey, TurnRecord, Waterfall},
};
use std::sync::Arc;

/// Why the assistant speaks.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Origin {
    /// The first words.
    Greeting,
    /// To what the caller said.
    Reply(Utterance),
    /// The caller is silent.
    IdlePrompt,
    /// What was left unsaid when the stream broke.
    Continuation,
    /// Somebody outside of the call wants it said.
    Announcement,
    /// The last words.
    Goodbye,
}

/// What the model is doing for an answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Model {
    /// Nothing: the text is given, or the model is done and all its text is on its way.
    Done,
    /// It failed at once, again: asked again then.
    Paused { attempt: u32, until: CallTime },
    /// Asked; no token yet.
    Asked { ask: Ask, attempt: u32, since: CallTime },
    /// Writing.
    Streaming { ask: Ask, attempt: u32, last: CallTime, calls: Vec<ToolCall> },
    /// It waits for tools.
    Tools(Tools),
}

/// Tools of one round.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tools {
    pub(super) pending: Vec<Pending>,
    /// What was said before has not been heard yet: nothing that changes the world may start.
    pub(super) awaits_heard: bool,
    /// When to cover the wait with a filler; `None` once it was said or is not wanted.
    pub(super) filler_at: Option<CallTime>,
}

impl Tools {
    /// When to say the filler or to give a call up.
    fn poll_timeout(&self) -> Option<CallTime> {
        let overdue = self.pending.iter().filter_map(|tool| match tool.state {
            ToolState::Running { until } => Some(until),
            ToolState::Waiting | ToolState::Finished { .. } => None,
        });
        overdue.chain(self.filler_at).min()
    }

    /// Calls that have been started and have not answered.
    pub(super) fn running(&self) -> impl Iterator<Item = &Pending> {
        self.pending.iter().filter(|tool| matches!(tool.state, ToolState::Running { .. }))
    }
}

/// One tool call of a round.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pending {
    pub(super) key: ToolInvocationKey,
    pub(super) call: ToolCall,
    pub(super) state: ToolState,
}

/// How far a tool call is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ToolState {
    /// Not started: what was said before it has not been heard, or the caller speaks over it.
    Waiting,
    /// Started; given up then, whoever runs it.
    Running { until: CallTime },
    /// Over.
    Finished { result: String, is_error: bool },
}

/// Playback stands still because the caller speaks over it; not decided yet.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Hold {
    pub(super) since: CallTime,
    /// Resume then: the voice has ended and no word was recognised.
    pub(super) release_at: Option<CallTime>,
    /// What was heard, once the playout has said so.
    pub(super) heard: Option<HeardEpoch>,
}

/// A part of the answer that is over: its words were heard, its tools have answered.
#[derive(Clone, Debug, PartialEq)]
struct HeardPart {
    text: String,
    rounds: Vec<ToolRound>,
}

#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) epoch: Epoch,
    pub(super) number: u32,
    pub(super) origin: Origin,
    /// Sentences of this epoch, in order.
    pub(super) sentences: Vec<Arc<str>>,
    /// Tool rounds of this epoch, each with the number of sentences before it.
    rounds: Vec<(usize, Vec<ToolRound>)>,
    /// Earlier epochs of the same answer: a round that changes the world closes one.
    earlier: Vec<HeardPart>,
    pub(super) model: Model,
    pub(super) chunker: Sentences,
    /// Bytes that the model has written, over all requests.
    pub(super) written: usize,
    /// When the model was asked last.
    pub(super) asked_at: CallTime,
    /// Sentences of this epoch then.
    pub(super) said_when_asked: usize,
    /// The call ends for this reason once the answer has been heard.
    pub(super) closes_with: Option<EndReason>,
    /// When audio of this epoch was first sent.
    pub(super) audible_since: Option<CallTime>,
    pub(super) hold: Option<Hold>,
    /// When something last happened to its playback.
    pub(super) moved_at: CallTime,
    pub(super) waterfall: Waterfall,
    pub(super) usage: Usage,
}

impl Answer {
    pub(super) fn new(epoch: Epoch, number: u32, origin: Origin) -> Self {
        let mut waterfall = Waterfall::default();
        if let Origin::Reply(utterance) = &origin {
            waterfall.speech_end_ms = utterance.speech_end.map(CallTime::as_ms);
            waterfall.stt_final_ms = Some(utterance.stt_final_at.as_ms());
        }
        Self {
            epoch,
            number,
            origin,
            sentences: Vec::new(),
            rounds: Vec::new(),
            earlier: Vec::new(),
            model: Model::Done,
            chunker: Sentences::new(SentenceOptions::default()),
            written: 0,
            asked_at: CallTime::ZERO,
            said_when_asked: 0,
            closes_with: None,
            audible_since: None,
            hold: None,
            moved_at: CallTime::ZERO,
            waterfall,
            usage: Usage::default(),
        }
    }

    /// Adds a sentence of this epoch and says its place.
    pub(super) fn push(&mut self, text: &str) -> (SentenceId, Arc<str>) {
        let text: Arc<str> = text.into();
        let index = u32::try_from(self.sentences.len()).unwrap_or(u32::MAX);
        self.sentences.push(Arc::clone(&text));
        (SentenceId { epoch: self.epoch, index }, text)
    }

    /// Adds a finished round of tools at this place of the answer.
    pub(super) fn push_rounds(&mut self, rounds: Vec<ToolRound>) {
        if let Some(last) =
            self.earlier.last_mut().filter(|_| self.sentences.is_empty() && self.rounds.is_empty())
        {
            last.rounds.extend(rounds);
        } else {
            self.rounds.push((self.sentences.len(), rounds));
        }
    }

    /// Everything said so far was heard: the epoch is closed and what follows gets a new one.
    pub(super) fn commit_heard(&mut self, next: Epoch) {
        let mut from = 0;
        for (until, rounds) in std::mem::take(&mut self.rounds) {
            self.earlier.push(HeardPart { text: self.sentences[from..until].join(" "), rounds });
            from = until;
        }
        self.earlier.push(HeardPart { text: self.sentences[from..].join(" "), rounds: Vec::new() });
        self.sentences.clear();
        self.said_when_asked = 0;
        self.audible_since = None;
        self.epoch = next;
    }

    /// Whether audio of it has been sent.
    pub(super) fn is_audible(&self) -> bool {
        self.audible_since.is_some()
    }

    /// Whether nothing was said and no tool has answered.
    pub(super) fn is_empty(&self) -> bool {
        self.sentences.is_empty() && self.rounds.is_empty() && self.earlier.is_empty()
    }

    /// Whether the caller may cut it short. The last words of a call that ends anyway are said to the end.
    pub(super) fn may_be_cut(&self) -> bool {
        match self.closes_with {
            None | Some(EndReason::AssistantEnded | EndReason::Silence) => true,
            Some(
                EndReason::CallerHungUp
                | EndReason::Transferred
                | EndReason::OperatorEnded
                | EndReason::MaxDuration
                | EndReason::Failed
                | EndReason::StreamLost
                | EndReason::Shutdown,
            ) => false,
        }
    }

    /// Whether it can be taken back as if it had never begun: nothing was heard and no tool has run.
    pub(super) fn may_be_withdrawn(&self) -> bool {
        let tool_started = match &self.model {
            Model::Tools(tools) => tools.pending.iter().any(|tool| tool.state != ToolState::Waiting),
            Model::Done | Model::Paused { .. } | Model::Asked { .. } | Model::Streaming { .. } => false,
        };
        matches!(self.origin, Origin::Reply(_))
            && !self.is_audible()
            && self.rounds.is_empty()
            && self.earlier.is_empty()
            && !tool_started
    }

    /// Whether nothing of it was heard and no tool has answered: as if it had never begun.
    pub(super) fn is_unheard(&self, heard: &HeardEpoch) -> bool {
        self.rounds.is_empty() && self.earlier.is_empty() && self.spoken(Some(heard)).is_empty()
    }

    /// Whether caller audio that ends at `audio_end` was spoken over it.
    pub(super) fn was_spoken_over(&self, audio_end: CallTime) -> bool {
        self.audible_since.is_some_and(|since| audio_end > since)
    }

    /// What it was to answer, if the model or a tool was still at it and nothing that exists of it waits to be heard.
    pub(super) fn unanswered(&self, heard: &HeardEpoch) -> Option<Utterance> {
        let under_way = self.model != Model::Done;
        let nothing_left = self.unheard(Some(heard)).is_empty() || self.is_unheard(heard);
        match &self.origin {
            Origin::Reply(utterance) if under_way && nothing_left => Some(utterance.clone()),
            Origin::Reply(_)
            | Origin::Greeting
            | Origin::IdlePrompt
            | Origin::Continuation
            | Origin::Announcement
            | Origin::Goodbye => None,
        }
    }

    pub(super) fn tool_rounds(&self) -> u32 {
        let earlier = self.earlier.iter().filter(|part| !part.rounds.is_empty()).count();
        u32::try_from(earlier + self.rounds.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn is_held(&self) -> bool {
        self.hold.is_some()
    }

    pub(super) fn poll_timeout(&self, options: &TurnOptions) -> Option<CallTime> {
        let hold =
            self.hold.as_ref().map(|hold| hold.release_at.unwrap_or(hold.since.after(options.hold_limit)));
        let model = match &self.model {
            Model::Done => None,
            Model::Paused { until, .. } => Some(*until),
            Model::Asked { since, .. } => Some(since.after(options.first_token)),
            Model::Streaming { last, .. } => Some(last.after(options.token_gap)),
            Model::Tools(tools) => tools.poll_timeout(),
        };
        hold.into_iter().chain(model).chain(self.overdue_at(options)).min()
    }

    /// When it must have been heard, if nothing but that is waited for.
    pub(super) fn overdue_at(&self, options: &TurnOptions) -> Option<CallTime> {
        let waits = match &self.model {
            Model::Done => true,
            Model::Tools(tools) => tools.awaits_heard,
            Model::Paused { .. } | Model::Asked { .. } | Model::Streaming { .. } => false,
        };
        let characters = self.sentences.iter().map(|text| text.chars().count()).sum::<usize>();
        let longest = options.character * u32::try_from(characters).unwrap_or(u32::MAX);
        (waits && self.hold.is_none()).then(|| self.moved_at.after(options.unheard_grace + longest))
    }

    /// Puts the answer into the context as far as it was heard; `None` means all of it.
    pub(super) fn commit(&self, context: &mut Context, heard: Option<&HeardEpoch>, interrupted: bool) {
        for part in &self.earlier {
            if part.rounds.is_empty() {
                context.assistant(&part.text, false);
            } else {
                context.tools(&part.text, part.rounds.clone());
            }
        }
        let mut from = 0;
        for (until, rounds) in &self.rounds {
            context.tools(&self.heard_text(from..*until, heard), rounds.clone());
            from = *until;
        }
        context.assistant(&self.heard_text(from..self.sentences.len(), heard), interrupted);
    }

    /// What the caller heard of the whole answer; `None` means all of it.
    pub(super) fn spoken(&self, heard: Option<&HeardEpoch>) -> String {
        let now = self.heard_text(0..self.sentences.len(), heard);
        let parts = self.earlier.iter().map(|part| part.text.as_str()).chain([now.as_str()]);
        parts.filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" ")
    }

    /// Sentences, or what is left of one, that the caller has not heard.
    pub(super) fn unheard(&self, heard: Option<&HeardEpoch>) -> Vec<Arc<str>> {
        let rest = |index: usize, text: &Arc<str>| {
            let at = heard.map_or(0, |heard| heard_bytes(heard, index, text));
            text.get(at..).map(str::trim).filter(|rest| !rest.is_empty()).map(Arc::from)
        };
        self.sentences.iter().enumerate().filter_map(|(index, text)| rest(index, text)).collect()
    }

    fn heard_text(&self, range: std::ops::Range<usize>, heard: Option<&HeardEpoch>) -> String {
        let mut out = String::new();
        for index in range {
            let text = &self.sentences[index];
            let piece = heard.map_or(&**text, |heard| &text[..heard_bytes(heard, index, text)]).trim();
            if !piece.is_empty() {
                if !out.is_empty() {
                    out.push(' ');
                }
                out.push_str(piece);
            }
        }
        out
    }

    pub(super) fn record(&self, heard: Option<&HeardEpoch>, interrupted: bool) -> TurnRecord {
        let rounds =
            self.earlier.iter().map(|part| &part.rounds).chain(self.rounds.iter().map(|(_, rounds)| rounds));
        TurnRecord {
            number: self.number,
            epoch: self.epoch,
            caller: match &self.origin {
                Origin::Reply(utterance) => utterance.text.clone(),
                Origin::Greeting
                | Origin::IdlePrompt
                | Origin::Continuation
                | Origin::Announcement
                | Origin::Goodbye => String::new(),
            },
            assistant: self.spoken(heard),
            interrupted,
            tools: rounds.flatten().map(|round| round.call.clone()).collect(),
            waterfall: self.waterfall,
            usage: self.usage,
        }
    }

    pub(super) fn check_invariants(&self) {
        debug_assert!(
            self.rounds.iter().all(|(at, rounds)| *at <= self.sentences.len() && !rounds.is_empty())
        );
        let may_be_held = self.is_audible() || matches!(self.model, Model::Tools(_));
        debug_assert!(self.hold.is_none() || may_be_held, "only what was audible can be held");
    }
}

/// Bytes of sentence `index` that were heard, at a character border.
fn heard_bytes(heard: &HeardEpoch, index: usize, text: &str) -> usize {
    let entry = heard.sentences.iter().find(|entry| entry.sentence.index as usize == index);
    match entry {
        None => 0,
        Some(entry) if entry.complete => text.len(),
        Some(entry) => text.floor_char_boundary((entry.text_heard as usize).min(text.len())),
    }
}
