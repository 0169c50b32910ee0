//! Every kind of document, as it is kept in `fixtures/vectors/twiml.json`: `fixtures/check-twilio-python` builds the same with
//! Twilio's own library.

use super::*;
use crate::{
    decide::Refusal,
    outcome::Failure,
    twiml::{Dial, Noun, Verb},
};
use std::{collections::BTreeMap, path::Path};
use store::ids::{AssistantId, QueueId, UserId};

fn planned(step: Step) -> Planned {
    Planned { position: 1, step }
}

fn documents() -> BTreeMap<&'static str, String> {
    let urls = Urls::new("https://voice.example.test");
    let failed = [Failed { position: 0, why: Failure::NoAnswer }];
    let plain = Scene {
        urls: &urls,
        voice: VOICE,
        said_first: &[],
        own_number: "+15550199",
        call: "call_1",
        record: false,
        failed: &[],
        stream_token: StreamToken("token-1"),
    };
    let recorded =
        Scene { said_first: &["Calls are recorded & kept."], record: true, failed: &failed, ..plain };
    let forward = |whisper: Option<&str>| Step::Forward {
        number: "+15550142".to_owned(),
        whisper: whisper.map(str::to_owned),
        timeout_s: 20,
    };
    let user = UserId::known("usr_1");
    let queue_id = QueueId::known("que_1");
    let queue = Queue {
        name: "Sales".to_owned(),
        members: Vec::new(),
        max_waiting: 5,
        max_wait_s: 300,
        announce_every_s: 45,
        music_url: Some("https://example.test/music.mp3?a=1&b=2".to_owned()),
    };
    let place = Place { position: 3, waited_s: 10, usual_wait_s: Some(150) };
    let asked = Asked { urls: &urls, queue: "que_1" };
    let offered = urls.with("/hooks/twilio/queue-offered", &[("user", "usr_1")]);
    let dial = Dial {
        to: Noun::Queue { name: "que_1", url: Some(&offered) },
        caller_id: None,
        timeout_s: None,
        action: None,
        answer_on_bridge: false,
        record: None,
    };
    let assistant = Step::Assistant { assistant: Some(AssistantId::known("asst_1")) };
    let all = [
        ("assistant", twiml(&planned(assistant.clone()), &plain)),
        ("assistant_disclosed", twiml(&planned(assistant), &recorded)),
        ("forward", twiml(&planned(forward(None)), &plain)),
        ("forward_recorded", twiml(&planned(forward(Some("A call for sales & service"))), &recorded)),
        ("ring", twiml(&planned(Step::Ring { user, timeout_s: 30 }), &plain)),
        ("queue", twiml(&planned(Step::Queue { queue: queue_id, max_waiting: 5, max_wait_s: 300 }), &plain)),
        ("voicemail", twiml(&planned(Step::Voicemail { greeting: None }), &plain)),
        ("message", twiml(&planned(Step::Message { text: "We are <closed>.".to_owned() }), &plain)),
        ("reject", twiml(&planned(Step::Reject { because: Refusal::TenantSuspended }), &recorded)),
        ("waiting", waiting(&queue, place, None, VOICE, asked)),
        (
            "waiting_in_silence",
            waiting(&Queue { announce_every_s: 0, ..queue.clone() }, place, None, VOICE, asked),
        ),
        ("waited_too_long", waiting(&queue, Place { waited_s: 300, ..place }, None, VOICE, asked)),
        ("another_key", key_pressed("7", "10", asked)),
        ("serve_queue", Twiml::new(&[Verb::Dial(dial)])),
        ("pause", Twiml::new(&[Verb::Pause { length_s: 2 }])),
        ("nothing", Twiml::new(&[])),
    ];
    all.into_iter().map(|(name, document)| (name, document.into_string())).collect()
}

#[test]
fn the_documents_are_those_that_twilios_library_is_checked_against() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/vectors/twiml.json");
    let documents = serde_json::to_string_pretty(&documents()).unwrap() + "\n";
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, &documents).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap();
    assert!(kept == documents, "fixtures/vectors/twiml.json is not what is said: run with UPDATE_EXPECT=1");
}
