//! Speech, files made of it, and what is measured of them.

use audio_opus::{EncoderSettings, ReadError, Reader, Tags, Writer};
use std::{io::Cursor, path::Path};

/// A voice of the repository's recorded calls, as PCM at 8 kHz.
pub(crate) fn voice(name: &str) -> Vec<i16> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/voices").join(format!("{name}.ulaw"));
    let codes = std::fs::read(path).unwrap();
    let mut pcm = vec![0; codes.len()];
    assert_eq!(audio_dsp::g711::ulaw::decode(&codes, &mut pcm), pcm.len());
    pcm
}

pub(crate) fn caller() -> Vec<i16> {
    voice("05e9210fbe49fb57")
}

pub(crate) fn assistant() -> Vec<i16> {
    voice("091bbe5fb9daf79b")
}

/// Left and right in turn; the shorter one is silent at its end.
pub(crate) fn stereo(left: &[i16], right: &[i16]) -> Vec<i16> {
    let sample = |side: &[i16], at: usize| side.get(at).copied().unwrap_or_default();
    (0..left.len().max(right.len())).flat_map(|at| [sample(left, at), sample(right, at)]).collect()
}

/// First the caller alone, then the assistant alone, then both at once.
pub(crate) fn call() -> Vec<i16> {
    let (caller, assistant) = (caller(), assistant());
    let mut call = stereo(&caller, &[]);
    call.extend(stereo(&[], &assistant));
    call.extend(stereo(&caller, &assistant));
    call
}

pub(crate) fn side(stereo: &[i16], side: usize) -> Vec<i16> {
    stereo.iter().skip(side).step_by(2).copied().collect()
}

pub(crate) fn tags() -> Tags {
    Tags::new().with("TITLE", "Call call_1").with("DATE", "2026-11-21").with("CALL", "call_1")
}

pub(crate) fn file(settings: EncoderSettings, samples: &[i16]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), settings, 0x7461_6e64, &tags()).unwrap();
    writer.write(samples).unwrap();
    writer.finish().unwrap()
}

/// Makes every page whole whose lengths fit the file, as somebody would who wants it to be read.
pub(crate) fn put_checksums_right(file: &mut [u8]) {
    let mut at = 0;
    while at + 27 <= file.len() {
        let segments = usize::from(file[at + 26]);
        let table = file.get(at + 27..at + 27 + segments);
        let end =
            table.map(|table| at + 27 + segments + table.iter().map(|&n| usize::from(n)).sum::<usize>());
        match end.filter(|&end| file[at..at + 4] == *b"OggS" && end <= file.len()) {
            Some(end) => {
                file[at + 22..at + 26].fill(0);
                let sum = file[at..end].iter().fold(0_u32, |sum, &byte| {
                    (0..8).fold(sum ^ (u32::from(byte) << 24), |sum, _| {
                        (sum << 1) ^ ((sum >> 31) * 0x04c1_1db7)
                    })
                });
                file[at + 22..at + 26].copy_from_slice(&sum.to_le_bytes());
                at = end;
            }
            None => at += 1,
        }
    }
}

pub(crate) fn open(file: &[u8]) -> Result<Reader<Cursor<&[u8]>>, ReadError> {
    Reader::open(Cursor::new(file))
}

/// All samples from where the reader is.
pub(crate) fn rest<R: std::io::Read + std::io::Seek>(reader: &mut Reader<R>) -> Result<Vec<i16>, ReadError> {
    let mut all = Vec::new();
    while let Some(block) = reader.next_block()? {
        all.extend_from_slice(block);
    }
    Ok(all)
}

pub(crate) fn energy(samples: &[i16]) -> f64 {
    samples.iter().map(|&sample| f64::from(sample) * f64::from(sample)).sum::<f64>().max(1.0)
}

pub(crate) fn db(ratio: f64) -> f64 {
    10.0 * ratio.log10()
}

/// Energy of the signal over that of the difference, in dB.
pub(crate) fn snr_db(signal: &[i16], found: &[i16]) -> f64 {
    let error: Vec<i16> = signal.iter().zip(found).map(|(&a, &b)| a.saturating_sub(b)).collect();
    db(energy(signal) / energy(&error))
}
