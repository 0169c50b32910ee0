//! What follows a stream, and how far a call has come.

use crate::support::*;
use axum::http::StatusCode;
use engine::ports::{CallEvent, EndReason};
use serde_json::Value;

const SID: &str = "CA00000000000000000000000000000001";

#[tokio::test]
async fn a_call_that_the_assistant_ended_is_hung_up() {
    let harness = Harness::new().await;
    let call = harness.streaming(SID).await;
    harness.tell(&call, ended(EndReason::AssistantEnded));
    let answer = harness.stream_ended(SID).await;
    assert!(answer.text().ends_with("<Response><Hangup/></Response>"), "{}", answer.text());
    let call = harness.call_when(&call, |call| call["status"] == "completed").await;
    assert_eq!(call["end_reason"], "assistant_ended");
    assert_eq!(call["duration_seconds"], 62);
}

#[tokio::test]
async fn a_lost_stream_is_opened_again_three_times_and_then_the_caller_hears_why_not() {
    let harness = Harness::new().await;
    let call = harness.streaming(SID).await;
    for _ in 0..3 {
        harness.tell(&call, CallEvent::StreamLost);
        let token = harness.stream_ended(SID).await.stream_token();
        let plan = harness.admit(SID, &token).await.unwrap();
        assert_eq!(plan.call, call);
        assert!(plan.journal.is_empty(), "the engine still has the call");
        harness.tell(&call, CallEvent::StreamStarted { stream_sid: "MZ2".to_owned() });
    }
    harness.tell(&call, CallEvent::StreamLost);
    let answer = harness.stream_ended(SID).await;
    assert!(answer.text().contains("the connection was lost"), "{}", answer.text());
    assert!(answer.text().ends_with("<Hangup/></Response>"));
}

#[tokio::test]
async fn a_caller_whose_assistant_failed_can_leave_a_message() {
    let harness = Harness::new().await;
    let call = harness.streaming(SID).await;
    harness.tell(&call, ended(EndReason::Failed));
    let answer = harness.stream_ended(SID).await;
    let said = "I&apos;m sorry, I can&apos;t help you right now.</Say><Say voice=\"Polly.Amy\">Please leave a message after the beep.";
    assert!(answer.text().contains(said), "{}", answer.text());
    assert!(answer.text().contains("<Record maxLength=\"120\" "), "{}", answer.text());
}

#[tokio::test]
async fn a_caller_is_put_through_to_those_the_tenant_knows() {
    let harness = Harness::new().await;
    let call = harness.streaming(SID).await;
    let control = harness.plane.ports().control;
    let refused = control.transfer(&call, "+15550666").await.unwrap_err();
    assert_eq!(refused.0, "there is nobody of that name to transfer to; known are: sales");
    control.transfer(&call, "Sales").await.unwrap();
    harness.tell(&call, ended(EndReason::Transferred));
    let answer = harness.stream_ended(SID).await;
    assert_eq!(
        answer.text(),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Dial callerId=\"+15550199\" timeout=\"30\" \
         action=\"https://voice.example.test/api/voice/dial-status\" method=\"POST\">\
         <Number>+15550142</Number></Dial></Response>"
    );
    let shown = harness.call_when(&call, |call| call["end_reason"] == "transferred").await;
    assert_eq!((&shown["status"], &shown["transfer_to"]), (&"in_progress".into(), &"Sales".into()));

    let mut fields = call_fields(SID, "in-progress");
    fields.push(("DialCallStatus", "no-answer"));
    let answer = harness.hook("/api/voice/dial-status", &fields).await;
    assert!(answer.text().contains("put you through"), "{}", answer.text());
    fields.pop();
    fields.push(("DialCallStatus", "completed"));
    let answer = harness.hook("/hooks/twilio/dial-status", &fields).await;
    assert!(answer.text().ends_with("<Response><Hangup/></Response>"), "{}", answer.text());
}

#[tokio::test]
async fn a_transfer_to_nobody_gets_an_apology() {
    let harness = Harness::new().await;
    let call = harness.streaming(SID).await;
    harness.tell(&call, ended(EndReason::Transferred));
    let answer = harness.stream_ended(SID).await;
    assert!(answer.text().contains("put you through"), "{}", answer.text());
}

#[tokio::test]
async fn nothing_is_said_to_a_caller_who_is_gone() {
    let harness = Harness::new().await;
    harness.streaming(SID).await;
    let answer = harness.hook("/api/voice/stream-ended", &call_fields(SID, "completed")).await;
    assert!(answer.text().ends_with("<Response></Response>"), "{}", answer.text());
}

#[tokio::test]
async fn the_stream_of_a_call_that_nobody_knows_ends_with_an_apology() {
    let harness = Harness::new().await;
    let answer = harness.stream_ended("CA00000000000000000000000000000009").await;
    assert!(answer.text().contains("the connection was lost"), "{}", answer.text());
}

#[tokio::test]
async fn after_a_kill_a_call_goes_on_from_its_journal() {
    let harness = Harness::new().await;
    let call = harness.streaming(SID).await;
    for seq in 0..200 {
        harness.tell(&call, CallEvent::Journal { entries: vec![entry(2 * seq), entry(2 * seq + 1)] });
    }
    harness.tell(&call, CallEvent::Turn(turn(1, "Where is my order?", "It is on its way.")));
    // The writer keeps the order, so what was told before the turn is stored with it.
    harness.call_when(&call, |call| call["turns"].as_array().is_some_and(|turns| turns.len() == 1)).await;

    let harness = harness.killed_and_started_again().await;
    let shown = harness.get(&format!("/v1/calls/{call}")).await.json();
    assert_eq!(shown["turns"][0]["assistant"], "It is on its way.");
    assert_eq!(shown["status"], "in_progress");
    let token = harness.stream_ended(SID).await.stream_token();
    let plan = harness.admit(SID, &token).await.unwrap();
    assert_eq!(plan.call, call);
    assert_eq!(plan.journal.iter().map(|entry| entry.seq).collect::<Vec<_>>(), (0..400).collect::<Vec<_>>());
}

#[tokio::test]
async fn after_a_kill_a_caller_is_still_put_through() {
    let harness = Harness::new().await;
    let call = harness.streaming(SID).await;
    harness.plane.ports().control.transfer(&call, "sales").await.unwrap();
    let harness = harness.killed_and_started_again().await;
    let answer = harness.stream_ended(SID).await;
    assert!(answer.text().contains("<Number>+15550142</Number>"), "{}", answer.text());
}

async fn status_of(harness: &Harness) -> Value {
    harness.get("/v1/calls").await.json()["data"][0].clone()
}

#[tokio::test]
async fn a_calls_status_only_moves_forward() {
    let harness = Harness::new().await;
    let report = async |status: &str, duration: Option<&str>| {
        let mut fields = call_fields(SID, status);
        fields.extend(duration.map(|seconds| ("CallDuration", seconds)));
        let answer = harness.hook("/api/voice/status", &fields).await;
        assert_eq!((answer.status, answer.text()), (StatusCode::OK, ""));
    };
    report("in-progress", None).await;
    assert_eq!(status_of(&harness).await["status"], "in_progress");
    report("ringing", None).await;
    assert_eq!(status_of(&harness).await["status"], "in_progress");
    report("completed", Some("12")).await;
    report("completed", Some("13")).await;
    report("failed", None).await;
    report("what-is-that", None).await;
    let call = status_of(&harness).await;
    assert_eq!((&call["status"], &call["duration_seconds"]), (&"completed".into(), &12.into()));
    assert!(call["ended_at"].is_string());
}

#[tokio::test]
async fn every_end_that_the_carrier_knows_is_kept() {
    let harness = Harness::new().await;
    for (index, (said, kept)) in [
        ("busy", "busy"),
        ("no-answer", "no_answer"),
        ("failed", "failed"),
        ("canceled", "canceled"),
        ("initiated", "initiated"),
    ]
    .into_iter()
    .enumerate()
    {
        let sid = format!("CA{index:032}");
        harness.hook("/hooks/twilio/call-status", &call_fields(&sid, said)).await;
        assert_eq!(status_of(&harness).await["status"], kept);
    }
}

#[tokio::test]
async fn the_carriers_duration_is_kept_after_the_engine_ended_the_call() {
    let harness = Harness::new().await;
    let call = harness.streaming(SID).await;
    harness.tell(&call, ended(EndReason::CallerHungUp));
    harness.call_when(&call, |call| call["status"] == "completed").await;
    let mut fields = call_fields(SID, "completed");
    fields.push(("CallDuration", "64"));
    harness.hook("/api/voice/status", &fields).await;
    assert_eq!(status_of(&harness).await["duration_seconds"], 64);
}
