//! Services that give too much at once, or never quite enough.

use super::*;
use serde_json::json;
use std::net::{Ipv4Addr, TcpListener as StdListener};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// Sentences of an answer: more than any queue of commands has room for.
const SENTENCES: usize = 80;

fn long_text() -> String {
    (1..=SENTENCES).map(|number| format!("Here is entry number {number}. ")).collect()
}

/// Plays a call with a language model that writes its whole answer in one piece.
fn play_at_once(name: &str, options: SandboxOptions) -> (Performance, Folder) {
    let listener = StdListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    play_with(name, options, move |config| {
        config.providers.anthropic.base_url = address;
        let listener = TcpListener::from_std(listener).unwrap();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(answer_at_once(socket));
            }
        });
    })
}

async fn answer_at_once(mut socket: TcpStream) {
    let (mut request, mut buffer) = (String::new(), [0; 4_096]);
    let is_whole = |request: &str| {
        let (head, body) = request.split_once("\r\n\r\n")?;
        let length = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        (body.len() >= length.unwrap_or(0)).then_some(())
    };
    while is_whole(&request).is_none() {
        let length = socket.read(&mut buffer).await.unwrap();
        request.push_str(&String::from_utf8_lossy(&buffer[..length]));
    }
    let events = [
        json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "text", "text": long_text() } }),
        json!({ "type": "content_block_stop", "index": 0 }),
        json!({ "type": "message_delta", "delta": { "stop_reason": "end_turn" }, "usage": { "output_tokens": 1 } }),
        json!({ "type": "message_stop" }),
    ];
    let body: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    socket.write_all((head + &body).as_bytes()).await.unwrap();
}

#[test]
fn an_answer_that_comes_all_at_once_is_said_to_its_end() {
    let (performance, _folder) = play_at_once("long-answer", sandbox(|_| {}));
    let turns = &performance.call.turns;
    assert_eq!(turns[1].assistant, long_text().trim());
    let said: Vec<u8> = said(&performance).into_iter().map(tone::code).collect();
    let first = turns[..2].iter().flat_map(|turn| turn.assistant.split_whitespace()).count();
    let heard: Vec<u8> = heard(&performance).iter().map(|burst| burst.code).collect();
    assert_eq!(heard[..first], said[..first], "the greeting and the answer, each word once and in order");
    assert_eq!(degraded(&performance), 0, "{:?}", performance.call.events);
}

#[test]
fn a_recogniser_that_breaks_off_before_every_final_is_given_up() {
    let (performance, _folder) = play("order-status", dead(&[Service::Deepgram], &Fault::Cut { after: 1 }));
    assert_failed("cut after an interim", &performance);
    assert_apology("cut after an interim", &performance);
    assert!((6..=8).contains(&degraded(&performance)), "{:?}", performance.call.events);
}

#[test]
fn a_model_that_refuses_everything_for_a_moment_is_waited_for() {
    // The only model refuses three requests within a few milliseconds if nothing waits in between.
    let options = sandbox(|knobs| {
        let refused = RequestKnobs { fault: Some(status(529)), ..RequestKnobs::default() };
        knobs.anthropic.on_request.extend([(1, refused.clone()), (2, refused)]);
    });
    let (performance, _folder) =
        play_with("order-status", options, |config| config.voice.llm = vec![LlmName::Anthropic]);
    assert_as_expected("529 twice", &performance);
    assert_heard_is_said("529 twice", &performance);
}
