//! One outbound media message: up to four slices of the synthesiser's own buffers, nothing copied.

use bytes::Bytes;

/// Slices per message. Synthesisers send 20-250 ms per piece and a message holds 100 ms at most, so more would
/// be rare; a message that runs out of slices is sent short and the next follows at once.
const PARTS: usize = 4;

/// Audio to send as one `media` message, mu-law 8 kHz.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Media {
    parts: [Bytes; PARTS],
    used: usize,
}

impl Media {
    /// The slices, in order; each holds at least one sample.
    #[must_use]
    pub fn parts(&self) -> &[Bytes] {
        &self.parts[..self.used]
    }

    /// Samples in all.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.parts().iter().map(Bytes::len).sum()
    }

    /// Whether there is nothing in it; never so for a message that the ledger hands out.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.used == 0
    }

    pub(super) const fn is_full(&self) -> bool {
        self.used == PARTS
    }

    pub(super) fn push(&mut self, part: Bytes) {
        if let Some(free) = self.parts.get_mut(self.used) {
            *free = part;
            self.used += 1;
        }
    }
}
