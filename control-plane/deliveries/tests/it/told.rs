use crate::support::{House, Receiver, START, actor, quick};
use deliveries::{Event, EventType, announce, endpoints};
use serde_json::json;
use store::model::webhook::{DeliveryStatus, EndpointStatus, WebhookEndpoint};

#[tokio::test]
async fn what_happens_is_told_signed_to_those_who_want_it_and_to_nobody_else() {
    let house = House::new().await;
    let (ours, theirs) = (house.tenant("ours").await, house.tenant("theirs").await);
    let (all, calls, numbers, foreign) = (
        Receiver::that_takes().await,
        Receiver::that_takes().await,
        Receiver::that_takes().await,
        Receiver::that_takes().await,
    );
    let (_, secret) = house.endpoint(&ours, &all.url, &[]).await;
    let (_, other) = house.endpoint(&ours, &calls.url, &["call.*"]).await;
    house.endpoint(&ours, &numbers.url, &["number.released"]).await;
    house.endpoint(&theirs, &foreign.url, &[]).await;
    let worker = house.worker(quick());
    let event = house.happens(&ours, EventType::CallEnded).await;
    worker.wake();
    let deliveries = house
        .deliveries_when(&ours, |deliveries| {
            deliveries.len() == 2
                && deliveries.iter().all(|delivery| delivery.value.status == DeliveryStatus::Delivered)
        })
        .await;
    assert_eq!(deliveries[0].value.attempts, 1);
    assert_eq!(deliveries[0].value.last_status, Some(204));
    let message = all.came().remove(0);
    assert_eq!(message.header("webhook-id"), event.id.as_str());
    assert_eq!(message.header("webhook-timestamp"), (START / 1_000_000).to_string());
    assert_eq!(message.header("content-type"), "application/json");
    assert_eq!(
        message.json(),
        json!({ "type": "call.ended", "timestamp": "2026-05-28T20:26:40Z", "data": { "call_id": "call_1" } })
    );
    assert!(message.is_signed_with(&secret) && !message.is_signed_with(&other));
    assert!(calls.came()[0].is_signed_with(&other));
    assert!(numbers.came().is_empty() && foreign.came().is_empty());
}

#[tokio::test]
async fn what_did_not_count_is_not_told() {
    let house = House::new().await;
    let tenant = house.tenant("one").await;
    let receiver = Receiver::that_takes().await;
    house.endpoint(&tenant, &receiver.url, &[]).await;
    let worker = house.worker(quick());
    let mut tx = house.store.tenant(&tenant).begin(&actor(), START).await.unwrap();
    announce(&mut *tx, Event::new(EventType::CallStarted, START, &json!({}))).await.unwrap();
    drop(tx);
    house.happens(&tenant, EventType::CallEnded).await;
    worker.wake();
    let came = receiver.when(1).await;
    assert_eq!(came[0].json()["type"], "call.ended");
    house
        .deliveries_when(&tenant, |all| all.len() == 1 && all[0].value.status == DeliveryStatus::Delivered)
        .await;
    assert_eq!(receiver.came().len(), 1);
}

#[tokio::test]
async fn while_a_secret_is_exchanged_both_sign() {
    let house = House::new().await;
    let tenant = house.tenant("one").await;
    let receiver = Receiver::that_takes().await;
    let (id, old) = house.endpoint(&tenant, &receiver.url, &[]).await;
    let mut tx = house.store.tenant(&tenant).begin(&actor(), START).await.unwrap();
    let endpoint = tx.get::<WebhookEndpoint>(&id).await.unwrap().unwrap();
    let until = START + 60_000_000;
    let (_, new) = endpoints::rotate_secret(&house.vault, &mut *tx, endpoint, until).await.unwrap();
    tx.commit().await.unwrap();
    let worker = house.worker(quick());
    house.happens(&tenant, EventType::CallStarted).await;
    worker.wake();
    let both = receiver.when(1).await.remove(0);
    assert!(both.is_signed_with(&old) && both.is_signed_with(&new));
    house.pass(60);
    house.happens(&tenant, EventType::CallEnded).await;
    worker.wake();
    let one = receiver.when(2).await.remove(1);
    assert!(!one.is_signed_with(&old) && one.is_signed_with(&new));
}

#[tokio::test]
async fn a_trial_is_told_to_one_endpoint_whatever_its_filter() {
    let house = House::new().await;
    let tenant = house.tenant("one").await;
    let (tried, other) = (Receiver::that_takes().await, Receiver::that_takes().await);
    let (id, _) = house.endpoint(&tenant, &tried.url, &["number.released"]).await;
    house.endpoint(&tenant, &other.url, &[]).await;
    let worker = house.worker(quick());
    let mut tx = house.store.tenant(&tenant).begin(&actor(), START).await.unwrap();
    endpoints::try_out(&mut *tx, &id).await.unwrap();
    tx.commit().await.unwrap();
    worker.wake();
    assert_eq!(tried.when(1).await[0].json()["type"], "webhook_endpoint.test");
    assert!(other.came().is_empty());
}

#[tokio::test]
async fn a_paused_endpoint_waits_and_is_told_when_it_goes_on() {
    let house = House::new().await;
    let tenant = house.tenant("one").await;
    let receiver = Receiver::that_takes().await;
    let (id, _) = house.endpoint(&tenant, &receiver.url, &[]).await;
    let set = async |status| {
        let stored = house.stored_endpoint(&tenant, &id).await;
        let mut tx = house.store.tenant(&tenant).begin(&actor(), house.now()).await.unwrap();
        tx.update(&id, stored.version, WebhookEndpoint { status, ..stored.value }).await.unwrap();
        tx.commit().await.unwrap();
    };
    set(EndpointStatus::Paused).await;
    let worker = house.worker(quick());
    house.happens(&tenant, EventType::CallStarted).await;
    worker.wake();
    house.deliveries_when(&tenant, |all| all.len() == 1 && all[0].value.last_error.is_some()).await;
    assert!(receiver.came().is_empty());
    set(EndpointStatus::Active).await;
    house.pass(600);
    worker.wake();
    house.deliveries_when(&tenant, |all| all[0].value.status == DeliveryStatus::Delivered).await;
}

#[tokio::test]
async fn what_is_over_is_deleted_after_a_month() {
    let house = House::new().await;
    let tenant = house.tenant("one").await;
    let receiver = Receiver::that_takes().await;
    house.endpoint(&tenant, &receiver.url, &[]).await;
    let worker = house.worker(quick());
    house.happens(&tenant, EventType::CallStarted).await;
    worker.wake();
    house
        .deliveries_when(&tenant, |all| all.len() == 1 && all[0].value.status == DeliveryStatus::Delivered)
        .await;
    house.pass(30 * 24 * 3_600);
    worker.wake();
    house.deliveries_when(&tenant, <[_]>::is_empty).await;
    assert_eq!(receiver.came().len(), 1);
}
