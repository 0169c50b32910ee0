//! Files that were cut off, damaged, or are something else.

use crate::support::{call, file, open, put_checksums_right, rest};
use audio_opus::{EncoderSettings, ReadError, Reader};
use proptest::{collection::vec, prelude::*, sample::Index};
use std::{
    io::{self, Cursor, Read, Seek, SeekFrom},
    sync::LazyLock,
};

/// Some seconds of speech, and the same read back.
static WHOLE: LazyLock<(Vec<u8>, Vec<i16>)> = LazyLock::new(|| {
    let file = file(EncoderSettings::CALL, &call());
    let read = rest(&mut open(&file).unwrap()).unwrap();
    (file, read)
});

/// Where audio begins: behind two pages, each with one packet.
fn audio_start(file: &[u8]) -> usize {
    let page = |at: usize| {
        let segments = usize::from(file[at + 26]);
        let body: usize = file[at + 27..at + 27 + segments].iter().map(|&length| usize::from(length)).sum();
        at + 27 + segments + body
    };
    page(page(0))
}

proptest! {
    #[test]
    fn a_file_cut_anywhere_is_read_up_to_its_last_second(cut in any::<Index>(), garbage in vec(any::<u8>(), 0..300)) {
        let (whole, all) = &*WHOLE;
        let start = audio_start(whole);
        let cut = start + cut.index(whole.len() - start);
        let file = [&whole[..cut], &garbage].concat();
        let mut reader = open(&file).unwrap();
        let promised = reader.len_samples() as usize * 2;
        let read = rest(&mut reader).unwrap();
        prop_assert_eq!(read.len(), promised);
        prop_assert!(read[..] == all[..read.len()]);
        // A page was begun after those that are whole, and takes a second, which is 5 kB at most.
        let missing = all.len() - read.len();
        let behind = (whole.len() - cut) as f64 / whole.len() as f64 * all.len() as f64;
        prop_assert!(missing as f64 <= behind * 3.0 + 2.0 * 16_000.0, "{missing} samples for {behind}");
    }

    #[test]
    fn a_file_cut_in_its_headers_is_an_error(cut in any::<Index>()) {
        let (whole, _) = &*WHOLE;
        let cut = cut.index(audio_start(whole));
        let refused = open(&whole[..cut]).err();
        prop_assert!(matches!(refused, Some(ReadError::NotOgg | ReadError::Tags)), "{refused:?}");
    }

    #[test]
    fn no_change_to_a_file_causes_a_panic_or_more_audio_than_it_can_hold(
        changes in vec((any::<Index>(), any::<u8>()), 1..6),
        moved in any::<Index>(),
        cut in any::<Index>(),
        to_ms in 0_u64..30_000,
    ) {
        let (whole, all) = &*WHOLE;
        let mut file = whole.clone();
        for (at, byte) in changes {
            let at = at.index(file.len());
            file[at] = byte;
        }
        // Pages in another order, or the same ones twice.
        let part = file[cut.index(file.len())..].to_vec();
        let at = moved.index(file.len());
        file.splice(at..at, part);
        if let Ok(mut reader) = open(&file) {
            for _ in 0..2 {
                let mut samples = 0;
                while let Ok(Some(block)) = reader.next_block() {
                    samples += block.len();
                }
                prop_assert!(samples <= 2 * all.len());
                reader.seek(to_ms).unwrap();
            }
        }
    }

    #[test]
    fn no_page_whose_checksum_is_right_causes_a_panic_or_more_audio_than_its_packets_can_hold(
        changes in vec((any::<Index>(), any::<u8>()), 1..20),
        in_first_pages in vec((0_usize..300, any::<u8>()), 0..4),
        to_ms in any::<u64>(),
    ) {
        let (whole, _) = &*WHOLE;
        let mut file = whole[..whole.len() / 8].to_vec();
        let len = file.len();
        let changes = changes.into_iter().map(|(at, byte)| (at.index(len), byte));
        for (at, byte) in changes.chain(in_first_pages) {
            file[at] = byte;
        }
        put_checksums_right(&mut file);
        if let Ok(mut reader) = open(&file) {
            for to_ms in [to_ms % 10_000, to_ms] {
                let mut samples = 0;
                while let Ok(Some(block)) = reader.next_block() {
                    samples += block.len();
                }
                // 120 ms in stereo at 48 kHz, for a byte of a segment table or more.
                prop_assert!(samples <= file.len() * 11_520);
                reader.seek(to_ms).unwrap();
            }
        }
    }

    #[test]
    fn what_is_something_else_is_refused(file in vec(any::<u8>(), 0..2_000)) {
        prop_assert!(matches!(open(&file).err(), Some(ReadError::NotOgg)));
    }
}

#[test]
fn damage_in_the_middle_is_named_and_can_be_jumped_over() {
    let (whole, all) = &*WHOLE;
    let mut file = whole.clone();
    let middle = file.len() / 2;
    file[middle] ^= 1;
    let mut reader = open(&file).unwrap();
    assert_eq!(reader.len_samples() as usize * 2, all.len());
    let refused = rest(&mut reader).err();
    let Some(ReadError::Damaged { offset }) = refused else { panic!("{refused:?}") };
    assert!(offset <= middle as u64);
    reader.seek(reader.duration_ms() - 1_000).unwrap();
    assert_eq!(rest(&mut reader).unwrap().len(), all.len() - (reader.duration_ms() as usize - 1_000) * 16);
}

/// Counts the bytes that are read from a file.
struct Counting<'a> {
    file: Cursor<&'a [u8]>,
    read: u64,
}

impl Read for Counting<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(bytes)?;
        self.read += read as u64;
        Ok(read)
    }
}

impl Seek for Counting<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

#[test]
fn a_file_of_nothing_but_capture_patterns_is_not_searched_for_ever() {
    let (whole, _) = &*WHOLE;
    let mut file = whole.clone();
    // Pages of another stream, each without a packet, keep a search going.
    let mut other = *b"OggS\0\0\0\0\0\0\0\0\0\0other123\0\0\0\0\0";
    put_checksums_right(&mut other);
    // What looks like the longest page.
    let mut capture = [0xFF; 27];
    capture[..5].copy_from_slice(b"OggS\0");
    for _ in 0..100 {
        file.extend_from_slice(&other);
        file.extend(capture.iter().cycle().take(50 * capture.len()));
    }
    let mut counting = Counting { file: Cursor::new(&file), read: 0 };
    assert!(Reader::open(&mut counting).is_ok());
    // Without a limit to the whole search it is twice that.
    assert!(counting.read < 80_000_000, "{} bytes", counting.read);
}

#[test]
fn a_file_that_is_only_headers_is_an_empty_recording() {
    let (whole, _) = &*WHOLE;
    let mut reader = open(&whole[..audio_start(whole)]).unwrap();
    assert_eq!(reader.duration_ms(), 0);
    assert!(reader.next_block().unwrap().is_none());
    reader.seek(5).unwrap();
    assert!(reader.next_block().unwrap().is_none());
}
