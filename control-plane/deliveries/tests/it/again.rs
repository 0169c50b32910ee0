use crate::support::{Answer, House, Receiver, START, actor, quick};
use deliveries::{
    EventType,
    endpoints::{Replay, remove, replay, resend},
};
use store::{
    StoreError,
    ids::DeliveryId,
    model::webhook::{DeliveryStatus, WebhookEndpoint},
};

#[tokio::test]
async fn one_message_is_sent_again_with_the_same_id() {
    let house = House::new().await;
    let tenant = house.tenant("one").await;
    let receiver = Receiver::that_takes().await;
    house.endpoint(&tenant, &receiver.url, &[]).await;
    let worker = house.worker(quick());
    house.happens(&tenant, EventType::CallStarted).await;
    worker.wake();
    let delivered = house
        .deliveries_when(&tenant, |all| all.len() == 1 && all[0].value.status == DeliveryStatus::Delivered)
        .await;
    house.pass(3 * 24 * 3_600);
    let mut tx = house.store.tenant(&tenant).begin(&actor(), house.now()).await.unwrap();
    resend(&mut *tx, &delivered[0].id).await.unwrap();
    let missing = resend(&mut *tx, &DeliveryId::generate()).await;
    assert!(matches!(missing, Err(StoreError::Missing { .. })));
    tx.commit().await.unwrap();
    worker.wake();
    let came = receiver.when(2).await;
    assert_eq!(came[0].header("webhook-id"), came[1].header("webhook-id"));
}

#[tokio::test]
async fn a_message_that_is_sent_again_has_another_day() {
    let house = House::new().await;
    let tenant = house.tenant("one").await;
    let receiver = Receiver::start(|_| Answer::Status(500)).await;
    house.endpoint(&tenant, &receiver.url, &[]).await;
    let worker = house.worker(quick());
    house.happens(&tenant, EventType::CallStarted).await;
    worker.wake();
    let tried = house.deliveries_when(&tenant, |all| all.len() == 1 && all[0].value.attempts == 1).await;
    house.pass(25 * 3_600);
    worker.wake();
    house.deliveries_when(&tenant, |all| all[0].value.status == DeliveryStatus::Failed).await;
    let mut tx = house.store.tenant(&tenant).begin(&actor(), house.now()).await.unwrap();
    resend(&mut *tx, &tried[0].id).await.unwrap();
    tx.commit().await.unwrap();
    worker.wake();
    let again = house.deliveries_when(&tenant, |all| all[0].value.attempts == 1).await;
    assert_eq!(again[0].value.status, DeliveryStatus::Pending);
}

#[tokio::test]
async fn a_time_is_replayed() {
    let house = House::new().await;
    let tenant = house.tenant("one").await;
    let receiver = Receiver::that_takes().await;
    let (id, _) = house.endpoint(&tenant, &receiver.url, &[]).await;
    let (other, _) = house.endpoint(&tenant, &receiver.url, &["budget.*"]).await;
    let worker = house.worker(quick());
    for hour in 1..=4 {
        house.happens(&tenant, EventType::CallStarted).await;
        worker.wake();
        house
            .deliveries_when(&tenant, |all| {
                all.len() == hour && all.iter().all(|one| one.value.status == DeliveryStatus::Delivered)
            })
            .await;
        house.pass(3_600);
    }
    let hour = |number: i64| START + number * 3_600_000_000;
    let part = house.store.tenant(&tenant);
    let replayed = async |id, from, until, failed_only| {
        replay(&*part, id, Replay { from, until, failed_only }, &actor(), house.now()).await.unwrap()
    };
    assert_eq!(replayed(&id, hour(0), hour(9), true).await, 0);
    assert_eq!(replayed(&other, hour(0), hour(9), false).await, 0);
    assert_eq!(replayed(&id, hour(1), hour(3), false).await, 2);
    worker.wake();
    let came = receiver.when(6).await;
    let ids: Vec<_> = came.iter().map(|message| message.header("webhook-id").to_owned()).collect();
    let mut again = ids[4..].to_vec();
    again.sort();
    assert_eq!(again, ids[1..3]);
}

#[tokio::test]
async fn an_endpoint_goes_with_all_of_its_messages() {
    let house = House::new().await;
    let tenant = house.tenant("one").await;
    let receiver = Receiver::start(|_| Answer::Status(500)).await;
    let (id, _) = house.endpoint(&tenant, &receiver.url, &[]).await;
    let worker = house.worker(quick());
    for _ in 0..3 {
        house.happens(&tenant, EventType::CallStarted).await;
    }
    worker.wake();
    house.deliveries_when(&tenant, |all| all.len() == 3).await;
    drop(worker);
    let part = house.store.tenant(&tenant);
    let stored = house.stored_endpoint(&tenant, &id).await;
    remove(&*part, &stored, &actor(), house.now()).await.unwrap();
    assert_eq!(part.get::<WebhookEndpoint>(&id).await.unwrap(), None);
    assert!(house.deliveries(&tenant).await.is_empty());
    // What the work list still says comes to nothing.
    house.pass(24 * 3_600);
    let worker = house.worker(quick());
    let (_, _) = house.endpoint(&tenant, &receiver.url, &[]).await;
    let before = receiver.came().len();
    house.happens(&tenant, EventType::CallStarted).await;
    worker.wake();
    house.deliveries_when(&tenant, |all| all.len() == 1 && all[0].value.attempts == 1).await;
    assert_eq!(receiver.came().len(), before + 1);
}
