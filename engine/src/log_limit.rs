//! A bound for log lines that strangers cause: whoever can make us refuse something a thousand times a second must
//! not fill the disk. Metrics count all of them.

use parking_lot::Mutex;
use std::time::Duration;
use tokio::time::Instant;

/// Lines allowed in one [`WINDOW`]: enough to see what is going on.
const LINES: u32 = 10;

/// 10 s.
const WINDOW: Duration = Duration::from_secs(10);

/// Counts the lines of one place in the code; made to be a `static`.
#[derive(Debug)]
pub struct LogLimit(Mutex<Window>);

#[derive(Debug)]
struct Window {
    began: Option<Instant>,
    lines: u32,
    left_out: u64,
}

impl LogLimit {
    /// Nothing was logged yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Mutex::new(Window { began: None, lines: 0, left_out: 0 }))
    }

    /// Whether a line may be written now; if so, how many were left out since the last one.
    pub fn admit(&self, now: Instant) -> Option<u64> {
        let mut window = self.0.lock();
        if window.began.is_none_or(|began| now.saturating_duration_since(began) >= WINDOW) {
            window.began = Some(now);
            window.lines = 0;
        }
        if window.lines >= LINES {
            window.left_out += 1;
            return None;
        }
        window.lines += 1;
        Some(std::mem::take(&mut window.left_out))
    }
}

impl Default for LogLimit {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_lines_becomes_a_few_and_a_count() {
        let (limit, start) = (LogLimit::new(), Instant::now());
        let written = (0..1_000).filter(|_| limit.admit(start).is_some()).count();
        assert_eq!(written, LINES as usize);
        assert_eq!(limit.admit(start + WINDOW), Some(990));
        assert_eq!(limit.admit(start + WINDOW), Some(0));
    }
}
