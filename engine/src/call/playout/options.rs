//! Limits of the playout ledger.

use std::time::Duration;

/// How the ledger paces and what it believes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlayoutOptions {
    /// The carrier's buffer never gets emptier while there is audio: 120 ms, so that a wake-up may be 100 ms
    /// late unheard.
    pub lead_low: Duration,
    /// A poll that finds less than this fills it up: 140 ms, so that the caller's own 20 ms frames do nearly
    /// all of the work and the timer at `lead_low` seldom fires.
    pub top_up_below: Duration,
    /// Never fuller: 160 ms, so that little is taken back at a barge-in.
    pub lead_high: Duration,
    /// Longest message: 100 ms (1,068 characters of base64).
    pub message_max: Duration,
    /// A mark at least after this much audio: 200 ms, about half a word.
    pub mark_every: Duration,
    /// A mark that is this late stops the clock from counting as proof: 400 ms, a slow round trip to the
    /// carrier's farthest region with a retransmission in it.
    pub mark_grace: Duration,
    /// A mark that is this late means that nothing is played: 2 s, the longest that a caller should sit in
    /// silence unseen.
    pub stall_after: Duration,
    /// Most audio that waits to be sent: 120 s. [`super::Playout::has_room`] says stop at half of it, audio
    /// beyond the whole of it is dropped and counted.
    pub queue_max: Duration,
    /// Whether there is a recorder that takes what was played: yes.
    pub record: bool,
}

impl PlayoutOptions {
    /// The same, with the leads in rising order and room for a frame between them, so that every poll that is
    /// due has something to do.
    pub(super) fn in_order(mut self) -> Self {
        const FRAME: Duration = Duration::from_millis(20);
        self.lead_high = self.lead_high.max(self.lead_low + FRAME);
        self.top_up_below = self.top_up_below.clamp(self.lead_low + FRAME / 2, self.lead_high);
        self.message_max = self.message_max.max(FRAME);
        self
    }
}

impl Default for PlayoutOptions {
    fn default() -> Self {
        Self {
            lead_low: Duration::from_millis(120),
            top_up_below: Duration::from_millis(140),
            lead_high: Duration::from_millis(160),
            message_max: Duration::from_millis(100),
            mark_every: Duration::from_millis(200),
            mark_grace: Duration::from_millis(400),
            stall_after: Duration::from_secs(2),
            queue_max: Duration::from_secs(120),
            record: true,
        }
    }
}
