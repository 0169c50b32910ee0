//! Who answers a call, through the carrier's webhooks.

use crate::{
    seed::{NUMBER, QUEUE, Seed, USER, stored},
    support::*,
};
use axum::http::StatusCode;
use engine::ports::EndReason;
use proptest::{prelude::*, sample::select, test_runner::TestRunner};
use serde_json::{Value, json};
use store::{
    Filter, TenantId,
    ids::{QueueId, UserId},
    model::{
        number::{DateException, Destination, NumberStatus},
        queue::{Queue, QueueEntry, QueueEntryStatus, Voicemail, VoicemailStatus},
        recording::{Recording, RecordingStatus},
        tenant::{RecordingSettings, TenantStatus},
        work::WorkKind,
    },
};

const SID: &str = "CA00000000000000000000000000000001";
const RECORDING: &str = "RE00000000000000000000000000000001";
const ASSISTANT: Destination = Destination::Assistant { assistant: None };
const VOICEMAIL: Destination = Destination::Voicemail { greeting: None };

fn forward(whisper: Option<&str>) -> Destination {
    let whisper = whisper.map(str::to_owned);
    Destination::Forward { number: "+15550143".to_owned(), whisper, timeout_s: Some(20) }
}

fn queue() -> Destination {
    Destination::Queue { queue: QueueId::known(QUEUE) }
}

fn message(text: &str) -> Destination {
    Destination::Message { text: text.to_owned() }
}

/// The path with query of the attribute, as the carrier would call it.
fn address(answer: &Answer, attribute: &str) -> String {
    let (_, rest) = answer
        .text()
        .split_once(&format!("{attribute}=\"{BASE}"))
        .unwrap_or_else(|| panic!("{}", answer.text()));
    rest.split_once('"').unwrap().0.replace("&amp;", "&")
}

async fn told(harness: &Harness, path: &str, more: &[(&str, &str)]) -> Answer {
    let mut fields = call_fields(SID, "in-progress");
    fields.extend(more);
    harness.hook(path, &fields).await
}

/// What the call's events of this kind say.
async fn events(harness: &Harness, kind: &str, number: usize) -> Vec<Value> {
    let call = harness.get("/v1/calls").await.json()["data"][0]["id"].as_str().unwrap().to_owned();
    let of_kind = |call: &Value| -> Vec<Value> {
        let events = call["events"].as_array().unwrap().iter();
        events.filter(|event| event["kind"] == kind).map(|event| event["data"].clone()).collect()
    };
    of_kind(&harness.call_when(&call.as_str().into(), |call| of_kind(call).len() >= number).await)
}

#[tokio::test]
async fn during_hours_the_assistant_answers_and_the_decision_is_kept() {
    let seed = Seed::to(vec![ASSISTANT]).by_hours(true, vec![message("We are closed.")]);
    let harness = seed.start().await;
    let answer = harness.incoming(SID).await;
    assert!(answer.text().contains("<Connect "), "{}", answer.text());
    assert!(harness.admit(SID, &answer.stream_token()).await.is_ok());
    let routed = events(&harness, "routed", 1).await;
    assert_eq!(routed[0]["now"], json!({ "position": 0, "do": "assistant", "assistant": null }));
    assert_eq!(routed[0]["then"][0]["do"], "voicemail");
    assert_eq!(routed[0]["reasons"][0]["code"], "during_hours");
}

#[tokio::test]
async fn after_hours_something_else_is_said() {
    let seed = Seed::to(vec![ASSISTANT]).by_hours(false, vec![message("We are closed & away.")]);
    let answer = seed.start().await.incoming(SID).await;
    let said = "<Say voice=\"Polly.Amy\">We are closed &amp; away.</Say><Hangup/>";
    assert!(answer.text().contains(said), "{}", answer.text());
}

#[tokio::test]
async fn whoever_is_not_served_is_turned_away_unanswered() {
    let mut suspended = Seed::to(vec![ASSISTANT]);
    suspended.status = TenantStatus::Suspended;
    let mut inactive = Seed::to(vec![ASSISTANT]);
    inactive.number.status = NumberStatus::Inactive;
    inactive.number.e164 = "+15550188".to_owned();
    inactive.number.primary = false;
    for (seed, number) in [(suspended, OWN_NUMBER), (inactive, "+15550188")] {
        let mut fields = call_fields(SID, "ringing");
        fields[3].1 = number;
        let answer = seed.start().await.hook("/api/voice/incoming", &fields).await;
        assert!(
            answer.text().contains("<Response><Reject reason=\"rejected\"/></Response>"),
            "{}",
            answer.text()
        );
    }
}

#[tokio::test]
async fn a_recording_is_disclosed_before_everything_and_only_once() {
    let mut seed = Seed::to(vec![forward(None), VOICEMAIL]);
    let disclosure = Some("This call is recorded.".to_owned());
    seed.settings.recording = RecordingSettings { disclosure, ..RecordingSettings::default() };
    let harness = seed.start().await;
    let answer = harness.incoming(SID).await;
    let begins = "<Response><Say voice=\"Polly.Amy\">This call is recorded.</Say><Dial ";
    assert!(answer.text().contains(begins), "{}", answer.text());
    assert!(answer.text().contains(" record=\"record-from-answer-dual\""), "{}", answer.text());
    let next = told(&harness, &address(&answer, "action"), &[("DialCallStatus", "busy")]).await;
    assert!(!next.text().contains("recorded"), "{}", next.text());
}

#[tokio::test]
async fn what_is_forwarded_and_not_answered_goes_on_to_voicemail() {
    let harness = Seed::to(vec![forward(Some("For sales"))]).start().await;
    let answer = harness.incoming(SID).await;
    assert!(answer.text().contains("callerId=\"+15550199\" timeout=\"20\""), "{}", answer.text());

    let mut leg = call_fields("CA00000000000000000000000000000009", "in-progress");
    leg[2].1 = OWN_NUMBER;
    leg[3].1 = "+15550143";
    leg[5].1 = "outbound-dial";
    let whispered = harness.hook(&address(&answer, "url"), &leg).await;
    assert!(
        whispered.text().contains("<Say voice=\"Polly.Amy\">For sales</Say></Response>"),
        "{}",
        whispered.text()
    );

    let action = address(&answer, "action");
    let next = told(&harness, &action, &[("DialCallStatus", "no-answer")]).await;
    assert!(next.text().contains("Please leave a message after the beep.</Say><Record "), "{}", next.text());
    let calls = harness.get("/v1/calls").await.json();
    assert_eq!(calls["data"].as_array().unwrap().len(), 1, "the leg is no call of its own");
    let routed = events(&harness, "routed", 2).await;
    assert_eq!(routed[1]["reasons"][1]["code"], "no_answer");
    let dialled = events(&harness, "dial_ended", 1).await;
    assert_eq!((&dialled[0]["status"], &dialled[0]["position"]), (&json!("no-answer"), &json!("0")));
}

#[tokio::test]
async fn whoever_talked_is_not_led_on() {
    let harness = Seed::to(vec![forward(None), VOICEMAIL]).start().await;
    let action = address(&harness.incoming(SID).await, "action");
    for (bridged, ends) in [("true", "<Response><Hangup/></Response>"), ("false", "/></Response>")] {
        let outcome = [("DialCallStatus", "completed"), ("DialBridged", bridged)];
        let answer = told(&harness, &action, &outcome).await;
        assert!(answer.text().ends_with(ends), "{}", answer.text());
    }
}

#[tokio::test]
async fn a_failed_assistant_is_followed_by_whoever_comes_next() {
    let harness = Seed::to(vec![ASSISTANT, forward(None)]).start().await;
    let answer = harness.incoming(SID).await;
    let plan = harness.admit(SID, &answer.stream_token()).await.unwrap();
    harness.tell(&plan.call, ended(EndReason::Failed));
    let answer = told(&harness, &address(&answer, "action"), &[]).await;
    let said = "I&apos;m sorry, I can&apos;t help you right now.</Say><Dial callerId=\"+15550199\"";
    assert!(answer.text().contains(said), "{}", answer.text());
    let action = address(&answer, "action");
    assert!(action.contains("failed=0.assistant_failed"), "{action}");
    let answer = told(&harness, &action, &[("DialCallStatus", "failed")]).await;
    assert!(answer.text().contains("<Record "), "{}", answer.text());
}

#[tokio::test]
async fn a_persons_softphone_rings() {
    let user = Destination::User { user: UserId::known(USER), timeout_s: None };
    let answer = Seed::to(vec![user]).start().await.incoming(SID).await;
    assert!(answer.text().contains(&format!("<Client><Identity>{USER}</Identity>")), "{}", answer.text());
}

#[tokio::test]
async fn a_caller_waits_hears_the_place_and_is_served() {
    let harness = Seed::to(vec![queue()]).start().await;
    let answer = harness.incoming(SID).await;
    assert!(answer.text().contains(&format!(">{QUEUE}</Enqueue>")), "{}", answer.text());
    let place = [("QueuePosition", "2"), ("QueueTime", "5")];
    let heard = told(&harness, &address(&answer, "waitUrl"), &place).await;
    assert!(heard.text().contains("You are number 2 in line. Please hold"), "{}", heard.text());
    let other_key = told(&harness, &address(&heard, "action"), &[("Digits", "7")]).await;
    assert!(other_key.text().contains("<Redirect "), "{}", other_key.text());

    // A softphone takes the longest waiting.
    let mut softphone = call_fields("CA00000000000000000000000000000008", "ringing");
    let from = format!("client:{USER}");
    let to = format!("queue:{QUEUE}");
    softphone[2].1 = &from;
    softphone[3].1 = &to;
    let taken = harness.hook("/api/voice/incoming", &softphone).await;
    assert!(taken.text().contains(&format!(">{QUEUE}</Queue></Dial>")), "{}", taken.text());
    let offered = told(&harness, &address(&taken, "url"), &[]).await;
    assert!(offered.text().ends_with("<Response></Response>"));
    let result = [("QueueResult", "bridged"), ("QueueTime", "40")];
    let over = told(&harness, &address(&answer, "action"), &result).await;
    assert!(over.text().contains("<Response><Hangup/></Response>"), "{}", over.text());

    let (store, _folder) = stored(harness).await;
    let entries =
        store.tenant(&TenantId::known("ten_1")).list::<QueueEntry>(&Filter::first(9)).await.unwrap();
    let entry = &entries[0].value;
    assert_eq!((entries.len(), entry.status), (1, QueueEntryStatus::Connected));
    assert_eq!(entry.taken_by, Some(UserId::known(USER)));
}

#[tokio::test]
async fn a_caller_who_leaves_the_queue_or_waited_too_long_goes_on() {
    for (waited, code) in [("20", "left_queue"), ("300", "waited_too_long")] {
        let harness = Seed::to(vec![queue()]).start().await;
        let answer = harness.incoming(SID).await;
        let wait = address(&answer, "waitUrl");
        let heard = told(&harness, &wait, &[("QueuePosition", "1"), ("QueueTime", waited)]).await;
        if waited == "300" {
            assert!(heard.text().contains("<Response><Leave/></Response>"), "{}", heard.text());
        } else {
            let key = told(&harness, &address(&heard, "action"), &[("Digits", "1")]).await;
            assert!(key.text().contains("<Response><Leave/></Response>"), "{}", key.text());
        }
        let result = [("QueueResult", "leave"), ("QueueTime", waited)];
        let next = told(&harness, &address(&answer, "action"), &result).await;
        assert!(next.text().contains("<Record "), "{}", next.text());
        assert_eq!(events(&harness, "routed", 2).await[1]["reasons"][1]["code"], code);
    }
}

#[tokio::test]
async fn a_full_queue_lets_nobody_in_until_somebody_hangs_up() {
    let mut seed = Seed::to(vec![queue(), message("Everybody is busy.")]);
    seed.queue = Queue { max_waiting: 1, ..seed.queue };
    let harness = seed.start().await;
    assert!(harness.incoming(SID).await.text().contains("<Enqueue "));
    let other = "CA00000000000000000000000000000002";
    let answer = harness.incoming(other).await;
    assert!(answer.text().contains("Everybody is busy."), "{}", answer.text());
    harness.hook("/api/voice/status", &call_fields(SID, "completed")).await;
    let third = harness.incoming("CA00000000000000000000000000000003").await;
    assert!(third.text().contains("<Enqueue "), "{}", third.text());
}

#[tokio::test]
async fn people_call_from_their_softphone_and_strangers_do_not() {
    let harness = Seed::to(vec![ASSISTANT]).start().await;
    let own = format!("client:{USER}");
    for (from, to, answered) in [
        (own.as_str(), "+15550142", "<Number>+15550142</Number></Dial>"),
        (own.as_str(), "911", "put you through"),
        ("client:usr_01h0000000000000000000000z", "+15550142", "put you through"),
    ] {
        let mut fields = call_fields(SID, "ringing");
        (fields[2].1, fields[3].1) = (from, to);
        let answer = harness.hook("/api/voice/incoming", &fields).await;
        assert!(answer.text().contains(answered), "{from} {to}: {}", answer.text());
    }
}

const LEFT: [(&str, &str); 3] = [
    ("RecordingSid", RECORDING),
    ("RecordingUrl", "https://api.example.test/RE1"),
    ("RecordingDuration", "7"),
];
const WRITTEN: [(&str, &str); 3] = [
    ("RecordingSid", RECORDING),
    ("TranscriptionStatus", "completed"),
    ("TranscriptionText", "Please call me back."),
];

#[tokio::test]
async fn a_message_is_one_whatever_the_order_and_number_of_reports() {
    for order in [vec![0, 1], vec![1, 0], vec![0, 0, 1, 1], vec![1, 0, 1, 0]] {
        let harness = Seed::to(vec![VOICEMAIL]).start().await;
        harness.incoming(SID).await;
        for report in &order {
            let (path, fields) = match report {
                0 => ("/api/voice/recording-complete", &LEFT),
                _ => ("/api/voice/transcription-complete", &WRITTEN),
            };
            assert_eq!(told(&harness, path, fields).await.status, StatusCode::OK);
        }
        assert_eq!(events(&harness, "message_left", 1).await.len(), 1, "{order:?}");
        let (store, _folder) = stored(harness).await;
        let store = store.tenant(&TenantId::known("ten_1"));
        let messages = store.list::<Voicemail>(&Filter::first(9)).await.unwrap();
        let message = &messages[0].value;
        assert_eq!((messages.len(), message.status), (1, VoicemailStatus::New), "{order:?}");
        assert_eq!(
            (message.duration_s, message.transcript.as_deref()),
            (Some(7), Some("Please call me back."))
        );
        assert_eq!((message.from.as_str(), message.number.is_some()), (CALLER, true));
    }
}

#[tokio::test]
async fn a_transcript_that_failed_is_none() {
    let harness = Seed::to(vec![VOICEMAIL]).start().await;
    let failed = [("RecordingSid", RECORDING), ("TranscriptionStatus", "failed"), ("TranscriptionText", "")];
    told(&harness, "/api/voice/transcription-complete", &failed).await;
    let (store, _folder) = stored(harness).await;
    let messages =
        store.tenant(&TenantId::known("ten_1")).list::<Voicemail>(&Filter::first(9)).await.unwrap();
    assert_eq!(messages[0].value.transcript, None);
}

#[tokio::test]
async fn a_recording_of_the_carriers_is_to_be_fetched_once() {
    let harness = Seed::to(vec![VOICEMAIL]).start().await;
    for status in ["in-progress", "completed", "completed", "absent"] {
        let fields = [
            ("RecordingSid", RECORDING),
            ("RecordingStatus", status),
            ("RecordingDuration", "7"),
            ("RecordingChannels", "2"),
        ];
        assert_eq!(told(&harness, "/api/voice/recording-status", &fields).await.status, StatusCode::OK);
    }
    let (store, _folder) = stored(harness).await;
    let rows = store.tenant(&TenantId::known("ten_1")).list::<Recording>(&Filter::first(9)).await.unwrap();
    let recording = &rows[0].value;
    assert_eq!((rows.len(), recording.status, recording.channels), (1, RecordingStatus::Pending, 2));
    let due = store.claim_work(WorkKind::Recording, i64::MAX / 2, i64::MAX / 2 + 1, 9).await.unwrap();
    assert_eq!(due.len(), 1);
    assert_eq!(due[0].object, rows[0].id.as_str());
}

#[tokio::test]
async fn what_was_said_into_a_menu_is_kept_and_the_call_goes_on() {
    let harness = Seed::to(vec![ASSISTANT]).start().await;
    harness.incoming(SID).await;
    for path in ["/hooks/twilio/gather".to_owned(), format!("/api/voice/gather/{SID}")] {
        let answer = told(&harness, &path, &[("SpeechResult", "Two tickets"), ("Confidence", "0.9")]).await;
        let on = "<Redirect method=\"POST\">https://voice.example.test/api/voice/incoming</Redirect>";
        assert!(answer.text().contains(on), "{}", answer.text());
    }
    assert_eq!(events(&harness, "gathered", 2).await[0]["speech"], "Two tickets");
}

#[tokio::test]
async fn every_hook_has_its_old_path_and_its_own() {
    let harness = Seed::to(vec![ASSISTANT]).start().await;
    harness.incoming(SID).await;
    for name in [
        "dial-status",
        "recording-status",
        "recording-complete",
        "transcription-complete",
        "emergency-recording",
    ] {
        let fields = [
            ("RecordingSid", RECORDING),
            ("RecordingStatus", "completed"),
            ("DialCallStatus", "completed"),
            ("TranscriptionStatus", "failed"),
        ];
        for path in [format!("/api/voice/{name}"), format!("/hooks/twilio/{name}")] {
            assert_eq!(told(&harness, &path, &fields).await.status, StatusCode::OK, "{path}");
        }
    }
}

/// Whatever destinations a number has and however each of them fails, a caller is led through them to an end.
#[test]
fn a_caller_is_led_through_every_list_to_an_end() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let destination = select(vec![ASSISTANT, forward(None), queue(), VOICEMAIL, message("Closed.")]);
    let list = proptest::collection::vec(destination, 0..6);
    let status = select(vec!["busy", "no-answer", "failed", "nonsense"]);
    let result = select(vec!["leave", "queue-full", "error", "nonsense"]);
    let mut runner = TestRunner::new(ProptestConfig { cases: 12, ..ProptestConfig::default() });
    runner
        .run(&(list, status, result), |(list, status, result)| {
            let length = list.len();
            runtime.block_on(async {
                let harness = Seed::to(list).start().await;
                let mut answer = harness.incoming(SID).await;
                for step in 0.. {
                    assert!(step <= length + 1, "a caller goes in a circle: {}", answer.text());
                    if answer.text().contains("<Connect ") {
                        let plan = harness.admit(SID, &answer.stream_token()).await.unwrap();
                        harness.tell(&plan.call, ended(EndReason::Failed));
                    } else if !answer.text().contains("<Dial ") && !answer.text().contains("<Enqueue ") {
                        break;
                    }
                    let outcome = [("DialCallStatus", status), ("QueueResult", result), ("QueueTime", "1")];
                    answer = told(&harness, &address(&answer, "action"), &outcome).await;
                }
                let is_end = answer.text().contains("<Record ") || answer.text().contains("Closed.");
                assert!(is_end, "{}", answer.text());
            });
            Ok(())
        })
        .unwrap();
}

#[tokio::test]
async fn a_decision_is_shown_for_any_time_and_caller() {
    let holiday =
        DateException { date: "2026-12-25".to_owned(), name: "Christmas".to_owned(), open: Vec::new() };
    let mut seed =
        Seed::to(vec![forward(Some("For sales")), queue()]).by_hours(true, vec![message("Merry Christmas.")]);
    seed.hours.exceptions = vec![holiday];
    let harness = seed.start().await;
    let path = format!("/v1/numbers/{NUMBER}/simulate");
    let shown =
        harness.post_json(&path, &json!({ "at": "2026-12-25T10:00:00Z", "caller": "anonymous" })).await;
    assert_eq!(shown.status, StatusCode::OK, "{}", shown.text());
    let shown = shown.json();
    assert_eq!((&shown["at"], &shown["caller"]), (&json!("2026-12-25T10:00:00Z"), &json!("anonymous")));
    assert_eq!((&shown["hours"]["open"], &shown["hours"]["exception"]), (&json!(false), &json!("Christmas")));
    assert_eq!(shown["hours"]["next_change"], "2026-12-26T00:00:00Z");
    assert_eq!(shown["steps"][0]["step"]["do"], "message");
    assert!(
        shown["steps"][0]["twiml"]
            .as_str()
            .unwrap()
            .contains("<Say voice=\"Polly.Amy\">Merry Christmas.</Say>")
    );
    let codes: Vec<_> = shown["reasons"].as_array().unwrap().iter().map(|reason| &reason["code"]).collect();
    assert_eq!(codes, ["caller_unknown", "after_hours"]);

    let shown = harness.post_json(&path, &json!({ "at": "2026-12-24T10:00:00+01:00" })).await.json();
    let does: Vec<_> = shown["steps"].as_array().unwrap().iter().map(|step| &step["step"]["do"]).collect();
    assert_eq!(does, ["forward", "queue", "voicemail"]);
    let queued = shown["steps"][1]["twiml"].as_str().unwrap();
    assert!(
        queued.contains("at=1&amp;failed=0.no_answer"),
        "as if the first had not been answered: {queued}"
    );
    let failed = json!({ "at": "2026-12-24T09:00:00Z", "failed": [{ "position": 1, "why": "queue_full" }] });
    let shown = harness.post_json(&path, &failed).await.json();
    assert_eq!(shown["steps"][0]["step"]["do"], "voicemail");
    assert_eq!(
        (&shown["reasons"][1]["code"], &shown["reasons"][1]["position"]),
        (&json!("queue_full"), &json!(1))
    );
    assert_eq!(
        harness.get("/v1/calls").await.json()["data"].as_array().unwrap().len(),
        0,
        "nobody was called"
    );

    for (wrong, pointer) in [
        (json!({ "at": "yesterday" }), "/at"),
        (json!({ "caller": "" }), "/caller"),
        (json!({ "failed": [{ "position": 0, "why": "tired" }] }), "/failed/0/why"),
    ] {
        let answer = harness.post_json(&path, &wrong).await;
        assert_eq!(answer.problem(422), "invalid_body");
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer);
    }
    let nobodys = format!("/v1/numbers/{}/simulate", store::ids::NumberId::generate());
    assert_eq!(harness.post_json(&nobodys, &json!({})).await.problem(404), "not_found");
}

#[tokio::test]
async fn those_who_wait_are_listed_the_longest_waiting_first() {
    let harness = Seed::to(vec![queue()]).start().await;
    let path = format!("/v1/queues/{QUEUE}/callers");
    assert_eq!(harness.get(&path).await.json()["data"], json!([]));
    harness.incoming(SID).await;
    harness.incoming("CA00000000000000000000000000000002").await;
    let waiting = harness.get(&path).await.json()["data"].clone();
    assert_eq!((waiting.as_array().unwrap().len(), &waiting[0]["from"]), (2, &json!(CALLER)));
    assert!(waiting[0]["created_at"].as_str().unwrap() <= waiting[1]["created_at"].as_str().unwrap());
    harness.hook("/api/voice/status", &call_fields(SID, "completed")).await;
    assert_eq!(harness.get(&path).await.json()["data"][0]["call"], waiting[1]["call"]);
    let nobodys = format!("/v1/queues/{}/callers", QueueId::generate());
    assert_eq!(harness.get(&nobodys).await.problem(404), "not_found");
}

#[tokio::test]
async fn messages_are_listed_read_marked_and_deleted() {
    let harness = Seed::to(vec![VOICEMAIL]).start().await;
    harness.incoming(SID).await;
    told(&harness, "/api/voice/recording-complete", &LEFT).await;
    told(&harness, "/api/voice/transcription-complete", &WRITTEN).await;
    let listed = harness.get("/v1/voicemails?status=new").await.json()["data"].clone();
    let path = format!("/v1/voicemails/{}", listed[0]["id"].as_str().unwrap());
    let message = harness.get(&path).await;
    assert_eq!((&message.json(), message.header("etag")), (&listed[0], "\"2\""));
    assert_eq!(
        (&listed[0]["from"], &listed[0]["transcript"]),
        (&json!(CALLER), &json!("Please call me back."))
    );
    let marked = harness.patch_json(&path, &json!({ "status": "heard" })).await;
    assert_eq!((marked.status, &marked.json()["status"]), (StatusCode::OK, &json!("heard")));
    assert_eq!(harness.get("/v1/voicemails?status=new").await.json()["data"], json!([]));
    let call = listed[0]["call"].as_str().unwrap();
    let of_call = harness.get(&format!("/v1/voicemails?call={call}")).await.json();
    assert_eq!(of_call["data"].as_array().unwrap().len(), 1);
    assert_eq!(harness.patch_json(&path, &json!({ "status": "lost" })).await.problem(422), "invalid_body");
    assert_eq!(harness.patch_json(&path, &json!({ "from": "+1" })).await.problem(422), "invalid_body");
    let delete = async || harness.json(axum::http::Method::DELETE, &path, &json!({})).await;
    assert_eq!(delete().await.status, StatusCode::NO_CONTENT);
    assert_eq!(delete().await.problem(404), "not_found");
    assert_eq!(harness.get("/v1/voicemails").await.json()["data"], json!([]));
}

#[tokio::test]
async fn hours_are_refused_with_a_pointer_to_each_fault() {
    let harness = Seed::to(vec![ASSISTANT]).start().await;
    let span = |weekday, from, to| json!({ "weekday": weekday, "from": from, "to": to });
    let night = json!({ "name": "Nights", "weekly": [span(1, "22:00", "06:00"), span(2, "22:00", "06:00")] });
    let made = harness.post_json("/v1/business-hours", &night).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let wrong = json!({
        "name": "Wrong", "time_zone": "Europe/Atlantis",
        "weekly": [span(1, "22:00", "06:00"), span(2, "05:00", "9:00"), span(2, "05:00", "09:00")],
        "exceptions": [{ "date": "2026-02-30", "name": "Never" }],
    });
    let answer = harness.post_json("/v1/business-hours", &wrong).await;
    assert_eq!(answer.problem(422), "invalid_body");
    let errors = answer.json()["errors"].clone();
    let pointers: Vec<_> = errors.as_array().unwrap().iter().map(|error| &error["pointer"]).collect();
    assert_eq!(pointers, ["/time_zone", "/weekly/1/to", "/weekly/2", "/exceptions/0/date"]);
}

/// Reports come late, twice and in any order: a call only moves forward, and ends as the carrier says.
#[test]
fn a_call_ends_the_same_in_whatever_order_it_is_reported() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let harness = runtime.block_on(Seed::to(vec![VOICEMAIL]).start());
    let reports = vec!["initiated", "ringing", "in-progress", "completed", "completed", "ringing"];
    let mut runner = TestRunner::new(ProptestConfig { cases: 24, ..ProptestConfig::default() });
    let number = std::cell::Cell::new(0);
    runner
        .run(&Just(reports).prop_shuffle(), |reports| {
            number.set(number.get() + 1);
            let sid = format!("CA{:032}", number.get());
            runtime.block_on(async {
                let mut best = 0;
                for report in &reports {
                    let mut fields = call_fields(&sid, report);
                    if *report == "completed" {
                        fields.push(("CallDuration", "12"));
                    }
                    let answer = harness.hook("/api/voice/status", &fields).await;
                    assert_eq!((answer.status, answer.text()), (StatusCode::OK, ""));
                    let call = harness.get("/v1/calls?limit=1").await.json()["data"][0].clone();
                    assert_eq!(call["carrier_call_id"], sid.as_str());
                    let order = ["queued", "initiated", "ringing", "in_progress", "completed"];
                    let reached = order.iter().position(|status| call["status"] == *status).unwrap();
                    assert!(reached >= best, "{reports:?}: back to {call}");
                    best = reached;
                }
                assert_eq!(best, 4, "{reports:?}");
            });
            Ok(())
        })
        .unwrap();
}
