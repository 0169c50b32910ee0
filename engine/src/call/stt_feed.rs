//! Caller audio on its way from the stream to recognition: a bounded, lock-free queue of frames, and when the
//! reader is to be woken.
//!
//! The stream puts every frame in; it wakes the reader only when enough has gathered. While nobody speaks that is
//! every 100 ms; while the caller speaks, and for a while after, every frame: those are the ones that the
//! recogniser's endpointing waits for.

use crate::{call::time::SAMPLES_PER_MS, options::SttOptions};
use crossbeam_queue::ArrayQueue;
use tokio::sync::Notify;

/// Longest frame, samples. The carrier sends 160; a longer payload is split.
pub const FRAME_SAMPLES: usize = 160;

/// A piece of caller audio, mu-law 8 kHz.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// Call-long position of its first sample.
    pub position: u64,
    /// Whether voice activity heard the caller in it.
    pub voiced: bool,
    len: u16,
    audio: [u8; FRAME_SAMPLES],
}

impl Frame {
    /// At most [`FRAME_SAMPLES`] of `audio`.
    #[must_use]
    pub fn new(position: u64, audio: &[u8], voice: Voice) -> Self {
        let len = audio.len().min(FRAME_SAMPLES);
        let voiced = voice == Voice::Speaking;
        let mut frame = Self { position, voiced, len: 0, audio: [0; FRAME_SAMPLES] };
        frame.audio[..len].copy_from_slice(&audio[..len]);
        frame.len = u16::try_from(len).unwrap_or_default();
        frame
    }

    /// Its audio.
    #[must_use]
    pub fn audio(&self) -> &[u8] {
        &self.audio[..usize::from(self.len)]
    }
}

/// What the stream knows of the caller's voice, as far as it matters for waking the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voice {
    /// Speaking now.
    Speaking,
    /// Ended at this position.
    EndedAt(u64),
    /// Not yet heard.
    None,
}

/// The queue. One writer, one reader at a time; a new reader goes on where the old one stopped.
#[derive(Debug)]
pub struct SttFeed {
    frames: ArrayQueue<Frame>,
    ready: Notify,
    quiet: u64,
    prompt: u64,
}

impl SttFeed {
    /// An empty queue, as long as the options say.
    #[must_use]
    pub fn new(options: &SttOptions) -> Self {
        Self {
            frames: ArrayQueue::new(options.queue_frames),
            ready: Notify::new(),
            quiet: options.batch_quiet_ms * SAMPLES_PER_MS,
            prompt: options.prompt_after_voice_ms * SAMPLES_PER_MS,
        }
    }

    /// Puts a frame in and wakes the reader if enough has gathered. The oldest frame goes, counted, when the
    /// queue is full: recognition has stood still for its whole length.
    pub fn push(&self, frame: Frame, voice: Voice) {
        let position = frame.position;
        if self.frames.force_push(frame).is_some() {
            metrics::counter!("tandem_stt_frames_dropped_total").increment(1);
        }
        let gathered = match voice {
            Voice::Speaking => 0,
            Voice::EndedAt(end) if position < end + self.prompt => 0,
            Voice::EndedAt(_) | Voice::None => self.quiet,
        };
        if self.frames.len() as u64 * FRAME_SAMPLES as u64 >= gathered {
            self.ready.notify_one();
        }
    }

    /// The next frame, without waiting.
    #[must_use]
    pub fn pop(&self) -> Option<Frame> {
        self.frames.pop()
    }

    /// Waits until there is something to be taken.
    pub async fn ready(&self) {
        self.ready.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::counting;

    #[test]
    fn invariant_7_a_stalled_recogniser_costs_the_queue_and_no_more_and_the_drops_are_counted() {
        let options = SttOptions { queue_frames: 400, ..SttOptions::default() };
        let feed = SttFeed::new(&options);
        // 100 s that nobody reads.
        let dropped = counting::counted("tandem_stt_frames_dropped_total", || {
            for frame in 0..5_000 {
                feed.push(Frame::new(frame * 160, &[0xFF; 160], Voice::Speaking), Voice::Speaking);
            }
        });
        assert_eq!((feed.frames.len(), feed.frames.capacity(), dropped), (400, 400, 4_600));
        assert_eq!(feed.pop().map(|frame| frame.position), Some(4_600 * 160), "the newest 8 s are kept");
    }
}
