use super::*;
use proptest::prelude::*;
use quick_xml::{Reader, events::Event};

fn inner(verb: Verb<'_>) -> String {
    let xml = Twiml::new(&[verb]).into_string();
    let rest = xml.strip_prefix(r#"<?xml version="1.0" encoding="UTF-8"?><Response>"#).unwrap();
    rest.strip_suffix("</Response>").unwrap().to_owned()
}

const DIAL: Dial<'_> = Dial {
    to: Noun::Number { number: "+15550142", whisper: None },
    caller_id: Some("+15550199"),
    timeout_s: Some(30),
    action: Some("https://voice.example.test/api/voice/dial-status"),
    answer_on_bridge: false,
    record: None,
};

#[test]
fn a_stream_is_opened_with_its_token_as_parameter() {
    let verb = Verb::Connect {
        action: "https://voice.example.test/api/voice/stream-ended",
        stream: "wss://voice.example.test/media-stream",
        token: StreamToken("abc-_9"),
    };
    assert_eq!(
        inner(verb),
        "<Connect action=\"https://voice.example.test/api/voice/stream-ended\" method=\"POST\">\
         <Stream url=\"wss://voice.example.test/media-stream\" track=\"inbound_track\">\
         <Parameter name=\"token\" value=\"abc-_9\"/></Stream></Connect>"
    );
}

#[test]
fn a_number_is_rung() {
    assert_eq!(
        inner(Verb::Dial(DIAL)),
        "<Dial callerId=\"+15550199\" timeout=\"30\" \
         action=\"https://voice.example.test/api/voice/dial-status\" method=\"POST\">\
         <Number>+15550142</Number></Dial>"
    );
    let with_all = Dial {
        to: Noun::Number { number: "+15550142", whisper: Some("https://a.test/whisper?say=A+%26+B&x=1") },
        answer_on_bridge: true,
        record: Some("https://a.test/status"),
        ..DIAL
    };
    assert_eq!(
        inner(Verb::Dial(with_all)),
        "<Dial callerId=\"+15550199\" timeout=\"30\" \
         action=\"https://voice.example.test/api/voice/dial-status\" method=\"POST\" answerOnBridge=\"true\" \
         record=\"record-from-answer-dual\" recordingStatusCallback=\"https://a.test/status\">\
         <Number url=\"https://a.test/whisper?say=A+%26+B&amp;x=1\">+15550142</Number></Dial>"
    );
}

#[test]
fn a_softphone_is_rung_and_a_queue_is_served() {
    let bare = Dial { caller_id: None, timeout_s: None, action: None, ..DIAL };
    let to = Noun::Client { identity: "usr_1", parameters: &[("call", "call_1")] };
    assert_eq!(
        inner(Verb::Dial(Dial { to, ..bare })),
        "<Dial><Client><Identity>usr_1</Identity><Parameter name=\"call\" value=\"call_1\"/></Client></Dial>"
    );
    let to = Noun::Queue { name: "que_1", url: Some("https://a.test/offered") };
    assert_eq!(
        inner(Verb::Dial(Dial { to, ..bare })),
        "<Dial><Queue url=\"https://a.test/offered\">que_1</Queue></Dial>"
    );
}

#[test]
fn a_caller_waits_in_a_queue() {
    let verb = Verb::Enqueue {
        queue: "que_1",
        max_waiting: 20,
        wait: "https://a.test/wait",
        action: "https://a.test/ended",
    };
    assert_eq!(
        inner(verb),
        "<Enqueue action=\"https://a.test/ended\" method=\"POST\" maxQueueSize=\"20\" \
         waitUrl=\"https://a.test/wait\">que_1</Enqueue>"
    );
    let prompts =
        vec![Verb::Say { voice: "alice", text: "1 & 2" }, Verb::Play { url: "https://a.test/m.mp3" }];
    assert_eq!(
        inner(Verb::Gather { action: "https://a.test/key", timeout_s: 1, prompts }),
        "<Gather numDigits=\"1\" timeout=\"1\" action=\"https://a.test/key\" method=\"POST\">\
         <Say voice=\"alice\">1 &amp; 2</Say><Play>https://a.test/m.mp3</Play></Gather>"
    );
    assert_eq!(
        inner(Verb::Redirect { url: "https://a.test/b" }),
        "<Redirect method=\"POST\">https://a.test/b</Redirect>"
    );
}

#[test]
fn a_message_is_recorded() {
    let record = Record { max_s: 60, action: "https://a.test/x", transcript: None, status: None };
    assert_eq!(
        inner(Verb::Record(record)),
        "<Record maxLength=\"60\" action=\"https://a.test/x\" method=\"POST\"/>"
    );
    let record = Record { transcript: Some("https://a.test/t"), status: Some("https://a.test/s"), ..record };
    assert_eq!(
        inner(Verb::Record(record)),
        "<Record maxLength=\"60\" action=\"https://a.test/x\" method=\"POST\" transcribe=\"true\" \
         transcribeCallback=\"https://a.test/t\" recordingStatusCallback=\"https://a.test/s\"/>"
    );
}

#[test]
fn small_verbs_are_what_they_are() {
    for (verb, xml) in [
        (Verb::Pause { length_s: 3 }, "<Pause length=\"3\"/>"),
        (Verb::Leave, "<Leave/>"),
        (Verb::Reject, "<Reject reason=\"rejected\"/>"),
        (Verb::Hangup, "<Hangup/>"),
    ] {
        assert_eq!(inner(verb), xml);
    }
    assert_eq!(Twiml::new(&[]).as_str(), "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response></Response>");
}

#[test]
fn what_is_too_long_to_be_said_is_cut() {
    let text = "é".repeat(5_000);
    let xml = inner(Verb::Say { voice: "alice", text: &text });
    assert_eq!(xml.chars().filter(|c| *c == 'é').count(), 4_096);
}

proptest! {
    #[test]
    fn whatever_is_said_stays_text(words in any::<String>(), voice in any::<String>()) {
        let twiml = Twiml::new(&[
            Verb::Say { voice: &voice, text: &words },
            Verb::Dial(Dial { to: Noun::Number { number: &words, whisper: Some(&voice) }, ..DIAL }),
            Verb::Enqueue { queue: &words, max_waiting: 1, wait: &voice, action: &words },
            Verb::Hangup,
        ]);
        let mut reader = Reader::from_str(twiml.as_str());
        let mut tags = Vec::new();
        loop {
            match reader.read_event().unwrap() {
                Event::Start(tag) | Event::Empty(tag) => {
                    tags.push(String::from_utf8(tag.name().as_ref().to_vec()).unwrap());
                    prop_assert!(tag.attributes().all(|attribute| attribute.is_ok()));
                }
                Event::Eof => break,
                Event::End(_) | Event::Text(_) | Event::Decl(_) | Event::GeneralRef(_) => {}
                other => prop_assert!(false, "unexpected {:?}", other),
            }
        }
        prop_assert_eq!(tags, ["Response", "Say", "Dial", "Number", "Enqueue", "Hangup"]);
    }
}
