//! Listening in: what both sides say, for as many as want to hear it, without the call waiting for any of them.
//!
//! A call that nobody listens to pays one relaxed load for each frame. Whoever listens gets the blocks of the recording, about a
//! second behind the call; one who does not keep up loses blocks, which are counted, and the call goes on.

use audio_dsp::g711::ulaw;
use parking_lot::Mutex;
use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};
use tokio::sync::mpsc;

/// How it is listened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenOptions {
    /// Blocks of a second that wait for a slow listener. Default 8.
    pub queue: usize,
    /// What is heard.
    pub sides: Sides,
}

impl Default for ListenOptions {
    fn default() -> Self {
        Self { queue: 8, sides: Sides::Stereo }
    }
}

/// What is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sides {
    /// Caller left, assistant right, sample by sample in turn.
    Stereo,
    /// Both together.
    Mixed,
}

/// A stretch of the call: interleaved stereo samples, shared by all who listen.
#[derive(Clone, Debug)]
struct Block {
    start: u64,
    stereo: Arc<[i16]>,
}

/// What is heard of a stretch of the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Call position of its first sample, 8 kHz.
    pub start: u64,
    /// Mu-law, 8 kHz; stereo as [`Sides`] says.
    pub audio: Vec<u8>,
}

/// Who is told what is heard; part of the call.
#[derive(Debug, Default)]
pub(crate) struct Taps {
    listeners: AtomicUsize,
    taps: Mutex<Vec<Tap>>,
}

/// The call's end of a listener.
#[derive(Debug)]
pub struct Tap {
    blocks: mpsc::Sender<Block>,
    dropped: Arc<AtomicU64>,
}

impl Taps {
    /// Whether anybody listens.
    pub(crate) fn is_heard(&self) -> bool {
        self.listeners.load(Ordering::Relaxed) > 0
    }

    pub(crate) fn add(&self, tap: Tap) {
        let mut taps = self.taps.lock();
        taps.push(tap);
        self.listeners.store(taps.len(), Ordering::Relaxed);
    }

    /// Gives a block to all who listen. Never waits for them.
    pub(crate) fn give(&self, start: u64, stereo: &[i16]) {
        let block = Block { start, stereo: stereo.into() };
        let mut taps = self.taps.lock();
        taps.retain(|tap| match tap.blocks.try_send(block.clone()) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Full(_)) => {
                tap.dropped.fetch_add(1, Ordering::Relaxed);
                metrics::counter!("tandem_listen_blocks_dropped_total").increment(1);
                true
            }
            Err(mpsc::error::TrySendError::Closed(_)) => false,
        });
        self.listeners.store(taps.len(), Ordering::Relaxed);
    }
}

/// Somebody who listens. Dropping it ends that.
#[derive(Debug)]
pub struct Listener {
    blocks: mpsc::Receiver<Block>,
    dropped: Arc<AtomicU64>,
    sides: Sides,
}

/// A listener and the call's end of it.
#[must_use]
pub fn listener(options: ListenOptions) -> (Listener, Tap) {
    let (to, blocks) = mpsc::channel(options.queue.max(1));
    let dropped = Arc::new(AtomicU64::new(0));
    (Listener { blocks, dropped: Arc::clone(&dropped), sides: options.sides }, Tap { blocks: to, dropped })
}

impl Listener {
    /// What is heard next; `None` once the call is over. Encoded here, at the listener's cost.
    pub async fn next(&mut self) -> Option<Heard> {
        let Block { start, stereo } = self.blocks.recv().await?;
        let audio = match self.sides {
            Sides::Stereo => stereo.iter().map(|sample| ulaw::encode_sample(*sample)).collect(),
            Sides::Mixed => stereo
                .chunks_exact(2)
                .map(|pair| ulaw::encode_sample(pair[0].saturating_add(pair[1])))
                .collect(),
        };
        Some(Heard { start, audio })
    }

    /// Blocks of a second that were lost because they were not taken in time.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn both_sides_are_heard_apart_or_together_until_the_call_is_over() {
        let taps = Taps::default();
        assert!(!taps.is_heard());
        let (mut stereo, tap) = listener(ListenOptions::default());
        taps.add(tap);
        let (mut mixed, tap) = listener(ListenOptions { sides: Sides::Mixed, ..ListenOptions::default() });
        taps.add(tap);
        assert!(taps.is_heard());
        taps.give(160, &[1_000, -1_000, 2_000, 500]);
        drop(taps);
        let expected = |samples: &[i16]| samples.iter().map(|sample| ulaw::encode_sample(*sample)).collect();
        assert_eq!(
            stereo.next().await,
            Some(Heard { start: 160, audio: expected(&[1_000, -1_000, 2_000, 500]) })
        );
        assert_eq!(mixed.next().await, Some(Heard { start: 160, audio: expected(&[0, 2_500]) }));
        assert_eq!(stereo.next().await, None);
    }

    #[tokio::test]
    async fn one_who_does_not_keep_up_loses_blocks_and_holds_nobody_back() {
        let taps = Taps::default();
        let (mut slow, tap) = listener(ListenOptions { queue: 2, ..ListenOptions::default() });
        taps.add(tap);
        for start in 0..5 {
            taps.give(start, &[0, 0]);
        }
        assert_eq!(slow.dropped(), 3);
        assert_eq!(slow.next().await.unwrap().start, 0);
        assert_eq!(slow.next().await.unwrap().start, 1);
        drop(slow);
        taps.give(5, &[0, 0]);
        assert!(!taps.is_heard(), "who has gone is forgotten");
    }
}
