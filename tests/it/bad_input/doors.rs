//! Strangers who come in numbers, or come slowly.

use super::{
    beside_a_good_call,
    stranger::{Stranger, new_call_sid},
};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

/// How long a server leaves a connection open to which `pieces` come, one a second.
async fn endured(stranger: &Stranger<'_>, pieces: Vec<&[u8]>) -> (Duration, String) {
    let mut tcp: TcpStream = stranger.tcp().await;
    let began = Instant::now();
    let mut answer = Vec::new();
    for piece in pieces.iter().chain(std::iter::repeat(pieces.last().unwrap())) {
        if tcp.write_all(piece).await.is_err() {
            break;
        }
        let mut buffer = [0; 4096];
        match timeout(Duration::from_secs(1), tcp.read(&mut buffer)).await {
            Ok(Ok(length @ 1..)) => answer.extend_from_slice(&buffer[..length]),
            Ok(Ok(_) | Err(_)) => break,
            Err(_) => {}
        }
        assert!(began.elapsed() < Duration::from_secs(120), "it is endured for ever");
    }
    (began.elapsed(), String::from_utf8_lossy(&answer).into_owned())
}

#[test]
fn nobody_is_waited_for_without_end() {
    beside_a_good_call(async |stranger| {
        let post = b"POST /api/voice/incoming HTTP/1.1\r\nhost: a\r\ncontent-length: 60000\r\n\r\n";
        let upgrade =
            b"GET /media-stream HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
            sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        let (head, body, frame) = tokio::join!(
            // A head of which a byte comes every second.
            endured(stranger, vec![b"GET / HTTP/1.1\r\nx: ", b"y"]),
            // A body of which a byte comes every second.
            endured(stranger, vec![post, b"y"]),
            // A frame of which a byte comes every second, after an upgrade.
            endured(stranger, vec![upgrade, b"\x81\xfe\x7f\xff\0\0\0\0", b" "]),
        );
        assert!(head.0 < Duration::from_secs(20), "{head:?}");
        assert!(body.0 < Duration::from_secs(40) && body.1.contains("408"), "{body:?}");
        assert!(frame.0 < Duration::from_secs(20), "{frame:?}");
    });
}

#[test]
fn hundreds_of_idle_connections_and_sockets_keep_no_caller_out() {
    beside_a_good_call(async |stranger| {
        let mut idle = Vec::new();
        for number in 0..150 {
            let mut tcp = stranger.tcp().await;
            if number % 2 == 0 {
                tcp.write_all(b"GET /healthz HTTP/1.1\r\n").await.unwrap();
            }
            idle.push(tcp);
            idle.push(stranger.socket().await.inner.into_inner());
        }
        stranger.new_stream().await.stop().await;
        sleep(Duration::from_secs(30)).await;
        for mut tcp in idle {
            let mut buffer = [0; 4096];
            let ends = async { while let Ok(1..) = tcp.read(&mut buffer).await {} };
            timeout(Duration::from_millis(100), ends).await.expect("idle connections are closed");
        }
    });
}

/// Calls are announced and their streams never come.
#[test]
fn calls_that_never_come_keep_no_caller_out() {
    beside_a_good_call(async |stranger| {
        for _ in 0..80 {
            stranger.ticket(&new_call_sid()).await;
        }
        stranger.new_stream().await.stop().await;
    });
}
