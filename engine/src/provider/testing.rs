//! Recorded messages and small servers for the tests of the clients.

use super::{ErrorKind, ProviderError};
use serde_json::Value;
use std::{path::Path, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_tungstenite::{WebSocketStream, accept_async, tungstenite::Message};
use url::Url;

/// The cases of a file in `fixtures/vectors`.
pub(crate) fn vectors(file: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/vectors").join(file);
    let text = std::fs::read_to_string(&path).expect("the vectors are there");
    let mut json: Value = serde_json::from_str(&text).expect("the vectors are JSON");
    match json["cases"].take() {
        Value::Array(cases) => cases,
        other => panic!("no cases, but {other}"),
    }
}

/// A case's body in the pieces in which it arrives.
pub(crate) fn pieces(case: &Value) -> Vec<Vec<u8>> {
    let body = case["body"].as_str().expect("a body").as_bytes();
    let Some(sizes) = case["chunk_sizes"].as_array() else { return vec![body.to_vec()] };
    let mut rest = body;
    let mut pieces = Vec::new();
    for size in sizes {
        let (piece, after) = rest.split_at((size.as_u64().unwrap() as usize).min(rest.len()));
        pieces.push(piece.to_vec());
        rest = after;
    }
    pieces.push(rest.to_vec());
    pieces
}

/// Serves one connection with `serve`; the handle gives what that returns.
pub(crate) async fn serve_one<F, S, T>(serve: S) -> (Url, JoinHandle<T>)
where
    S: FnOnce(TcpStream) -> F + Send + 'static,
    F: Future<Output = T> + Send,
    T: Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let served = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        serve(stream).await
    });
    (url, served)
}

/// Serves one websocket with `serve`.
pub(crate) async fn serve_websocket<F, S, T>(serve: S) -> (Url, JoinHandle<T>)
where
    S: FnOnce(WebSocketStream<TcpStream>) -> F + Send + 'static,
    F: Future<Output = T> + Send,
    T: Send + 'static,
{
    serve_one(async move |stream| serve(accept_async(stream).await.unwrap()).await).await
}

/// Answers the one request on a connection with `response` as it stands, and closes; gives the request.
pub(crate) async fn answer_once(response: String) -> (Url, JoinHandle<String>) {
    serve_one(async move |mut stream| {
        let request = read_request(&mut stream).await;
        stream.write_all(response.as_bytes()).await.unwrap();
        request
    })
    .await
}

/// A whole response with a length.
pub(crate) fn response(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
}

/// One request, head and body.
pub(crate) async fn read_request(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| {
                    line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok()
                })
                .unwrap_or(0);
            if body.len() >= length {
                return text;
            }
        }
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).await.unwrap();
        assert!(count > 0, "the request broke off: {text}");
        request.extend_from_slice(&buffer[..count]);
    }
}

/// Waits until the other side has closed the connection.
pub(crate) async fn closed_by_peer(stream: &mut TcpStream) {
    let mut buffer = [0; 4096];
    // A reset is a close, too.
    while let Ok(1..) = stream.read(&mut buffer).await {}
}

/// A text message.
pub(crate) fn text(message: impl Into<String>) -> Message {
    Message::text(message.into())
}

/// What must come, or the test hangs and fails here.
pub(crate) async fn soon<T>(coming: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), coming).await.expect("it should have come by now")
}

/// Lets the other tasks run until `is_so`, or fails.
pub(crate) async fn eventually(is_so: impl Fn() -> bool) {
    soon(async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// The kind of an error that must not name the key used in tests.
pub(crate) fn kind_without_key(error: &ProviderError) -> ErrorKind {
    assert!(!error.to_string().contains(KEY), "{error}");
    assert!(!format!("{error:?}").contains(KEY), "{error:?}");
    error.kind
}

/// The key that tests use.
pub(crate) const KEY: &str = "key-fake-0000";
