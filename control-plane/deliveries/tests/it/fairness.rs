use crate::support::{Answer, House, Receiver, quick};
use deliveries::{EventType, WorkerOptions};
use std::time::Duration;
use store::model::webhook::DeliveryStatus;

#[tokio::test]
async fn a_slow_endpoint_and_a_tenant_with_much_to_tell_hold_nobody_else() {
    let house = House::new().await;
    let (loud, quiet) = (house.tenant("loud").await, house.tenant("quiet").await);
    let (slow, fast) = (Receiver::start(|_| Answer::Never).await, Receiver::that_takes().await);
    house.endpoint(&loud, &slow.url, &[]).await;
    house.endpoint(&quiet, &fast.url, &[]).await;
    for _ in 0..40 {
        house.happens(&loud, EventType::CallStarted).await;
    }
    // Much is due before it.
    house.pass(1);
    house.happens(&quiet, EventType::CallStarted).await;
    // The slow one is waited for all the while.
    let sender = deliveries::SenderOptions { whole: Duration::from_secs(60), ..crate::support::anywhere() };
    let options = WorkerOptions { at_once: 8, taken: 16, ..quick() };
    let worker = house.worker_with(options, sender, std::sync::Arc::new(deliveries::SystemLookup));
    worker.wake();
    house
        .deliveries_when(&quiet, |all| all.len() == 1 && all[0].value.status == DeliveryStatus::Delivered)
        .await;
    assert!(slow.came().len() <= 2, "at most two at once to one endpoint: {}", slow.came().len());
}

#[tokio::test]
async fn a_tenant_with_many_endpoints_has_only_its_share() {
    let house = House::new().await;
    let tenant = house.tenant("one").await;
    let mut silent = Vec::new();
    for _ in 0..6 {
        let receiver = Receiver::start(|_| Answer::Never).await;
        house.endpoint(&tenant, &receiver.url, &[]).await;
        silent.push(receiver);
    }
    house.happens(&tenant, EventType::CallStarted).await;
    let sender = deliveries::SenderOptions { whole: Duration::from_secs(60), ..crate::support::anywhere() };
    let options = WorkerOptions { of_tenant: 3, ..quick() };
    let worker = house.worker_with(options, sender, std::sync::Arc::new(deliveries::SystemLookup));
    worker.wake();
    let came = || silent.iter().map(|receiver| receiver.came().len()).sum::<usize>();
    let patience = std::time::Instant::now() + Duration::from_secs(30);
    while came() < 3 {
        assert!(std::time::Instant::now() < patience, "only {} came", came());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // The others are put back for three seconds at a time.
    house.deliveries_when(&tenant, |all| all.len() == 6).await;
    house.pass(4);
    // What is due later is only looked at after them.
    let (other, takes) = (house.tenant("other").await, Receiver::that_takes().await);
    house.endpoint(&other, &takes.url, &[]).await;
    house.happens(&other, EventType::CallStarted).await;
    worker.wake();
    takes.when(1).await;
    assert_eq!(came(), 3);
}
