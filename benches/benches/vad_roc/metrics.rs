//! How well a candidate did on scenes whose labels are known.
//!
//! Frames are 20 ms. A frame of which one half is speech and the other is not is left out. Decisions on frames are
//! compared with the labels of up to 100 ms before, whichever fits a candidate best over everything, since all look
//! back differently far; delays are not corrected.

use super::candidates::{Answer, Candidate, FRAME};
use benches::speech_corpus::Scene;

/// Frames at a scene's beginning that are not counted, while floors are found: 1 s.
const WARM_UP: usize = 50;

/// The longest correction, in frames.
pub(crate) const LAGS: usize = 6;

/// A start after this is one that was missed (frames): 1 s.
const MISSED: usize = 50;

/// A start is false when there was no speech for so many frames before it: 300 ms. What comes sooner belongs to the
/// end of what was said.
const AFTER_SPEECH: usize = 15;

/// What a candidate said of one scene.
pub(crate) struct Heard {
    answers: Vec<Answer>,
    /// For each frame, whether it is speech, if that is clear.
    labels: Vec<Option<bool>>,
    /// First and last frame of the utterances.
    utterances: Vec<(usize, usize)>,
}

impl Heard {
    /// Plays a scene to a candidate.
    pub(crate) fn by(candidate: &mut dyn Candidate, scene: &Scene, codes: &[u8]) -> Self {
        candidate.begin();
        let frames = codes.as_chunks::<FRAME>().0;
        let label = |pair: &[bool]| (pair[0] == pair[1]).then_some(pair[0]);
        Self {
            answers: frames.iter().map(|frame| candidate.frame(frame)).collect(),
            labels: scene.speech.chunks_exact(2).map(label).collect(),
            utterances: scene.utterances.iter().map(|&(from, to)| (from / 2, to / 2)).collect(),
        }
    }

    /// The answers that count, with the labels of `lag` frames before.
    fn pairs(&self, lag: usize) -> impl Iterator<Item = (&Answer, bool)> {
        let labels = self.labels.iter().skip(WARM_UP);
        self.answers
            .iter()
            .skip(WARM_UP + lag)
            .zip(labels)
            .filter_map(|(answer, label)| Some((answer, (*label)?)))
    }
}

/// Figures of a candidate in one kind of noise at one level.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Figures {
    /// Mean of the shares of speech and of silence that are told rightly by the default decision.
    pub(crate) balanced: f64,
    /// Area under the curve of true over false positives.
    pub(crate) area: f64,
    /// Where as much speech is missed as silence is taken for speech.
    pub(crate) equal_error: f64,
    /// Speech found where 5 % of the silence is taken for speech.
    pub(crate) found_at_5: f64,
    /// From the beginning of an utterance to the report of it (ms): median and 95th percentile; 1,000 is "not found".
    pub(crate) onset_ms: (f64, f64),
    /// Starts reported while nobody spoke, per minute of silence.
    pub(crate) false_starts: f64,
}

impl Figures {
    /// Over some scenes, with one correction.
    pub(crate) fn of(heard: &[Heard], lag: usize) -> Self {
        let pairs: Vec<(f32, bool, bool)> = heard
            .iter()
            .flat_map(|heard| heard.pairs(lag).map(|(answer, label)| (answer.score, answer.speech, label)))
            .collect();
        let (area, equal_error, found_at_5) =
            curve(pairs.iter().map(|&(score, _, label)| (score, label)).collect());
        let share = |wanted: bool| {
            let of = pairs.iter().filter(|(_, _, label)| *label == wanted);
            let right = of.clone().filter(|(_, speech, _)| *speech == wanted).count();
            right as f64 / of.count().max(1) as f64
        };
        let (onset_ms, false_starts) = starts(heard);
        Self {
            balanced: 0.5 * (share(true) + share(false)),
            area,
            equal_error,
            found_at_5,
            onset_ms,
            false_starts,
        }
    }
}

/// The curve's area, its point of equal errors, and speech found at 5 % false positives.
fn curve(mut scores: Vec<(f32, bool)>) -> (f64, f64, f64) {
    scores.sort_by(|left, right| right.0.total_cmp(&left.0));
    let speech = scores.iter().filter(|(_, label)| *label).count() as f64;
    let silence = scores.len() as f64 - speech;
    let (mut found, mut wrong, mut area) = (0.0, 0.0, 0.0);
    let (mut equal_error, mut found_at_5) = (f64::NAN, 0.0);
    for same in scores.chunk_by(|left, right| left.0 == right.0) {
        let more = same.iter().filter(|(_, label)| *label).count() as f64;
        let (next_found, next_wrong) = (found + more / speech, wrong + (same.len() as f64 - more) / silence);
        area += (next_wrong - wrong) * 0.5 * (found + next_found);
        if wrong <= 0.05 && next_wrong > 0.05 {
            found_at_5 = found + (next_found - found) * (0.05 - wrong) / (next_wrong - wrong);
        }
        if equal_error.is_nan() && next_wrong >= 1.0 - next_found {
            let (before, after) = (1.0 - found - wrong, next_wrong + next_found - 1.0);
            equal_error = wrong + (next_wrong - wrong) * before / (before + after).max(1e-12);
        }
        (found, wrong) = (next_found, next_wrong);
    }
    (area, equal_error, found_at_5)
}

/// Delays of the starts, and false ones per minute.
fn starts(heard: &[Heard]) -> ((f64, f64), f64) {
    let (mut delays, mut wrong, mut silent) = (Vec::new(), 0u32, 0u32);
    for heard in heard {
        for &(from, to) in heard.utterances.iter().filter(|(from, _)| *from > WARM_UP) {
            let found = (from..(from + MISSED).min(to + 5))
                .find(|&at| heard.answers.get(at).is_some_and(|answer| answer.started));
            // Told when the frame was over.
            delays.push(found.map_or(1_000, |at| (at + 1 - from) * 20) as f64);
        }
        let mut since_speech = 0;
        for (answer, label) in heard.answers.iter().zip(&heard.labels).skip(WARM_UP) {
            since_speech = if *label == Some(false) { since_speech + 1 } else { 0 };
            if since_speech > AFTER_SPEECH {
                silent += 1;
                wrong += u32::from(answer.started);
            }
        }
    }
    delays.sort_by(f64::total_cmp);
    let at = |part: f64| delays.get((part * delays.len() as f64) as usize).copied().unwrap_or(f64::NAN);
    ((at(0.5), at(0.95)), f64::from(wrong) / (f64::from(silent.max(1)) / 3_000.0))
}
