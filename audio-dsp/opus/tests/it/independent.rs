//! The container as another implementation of Ogg reads it.

use crate::support::{call, file};
use audio_opus::{EncoderSettings, SampleRate, decoder};
use ogg::PacketReader;
use std::io::Cursor;

#[test]
fn another_reader_finds_the_pages_packets_and_places_of_rfc_7845() {
    let call = call();
    let file = file(EncoderSettings::CALL, &call);
    let mut reader = PacketReader::new(Cursor::new(&file));

    let head = reader.read_packet_expected().unwrap();
    assert!(head.first_in_stream() && head.last_in_page());
    let pre_skip = u64::from(u16::from_le_bytes([head.data[10], head.data[11]]));
    let expected = [b"OpusHead\x01\x02", &head.data[10..12], &8_000_u32.to_le_bytes(), &[0, 0, 0]].concat();
    assert_eq!(head.data, expected);
    let tags = reader.read_packet_expected().unwrap();
    assert!(tags.first_in_page() && tags.last_in_page());
    assert!(tags.data.starts_with(b"OpusTags"));

    let mut decoder = decoder(SampleRate::Hz48000, EncoderSettings::CALL.channels).unwrap();
    let (mut decoded, mut pcm, mut before, mut ended) = (0, Vec::new(), 0, false);
    while let Some(packet) = reader.read_packet().unwrap() {
        assert!(!ended, "something follows the end");
        assert_eq!(packet.stream_serial(), 0x7461_6e64);
        decoder.decode(&packet.data, &mut pcm).unwrap();
        decoded += pcm.len() as u64 / 2;
        ended = packet.last_in_stream();
        if packet.last_in_page() {
            let granule = packet.absgp_page();
            assert!(granule - before <= 48_000, "the page is longer than a second");
            before = granule;
            if ended {
                assert_eq!(granule, pre_skip + call.len() as u64 / 2 * 6);
                assert!((granule..granule + 960).contains(&decoded), "less than a frame is trimmed");
            } else {
                assert_eq!(granule, decoded);
            }
        }
    }
    assert!(ended);
}
