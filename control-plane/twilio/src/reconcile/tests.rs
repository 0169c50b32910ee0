//! What the lists' silence and their entries mean.

use super::*;
use proptest::{collection::vec, prelude::*};

const SETTLE: Duration = Duration::from_secs(10);
const SKEW: Duration = Duration::from_secs(60);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn judged(created: &[i64], waited_s: u64) -> Verdict<i64> {
    let found = created.iter().map(|&second| Candidate { created: Some(at(second)), value: second });
    judge(found.collect(), at(0), Duration::from_secs(waited_s), SETTLE, SKEW)
}

#[test]
fn an_empty_list_means_nothing_until_it_has_settled() {
    assert_eq!(judged(&[], 9), Verdict::Unknown(Doubt::TooEarly));
    assert_eq!(judged(&[], 10), Verdict::NotDone);
    assert_eq!(judged(&[-3_600], 10), Verdict::NotDone, "an hour older than the request");
}

#[test]
fn the_only_one_that_fits_is_it_and_of_several_none_is_chosen() {
    assert_eq!(judged(&[2], 0), Verdict::Done(2));
    assert_eq!(judged(&[-59, -3_600], 0), Verdict::Done(-59), "clocks differ");
    assert_eq!(judged(&[1, 2], 100), Verdict::Unknown(Doubt::Ambiguous(2)));
}

proptest! {
    /// Against a model of Twilio: a creation that may or may not have happened shows up in the list within the time
    /// that lists take to settle. The verdict is never wrong, and it comes.
    #[test]
    fn the_verdict_is_never_wrong(
        happened: bool, appears_after in 0_u64..10, older in vec(-100_000_i64..-61, 0..4), poll in 1_u64..4,
    ) {
        let mut waited = 0;
        let verdict = loop {
            let mut list = older.clone();
            if happened && waited >= appears_after {
                list.push(1);
            }
            match judged(&list, waited) {
                Verdict::Unknown(Doubt::TooEarly) => waited += poll,
                verdict => break verdict,
            }
        };
        prop_assert_eq!(verdict, if happened { Verdict::Done(1) } else { Verdict::NotDone });
        prop_assert!(waited <= 10 + poll);
    }

    #[test]
    fn it_is_never_tried_again_while_anything_fits(created in vec(-60_i64..1_000, 1..5), waited in 0_u64..1_000) {
        prop_assert_ne!(judged(&created, waited), Verdict::NotDone);
    }
}
