use futures_util::{SinkExt, StreamExt};
use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_tungstenite::{connect_async, tungstenite::Message};

/// No answer on loopback takes this long; it bounds a test that would hang.
const PATIENCE: Duration = Duration::from_secs(10);

async fn start() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    drop(tokio::spawn(benches::echo_floor::serve(listener)));
    address
}

async fn post(address: SocketAddr, host: &str) -> String {
    let mut socket = TcpStream::connect(address).await.expect("it listens");
    let request = format!(
        "POST /api/voice/incoming HTTP/1.1\r\nhost: {host}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
    socket.write_all(request.as_bytes()).await.expect("it reads");
    let mut answer = String::new();
    tokio::time::timeout(PATIENCE, socket.read_to_string(&mut answer)).await.expect("in time").expect("text");
    answer
}

#[tokio::test]
async fn the_webhook_connects_the_call_to_the_stream_on_the_same_host() {
    let address = start().await;
    let answer = post(address, &address.to_string()).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains(&format!("<Stream url=\"ws://{address}/media-stream\"/>")), "{answer}");
    let answer = post(address, "\"/><Hangup/>").await;
    assert!(!answer.contains("<Hangup/>"), "{answer}");
}

#[tokio::test]
async fn every_frame_comes_back_with_the_documented_fields_and_nothing_else_does() {
    let address = start().await;
    let (mut socket, _) = connect_async(format!("ws://{address}/media-stream")).await.expect("it upgrades");
    let messages = [
        r#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#,
        r#"{"event":"start","sequenceNumber":"1","streamSid":"MZ1","start":{}}"#,
        "not json",
        r#"{"event":"media","sequenceNumber":"2","streamSid":"MZ1","media":{"track":"inbound","payload":"AA\/="}}"#,
        r#"{"event":"media","sequenceNumber":"3","streamSid":"MZ1","media":{"track":"inbound","payload":"BB=="}}"#,
    ];
    for message in messages {
        socket.send(Message::text(message)).await.expect("it reads");
    }
    for payload in ["AA/=", "BB=="] {
        let echo = tokio::time::timeout(PATIENCE, socket.next())
            .await
            .expect("in time")
            .expect("open")
            .expect("a frame");
        let expected = format!(r#"{{"event":"media","streamSid":"MZ1","media":{{"payload":"{payload}"}}}}"#);
        assert_eq!(echo.into_text().expect("text"), expected);
    }
    socket.send(Message::text(r#"{"event":"stop","streamSid":"MZ1"}"#)).await.expect("it reads");
    let after = tokio::time::timeout(PATIENCE, socket.next()).await.expect("in time");
    assert!(!matches!(after, Some(Ok(Message::Text(_)))), "{after:?}");
}
