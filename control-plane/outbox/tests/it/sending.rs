//! What is told, waited for and lost while messages are sent.

use crate::support::{House, Providers, Says, found, now, route, taken};
use fixtures::wait::until;
use messaging::{
    Channel::{Email, Push, Sms},
    Failure, FailureClass, Status,
    dispatch::{Outcome, Reason, Recovery, Report},
};
use outbox::{Route, Tidings};
use std::time::Duration;
use store::{
    Stored,
    ids::{AccountId, AttemptId, BatchId},
    model::{
        audit::Actor,
        message::{Author, Channel as StoredChannel, Message, MessageStatus},
        outgoing::{Attempt, AttemptStatus},
    },
};

const LONG: Duration = Duration::from_secs(60);

fn undelivered() -> Tidings {
    let failure = Some(Failure::new(FailureClass::Unreachable));
    let report = Report { status: Status::Undelivered, failure, provider_id: None };
    Tidings { report, word: "undelivered".to_owned(), error: None }
}

async fn attempt(house: &House, id: &AttemptId) -> Attempt {
    house.store.tenant(&house.tenant).get::<Attempt>(id).await.unwrap().unwrap().value
}

async fn sends(providers: &Providers, count: usize) -> Vec<AttemptId> {
    let enough = async || Some(providers.sent()).filter(|sent| sent.len() >= count);
    let sent = until(enough, "so many calls").await;
    sent.into_iter().map(|(_, attempt)| attempt).collect()
}

#[tokio::test]
async fn what_did_not_arrive_is_really_sent_by_the_next_channel_and_no_account_is_blamed() {
    let house = House::new().await;
    // Nobody can be asked about the second: what is believed of a call must not be of one that was never made.
    let providers = Providers::new(vec![route(Sms, Recovery::Ask), route(Email, Recovery::None)]);
    let outbox = house.outbox(&providers, LONG);
    let id = house.accept(&[Sms, Email]).await;
    let sms = house.when(&id, MessageStatus::Sent).await.attempts[&1].clone();
    assert!(outbox.told(&house.tenant, &sms, &undelivered()).await.unwrap());
    let attempts = sends(&providers, 2).await;
    house.when(&id, MessageStatus::Sent).await;
    assert_eq!(providers.sent()[1].0, Email);
    let (_, outgoing) = house.message(&id).await;
    assert_eq!(outgoing.attempts[&2], attempts[1]);
    assert_eq!(outbox.book().faring(&house.tenant, "email-1", now()).failures, 0);
}

#[tokio::test]
async fn calls_for_a_batch_are_made_while_others_taken_with_them_still_wait_for_their_step() {
    let house = House::new().await;
    let providers = Providers::new(vec![route(Sms, Recovery::Ask)]);
    let batch = BatchId::generate();
    for _ in 0..48 {
        house.accept_as(&[Sms], |new| new.batch = Some(batch.clone())).await;
    }
    let _outbox = house.outbox(&providers, LONG);
    let mut begun = Vec::new();
    for id in sends(&providers, 48).await {
        begun.push(attempt(&house, &id).await.begun_at);
    }
    let (first, last) = (providers.first_at().unwrap(), begun.into_iter().max().unwrap());
    assert!(first <= last, "the first call was made {} µs after the last step", first - last);
}

#[tokio::test]
async fn a_message_that_cannot_be_read_holds_up_none_that_was_taken_with_it() {
    let house = House::new().await;
    let providers = Providers::new(vec![route(Sms, Recovery::Ask)]);
    let (odd, sound) = (house.accept(&[Sms]).await, house.accept(&[Sms]).await);
    let part = house.store.tenant(&house.tenant);
    let mut tx = part.begin(&Actor::system("test"), now()).await.unwrap();
    let Stored { version, value, .. } = tx.get::<Message>(&odd).await.unwrap().unwrap();
    let dispatch = Some("of another version".into());
    tx.update(&odd, version, Message { dispatch, ..value }).await.unwrap();
    tx.commit().await.unwrap();
    let _outbox = house.outbox(&providers, LONG);
    house.when(&sound, MessageStatus::Sent).await;
}

#[tokio::test]
async fn a_try_that_is_made_again_and_has_to_wait_keeps_its_key_and_is_found_by_what_is_told_of_it() {
    let house = House::new().await;
    let providers = Providers::new(vec![route(Push, Recovery::SameKey)]);
    let wait = || Says::Now(Outcome::Deferred { until: now() });
    providers.will(Push, [Says::Now(Outcome::Unknown), wait(), wait()]);
    let outbox = house.outbox(&providers, LONG);
    let id = house.accept(&[Push]).await;
    let attempts = sends(&providers, 4).await;
    house.when(&id, MessageStatus::Sent).await;
    assert!(
        attempts.iter().all(|attempt| *attempt == attempts[0]),
        "another key is another message: {attempts:?}"
    );
    let report = Report { status: Status::Delivered, failure: None, provider_id: None };
    let tidings = Tidings { report, word: "delivered".to_owned(), error: None };
    assert!(outbox.told(&house.tenant, &attempts[0], &tidings).await.unwrap());
    house.when(&id, MessageStatus::Delivered).await;
}

#[tokio::test]
async fn a_call_that_takes_longer_than_the_lease_is_made_once() {
    let house = House::new().await;
    let providers = Providers::new(vec![route(Email, Recovery::SameKey)]);
    let slow = Duration::from_millis(1_500);
    providers.will(Email, [Says::After(slow, taken("mail-1"))]);
    let lease = Duration::from_millis(300);
    let outboxes = [house.outbox(&providers, lease), house.outbox(&providers, lease)];
    let id = house.accept(&[Email]).await;
    house.when(&id, MessageStatus::Sent).await;
    assert_eq!(providers.sent().len(), 1, "a server that reads for long is not given the same again");
    drop(outboxes);
}

#[tokio::test]
async fn that_a_node_is_gone_says_nothing_of_the_provider() {
    let house = House::new().await;
    let providers = Providers::new(vec![route(Sms, Recovery::Ask)]);
    providers.will(Sms, [Says::Never]);
    let lease = Duration::from_millis(200);
    let gone = house.outbox(&providers, lease);
    let id = house.accept(&[Sms]).await;
    let attempts = sends(&providers, 1).await;
    drop(gone);
    providers.will_answer(found("SM1"));
    let other = house.outbox(&providers, lease);
    house.when(&id, MessageStatus::Sent).await;
    assert_eq!(providers.sent().len(), 1, "it was there");
    assert_eq!(other.book().faring(&house.tenant, "sms-1", now()).failures, 0);
    assert_eq!(attempt(&house, &attempts[0]).await.status, AttemptStatus::Accepted);
}

#[tokio::test]
async fn what_must_not_wait_does_not_wait_for_one_of_many_to_the_same_person() {
    let house = House::new().await;
    let providers = Providers::new(vec![route(Sms, Recovery::Ask), route(Email, Recovery::SameKey)]);
    providers.will(Email, [Says::Never]);
    let outbox = house.outbox(&providers, LONG);
    let conversation = house.conversation().await;
    let batch = house.batch().await;
    let news = house.accept_as(&[Email], |new| {
        new.conversation = Some(conversation.clone());
        new.batch = Some(batch);
    });
    news.await;
    sends(&providers, 1).await;
    let code = house.accept_as(&[Sms], |new| new.conversation = Some(conversation.clone())).await;
    house.when(&code, MessageStatus::Sent).await;
    drop(outbox);
}

#[tokio::test]
async fn what_is_written_in_one_conversation_leaves_in_its_order() {
    let house = House::new().await;
    let providers = Providers::new(vec![route(Sms, Recovery::Ask)]);
    providers.will(Sms, [Says::After(Duration::from_millis(300), taken("SM1"))]);
    let conversation = house.conversation().await;
    let mut written = Vec::new();
    for _ in 0..3 {
        written.push(house.accept_as(&[Sms], |new| new.conversation = Some(conversation.clone())).await);
    }
    let outbox = house.outbox(&providers, LONG);
    house.when(&written[2], MessageStatus::Sent).await;
    let mut left = Vec::new();
    for (_, id) in providers.sent() {
        left.push(attempt(&house, &id).await.message);
    }
    assert_eq!(left, written);
    drop(outbox);
}

#[tokio::test]
async fn of_two_that_say_the_same_each_that_the_provider_has_is_one_and_the_other_is_sent_again() {
    let house = House::new().await;
    let account = AccountId::generate().to_string();
    let providers = Providers::new(vec![Route { account, ..route(Sms, Recovery::Ask) }]);
    providers.will(Sms, [Says::Now(Outcome::Unknown), Says::Now(Outcome::Unknown)]);
    providers.will_answer(found("SM1"));
    providers.will_answer(found("SM1"));
    let written = [house.accept(&[Sms]).await, house.accept(&[Sms]).await];
    let outbox = house.outbox(&providers, LONG);
    for id in &written {
        house.when(id, MessageStatus::Sent).await;
    }
    assert_eq!(providers.sent().len(), 3, "one was there, one was not");
    drop(outbox);
}

#[tokio::test]
async fn what_the_assistant_wrote_does_not_leave_when_somebody_takes_over_just_before_the_call() {
    let house = House::new().await;
    let first = route(Sms, Recovery::Ask);
    let second = Route { account: "sms-2".to_owned(), priority: 2, ..first.clone() };
    let providers = Providers::new(vec![first, second]);
    let failure = Failure::new(FailureClass::Account);
    providers.will(Sms, [Says::Now(Outcome::Refused { failure })]);
    let conversation = house.conversation().await;
    providers.taken_over_with_the_next_alert(&conversation);
    let id = house.accept_as(&[Sms], |new| {
        new.conversation = Some(conversation.clone());
        (new.fence, new.author) = (Some(0), Author::Assistant { epoch: 0 });
    });
    let id = id.await;
    let outbox = house.outbox(&providers, LONG);
    house.when(&id, MessageStatus::Canceled).await;
    assert_eq!(providers.sent().len(), 1, "the second account is not asked any more");
    drop(outbox);
}

#[tokio::test]
async fn who_opted_out_by_one_form_of_their_number_is_not_told_by_the_other() {
    let house = House::new().await;
    let (mobile, plain) = ("+5491155550100", "+541155550100");
    house.opted_out(StoredChannel::Sms, mobile).await;
    let providers = Providers::new(vec![route(Sms, Recovery::Ask)]);
    let outbox = house.outbox(&providers, LONG);
    for number in [mobile, plain] {
        let id = house.accept_as(&[Sms], |new| new.to.phone = Some(number.to_owned())).await;
        let ended = house.when(&id, MessageStatus::Failed).await;
        assert_eq!(ended.dispatch.ending().map(|ending| ending.reason), Some(Reason::OptedOut), "{number}");
    }
    assert_eq!(providers.sent(), []);
    drop(outbox);
}
