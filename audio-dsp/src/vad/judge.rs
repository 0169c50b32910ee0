//! Judges one block of 10 ms: may it be part of speech, and is it surely a voice?

#![forbid(unsafe_code)]

use super::features::FeatureExtractor;
use super::segment::Verdict;
use super::{BLOCK, VadOptions, kernel};
use crate::instruction_set::InstructionSet;

/// Weight of the newest block in the score.
const SMOOTHING: f32 = 0.6;

/// The score is cut off here, so that what comes next is not outweighed by what was.
const SCORE_RANGE: f32 = 6.0;

/// A band that stands so far above its floor is sound (tens of dB): noise alone hardly ever rises so far.
const SOUND: f32 = 0.9;

/// While someone speaks, a block with sound needs so much less (log-odds): the next syllable has begun before the
/// score, which looks back, has risen.
const WITH_SOUND: f32 = 2.0;

/// The memory that judging needs.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Judge {
    set: InstructionSet,
    features: FeatureExtractor,
    score: f32,
    start_score: f32,
    continue_score: f32,
    voice_score: f32,
    quietest_dbfs: f32,
}

impl Judge {
    pub(super) fn new(options: &VadOptions) -> Self {
        Self {
            set: InstructionSet::detected(),
            features: FeatureExtractor::new(),
            score: -SCORE_RANGE,
            start_score: options.start_score,
            continue_score: options.continue_score,
            voice_score: options.voice_score,
            quietest_dbfs: options.quietest_dbfs,
        }
    }

    /// Judges the next block; while someone is `speaking`, less is needed.
    pub(super) fn hear(&mut self, samples: &[i16; BLOCK], speaking: bool) -> Verdict {
        let (features, odds) = kernel::judge(self.set, &mut self.features, samples);
        self.score += SMOOTHING * (odds.clamp(-SCORE_RANGE, SCORE_RANGE) - self.score);
        let (needed, needed_of_voice) = if speaking {
            (self.continue_score, self.start_score)
        } else {
            (self.start_score, self.voice_score)
        };
        let loud = features.level_dbfs > self.quietest_dbfs;
        let sound = loud && features.highest_snr() > SOUND;
        let active = loud && self.score > if speaking && sound { needed - WITH_SOUND } else { needed };
        Verdict {
            sound,
            active,
            voiced: active && self.score > needed_of_voice && !features.is_steady(),
            steady_blocks: features.steady_blocks,
        }
    }

    /// The log-odds that the last blocks were speech.
    pub(super) fn score(&self) -> f32 {
        self.score
    }

    /// The signal was interrupted: what comes next does not follow on what was heard.
    pub(super) fn forget_signal(&mut self) {
        self.features.forget_signal();
        self.score = -SCORE_RANGE;
    }
}
