//! Which webhooks are believed, and what a call is answered with.

use crate::support::*;
use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use engine::provider::Secret;
use sha2::{Digest, Sha256};

const SID: &str = "CA00000000000000000000000000000001";

#[tokio::test]
async fn a_call_is_answered_with_a_stream() {
    let harness = Harness::new().await;
    let answer = harness.incoming(SID).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-type"), "text/xml; charset=utf-8");
    let token = answer.stream_token();
    assert_eq!(token.len(), 43);
    assert_eq!(
        answer.text(),
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response>\
             <Connect action=\"https://voice.example.test/api/voice/stream-ended?at=0\" method=\"POST\">\
             <Stream url=\"wss://voice.example.test/media-stream\" track=\"inbound_track\">\
             <Parameter name=\"token\" value=\"{token}\"/></Stream></Connect></Response>"
        )
    );
    let calls = harness.get("/v1/calls").await.json();
    assert_eq!(calls["data"][0]["carrier_call_id"], SID);
    assert_eq!(calls["data"][0]["status"], "ringing");
}

#[tokio::test]
async fn a_plain_address_gets_a_plain_stream() {
    let harness =
        Harness::with(|settings| settings.base_url = "http://127.0.0.1:8080/".parse().unwrap()).await;
    let fields = call_fields(SID, "ringing");
    let url = "http://127.0.0.1:8080/api/voice/incoming";
    let request = Request::post("/api/voice/incoming")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("x-twilio-signature", signature(url, &fields, TOKEN));
    let answer = harness.send(request.body(form(&fields)).unwrap()).await;
    assert!(answer.text().contains("<Stream url=\"ws://127.0.0.1:8080/media-stream\" "), "{answer:?}");
}

#[tokio::test]
async fn the_old_paths_are_verified_as_they_were_called() {
    let harness = Harness::new().await;
    let fields = call_fields(SID, "ringing");
    for path in ["/hooks/twilio/voice", "/api/twilio/voice", "/api/twilio/voice?edge=a%2Bb"] {
        assert_eq!(harness.hook(path, &fields).await.status, StatusCode::OK, "{path}");
    }
    let signed_for_another = signed("/api/voice/incoming", &fields, TOKEN).uri("/api/twilio/voice");
    let answer = harness.send(signed_for_another.body(form(&fields)).unwrap()).await;
    assert_eq!(answer.problem(403), "invalid_signature");
}

#[tokio::test]
async fn an_address_with_a_path_of_its_own_is_signed_with_it() {
    let harness =
        Harness::with(|settings| settings.base_url = format!("{BASE}/tandem").parse().unwrap()).await;
    let fields = call_fields(SID, "ringing");
    for url in [format!("{BASE}/tandem/api/voice/incoming"), format!("{BASE}/api/voice/incoming")] {
        let request = Request::post("/api/voice/incoming")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("x-twilio-signature", signature(&url, &fields, TOKEN));
        let answer = harness.send(request.body(form(&fields)).unwrap()).await;
        assert!(answer.text().contains("url=\"wss://voice.example.test/tandem/media-stream\""), "{answer:?}");
    }
}

#[tokio::test]
async fn a_call_is_answered_by_get_too() {
    let harness = Harness::new().await;
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(call_fields(SID, "ringing"))
        .finish();
    let path = format!("/api/voice/incoming?{query}");
    let signature = signature(&format!("{BASE}{path}"), &[], TOKEN);
    let signed = async |signature: &str| {
        let request = Request::get(&path).header("x-twilio-signature", signature);
        harness.send(request.body(Body::empty()).unwrap()).await
    };
    assert!(signed(&signature).await.text().contains("<Stream "));
    assert_eq!(signed("AAAA").await.problem(403), "invalid_signature");
}

#[tokio::test]
async fn what_is_not_signed_by_the_account_it_names_is_refused() {
    let harness = Harness::new().await;
    let fields = call_fields(SID, "ringing");
    let path = "/api/voice/incoming";

    let wrong_token = signed(path, &fields, "another").body(form(&fields)).unwrap();
    let unsigned = Request::post(path)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form(&fields))
        .unwrap();
    let mut more = fields.clone();
    more.push(("Extra", "1"));
    let changed = signed(path, &fields, TOKEN).body(form(&more)).unwrap();
    let mut stranger = fields.clone();
    stranger[0].1 = "AC00000000000000000000000000000009";
    let unknown_account = signed(path, &stranger, TOKEN).body(form(&stranger)).unwrap();
    let empty = signed(path, &[], TOKEN).body(Body::empty()).unwrap();
    for request in [wrong_token, unsigned, changed, unknown_account, empty] {
        let answer = harness.send(request).await;
        assert_eq!(answer.problem(403), "invalid_signature");
        assert!(!answer.text().contains(TOKEN));
    }
    assert_eq!(harness.get("/v1/calls").await.json()["data"].as_array().unwrap().len(), 0);
}

#[tokio::test]
async fn without_an_account_or_its_token_no_webhook_is_believed() {
    for (sid, token) in [("", ""), ("", TOKEN), (ACCOUNT, "")] {
        let harness = Harness::with(|settings| {
            settings.tenant.twilio.account_sid = sid.to_owned();
            settings.tenant.twilio.auth_token = Secret::new(token);
        })
        .await;
        let mut fields = call_fields(SID, "ringing");
        fields[0].1 = sid;
        let request = signed("/api/voice/incoming", &fields, token).body(form(&fields)).unwrap();
        assert_eq!(harness.send(request).await.problem(403), "invalid_signature");
    }
}

#[tokio::test]
async fn the_host_that_a_request_claims_is_not_believed() {
    let harness = Harness::new().await;
    let fields = call_fields(SID, "ringing");
    let elsewhere = signature("https://evil.example/api/voice/incoming", &fields, TOKEN);
    let request = Request::post("/api/voice/incoming")
        .header("host", "evil.example")
        .header("x-forwarded-host", "evil.example")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("x-twilio-signature", elsewhere);
    let answer = harness.send(request.body(form(&fields)).unwrap()).await;
    assert_eq!(answer.problem(403), "invalid_signature");
}

#[tokio::test]
async fn the_previous_token_is_good_while_it_is_being_exchanged() {
    let harness = Harness::with(|settings| {
        settings.tenant.twilio.previous_auth_token = Some(Secret::new("previous"));
    })
    .await;
    let fields = call_fields(SID, "ringing");
    let request = signed("/api/voice/incoming", &fields, "previous").body(form(&fields)).unwrap();
    assert_eq!(harness.send(request).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_json_webhook_is_believed_only_with_the_hash_of_its_body() {
    let harness = Harness::new().await;
    let json = |number: &str| {
        serde_json::json!({ "AccountSid": ACCOUNT, "CallSid": SID, "From": CALLER, "To": number }).to_string()
    };
    let body = json(OWN_NUMBER);
    let hash: String = Sha256::digest(&body).iter().map(|byte| format!("{byte:02x}")).collect();
    let send = async |path: &str, body: String| {
        let request = Request::post(path)
            .header("content-type", "application/json")
            .header("x-twilio-signature", signature(&format!("{BASE}{path}"), &[], TOKEN));
        harness.send(request.body(Body::from(body)).unwrap()).await
    };
    let hashed = format!("/api/voice/incoming?bodySHA256={hash}");
    assert!(send(&hashed, body.clone()).await.text().contains("<Stream "));
    assert_eq!(send(&hashed, json("+15550198")).await.problem(403), "invalid_signature");
    assert_eq!(send("/api/voice/incoming", body).await.problem(403), "invalid_signature");
    assert_eq!(send(&hashed, "[]".to_owned()).await.problem(400), "invalid_request");
}

#[tokio::test]
async fn a_number_that_no_tenant_has_is_not_answered() {
    let harness = Harness::new().await;
    let mut fields = call_fields(SID, "ringing");
    fields[3].1 = "+15550198";
    let answer = harness.hook("/api/voice/incoming", &fields).await;
    assert_eq!(answer.problem(404), "number_unknown");
}

#[tokio::test]
async fn a_parameter_that_is_there_twice_is_not_guessed_at() {
    let harness = Harness::new().await;
    let mut fields = call_fields(SID, "ringing");
    fields.push(("CallSid", "CA00000000000000000000000000000002"));
    let answer = harness.hook("/api/voice/incoming", &fields).await;
    assert_eq!(answer.problem(400), "invalid_request");
}

#[tokio::test]
async fn a_body_that_is_too_long_or_of_an_unknown_kind_is_refused() {
    let harness = Harness::new().await;
    let long = Request::post("/api/voice/incoming")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(vec![b'a'; 64 * 1024 + 1]))
        .unwrap();
    assert_eq!(harness.send(long).await.problem(413), "body_too_large");
    let xml = Request::post("/api/voice/incoming").header("content-type", "text/xml");
    let answer = harness.send(xml.body(Body::from("<a/>")).unwrap()).await;
    assert_eq!(answer.problem(415), "unsupported_media_type");
}

#[tokio::test]
async fn the_same_call_told_again_is_the_same_call() {
    let harness = Harness::new().await;
    let first = harness.incoming(SID).await.stream_token();
    let second = harness.incoming(SID).await.stream_token();
    assert_ne!(first, second);
    assert!(harness.admit(SID, &first).await.is_err(), "the older token is replaced");
    let plan = harness.admit(SID, &second).await.unwrap();
    let calls = harness.get("/v1/calls").await.json();
    assert_eq!(calls["data"].as_array().unwrap().len(), 1);
    assert_eq!(calls["data"][0]["id"], plan.call.0);
}

#[tokio::test]
async fn a_request_that_the_carrier_repeats_gets_the_same_answer() {
    let harness = Harness::new().await;
    let fields = call_fields(SID, "ringing");
    let repeated = async |token: &str| {
        let request =
            signed("/api/voice/incoming", &fields, TOKEN).header("i-twilio-idempotency-token", token);
        harness.send(request.body(form(&fields)).unwrap()).await.text().to_owned()
    };
    let first = repeated("one").await;
    assert_eq!(repeated("one").await, first);
    assert_ne!(repeated("two").await, first);
}

#[tokio::test]
async fn a_webhook_that_is_replayed_after_its_call_opens_nothing() {
    let harness = Harness::new().await;
    harness.incoming(SID).await;
    harness.hook("/api/voice/status", &call_fields(SID, "completed")).await;
    let answer = harness.incoming(SID).await;
    assert!(answer.text().ends_with("<Response><Hangup/></Response>"), "{}", answer.text());
}

#[tokio::test]
async fn a_draining_node_asks_callers_to_leave_a_message() {
    let harness = Harness::new().await;
    harness.plane.drain();
    let answer = harness.incoming(SID).await;
    assert_eq!(
        answer.text(),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Say voice=\"Polly.Amy\">We are experiencing \
         technical difficulties. Please leave a message or try again later.</Say><Record maxLength=\"60\" \
         action=\"https://voice.example.test/api/voice/emergency-recording\" method=\"POST\" \
         recordingStatusCallback=\"https://voice.example.test/api/voice/recording-status\"/></Response>"
    );
    let fallback = Request::post("/api/voice/fallback").body(Body::empty()).unwrap();
    assert_eq!(harness.send(fallback).await.text(), answer.text());
}

#[tokio::test]
async fn a_message_that_is_left_is_kept_with_its_call() {
    let harness = Harness::new().await;
    harness.incoming(SID).await;
    let mut fields = call_fields(SID, "in-progress");
    fields.push(("RecordingUrl", "https://api.example.test/recordings/RE1"));
    assert_eq!(harness.hook("/api/voice/emergency-recording", &fields).await.problem(400), "invalid_request");
    fields.push(("RecordingSid", "RE00000000000000000000000000000001"));
    let answer = harness.hook("/api/voice/emergency-recording", &fields).await;
    assert!(answer.text().contains("<Hangup/>"));
    let call = harness.get("/v1/calls").await.json()["data"][0]["id"].as_str().unwrap().to_owned();
    let events = harness.get(&format!("/v1/calls/{call}")).await.json()["events"].clone();
    let left = events.as_array().unwrap().iter().find(|event| event["kind"] == "message_left").unwrap();
    assert_eq!(left["data"]["recording_url"], "https://api.example.test/recordings/RE1");
}

#[tokio::test]
async fn a_caller_hears_that_we_are_in_trouble_when_the_database_does_not_serve() {
    let Harness { plane, router, key, folder } = Harness::new().await;
    plane.close().await.unwrap();
    let opened = control_plane::ControlPlane::open(settings(&folder).await).await.unwrap();
    let harness = Harness { plane: opened.control_plane, router, key, folder };
    // The router is the one whose database is closed; it drains, so only what is not a new call reaches it.
    let answer = harness.stream_ended(SID).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.text().contains("We&apos;re experiencing issues. Please try again."), "{}", answer.text());
    assert_eq!(harness.get("/v1/calls").await.problem(503), "store_unavailable");
}
