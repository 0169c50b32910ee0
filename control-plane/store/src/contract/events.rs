//! What happened, in the order in which it is told.

use super::{actor, tenant};
use crate::{Store, TenantStore, ids::EventId, model::inbox::TenantEvent};
use futures_util::future::{join, join_all};
use serde_json::json;
use std::collections::BTreeSet;

const WRITERS: usize = 6;
const EACH: usize = 8;

fn event() -> TenantEvent {
    TenantEvent { event: EventId::generate(), kind: "call.started".to_owned(), at: 1, data: json!({}) }
}

async fn write(part: &dyn TenantStore, now: i64, event: TenantEvent) -> bool {
    let mut tx = part.begin(&actor(), now).await.unwrap();
    let is_new = tx.insert_new(EventId::generate(), event).await.unwrap().is_some();
    tx.commit().await.unwrap();
    is_new
}

/// All places and events after `after`, in small pages.
async fn follow(part: &dyn TenantStore, after: i64) -> Vec<(i64, EventId)> {
    let mut seen = Vec::new();
    let last = part.place_events(3).await.unwrap();
    loop {
        let from = seen.last().map_or(after, |(position, _)| *position);
        let page = part.events_after(from, 3).await.unwrap();
        if page.is_empty() {
            assert!(from >= last, "what has a place is seen");
            return seen;
        }
        seen.extend(page.into_iter().map(|(position, event)| (position, event.event)));
    }
}

pub async fn whoever_follows_is_told_everything_once(store: &dyn Store) {
    let ours = tenant(store, "a").await;
    let theirs = tenant(store, "b").await;
    write(&*theirs, 1, event()).await;
    let writing = join_all((0..WRITERS).map(async |_| {
        let mut made = Vec::new();
        for _ in 0..EACH {
            let event = event();
            made.push(event.event.clone());
            assert!(write(&*ours, 1, event).await);
        }
        made
    }));
    let following = join_all((0..3).map(async |_| {
        let mut seen: Vec<(i64, EventId)> = Vec::new();
        while seen.len() < WRITERS * EACH {
            seen.extend(follow(&*ours, seen.last().map_or(0, |(position, _)| *position)).await);
        }
        seen
    }));
    let (made, seen) = join(writing, following).await;
    let made: BTreeSet<EventId> = made.into_iter().flatten().collect();
    for seen in &seen {
        let places: Vec<i64> = seen.iter().map(|(position, _)| *position).collect();
        assert_eq!(places, (1..=i64::try_from(WRITERS * EACH).unwrap()).collect::<Vec<_>>());
        assert_eq!(seen.iter().map(|(_, event)| event.clone()).collect::<BTreeSet<_>>(), made);
    }
    assert_eq!(seen[0], seen[1], "all see the same order");
    assert_eq!(follow(&*theirs, 0).await.len(), 1);
}

pub async fn what_happens_once_is_written_once(store: &dyn Store) {
    let ours = tenant(store, "a").await;
    let once = event();
    assert!(write(&*ours, 1, once.clone()).await);
    assert!(!write(&*ours, 2, once.clone()).await);
    assert!(write(&*tenant(store, "b").await, 1, once).await, "another tenant is told it too");
    assert_eq!(follow(&*ours, 0).await.len(), 1);
}

pub async fn places_are_not_given_again_when_events_are_forgotten(store: &dyn Store) {
    let ours = tenant(store, "a").await;
    for now in [1, 2, 3] {
        write(&*ours, now, event()).await;
    }
    assert_eq!(ours.place_events(100).await.unwrap(), 3);
    assert_eq!(ours.forget_events(3, 1).await.unwrap(), 1, "no more than were asked for");
    assert_eq!(ours.forget_events(3, 100).await.unwrap(), 1);
    assert_eq!(follow(&*ours, 0).await.iter().map(|(position, _)| *position).collect::<Vec<_>>(), [3]);
    assert_eq!(ours.forget_events(4, 100).await.unwrap(), 1);
    assert_eq!(ours.forget_events(4, 100).await.unwrap(), 0);
    write(&*ours, 4, event()).await;
    assert_eq!(follow(&*ours, 0).await.iter().map(|(position, _)| *position).collect::<Vec<_>>(), [4]);
}
