//! What follows from the death of a call's child: restarted, at once the first time, until it has died too
//! often; then the call goes on without it or ends. Nothing else decides that.

#[cfg(test)]
mod tests;

use crate::call::time::CallTime;
use serde::{Deserialize, Serialize};
use std::{collections::VecDeque, fmt, time::Duration};

/// The children of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The carrier's socket and the playout ledger.
    Stream,
    /// Speech recognition.
    Stt,
    /// The decision owner.
    LlmTurn,
    /// Synthesis.
    Tts,
    /// The recording.
    Recorder,
}

impl Role {
    const COUNT: usize = 5;

    /// As in logs, events and actor names.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::Stt => "stt",
            Self::LlmTurn => "llm_turn",
            Self::Tts => "tts",
            Self::Recorder => "recorder",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a child died.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// It panicked, failed or was killed.
    Failed,
    /// It was ended because it made no progress.
    Stalled,
    /// It ended in order, as it was told to.
    Finished,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "decision")]
pub enum Decision {
    /// Start it again.
    Restart {
        /// After this long.
        after: Duration,
    },
    /// Go on without it, and say so in the call's log.
    Degrade,
    /// The carrier's stream is gone, the call is not: wait for it to come back.
    Detach,
    /// It cannot go on.
    EndCall,
    /// Nothing: it had done its work.
    Ignore,
}

/// How often a child may die.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestartOptions {
    /// Restarts of one child within the window: 5, enough for a provider that stutters.
    pub budget: usize,
    /// Restarts of the recorder within the window: 3; its usual fault, a full disk, does not pass.
    pub recorder_budget: usize,
    /// The sliding window: 60 s.
    pub window: Duration,
    /// Wait before the second restart in a window, doubled for each further one: 50 ms. The first has none.
    pub backoff: Duration,
    /// Longest wait: 400 ms, a pause that a caller bears.
    pub backoff_max: Duration,
}

impl Default for RestartOptions {
    fn default() -> Self {
        Self {
            budget: 5,
            recorder_budget: 3,
            window: Duration::from_secs(60),
            backoff: Duration::from_millis(50),
            backoff_max: Duration::from_millis(400),
        }
    }
}

/// The restart policy of one call.
#[derive(Clone, Debug)]
pub struct RestartPolicy {
    options: RestartOptions,
    /// Per role, when its latest restarts were; never longer than its budget.
    restarts: [VecDeque<CallTime>; Role::COUNT],
}

impl RestartPolicy {
    /// Nobody has died yet.
    #[must_use]
    pub fn new(options: RestartOptions) -> Self {
        Self { options, restarts: Default::default() }
    }

    /// A child died.
    pub fn child_died(&mut self, role: Role, cause: Cause, now: CallTime) -> Decision {
        if cause == Cause::Finished {
            return Decision::Ignore;
        }
        let (budget, when_spent) = match role {
            Role::Stream => (0, Decision::Detach),
            Role::Stt | Role::LlmTurn | Role::Tts => (self.options.budget, Decision::EndCall),
            Role::Recorder => (self.options.recorder_budget, Decision::Degrade),
        };
        let window = self.options.window;
        let restarts = &mut self.restarts[role as usize];
        restarts.retain(|&at| now.since(at) < window);
        if restarts.len() >= budget {
            return when_spent;
        }
        let after = match restarts.len() {
            0 => Duration::ZERO,
            earlier => {
                let doublings = u32::try_from(earlier - 1).unwrap_or(u32::MAX).min(16);
                self.options.backoff.saturating_mul(1 << doublings).min(self.options.backoff_max)
            }
        };
        restarts.push_back(now);
        Decision::Restart { after }
    }
}
