//! `/v1` and the other pages, asked badly.

use super::{beside_a_good_call, stranger::Stranger};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

impl Stranger<'_> {
    fn key(&self) -> &str {
        self.rehearsal.server.first_key.as_ref().unwrap().reveal()
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(self.url(path))
    }

    /// The status line of what the server answers to these bytes, sent as they are.
    async fn raw(&self, request: &[u8]) -> String {
        let mut tcp = self.tcp().await;
        // The server may have answered, and hung up, before it has read everything.
        drop(tcp.write_all(request).await);
        let (mut answer, mut piece) = (Vec::new(), [0; 4096]);
        while let Ok(length @ 1..) = tcp.read(&mut piece).await {
            answer.extend_from_slice(&piece[..length]);
        }
        String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned()
    }
}

/// The answer is a problem document that says what is wrong, and holds no secret.
async fn is_problem(request: RequestBuilder, status: u16, code: &str) {
    let answer = request.send().await.unwrap();
    let what = answer.url().path().to_owned();
    assert_eq!(answer.status().as_u16(), status, "{what}");
    assert_eq!(answer.headers()["content-type"], "application/problem+json", "{what}");
    let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
    let text = answer.text().await.unwrap();
    let problem: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(problem["status"], status, "{what}");
    assert_eq!(problem["code"], code, "{what}: {problem}");
    assert_eq!(problem["request_id"], id.as_str(), "{what}");
    assert!(!problem["detail"].as_str().unwrap().is_empty(), "{what}");
    assert!(!text.contains("SELECT") && !text.contains("panick"), "{text}");
}

#[test]
fn v1_is_closed_to_everybody_without_a_key() {
    beside_a_good_call(async |stranger| {
        let key = stranger.key();
        let long = "x".repeat(20_000);
        for path in ["/v1/calls", "/v1/calls/x", "/v1/calls/x/recording", "/v1/calls/x/journal"] {
            for authorization in [
                None,
                Some(String::new()),
                Some("Bearer".to_owned()),
                Some("Bearer ".to_owned()),
                Some("Bearer tdm_live_wrong".to_owned()),
                Some(format!("Bearer {}", &key[..key.len() - 1])),
                Some(format!("Bearer {key}x")),
                Some(format!("Bearer {}", key.to_uppercase())),
                Some(format!("Bearer {long}")),
                Some("Bearer ' OR 1=1 --".to_owned()),
                Some(format!("Basic {key}")),
                Some(format!("Token {key}")),
                Some(key.to_owned()),
            ] {
                let mut request = stranger.get(path);
                if let Some(authorization) = authorization {
                    request = request.header("authorization", authorization);
                }
                is_problem(request, 401, "unauthorized").await;
            }
            let in_the_url = stranger.get(&format!("{path}?key={key}&access_token={key}"));
            is_problem(in_the_url, 401, "unauthorized").await;
        }
    });
}

#[test]
fn questions_that_make_no_sense_get_a_problem_document() {
    beside_a_good_call(async |stranger| {
        let ask = |path: &str| stranger.get(path).bearer_auth(stranger.key());
        for query in [
            "cursor=x",
            "cursor=%00",
            "cursor=OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OjE",
            "limit=0",
            "limit=101",
            "limit=-1",
            "limit=1e9",
            "limit=99999999999999999999",
            "status=gone",
            "created_after=yesterday",
            "created_before=+999999999-01-01T00:00:00Z",
            "tenant=other",
            "%ff=%fe",
        ] {
            is_problem(ask(&format!("/v1/calls?{query}")), 400, "invalid_request").await;
        }
        let long_id = "a".repeat(10_000);
        for id in [
            "nobody",
            "%00",
            "%ff%fe",
            "..%2f..%2f..%2fetc%2fpasswd",
            "..%5c..%5ctandem.db",
            "%2e%2e%2ftandem.db",
            "'%20OR%20'1'='1",
            "*",
            &long_id,
        ] {
            for page in ["", "/recording", "/journal"] {
                is_problem(ask(&format!("/v1/calls/{id}{page}")), 404, "not_found").await;
            }
        }
        for path in ["/v1", "/v1/", "/v1/calls/", "/v1/nothing", "/", "/../../etc/passwd", "/v1/calls/a/b/c"]
        {
            is_problem(ask(path), 404, "not_found").await;
        }
        for (method, path) in [
            (Method::PUT, "/v1/calls"),
            (Method::DELETE, "/v1/calls/x"),
            (Method::PUT, "/v1/calls/x/recording"),
            (Method::PATCH, "/healthz"),
            (Method::DELETE, "/api/voice/incoming"),
        ] {
            let request = stranger.http.request(method, stranger.url(path)).bearer_auth(stranger.key());
            is_problem(request, 405, "method_not_allowed").await;
        }
    });
}

#[test]
fn a_recording_is_read_in_every_range_and_none_breaks_it() {
    beside_a_good_call(async |stranger| {
        stranger.new_stream().await.stop().await;
        let with_recording = async |path: &str| loop {
            let calls: Value = stranger.rehearsal.get("/v1/calls?status=completed").await.unwrap();
            if let Some(id) = calls["data"][0]["id"].as_str() {
                return path.replace("{id}", id);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        let path = with_recording("/v1/calls/{id}/recording").await;
        let ask = |range: &str| stranger.get(&path).bearer_auth(stranger.key()).header("range", range).send();
        let whole = ask("").await.unwrap().bytes().await.unwrap();
        assert!(whole.starts_with(b"RIFF"));
        for range in [
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=a-b",
            "bytes=5-2",
            "bytes=0-1,3-4",
            "frames=0-1",
            "bytes=--5",
            "bytes=0x0-0x5",
            "bytes=99999999999999999999-",
            "\u{e9}",
            ";;;",
            "bytes = 0-1",
        ] {
            let answer = ask(range).await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK, "{range}");
            assert_eq!(answer.bytes().await.unwrap(), whole, "{range}");
        }
        for range in ["bytes=99999999-", "bytes=-0", "bytes=18446744073709551615-18446744073709551615"] {
            let request = stranger.get(&path).bearer_auth(stranger.key()).header("range", range);
            is_problem(request, 416, "range_not_satisfiable").await;
        }
        for (range, expected) in [
            ("bytes=0-3", &whole[..4]),
            ("bytes=8-18446744073709551615", &whole[8..]),
            ("bytes=-18446744073709551615", &whole[..]),
        ] {
            let answer = ask(range).await.unwrap();
            assert_eq!(answer.status(), StatusCode::PARTIAL_CONTENT, "{range}");
            assert_eq!(answer.bytes().await.unwrap(), expected, "{range}");
        }
    });
}

#[test]
fn requests_that_are_no_http_are_refused_or_dropped() {
    beside_a_good_call(async |stranger| {
        let big = "y".repeat(100_000);
        let many = (0..500).map(|n| format!("h{n}: v\r\n")).collect::<String>();
        for (request, expected) in [
            ("nonsense\r\n\r\n".to_owned(), "HTTP/1.1 400 "),
            ("\0\0\0\0\r\n\r\n".to_owned(), "HTTP/1.1 400 "),
            ("\u{16}\u{3}\u{1}\u{2}\0\u{1}".to_owned(), "HTTP/1.1 400 "),
            ("GET /healthz HTTP/9.9\r\n\r\n".to_owned(), "HTTP/1.1 400 "),
            (format!("GET /healthz HTTP/1.1\r\nx: {big}\r\n\r\n"), "HTTP/1.1 431 "),
            (format!("GET /healthz HTTP/1.1\r\n{many}\r\n"), "HTTP/1.1 431 "),
            (format!("GET /{big} HTTP/1.1\r\n\r\n"), "HTTP/1.1 4"),
            ("GET /healthz HTTP/1.1\r\ncontent-length: x\r\n\r\n".to_owned(), "HTTP/1.1 400 "),
            (
                "POST /api/voice/status HTTP/1.1\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\nzzzz"
                    .to_owned(),
                "HTTP/1.1 4",
            ),
            // An upgrade that is none.
            ("GET /media-stream HTTP/1.1\r\nconnection: close\r\n\r\n".to_owned(), "HTTP/1.1 4"),
            (
                "GET /media-stream HTTP/1.1\r\nconnection: upgrade, close\r\nupgrade: websocket\r\n\
                 sec-websocket-version: 7\r\nsec-websocket-key: a\r\n\r\n"
                    .to_owned(),
                "HTTP/1.1 4",
            ),
            ("POST /media-stream HTTP/1.1\r\nconnection: close\r\n\r\n".to_owned(), "HTTP/1.1 405 "),
        ] {
            let answer = stranger.raw(request.as_bytes()).await;
            assert!(answer.starts_with(expected), "{:.60}: {answer:?}", request.escape_debug().to_string());
        }
        assert_eq!(stranger.get("/healthz").send().await.unwrap().status(), StatusCode::OK);
    });
}
