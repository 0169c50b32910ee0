//! Rhythms: how long a sound is on and off.

use super::{Signal, SignalEvent};

/// What is on or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sound {
    /// 350 and 440 Hz.
    Dial,
    /// 440 and 480 Hz.
    Ring,
    /// 480 and 620 Hz.
    Busy,
    /// 425 Hz alone.
    Single425,
}

/// Samples in a millisecond.
const MS: u64 = 8;

/// How long a tone must last to be a continuous one.
const CONTINUOUS: u64 = 2_500 * MS;

/// What each rhythm means: the sound, how long it is on and off (ms).
const RHYTHMS: [(Sound, u64, u64, Signal); 6] = [
    (Sound::Ring, 2_000, 4_000, Signal::Ringing),
    (Sound::Busy, 500, 500, Signal::Busy),
    (Sound::Busy, 250, 250, Signal::Congestion),
    (Sound::Single425, 1_000, 4_000, Signal::Ringing),
    (Sound::Single425, 500, 500, Signal::Busy),
    (Sound::Single425, 250, 250, Signal::Congestion),
];

/// Follows one rhythm.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Cadence {
    /// What is on, and since when.
    on: Option<(Sound, u64)>,
    /// What was on before, from when to when.
    last: Option<(Sound, u64, u64)>,
    /// What has been told of the rhythm that goes on.
    told: Option<Signal>,
}

impl Cadence {
    /// What is on from `position` on.
    pub(super) fn hear(&mut self, sound: Option<Sound>, position: u64, emit: &mut impl FnMut(SignalEvent)) {
        match (self.on, sound) {
            (Some((before, since)), now) if now != Some(before) => {
                self.last = Some((before, since, position));
                self.on = now.map(|sound| (sound, position));
                if now.is_some() {
                    self.told = None;
                }
            }
            (Some((_, since)), Some(now)) => {
                let continuous = matches!(now, Sound::Dial | Sound::Single425);
                if continuous && position.saturating_sub(since) >= CONTINUOUS {
                    self.tell(Signal::Dial, since, position, emit);
                }
            }
            (None, Some(now)) => {
                self.on = Some((now, position));
                match self.last.filter(|&(sound, ..)| sound == now) {
                    Some((_, since, until)) => match meaning(now, until - since, position - until) {
                        Some(signal) => self.tell(signal, since, until, emit),
                        None => self.told = None,
                    },
                    None => self.told = None,
                }
            }
            (None, None) | (Some(_), None) => {}
        }
    }

    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    fn tell(&mut self, signal: Signal, onset: u64, end: u64, emit: &mut impl FnMut(SignalEvent)) {
        if self.told != Some(signal) {
            self.told = Some(signal);
            emit(SignalEvent { signal, onset, end });
        }
    }
}

/// What a sound means that was on and then off for so many samples: 15 % and 45 ms may be amiss.
fn meaning(sound: Sound, on: u64, off: u64) -> Option<Signal> {
    let is_near = |samples: u64, ms: u64| samples.abs_diff(ms * MS) <= ms * MS * 15 / 100 + 45 * MS;
    RHYTHMS
        .iter()
        .find(|&&(of, on_ms, off_ms, _)| of == sound && is_near(on, on_ms) && is_near(off, off_ms))
        .map(|&(.., signal)| signal)
}
