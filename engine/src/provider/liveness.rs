//! When an open socket needs a sign of life, and when it has given none: a plain clock that is told the time.

use std::time::Duration;
use tokio::time::Instant;

/// A socket's timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SocketTimers {
    /// The protocol's own keep-alive message goes out after this long without one that counts.
    pub(crate) keep_alive: Duration,
    /// A websocket ping goes out this often.
    pub(crate) ping_every: Duration,
    /// The socket is given up when nothing at all came in for this long.
    pub(crate) pong_timeout: Duration,
    /// One message may take this long to leave.
    pub(crate) write: Duration,
    /// From our asking for the end to the other side's close.
    pub(crate) close: Duration,
}

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    KeepAlive,
    Ping,
    /// Nothing came in for too long.
    Dead,
    /// The other side did not close in time.
    CloseOverdue,
}

#[derive(Debug)]
pub(crate) struct Liveness {
    timers: SocketTimers,
    fed: Instant,
    pinged: Instant,
    heard: Instant,
    closing: Option<Instant>,
}

impl Liveness {
    pub(crate) const fn new(timers: SocketTimers, now: Instant) -> Self {
        Self { timers, fed: now, pinged: now, heard: now, closing: None }
    }

    /// A message went out that keeps the session alive at the other side.
    pub(crate) const fn fed(&mut self, now: Instant) {
        self.fed = now;
    }

    pub(crate) const fn pinged(&mut self, now: Instant) {
        self.pinged = now;
    }

    /// Anything came in.
    pub(crate) const fn heard(&mut self, now: Instant) {
        self.heard = now;
    }

    /// We asked for the end.
    pub(crate) fn closing(&mut self, now: Instant) {
        self.closing.get_or_insert(now);
    }

    /// When to ask again what is due.
    pub(crate) fn deadline(&self) -> Instant {
        let keep_alive = self.closing.is_none().then_some(self.fed + self.timers.keep_alive);
        let close = self.closing.map(|since| since + self.timers.close);
        let ping = (self.pinged + self.timers.ping_every).min(self.heard + self.timers.pong_timeout);
        [keep_alive, close].into_iter().flatten().fold(ping, Instant::min)
    }

    /// What is due at `now`; the gravest first.
    pub(crate) fn due(&self, now: Instant) -> Option<Due> {
        let over = |since: Instant, limit: Duration| now >= since + limit;
        if over(self.heard, self.timers.pong_timeout) {
            Some(Due::Dead)
        } else if self.closing.is_some_and(|since| over(since, self.timers.close)) {
            Some(Due::CloseOverdue)
        } else if self.closing.is_none() && over(self.fed, self.timers.keep_alive) {
            Some(Due::KeepAlive)
        } else if over(self.pinged, self.timers.ping_every) {
            Some(Due::Ping)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMERS: SocketTimers = SocketTimers {
        keep_alive: Duration::from_secs(4),
        ping_every: Duration::from_secs(5),
        pong_timeout: Duration::from_secs(12),
        write: Duration::from_secs(5),
        close: Duration::from_secs(3),
    };

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn silence_is_filled_with_keep_alives_and_audio_puts_them_off() {
        let start = Instant::now();
        let mut liveness = Liveness::new(TIMERS, start);
        assert_eq!(liveness.due(start + seconds(3)), None);
        assert_eq!(liveness.due(start + seconds(4)), Some(Due::KeepAlive));
        liveness.fed(start + seconds(3));
        assert_eq!(liveness.due(start + seconds(4)), None);
        assert_eq!(liveness.due(start + seconds(7)), Some(Due::KeepAlive));
    }

    #[test]
    fn a_socket_that_says_nothing_is_dead_even_if_pings_leave() {
        let start = Instant::now();
        let mut liveness = Liveness::new(TIMERS, start);
        for second in 1..12 {
            let now = start + seconds(second);
            liveness.fed(now);
            liveness.pinged(now);
            assert_eq!(liveness.due(now), None, "after {second} s");
        }
        assert_eq!(liveness.deadline(), start + seconds(12));
        assert_eq!(liveness.due(start + seconds(12)), Some(Due::Dead));
    }

    #[test]
    fn a_closing_session_needs_no_keep_alive_but_must_end() {
        let start = Instant::now();
        let mut liveness = Liveness::new(TIMERS, start);
        liveness.closing(start);
        liveness.closing(start + seconds(2));
        assert_eq!(liveness.deadline(), start + seconds(3), "the first request for the end counts");
        assert_eq!(liveness.due(start + seconds(3)), Some(Due::CloseOverdue));
    }

    #[test]
    fn at_its_deadline_something_is_due() {
        let start = Instant::now();
        let mut liveness = Liveness::new(TIMERS, start);
        for _ in 0..100 {
            let now = liveness.deadline();
            match liveness.due(now).expect("something is due") {
                Due::KeepAlive => liveness.fed(now),
                Due::Ping => {
                    liveness.pinged(now);
                    liveness.heard(now);
                }
                other => panic!("{other:?}"),
            }
        }
    }
}
