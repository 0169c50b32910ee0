use super::*;
use crate::provider::testing::{
    KEY, answer_once, closed_by_peer, eventually, kind_without_key, response, serve_one, serve_websocket,
    soon, text,
};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, frame::coding::CloseCode};

const WORD: &str = r#"{"type":"Results","is_final":true,"channel":{"alternatives":[{"transcript":"Yes."}]}}"#;

fn settings(base_url: Url) -> DeepgramSettings {
    DeepgramSettings::new(base_url, Secret::new(KEY), "nova-3")
}

async fn connect(settings: DeepgramSettings) -> Result<SttSession, ProviderError> {
    let spec =
        SttSpec { language: "en".into(), keyterms: Vec::new(), endpointing_ms: 300, utterance_end_ms: 1_000 };
    soon(Deepgram::new(settings).connect(spec)).await
}

fn close(code: u16, reason: &str) -> Message {
    Message::Close(Some(CloseFrame { code: CloseCode::from(code), reason: reason.to_owned().into() }))
}

/// The texts until the end, and the error if there was one.
async fn to_the_end(mut session: SttSession) -> (Vec<String>, Option<ProviderError>) {
    let mut texts = Vec::new();
    while let Some(event) = soon(session.events.recv()).await {
        match event {
            Ok(SttEvent::Transcript(transcript)) => texts.push(transcript.text),
            Ok(SttEvent::UtteranceEnd { .. } | SttEvent::SpeechStarted { .. }) => {}
            Err(error) => {
                assert!(soon(session.events.recv()).await.is_none(), "an error is the last event");
                return (texts, Some(error));
            }
        }
    }
    (texts, None)
}

async fn end_after(last: Message) -> (Vec<String>, Option<ProviderError>) {
    let (url, _served) = serve_websocket(async move |mut socket| {
        socket.send(text(WORD)).await.unwrap();
        socket.send(last).await.unwrap();
        closed_by_peer(socket.get_mut()).await;
    })
    .await;
    to_the_end(connect(settings(url)).await.unwrap()).await
}

#[tokio::test]
async fn a_closed_session_is_not_a_clean_end() {
    let (texts, error) = end_after(close(1011, "NET-0001 nothing came")).await;
    assert_eq!(texts, ["Yes."], "what was said before is told");
    let error = error.expect("an error");
    assert_eq!(error.kind, ErrorKind::Transient);
    assert!(error.to_string().contains("1011 NET-0001"), "{error}");
}

#[tokio::test]
async fn a_close_that_nobody_asked_for_is_not_a_clean_end() {
    let (_, error) = end_after(close(1000, "")).await;
    assert_eq!(error.expect("an error").kind, ErrorKind::Transient);
}

#[tokio::test]
async fn audio_that_cannot_be_decoded_is_not_sent_again() {
    let (_, error) = end_after(close(1008, "DATA-0000")).await;
    assert_eq!(error.expect("an error").kind, ErrorKind::Rejected);
}

#[tokio::test]
async fn a_message_that_is_not_understood_ends_the_session() {
    let (texts, error) = end_after(text("{\"type\":")).await;
    assert_eq!(texts, ["Yes."]);
    assert_eq!(error.expect("an error").kind, ErrorKind::Transient);
}

#[tokio::test]
async fn a_connection_that_is_gone_is_not_a_clean_end() {
    let (url, _served) = serve_websocket(async |mut socket| socket.send(text(WORD)).await.unwrap()).await;
    let (texts, error) = to_the_end(connect(settings(url)).await.unwrap()).await;
    assert_eq!(texts, ["Yes."]);
    assert_eq!(error.expect("an error").kind, ErrorKind::Transient);
}

#[tokio::test]
async fn a_session_that_was_asked_to_end_gives_what_is_left_and_ends() {
    let (url, served) = serve_websocket(async |mut socket| {
        let mut received = Vec::new();
        loop {
            let message = socket.next().await.unwrap().unwrap();
            received.push(message.clone());
            if message == text(wire::CLOSE_STREAM) {
                socket.send(text(WORD)).await.unwrap();
                socket.send(text(r#"{"type":"Metadata","duration":0.1}"#)).await.unwrap();
                socket.send(close(1000, "")).await.unwrap();
                return received;
            }
        }
    })
    .await;
    let session = connect(settings(url)).await.unwrap();
    let audio = Bytes::from_static(&[0x00, 0x7f, 0xff]);
    for command in [
        SttCommand::Audio(audio.clone()),
        SttCommand::Audio(Bytes::new()),
        SttCommand::Finalize,
        SttCommand::Close,
    ] {
        session.commands.send(command).await.unwrap();
    }
    let (texts, error) = to_the_end(session).await;
    assert_eq!((texts, error), (vec!["Yes.".to_owned()], None));
    assert_eq!(
        soon(served).await.unwrap(),
        [Message::Binary(audio), text(wire::FINALIZE), text(wire::CLOSE_STREAM)],
        "audio goes untouched, and an empty message, which would end the stream, does not go"
    );
}

#[tokio::test]
async fn a_server_that_does_not_close_when_asked_is_an_error() {
    let (url, _served) =
        serve_websocket(async |mut socket| while let Some(Ok(_)) = socket.next().await {}).await;
    let session = connect(DeepgramSettings { close_timeout: Duration::from_millis(20), ..settings(url) })
        .await
        .unwrap();
    session.commands.send(SttCommand::Close).await.unwrap();
    let (_, error) = to_the_end(session).await;
    assert!(error.expect("an error").message.contains("not closed"));
}

#[tokio::test]
async fn keep_alives_are_sent_under_silence() {
    let (url, served) = serve_websocket(async |mut socket| {
        [socket.next().await.unwrap().unwrap(), socket.next().await.unwrap().unwrap()]
    })
    .await;
    let _session =
        connect(DeepgramSettings { keep_alive: Duration::from_millis(10), ..settings(url) }).await.unwrap();
    assert_eq!(soon(served).await.unwrap(), [text(wire::KEEP_ALIVE), text(wire::KEEP_ALIVE)]);
}

#[tokio::test]
async fn a_half_open_session_is_found() {
    // The server neither reads nor answers pings, nor does it close.
    let (url, _served) = serve_websocket(async |socket| {
        std::future::pending::<()>().await;
        drop(socket);
    })
    .await;
    let session = connect(DeepgramSettings {
        ping_every: Duration::from_millis(10),
        pong_timeout: Duration::from_millis(50),
        ..settings(url)
    })
    .await
    .unwrap();
    let (_, error) = to_the_end(session).await;
    let error = error.expect("an error");
    assert!(error.message.contains("nothing came"), "{error}");
    assert_eq!(error.kind, ErrorKind::Transient);
}

#[tokio::test]
async fn dropping_a_session_closes_its_connection() {
    let (url, served) = serve_websocket(async |mut socket| closed_by_peer(socket.get_mut()).await).await;
    drop(connect(settings(url)).await.unwrap());
    soon(served).await.unwrap();
}

#[tokio::test]
async fn a_wrong_key_is_told_at_the_upgrade_and_not_repeated() {
    let body = format!(r#"{{"err_code":"INVALID_AUTH","err_msg":"{KEY} is no key"}}"#);
    let (url, served) = answer_once(response("401 Unauthorized", "dg-request-id: r-1\r\n", &body)).await;
    let error = connect(settings(url)).await.expect_err("refused");
    assert_eq!(kind_without_key(&error), ErrorKind::Auth);
    assert!(
        error.to_string().starts_with("deepgram: connecting: HTTP 401 (request r-1): INVALID_AUTH"),
        "{error}"
    );
    let request = soon(served).await.unwrap();
    assert!(request.contains(&format!("uthorization: Token {KEY}\r\n")), "{request}");
}

#[tokio::test]
async fn too_many_sessions_are_told_with_the_wait() {
    let (url, _served) = answer_once(response("429 Too Many Requests", "retry-after: 3\r\n", "{}")).await;
    let error = connect(settings(url)).await.expect_err("refused");
    assert_eq!(error.kind, ErrorKind::RateLimited { after_ms: Some(3_000) });
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_not_waited_for() {
    let (url, _served) = serve_one(async |stream| {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let limits = ConnectLimits { connect: Duration::from_millis(30) };
    let error = connect(DeepgramSettings { limits, ..settings(url) }).await.expect_err("not open");
    assert_eq!(error.kind, ErrorKind::Transient);
}

#[test]
fn the_key_does_not_show_in_debug() {
    let provider = Deepgram::new(settings(Url::parse("http://localhost").unwrap()));
    assert!(!format!("{provider:?}").contains(KEY));
}

#[tokio::test]
async fn a_slow_reader_does_not_hold_the_audio_back() {
    const RESULTS: usize = 4 * EVENTS;
    let (url, served) = serve_websocket(async |mut socket| {
        for _ in 0..RESULTS {
            socket.send(text(WORD)).await.unwrap();
        }
        let audio = socket.next().await.unwrap().unwrap();
        socket.send(close(1011, "NET-0000")).await.unwrap();
        closed_by_peer(socket.get_mut()).await;
        audio
    })
    .await;
    let session = connect(settings(url)).await.unwrap();
    eventually(|| session.events.len() == EVENTS).await;
    // Nobody has read a single event.
    let audio = Bytes::from_static(&[0x7f]);
    session.commands.send(SttCommand::Audio(audio.clone())).await.unwrap();
    eventually(|| session.commands.capacity() == COMMANDS).await;
    let (texts, error) = to_the_end(session).await;
    assert_eq!(texts.len(), RESULTS);
    assert!(error.is_some());
    assert_eq!(soon(served).await.unwrap(), Message::Binary(audio));
}
