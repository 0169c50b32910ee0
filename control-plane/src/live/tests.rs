//! What a process knows of its calls.

use super::*;
use engine::ports::{CallSummary, EndReason};
use std::sync::Arc;

const PATIENCE: Duration = Duration::from_secs(1);

fn ended(reason: EndReason) -> CallEvent {
    CallEvent::Ended(CallSummary {
        reason,
        duration_ms: 1,
        context: Vec::new(),
        transfer_to: None,
        recorded: false,
        recording_ms: 0,
    })
}

fn started() -> CallEvent {
    CallEvent::StreamStarted { stream_sid: "MZ1".to_owned() }
}

fn streaming() -> (LiveCalls, CallId) {
    let (calls, call) = (LiveCalls::default(), CallId::from("call_1"));
    assert!(!calls.admit(&call, &"ten_1".into()));
    assert_eq!(calls.note(&call, &started()), Some("ten_1".into()));
    (calls, call)
}

#[tokio::test(start_paused = true)]
async fn the_engine_is_given_a_moment_to_say_how_a_stream_ended() {
    let (calls, call) = streaming();
    let calls = Arc::new(calls);
    let waiting = tokio::spawn({
        let (calls, call) = (Arc::clone(&calls), call.clone());
        async move { calls.outcome(&call, PATIENCE).await }
    });
    tokio::time::sleep(PATIENCE / 2).await;
    calls.note(&call, &ended(EndReason::AssistantEnded));
    assert_eq!(waiting.await.unwrap(), StreamOutcome::Ended(EndReason::AssistantEnded));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_the_engine_says_nothing_about_has_lost_its_stream() {
    let (calls, call) = streaming();
    let asked = Instant::now();
    assert_eq!(calls.outcome(&call, PATIENCE).await, StreamOutcome::Lost);
    assert_eq!(asked.elapsed(), PATIENCE);
    let asked = Instant::now();
    assert_eq!(calls.outcome(&"call_of_another_process".into(), PATIENCE).await, StreamOutcome::Lost);
    assert_eq!(asked.elapsed(), Duration::ZERO);
}

#[test]
fn the_engine_has_a_call_until_it_says_that_it_ended() {
    let (calls, call) = streaming();
    assert!(calls.has(&call));
    calls.note(&call, &CallEvent::StreamLost);
    assert!(calls.has(&call) && calls.admit(&call, &"ten_1".into()));
    calls.note(&call, &ended(EndReason::StreamLost));
    assert!(!calls.has(&call) && !calls.admit(&call, &"ten_1".into()));
}

#[tokio::test(start_paused = true)]
async fn ended_calls_are_forgotten_and_live_ones_are_not() {
    let (calls, call) = streaming();
    let over = CallId::from("call_2");
    calls.admit(&over, &"ten_1".into());
    calls.note(&over, &ended(EndReason::CallerHungUp));
    tokio::time::advance(PATIENCE).await;
    calls.sweep(Instant::now(), PATIENCE);
    assert_eq!(calls.tenant(&over), None);
    assert_eq!(calls.tenant(&call), Some("ten_1".into()));
    assert_eq!(calls.streaming(), 1);
}

#[test]
fn an_event_of_an_unknown_call_is_nobodys() {
    assert_eq!(LiveCalls::default().note(&"call_1".into(), &started()), None);
}
