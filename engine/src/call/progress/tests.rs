//! The watchdog on virtual time.

use super::{ProgressOptions, Sign, Stage, Stalled, Watchdog};
use crate::call::time::CallTime;
use proptest::prelude::*;

fn ms(ms: u64) -> CallTime {
    CallTime::from_ms(ms)
}

fn watchdog() -> Watchdog {
    Watchdog::new(ProgressOptions::default())
}

#[test]
fn work_without_progress_is_told_once() {
    let mut watchdog = watchdog();
    watchdog.handle(Stage::Synthesis, Sign::Work, ms(1_000));
    watchdog.handle(Stage::Synthesis, Sign::Work, ms(3_900));
    assert_eq!(watchdog.poll_timeout(), Some(ms(4_000)), "more work does not extend the limit");
    watchdog.poll(ms(4_000));
    assert_eq!(watchdog.poll_output(), Some(Stalled { stage: Stage::Synthesis, since: ms(1_000) }));
    watchdog.handle(Stage::Synthesis, Sign::Work, ms(5_000));
    watchdog.poll(ms(60_000));
    assert_eq!(watchdog.poll_output(), None);
    watchdog.handle(Stage::Synthesis, Sign::Settled, ms(60_000));
    watchdog.handle(Stage::Synthesis, Sign::Work, ms(61_000));
    watchdog.poll(ms(64_000));
    assert!(watchdog.poll_output().is_some(), "it is watched again once it was replaced");
}

#[test]
fn progress_gives_a_new_limit_and_rest_needs_none() {
    let mut watchdog = watchdog();
    watchdog.handle(Stage::Generation, Sign::Progress, ms(0));
    assert_eq!(watchdog.poll_timeout(), None, "nobody asked for anything");
    watchdog.handle(Stage::Generation, Sign::Work, ms(0));
    watchdog.handle(Stage::Generation, Sign::Progress, ms(7_000));
    assert_eq!(watchdog.poll_timeout(), Some(ms(15_000)));
    watchdog.handle(Stage::Generation, Sign::Settled, ms(8_000));
    assert_eq!(watchdog.poll_timeout(), None);
    watchdog.poll(ms(100_000));
    assert_eq!(watchdog.poll_output(), None);
}

#[test]
fn a_sign_that_comes_after_the_limit_does_not_hide_the_stall() {
    let mut watchdog = watchdog();
    watchdog.handle(Stage::Stream, Sign::Work, ms(0));
    watchdog.handle(Stage::Stream, Sign::Progress, ms(9_000));
    assert_eq!(watchdog.poll_output(), Some(Stalled { stage: Stage::Stream, since: ms(0) }));
    assert_eq!(watchdog.poll_timeout(), Some(ms(14_000)), "and it is watched on");
}

proptest! {
    /// A stage is reported exactly when it had work and gave no other sign for its limit; polling at the
    /// timeout always clears the timeout.
    #[test]
    fn a_stall_is_silence_after_work(signs in prop::collection::vec((0..3_u8, 0..9_000_u64), 1..60)) {
        let mut watchdog = watchdog();
        let limit = ProgressOptions::default().recognition.as_millis() as u64;
        // Since when it waits, and whether that was told.
        let mut waiting: Option<(u64, bool)> = None;
        let (mut now, mut expected, mut found) = (0, 0, 0);
        for (sign, wait) in signs {
            if let Some(due) = watchdog.poll_timeout().filter(|&due| due <= ms(now + wait)) {
                watchdog.poll(due);
                prop_assert!(watchdog.poll_timeout().is_none());
            }
            now += wait;
            if let Some((since, told)) = &mut waiting
                && !*told
                && now >= *since + limit
            {
                *told = true;
                expected += 1;
            }
            let sign = [Sign::Work, Sign::Progress, Sign::Settled][usize::from(sign)];
            waiting = match (sign, waiting) {
                (Sign::Work, None) | (Sign::Progress, Some(_)) => Some((now, false)),
                (Sign::Work, waiting @ Some(_)) => waiting,
                (Sign::Progress, None) | (Sign::Settled, _) => None,
            };
            watchdog.handle(Stage::Recognition, sign, ms(now));
            found += std::iter::from_fn(|| watchdog.poll_output()).count();
        }
        prop_assert_eq!(found, expected);
    }
}
