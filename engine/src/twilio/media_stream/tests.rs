//! The wire against the documented messages, and against anything else.

use super::*;
use bytes::BytesMut;
use proptest::prelude::*;
use serde_json::{Value, json};

const CONNECTED: &str = r#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#;
const START: &str = r#"{"event":"start","sequenceNumber":"1","start":{"accountSid":"AC00000000000000000000000000000001",
 "streamSid":"MZ00000000000000000000000000000001","callSid":"CA00000000000000000000000000000001","tracks":["inbound"],
 "mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1},
 "customParameters":{"session":"opaque-token"}},"streamSid":"MZ00000000000000000000000000000001"}"#;
const MEDIA: &str = r#"{"event":"media","sequenceNumber":"3","streamSid":"MZ1",
 "media":{"track":"inbound","chunk":"2","timestamp":"25","payload":"/38A"}}"#;
const DTMF: &str =
    r#"{"event":"dtmf","sequenceNumber":"5","streamSid":"MZ1","dtmf":{"track":"inbound_track","digit":"1"}}"#;
const MARK: &str = r#"{"event":"mark","sequenceNumber":"4","streamSid":"MZ1","mark":{"name":"utt-7-end"}}"#;
const STOP: &str =
    r#"{"event":"stop","sequenceNumber":"95","streamSid":"MZ1","stop":{"accountSid":"AC1","callSid":"CA1"}}"#;
const ALL: [&str; 6] = [CONNECTED, START, MEDIA, DTMF, MARK, STOP];

fn sid_of(text: &str) -> StreamSid {
    StreamSid::new(text).unwrap()
}

fn changed(message: &str, pointer: &str, value: Value) -> String {
    let mut message: Value = serde_json::from_str(message).unwrap();
    *message.pointer_mut(pointer).unwrap() = value;
    message.to_string()
}

#[test]
fn every_documented_message_is_read() {
    assert_eq!(
        parse(CONNECTED).unwrap(),
        Inbound::Connected { protocol: "Call".into(), version: "1.0.0".into() }
    );
    assert_eq!(
        parse(START).unwrap(),
        Inbound::Start(Start {
            account_sid: "AC00000000000000000000000000000001".into(),
            call_sid: "CA00000000000000000000000000000001".into(),
            stream_sid: sid_of("MZ00000000000000000000000000000001"),
            tracks: vec!["inbound".into()],
            custom_parameters: [("session".into(), "opaque-token".into())].into(),
        })
    );
    assert_eq!(
        parse(MEDIA).unwrap(),
        Inbound::Media(Media {
            stream_sid: "MZ1".into(),
            track: Track::Inbound,
            timestamp_ms: 25,
            chunk: 2,
            sequence: 3,
            payload: "/38A".into(),
        })
    );
    assert_eq!(parse(DTMF).unwrap(), Inbound::Dtmf { stream_sid: "MZ1".into(), digit: '1' });
    assert_eq!(parse(MARK).unwrap(), Inbound::Mark { stream_sid: "MZ1".into(), name: "utt-7-end".into() });
    assert_eq!(parse(STOP).unwrap(), Inbound::Stop { stream_sid: "MZ1".into() });
}

#[test]
fn media_borrows_from_the_message() {
    let Inbound::Media(media) = parse(MEDIA).unwrap() else { panic!("not media") };
    assert!(matches!(media.payload, Cow::Borrowed(_)), "a copy per frame");
    assert!(matches!(media.stream_sid, Cow::Borrowed(_)), "a copy per frame");
}

#[test]
fn an_escaped_slash_in_the_payload_is_read() {
    let escaped = MEDIA.replace("/38A", r"\/38A");
    let Inbound::Media(media) = parse(&escaped).unwrap() else { panic!("not media") };
    let mut audio = [0; PAYLOAD_AUDIO_BYTES_MAX];
    assert_eq!(decode_payload(&media.payload, &mut audio).unwrap(), 3);
    assert_eq!(audio[..3], [0xff, 0x7f, 0x00]);
}

#[test]
fn fields_and_events_of_tomorrow_are_tolerated() {
    let more =
        MEDIA.replacen('{', r#"{"extra":{"deep":[1]},"#, 1).replace("\"chunk\"", "\"gain\":1,\"chunk\"");
    assert_eq!(parse(&more).unwrap(), parse(MEDIA).unwrap());
    for tomorrow in [r#"{"event":"hold","streamSid":"MZ1"}"#, r#"{"event":"hold","media":5,"mark":[]}"#] {
        assert_eq!(parse(tomorrow).unwrap(), Inbound::Unknown { event: "hold".into() });
    }
}

#[test]
fn audio_that_is_not_the_callers_is_flagged() {
    let text = changed(MEDIA, "/media/track", json!("outbound"));
    let Inbound::Media(media) = parse(&text).unwrap() else { panic!("not media") };
    assert_eq!(media.track, Track::Other);
}

#[test]
fn an_ill_typed_field_is_named() {
    for (message, pointer, value, named) in [
        (MEDIA, "/event", json!(1), "event"),
        (MEDIA, "/media", json!("x"), "media"),
        (MEDIA, "/media/payload", json!(["/38A"]), "media.payload"),
        (MEDIA, "/media/chunk", json!(2), "media.chunk"),
        (MEDIA, "/sequenceNumber", json!(3), "sequenceNumber"),
        (MARK, "/mark/name", json!(7), "mark.name"),
        (DTMF, "/dtmf/digit", json!(1), "dtmf.digit"),
        (START, "/start/tracks", json!("inbound"), "start.tracks"),
        (START, "/start/mediaFormat/sampleRate", json!("8000"), "start.mediaFormat.sampleRate"),
        (START, "/start/customParameters/session", json!(1), "start.customParameters"),
    ] {
        match parse(&changed(message, pointer, value)) {
            Err(WireError::WrongType { field, .. }) => assert_eq!(field, named),
            other => panic!("{pointer}: {other:?}"),
        }
    }
}

#[test]
fn a_missing_field_is_named() {
    for (message, pointer) in [
        (CONNECTED, "/version"),
        (MEDIA, "/event"),
        (MEDIA, "/streamSid"),
        (MEDIA, "/sequenceNumber"),
        (MEDIA, "/media"),
        (MEDIA, "/media/track"),
        (MEDIA, "/media/chunk"),
        (MEDIA, "/media/timestamp"),
        (MEDIA, "/media/payload"),
        (MARK, "/mark/name"),
        (DTMF, "/dtmf/digit"),
        (STOP, "/streamSid"),
        (START, "/start/callSid"),
        (START, "/start/accountSid"),
        (START, "/start/streamSid"),
        (START, "/start/tracks"),
        (START, "/start/mediaFormat"),
        (START, "/start/mediaFormat/channels"),
    ] {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let mut value: Value = serde_json::from_str(message).unwrap();
        value.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name);
        for text in [value.to_string(), changed(message, pointer, Value::Null)] {
            match parse(&text) {
                Err(WireError::Missing { field }) => assert_eq!(field, pointer[1..].replace('/', ".")),
                other => panic!("{pointer}: {other:?}"),
            }
        }
    }
}

#[test]
fn a_value_that_cannot_be_is_named() {
    for (message, pointer, value, named) in [
        (MEDIA, "/media/timestamp", json!("-5"), "media.timestamp"),
        (MEDIA, "/media/chunk", json!("18446744073709551616"), "media.chunk"),
        (DTMF, "/dtmf/digit", json!("12"), "dtmf.digit"),
        (START, "/streamSid", json!("MZ2"), "streamSid"),
        (START, "/start/callSid", json!("CA 1"), "start.callSid"),
        (START, "/start/accountSid", json!(""), "start.accountSid"),
    ] {
        match parse(&changed(message, pointer, value)) {
            Err(WireError::WrongValue { field, .. }) => assert_eq!(field, named),
            other => panic!("{pointer}: {other:?}"),
        }
    }
}

#[test]
fn only_mulaw_8000_mono_is_served() {
    for (pointer, value) in [
        ("/start/mediaFormat/encoding", json!("audio/l16")),
        ("/start/mediaFormat/sampleRate", json!(16_000)),
        ("/start/mediaFormat/channels", json!(2)),
    ] {
        let error = parse(&changed(START, pointer, value)).unwrap_err();
        assert!(matches!(error, WireError::MediaFormat { .. }), "{error}");
        assert!(error.to_string().contains("only audio/x-mulaw"), "{error}");
    }
}

#[test]
fn a_stream_sid_cannot_break_out_of_its_json_string() {
    for bad in ["", "MZ\"1", "MZ\\", "MZ 1", "MZ\n", "é", &"M".repeat(65)] {
        assert!(StreamSid::new(bad).is_err(), "{bad:?}");
    }
    assert_eq!(sid_of(&"M".repeat(64)).as_str().len(), 64);
}

#[test]
fn what_is_too_long_is_refused() {
    let long = MEDIA.replace("/38A", &"A".repeat(MESSAGE_BYTES_MAX));
    assert!(matches!(parse(&long), Err(WireError::MessageTooLong { .. })));

    let mut audio = vec![0; PAYLOAD_AUDIO_BYTES_MAX];
    let most = base64_simd::STANDARD.encode_to_string(vec![0xff; PAYLOAD_AUDIO_BYTES_MAX]);
    assert_eq!(decode_payload(&most, &mut audio).unwrap(), PAYLOAD_AUDIO_BYTES_MAX);
    let more = base64_simd::STANDARD.encode_to_string(vec![0xff; PAYLOAD_AUDIO_BYTES_MAX + 1]);
    assert!(matches!(decode_payload(&more, &mut audio), Err(WireError::PayloadTooLong { .. })));
    let mut larger = vec![0; PAYLOAD_AUDIO_BYTES_MAX * 4];
    assert!(matches!(decode_payload(&more, &mut larger), Err(WireError::PayloadTooLong { .. })));
    assert!(matches!(decode_payload("/38A", &mut [0; 2]), Err(WireError::PayloadTooLong { .. })));
}

#[test]
fn a_payload_that_is_not_base64_is_refused() {
    let mut audio = [0; 16];
    for bad in ["/38", "*38A", "/38A=", "_38A", "/3 8A"] {
        assert!(matches!(decode_payload(bad, &mut audio), Err(WireError::PayloadNotBase64(_))), "{bad}");
    }
    assert_eq!(decode_payload("", &mut audio).unwrap(), 0);
}

#[test]
fn outbound_messages_are_exactly_the_documented_ones() {
    let mut message = BytesMut::new();
    write_media(&mut message, &sid_of("MZ1"), [&[0xff, 0x7f][..], &[0x00]]);
    assert_eq!(message, r#"{"event":"media","streamSid":"MZ1","media":{"payload":"/38A"}}"#);
    message.clear();
    write_mark(&mut message, &sid_of("MZ1"), "e7.s0");
    assert_eq!(message, r#"{"event":"mark","streamSid":"MZ1","mark":{"name":"e7.s0"}}"#);
    message.clear();
    write_clear(&mut message, &sid_of("MZ1"));
    assert_eq!(message, r#"{"event":"clear","streamSid":"MZ1"}"#);
}

fn mutated() -> impl Strategy<Value = String> {
    let edits = prop::collection::vec(
        (any::<prop::sample::Index>(), prop::sample::select(b"\"\\{}[]:,0-nt ".to_vec())),
        0..6,
    );
    (prop::sample::select(ALL.to_vec()), edits, any::<prop::sample::Index>()).prop_map(
        |(message, edits, cut)| {
            let mut bytes = message.as_bytes().to_vec();
            for (at, byte) in edits {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            if cut.index(3) == 0 {
                bytes.truncate(cut.index(bytes.len()));
            }
            String::from_utf8(bytes).unwrap()
        },
    )
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in ".{0,300}") {
        drop(parse(&text));
        drop(decode_payload(&text, &mut [0; PAYLOAD_AUDIO_BYTES_MAX]));
    }

    #[test]
    fn no_damaged_message_makes_the_parser_panic(text in mutated()) {
        if let Ok(Inbound::Media(media)) = parse(&text) {
            drop(decode_payload(&media.payload, &mut [0; 64]));
        }
    }

    #[test]
    fn a_payload_does_not_depend_on_how_the_audio_was_split(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..8)) {
        let mut message = BytesMut::from("before");
        write_media(&mut message, &sid_of("MZ-1_a"), parts.iter().map(Vec::as_slice));
        let written: Value = serde_json::from_slice(&message["before".len()..]).unwrap();
        let payload = base64_simd::STANDARD.encode_to_string(parts.concat());
        prop_assert_eq!(&written, &json!({"event": "media", "streamSid": "MZ-1_a", "media": {"payload": payload}}));
        let mut audio = [0; PAYLOAD_AUDIO_BYTES_MAX];
        let length = decode_payload(&payload, &mut audio).unwrap();
        prop_assert_eq!(&audio[..length], &parts.concat()[..]);
    }

    #[test]
    fn a_mark_name_comes_through_whatever_is_in_it(name in any::<String>()) {
        let mut message = BytesMut::new();
        write_mark(&mut message, &sid_of("MZ1"), &name);
        let written: Value = serde_json::from_slice(&message).unwrap();
        prop_assert_eq!(written, json!({"event": "mark", "streamSid": "MZ1", "mark": {"name": name}}));
    }
}
