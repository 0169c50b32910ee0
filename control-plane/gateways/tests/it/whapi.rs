//! Whapi's channels, and what is done when they fail.

use crate::support::{Setup, TO, error, eventually, text, unknown_outcomes, whapi_options};
use axum::http::HeaderMap;
use engine::provider::Secret;
use fixtures::sandbox::{Event, GatewayFault, Service};
use gateways::{
    Class, GatewayError, Pace, Window,
    whapi::{
        ContactState, Content, Found, HealthState, MediaKind, MediaSource, MessageStatus, NewMedia, NewText,
        SentMark, WebhookSettings, WhapiClient, webhook,
    },
};
use serde_json::json;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

fn now_us() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_micros()).unwrap()
}

fn mark(body: &str) -> SentMark {
    SentMark {
        to: TO.to_owned(),
        content: Content::Text { body: body.to_owned(), choice: None },
        at: now_us(),
        skew: Duration::from_secs(60),
    }
}

#[tokio::test]
async fn a_text_is_sent_and_its_status_can_be_asked_for() {
    let setup = Setup::new().await;
    let channel = setup.channel(1);
    let sent = channel.send_text(&text("Hello")).await.unwrap();
    assert_eq!(sent.status, Some(MessageStatus::Pending));
    assert_eq!((sent.from_me, sent.phone()), (true, Some(TO)));
    let status = eventually(|| async {
        let message = channel.fetch_message(&sent.id).await.unwrap();
        message.status.filter(|status| *status == MessageStatus::Delivered)
    });
    assert_eq!(status.await, MessageStatus::Delivered);
    let gone = channel.fetch_message("nothing").await.unwrap_err();
    assert_eq!(gone.status(), Some(404));
    assert!(matches!(channel.fetch_message("..").await, Err(GatewayError::Invalid { .. })));
}

#[tokio::test]
async fn media_go_out_as_a_file_or_an_address_and_come_back_whole() {
    let setup = Setup::new().await;
    let channel = setup.channel(1);
    let media = |kind, source| NewMedia {
        to: TO.to_owned(),
        kind,
        source,
        mime_type: None,
        caption: Some("Look".to_owned()),
        filename: Some("a.pdf".to_owned()),
        quoted: None,
    };
    for kind in [MediaKind::Image, MediaKind::Document, MediaKind::Audio, MediaKind::Video, MediaKind::Voice]
    {
        let content = bytes::Bytes::from_static(b"file");
        let source = MediaSource::Bytes { mime_type: "application/pdf".to_owned(), content: content.clone() };
        let sent = channel.send_media(&media(kind, source)).await.unwrap();
        let Content::Media(part) = sent.content else { panic!("{kind:?}") };
        assert_eq!((part.kind, part.size), (kind, Some(4)));
        let fetched = channel.fetch_media(&part.id.unwrap()).await.unwrap();
        assert_eq!((fetched.mime_type.as_deref(), fetched.content), (Some("application/pdf"), content));
    }
    let source = MediaSource::Url("https://files.example.test/a.png".parse().unwrap());
    channel.send_media(&media(MediaKind::Image, source)).await.unwrap();
    assert_eq!(setup.messages(1), 6);
}

#[tokio::test]
async fn a_number_is_checked_and_one_without_whatsapp_is_refused_as_a_recipient() {
    let setup = Setup::new().await;
    setup.sandbox.knobs().change(|knobs| knobs.whapi_api.without_whatsapp = vec![TO.to_owned()]);
    let channel = setup.channel(1);
    let checked = channel.check_contacts(&[TO, "15551230001"]).await.unwrap();
    let states: Vec<_> = checked.into_iter().map(|check| (check.input, check.state)).collect();
    let expected = [(TO.to_owned(), ContactState::Invalid), ("15551230001".to_owned(), ContactState::Valid)];
    assert_eq!(states, expected);
    let refused = channel.send_text(&text("Hello")).await.unwrap_err();
    assert_eq!((refused.status(), refused.class()), (Some(404), Class::OtherChannel));
    assert!(matches!(channel.check_contacts(&["+1555"]).await, Err(GatewayError::Invalid { .. })));
}

#[tokio::test]
async fn a_channel_that_is_logged_out_is_refused_and_another_is_not() {
    let setup = Setup::new().await;
    assert!(setup.channel(1).health().await.unwrap().is_ready());
    setup.sandbox.knobs().change(|knobs| {
        knobs.whapi_api.health.insert("SANDBOX-1".to_owned(), "QR".to_owned());
    });
    let health = setup.channel(1).health().await.unwrap();
    assert_eq!((health.state.clone(), health.is_ready()), (HealthState::Qr, false));
    let refused = setup.channel(1).send_text(&text("Hello")).await.unwrap_err();
    assert!(refused.is_unauthorized());
    assert_eq!(refused.class(), Class::OtherAccount);
    setup.channel(2).send_text(&text("Hello")).await.unwrap();
    let stranger = setup.whapi.channel(Secret::new("not-a-token-of-anybody"));
    let refused = stranger.send_text(&text("Hello")).await.unwrap_err();
    assert!(refused.is_unauthorized());
    assert!(!format!("{refused:?} {stranger:?}").contains("not-a-token"));
}

#[tokio::test]
async fn refusals_say_what_follows_from_them() {
    let after = Duration::from_millis(2_500);
    for (status, retry_after_ms, class) in [
        (400, None, Class::Never),
        (402, None, Class::OtherAccount),
        (413, None, Class::Never),
        (429, Some(2_500), Class::Soon { after: Some(after) }),
    ] {
        let setup = Setup::new().await;
        setup.fail_whapi("messages", error(status, retry_after_ms));
        let refused = setup.channel(1).send_text(&text("Hello")).await.unwrap_err();
        assert_eq!((refused.status(), refused.class()), (Some(status), class), "{refused}");
        assert_eq!(
            (setup.messages(1), setup.sandbox.requests(Service::Whapi)),
            (0, 1),
            "nothing is sent again"
        );
    }
}

#[tokio::test]
async fn sent_false_is_a_failure_although_the_status_is_200() {
    let setup = Setup::new().await;
    setup.fail_whapi("messages", GatewayFault::NothingSent);
    let failed = setup.channel(1).send_text(&text("Hello")).await.unwrap_err();
    assert!(matches!(failed, GatewayError::NothingSent { .. }), "{failed}");
    assert_eq!((failed.class(), setup.messages(1)), (Class::OtherAccount, 0));
}

/// And then the chat tells what became of it.
#[tokio::test]
async fn a_send_whose_answer_is_of_no_use_is_unknown_and_is_found_if_it_was_done() {
    for (fault, done) in unknown_outcomes() {
        let setup = Setup::with(
            |mut options| {
                if fault == GatewayFault::NeverAnswer {
                    options.answer = Duration::from_millis(300);
                }
                options.answer_bytes = 256 * 1024;
                options
            },
            |options| options,
        )
        .await;
        let mark = mark("Hello");
        setup.fail_whapi("messages/text", fault.clone());
        let unknown = setup.channel(1).send_text(&text("Hello")).await.unwrap_err();
        assert!(matches!(unknown, GatewayError::UnknownOutcome { keyed: false, .. }), "{fault:?}: {unknown}");
        assert_eq!(unknown.class(), Class::Reconcile);
        let too_long = unknown.to_string().contains("the answer is too long");
        assert_eq!(too_long, fault == GatewayFault::Endless, "{fault:?}: {unknown}");
        // Who waits for no answer is through before the work is done.
        eventually(|| async { (setup.messages(1) == usize::from(done)).then_some(()) }).await;
        match setup.patient_channel().find_sent(&mark).await.unwrap() {
            Found::One(message) => assert!(done && message.phone() == Some(TO), "{fault:?}"),
            other => assert!(!done && other == Found::Nothing, "{fault:?}: {other:?}"),
        }
        assert_eq!(setup.messages(2), 0);
    }
}

/// As WhatsApp has it with Mexican mobiles.
#[tokio::test]
async fn a_message_is_found_in_a_chat_that_has_another_id_than_the_number() {
    let setup = Setup::new().await;
    setup.sandbox.knobs().change(|knobs| {
        knobs.whapi_api.wa_ids.insert("15551230009".to_owned(), "9915551230009".to_owned());
    });
    let channel = setup.channel(1);
    let [checked] = channel.check_contacts(&["15551230009"]).await.unwrap().try_into().unwrap();
    assert_eq!(checked.wa_id.as_deref(), Some("9915551230009"));
    let mark = SentMark { to: "15551230009".to_owned(), ..mark("Hello") };
    assert_eq!(channel.find_sent(&mark).await.unwrap(), Found::Nothing);
    let sent = channel.send_text(&NewText { to: mark.to.clone(), ..text("Hello") }).await.unwrap();
    assert_eq!(sent.phone(), Some("9915551230009"));
    assert!(matches!(channel.find_sent(&mark).await.unwrap(), Found::One(found) if found.id == sent.id));
    channel.send_text(&NewText { to: mark.to.clone(), ..text("Hello") }).await.unwrap();
    assert_eq!(channel.find_sent(&mark).await.unwrap(), Found::Several(2));
}

#[tokio::test]
async fn reads_that_fail_are_no_unknown_outcomes() {
    for (fault, _) in unknown_outcomes() {
        let setup = Setup::with(
            |mut options| {
                options.answer_bytes = 256 * 1024;
                if fault == GatewayFault::NeverAnswer {
                    options.answer = Duration::from_millis(300);
                }
                options
            },
            |options| options,
        )
        .await;
        setup.fail_whapi("health", fault.clone());
        let failed = setup.channel(1).health().await.unwrap_err();
        let expected = match fault {
            GatewayFault::OtherShape | GatewayFault::Garbage => Class::Never,
            _ => Class::Soon { after: None },
        };
        assert_eq!(failed.class(), expected, "{fault:?}: {failed}");
    }
}

#[tokio::test]
async fn nobody_at_the_address_means_that_nothing_was_sent() {
    let client = WhapiClient::new(whapi_options("http://127.0.0.1:1")).unwrap();
    let failed = client.channel(Secret::new("t")).send_text(&text("Hello")).await.unwrap_err();
    assert!(matches!(failed, GatewayError::Unreachable { .. }), "{failed}");
    assert!(WhapiClient::new(whapi_options("mailto:a")).is_err());
}

#[tokio::test]
async fn a_channel_that_is_too_fast_is_refused_here_and_another_is_not() {
    let setup = Setup::new().await;
    let window = Window { count: 2, within: Duration::from_secs(600) };
    let pace = Pace { windows: vec![window], ..Pace::default() };
    let channel = setup.channel(1).paced(pace.clone());
    for body in ["a", "b"] {
        channel.send_text(&text(body)).await.unwrap();
    }
    let busy = channel.send_text(&text("c")).await.unwrap_err();
    assert!(
        matches!(busy.class(), Class::Soon { after: Some(wait) } if wait > Duration::from_secs(500)),
        "{busy}"
    );
    setup.channel(2).paced(pace).send_text(&text("c")).await.unwrap();
    assert_eq!(setup.sandbox.requests(Service::Whapi), 3);
}

#[tokio::test]
async fn after_a_rate_limit_its_channel_rests_as_long_as_was_asked_for() {
    let setup = Setup::new().await;
    setup.fail_whapi("messages", error(429, Some(600_000)));
    let channel = setup.channel(1);
    channel.send_text(&text("a")).await.unwrap_err();
    let resting = channel.send_text(&text("b")).await.unwrap_err();
    assert!(matches!(resting, GatewayError::Busy { .. }), "{resting}");
    assert_eq!(setup.sandbox.requests(Service::Whapi), 1, "it was not asked again");
    assert!(channel.health().await.unwrap().is_ready(), "looking is no sending");
    setup.channel(2).send_text(&text("b")).await.unwrap();
}

/// Server of ours that takes one webhook.
async fn hook() -> (url::Url, tokio::sync::mpsc::UnboundedReceiver<(HeaderMap, bytes::Bytes)>) {
    let (tell, told) = tokio::sync::mpsc::unbounded_channel();
    let take = move |headers: HeaderMap, body: bytes::Bytes| {
        tell.send((headers, body)).unwrap();
        async {}
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hooks/whapi/unguessable", listener.local_addr().unwrap()).parse().unwrap();
    let router = axum::Router::new().fallback(axum::routing::post(take));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, told)
}

#[tokio::test]
async fn what_is_told_has_the_secret_and_is_understood() {
    let setup = Setup::new().await;
    let (url, mut told) = hook().await;
    let secret = Secret::new("a-secret-of-some-length");
    let settings = WebhookSettings { url, header: "X-Tandem-Secret".to_owned(), secret: secret.clone() };
    let channel = setup.channel(1);
    channel.set_webhook(&settings).await.unwrap();
    let [set] = channel.fetch_webhooks().await.unwrap().try_into().unwrap();
    assert_eq!((set.url, set.headers), (settings.url.to_string(), vec!["X-Tandem-Secret".to_owned()]));

    setup.sandbox.knobs().change(|knobs| {
        knobs.whapi_api.echo = true;
        knobs.whapi_api.number_times = true;
        knobs.whapi_api.delivery.statuses = ["sent", "read"].map(str::to_owned).to_vec();
    });
    let sent = channel.send_text(&text("Hello")).await.unwrap();
    let mut heard = Vec::new();
    while heard.len() < 3 {
        let next = tokio::time::timeout(Duration::from_secs(30), told.recv()).await.unwrap();
        let (headers, body) = next.unwrap();
        let shown = headers.get("x-tandem-secret").map(|value| value.as_bytes());
        assert!(webhook::is_secret(shown, &secret));
        let delivery = webhook::read(&body).unwrap();
        assert_eq!((delivery.channel_id.as_deref(), delivery.broken.len()), (Some("SANDBOX-1"), 0));
        heard.extend(delivery.told);
    }
    assert!(matches!(&heard[0], webhook::Told::Message(echo) if echo.from_me && echo.id == sent.id));
    assert!(matches!(&heard[1], webhook::Told::Status(status) if status.status == MessageStatus::Sent));
    assert!(
        matches!(&heard[2], webhook::Told::Status(status) if status.status == MessageStatus::Read && status.at.is_some())
    );

    let written = json!({"text": {"body": "Hi there"}});
    setup.sandbox.write_to_channel("SANDBOX-1", TO, &written).unwrap();
    let (_, body) = tokio::time::timeout(Duration::from_secs(30), told.recv()).await.unwrap().unwrap();
    let delivery = webhook::read(&body).unwrap();
    let [webhook::Told::Message(message)] = &delivery.told[..] else { panic!("{delivery:?}") };
    assert_eq!((message.phone(), message.from_me), (Some(TO), false));
    assert_eq!(message.content, Content::Text { body: "Hi there".to_owned(), choice: None });
}

#[tokio::test]
async fn a_lookup_that_is_answered_with_something_else_proves_nothing() {
    let setup = Setup::new().await;
    setup.fail_whapi("messages/list", GatewayFault::OtherShape);
    let unclear = setup.channel(1).find_sent(&mark("Hello")).await.unwrap_err();
    assert!(matches!(unclear, GatewayError::Misunderstood { .. }), "{unclear}");
}

#[tokio::test]
async fn the_token_travels_in_its_header_only() {
    let setup = Setup::new().await;
    let channel = setup.channel(1);
    channel.send_text(&text("Hello")).await.unwrap();
    channel.find_sent(&mark("Hello")).await.unwrap();
    for entry in setup.sandbox.log().of(Service::Whapi) {
        if let Event::Request { body, key } = entry.event {
            assert_eq!(key, fixtures::sandbox::key_mark("sandbox-whapi-1"));
            assert!(!body.to_string().contains("sandbox-whapi"), "{body}");
        }
    }
}
