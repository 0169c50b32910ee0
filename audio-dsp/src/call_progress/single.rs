//! What a single tone means, by its frequency and length and by what follows it.

use super::cadence::{Cadence, Sound};
use super::{Signal, SignalEvent};
use crate::tone::{Tone, ToneEvent};

/// Samples in a millisecond.
const MS: u64 = 8;

/// How long nothing must follow a tone for it to be a beep. The tones of the special information tone are at most
/// 30 ms apart (E.180), which detection may stretch by 20.
const SETTLE: u64 = 60 * MS;

/// The highest beep (Hz).
const BEEP_MAX_HZ: f64 = 2_010.0;

/// The special information tone (E.180): 50 Hz may be amiss, each lasts 330 ms and 70 may be amiss, to which
/// detection adds 20.
const SPECIAL_HZ: [f64; 3] = [950.0, 1_400.0, 1_800.0];
const SPECIAL_DEVIATION_HZ: f64 = 52.0;
const SPECIAL_LENGTH: std::ops::RangeInclusive<u64> = 240 * MS..=420 * MS;

/// Calling tone of a fax machine (T.30): 1,100 Hz, 38 may be amiss; 0.5 s, 15 % may be amiss.
const CNG_HZ: f64 = 1_100.0;
const CNG_DEVIATION_HZ: f64 = 38.0;
const CNG_LENGTH: std::ops::RangeInclusive<u64> = 405 * MS..=595 * MS;

/// Answer of a fax machine or a modem (T.30, V.8): 2,100 Hz, 15 may be amiss. Its phase may turn every 450 ms, so a
/// stretch of 400 is enough.
const ANSWER_HZ: f64 = 2_100.0;
const ANSWER_DEVIATION_HZ: f64 = 20.0;
const ANSWER_MIN: u64 = 400 * MS;

/// The tone of ETSI's rhythms: 15 Hz may be amiss, of which 12 are taken. From 440 Hz on, which is measured within
/// 2 Hz, it is a beep.
const PROGRESS_HZ: f64 = 425.0;
const PROGRESS_DEVIATION_HZ: f64 = 12.0;

#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Singles {
    /// The tone that ended last and was not told yet, with where the sequence began that it may belong to.
    waiting: Option<(Tone, u64)>,
    /// How many tones of the special information tone that one completes.
    special: usize,
    /// Whether the tone that goes on is that of ETSI's rhythms. Its frequency is known better at its end than at its
    /// start, but what began a rhythm's period ends it.
    in_rhythm: bool,
    /// Where an answer of a fax machine was last heard: it is told once.
    answered: Option<u64>,
}

impl Singles {
    pub(super) fn take(
        &mut self,
        event: ToneEvent,
        rhythm: &mut Cadence,
        emit: &mut impl FnMut(SignalEvent),
    ) {
        match event {
            ToneEvent::Started(tone) if is_near(&tone, PROGRESS_HZ, PROGRESS_DEVIATION_HZ) => {
                self.in_rhythm = true;
                self.settle(tone.onset, None, rhythm, emit);
                rhythm.hear(Some(Sound::Single425), tone.onset, emit);
            }
            ToneEvent::Started(tone) => {
                self.in_rhythm = false;
                // What waits is a beep, unless this goes on where it ended.
                let goes_on = self.waiting.is_some_and(|(last, _)| {
                    tone.onset.saturating_sub(last.end) <= SETTLE
                        && self.special > 0
                        && is_near(&tone, SPECIAL_HZ[self.special.min(2)], SPECIAL_DEVIATION_HZ)
                });
                if !goes_on {
                    self.tell_beep(emit);
                }
            }
            ToneEvent::Ended(tone) if self.in_rhythm => {
                rhythm.hear(None, tone.end, emit);
            }
            ToneEvent::Ended(tone) => self.ended(tone, emit),
        }
    }

    /// Tells what has waited long enough, or has lasted long enough.
    pub(super) fn settle(
        &mut self,
        position: u64,
        current: Option<Tone>,
        rhythm: &mut Cadence,
        emit: &mut impl FnMut(SignalEvent),
    ) {
        // A tone is told after 100 ms: until then what has just ended may go on in one.
        if let Some((last, _)) = self.waiting
            && current.is_none_or(|tone| tone.onset < last.end)
            && position.saturating_sub(last.end) > SETTLE + 110 * MS
        {
            self.tell_beep(emit);
        }
        if let Some(tone) = current {
            if self.in_rhythm {
                rhythm.hear(Some(Sound::Single425), tone.end, emit);
            }
            self.answer(&tone, emit);
        }
    }

    /// Nothing follows: tells what waits.
    pub(super) fn finish(&mut self, emit: &mut impl FnMut(SignalEvent)) {
        self.tell_beep(emit);
        self.in_rhythm = false;
    }

    fn ended(&mut self, tone: Tone, emit: &mut impl FnMut(SignalEvent)) {
        let length = tone.end - tone.onset;
        let signal = |signal| SignalEvent { signal, onset: tone.onset, end: tone.end };
        if is_near(&tone, ANSWER_HZ, ANSWER_DEVIATION_HZ) {
            self.answer(&tone, emit);
        } else if is_near(&tone, CNG_HZ, CNG_DEVIATION_HZ) && CNG_LENGTH.contains(&length) {
            emit(signal(Signal::FaxCalling));
        } else if is_near(&tone, SPECIAL_HZ[self.special], SPECIAL_DEVIATION_HZ)
            && SPECIAL_LENGTH.contains(&length)
        {
            let onset = self.waiting.map_or(tone.onset, |(_, onset)| onset);
            self.special += 1;
            self.waiting = Some((tone, onset));
            if self.special == SPECIAL_HZ.len() {
                emit(SignalEvent { signal: Signal::SpecialInformation, onset, end: tone.end });
                (self.waiting, self.special) = (None, 0);
            }
        } else {
            self.tell_beep(emit);
            if tone.frequency_hz <= BEEP_MAX_HZ {
                self.waiting = Some((tone, tone.onset));
            }
        }
    }

    fn answer(&mut self, tone: &Tone, emit: &mut impl FnMut(SignalEvent)) {
        if is_near(tone, ANSWER_HZ, ANSWER_DEVIATION_HZ) && tone.end - tone.onset >= ANSWER_MIN {
            // One second of silence separates two answers; a turn of the phase does not.
            if self.answered.is_none_or(|end| tone.onset.saturating_sub(end) > 1_000 * MS) {
                emit(SignalEvent { signal: Signal::FaxAnswering, onset: tone.onset, end: tone.end });
            }
            self.answered = Some(tone.end);
        }
    }

    fn tell_beep(&mut self, emit: &mut impl FnMut(SignalEvent)) {
        self.special = 0;
        if let Some((tone, onset)) = self.waiting.take() {
            let signal = Signal::Beep { frequency_hz: tone.frequency_hz };
            emit(SignalEvent { signal, onset, end: tone.end });
        }
    }
}

fn is_near(tone: &Tone, frequency_hz: f64, deviation_hz: f64) -> bool {
    (tone.frequency_hz - frequency_hz).abs() <= deviation_hz
}
