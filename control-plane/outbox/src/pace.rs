//! How many messages a second leave from one address. Who has to wait is told when it is its turn, and that place is kept for it;
//! what is urgent waits only for what has really left.

use crate::outgoing::Lane;
use std::collections::HashMap;

/// Addresses that are remembered; those that nobody waits for go first.
const SENDERS_MAX: usize = 10_000;
/// Places that are given out ahead, in µs: later ones are asked for again.
const AHEAD_US: i64 = 60_000_000;

/// When each address may send next.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    senders: HashMap<String, Turns>,
}

#[derive(Clone, Copy, Debug)]
struct Turns {
    /// When the next message may leave that was not given a place.
    free_at: i64,
    /// The end of the places that are given out.
    given_until: i64,
}

impl Pace {
    /// Lets a message leave `sender` at `now`, or says when it may come again, unix µs. `placed`: it comes because it was told to.
    pub(crate) fn take(
        &mut self,
        sender: &str,
        per_second: f64,
        lane: Lane,
        placed: bool,
        now: i64,
    ) -> Result<(), i64> {
        // A message a day is the slowest that makes sense.
        let every = (1_000_000.0 / per_second.clamp(0.000_011, 1_000_000.0)) as i64;
        if !self.senders.contains_key(sender) && self.senders.len() >= SENDERS_MAX {
            self.senders.retain(|_, turns| turns.free_at > now || turns.given_until > now);
            if self.senders.len() >= SENDERS_MAX {
                self.senders.clear();
            }
        }
        let turns = self
            .senders
            .entry(sender.to_owned())
            .or_insert(Turns { free_at: i64::MIN, given_until: i64::MIN });
        let is_free = turns.free_at <= now;
        let is_its_turn = placed || lane != Lane::Bulk || turns.given_until <= now;
        if is_free && is_its_turn {
            turns.free_at = now.saturating_add(every);
            turns.given_until = turns.given_until.max(turns.free_at);
            return Ok(());
        }
        if lane != Lane::Bulk {
            return Err(turns.free_at.max(now));
        }
        let place = turns.given_until.max(turns.free_at).max(now);
        if place - now < AHEAD_US {
            turns.given_until = place.saturating_add(every);
        }
        Err(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    #[test]
    fn each_of_many_is_told_its_own_place_and_what_is_urgent_goes_before_them() {
        let mut pace = Pace::default();
        let mut take = |lane, placed, now| pace.take("+15550100", 1.0, lane, placed, now);
        assert_eq!(take(Lane::Bulk, false, 0), Ok(()));
        let places: Vec<_> = (0..3).map(|_| take(Lane::Bulk, false, 0)).collect();
        assert_eq!(places, [Err(SECOND), Err(2 * SECOND), Err(3 * SECOND)]);
        assert_eq!(take(Lane::Transactional, false, 0), Err(SECOND), "one has just left");
        assert_eq!(take(Lane::Critical, false, SECOND), Ok(()), "it does not wait for places of others");
        assert_eq!(take(Lane::Bulk, true, SECOND), Err(4 * SECOND), "whose place it took is given another");
        assert_eq!(take(Lane::Bulk, true, 2 * SECOND), Ok(()));
    }

    #[test]
    fn addresses_do_not_wait_for_each_other_and_few_are_remembered() {
        let mut pace = Pace::default();
        for sender in 0..SENDERS_MAX + 10 {
            assert_eq!(pace.take(&sender.to_string(), 1.0, Lane::Bulk, false, 0), Ok(()));
        }
        assert!(pace.senders.len() <= SENDERS_MAX);
    }
}
