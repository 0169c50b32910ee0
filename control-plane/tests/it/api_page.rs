//! The examples of `docs/api.md`, sent as they stand there.

use crate::support::*;
use axum::{body::Body, http::Request};
use serde_json::Value;

/// A command of the page, and the status that must come back.
struct Example {
    command: String,
    status: u16,
}

fn examples(page: &str) -> Vec<Example> {
    let fences = page.split("```");
    let commands = fences.filter_map(|block| block.strip_prefix("sh\n")).flat_map(str::lines);
    commands
        .map(|line| {
            let (command, status) = line.rsplit_once(" # ").expect("a command says what comes back");
            Example { command: command.to_owned(), status: status.parse().unwrap() }
        })
        .collect()
}

/// The words of a command: quotes hold one together.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for character in command.chars() {
        match (quote, character) {
            (Some(open), close) if open == close => quote = None,
            (None, '"' | '\'') => quote = Some(character),
            (None, ' ') => words.push(String::new()),
            (_, other) => words.last_mut().unwrap().push(other),
        }
    }
    assert_eq!(quote, None, "{command}");
    words
}

/// What `curl` would send.
fn request(command: &str) -> Request<Body> {
    let mut words = words(command).into_iter();
    assert_eq!(words.next().as_deref(), Some("curl"), "{command}");
    let mut request = Request::builder();
    let mut body = Body::empty();
    while let Some(word) = words.next() {
        let mut value = || words.next().unwrap();
        request = match word.as_str() {
            "-X" => request.method(value().as_str()),
            "-H" => {
                let header = value();
                let (name, value) = header.split_once(": ").unwrap();
                request.header(name, value)
            }
            "-d" => {
                body = Body::from(value());
                request
            }
            path => request.uri(path),
        };
    }
    request.body(body).unwrap()
}

#[tokio::test]
async fn every_example_of_the_page_is_answered_as_it_says() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/api.md")).unwrap();
    let harness = Harness::new().await;
    let platform =
        harness.plane.issue_key(&store::TenantId::platform().as_str().into(), "page").await.unwrap();
    let mut location = String::new();
    let mut unacceptable = None;
    let examples = examples(&page);
    assert!(examples.len() > 15, "{}", examples.len());
    for Example { command, status } in examples {
        let filled = command
            .replace("$LOCATION", &location)
            .replace("$PLATFORM_KEY", platform.reveal())
            .replace("$KEY", &harness.key)
            .replace("$TENANT", "ten_1")
            .replace("$TANDEM", "");
        assert!(!filled.contains('$'), "{command}");
        let answer = harness.send(request(&filled)).await;
        assert_eq!(answer.status, status, "{command}: {}", answer.text());
        if !answer.header("location").is_empty() {
            location = answer.header("location").to_owned();
        }
        if status == 422 && unacceptable.is_none() {
            unacceptable = Some(answer.json());
        }
    }
    let shown = page.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    let mut answered = unacceptable.unwrap();
    answered.as_object_mut().unwrap().remove("request_id");
    assert_eq!(serde_json::from_str::<Value>(shown).unwrap(), answered);
}
