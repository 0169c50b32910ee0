//! OneSignal's apps, and what is done when it fails.

use crate::support::{Setup, error, eventually, onesignal_options, unknown_outcomes};
use fixtures::sandbox::{GatewayFault, Service};
use gateways::{
    Class, GatewayError,
    onesignal::{Audience, NewNotification, OneSignalClient, Progress, idempotency_key},
};
use std::time::Duration;

fn to(ids: &[&str]) -> Audience {
    Audience::ExternalIds(ids.iter().map(|id| (*id).to_owned()).collect())
}

fn new(attempt: &str) -> NewNotification {
    NewNotification::new(attempt, to(&["ten_1:usr_1"]), "Call back")
}

#[tokio::test]
async fn a_notification_is_created_and_seen_through() {
    let setup = Setup::new().await;
    let app = setup.app();
    let created = app.create(&new("att_1")).await.unwrap();
    assert!(created.problems.is_empty());
    let progress = eventually(|| async {
        let seen = app.view(&created.id).await.unwrap().progress();
        (seen != Progress::Pending).then_some(seen)
    });
    assert_eq!(progress.await, Progress::Sent);
    let shown = &setup.sandbox.onesignal()[&created.id]["asked"];
    assert_eq!(shown["idempotency_key"], idempotency_key("att_1").to_string());
    assert_eq!(app.view("nothing").await.unwrap_err().status(), Some(404));
}

#[tokio::test]
async fn a_device_that_refuses_is_a_failure() {
    let setup = Setup::new().await;
    setup.sandbox.knobs().change(|knobs| knobs.onesignal_api.failing = vec!["ten_1:usr_1".to_owned()]);
    let app = setup.app();
    let created = app.create(&new("att_1")).await.unwrap();
    let progress = eventually(|| async {
        let seen = app.view(&created.id).await.unwrap().progress();
        (seen != Progress::Pending).then_some(seen)
    });
    assert_eq!(progress.await, Progress::Failed);
}

#[tokio::test]
async fn one_attempt_is_one_notification_however_often_it_is_asked_for() {
    let setup = Setup::new().await;
    let app = setup.app();
    let first = app.create(&new("att_1")).await.unwrap();
    assert_eq!(app.create(&new("att_1")).await.unwrap(), first);
    assert_ne!(app.create(&new("att_2")).await.unwrap().id, first.id);
    assert_eq!(setup.notifications(), 2);
}

/// Whatever happens to the request or its answer: asked again, it was done once.
#[tokio::test]
async fn an_unknown_outcome_is_resolved_by_asking_again() {
    for (fault, done) in unknown_outcomes() {
        let setup = Setup::with(
            |options| options,
            |mut options| {
                options.answer_bytes = 256 * 1024;
                if fault == GatewayFault::NeverAnswer {
                    options.answer = Duration::from_millis(300);
                }
                options
            },
        )
        .await;
        setup.fail_onesignal("notifications", fault.clone());
        let unknown = setup.app().create(&new("att_1")).await.unwrap_err();
        assert_eq!(unknown.class(), Class::Repeat { after: None }, "{fault:?}: {unknown}");
        let too_long = unknown.to_string().contains("the answer is too long");
        assert_eq!(too_long, fault == GatewayFault::Endless, "{fault:?}: {unknown}");
        // Who waits for no answer is through before the work is done.
        eventually(|| async { (setup.notifications() == usize::from(done)).then_some(()) }).await;
        setup.patient_app().create(&new("att_1")).await.unwrap();
        assert_eq!(setup.notifications(), 1, "{fault:?}");
        assert_eq!(
            setup.sandbox.requests(Service::Onesignal),
            2,
            "{fault:?}: nothing is sent again by itself"
        );
    }
}

#[tokio::test]
async fn an_empty_id_is_a_failure_in_either_shape_of_errors() {
    for errors_as_object in [false, true] {
        let setup = Setup::new().await;
        setup.sandbox.knobs().change(|knobs| knobs.onesignal_api.errors_as_object = errors_as_object);
        let nobody = NewNotification { to: to(&["unknown-1"]), ..new("att_1") };
        let failed = setup.app().create(&nobody).await.unwrap_err();
        assert!(matches!(failed, GatewayError::NothingSent { .. }), "{failed}");
        assert_eq!((failed.class(), setup.notifications()), (Class::OtherChannel, 0));
    }
    let setup = Setup::new().await;
    setup.fail_onesignal("notifications", GatewayFault::NothingSent);
    let failed = setup.app().create(&new("att_1")).await.unwrap_err();
    assert!(matches!(failed, GatewayError::NothingSent { .. }), "{failed}");
}

#[tokio::test]
async fn whom_it_does_not_reach_is_told_of() {
    let setup = Setup::new().await;
    let app = setup.app();
    let some = NewNotification { to: to(&["ten_1:usr_1", "unknown-1"]), ..new("att_1") };
    assert_eq!(app.create(&some).await.unwrap().problems.external_ids, ["unknown-1"]);
    let devices = Audience::Subscriptions(vec!["s1".to_owned(), "unknown-2".to_owned()]);
    let some = NewNotification { to: devices, ..new("att_2") };
    assert_eq!(app.create(&some).await.unwrap().problems.subscriptions, ["unknown-2"]);
}

#[tokio::test]
async fn refusals_say_what_follows_from_them() {
    let after = Some(Duration::from_secs(3));
    for (status, retry_after_ms, class) in [
        (400, None, Class::Never),
        (401, None, Class::OtherAccount),
        (403, None, Class::OtherAccount),
        (404, None, Class::Never),
        (429, Some(3_000), Class::Soon { after }),
    ] {
        let setup = Setup::new().await;
        setup.fail_onesignal("notifications", error(status, retry_after_ms));
        let refused = setup.app().create(&new("att_1")).await.unwrap_err();
        assert_eq!((refused.status(), refused.class()), (Some(status), class), "{refused}");
    }
    let setup = Setup::new().await;
    setup.fail_onesignal("notifications", error(503, Some(3_000)));
    let unknown = setup.app().create(&new("att_1")).await.unwrap_err();
    assert_eq!((unknown.status(), unknown.class()), (Some(503), Class::Repeat { after }));
}

#[tokio::test]
async fn a_wrong_key_is_refused_and_not_repeated_in_the_error() {
    let setup = Setup::new().await;
    let app = setup.app_with("not-the-key-of-the-app");
    let refused = app.create(&new("att_1")).await.unwrap_err();
    assert!(refused.is_unauthorized());
    assert!(!format!("{refused:?} {app:?}").contains("not-the-key"));
    let nobody = OneSignalClient::new(onesignal_options("http://127.0.0.1:1")).unwrap();
    let credentials = gateways::onesignal::AppCredentials {
        app_id: "app".to_owned(),
        api_key: engine::provider::Secret::new("k"),
    };
    let failed = nobody.app(credentials).create(&new("att_1")).await.unwrap_err();
    assert!(matches!(failed, GatewayError::Unreachable { .. }), "{failed}");
}

#[tokio::test]
async fn a_notification_for_later_is_taken_back_and_a_sent_one_is_not() {
    let setup = Setup::new().await;
    let app = setup.app();
    let later = NewNotification { send_after: Some(4_000_000_000_000_000), ..new("att_1") };
    let later = app.create(&later).await.unwrap();
    app.cancel(&later.id).await.unwrap();
    assert_eq!(app.view(&later.id).await.unwrap().progress(), Progress::Canceled);
    let sent = app.create(&new("att_2")).await.unwrap();
    assert_eq!(app.cancel(&sent.id).await.unwrap_err().status(), Some(400));
    assert!(matches!(app.cancel("..").await, Err(GatewayError::Invalid { .. })));
}
