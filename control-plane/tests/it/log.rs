//! What the engine tells is stored, or comes back.

use crate::support::*;
use engine::{
    ids::CallId,
    ports::{CallEvent, EndReason, LogFull},
};

const SID: &str = "CA00000000000000000000000000000001";

// The test's one thread does not yield between two events, so nothing is written in between.
#[tokio::test]
async fn a_full_queue_gives_journal_entries_back_first_and_then_everything() {
    let harness = Harness::with(|settings| {
        settings.limits.log_queue = 10;
        settings.limits.log_reserve = 4;
    })
    .await;
    let token = harness.incoming(SID).await.stream_token();
    let call = harness.admit(SID, &token).await.unwrap().call;
    let log = harness.plane.ports().log;
    // How the call was routed waits in the same queue, until it is stored.
    harness.call_when(&call, |call| call["events"].as_array().is_some_and(|events| !events.is_empty())).await;
    let mut kept = 0;
    let given_back = loop {
        match log.record(&call, CallEvent::Journal { entries: vec![entry(kept)] }) {
            Ok(()) => kept += 1,
            Err(LogFull(event)) => break event,
        }
    };
    assert_eq!(kept, 6);
    assert!(matches!(*given_back, CallEvent::Journal { entries } if entries[0].seq == 6));
    for number in 0..4 {
        log.record(&call, CallEvent::Turn(turn(number, "", "Hello."))).unwrap();
    }
    let LogFull(event) = log.record(&call, ended(EndReason::AssistantEnded)).unwrap_err();
    assert!(matches!(*event, CallEvent::Ended(_)));
    // What came back is offered again later and is taken.
    harness.call_when(&call, |call| call["turns"].as_array().is_some_and(|turns| turns.len() == 4)).await;
    log.record(&call, *event).unwrap();
    harness.call_when(&call, |call| call["status"] == "completed").await;
}

#[tokio::test]
async fn closing_stores_everything_that_was_taken() {
    let harness = Harness::new().await;
    let call = harness.streaming(SID).await;
    for number in 0..1_000 {
        harness.tell(&call, CallEvent::Turn(turn(number, "And?", "Well.")));
    }
    harness.tell(&call, ended(EndReason::AssistantEnded));
    let Harness { plane, router, key, folder } = harness;
    let late = plane.ports().log;
    plane.close().await.unwrap();
    drop(router);
    drop(late);
    let opened = control_plane::ControlPlane::open(settings(&folder).await).await.unwrap();
    let plane = opened.control_plane;
    let harness = Harness { router: plane.router(), plane, key, folder };
    let shown = harness.get(&format!("/v1/calls/{call}")).await.json();
    assert_eq!(shown["turns"].as_array().unwrap().len(), 1_000);
    assert_eq!(shown["end_reason"], "assistant_ended");
}

#[tokio::test]
async fn an_event_of_a_call_that_was_never_let_in_is_not_stored() {
    let harness = Harness::new().await;
    harness.tell(&CallId::from("call_of_nobody"), CallEvent::StreamLost);
    assert_eq!(harness.get("/v1/calls").await.json()["data"].as_array().unwrap().len(), 0);
}
