//! How often somebody may try. Pure: time is given in, in unix microseconds.
//!
//! Each key has a bucket that a try takes one drop out of and that fills again evenly. Buckets are few: when there are too
//! many, all further keys share one.

use std::{collections::HashMap, net::IpAddr, time::Duration};

/// How often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// At once.
    pub burst: u32,
    /// One more after each of these.
    pub every: Duration,
}

/// The buckets.
#[derive(Debug)]
pub struct Throttle {
    rate: Rate,
    most: usize,
    /// When the bucket of each key is full again.
    full_at: HashMap<String, i64>,
    /// The one that is shared when there are too many.
    others: i64,
}

impl Throttle {
    /// Buckets for at most `most` keys.
    #[must_use]
    pub fn new(rate: Rate, most: usize) -> Self {
        Self { rate, most, full_at: HashMap::new(), others: i64::MIN }
    }

    /// Counts a try.
    ///
    /// # Errors
    /// How long to wait, if it is one too many. It does not count then.
    pub fn take(&mut self, key: &str, now: i64) -> Result<(), Duration> {
        if !self.full_at.contains_key(key) && self.full_at.len() >= self.most {
            self.full_at.retain(|_, full_at| *full_at > now);
        }
        let is_shared = !self.full_at.contains_key(key) && self.full_at.len() >= self.most;
        let full_at =
            if is_shared { &mut self.others } else { self.full_at.entry(key.to_owned()).or_insert(i64::MIN) };
        let every = i64::try_from(self.rate.every.as_micros()).unwrap_or(i64::MAX);
        let latest = now.saturating_add(every.saturating_mul(i64::from(self.rate.burst)));
        // A clock that was set back must not make anybody wait until it is where it was.
        let after = (*full_at).clamp(now, latest).saturating_add(every);
        if after > latest {
            *full_at = after - every;
            let wait = u64::try_from(after.saturating_sub(latest)).unwrap_or_default();
            return Err(Duration::from_micros(wait));
        }
        *full_at = after;
        Ok(())
    }
}

/// Under which key an address is counted: of IPv6 the /64, which is what one customer gets.
#[must_use]
pub fn network_of(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: i64 = 1_000_000;
    const RATE: Rate = Rate { burst: 3, every: Duration::from_secs(10) };

    #[test]
    fn a_burst_then_one_by_one() {
        let mut throttle = Throttle::new(RATE, 10);
        for _ in 0..3 {
            assert_eq!(throttle.take("a", 0), Ok(()));
        }
        assert_eq!(throttle.take("a", 0), Err(Duration::from_secs(10)));
        assert_eq!(throttle.take("a", 4 * SECOND), Err(Duration::from_secs(6)));
        assert_eq!(throttle.take("b", 4 * SECOND), Ok(()), "others are not held back");
        assert_eq!(throttle.take("a", 10 * SECOND), Ok(()));
        assert_eq!(throttle.take("a", 10 * SECOND), Err(Duration::from_secs(10)));
    }

    #[test]
    fn a_clock_that_was_set_back_makes_nobody_wait_for_long() {
        let mut throttle = Throttle::new(RATE, 10);
        assert_eq!(throttle.take("a", 1_000_000 * SECOND), Ok(()));
        assert_eq!(throttle.take("a", 0), Err(Duration::from_secs(10)));
        assert_eq!(throttle.take("a", 10 * SECOND), Ok(()));
    }

    #[test]
    fn too_many_keys_share_one_bucket_and_no_memory_is_lost() {
        let mut throttle = Throttle::new(RATE, 2);
        assert_eq!((throttle.take("a", 0), throttle.take("b", 0)), (Ok(()), Ok(())));
        for key in ["c", "d", "e"] {
            assert_eq!(throttle.take(key, 0), Ok(()));
        }
        assert!(throttle.take("f", 0).is_err());
        assert_eq!(throttle.full_at.len(), 2);
        assert_eq!(throttle.take("a", 0), Ok(()), "those that are known are not held back by them");
        assert_eq!(throttle.take("f", 60 * SECOND), Ok(()), "full buckets make room");
    }

    #[test]
    fn a_customers_addresses_count_as_one() {
        let of = |text: &str| network_of(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2:3::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }

    proptest! {
        #[test]
        fn nobody_gets_more_than_the_rate(gaps in proptest::collection::vec(0_i64..20, 1..100)) {
            let mut throttle = Throttle::new(RATE, 1);
            let (mut now, mut taken) = (0, 0);
            for gap in gaps {
                now += gap * SECOND;
                taken += i64::from(throttle.take("a", now).is_ok());
                prop_assert!(taken <= 3 + now / (10 * SECOND));
            }
        }
    }
}
