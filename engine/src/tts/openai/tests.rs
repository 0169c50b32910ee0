use super::*;
use crate::{
    ids::Epoch,
    provider::{
        http::{HttpOptions, http_client},
        testing::{
            KEY, answer_once, closed_by_peer, kind_without_key, read_request, response, serve_one, soon,
        },
    },
};
use tokio::{io::AsyncWriteExt, net::TcpListener};

async fn connect(base_url: Url) -> TtsSession {
    let settings = OpenAiSpeechSettings::new(base_url, Some(Secret::new(KEY)), "tts-1");
    let provider = OpenAiSpeech::new(settings, http_client(HttpOptions::default()).unwrap());
    let spec = TtsSpec { voice: "marin".into(), language: "en".into() };
    soon(provider.connect(spec)).await.unwrap()
}

fn sentence(index: u32) -> SentenceId {
    SentenceId { epoch: Epoch(1), index }
}

async fn speak(session: &TtsSession, index: u32) {
    let command = TtsCommand::Speak { sentence: sentence(index), text: format!("Sentence {index}.") };
    session.commands.send(command).await.unwrap();
}

/// The audio of the next sentence, and how it ended.
async fn next(session: &mut TtsSession) -> (usize, TtsEvent) {
    let mut samples = 0;
    loop {
        match soon(session.events.recv()).await.expect("an event") {
            TtsEvent::Audio { audio, .. } => samples += audio.len(),
            end => return (samples, end),
        }
    }
}

#[tokio::test]
async fn sentences_are_spoken_one_after_the_other() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let served = tokio::spawn(async move {
        let mut requests = Vec::new();
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().await.unwrap();
            requests.push(read_request(&mut stream).await);
            let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 4800\r\n\r\n";
            stream.write_all(head.as_bytes()).await.unwrap();
            // Cut in the middle of a sample.
            stream.write_all(&[0; 1_001]).await.unwrap();
            stream.flush().await.unwrap();
            stream.write_all(&[0; 3_799]).await.unwrap();
        }
        requests
    });
    let mut session = connect(url).await;
    speak(&session, 0).await;
    speak(&session, 1).await;
    session.commands.send(TtsCommand::Close).await.unwrap();
    for index in 0..2 {
        let (samples, end) = next(&mut session).await;
        assert!(matches!(end, TtsEvent::Done { sentence: done } if done == sentence(index)), "{end:?}");
        // 100 ms at 24 kHz; a filter may keep or add its delay of a few ms.
        assert!((780..=840).contains(&samples), "{samples}");
    }
    assert!(soon(session.events.recv()).await.is_none(), "what was asked for before the close is spoken");
    let requests = soon(served).await.unwrap();
    assert!(requests[0].starts_with("POST /v1/audio/speech HTTP/1.1\r\n"), "{}", requests[0]);
    for part in [r#""response_format":"pcm""#, r#""voice":"marin""#, "Sentence 0.", &format!("Bearer {KEY}")]
    {
        assert!(requests[0].contains(part), "{part}: {}", requests[0]);
    }
    assert!(requests[1].contains("Sentence 1."), "{}", requests[1]);
}

#[tokio::test]
async fn a_sentence_without_audio_is_a_failure() {
    let (url, _served) = answer_once(response("200 OK", "", "")).await;
    let mut session = connect(url).await;
    speak(&session, 0).await;
    let (_, end) = next(&mut session).await;
    assert!(
        matches!(&end, TtsEvent::Failed { sentence: Some(failed), error }
            if *failed == sentence(0) && error.kind == ErrorKind::Transient),
        "{end:?}"
    );
}

#[tokio::test]
async fn a_wrong_key_fails_the_sentence_and_is_not_repeated() {
    let body = format!(r#"{{"error":{{"code":"invalid_api_key","message":"{KEY}"}}}}"#);
    let (url, _served) = answer_once(response("401 Unauthorized", "", &body)).await;
    let mut session = connect(url).await;
    speak(&session, 0).await;
    let (_, end) = next(&mut session).await;
    let TtsEvent::Failed { error, .. } = &end else { panic!("{end:?}") };
    assert_eq!(kind_without_key(error), ErrorKind::Auth);
}

#[tokio::test]
async fn cancelling_a_sentence_closes_its_connection() {
    let (url, served) = serve_one(async |mut stream| {
        read_request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 480000\r\n\r\n").await.unwrap();
        stream.write_all(&[0; 480]).await.unwrap();
        closed_by_peer(&mut stream).await;
    })
    .await;
    let mut session = connect(url).await;
    speak(&session, 0).await;
    assert!(matches!(soon(session.events.recv()).await, Some(TtsEvent::Audio { .. })));
    session.commands.send(TtsCommand::Cancel(sentence(0))).await.unwrap();
    soon(served).await.unwrap();
}

#[tokio::test]
async fn a_rate_that_cannot_be_converted_is_told_when_the_session_opens() {
    let mut settings = OpenAiSpeechSettings::new(Url::parse("http://localhost").unwrap(), None, "m");
    settings.sample_rate = 22_050;
    let provider = OpenAiSpeech::new(settings, http_client(HttpOptions::default()).unwrap());
    let spec = TtsSpec { voice: "v".into(), language: "en".into() };
    assert_eq!(soon(provider.connect(spec)).await.expect_err("no session").kind, ErrorKind::Rejected);
}
