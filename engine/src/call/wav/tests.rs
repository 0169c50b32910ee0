//! A recording cut off at any byte of any write is readable and holds a prefix.

use super::{WavError, WavFormat, WavReader, WavWriter};
use proptest::prelude::*;
use std::{
    cell::RefCell,
    fs,
    io::{self, Cursor, Seek, SeekFrom, Write},
    path::PathBuf,
    rc::Rc,
    sync::atomic::{AtomicU32, Ordering},
};

/// A file name that no other test has; removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(std::env::temp_dir().join(format!("tandem-wav-{}-{n}.wav", std::process::id())))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // It may never have been made.
        drop(fs::remove_file(&self.0));
    }
}

fn samples_in(bytes: &[u8]) -> Vec<i16> {
    let reader = hound::WavReader::new(Cursor::new(bytes)).expect("a readable header");
    assert_eq!((reader.spec().channels, reader.spec().sample_rate), (2, 8_000));
    reader.into_samples().map(|sample| sample.expect("a whole sample")).collect()
}

#[test]
fn a_recording_is_readable_after_every_append() {
    let file = Scratch::new();
    let mut wav = WavWriter::create(&file.0, WavFormat::CALL).unwrap();
    assert!(samples_in(&fs::read(&file.0).unwrap()).is_empty());
    wav.append(&[1, -1, 2, -2]).unwrap();
    assert_eq!(samples_in(&fs::read(&file.0).unwrap()), [1, -1, 2, -2]);
    wav.append(&[i16::MAX, i16::MIN]).unwrap();
    assert_eq!(samples_in(&fs::read(&file.0).unwrap()), [1, -1, 2, -2, i16::MAX, i16::MIN]);
    assert_eq!(wav.frames(), 3);
}

#[test]
fn resuming_without_a_file_makes_one_and_a_torn_header_is_replaced() {
    let file = Scratch::new();
    WavWriter::resume(&file.0, WavFormat::CALL).unwrap();
    fs::write(&file.0, &fs::read(&file.0).unwrap()[..20]).unwrap();
    let mut wav = WavWriter::resume(&file.0, WavFormat::CALL).unwrap();
    wav.append(&[7, 8]).unwrap();
    assert_eq!(samples_in(&fs::read(&file.0).unwrap()), [7, 8]);
}

#[test]
fn a_file_that_is_no_recording_of_ours_is_left_alone() {
    let file = Scratch::new();
    let text = [b'x'; 100];
    fs::write(&file.0, text).unwrap();
    let refused = WavWriter::resume(&file.0, WavFormat::CALL);
    assert!(matches!(refused, Err(WavError::Foreign { channels: 2, .. })), "{refused:?}");
    assert_eq!(fs::read(&file.0).unwrap(), text);
    WavWriter::create(&file.0, WavFormat { channels: 1, sample_rate: 8_000 }).unwrap();
    assert!(matches!(WavWriter::resume(&file.0, WavFormat::CALL), Err(WavError::Foreign { .. })));
}

#[test]
fn a_folder_that_does_not_exist_is_an_error_that_names_it() {
    let missing = Scratch::new().0.join("missing.wav");
    let error = WavWriter::create(&missing, WavFormat::CALL).unwrap_err();
    assert!(error.to_string().contains("missing.wav"), "{error}");
}

/// Where, and what.
type Writes = Vec<(u64, Vec<u8>)>;

/// A file in memory that keeps every write, so that it can be seen as a killed process left it.
#[derive(Clone, Default)]
struct Tracked {
    writes: Rc<RefCell<Writes>>,
    at: u64,
    /// Bytes that it takes before it is full.
    room: Option<usize>,
}

impl Write for Tracked {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.room.unwrap_or(usize::MAX).min(bytes.len());
        if taken == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.room = self.room.map(|room| room - taken);
        self.writes.borrow_mut().push((self.at, bytes[..taken].to_vec()));
        self.at += taken as u64;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Tracked {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let SeekFrom::Start(at) = to else { return Err(io::ErrorKind::Unsupported.into()) };
        self.at = at;
        Ok(at)
    }
}

/// The file after so many bytes of all writes.
fn cut_after(writes: &[(u64, Vec<u8>)], mut bytes: usize) -> Vec<u8> {
    let mut file = WavFormat::CALL.header(0).to_vec();
    for (at, written) in writes {
        let part = &written[..written.len().min(bytes)];
        if part.is_empty() {
            break;
        }
        bytes -= part.len();
        let end = *at as usize + part.len();
        file.resize(file.len().max(end), 0);
        file[*at as usize..end].copy_from_slice(part);
    }
    file
}

#[test]
fn a_full_disk_keeps_what_was_recorded_and_the_append_can_be_tried_again() {
    let file = Tracked { room: Some(20), ..Tracked::default() };
    let writes = Rc::clone(&file.writes);
    let mut wav = WavWriter::over(file, WavFormat::CALL);
    wav.append(&[1, 2, 3, 4]).unwrap();
    assert!(matches!(wav.append(&[5, 6, 7, 8]), Err(WavError::Write(_))));
    assert_eq!(samples_in(&cut_after(&writes.borrow(), usize::MAX)), [1, 2, 3, 4]);
    wav.file.room = None;
    wav.append(&[5, 6, 7, 8]).unwrap();
    assert_eq!(samples_in(&cut_after(&writes.borrow(), usize::MAX)), [1, 2, 3, 4, 5, 6, 7, 8]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_kill_at_any_byte_leaves_a_readable_prefix_that_can_be_resumed(
        appends in prop::collection::vec(prop::collection::vec(any::<[i16; 2]>(), 0..30), 1..4),
    ) {
        let file = Tracked::default();
        let writes = Rc::clone(&file.writes);
        let mut wav = WavWriter::over(file, WavFormat::CALL);
        let mut all = Vec::new();
        for frames in &appends {
            wav.append(frames.as_flattened()).unwrap();
            all.extend_from_slice(frames.as_flattened());
        }
        let writes = writes.borrow();
        let total: usize = writes.iter().map(|(_, bytes)| bytes.len()).sum();
        let scratch = Scratch::new();
        for bytes in 0..=total {
            let cut = cut_after(&writes, bytes);
            let read = samples_in(&cut);
            prop_assert!(all.starts_with(&read));
            if bytes % 5 == 0 {
                fs::write(&scratch.0, &cut).unwrap();
                let mut resumed = WavWriter::resume(&scratch.0, WavFormat::CALL).unwrap();
                let length = fs::metadata(&scratch.0).unwrap().len();
                prop_assert_eq!(length, 44 + resumed.frames() * 4, "no half frame is left");
                resumed.append(&[11, 12]).unwrap();
                let now = samples_in(&fs::read(&scratch.0).unwrap());
                let (kept, new) = now.split_at(now.len() - 2);
                prop_assert!(kept.len() >= read.len() && all.starts_with(kept) && new == [11, 12]);
            }
        }
    }
}

fn read_all(file: &Scratch) -> Result<Vec<i16>, WavError> {
    let mut reader = WavReader::open(&file.0, WavFormat::CALL)?;
    let (mut all, mut samples) = (Vec::new(), Vec::new());
    loop {
        reader.read(&mut samples)?;
        if samples.is_empty() {
            return Ok(all);
        }
        all.extend_from_slice(&samples);
    }
}

#[test]
fn a_recording_is_read_as_far_as_it_reached_the_file_whatever_its_header_says() {
    let file = Scratch::new();
    let samples: Vec<i16> = (0..70_000).map(|n| (n % 999) as i16).collect();
    let mut wav = WavWriter::create(&file.0, WavFormat::CALL).unwrap();
    wav.append(&samples).unwrap();
    assert_eq!(read_all(&file).unwrap(), samples);
    // Killed between the samples and the sizes, and in the middle of a frame.
    let mut bytes = fs::read(&file.0).unwrap();
    bytes.extend([1, 0, 2, 0, 3]);
    fs::write(&file.0, &bytes).unwrap();
    assert_eq!(read_all(&file).unwrap(), [&samples[..], &[1, 2]].concat());
}

#[test]
fn what_is_no_recording_is_not_read_as_one() {
    let file = Scratch::new();
    assert!(matches!(read_all(&file), Err(WavError::Open { .. })));
    fs::write(&file.0, b"RIFF").unwrap();
    assert!(matches!(read_all(&file), Err(WavError::Open { .. })));
    WavWriter::create(&file.0, WavFormat { channels: 1, sample_rate: 8_000 }).unwrap();
    assert!(matches!(read_all(&file), Err(WavError::Foreign { .. })));
}
