//! What one 20 ms frame of a caller costs the engine before anything is decided, and one message back.
#![allow(
    clippy::expect_used,
    missing_docs,
    reason = "a bench that cannot be set up has failed, and its macros make public functions"
)]

use audio_dsp::vad::{Vad, VadOptions};
use bytes::BytesMut;
use criterion::{Criterion, criterion_group, criterion_main};
use engine::twilio::media_stream::{
    Inbound, PAYLOAD_AUDIO_BYTES_MAX, StreamSid, decode_payload, parse, write_media,
};
use std::hint::black_box;

/// A frame as the carrier sends it: 160 samples of something like speech.
fn frame() -> (String, Vec<u8>) {
    let audio: Vec<u8> = (0..160_u32).map(|sample| (sample * 37 % 251) as u8).collect();
    let mut message = BytesMut::new();
    let sid = StreamSid::new("MZ00000000000000000000000000000000").expect("a valid identifier");
    write_media(&mut message, &sid, [audio.as_slice()]);
    let payload = String::from_utf8(message.to_vec()).expect("JSON is text");
    let (_, rest) = payload.split_once("\"payload\":\"").expect("a media message has a payload");
    let (base64, _) = rest.split_once('"').expect("it is a string");
    let text = format!(
        r#"{{"event":"media","sequenceNumber":"3","streamSid":"{sid}","media":{{"track":"inbound","chunk":"1","timestamp":"5","payload":"{base64}"}}}}"#
    );
    (text, audio)
}

fn benches(criterion: &mut Criterion) {
    let (text, audio) = frame();
    let mut buffer = vec![0; PAYLOAD_AUDIO_BYTES_MAX];
    criterion.bench_function("frame in: parse and decode", |bencher| {
        bencher.iter(|| match parse(black_box(&text)) {
            Ok(Inbound::Media(media)) => decode_payload(&media.payload, &mut buffer),
            Ok(_) | Err(_) => Ok(0),
        });
    });
    let mut vad = Vad::new(VadOptions::default());
    criterion.bench_function("frame in: voice activity", |bencher| {
        bencher.iter(|| {
            let mut events = 0;
            vad.push_ulaw(black_box(&audio), |_| events += 1);
            events
        });
    });
    let sid = StreamSid::new("MZ00000000000000000000000000000000").expect("a valid identifier");
    let mut message = BytesMut::with_capacity(4_096);
    let forty_ms = [audio.as_slice(), audio.as_slice()];
    criterion.bench_function("40 ms out: write media", |bencher| {
        bencher.iter(|| {
            message.clear();
            write_media(&mut message, &sid, black_box(forty_ms));
        });
    });
}

criterion_group!(frame_path, benches);
criterion_main!(frame_path);
