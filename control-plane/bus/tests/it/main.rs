//! Every bus does the same.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says what it expects by failing")]

use bus::{Bus, BusError, LocalBus, MOST_BYTES, NatsBus, NatsOptions, test_server};
use bytes::Bytes;
use engine::provider::Secret;
use std::time::Duration;
use tokio::time::timeout;

const LIMIT: Duration = Duration::from_secs(30);
const SOON: Duration = Duration::from_millis(50);

async fn nats(server: &test_server::NatsServer) -> NatsBus {
    NatsBus::connect(&Secret::new(&server.url()), NatsOptions::default()).await.unwrap()
}

/// Asks again and again until the answer is as it should be. Who is there the server learns in its own time, and it is a process of its own
/// that tells nobody.
async fn asked_until(
    bus: &dyn Bus,
    within: Duration,
    is_it: impl Fn(&Result<Bytes, BusError>) -> bool,
    otherwise: &str,
) {
    let asking = async {
        while !is_it(&bus.request("tandem.call.1", Bytes::from_static(b"?"), within).await) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LIMIT, asking).await.expect(otherwise);
}

/// Two ends of one bus.
async fn does_what_a_bus_does(one: &dyn Bus, two: &dyn Bus) {
    let nobody = one.request("tandem.call.1", Bytes::from_static(b"?"), LIMIT).await;
    assert_eq!(nobody.unwrap_err(), BusError::Nobody);

    let mut all = two.subscribe("tandem.told").await.unwrap();
    one.publish("tandem.told", Bytes::from_static(b"ten_1")).await.unwrap();
    let heard = timeout(LIMIT, all.next()).await.unwrap().unwrap();
    assert_eq!(heard.message, "ten_1");
    assert!(heard.answer.is_none(), "nobody waits for an answer");

    let mut asked = two.subscribe("tandem.call.1").await.unwrap();
    let answering = async {
        let heard = asked.next().await.unwrap();
        let answer = format!("{}!", std::str::from_utf8(&heard.message).unwrap());
        heard.answer(Bytes::from(answer));
        asked
    };
    let asking = one.request("tandem.call.1", Bytes::from_static(b"mute"), LIMIT);
    let (answer, mut asked) = tokio::join!(asking, answering);
    assert_eq!(answer.unwrap(), "mute!");

    let silent = one.request("tandem.call.1", Bytes::from_static(b"?"), SOON).await;
    assert_eq!(silent.unwrap_err(), BusError::TimedOut);
    drop(asked.next().await);

    let long = Bytes::from(vec![0; MOST_BYTES + 1]);
    assert_eq!(
        one.publish("tandem.told", long.clone()).await.unwrap_err(),
        BusError::TooLong(MOST_BYTES + 1)
    );
    assert_eq!(one.request("tandem.told", long, LIMIT).await.unwrap_err(), BusError::TooLong(MOST_BYTES + 1));

    drop(asked);
    let is_gone = |answer: &Result<Bytes, BusError>| *answer == Err(BusError::Nobody);
    asked_until(one, SOON, is_gone, "who has gone is still asked").await;
}

#[tokio::test]
async fn the_bus_of_one_process_does_what_a_bus_does() {
    let bus = LocalBus::default();
    does_what_a_bus_does(&bus, &bus.clone()).await;
    assert!(!bus.is_shared());
}

#[tokio::test]
async fn two_nodes_on_one_server_hear_each_other() {
    let Some(server) = test_server::start() else { return };
    let (one, two) = (nats(&server).await, nats(&server).await);
    does_what_a_bus_does(&one, &two).await;
    assert!(one.is_shared());
}

#[tokio::test]
async fn what_is_not_taken_in_time_is_dropped_and_holds_nobody_up() {
    let bus = LocalBus::default();
    let mut slow = bus.subscribe("tandem.told").await.unwrap();
    let mut quick = bus.subscribe("tandem.told").await.unwrap();
    for number in 0..1_000_u32 {
        bus.publish("tandem.told", Bytes::from(number.to_string())).await.unwrap();
        assert_eq!(quick.next().await.unwrap().message, number.to_string());
    }
    for number in 0..256_u32 {
        assert_eq!(slow.next().await.unwrap().message, number.to_string());
    }
    assert!(timeout(SOON, slow.next()).await.is_err());
}

#[tokio::test]
async fn a_node_that_starts_before_the_server_or_outlives_it_is_heard_when_it_serves_again() {
    let Some(server) = test_server::start() else { return };
    let (one, two) = (nats(&server).await, nats(&server).await);
    let mut asked = two.subscribe("tandem.call.1").await.unwrap();
    let server = server.again();
    let answering = tokio::spawn(async move {
        while let Some(heard) = asked.next().await {
            heard.answer(Bytes::from_static(b"yes"));
        }
    });
    asked_until(&one, Duration::from_secs(1), Result::is_ok, "it is never heard again").await;
    answering.abort();
    drop(server);
}
