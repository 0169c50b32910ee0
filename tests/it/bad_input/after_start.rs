//! A stream that was let in, and then says what no carrier says.

use super::{
    beside_a_good_call,
    stranger::{Socket, Stranger, new_call_sid, not_utf8},
};
use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::sleep;
use tokio_tungstenite::tungstenite::Message;

/// Changes a good frame at `path`.
fn frame_with(socket: &Socket, path: &str, value: Value) -> Message {
    let mut frame = socket.media(1);
    *frame.pointer_mut(path).unwrap() = value;
    Message::text(frame.to_string())
}

#[test]
fn a_breach_of_the_protocol_ends_the_stream_and_says_why() {
    type Say = fn(&Socket) -> Message;
    let cases: [(&str, Say, u16, &str); 17] = [
        ("malformed JSON", |_| Message::text("{\"event\":"), 1008, "not a JSON object"),
        ("no event", |_| Message::text("{}"), 1008, "the field event is missing"),
        ("binary", |_| Message::binary(vec![1, 2, 3]), 1003, "binary"),
        ("not UTF-8", |_| not_utf8(), 1007, "UTF-8"),
        ("oversized", |_| Message::text(" ".repeat(64 * 1024 + 1)), 1009, "too long"),
        ("another stream's audio", |s| frame_with(s, "/streamSid", json!("MZother")), 1008, "another stream"),
        ("no payload", |s| frame_with(s, "/media/payload", Value::Null), 1008, "media.payload is missing"),
        ("no base64", |s| frame_with(s, "/media/payload", json!("%%%%")), 1008, "not base64"),
        (
            "a second of audio too much",
            |s| frame_with(s, "/media/payload", json!("/".repeat(20_000))),
            1008,
            "at most",
        ),
        (
            "a time that is no number",
            |s| frame_with(s, "/media/timestamp", json!("soon")),
            1008,
            "media.timestamp",
        ),
        ("a negative time", |s| frame_with(s, "/media/timestamp", json!("-1")), 1008, "media.timestamp"),
        (
            "the end of time",
            |s| frame_with(s, "/media/timestamp", json!(u64::MAX.to_string())),
            1008,
            "ahead",
        ),
        ("the next century", |s| frame_with(s, "/media/timestamp", json!("3155760000000")), 1008, "ahead"),
        ("another stream's mark", |_| event("mark", "MZother", json!({"name": "a"})), 1008, "another stream"),
        ("another stream's stop", |_| event("stop", "MZother", json!({})), 1008, "another stream"),
        ("a key that no phone has", |s| event("dtmf", &s.sid, json!({"digit": "x"})), 1008, "dtmf.digit"),
        (
            "a mark of 60 kB",
            |s| event("mark", &s.sid, json!({"name": "m".repeat(60_000)})),
            1008,
            "mark.name",
        ),
    ];
    beside_a_good_call(async |stranger| {
        for (what, say, code, reason) in cases {
            let mut socket = stranger.new_stream().await;
            let message = say(&socket);
            socket.send(message).await;
            let closed = socket.closed().await;
            assert_eq!(closed.code, code, "{what}: {closed:?}");
            assert!(closed.reason.contains(reason) && closed.reason.len() <= 123, "{what}: {closed:?}");
        }
    });
}

fn event(name: &str, sid: &str, body: Value) -> Message {
    Message::text(json!({"event": name, "sequenceNumber": "5", "streamSid": sid, name: body}).to_string())
}

#[test]
fn oddities_are_tolerated() {
    beside_a_good_call(async |stranger| {
        let ticket = stranger.ticket(&new_call_sid()).await;
        let mut socket = stranger.stream(&ticket).await;
        let sid = socket.sid.clone();
        let (again, frame) = (stranger.start(&ticket, &sid), socket.media(1));
        socket.say(again).await;
        socket.say(json!({"event": "connected", "protocol": "Call", "version": "9.9.9"})).await;
        socket.say(json!({"event": "tomorrow's", "streamSid": 7, "media": [1, 2]})).await;
        socket.send(Message::Ping(Bytes::from_static(b"?"))).await;
        socket.send(Message::Pong(Bytes::new())).await;
        // The same frame again, frames backwards, numbers that make no sense, tracks that are not ours, no audio.
        for _ in 0..3 {
            socket.say(frame.clone()).await;
        }
        for chunk in (1..10).rev() {
            let frame = socket.media(chunk);
            socket.say(frame).await;
        }
        for (path, value) in [
            ("/sequenceNumber", json!("0")),
            ("/sequenceNumber", json!(u64::MAX.to_string())),
            ("/media/chunk", json!("0")),
            ("/media/chunk", json!(u64::MAX.to_string())),
            ("/media/track", json!("outbound")),
            ("/media/track", json!("")),
            ("/media/payload", json!("")),
            ("/media/payload", json!("/w==")),
        ] {
            let frame = frame_with(&socket, path, value);
            socket.send(frame).await;
        }
        for number in 0..10_000 {
            socket.send(event("mark", &sid, json!({"name": format!("e{number}.{number}")}))).await;
        }
        for _ in 0..2_000 {
            socket.send(event("dtmf", &sid, json!({"digit": "7"}))).await;
        }
        assert!(socket.is_alive().await);
        assert_eq!(socket.stop().await.code, 1000);
    });
}

#[test]
fn a_burst_of_100_000_frames_ends_the_stream_that_sends_it_and_no_other() {
    beside_a_good_call(async |stranger| {
        let mut orderly = stranger.new_stream().await;
        // With times that run on, with one time for all, and with times that jump forth and back.
        let timestamps: [fn(u64) -> u64; 3] =
            [|chunk| chunk * 20, |_| 0, |chunk| if chunk.is_multiple_of(2) { 4_000_000_000 } else { 0 }];
        for timestamp in timestamps {
            let mut socket = stranger.new_stream().await;
            let mut sent = 0;
            for chunk in 1..=100_000 {
                let frame = Message::text(socket.media_at(chunk, timestamp(chunk)).to_string());
                if socket.inner.feed(frame).await.is_err() {
                    break;
                }
                sent = chunk;
            }
            drop(socket.inner.flush().await);
            let closed = socket.closed().await;
            assert_eq!(closed.code, 1008, "after {sent} frames");
            assert!(closed.reason.contains("ahead of its own clock"), "{closed:?}");
        }
        assert!(orderly.is_alive().await);
        assert_eq!(orderly.stop().await.code, 1000);
    });
}

/// Keeps a stream fed with silence, without ever returning a mark, until the server ends it.
async fn listen_in_silence(mut socket: Socket, answers_marks: bool) -> u16 {
    for chunk in 1.. {
        let frame = socket.media(chunk);
        socket.say(frame).await;
        let until = tokio::time::Instant::now() + Duration::from_millis(20);
        while let Ok(message) = tokio::time::timeout_at(until, socket.inner.next()).await {
            match message {
                Some(Ok(Message::Close(frame))) => return frame.map_or(0, |frame| frame.code.into()),
                Some(Ok(Message::Text(text))) if answers_marks && text.contains("\"mark\"") => {
                    socket.send(Message::Text(text)).await;
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return 0,
            }
        }
    }
    0
}

#[test]
fn marks_that_never_come_back_or_come_at_once_do_not_wedge_a_call() {
    beside_a_good_call(async |stranger| {
        let (none, early) = (stranger.new_stream().await, stranger.new_stream().await);
        let (none, early) = tokio::join!(listen_in_silence(none, false), listen_in_silence(early, true));
        // Greeting, prompts and goodbye are said, then the server hangs up.
        assert_eq!((none, early), (1000, 1000));
    });
}

#[test]
fn sockets_that_break_without_a_word_end_their_calls_and_nothing_else() {
    beside_a_good_call(async |stranger| {
        for _ in 0..10 {
            drop(stranger.new_stream().await);
        }
        // One that stays open and says nothing more is given up too.
        let mut silent = stranger.new_stream().await;
        assert_eq!(silent.closed().await.code, 1000);
    });
}

/// The caller's carrier reads nothing: what is said waits in the kernel, and the call ends like any other.
#[test]
fn a_carrier_that_reads_nothing_holds_nothing_up() {
    beside_a_good_call(async |stranger: &Stranger<'_>| {
        let mut socket = stranger.new_stream().await;
        for chunk in 1..500 {
            let frame = socket.media(chunk);
            socket.say(frame).await;
            sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(socket.stop().await.code, 1000);
    });
}
