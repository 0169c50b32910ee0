//! Files that other programs made, and pages that are not where they belong.

use crate::support::{call, file, open, put_checksums_right, rest};
use audio_opus::{EncoderSettings, ReadError};
use std::sync::LazyLock;

static WHOLE: LazyLock<Vec<u8>> = LazyLock::new(|| file(EncoderSettings::CALL, &call()));

/// The pages of a file that has nothing else.
fn pages(mut file: &[u8]) -> Vec<&[u8]> {
    let mut pages = Vec::new();
    while !file.is_empty() {
        let segments = usize::from(file[26]);
        let body: usize = file[27..27 + segments].iter().map(|&length| usize::from(length)).sum();
        let (page, behind) = file.split_at(27 + segments + body);
        pages.push(page);
        file = behind;
    }
    pages
}

/// The file with these bytes at a place in its first packet, and right checksums.
fn with_head(at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut file = WHOLE.clone();
    file[28 + at..28 + at + bytes.len()].copy_from_slice(bytes);
    put_checksums_right(&mut file);
    file
}

#[test]
fn a_page_that_is_missing_is_damage_at_the_next() {
    let pages = pages(&WHOLE);
    let missing = pages.len() / 2;
    let file = [pages[..missing].concat(), pages[missing + 1..].concat()].concat();
    let refused = rest(&mut open(&file).unwrap()).err();
    let Some(ReadError::Damaged { offset }) = refused else { panic!("{refused:?}") };
    assert_eq!(offset, pages[..missing].concat().len() as u64);
}

#[test]
fn pages_of_another_stream_are_passed_over() {
    let mut file = Vec::new();
    for page in pages(&WHOLE) {
        file.extend_from_slice(page);
        let mut other = page.to_vec();
        other[14..18].copy_from_slice(b"else");
        file.extend(other);
    }
    put_checksums_right(&mut file);
    let expected = rest(&mut open(&WHOLE).unwrap()).unwrap();
    let mut reader = open(&file).unwrap();
    assert!(rest(&mut reader).unwrap() == expected);
    reader.seek(1_000).unwrap();
    assert_eq!(rest(&mut reader).unwrap().len(), expected.len() - 16_000);
}

#[test]
fn the_gain_that_a_header_asks_for_is_applied() {
    let expected = rest(&mut open(&WHOLE).unwrap()).unwrap();
    // 6.02 dB less, in 1/256 dB.
    let half = with_head(16, &(-1_541_i16).to_le_bytes());
    let found = rest(&mut open(&half).unwrap()).unwrap();
    assert_eq!(found.len(), expected.len());
    let pairs = found.iter().zip(&expected);
    assert!(
        pairs.into_iter().all(|(&found, &whole)| (f32::from(whole) / 2.0 - f32::from(found)).abs() < 2.0)
    );
    let louder = with_head(16, &i16::MAX.to_le_bytes());
    assert!(rest(&mut open(&louder).unwrap()).unwrap().contains(&i16::MAX), "clipped");
}

#[test]
fn what_a_header_says_that_is_not_known_is_refused() {
    assert!(matches!(open(&with_head(8, &[0x10])).err(), Some(ReadError::Version(0x10))));
    assert!(open(&with_head(8, &[0x0F])).is_ok(), "a compatible version");
    let refused = open(&with_head(9, &[3])).err();
    assert!(matches!(refused, Some(ReadError::Mapping { family: 0, channels: 3 })), "{refused:?}");
    let refused = open(&with_head(18, &[1])).err();
    assert!(matches!(refused, Some(ReadError::Mapping { family: 1, channels: 2 })), "{refused:?}");
    assert!(matches!(open(&with_head(0, b"opushead")).err(), Some(ReadError::NotOpus)));
}
