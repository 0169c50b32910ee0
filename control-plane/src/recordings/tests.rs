//! A conversion leaves a whole Ogg file, or everything as it was.

use super::convert::{Conversion, ConvertError, convert};
use audio_opus::{Reader, Tags};
use engine::call::wav::{WavFormat, WavWriter};
use std::{
    fs::{self, File},
    path::PathBuf,
    sync::atomic::AtomicBool,
};

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(store::new_id("tandem_opus"));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn wav(&self) -> PathBuf {
        self.0.join("call_1.wav")
    }

    fn ogg(&self) -> PathBuf {
        self.0.join("call_1.ogg")
    }

    /// A recording of some seconds, as the engine writes it.
    fn record(&self, seconds: usize) -> WavWriter {
        let mut wav = WavWriter::create(&self.wav(), WavFormat::CALL).unwrap();
        wav.append(&vec![100; seconds * 16_000]).unwrap();
        wav
    }

    fn convert(&self, keep_wav: bool, stop: bool) -> Result<Conversion, ConvertError> {
        let tags = Tags::new().with("CALL", "call_1");
        convert(&self.wav(), &self.ogg(), &tags, keep_wav, &AtomicBool::new(stop))
    }

    fn names(&self) -> Vec<String> {
        let names =
            fs::read_dir(&self.0).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Left behind is only what the system clears away by itself.
        drop(fs::remove_dir_all(&self.0));
    }
}

#[test]
fn a_recording_becomes_an_ogg_file_of_the_same_length_beside_it() {
    let folder = Folder::new();
    folder.record(3);
    // Of an attempt that was cut off.
    fs::write(folder.0.join("call_1.ogg.part"), [1; 100_000]).unwrap();
    let Conversion::Done { bytes } = folder.convert(true, false).unwrap() else { panic!("given up") };
    assert_eq!(bytes, fs::metadata(folder.ogg()).unwrap().len());
    let reader = Reader::open(File::open(folder.ogg()).unwrap()).unwrap();
    assert_eq!((reader.duration_ms(), reader.tags().get("CALL")), (3_000, Some("call_1")));
    assert_eq!(folder.names(), ["call_1.ogg", "call_1.wav"]);
}

#[test]
fn the_wav_file_goes_only_once_the_ogg_file_is_there() {
    let folder = Folder::new();
    folder.record(1);
    folder.convert(false, false).unwrap();
    assert_eq!(folder.names(), ["call_1.ogg"]);
}

#[test]
fn a_conversion_that_fails_or_is_to_stop_leaves_everything_as_it_was() {
    let folder = Folder::new();
    folder.record(1);
    assert_eq!(folder.convert(false, true).unwrap(), Conversion::GivenUp);
    assert_eq!(folder.names(), ["call_1.wav"]);

    fs::write(folder.wav(), b"RIFF and what is no recording at all, but long enough").unwrap();
    assert!(matches!(folder.convert(false, false), Err(ConvertError::Wav(_))));
    assert_eq!(folder.names(), ["call_1.wav"]);

    fs::remove_file(folder.wav()).unwrap();
    assert!(matches!(folder.convert(false, false), Err(ConvertError::File { doing: "look at", .. })));
    assert_eq!(folder.names(), [""; 0]);
}
