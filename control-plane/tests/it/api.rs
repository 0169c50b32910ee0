//! What a tenant reads of its calls.

use crate::support::*;
use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use engine::{
    llm::ToolCall,
    ports::{CallEvent, EndReason, TurnRecord},
};
use serde_json::json;

const SID: &str = "CA00000000000000000000000000000001";

#[tokio::test]
async fn without_a_valid_key_nothing_is_read() {
    let harness = Harness::new().await;
    for authorization in ["", "Bearer", "Bearer tdm_live_wrong", "Basic dGRtOg==", &harness.key.clone()] {
        for path in
            ["/v1/calls", "/v1/calls/call_1", "/v1/calls/call_1/recording", "/v1/calls/call_1/journal"]
        {
            let request = Request::get(path).header("authorization", authorization);
            let answer = harness.send(request.body(Body::empty()).unwrap()).await;
            assert_eq!(answer.problem(401), "unauthorized");
            assert_eq!(answer.header("www-authenticate"), "Bearer");
        }
    }
}

#[tokio::test]
async fn another_key_can_be_made_and_works() {
    let mut harness = Harness::new().await;
    harness.key = harness.plane.issue_key(&"ten_1".into(), "second").await.unwrap().reveal().to_owned();
    assert!(harness.key.starts_with("tdm_live_"));
    assert_eq!(harness.get("/v1/calls").await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_with_the_requests_id() {
    let harness = Harness::new().await;
    for path in ["/v1/calls/call_1", "/v1/calls/call_1/journal", "/v1/calls/..%2F..%2Fetc%2Fpasswd/recording"]
    {
        assert_eq!(harness.get(path).await.problem(404), "not_found", "{path}");
    }
    assert_eq!(harness.get("/v2").await.problem(404), "not_found");
    let request = Request::delete("/v1/calls").header("x-request-id", "mine-1");
    let answer = harness.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.problem(405), "method_not_allowed");
    assert_eq!(answer.header("x-request-id"), "mine-1");
    let request = Request::get("/v2").header("x-request-id", "not fit for a log");
    let answer = harness.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.problem(404), "not_found");
    assert_ne!(answer.header("x-request-id"), "not fit for a log");
}

#[tokio::test]
async fn pages_hold_every_call_once_newest_first() {
    let harness = Harness::new().await;
    let mut made = Vec::new();
    for index in 0..5 {
        let sid = format!("CA{index:032}");
        harness.incoming(&sid).await;
        made.insert(0, sid);
    }
    let mut read = Vec::new();
    let mut path = "/v1/calls?limit=2".to_owned();
    loop {
        let page = harness.get(&path).await.json();
        let calls = page["data"].as_array().unwrap();
        assert!(calls.len() <= 2);
        read.extend(calls.iter().map(|call| call["carrier_call_id"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/v1/calls?limit=2&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(read, made);
}

#[tokio::test]
async fn calls_are_filtered() {
    let harness = Harness::new().await;
    for (sid, status) in [("CA1", "ringing"), ("CA2", "busy")] {
        harness.hook("/api/voice/status", &call_fields(sid, status)).await;
    }
    let count = async |query: &str| {
        harness.get(&format!("/v1/calls?{query}")).await.json()["data"].as_array().unwrap().len()
    };
    assert_eq!(count("status=busy").await, 1);
    assert_eq!(count("from=%2B15550100&to=%2B15550199").await, 2);
    assert_eq!(count("from=%2B15550101").await, 0);
    assert_eq!(count("created_after=2020-01-01T00:00:00Z&created_before=2020-01-02T00:00:00Z").await, 0);
    assert_eq!(harness.get("/v1/calls?state=busy").await.problem(400), "invalid_request");
}

#[tokio::test]
async fn a_call_shows_its_transcript_and_where_the_time_went() {
    let harness = Harness::new().await;
    let call = harness.streaming(SID).await;
    let tool = ToolCall {
        id: "tool_1".to_owned(),
        name: "lookup_order".to_owned(),
        arguments: json!({ "number": "4711" }).as_object().unwrap().clone(),
    };
    let first = TurnRecord { tools: vec![tool], interrupted: true, ..turn(1, "Where is it?", "On its") };
    harness.tell(&call, CallEvent::Turn(turn(0, "", "Hello!")));
    harness.tell(&call, CallEvent::Turn(first));
    let degraded = CallEvent::Degraded { stage: "tts".to_owned(), cause: "it stalled".to_owned() };
    harness.tell(&call, degraded);
    harness.tell(&call, ended(EndReason::CallerHungUp));
    let shown = harness.call_when(&call, |call| call["status"] == "completed").await;

    assert_eq!(shown["streams"], 1);
    assert_eq!(shown["recording"], json!(null), "no file was written");
    assert_eq!(shown["turns"][0]["assistant"], "Hello!");
    let turn = &shown["turns"][1];
    assert_eq!((&turn["caller"], &turn["assistant"]), (&json!("Where is it?"), &json!("On its")));
    assert_eq!(turn["interrupted"], true);
    assert_eq!(turn["tools"][0]["arguments"], json!({ "number": "4711" }));
    assert_eq!(turn["usage"]["output_tokens"], 5);
    assert_eq!(turn["waterfall"]["stt_final_ms"], 1_300);
    assert_eq!(
        turn["latency"],
        json!({
            "endpointing_ms": 350, "llm_first_token_ms": 250, "first_sentence_ms": 50,
            "tts_first_byte_ms": 150, "first_frame_ms": 5, "total_ms": 805,
        })
    );
    let kinds: Vec<_> = shown["events"].as_array().unwrap().iter().map(|event| &event["kind"]).collect();
    assert_eq!(kinds, ["routed", "stream_started", "degraded", "ended"]);
    assert_eq!(shown["events"][2]["data"], json!({ "stage": "tts", "cause": "it stalled" }));
}

#[tokio::test]
async fn the_journal_is_read_line_by_line_in_order() {
    let harness = Harness::with(|settings| settings.limits.journal_chunks = 2).await;
    let call = harness.streaming(SID).await;
    for seq in 0..5 {
        harness.tell(&call, CallEvent::Journal { entries: vec![entry(2 * seq), entry(2 * seq + 1)] });
    }
    harness.tell(&call, ended(EndReason::CallerHungUp));
    harness.call_when(&call, |call| call["status"] == "completed").await;
    let answer = harness.get(&format!("/v1/calls/{call}/journal")).await;
    assert_eq!(answer.header("content-type"), "application/x-ndjson");
    let seqs: Vec<u64> = answer
        .text()
        .lines()
        .map(|line| serde_json::from_str::<engine::call::journal::JournalEntry>(line).unwrap().seq)
        .collect();
    assert_eq!(seqs, (0..10).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_recording_is_read_whole_or_in_part_while_it_grows() {
    let harness = Harness::new().await;
    let call = harness.streaming(SID).await;
    let path = format!("/v1/calls/{call}/recording");
    assert_eq!(harness.get(&path).await.problem(404), "no_recording");

    let file = harness.folder.0.join(format!("recordings/ten_1/{call}.wav"));
    let audio: Vec<u8> = (0..200_000_u32).map(|index| (index % 251) as u8).collect();
    std::fs::write(&file, &audio[..100_000]).unwrap();
    let answer = harness.get(&path).await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "audio/wav"));
    assert_eq!(answer.header("accept-ranges"), "bytes");
    assert_eq!(answer.header("content-length"), "100000");
    assert!(answer.body == audio[..100_000]);
    let shown = harness.get(&format!("/v1/calls/{call}")).await.json();
    assert_eq!(shown["recording"]["url"], path);

    std::fs::write(&file, &audio).unwrap();
    let part = async |range: &str| {
        let request = Request::get(&path)
            .header("authorization", format!("Bearer {}", harness.key))
            .header("range", range);
        harness.send(request.body(Body::empty()).unwrap()).await
    };
    let answer = part("bytes=99990-").await;
    assert_eq!(answer.status, StatusCode::PARTIAL_CONTENT);
    assert_eq!(answer.header("content-range"), "bytes 99990-199999/200000");
    assert!(answer.body == audio[99_990..]);
    assert!(part("bytes=-10").await.body == audio[199_990..]);
    assert_eq!(part("bytes=200000-").await.problem(416), "range_not_satisfiable");
}
