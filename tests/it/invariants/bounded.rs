//! Every queue is bounded, and says what happens when it is full.

use super::keep_books;
use engine::call::inbox::{Full, Inbox};
use proptest::prelude::*;
use std::collections::VecDeque;
use tandem::rehearsal::sandbox_options;

proptest! {
    /// A full inbox gives the item back; what it took comes out in order, nothing twice and nothing lost.
    #[test]
    fn invariant_7_an_inbox_is_bounded_and_says_so(
        capacity in 1_usize..20,
        pushes in proptest::collection::vec(proptest::bool::weighted(0.7), 1..200),
    ) {
        let inbox = Inbox::new(capacity);
        let mut model = VecDeque::new();
        for (number, is_push) in pushes.into_iter().enumerate() {
            if is_push {
                let pushed = inbox.try_push(number);
                if model.len() < capacity {
                    prop_assert_eq!(pushed, Ok(()));
                    model.push_back(number);
                } else {
                    prop_assert_eq!(pushed, Err(Full(number)));
                }
            } else {
                prop_assert_eq!(inbox.try_recv(), model.pop_front());
            }
            prop_assert!(inbox.depth() <= inbox.capacity());
            prop_assert_eq!(inbox.depth(), model.len());
        }
        prop_assert!(inbox.high_water() <= capacity);
    }
}

/// The value of a counter in the text that Prometheus reads, over all its labels.
fn counted(metrics: &str, name: &str) -> f64 {
    let of_name = metrics.lines().filter(|line| line.split(['{', ' ']).next() == Some(name));
    of_name.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

/// Recognition never connects: the caller's audio has nowhere to go, and what is given up of it is counted.
#[test]
fn invariant_7_what_a_full_queue_drops_is_seen() {
    // Connections are accepted, and nobody ever answers.
    let deaf = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", deaf.local_addr().unwrap());
    let books = keep_books("long-answer", sandbox_options(), |config| {
        config.providers.deepgram.base_url.clone_from(&address);
    });
    assert_eq!(books.performance.call.end_reason.as_deref(), Some("failed"));
    // Six tries of 3 s and their pauses, less the 8 s that are kept for a new session.
    let lost = counted(&books.metrics, "tandem_stt_samples_lost_total");
    assert!(lost > 8_000.0 * 8.0, "{lost} samples were lost as far as anybody can see");
}
