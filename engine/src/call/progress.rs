//! The watchdog: a stage that has work must show progress within its limit, else it is stalled, told once.
//!
//! Work arms it (audio in, text in, a mark sent), progress gives it a new limit, and it rests when nothing is
//! outstanding. The call's supervisor restarts what it reports.

#[cfg(test)]
mod tests;

use crate::call::time::CallTime;
use serde::{Deserialize, Serialize};
use std::{collections::VecDeque, time::Duration};

/// What is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Caller's speech in, transcripts out.
    Recognition,
    /// A question to the model in, tokens out.
    Generation,
    /// Text in, audio out.
    Synthesis,
    /// Marks out, marks back.
    Playout,
    /// Frames of the caller, which never cease while the stream lives.
    Stream,
}

impl Stage {
    const ALL: [Self; 5] =
        [Self::Recognition, Self::Generation, Self::Synthesis, Self::Playout, Self::Stream];
}

/// How long each stage may take to show something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProgressOptions {
    /// 5 s of speech without any transcript: interim results come every second or so.
    pub recognition: Duration,
    /// 8 s to the next token: the slowest models think for 3-4 s before the first.
    pub generation: Duration,
    /// 3 s to the next audio: first audio usually takes 0.1-0.5 s.
    pub synthesis: Duration,
    /// 2 s to the next mark, beyond the time that its audio plays.
    pub playout: Duration,
    /// 5 s without a frame: carriers send one every 20 ms, in silence too.
    pub stream: Duration,
}

impl Default for ProgressOptions {
    fn default() -> Self {
        Self {
            recognition: Duration::from_secs(5),
            generation: Duration::from_secs(8),
            synthesis: Duration::from_secs(3),
            playout: Duration::from_secs(2),
            stream: Duration::from_secs(5),
        }
    }
}

impl ProgressOptions {
    const fn limit(&self, stage: Stage) -> Duration {
        match stage {
            Stage::Recognition => self.recognition,
            Stage::Generation => self.generation,
            Stage::Synthesis => self.synthesis,
            Stage::Playout => self.playout,
            Stage::Stream => self.stream,
        }
    }
}

/// What a stage did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    /// It was given work; more work does not extend the limit.
    Work,
    /// It showed something, and more is to come.
    Progress,
    /// Nothing is outstanding, or it was replaced.
    Settled,
}

/// A stage showed nothing for longer than its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stalled {
    /// Which.
    pub stage: Stage,
    /// Since when it has had work and shown nothing.
    pub since: CallTime,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Watch {
    #[default]
    Resting,
    Waiting {
        since: CallTime,
    },
    /// Told; silent until it shows something or is settled.
    Stalled,
}

/// Watches all stages of a call.
#[derive(Clone, Debug)]
pub struct Watchdog {
    options: ProgressOptions,
    watches: [Watch; Stage::ALL.len()],
    outputs: VecDeque<Stalled>,
}

impl Watchdog {
    /// Nothing is watched yet.
    #[must_use]
    pub fn new(options: ProgressOptions) -> Self {
        Self { options, watches: [Watch::default(); Stage::ALL.len()], outputs: VecDeque::new() }
    }

    /// A stage gave a sign.
    pub fn handle(&mut self, stage: Stage, sign: Sign, now: CallTime) {
        self.poll(now);
        let watch = &mut self.watches[stage as usize];
        *watch = match (*watch, sign) {
            (Watch::Resting, Sign::Work) | (Watch::Waiting { .. } | Watch::Stalled, Sign::Progress) => {
                Watch::Waiting { since: now }
            }
            (Watch::Resting, Sign::Progress) | (_, Sign::Settled) => Watch::Resting,
            (waiting @ (Watch::Waiting { .. } | Watch::Stalled), Sign::Work) => waiting,
        };
    }

    /// Time has passed.
    pub fn poll(&mut self, now: CallTime) {
        for stage in Stage::ALL {
            let watch = &mut self.watches[stage as usize];
            if let Watch::Waiting { since } = *watch
                && since.after(self.options.limit(stage)) <= now
            {
                *watch = Watch::Stalled;
                self.outputs.push_back(Stalled { stage, since });
            }
        }
    }

    /// The next stage that was found stalled.
    pub fn poll_output(&mut self) -> Option<Stalled> {
        self.outputs.pop_front()
    }

    /// When to poll at the latest.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<CallTime> {
        Stage::ALL
            .into_iter()
            .filter_map(|stage| match self.watches[stage as usize] {
                Watch::Waiting { since } => Some(since.after(self.options.limit(stage))),
                Watch::Resting | Watch::Stalled => None,
            })
            .min()
    }
}
