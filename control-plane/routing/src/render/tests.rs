use super::*;
use crate::{decide::Refusal, outcome::Failure};
use store::{
    ids::{QueueId, UserId},
    model::queue::QueueMember,
};

const FAILED: &[Failed] = &[Failed { position: 0, why: Failure::NoAnswer }];

fn said(step: Step, change: impl FnOnce(&mut Scene<'_>)) -> String {
    let urls = Urls::new("https://voice.example.test/");
    let mut scene = Scene {
        urls: &urls,
        voice: VOICE,
        said_first: &[],
        own_number: "+15550199",
        call: "call_1",
        record: false,
        failed: &[],
        stream_token: StreamToken("token-1"),
    };
    change(&mut scene);
    let xml = twiml(&Planned { position: 1, step }, &scene).into_string();
    let rest = xml.strip_prefix(r#"<?xml version="1.0" encoding="UTF-8"?><Response>"#).unwrap();
    rest.strip_suffix("</Response>").unwrap().to_owned()
}

fn forward(whisper: Option<&str>) -> Step {
    Step::Forward { number: "+15550142".to_owned(), whisper: whisper.map(str::to_owned), timeout_s: 30 }
}

#[test]
fn an_assistant_gets_a_stream() {
    assert_eq!(
        said(Step::Assistant { assistant: None }, |_| {}),
        "<Connect action=\"https://voice.example.test/api/voice/stream-ended?at=1\" method=\"POST\">\
         <Stream url=\"wss://voice.example.test/media-stream\" track=\"inbound_track\">\
         <Parameter name=\"token\" value=\"token-1\"/></Stream></Connect>"
    );
}

#[test]
fn a_forwarded_call_shows_the_own_number_and_says_what_failed_before() {
    assert_eq!(
        said(forward(None), |scene| scene.failed = FAILED),
        "<Dial callerId=\"+15550199\" timeout=\"30\" \
         action=\"https://voice.example.test/api/voice/dial-status?at=1&amp;failed=0.no_answer\" method=\"POST\" \
         answerOnBridge=\"true\"><Number>+15550142</Number></Dial>"
    );
}

#[test]
fn whoever_answers_a_forwarded_call_hears_the_whisper_first() {
    let xml = said(forward(Some("A call for sales & co.")), |scene| scene.record = true);
    assert_eq!(
        xml,
        "<Dial callerId=\"+15550199\" timeout=\"30\" \
         action=\"https://voice.example.test/api/voice/dial-status?at=1\" method=\"POST\" answerOnBridge=\"true\" \
         record=\"record-from-answer-dual\" \
         recordingStatusCallback=\"https://voice.example.test/api/voice/recording-status\">\
         <Number url=\"https://voice.example.test/hooks/twilio/whisper?say=A+call+for+sales+%26+co.\">\
         +15550142</Number></Dial>"
    );
    let long = said(forward(Some(&"x".repeat(5_000))), |_| {});
    assert!(long.len() < 1_000, "an address has its limits");
}

#[test]
fn a_softphone_is_told_which_call_it_is() {
    let user = UserId::known("usr_1");
    assert_eq!(
        said(Step::Ring { user, timeout_s: 20 }, |_| {}),
        "<Dial callerId=\"+15550199\" timeout=\"20\" \
         action=\"https://voice.example.test/api/voice/dial-status?at=1\" method=\"POST\" answerOnBridge=\"true\">\
         <Client><Identity>usr_1</Identity><Parameter name=\"call\" value=\"call_1\"/></Client></Dial>"
    );
    assert_eq!(identity("usr_1"), "usr_1");
    assert_eq!(identity("a.b@c"), "a_b_c");
}

#[test]
fn a_caller_waits_with_announcements() {
    let step = Step::Queue { queue: QueueId::known("que_1"), max_waiting: 5, max_wait_s: 60 };
    assert_eq!(
        said(step, |_| {}),
        "<Enqueue action=\"https://voice.example.test/hooks/twilio/queue-ended?at=1\" method=\"POST\" \
         maxQueueSize=\"5\" waitUrl=\"https://voice.example.test/hooks/twilio/queue-wait?queue=que_1\">\
         que_1</Enqueue>"
    );
}

#[test]
fn a_message_is_taken_with_its_transcript() {
    let record = "<Record maxLength=\"120\" action=\"https://voice.example.test/api/voice/recording-complete\" \
                  method=\"POST\" transcribe=\"true\" \
                  transcribeCallback=\"https://voice.example.test/api/voice/transcription-complete\" \
                  recordingStatusCallback=\"https://voice.example.test/api/voice/recording-status\"/>";
    let usual = said(Step::Voicemail { greeting: None }, |_| {});
    assert_eq!(
        usual,
        format!("<Say voice=\"Polly.Amy\">Please leave a message after the beep.</Say>{record}")
    );
    let own =
        said(Step::Voicemail { greeting: Some("We are closed.".to_owned()) }, |scene| scene.voice = "alice");
    assert_eq!(own, format!("<Say voice=\"alice\">We are closed.</Say>{record}"));
}

#[test]
fn a_disclosure_comes_before_everything_but_a_refusal() {
    let disclose = |scene: &mut Scene<'_>| scene.said_first = &["This call is recorded."];
    for step in [
        Step::Assistant { assistant: None },
        forward(None),
        Step::Voicemail { greeting: None },
        Step::Message { text: "Closed.".to_owned() },
    ] {
        let xml = said(step.clone(), disclose);
        assert!(xml.starts_with("<Say voice=\"Polly.Amy\">This call is recorded.</Say><"), "{xml}");
    }
    let refused = said(Step::Reject { because: Refusal::TenantSuspended }, disclose);
    assert_eq!(refused, "<Reject reason=\"rejected\"/>");
    let message = said(Step::Message { text: "Closed.".to_owned() }, |_| {});
    assert_eq!(message, "<Say voice=\"Polly.Amy\">Closed.</Say><Hangup/>");
}

fn queue() -> Queue {
    Queue {
        name: "Sales".to_owned(),
        members: vec![QueueMember { user: UserId::known("usr_1"), priority: 0 }],
        max_waiting: 5,
        max_wait_s: 300,
        announce_every_s: 45,
        music_url: Some("https://a.test/music.mp3".to_owned()),
    }
}

fn heard(queue: &Queue, position: u32, waited_s: u32, announced_s: Option<u32>) -> String {
    let urls = Urls::new("https://voice.example.test");
    let place = Place { position, waited_s, usual_wait_s: Some(150) };
    waiting(queue, place, announced_s, VOICE, Asked { urls: &urls, queue: "que_1" }).into_string()
}

#[test]
fn the_position_is_told_as_often_as_the_queue_says() {
    let first = heard(&queue(), 3, 0, None);
    assert!(first.contains("You are number 3 in line. The usual wait is about 3 minutes."), "{first}");
    assert!(first.contains("/queue-key?queue=que_1&amp;announced=0\""), "{first}");
    assert!(
        first.contains("<Redirect method=\"POST\">https://voice.example.test/hooks/twilio/queue-wait?"),
        "{first}"
    );
    let soon = heard(&queue(), 3, 30, Some(0));
    assert!(!soon.contains("<Say") && soon.contains("<Play>https://a.test/music.mp3</Play>"), "{soon}");
    assert!(soon.contains("announced=0\""), "{soon}");
    let later = heard(&queue(), 1, 45, Some(0));
    assert!(later.contains("You are next in line.") && later.contains("announced=45\""), "{later}");
}

#[test]
fn a_queue_may_say_nothing_and_has_the_carriers_music() {
    let silent = Queue { announce_every_s: 0, music_url: None, ..queue() };
    let xml = heard(&silent, 3, 0, None);
    assert!(xml.contains(&format!("<Response><Play>{MUSIC}</Play></Response>")), "{xml}");
}

#[test]
fn nobody_waits_longer_than_the_queue_lets_them() {
    assert!(heard(&queue(), 1, 299, Some(290)).contains("<Play>"));
    assert!(heard(&queue(), 1, 300, Some(290)).contains("<Response><Leave/></Response>"));
}

#[test]
fn a_key_leaves_the_queue_and_others_do_not() {
    let urls = Urls::new("https://a.test");
    let asked = Asked { urls: &urls, queue: "que_1" };
    assert!(key_pressed("1", "45", asked).as_str().contains("<Leave/>"));
    let other = key_pressed("5", "45", asked).into_string();
    assert!(
        other.contains("https://a.test/hooks/twilio/queue-wait?queue=que_1&amp;announced=45</Redirect>"),
        "{other}"
    );
}
