use super::*;
use crate::house::House;
use serde_json::json;
use store::{
    ids::EventId,
    model::{audit::Actor, inbox::TenantEvent},
};

/// Something happens so often.
async fn happens(house: &House, times: usize) {
    let part = house.part();
    let mut tx = part.begin(&Actor::system("test"), 1).await.unwrap();
    for _ in 0..times {
        let event = TenantEvent {
            event: EventId::generate(),
            kind: "call.started".to_owned(),
            at: 1,
            data: json!({}),
        };
        tx.insert(event).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// The next `count` places.
async fn places(seat: &mut Seat, count: usize) -> Vec<i64> {
    let mut places = Vec::new();
    while places.len() < count {
        let step = timeout(Duration::from_secs(30), seat.next()).await.expect("nothing is told").unwrap();
        assert_eq!(step.missing, None);
        places.extend(step.told.iter().map(|told| told.position));
    }
    places
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_who_follow_are_told_everything_and_one_who_is_slow_keeps_nobody() {
    let house = House::new().await;
    // Nobody looks by themselves: the unit of work calls.
    let options =
        StreamOptions { poll: Duration::from_secs(3_600), recent: 8, page: 16, ..StreamOptions::default() };
    let streams = Streams::new(Arc::clone(&house.store), options);
    happens(&house, 3).await;
    let mut slow = streams.join(&house.tenant).unwrap();
    slow.begin(None).await;
    let mut seats = Vec::new();
    for _ in 0..1_000 {
        let mut seat = streams.join(&house.tenant).unwrap();
        assert_eq!(seat.begin(None).await, None);
        seats.push(seat);
    }
    let told: Vec<_> =
        seats.into_iter().map(|mut seat| tokio::spawn(async move { places(&mut seat, 30).await })).collect();
    for _ in 0..10 {
        happens(&house, 3).await;
    }
    let expected: Vec<i64> = (4..=33).collect();
    for told in told {
        assert_eq!(told.await.unwrap(), expected);
    }
    // What is not in memory any more it reads from the database.
    assert_eq!(places(&mut slow, 30).await, expected);
    drop(slow);
    assert!(streams.tenants.lock().is_empty(), "nobody follows any more");
}

#[tokio::test]
async fn whoever_comes_back_goes_on_where_they_were_and_hears_of_what_is_gone() {
    let house = House::new().await;
    let streams = Streams::new(Arc::clone(&house.store), StreamOptions::default());
    let mut seat = streams.join(&house.tenant).unwrap();
    seat.begin(None).await;
    happens(&house, 5).await;
    assert_eq!(places(&mut seat, 2).await[0], 1);
    drop(seat);
    happens(&house, 5).await;
    let mut seat = streams.join(&house.tenant).unwrap();
    assert_eq!(seat.begin(Some(2)).await, None);
    assert_eq!(places(&mut seat, 8).await, (3..=10).collect::<Vec<_>>());
    drop(seat);
    let part = house.part();
    assert_eq!(part.forget_events(2, 7).await.unwrap(), 7);
    let mut seat = streams.join(&house.tenant).unwrap();
    seat.begin(Some(2)).await;
    let step = seat.next().await.unwrap();
    assert_eq!(step.missing, Some((3, 7)));
    assert_eq!(step.told.iter().map(|told| told.position).collect::<Vec<_>>(), [8, 9, 10]);
    drop(seat);
    part.forget_events(2, 100).await.unwrap();
    let mut seat = streams.join(&house.tenant).unwrap();
    seat.begin(Some(8)).await;
    let step = seat.next().await.unwrap();
    assert_eq!((step.missing, step.told.len(), seat.position()), (Some((9, 10)), 0, 10));
    let mut seat = streams.join(&house.tenant).unwrap();
    assert_eq!(seat.begin(Some(99)).await, Some((10, 99)), "a place that was never given");
    assert_eq!(seat.position(), 10);
}

#[tokio::test]
async fn no_more_follow_a_tenant_than_may() {
    let house = House::new().await;
    let options = StreamOptions { listeners: 2, ..StreamOptions::default() };
    let streams = Streams::new(Arc::clone(&house.store), options);
    let (_one, two) = (streams.join(&house.tenant).unwrap(), streams.join(&house.tenant).unwrap());
    assert!(streams.join(&house.tenant).is_err());
    drop(two);
    assert!(streams.join(&house.tenant).is_ok());
}
