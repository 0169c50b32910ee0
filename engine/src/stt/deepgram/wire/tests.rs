use super::*;
use crate::provider::{Secret, testing::vectors};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[test]
fn the_address_asks_for_telephone_audio() {
    let settings =
        DeepgramSettings::new(Url::parse("https://api.deepgram.com").unwrap(), Secret::new("k"), "nova-3");
    let spec = SttSpec {
        language: "en".into(),
        keyterms: vec!["Ana & Co".into(), "A-1".into()],
        endpointing_ms: 300,
        utterance_end_ms: 500,
    };
    assert_eq!(
        listen_url(&settings, &spec).as_str(),
        "https://api.deepgram.com/v1/listen?model=nova-3&encoding=mulaw&sample_rate=8000&channels=1\
         &interim_results=true&punctuate=true&vad_events=true&smart_format=true&language=en\
         &endpointing=300&utterance_end_ms=1000&keyterm=Ana+%26+Co&keyterm=A-1"
    );
}

#[test]
fn what_we_send_is_what_the_vendors_types_accept() {
    let cases = vectors("deepgram_results.json");
    let case = cases.iter().find(|case| case["id"] == "c-listen-v1").expect("the client's messages");
    for ours in [KEEP_ALIVE, FINALIZE, CLOSE_STREAM] {
        let ours: Value = serde_json::from_str(ours).unwrap();
        assert!(case["messages"].as_array().unwrap().contains(&ours), "{ours}");
    }
}

/// Gathers utterances by the rule that the vectors state.
#[derive(Default)]
struct Reducer {
    finals: BTreeMap<u32, Vec<String>>,
    utterances: Vec<Value>,
    interims: Vec<String>,
    speech_started: u32,
    errors: Vec<String>,
    billed_seconds: Option<f64>,
}

impl Reducer {
    fn take(&mut self, message: &Value) {
        match parse(&message.to_string()).expect("a valid message") {
            Incoming::Event { channel, event: SttEvent::Transcript(transcript) } => {
                if !transcript.is_final {
                    if !transcript.text.is_empty() {
                        self.interims.push(transcript.text);
                    }
                    return;
                }
                if !transcript.text.is_empty() {
                    self.finals.entry(channel).or_default().push(transcript.text);
                }
                if transcript.speech_final {
                    self.emit(channel, "speech_final");
                } else if transcript.from_finalize {
                    self.emit(channel, "finalize");
                }
            }
            Incoming::Event { channel, event: SttEvent::UtteranceEnd { .. } } => {
                self.emit(channel, "utterance_end")
            }
            Incoming::Event { event: SttEvent::SpeechStarted { .. }, .. } => self.speech_started += 1,
            Incoming::Summary { billed_seconds } => self.billed_seconds = Some(billed_seconds),
            Incoming::Complaint(text) => self.errors.push(text),
            Incoming::Ignored => {}
        }
    }

    fn emit(&mut self, channel: u32, by: &str) {
        let text = self.finals.remove(&channel).unwrap_or_default().join(" ");
        if !text.is_empty() {
            self.utterances.push(json!({"channel": channel, "text": text, "by": by}));
        }
    }
}

#[test]
fn messages_are_understood_as_the_vectors_say() {
    let cases: Vec<Value> =
        vectors("deepgram_results.json").into_iter().filter(|case| case["category"] == "listen_v1").collect();
    assert_eq!(cases.len(), 13);
    for case in cases {
        let mut reducer = Reducer::default();
        for message in case["messages"].as_array().unwrap() {
            reducer.take(message);
        }
        let channels: Vec<u32> = reducer.finals.keys().copied().collect();
        for channel in channels {
            reducer.emit(channel, "close");
        }
        let expect = &case["expect"];
        let id = &case["id"];
        assert_eq!(json!(reducer.utterances), expect["utterances"], "{id}");
        assert_eq!(json!(reducer.interims), expect["interims"], "{id}");
        assert_eq!(json!(reducer.speech_started), expect["speech_started"], "{id}");
        assert_eq!(json!(reducer.errors), expect["errors"], "{id}");
        assert_eq!(reducer.billed_seconds, expect["billed_seconds"].as_f64(), "{id}");
    }
}

#[test]
fn times_are_ms_of_session_audio() {
    let message = r#"{"type":"Results","start":5.99,"duration":1.98,"is_final":true,
        "channel":{"alternatives":[{"transcript":"Tell me more","confidence":0.5}]}}"#;
    let Incoming::Event { event: SttEvent::Transcript(transcript), .. } = parse(message).unwrap() else {
        panic!("a transcript")
    };
    assert_eq!((transcript.start_ms, transcript.end_ms), (5_990, 7_970));

    let end = |last: f64| parse(&json!({"type": "UtteranceEnd", "last_word_end": last}).to_string()).unwrap();
    let event =
        |last_word_end_ms| Incoming::Event { channel: 0, event: SttEvent::UtteranceEnd { last_word_end_ms } };
    assert_eq!(end(3.1), event(Some(3_100)));
    assert_eq!(end(-1.0), event(None), "there was no word");
}

proptest! {
    #[test]
    fn any_text_is_taken_without_a_panic(text in ".{0,200}") {
        drop(parse(&text));
    }

    #[test]
    fn any_values_are_taken_without_a_panic(
        kind in prop::sample::select(vec!["Results", "UtteranceEnd", "SpeechStarted", "Metadata", "Error"]),
        key in prop::sample::select(vec!["channel", "start", "duration", "timestamp", "last_word_end", "channel_index"]),
        value in prop::sample::select(vec![json!(null), json!(-1e300), json!(1e300), json!([]), json!([-1]), json!({}), json!("x"),
            json!({"alternatives": [{}]}), json!({"alternatives": null})]),
    ) {
        drop(parse(&json!({"type": kind, key: value}).to_string()));
    }
}
