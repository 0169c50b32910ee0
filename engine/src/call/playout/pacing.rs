//! What the ledger does by itself as time passes: keeps the carrier's buffer filled, watches for marks that stay
//! away, closes epochs that have been played.

use super::{
    Fact, HeardSentence, OpenEpoch, Output, Playout, media::Media, sentence::Sentence, units::samples_within,
};
use crate::call::time::CallTime;

impl Playout {
    /// Does what is due.
    pub(super) fn advance(&mut self, now: CallTime) {
        self.top_up(now);
        self.watch_marks(now);
        while self.drain_first(now) {}
        self.retire_heard();
    }

    fn top_up(&mut self, now: CallTime) {
        if self.line.lead(now) >= self.options.top_up_below {
            return;
        }
        let message_max = samples_within(self.options.message_max);
        while let Some(first) = self.next_to_send() {
            let room = samples_within(self.options.lead_high.saturating_sub(self.line.lead(now)));
            if room == 0 {
                return;
            }
            self.send(first, room.min(message_max) as u32, now);
        }
    }

    /// The sentence whose audio is next, if some is there and may be sent.
    pub(super) fn next_to_send(&self) -> Option<usize> {
        let first = self.sentences.iter().position(|sentence| !sentence.is_sent())?;
        (self.held.is_none() && self.sentences[first].unsent() > 0).then_some(first)
    }

    /// Sends one message of up to `max` samples, from this sentence on, of one epoch.
    fn send(&mut self, first: usize, max: u32, now: CallTime) {
        let epoch = self.sentences[first].id.epoch;
        let Some(open) = self.epochs.iter_mut().find(|open| open.epoch == epoch) else { return };
        let dry = samples_within(now.since(self.line.free_at()));
        if dry > 0 && open.started && !self.emptied {
            if self.sentences[first].sent > 0 {
                self.counters.underruns += 1;
                self.counters.underrun_audio += dry;
            } else {
                self.counters.pauses += 1;
            }
        }
        self.emptied = false;
        let mut media = Media::default();
        let mut left = max;
        for sentence in self.sentences.iter_mut().skip(first) {
            if sentence.id.epoch != epoch {
                break;
            }
            while left > 0
                && !media.is_full()
                && let Some(part) = sentence.next_part(left)
            {
                let samples = part.len() as u32;
                let starts_at = self.line.append(sentence.id, sentence.sent, samples, now);
                if self.options.record {
                    self.counters.unrecorded_audio += self.tape.push(starts_at, part.clone());
                }
                sentence.sent += samples;
                left -= samples;
                media.push(part);
            }
            if !sentence.is_sent() {
                break;
            }
        }
        open.unmarked += max - left;
        open.ends_at = self.line.free_at();
        self.outputs.push_back(Output::Media(media));
        let first_audio = !open.started;
        open.started = true;
        if first_audio || u64::from(open.unmarked) >= samples_within(self.options.mark_every) {
            open.unmarked = 0;
            self.outputs.push_back(Output::Mark(self.line.mark(epoch, now)));
        }
        if first_audio {
            self.outputs.push_back(Output::Fact(Fact::Started { epoch, at: now }));
        }
    }

    fn watch_marks(&mut self, now: CallTime) {
        if let Some(since) = self.line.oldest_expected()
            && let Some(epoch) = self.current()
            && since.after(self.options.stall_after) <= now
            && !self.stalled
        {
            self.stalled = true;
            self.outputs.push_back(Output::Fact(Fact::Stalled { epoch, since }));
        }
    }

    /// Whether an epoch has nothing left to send, now or later.
    pub(super) fn is_sent(&self, open: &OpenEpoch) -> bool {
        open.finished && self.sentences.iter().filter(|s| s.id.epoch == open.epoch).all(Sentence::is_sent)
    }

    /// Closes the first epoch if all of it has been played.
    fn drain_first(&mut self, now: CallTime) -> bool {
        let Some(first) = self.epochs.front().filter(|first| self.is_sent(first)) else { return false };
        let epoch = first.epoch;
        let ends_at = first.ends_at;
        if let Some(first) = self.epochs.front_mut()
            && first.unmarked > 0
        {
            first.unmarked = 0;
            self.outputs.push_back(Output::Mark(self.line.mark(epoch, now)));
        }
        let confirmed = !self.line.awaits(epoch);
        let given_up =
            || self.line.oldest_expected().is_some_and(|since| since.after(self.options.stall_after) <= now);
        if ends_at > now || !(confirmed || given_up()) {
            return false;
        }
        let heard = self.heard(epoch, now);
        self.line.forget_marks(epoch);
        self.epochs.pop_front();
        self.sentences.retain(|sentence| sentence.id.epoch > epoch);
        self.oldest = epoch.next();
        self.held = self.held.filter(|&held| held > epoch);
        self.outputs.push_back(Output::Fact(Fact::Drained { heard, at: now, confirmed }));
        true
    }

    /// Moves sentences that were heard whole out of the way.
    fn retire_heard(&mut self) {
        while let Some(sentence) = self.sentences.pop_front_if(|sentence| sentence.is_over()) {
            let text_heard = sentence.text_heard(sentence.heard);
            let complete = sentence.is_complete(text_heard);
            let heard = HeardSentence { sentence: sentence.id, text_heard, complete };
            if let Some(open) = self.epochs.iter_mut().find(|open| open.epoch == sentence.id.epoch) {
                open.heard.push(heard);
            }
        }
    }
}
