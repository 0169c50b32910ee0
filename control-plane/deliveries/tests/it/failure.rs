use crate::support::{Answer, House, Receiver, SECOND, START, quick};
use deliveries::{EventType, WorkerOptions};
use std::time::Duration;
use store::model::{
    audit::AuditFilter,
    webhook::{DeliveryStatus, EndpointStatus},
};

#[tokio::test]
async fn what_is_not_taken_is_tried_again_with_the_same_id_and_a_new_time() {
    let house = House::new().await;
    let tenant = house.tenant("one").await;
    let receiver =
        Receiver::start(|count| if count < 3 { Answer::Status(500) } else { Answer::Status(200) }).await;
    let (id, secret) = house.endpoint(&tenant, &receiver.url, &[]).await;
    let worker = house.worker(quick());
    house.happens(&tenant, EventType::CallStarted).await;
    for tries in 1..=2_u32 {
        worker.wake();
        let deliveries =
            house.deliveries_when(&tenant, |all| all.len() == 1 && all[0].value.attempts == tries).await;
        assert_eq!(deliveries[0].value.status, DeliveryStatus::Pending);
        assert_eq!(deliveries[0].value.last_error.as_deref(), Some("the endpoint answered with status 500"));
        assert_eq!(house.stored_endpoint(&tenant, &id).await.value.failing_since, Some(START));
        house.pass(30);
    }
    worker.wake();
    house.deliveries_when(&tenant, |all| all[0].value.status == DeliveryStatus::Delivered).await;
    let came = receiver.came();
    assert_eq!(came.len(), 3);
    assert!(came.iter().all(|message| message.is_signed_with(&secret)));
    assert!(came.windows(2).all(|pair| pair[0].header("webhook-id") == pair[1].header("webhook-id")));
    assert!(
        came.windows(2).all(|pair| pair[0].header("webhook-timestamp") < pair[1].header("webhook-timestamp"))
    );
    assert_eq!(house.stored_endpoint(&tenant, &id).await.value.failing_since, None);
}

#[tokio::test]
async fn nothing_is_tried_before_its_time_nor_before_the_receiver_wants_it() {
    let house = House::new().await;
    let tenant = house.tenant("one").await;
    let receiver = Receiver::start(|_| Answer::RetryAfter(503, "600")).await;
    house.endpoint(&tenant, &receiver.url, &[]).await;
    let worker = house.worker(quick());
    house.happens(&tenant, EventType::CallStarted).await;
    worker.wake();
    house.deliveries_when(&tenant, |all| all.len() == 1 && all[0].value.attempts == 1).await;
    let due = async |now: i64| {
        house.store.claim_work(store::model::work::WorkKind::Delivery, now, now, 10).await.unwrap().len()
    };
    drop(worker);
    assert_eq!(due(START + 599 * SECOND).await, 0);
    assert_eq!(due(START + 600 * SECOND).await, 1);
}

#[tokio::test]
async fn after_a_day_a_message_is_given_up() {
    let house = House::new().await;
    let tenant = house.tenant("one").await;
    let receiver = Receiver::start(|_| Answer::Status(500)).await;
    house.endpoint(&tenant, &receiver.url, &[]).await;
    let worker = house.worker(quick());
    house.happens(&tenant, EventType::CallStarted).await;
    let mut tries = 0;
    loop {
        worker.wake();
        tries += 1;
        let deliveries =
            house.deliveries_when(&tenant, |all| all.len() == 1 && all[0].value.attempts == tries).await;
        if deliveries[0].value.status == DeliveryStatus::Failed {
            break;
        }
        house.pass(5 * 3_600);
    }
    assert_eq!(house.now() - START, 25 * 3_600 * SECOND);
    assert_eq!(receiver.came().len(), 6);
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_disabled_and_the_others_are_told() {
    let house = House::new().await;
    let tenant = house.tenant("one").await;
    let (gone, other) = (Receiver::start(|_| Answer::Status(410)).await, Receiver::that_takes().await);
    let (id, _) = house.endpoint(&tenant, &gone.url, &["call.*"]).await;
    house.endpoint(&tenant, &other.url, &["webhook_endpoint.*"]).await;
    let worker = house.worker(quick());
    house.happens(&tenant, EventType::CallStarted).await;
    worker.wake();
    let told = other.when(1).await;
    assert_eq!(told[0].json()["type"], "webhook_endpoint.disabled");
    assert_eq!(told[0].json()["data"]["webhook_endpoint_id"], id.as_str());
    assert_eq!(house.stored_endpoint(&tenant, &id).await.value.status, EndpointStatus::Disabled);
    let filter = AuditFilter { object: Some(id.to_string()), limit: 10, ..AuditFilter::default() };
    let log = house.store.tenant(&tenant).audit_log(&filter).await.unwrap();
    assert_eq!((log[0].action.as_str(), log[0].actor.id.as_str()), ("webhook_endpoint.update", "deliveries"));
    // What waits for it is given up, what happens from now on is not for it.
    house.happens(&tenant, EventType::CallEnded).await;
    worker.wake();
    house
        .deliveries_when(&tenant, |all| all.iter().all(|one| one.value.status != DeliveryStatus::Pending))
        .await;
    assert_eq!(gone.came().len(), 1);
}

#[tokio::test]
async fn an_endpoint_where_everything_fails_for_days_is_disabled() {
    let house = House::new().await;
    let tenant = house.tenant("one").await;
    let receiver = Receiver::start(|_| Answer::Status(500)).await;
    let (id, _) = house.endpoint(&tenant, &receiver.url, &[]).await;
    let worker = house.worker(quick());
    for day in 0..3 {
        assert_eq!(
            house.stored_endpoint(&tenant, &id).await.value.status,
            EndpointStatus::Active,
            "day {day}"
        );
        let event = house.happens(&tenant, EventType::CallStarted).await;
        worker.wake();
        house
            .deliveries_when(&tenant, |all| {
                all.iter().any(|one| one.value.event == event.id.as_str() && one.value.last_error.is_some())
            })
            .await;
        house.pass(24 * 3_600);
    }
    // The last message is tried again now, three days after the first one failed.
    worker.wake();
    house.endpoint_when(&tenant, &id, |endpoint| endpoint.status == EndpointStatus::Disabled).await;
}

#[tokio::test]
async fn silence_redirects_and_endless_answers_hold_nothing() {
    let house = House::new().await;
    let tenant = house.tenant("one").await;
    let trap = Receiver::that_takes().await;
    let to = trap.url.clone();
    let redirects = Receiver::start(move |_| Answer::Redirect(to.clone())).await;
    let (silent, endless) =
        (Receiver::start(|_| Answer::Never).await, Receiver::start(|_| Answer::Endless).await);
    for receiver in [&redirects, &silent, &endless] {
        house.endpoint(&tenant, &receiver.url, &[]).await;
    }
    let worker = house.worker(quick());
    house.happens(&tenant, EventType::CallStarted).await;
    worker.wake();
    let deliveries = house
        .deliveries_when(&tenant, |all| all.len() == 3 && all.iter().all(|one| one.value.attempts == 1))
        .await;
    let said: Vec<_> =
        deliveries.iter().map(|one| one.value.last_error.clone().unwrap_or_default()).collect();
    assert_eq!(said, ["the endpoint answered with status 307", "no answer within 2 s", ""]);
    assert!(trap.came().is_empty(), "a redirect is not followed");
}

#[tokio::test]
async fn what_was_on_the_way_when_the_process_ended_is_sent_again() {
    let house = House::new().await;
    let tenant = house.tenant("one").await;
    let receiver =
        Receiver::start(|count| if count == 1 { Answer::Never } else { Answer::Status(200) }).await;
    house.endpoint(&tenant, &receiver.url, &[]).await;
    let worker = house.worker(quick());
    house.happens(&tenant, EventType::CallStarted).await;
    worker.wake();
    receiver.when(1).await;
    drop(worker);
    house.pass(61);
    let worker = house.worker(WorkerOptions { poll: Duration::from_millis(20), ..WorkerOptions::default() });
    worker.wake();
    house.deliveries_when(&tenant, |all| all[0].value.status == DeliveryStatus::Delivered).await;
    let came = receiver.came();
    assert_eq!(came[0].header("webhook-id"), came[1].header("webhook-id"));
    worker.drain(Duration::from_secs(5)).await;
}
