//! Lead, on an absolute clock: measured by a carrier of its own, which notes when each message arrives.

use crate::support::Folder;
use engine::provider::http::{HttpOptions, http_client};
use fixtures::{
    call::Fixture,
    carrier::{playout::Playout, sign},
    sandbox::VoiceMode,
    virtual_time,
};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use std::time::Duration;
use tandem::rehearsal::{Rehearsal, sandbox_options};
use tokio::time::Instant;
use tokio_tungstenite::{connect_async, tungstenite::Message};

const FRAME_US: u64 = 20_000;

/// Longest message.
const MESSAGE_US: u64 = 100_000;

/// The virtual clock goes in steps of at most so much.
const STEP_US: u64 = virtual_time::STEP_MAX.as_micros() as u64;

/// When the process stands still: in the middle of the greeting.
const LATE_AT: Duration = Duration::from_millis(1_500);

/// Where audio came, by the caller's clock: how full the buffer was before and after, in microseconds.
struct Arrival {
    at_us: u64,
    before_us: u64,
    after_us: u64,
}

/// Opens a call and listens to the greeting; at `late_at` the whole process stands still for `late_by`.
async fn listen(rehearsal: &Rehearsal, late_at: Duration, late_by: Duration) -> (Vec<Arrival>, Playout) {
    let options = rehearsal.carrier_options();
    let form = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let sid = "CA00000000000000000000000000000001";
    let parameters = [
        form("AccountSid", &options.account_sid),
        form("CallSid", sid),
        form("CallStatus", "ringing"),
        form("Direction", "inbound"),
        form("From", &options.from),
        form("To", &options.to),
    ];
    let request = http_client(HttpOptions::default()).unwrap().post(&options.webhook_url).form(&parameters);
    let signature = sign(&options.auth_token, &options.webhook_url, &parameters);
    let twiml = request.header("x-twilio-signature", signature).send().await.unwrap().text().await.unwrap();
    let between = |from: &str, to: &str| {
        let rest = twiml.split_once(from).unwrap().1;
        rest.split_once(to).unwrap().0.to_owned()
    };
    let token = between(r#"name="token" value=""#, "\"");
    let (mut socket, _) = connect_async(between("<Stream url=\"", "\"")).await.unwrap();
    let stream = "MZ00000000000000000000000000000001";
    let mut seq = 0;
    let mut message = |mut value: Value| {
        seq += 1;
        value["sequenceNumber"] = json!(seq.to_string());
        value["streamSid"] = json!(stream);
        Message::text(value.to_string())
    };
    let connected = json!({ "event": "connected", "protocol": "Call", "version": "1.0.0" });
    socket.send(Message::text(connected.to_string())).await.unwrap();
    let format = json!({ "encoding": "audio/x-mulaw", "sampleRate": 8_000, "channels": 1 });
    let start = json!({
        "streamSid": stream, "accountSid": options.account_sid, "callSid": sid, "tracks": ["inbound"],
        "mediaFormat": format, "customParameters": { "token": token },
    });
    socket.send(message(json!({ "event": "start", "start": start }))).await.unwrap();

    let zero = Instant::now();
    let now = || u64::try_from(zero.elapsed().as_micros()).unwrap();
    let (mut buffer, mut arrivals, mut frame, mut late) = (Playout::new(false), Vec::new(), 0, Some(late_at));
    while now() < 4_000_000 {
        let due = (frame + 1) * FRAME_US;
        let wake = buffer.next_mark_us().map_or(due, |mark| mark.min(due));
        tokio::select! {
            biased;
            () = tokio::time::sleep_until(zero + Duration::from_micros(wake)) => {
                while (frame + 1) * FRAME_US <= now() {
                    // 160 samples of silence.
                    let payload = format!("{}/w==", "/".repeat(212));
                    let media = json!({
                        "track": "inbound", "chunk": (frame + 1).to_string(),
                        "timestamp": (frame * 20).to_string(), "payload": payload,
                    });
                    socket.send(message(json!({ "event": "media", "media": media }))).await.unwrap();
                    frame += 1;
                }
            }
            received = socket.next() => {
                let Message::Text(text) = received.unwrap().unwrap() else { continue };
                let value: Value = serde_json::from_str(&text).unwrap();
                match value["event"].as_str().unwrap() {
                    "media" => {
                        let base64 = value["media"]["payload"].as_str().unwrap();
                        let bytes = base64.len() / 4 * 3 - base64.bytes().rev().take_while(|&b| b == b'=').count();
                        let at_us = now();
                        let before_us = buffer.buffered_us(at_us);
                        // Nothing is heard of it but how long it is.
                        buffer.push(at_us, &vec![0; bytes]).unwrap();
                        arrivals.push(Arrival { at_us, before_us, after_us: buffer.buffered_us(at_us) });
                    }
                    "mark" => buffer.mark(now(), value["mark"]["name"].as_str().unwrap().to_owned()),
                    _ => {}
                }
            }
        }
        buffer.advance(now());
        while let Some(name) = buffer.next_echo() {
            let mark = json!({ "name": name });
            socket.send(message(json!({ "event": "mark", "mark": mark }))).await.unwrap();
        }
        if late.is_some_and(|at| zero.elapsed() >= at) {
            late = None;
            tokio::time::advance(late_by).await;
        }
    }
    socket.send(message(json!({ "event": "stop", "stop": { "callSid": sid } }))).await.unwrap();
    (arrivals, buffer)
}

fn heard(late_by_ms: u64) -> (Vec<Arrival>, Playout) {
    let mut fixture = Fixture::named("order-status").unwrap();
    fixture.assistant.greeting =
        "Hello, thank you for calling, this is the garden shop at the old mill.".to_owned();
    let folder = Folder::new();
    virtual_time::run(async {
        let mut sandbox = sandbox_options();
        sandbox.voice = VoiceMode::Tone;
        let rehearsal = Rehearsal::start(sandbox, &fixture, folder.path(), |_| {}).await.unwrap();
        let listened = listen(&rehearsal, LATE_AT, Duration::from_millis(late_by_ms)).await;
        rehearsal.end().await.unwrap();
        listened
    })
}

/// What is due at a moment goes out together, in as few messages as hold it.
fn goes_out_in_one_batch(arrivals: &[Arrival]) {
    for batch in arrivals.chunk_by(|one, next| next.at_us <= one.at_us + STEP_US) {
        let audio_us: u64 = batch.iter().map(|arrival| arrival.after_us - arrival.before_us).sum();
        assert!(
            batch.len() as u64 <= audio_us.div_ceil(MESSAGE_US),
            "{} messages for {audio_us} us at {}",
            batch.len(),
            batch[0].at_us
        );
        for Arrival { at_us, before_us, after_us } in batch {
            assert!(
                after_us - before_us <= MESSAGE_US,
                "a message of {} us at {at_us}",
                after_us - before_us
            );
        }
    }
}

#[test]
fn invariant_5_lead_on_an_absolute_clock() {
    let (arrivals, buffer) = heard(0);
    goes_out_in_one_batch(&arrivals);
    let first_us = arrivals[0].at_us;
    // The first message finds an empty buffer, and fills it with those of the same moment.
    let later: Vec<_> = arrivals.iter().filter(|arrival| arrival.at_us > first_us).collect();
    assert!(later.len() > 50, "{} messages", later.len());
    for Arrival { at_us, before_us, after_us } in later {
        assert!(*after_us <= 160_000 + STEP_US, "{after_us} us ahead at {at_us}");
        assert!(*before_us + STEP_US >= 120_000, "only {before_us} us ahead at {at_us}");
    }
    assert_eq!(buffer.underruns(), []);
}

#[test]
fn invariant_5_a_late_tick_catches_up() {
    for (late_by_ms, underruns) in [(90, 0), (400, 1)] {
        let (arrivals, buffer) = heard(late_by_ms);
        goes_out_in_one_batch(&arrivals);
        assert_eq!(buffer.underruns().len(), underruns, "{late_by_ms} ms late: {:?}", buffer.underruns());
        let late_us = LATE_AT.as_micros() as u64 + late_by_ms * 1_000;
        let next_us = arrivals.iter().map(|arrival| arrival.at_us).find(|&at_us| at_us >= late_us).unwrap();
        assert!(
            next_us <= late_us + FRAME_US + STEP_US,
            "{late_by_ms} ms late: the next audio came at {next_us}"
        );
        let batch = arrivals.iter().filter(|arrival| arrival.at_us == next_us);
        let after_us = batch.map(|arrival| arrival.after_us).max().unwrap();
        // All that is due goes out in one batch, and no more than that: what was late is not made up for by a longer lead.
        assert!(
            (140_000..=160_000 + STEP_US).contains(&after_us),
            "{late_by_ms} ms late: {after_us} us ahead"
        );
        let later = arrivals.iter().filter(|arrival| arrival.at_us > next_us);
        for Arrival { at_us, before_us, after_us } in later {
            assert!(
                *before_us + STEP_US >= 120_000,
                "{late_by_ms} ms late: only {before_us} us ahead at {at_us}"
            );
            assert!(*after_us <= 160_000 + STEP_US, "{late_by_ms} ms late: {after_us} us ahead at {at_us}");
        }
    }
}
