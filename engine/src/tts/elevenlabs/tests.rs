use super::{
    session::Session,
    wire::{self, Incoming},
    *,
};
use crate::{
    ids::{Epoch, SentenceId},
    provider::{
        ErrorKind,
        testing::{
            KEY, answer_once, closed_by_peer, kind_without_key, response, serve_websocket, soon, text,
            vectors,
        },
        websocket::{Output, Protocol},
    },
    tts::{TtsCommand, TtsEvent, WordEnd},
};
use futures_util::{SinkExt, StreamExt};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

fn settings(base_url: Url) -> ElevenLabsSettings {
    ElevenLabsSettings::new(base_url, Secret::new(KEY), "eleven_flash_v2_5")
}

fn spec() -> TtsSpec {
    TtsSpec { voice: "voice/1".into(), language: "en-US".into() }
}

fn sentence(index: u32) -> SentenceId {
    SentenceId { epoch: Epoch(1), index }
}

fn speak(index: u32, text: &str) -> TtsCommand {
    TtsCommand::Speak { sentence: sentence(index), text: text.into() }
}

fn local_session() -> Session {
    Session::new(Arc::new(settings(Url::parse("http://localhost").unwrap())))
}

#[test]
fn the_address_asks_for_telephone_audio_with_alignment() {
    assert_eq!(
        wire::session_url(&settings(Url::parse("https://api.elevenlabs.io").unwrap()), &spec()).as_str(),
        "https://api.elevenlabs.io/v1/text-to-speech/voice%2F1/multi-stream-input?model_id=eleven_flash_v2_5\
         &output_format=ulaw_8000&auto_mode=true&sync_alignment=true&inactivity_timeout=180&language_code=en"
    );
}

#[test]
fn what_we_send_is_what_the_vendors_types_accept() {
    let cases = vectors("elevenlabs.json");
    let case = cases.iter().find(|case| case["id"] == "c-mc-basic").expect("the client's messages");
    let voice = VoiceSettings { stability: 0.5, similarity_boost: 0.8, use_speaker_boost: false, speed: 1.0 };
    let close: Value = serde_json::from_str(wire::CLOSE_SOCKET).unwrap();
    let ours = [
        wire::open_context("u1", Some(&voice)),
        wire::speak("u1", "Hello."),
        wire::flush("u1"),
        wire::close_context("u1"),
        close,
    ];
    assert_eq!(json!(ours), case["messages"]);
}

#[test]
fn messages_are_understood_as_the_vectors_say() {
    let cases: Vec<Value> =
        vectors("elevenlabs.json").into_iter().filter(|case| case["direction"] == "server").collect();
    assert_eq!(cases.len(), 18);
    for case in cases {
        let mut contexts: BTreeMap<String, (usize, String, bool)> = BTreeMap::new();
        let mut errors = Vec::new();
        for message in case["messages"].as_array().unwrap() {
            match wire::parse(&message.to_string()).expect("a valid message") {
                Incoming::Piece { context, audio, alignment, is_final } => {
                    let (bytes, text, done) = contexts.entry(context).or_default();
                    *bytes += audio.len();
                    text.extend(alignment.iter().map(|timed| timed.text.as_str()));
                    *done |= is_final;
                }
                Incoming::Error { context, name, .. } => {
                    errors.push(json!({"error": name, "code": message["code"], "context_id": context}));
                }
                Incoming::Ignored => {}
            }
        }
        let contexts: Map<String, Value> = contexts
            .into_iter()
            .map(|(context, (bytes, text, done))| {
                (
                    context,
                    json!({"audio_bytes": bytes, "duration_ms": bytes / 8, "text": text, "final": done}),
                )
            })
            .collect();
        assert_eq!(Value::Object(contexts), case["expect"]["contexts"], "{}", case["id"]);
        assert_eq!(json!(errors), case["expect"]["errors"], "{}", case["id"]);
    }
}

#[test]
fn what_was_heard_is_what_the_vectors_say() {
    let mut compared = 0;
    for case in vectors("elevenlabs.json") {
        let Some(heard) = case["expect"]["heard"].as_object() else { continue };
        for (context, heard) in heard {
            let text = case["expect"]["contexts"][context]["text"].as_str().unwrap();
            let mut clock = alignment::WordClock::new(text);
            let mut words: Vec<WordEnd> = Vec::new();
            for message in case["messages"].as_array().unwrap() {
                if let Incoming::Piece { audio, alignment, .. } = wire::parse(&message.to_string()).unwrap() {
                    words.extend(clock.piece(audio.len(), &alignment));
                }
            }
            let played = u32::try_from(heard["played_ms"].as_u64().unwrap() * 8).unwrap();
            let end =
                words.iter().take_while(|word| word.samples <= played).last().map_or(0, |word| word.text);
            assert_eq!(&text[..end as usize], heard["text"].as_str().unwrap(), "{}", case["id"]);
            compared += 1;
        }
    }
    assert_eq!(compared, 2);
}

#[test]
fn every_spelling_of_an_alignment_is_taken() {
    for (outer, starts, durations) in [
        ("alignment", "charStartTimesMs", "charDurationsMs"),
        ("normalizedAlignment", "charsStartTimesMs", "charsDurationsMs"),
        ("normalized_alignment", "charStartTimesMs", "charsDurationsMs"),
    ] {
        let message = json!({"audio": "fw==", outer: {"chars": ["a"], starts: [10], durations: [5.5]}});
        let Incoming::Piece { alignment, .. } = wire::parse(&message.to_string()).unwrap() else {
            panic!("a piece")
        };
        assert_eq!(alignment, [wire::TimedText { text: "a".into(), end_ms: 15.5 }], "{outer}");
    }
}

fn piece(context: &str, samples: usize, word: &str) -> String {
    let chars: Vec<String> = word.chars().map(String::from).collect();
    let starts: Vec<usize> = (0..chars.len()).map(|place| place * 10).collect();
    let durations = vec![10; chars.len()];
    let audio = base64_simd::STANDARD.encode_to_string(vec![0x7f; samples]);
    json!({"audio": audio, "contextId": context,
        "alignment": {"chars": chars, "charStartTimesMs": starts, "charDurationsMs": durations}})
    .to_string()
}

fn last(context: &str) -> String {
    json!({"isFinal": true, "contextId": context}).to_string()
}

/// The session's events for messages of the service.
fn told(session: &mut Session, messages: &[String]) -> Vec<TtsEvent> {
    let mut output = Output::default();
    for message in messages {
        session.text(message, &mut output).expect("a good message");
    }
    output.events.into()
}

#[test]
fn a_sentence_comes_with_its_words_and_is_done() {
    let mut session = local_session();
    session.command(Some(speak(0, "Hi you ")), &mut Output::default());
    let events = told(&mut session, &[piece("e1.s0", 240, "Hi "), piece("e1.s0", 240, "you"), last("e1.s0")]);
    let [
        TtsEvent::Audio { words: first, .. },
        TtsEvent::Audio { words: second, audio, .. },
        TtsEvent::Done { sentence: done },
    ] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!(first[..], [WordEnd { text: 2, samples: 160 }]);
    assert_eq!(
        second[..],
        [WordEnd { text: 6, samples: 480 }],
        "times count from the audio before the piece"
    );
    assert_eq!((audio.len(), *done), (240, sentence(0)));
}

#[test]
fn audio_of_a_cancelled_sentence_is_dropped() {
    let mut session = local_session();
    let mut output = Output::default();
    session.command(Some(speak(0, "Old")), &mut output);
    session.command(Some(speak(1, "New")), &mut output);
    session.command(Some(TtsCommand::Cancel(sentence(0))), &mut output);
    let late_error = json!({"error": "invalid_context", "code": 1008, "context_id": "e1.s0"}).to_string();
    let events = told(
        &mut session,
        &[piece("e1.s0", 8, "Old"), piece("e1.s1", 240, "New"), last("e1.s0"), late_error, last("e1.s1")],
    );
    assert!(
        matches!(&events[..], [TtsEvent::Audio { sentence: spoken, .. }, TtsEvent::Done { sentence: done }]
            if *spoken == sentence(1) && *done == sentence(1)),
        "{events:?}"
    );
}

#[test]
fn a_sentence_without_audio_is_a_failure() {
    let mut session = local_session();
    session.command(Some(speak(0, "Hello.")), &mut Output::default());
    let events = told(&mut session, &[last("e1.s0")]);
    let [TtsEvent::Failed { sentence: Some(failed), error }] = &events[..] else { panic!("{events:?}") };
    assert_eq!((*failed, error.kind), (sentence(0), ErrorKind::Transient));
}

#[test]
fn errors_are_classified_and_reach_their_sentence() {
    let mut session = local_session();
    session.command(Some(speak(0, "Hello.")), &mut Output::default());
    let of_context = json!({"error": "voice_not_found", "code": 1008, "context_id": "e1.s0"}).to_string();
    let events = told(&mut session, &[of_context]);
    let [TtsEvent::Failed { sentence: Some(failed), error }] = &events[..] else { panic!("{events:?}") };
    assert_eq!((*failed, error.kind), (sentence(0), ErrorKind::Rejected));

    let of_session = |name: &str| {
        let message = json!({"error": name, "message": format!("{KEY} no"), "code": 1008}).to_string();
        let error = local_session().text(&message, &mut Output::default()).expect_err("the session is over");
        kind_without_key(&error)
    };
    assert_eq!(of_session("quota_exceeded"), ErrorKind::Auth);
    assert_eq!(of_session("input_timeout_exceeded"), ErrorKind::Transient);
    assert_eq!(of_session("too_many_concurrent_requests"), ErrorKind::RateLimited { after_ms: None });
    assert_eq!(of_session("invalid_input_message"), ErrorKind::Rejected);
}

#[tokio::test]
async fn a_session_speaks_and_ends_in_order() {
    let (url, served) = serve_websocket(async |mut socket| {
        let mut received: Vec<Value> = Vec::new();
        loop {
            let Message::Text(message) = socket.next().await.unwrap().unwrap() else { continue };
            let message: Value = serde_json::from_str(&message).unwrap();
            received.push(message.clone());
            if message == wire::close_context("e1.s0") {
                socket.send(text(piece("e1.s0", 160, "Hi"))).await.unwrap();
            }
            if message == json!({"close_socket": true}) {
                socket.send(text(last("e1.s0"))).await.unwrap();
                let frame = CloseFrame { code: CloseCode::Normal, reason: String::new().into() };
                socket.close(Some(frame)).await.unwrap();
                return received;
            }
        }
    })
    .await;
    let mut session = soon(ElevenLabs::new(settings(url)).connect(spec())).await.unwrap();
    session.commands.send(speak(0, "Hi")).await.unwrap();
    assert!(matches!(soon(session.events.recv()).await, Some(TtsEvent::Audio { .. })));
    session.commands.send(TtsCommand::Close).await.unwrap();
    assert!(matches!(soon(session.events.recv()).await, Some(TtsEvent::Done { .. })));
    let end = soon(session.events.recv()).await;
    assert!(end.is_none(), "{end:?}");
    let sent: Vec<Value> = soon(served).await.unwrap();
    let close: Value = serde_json::from_str(wire::CLOSE_SOCKET).unwrap();
    assert_eq!(
        sent,
        [
            wire::open_context("e1.s0", None),
            wire::speak("e1.s0", "Hi"),
            wire::flush("e1.s0"),
            wire::close_context("e1.s0"),
            close
        ]
    );
}

#[tokio::test]
async fn a_connection_that_is_gone_fails_the_session() {
    let (url, _served) = serve_websocket(async |mut socket| {
        socket.next().await.unwrap().unwrap();
    })
    .await;
    let mut session = soon(ElevenLabs::new(settings(url)).connect(spec())).await.unwrap();
    session.commands.send(speak(0, "Hi")).await.unwrap();
    let event = soon(session.events.recv()).await;
    assert!(
        matches!(&event, Some(TtsEvent::Failed { sentence: None, error }) if error.kind == ErrorKind::Transient),
        "{event:?}"
    );
    assert!(soon(session.events.recv()).await.is_none());
}

#[tokio::test]
async fn keep_alives_are_sent_under_silence() {
    let (url, served) = serve_websocket(async |mut socket| socket.next().await.unwrap().unwrap()).await;
    let settings = ElevenLabsSettings { keep_alive: Duration::from_millis(10), ..settings(url) };
    let _session = soon(ElevenLabs::new(settings).connect(spec())).await.unwrap();
    assert_eq!(soon(served).await.unwrap(), text(wire::KEEP_ALIVE));
}

#[tokio::test]
async fn dropping_a_session_closes_its_connection() {
    let (url, served) = serve_websocket(async |mut socket| closed_by_peer(socket.get_mut()).await).await;
    drop(soon(ElevenLabs::new(settings(url)).connect(spec())).await.unwrap());
    soon(served).await.unwrap();
}

#[tokio::test]
async fn a_wrong_key_is_told_at_the_upgrade_and_not_repeated() {
    let body = format!(r#"{{"detail":{{"status":"invalid_api_key","message":"{KEY}"}}}}"#);
    let (url, served) = answer_once(response("401 Unauthorized", "", &body)).await;
    let error = soon(ElevenLabs::new(settings(url)).connect(spec())).await.expect_err("refused");
    assert_eq!(kind_without_key(&error), ErrorKind::Auth);
    assert!(soon(served).await.unwrap().contains(&format!("xi-api-key: {KEY}\r\n")));
}

proptest! {
    #[test]
    fn any_text_is_taken_without_a_panic(message in ".{0,200}") {
        drop(wire::parse(&message));
    }

    #[test]
    fn any_values_are_taken_without_a_panic(
        key in prop::sample::select(vec!["audio", "isFinal", "contextId", "alignment", "error", "code", "message"]),
        value in prop::sample::select(vec![json!(null), json!("e1.s0"), json!("fw=="), json!(true), json!([]), json!({}),
            json!({"chars": ["H"], "charStartTimesMs": [-1e308], "charDurationsMs": [1e308]}),
            json!({"chars": ["", "Hi"], "charStartTimesMs": [1e308, 2e18], "charDurationsMs": [1e308, 0]})]),
    ) {
        let mut session = local_session();
        let mut output = Output::default();
        session.command(Some(speak(0, "Hi")), &mut output);
        let mut message = json!({"audio": "fw==", "contextId": "e1.s0"});
        message[key] = value;
        drop(session.text(&message.to_string(), &mut output));
    }
}
