use super::{super::view::tests::empty, *};
use proptest::{collection::vec, prelude::*};
use std::time::Duration;

const STAMP: Stamp = Stamp { version: 1, changes: 0 };

fn id(number: usize) -> TenantId {
    TenantId::known(format!("ten_{number}"))
}

fn cache(tenants: usize, bytes: usize, lookups: usize) -> Cache {
    Cache::new(DirectoryOptions { tenants, bytes, lookups, ..DirectoryOptions::default() })
}

fn put(cache: &mut Cache, number: usize, bytes: usize, now: Instant) {
    let generation = cache.generation();
    cache.put(id(number), Arc::new(empty(bytes)), STAMP, generation, now);
}

fn is_fresh(cache: &mut Cache, number: usize, now: Instant) -> bool {
    matches!(cache.find(&id(number), now), Found::Fresh(_))
}

#[tokio::test(start_paused = true)]
async fn a_view_is_believed_for_a_short_time_and_longer_if_it_is_confirmed() {
    let (mut cache, start) = (cache(10, 10_000, 10), Instant::now());
    put(&mut cache, 1, 100, start);
    assert!(is_fresh(&mut cache, 1, start + Duration::from_millis(1_999)));
    let later = start + Duration::from_secs(2);
    assert!(matches!(cache.find(&id(1), later), Found::Old { checked, .. } if checked == start));
    cache.confirm(&id(1), later);
    assert!(is_fresh(&mut cache, 1, later + Duration::from_millis(1_999)));
}

#[tokio::test(start_paused = true)]
async fn what_was_read_while_it_changed_is_checked_again() {
    let (mut cache, now) = (cache(10, 10_000, 10), Instant::now());
    let generation = cache.generation();
    cache.forget(&id(1));
    cache.put(id(1), Arc::new(empty(100)), STAMP, generation, now);
    cache.put(id(2), Arc::new(empty(100)), STAMP, generation, now);
    assert!(!is_fresh(&mut cache, 1, now));
    assert!(is_fresh(&mut cache, 2, now), "another tenant's change does not matter");
    for _ in 0..=CHANGES {
        cache.forget(&id(3));
    }
    cache.put(id(2), Arc::new(empty(100)), STAMP, generation, now);
    assert!(!is_fresh(&mut cache, 2, now), "more has changed than is remembered");
}

#[tokio::test(start_paused = true)]
async fn the_least_recently_used_go_first() {
    let (mut cache, now) = (cache(3, 10_000, 10), Instant::now());
    for number in 1..=3 {
        put(&mut cache, number, 100, now);
    }
    assert!(is_fresh(&mut cache, 1, now));
    put(&mut cache, 4, 100, now);
    let kept: Vec<_> = (1..=4).filter(|&number| is_fresh(&mut cache, number, now)).collect();
    assert_eq!(kept, [1, 3, 4]);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_believed_to_have_a_number_for_a_short_time_only() {
    let (mut cache, now) = (cache(3, 10_000, 10), Instant::now());
    let generation = cache.generation();
    cache.put_number("+15550100", None, generation, now);
    cache.put_account("AC1", Vec::new(), generation, now);
    assert_eq!(cache.number("+15550100", now), Some(None));
    assert_eq!(cache.account("AC1", now), Some(Vec::new()));
    let later = now + Duration::from_secs(2);
    assert_eq!((cache.number("+15550100", later), cache.account("AC1", later)), (None, None));

    cache.put_number("+15550100", None, generation, now);
    cache.forget(&id(1));
    assert_eq!(cache.number("+15550100", now), None, "somebody may have got it");
    cache.put_number("+15550100", None, generation, now);
    assert_eq!(cache.number("+15550100", now), None, "what was read before that says nothing");
    cache.put_number("+15550101", Some(id(1)), generation, now);
    cache.forget(&id(1));
    assert_eq!(cache.number("+15550101", later), Some(Some(id(1))), "its view says whether it still does");
}

proptest! {
    #[test]
    fn what_is_kept_is_bounded(puts in vec((0..60_usize, 1..3_000_usize), 1..200)) {
        let (mut cache, now) = (cache(20, 20_000, 16), Instant::now());
        for (number, bytes) in puts {
            let generation = cache.generation();
            put(&mut cache, number, bytes, now);
            cache.put_number(&format!("+1555{number}"), None, generation, now);
            cache.put_account(&format!("AC{number}"), Vec::new(), generation, now);
            let (tenants, kept) = cache.size();
            prop_assert!(tenants <= 20 && kept <= 20_000);
            prop_assert_eq!(kept, cache.views.values().map(|entry| entry.view.bytes).sum::<usize>());
            prop_assert!(cache.numbers.len() <= 16 && cache.accounts.len() <= 16);
            prop_assert!(is_fresh(&mut cache, number, now), "what was just read is kept");
        }
    }
}
