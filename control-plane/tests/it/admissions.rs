//! Which streams are let in, and with what plan.

use crate::support::*;
use engine::ports::{CallEvent, EndReason, Refusal};
use std::time::Duration;

const SID: &str = "CA00000000000000000000000000000001";

#[tokio::test]
async fn a_stream_is_let_in_once_and_only_with_the_token_of_its_call() {
    let harness = Harness::new().await;
    let token = harness.incoming(SID).await.stream_token();
    let other = harness.incoming("CA00000000000000000000000000000002").await.stream_token();
    let admissions = harness.plane.ports().admissions;
    let refused = async |token: &str| harness.admit(SID, token).await.unwrap_err();
    assert_eq!(refused("").await, Refusal::TokenUnknown);
    assert_eq!(refused(&other).await, Refusal::TokenUnknown);
    let without = engine::ports::StreamClaim {
        account_sid: ACCOUNT.to_owned(),
        call_sid: SID.to_owned(),
        stream_sid: "MZ1".to_owned(),
        token: None,
    };
    assert_eq!(admissions.admit(without).await.unwrap_err(), Refusal::TokenMissing);

    let plan = harness.admit(SID, &token).await.unwrap();
    assert_eq!((plan.tenant.0.as_str(), plan.from.as_str(), plan.to.as_str()), ("ten_1", CALLER, OWN_NUMBER));
    assert_eq!(plan.assistant.greeting.as_deref(), Some("Hello!"));
    assert_eq!((plan.stt.len(), plan.llm.len(), plan.tts.len(), plan.journal.len()), (1, 1, 1, 0));
    let recording = plan.recording.unwrap();
    assert_eq!(recording, harness.folder.0.join("recordings/ten_1").join(format!("{}.wav", plan.call)));
    assert!(recording.parent().unwrap().is_dir());
    assert_eq!(refused(&token).await, Refusal::TokenUnknown);
}

#[tokio::test]
async fn a_token_expires() {
    let harness = Harness::with(|settings| settings.limits.stream_token_ttl = Duration::ZERO).await;
    let token = harness.incoming(SID).await.stream_token();
    assert_eq!(harness.admit(SID, &token).await.unwrap_err(), Refusal::TokenExpired);
}

#[tokio::test]
async fn a_call_is_not_recorded_if_the_tenant_does_not_want_it() {
    let harness = Harness::with(|settings| settings.tenant.record = false).await;
    let token = harness.incoming(SID).await.stream_token();
    assert_eq!(harness.admit(SID, &token).await.unwrap().recording, None);
}

#[tokio::test]
async fn a_draining_node_lets_only_its_own_calls_come_back() {
    let harness = Harness::new().await;
    let call = harness.streaming(SID).await;
    let other = harness.incoming("CA00000000000000000000000000000002").await.stream_token();
    harness.plane.drain();
    let refused = harness.admit("CA00000000000000000000000000000002", &other).await.unwrap_err();
    assert_eq!(refused, Refusal::Draining);
    harness.tell(&call, CallEvent::StreamLost);
    let token = harness.stream_ended(SID).await.stream_token();
    assert_eq!(harness.admit(SID, &token).await.unwrap().call, call);
}

#[tokio::test]
async fn a_call_that_the_engine_gave_up_comes_back_with_its_journal() {
    let harness = Harness::new().await;
    let call = harness.streaming(SID).await;
    harness.tell(&call, CallEvent::Journal { entries: vec![entry(0), entry(1)] });
    harness.tell(&call, CallEvent::Journal { entries: vec![entry(3)] });
    harness.tell(&call, ended(EndReason::StreamLost));
    let token = harness.stream_ended(SID).await.stream_token();
    let plan = harness.admit(SID, &token).await.unwrap();
    let seqs: Vec<_> = plan.journal.iter().map(|entry| entry.seq).collect();
    assert_eq!(seqs, [0, 1], "what was still queued is there, and nothing after a gap");
    assert_eq!(plan.journal[1].input.get(), r#"{"n":1}"#);
}

#[tokio::test]
async fn callers_leave_a_message_when_too_many_wait() {
    let harness = Harness::with(|settings| settings.limits.stream_tokens = 1).await;
    assert!(harness.incoming(SID).await.text().contains("<Stream "));
    let answer = harness.incoming("CA00000000000000000000000000000002").await;
    assert!(answer.text().contains("<Record "), "{}", answer.text());
}
