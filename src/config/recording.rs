//! What becomes of recordings.

use serde::Deserialize;

/// What becomes of a recording when its call is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recording {
    /// Whether an Ogg/Opus file is made of it.
    pub opus: bool,
    /// Whether the WAV file stays beside it.
    pub keep_wav: bool,
}

impl Default for Recording {
    fn default() -> Self {
        Self { opus: false, keep_wav: true }
    }
}
