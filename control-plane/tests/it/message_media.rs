//! Pictures and files of messages: fetched from where they came, kept once, shown by links that end, and sent on each channel in its way.

use crate::{messages_sent::Stage, support::until};
use axum::{
    body::Body,
    http::{Method, Request},
};
use base64_simd::STANDARD;
use engine::provider::Secret;
use fixtures::sandbox::{Event, Incoming, TwilioFault, TwilioRule};
use serde_json::{Value, json};
use twilio_rest::{Credentials, NumberSettings, TwilioClient, TwilioOptions};

const OWN: &str = "+15550100";
const PERSON: &str = "+15550142";
const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n not much of a picture";
const PAGE: &[u8] = b"<script>alert(1)</script>";

fn account() -> String {
    format!("AC{}", "0".repeat(32))
}

/// The sandbox's number tells the control plane what is written to it.
async fn tells(stage: &Stage) {
    let number = stage.sandbox.twilio()[account()]["numbers"]
        .as_array()
        .unwrap()
        .iter()
        .find(|number| number["phone_number"] == OWN)
        .unwrap()["sid"]
        .clone();
    let client = TwilioClient::new(TwilioOptions::at(stage.sandbox.base_url().parse().unwrap())).unwrap();
    let credentials = Credentials::AuthToken {
        account_sid: account().parse().unwrap(),
        auth_token: Secret::new("sandbox"),
    };
    let settings = NumberSettings {
        sms_url: Some(format!("{}/hooks/twilio/sms", stage.base)),
        ..NumberSettings::default()
    };
    let number = number.as_str().unwrap().parse().unwrap();
    client.account(credentials).update_number(&number, &settings).await.unwrap();
}

fn write(stage: &Stage, duplicates: u32) {
    let file = |kind: &str, content: &[u8]| (kind.to_owned(), STANDARD.encode_to_string(content));
    let incoming = Incoming {
        from: PERSON.to_owned(),
        to: OWN.to_owned(),
        body: "Look at this.".to_owned(),
        media: vec![file("image/png", PICTURE), file("text/html", PAGE)],
        duplicates,
        ..Incoming::default()
    };
    stage.sandbox.text_number(&incoming).unwrap();
}

/// The media of the one message that came in, once `count` of them are here.
async fn kept(stage: &Stage, count: usize) -> Vec<String> {
    let kept = async || {
        let conversations = stage.harness.get("/v1/conversations").await.json();
        let conversation = conversations["data"][0]["id"].as_str()?;
        let messages = stage.harness.get(&format!("/v1/messages?conversation={conversation}")).await.json();
        let inbound: Vec<&Value> =
            messages["data"].as_array().unwrap().iter().filter(|m| m["direction"] == "inbound").collect();
        assert!(inbound.len() <= 1, "{messages}");
        let media = inbound.first()?["media"].as_array()?;
        let urls: Vec<String> = media.iter().map(|m| m["url"].as_str().unwrap().to_owned()).collect();
        let here = urls.iter().filter(|url| url.contains("/media/files/")).count();
        (here >= count && !urls.is_empty()).then_some(urls)
    };
    until(kept, "the files of the message").await
}

/// What somebody gets who has a link, without a key.
async fn open(stage: &Stage, link: &str) -> crate::support::Answer {
    let path = link.strip_prefix(&stage.base).unwrap_or_else(|| panic!("{link}"));
    stage.harness.send(Request::get(path).body(Body::empty()).unwrap()).await
}

fn at_twilio(stage: &Stage) -> usize {
    let messages = stage.sandbox.twilio()[account()]["messages"].clone();
    messages[0]["_media"].as_array().map_or(0, Vec::len)
}

#[tokio::test]
async fn what_comes_with_a_text_message_is_kept_once_and_shown_by_a_link_that_ends() {
    let stage = Stage::new().await;
    tells(&stage).await;
    write(&stage, 2);
    let urls = kept(&stage, 2).await;
    let picture = open(&stage, &urls[0]).await;
    assert_eq!((picture.status.as_u16(), &picture.body[..]), (200, PICTURE));
    assert_eq!(picture.header("content-type"), "image/png");
    assert_eq!(picture.header("x-content-type-options"), "nosniff");
    assert!(picture.header("content-disposition").starts_with("inline"), "{:?}", picture.headers);
    // What a browser would run is a file to save.
    let page = open(&stage, &urls[1]).await;
    assert_eq!((page.status.as_u16(), &page.body[..]), (200, PAGE));
    assert_eq!(page.header("content-type"), "application/octet-stream");
    assert!(page.header("content-disposition").starts_with("attachment"), "{:?}", page.headers);
    // A link is as it was made, or nothing.
    let changed = urls[1].replace("application%2Foctet-stream", "text%2Fhtml");
    assert_ne!(changed, urls[1]);
    assert_eq!(open(&stage, &changed).await.status, 404);
    assert!(urls[0].contains("expires="), "{urls:?}");
    assert_eq!(at_twilio(&stage), 2, "they stay where they are unless the tenant says otherwise");
}

#[tokio::test]
async fn a_file_that_cannot_be_had_now_is_fetched_later_and_goes_at_the_carrier_if_that_is_wanted() {
    let stage = Stage::new().await;
    tells(&stage).await;
    let wanted = json!({ "settings": { "recording": { "delete_at_carrier": true } } });
    let patched = stage.harness.json(Method::PATCH, "/v1/tenant", &wanted).await;
    assert_eq!(patched.status, 200, "{}", patched.text());
    let rule = TwilioRule {
        resource: "Media".to_owned(),
        times: Some(1),
        fault: Some(TwilioFault::Error { status: 503, code: None, retry_after_ms: None }),
        ..TwilioRule::default()
    };
    stage.sandbox.knobs().change(|knobs| knobs.twilio_rest.rules = vec![rule]);
    write(&stage, 0);
    let urls = kept(&stage, 2).await;
    assert_eq!(&open(&stage, &urls[0]).await.body[..], PICTURE);
    assert_eq!(at_twilio(&stage), 0);
}

/// Keeps a file for messages; gives its address.
async fn keep(stage: &Stage, kind: &str, content: &[u8]) -> String {
    let body = json!({ "content_type": kind, "content": STANDARD.encode_to_string(content) });
    let answer = stage.post("/v1/files", &body, None).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["url"].as_str().unwrap().to_owned()
}

/// The addresses that the carrier was given for the files of a message.
fn given(stage: &Stage) -> Vec<String> {
    let log = stage.sandbox.log().entries();
    let forms = log.iter().filter_map(|entry| match &entry.event {
        Event::Request { body, .. }
            if body["path"].as_str().is_some_and(|path| path.ends_with("Messages.json")) =>
        {
            Some(body["form"].clone())
        }
        _ => None,
    });
    let urls = |value: &Value| match value {
        Value::String(url) => vec![url.clone()],
        Value::Array(urls) => urls.iter().filter_map(|url| url.as_str().map(str::to_owned)).collect(),
        _ => Vec::new(),
    };
    forms.flat_map(|form| urls(&form["MediaUrl"])).collect()
}

#[tokio::test]
async fn a_file_that_was_put_here_goes_out_by_a_link_that_the_carrier_can_follow() {
    let stage = Stage::new().await;
    let file = keep(&stage, "image/png", PICTURE).await;
    assert_eq!(keep(&stage, "image/png", PICTURE).await, file, "the same file twice is one");
    let elsewhere = "https://shop.example.com/a.jpg";
    let body = json!({
        "to": { "phone": PERSON }, "chain": [{ "channels": ["sms"] }], "text": "Look.", "media": [file, elsewhere],
    });
    let id = stage.sent(&body).await;
    stage.when(&id, "delivered").await;
    assert_eq!(stage.at_carrier()[0]["num_media"], "2");
    let given = given(&stage);
    assert_eq!(given.last().map(String::as_str), Some(elsewhere), "{given:?}");
    let fetched = open(&stage, &given[0]).await;
    assert_eq!((fetched.status.as_u16(), &fetched.body[..]), (200, PICTURE));
    assert_eq!(fetched.header("content-type"), "image/png");
}

#[tokio::test]
async fn what_is_no_file_for_messages_is_refused_with_the_place() {
    let stage = Stage::new().await;
    for (body, pointer) in [
        (json!({ "content_type": "text/html", "content": "SGVsbG8=" }), "/content_type"),
        (json!({ "content_type": "image/svg+xml", "content": "SGVsbG8=" }), "/content_type"),
        (json!({ "content_type": "image/png", "content": "" }), "/content"),
        (json!({ "content_type": "image/png", "content": "%" }), "/content"),
    ] {
        let answer = stage.post("/v1/files", &body, None).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["errors"][0]["pointer"]),
            (422, &json!(pointer)),
            "{body}"
        );
    }
    for address in ["file:///etc/passwd", "ftp://shop.example.com/a.jpg", "nothing"] {
        let body = json!({
            "to": { "phone": PERSON }, "chain": [{ "channels": ["sms"] }], "text": "Look.", "media": [address],
        });
        let answer = stage.post("/v1/messages", &body, None).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["errors"][0]["pointer"]),
            (422, &json!("/media/0")),
            "{address}"
        );
    }
}
