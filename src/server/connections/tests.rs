use super::*;
use axum::{Extension, body::Body, routing::get};
use fixtures::virtual_time;
use serde::Deserialize as _;
use std::net::SocketAddr;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::{Instant, timeout},
};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";

async fn server(limits: ConnectionLimits) -> SocketAddr {
    server_behind(limits, TrustedProxies::default()).await
}

async fn server_behind(limits: ConnectionLimits, proxies: TrustedProxies) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let endless = get(async || {
        Body::from_stream(futures_util::stream::repeat_with(|| Ok::<_, io::Error>(vec![0_u8; 64 * 1024])))
    });
    let who = get(async |Extension(ClientAddress(client)): Extension<ClientAddress>| client.to_string());
    let router =
        Router::new().route("/", get(async || "hello")).route("/endless", endless).route("/who", who);
    tokio::spawn(serve(listener, router, limits, Arc::new(proxies)));
    address
}

/// Everything that comes until the server closes; a reset is a close too.
async fn rest(socket: &mut TcpStream) -> Vec<u8> {
    let (mut all, mut piece) = (Vec::new(), [0; 4096]);
    while let Ok(length @ 1..) = socket.read(&mut piece).await {
        all.extend_from_slice(&piece[..length]);
    }
    all
}

#[test]
fn a_request_head_that_never_ends_is_given_up_however_steadily_it_comes() {
    virtual_time::run(async {
        let address = server(ConnectionLimits::default()).await;
        let began = Instant::now();
        let mut socket = TcpStream::connect(address).await.unwrap();
        for byte in b"GET / HTTP/1.1\r\nx: ".iter().chain(std::iter::repeat(&b'y')) {
            sleep(Duration::from_secs(1)).await;
            let closed = timeout(Duration::from_millis(1), socket.read_u8()).await.is_ok();
            if closed || socket.write_all(&[*byte]).await.is_err() {
                break;
            }
        }
        assert!(began.elapsed() <= Duration::from_secs(17), "{:?}", began.elapsed());
    });
}

#[test]
fn a_kept_connection_without_a_next_request_is_closed() {
    virtual_time::run(async {
        let address = server(ConnectionLimits::default()).await;
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket.write_all(REQUEST).await.unwrap();
        let began = Instant::now();
        assert!(rest(&mut socket).await.ends_with(b"hello"));
        assert!((15..17).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    });
}

#[test]
fn a_request_head_beyond_the_limit_is_refused() {
    virtual_time::run(async {
        let address = server(ConnectionLimits::default()).await;
        let mut socket = TcpStream::connect(address).await.unwrap();
        let head = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(64 * 1024));
        socket.write_all(head.as_bytes()).await.unwrap();
        assert!(rest(&mut socket).await.starts_with(b"HTTP/1.1 431 "));
    });
}

#[test]
fn nobody_holds_an_answer_open_by_not_reading_it() {
    virtual_time::run(async {
        let address = server(ConnectionLimits { open: 1, ..ConnectionLimits::default() }).await;
        let mut idle = TcpStream::connect(address).await.unwrap();
        idle.write_all(b"GET /endless HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        // Only when the server lets go of the first connection is there a place for the second.
        let mut second = TcpStream::connect(address).await.unwrap();
        second.write_all(REQUEST).await.unwrap();
        let began = Instant::now();
        assert_eq!(second.read_u8().await.unwrap(), b'H');
        assert!((30..33).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    });
}

#[test]
fn connections_beyond_the_limit_wait_for_a_place() {
    virtual_time::run(async {
        let address = server(ConnectionLimits { open: 2, ..ConnectionLimits::default() }).await;
        let first = TcpStream::connect(address).await.unwrap();
        let _second = TcpStream::connect(address).await.unwrap();
        let mut third = TcpStream::connect(address).await.unwrap();
        third.write_all(REQUEST).await.unwrap();
        assert!(timeout(Duration::from_secs(5), third.read_u8()).await.is_err(), "there is no place yet");
        drop(first);
        assert_eq!(third.read_u8().await.unwrap(), b'H');
    });
}

#[tokio::test]
async fn a_client_is_known_by_its_proxys_word_only_where_that_is_trusted() {
    let asked = async |proxies: &[&str]| {
        let proxies = TrustedProxies::deserialize(serde_json::json!(proxies)).unwrap();
        let address = server_behind(ConnectionLimits::default(), proxies).await;
        let mut socket = TcpStream::connect(address).await.unwrap();
        // The client wrote the first line itself.
        let request = "GET /who HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-forwarded-for: 198.51.100.1\r\n\
                       x-forwarded-for: 198.51.100.2, 203.0.113.9\r\nforwarded: for=198.51.100.3\r\nx-real-ip: 198.51.100.4\r\n\r\n";
        socket.write_all(request.as_bytes()).await.unwrap();
        String::from_utf8(rest(&mut socket).await).unwrap().rsplit_once("\r\n\r\n").unwrap().1.to_owned()
    };
    assert_eq!(asked(&[]).await, "127.0.0.1");
    assert_eq!(asked(&["10.0.0.0/8"]).await, "127.0.0.1");
    assert_eq!(asked(&["127.0.0.0/8"]).await, "203.0.113.9");
}
