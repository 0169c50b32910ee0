//! A socket that has not proved anything yet.

use super::{
    beside_a_good_call,
    stranger::{Closed, Stranger, Ticket, new_call_sid, not_utf8},
};
use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::{Instant, sleep},
};
use tokio_tungstenite::tungstenite::Message;

const POLICY: u16 = 1008;

fn refused() -> Closed {
    Closed { code: POLICY, reason: "stream refused".to_owned() }
}

/// What the server says to a socket that says only this.
async fn answer_to(stranger: &Stranger<'_>, message: Message) -> Closed {
    let mut socket = stranger.socket().await;
    socket.send(message).await;
    socket.closed().await
}

#[test]
fn nonsense_is_closed_with_the_code_that_fits_it() {
    beside_a_good_call(async |stranger| {
        let deep = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
        let deep_in_event = format!("{{\"event\":{}}}", "{\"a\":".repeat(10_000));
        for text in [
            "",
            "{",
            "nonsense",
            "[]",
            "7",
            "null",
            "\"event\"",
            "{\"event\":7}",
            "{}",
            &deep,
            &deep_in_event,
        ] {
            assert_eq!(answer_to(stranger, Message::text(text)).await, refused(), "{:.40}", text);
        }
        for event in ["media", "mark", "dtmf", "stop"] {
            let full = json!({
                "event": event, "sequenceNumber": "1", "streamSid": "MZ1",
                "media": {"track": "inbound", "chunk": "1", "timestamp": "0", "payload": "/w=="},
                "mark": {"name": "a"}, "dtmf": {"digit": "1"}, "stop": {},
            });
            assert_eq!(
                answer_to(stranger, Message::text(full.to_string())).await,
                refused(),
                "{event} first"
            );
        }
        for (message, code) in [
            (Message::binary(vec![0_u8; 100]), 1003),
            (not_utf8(), 1007),
            (Message::text("x".repeat(64 * 1024 + 1)), 1009),
            (Message::text("x".repeat(3_000_000)), 1009),
        ] {
            assert_eq!(answer_to(stranger, message).await.code, code);
        }
    });
}

#[test]
fn a_start_is_let_in_only_with_the_token_of_its_own_call_once_and_in_time() {
    beside_a_good_call(async |stranger| {
        let ticket = stranger.ticket(&new_call_sid()).await;
        let other = stranger.ticket(&new_call_sid()).await;
        let good = stranger.start(&ticket, "MZ1");
        let with = |path: &str, value: Value| {
            let mut start = good.clone();
            *start.pointer_mut(path).unwrap() = value;
            Message::text(start.to_string())
        };
        let outcomes = ["token_missing", "token_unknown", "token_expired"];
        let mut before = [0; 3];
        for (outcome, before) in outcomes.iter().zip(&mut before) {
            *before = stranger.metric(&admissions(outcome)).await;
        }
        for (what, message) in [
            ("no token", with("/start/customParameters", json!({}))),
            ("no parameters", with("/start/customParameters", Value::Null)),
            ("an empty token", with("/start/customParameters/token", json!(""))),
            ("a guessed token", with("/start/customParameters/token", json!("A".repeat(43)))),
            ("a token that is a number", with("/start/customParameters/token", json!(7))),
            ("the token of another call", with("/start/customParameters/token", json!(other.token))),
            ("another call with this token", with("/start/callSid", json!(other.call_sid))),
            ("a call that nobody has", with("/start/callSid", json!("CA99999999999999999999999999999999"))),
            ("another account", with("/start/accountSid", json!("AC99999999999999999999999999999999"))),
            ("an account that is no identifier", with("/start/accountSid", json!("../../etc"))),
            ("A-law", with("/start/mediaFormat/encoding", json!("audio/x-alaw"))),
            ("an encoding of 40 kB", with("/start/mediaFormat/encoding", json!("\n".repeat(20_000)))),
            ("16 kHz", with("/start/mediaFormat/sampleRate", json!(16_000))),
            ("stereo", with("/start/mediaFormat/channels", json!(2))),
            ("a negative rate", with("/start/mediaFormat/sampleRate", json!(-8_000))),
            ("no format", with("/start/mediaFormat", Value::Null)),
            ("two stream identifiers", with("/streamSid", json!("MZ2"))),
            ("a stream identifier with quotes", with("/start/streamSid", json!("MZ\"1"))),
        ] {
            assert_eq!(answer_to(stranger, message).await, refused(), "{what}");
        }
        // None of that has spent the token: it lets its own call in, and then nobody else.
        let first = stranger.stream(&ticket).await;
        assert_eq!(
            answer_to(stranger, Message::text(good.to_string())).await,
            refused(),
            "a token used twice"
        );
        first.stop().await;
        // The other token has a minute.
        sleep(Duration::from_secs(61)).await;
        let late = stranger.start(&other, "MZ3");
        assert_eq!(answer_to(stranger, Message::text(late.to_string())).await, refused(), "an expired token");
        for (outcome, before) in outcomes.iter().zip(before) {
            assert!(stranger.metric(&admissions(outcome)).await > before, "{outcome}");
        }
    });
}

fn admissions(outcome: &str) -> String {
    format!("tandem_stream_admissions_total{{outcome=\"{outcome}\"}}")
}

#[test]
fn a_second_socket_for_a_live_call_is_refused_and_the_first_goes_on() {
    beside_a_good_call(async |stranger| {
        let call_sid = new_call_sid();
        let mut first = stranger.stream(&stranger.ticket(&call_sid).await).await;
        // The same call is announced again, so there is a second good token for it.
        let second = stranger.ticket(&call_sid).await;
        let start = stranger.start(&second, "MZ2");
        assert_eq!(answer_to(stranger, Message::text(start.to_string())).await, refused());
        assert!(first.is_alive().await);
        assert_eq!(first.stop().await.code, 1000);
    });
}

#[test]
fn sockets_that_never_start_are_closed_in_time_however_busy_they_are() {
    beside_a_good_call(async |stranger| {
        let began = Instant::now();
        let mut silent = Vec::new();
        for _ in 0..200 {
            silent.push(stranger.socket().await);
        }
        let mut talking = stranger.socket().await;
        let mut pinging = stranger.socket().await;
        let busy = async {
            while began.elapsed() < Duration::from_secs(9) {
                talking.say(json!({"event": "connected", "protocol": "Call", "version": "1.0.0"})).await;
                talking.say(json!({"event": "tomorrow's", "media": 7})).await;
                pinging.send(Message::Ping(Bytes::from_static(b"are you there"))).await;
                sleep(Duration::from_millis(100)).await;
            }
        };
        busy.await;
        for socket in silent.iter_mut().chain([&mut talking, &mut pinging]) {
            assert_eq!(socket.closed().await, refused());
        }
        assert!(began.elapsed() < Duration::from_secs(12), "{:?}", began.elapsed());
        // And a call still gets in.
        stranger.new_stream().await.stop().await;
    });
}

#[test]
fn half_a_socket_and_half_a_frame_are_let_go() {
    beside_a_good_call(async |stranger| {
        let upgrade = format!(
            "GET /media-stream HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: {}\r\n\r\n",
            "dGhlIHNhbXBsZSBub25jZQ=="
        );
        // What follows the upgrade, and whether the client then closes its half.
        let cases: [(&[u8], bool); 6] = [
            (b"", true),
            (b"\x81", true),
            // A masked frame that promises more than it has; one that promises 2^63 bytes.
            (b"\x81\xfe\x7f\xff\0\0\0\0{", false),
            (b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", false),
            // Not masked; reserved bits and a reserved opcode.
            (b"\x81\x02{}", false),
            (b"\xfb\x80\0\0\0\0", false),
        ];
        for (bytes, half_close) in cases {
            let mut tcp = stranger.tcp().await;
            tcp.write_all(upgrade.as_bytes()).await.unwrap();
            tcp.write_all(bytes).await.unwrap();
            if half_close {
                tcp.shutdown().await.unwrap();
            }
            let began = Instant::now();
            let mut piece = [0; 4096];
            while let Ok(1..) = tcp.read(&mut piece).await {}
            assert!(began.elapsed() < Duration::from_secs(12), "{bytes:?}: {:?}", began.elapsed());
        }
    });
}

/// Answers to pings must not gather without bound for somebody who reads none.
#[test]
fn pings_whose_answers_are_not_read_fill_no_memory() {
    const PINGS: usize = 200_000;
    beside_a_good_call(async |stranger| {
        let mut socket = stranger.socket().await;
        let payload = Bytes::from(vec![b'p'; 125]);
        for _ in 0..PINGS {
            if socket.inner.feed(Message::Ping(payload.clone())).await.is_err() {
                break;
            }
        }
        drop(socket.inner.flush().await);
        let mut answers = 0;
        while let Some(Ok(message)) = socket.inner.next().await {
            answers += usize::from(matches!(message, Message::Pong(_)));
        }
        // What the kernel's two buffers hold is some 10 MB; 25 MB of answers were asked for.
        assert!(answers < PINGS * 3 / 4, "{answers} answers were kept");
    });
}

/// A ticket that was never handed out, for the shape of a start message.
#[test]
fn a_thousand_guesses_change_nothing() {
    beside_a_good_call(async |stranger| {
        let real = stranger.ticket(&new_call_sid()).await;
        for guess in 0..1_000 {
            let guessed = Ticket { token: format!("{guess:043}"), ..real.clone() };
            let start = stranger.start(&guessed, "MZ1");
            assert_eq!(answer_to(stranger, Message::text(start.to_string())).await, refused());
        }
        stranger.stream(&real).await.stop().await;
    });
}
