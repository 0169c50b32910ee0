//! From any place on it sounds as it does when it is read from the start.

use crate::support::{call, file, open, rest, snr_db};
use audio_opus::EncoderSettings;
use proptest::prelude::*;
use std::sync::LazyLock;

/// A minute and 200 kB, so that the place is searched by halving; and the same read from the start.
static LONG: LazyLock<(Vec<u8>, Vec<i16>)> = LazyLock::new(|| {
    let call = call();
    let long: Vec<i16> = call.iter().cycle().take(60 * 16_000).copied().collect();
    let file = file(EncoderSettings::CALL, &long);
    let read = rest(&mut open(&file).unwrap()).unwrap();
    (file, read)
});

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn a_place_that_was_sought_sounds_as_it_does_from_the_start(to_ms in 0_u64..=60_000, then_ms in 0_u64..=60_000) {
        let (file, all) = &*LONG;
        let mut reader = open(file).unwrap();
        for to_ms in [to_ms, then_ms] {
            reader.seek(to_ms).unwrap();
            let expected = &all[to_ms as usize * 16..];
            let mut found = Vec::new();
            while found.len() < 16_000 && let Some(block) = reader.next_block().unwrap() {
                found.extend_from_slice(block);
            }
            prop_assert!(found.len() >= expected.len().min(16_000));
            let expected = &expected[..found.len()];
            prop_assert!(found == expected || snr_db(expected, &found) > 25.0, "{} dB", snr_db(expected, &found));
        }
        let last_ms = 60_000 - to_ms % 3_000;
        reader.seek(last_ms).unwrap();
        prop_assert_eq!(rest(&mut reader).unwrap().len(), all.len() - last_ms as usize * 16);
    }
}

#[test]
fn beyond_the_end_there_is_nothing_and_the_start_is_as_at_first() {
    let (file, all) = &*LONG;
    let mut reader = open(file).unwrap();
    for beyond in [60_000, 60_001, u64::MAX] {
        reader.seek(beyond).unwrap();
        assert!(reader.next_block().unwrap().is_none());
    }
    reader.seek(0).unwrap();
    assert!(rest(&mut reader).unwrap() == *all);
}
