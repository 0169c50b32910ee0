//! When a message that was not taken is tried again: after 5 s, then four times as long each time up to four hours, for a day.
//! Pure: time and chance are given in.

/// The first wait, in seconds.
const FIRST_S: i64 = 5;
/// Each wait is so many times the one before.
const FACTOR: i64 = 4;
/// The longest wait, in seconds.
const LONGEST_S: i64 = 4 * 3_600;
/// No try later than this after the first, in seconds.
pub const GIVEN_UP_AFTER_S: i64 = 24 * 3_600;
/// Longest wait that a receiver may ask for, in seconds.
const LONGEST_ASKED_S: i64 = 3_600;
/// Waits are up to this share longer, by chance, so that what failed together is not tried together.
const JITTER: f64 = 0.2;
const SECOND_US: i64 = 1_000_000;

/// When the next try is; `None`: it is given up.
///
/// `tries` are those so far, at least one; `since` is when the first was and `now` when the last was, unix µs; `chance` is from 0 to 1;
/// `asked_s` is what the receiver asked for with `Retry-After`.
#[must_use]
pub fn next_try(tries: u32, since: i64, now: i64, chance: f64, asked_s: Option<i64>) -> Option<i64> {
    let mut wait = FIRST_S;
    for _ in 1..tries.max(1) {
        wait = (wait * FACTOR).min(LONGEST_S);
        if wait == LONGEST_S {
            break;
        }
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "below an hour, in µs")]
    let jitter = (wait as f64 * SECOND_US as f64 * JITTER * chance.clamp(0.0, 1.0)) as i64;
    let asked = asked_s.unwrap_or(0).clamp(0, LONGEST_ASKED_S) * SECOND_US;
    let end = since.saturating_add(GIVEN_UP_AFTER_S * SECOND_US);
    if now >= end {
        return None;
    }
    let next = now.saturating_add((wait * SECOND_US + jitter).max(asked));
    // The last try is at the very end, so that a receiver that is down for almost a day is not missed.
    Some(next.min(end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DAY: i64 = GIVEN_UP_AFTER_S * SECOND_US;

    fn tries(chance: f64) -> Vec<i64> {
        let (mut at, mut times) = (0, vec![0]);
        let mut count = 1;
        while let Some(next) = next_try(count, 0, at, chance, None) {
            times.push(next);
            (at, count) = (next, count + 1);
        }
        times
    }

    #[test]
    fn waits_grow_and_the_last_try_is_after_a_day() {
        let seconds: Vec<_> = tries(0.0).into_iter().map(|at| at / SECOND_US).collect();
        assert_eq!(
            seconds,
            [0, 5, 25, 105, 425, 1_705, 6_825, 21_225, 35_625, 50_025, 64_425, 78_825, 86_400]
        );
    }

    #[test]
    fn a_receiver_may_ask_for_a_longer_wait_but_not_for_any() {
        assert_eq!(next_try(1, 0, 0, 0.0, Some(120)), Some(120 * SECOND_US));
        assert_eq!(next_try(1, 0, 0, 0.0, Some(1)), Some(5 * SECOND_US), "not for a shorter one");
        assert_eq!(next_try(1, 0, 0, 0.0, Some(i64::MAX)), Some(3_600 * SECOND_US));
        assert_eq!(next_try(1, 0, 0, 0.0, Some(-5)), Some(5 * SECOND_US));
    }

    proptest! {
        #[test]
        fn every_message_is_tried_for_a_day_and_no_longer(chance in 0.0..1.0_f64) {
            let times = tries(chance);
            prop_assert!(times.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert_eq!(*times.last().unwrap(), DAY);
            prop_assert!((10..=14).contains(&times.len()), "{}", times.len());
        }

        #[test]
        fn a_wait_is_never_shorter_than_planned_nor_longer_by_more_than_a_fifth(
            tries in 1_u32..100, chance in 0.0..1.0_f64,
        ) {
            let least = next_try(tries, 0, 0, 0.0, None).unwrap();
            let actual = next_try(tries, 0, 0, chance, None).unwrap();
            prop_assert!(actual >= least && actual <= least + least / 5 + 1);
        }

        #[test]
        fn no_numbers_make_it_panic(tries: u32, since: i64, now: i64, chance: f64, asked: Option<i64>) {
            let next = next_try(tries, since, now, chance, asked);
            prop_assert!(next.is_none_or(|next| next >= now));
        }
    }
}
