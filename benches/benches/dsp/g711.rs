//! What G.711 costs: one 20 ms frame that is in the first cache, and a stream that is in none.

use crate::harness::{self, Row};
use crate::peers::{Peers, names::OURS};
use crate::signal::{self, FRAMES, Frames};
use crate::table::{Against, Goal, Report, Table, find};
use audio_codec::{CodecType, create_decoder, create_encoder};
use audio_dsp::InstructionSet;
use audio_dsp::g711::{alaw, ulaw};
use std::hint::black_box;

/// Samples of a telephone frame.
const FRAME: usize = 160;

/// Samples of a stream that does not fit the second cache.
const STREAM: usize = 1 << 20;

const LUT_256: &str = "table of 256";
const LUT_64K: &str = "table of 65,536";
const MEMCPY: &str = "memcpy of 1.5 n bytes";

/// Which of the two codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Law {
    Ulaw,
    Alaw,
}

impl Law {
    const fn name(self) -> &'static str {
        match self {
            Self::Ulaw => "mu-law",
            Self::Alaw => "A-law",
        }
    }

    /// The expanding table with 256 entries.
    pub(crate) fn decode_table(self) -> Box<[i16; 256]> {
        Box::new(match self {
            Self::Ulaw => ulaw::DECODE_TABLE,
            Self::Alaw => alaw::DECODE_TABLE,
        })
    }

    /// The compressing table with an entry for every sample, indexed by the sample's bits.
    pub(crate) fn encode_table(self) -> Box<[u8]> {
        let encode = match self {
            Self::Ulaw => ulaw::encode_sample,
            Self::Alaw => alaw::encode_sample,
        };
        (0..=u16::MAX).map(|bits| encode(bits.cast_signed())).collect()
    }
}

/// Measures all four directions at both lengths.
pub(crate) fn run(peers: &Peers, report: &mut Report) {
    let laws = [Law::Ulaw, Law::Alaw];
    for (law, length) in laws.into_iter().flat_map(|law| [(law, FRAME), (law, STREAM)]) {
        let times = harness::time(decode_rows(law, length, peers));
        let against = [("memcpy 1.5 n", MEMCPY), ("LUT 256", LUT_256)];
        report.add(table(law, "decode", length, &times, against));
        let best = our_row(&times);
        if (law, length) == (Law::Ulaw, FRAME) {
            let found = best.zip(find(&times, LUT_256)).map(|(ours, lut)| ours.ratio_to(lut));
            let promise = "mu-law decode, 160 samples hot: at most 0.3 of a 256-entry table (AVX2)";
            report.goals.push(Goal::at_most(promise, 0.3, found));
        }
        goal_of_streams(law, "decode", length, &times, report);

        let times = harness::time(encode_rows(law, length, peers));
        let against = [("memcpy 1.5 n", MEMCPY), ("LUT 64K", LUT_64K)];
        report.add(table(law, "encode", length, &times, against));
        if (law, length) == (Law::Ulaw, FRAME) {
            let found = our_row(&times).zip(find(&times, LUT_64K)).map(|(ours, lut)| ours.ratio_to(lut));
            let promise = "mu-law encode, 160 samples hot: at most 0.35 of a 65,536-entry table (AVX2)";
            report.goals.push(Goal::at_most(promise, 0.35, found));
        }
        goal_of_streams(law, "encode", length, &times, report);
    }
}

fn table(
    law: Law,
    direction: &str,
    length: usize,
    times: &[harness::Timed],
    against: [(&str, &str); 2],
) -> Table {
    let what = if length == FRAME { "160 samples, hot" } else { "1 Mi samples, from memory" };
    let against = against.map(|(head, row)| Against { head, row });
    let table = Table::of_times(format!("{} {direction}, {what}", law.name()), times, &against);
    let per_sample = |name: &str| {
        find(times, name).map_or_else(String::new, |time| format!("{:.3}", time.median_ns() / length as f64))
    };
    let table = table.column("ns/sample", per_sample);
    if (law, length) == (Law::Ulaw, FRAME) { table.for_readme() } else { table }
}

/// The row that the goals for AVX2 are about; where a machine has no AVX2, the one that it would use.
fn our_row(times: &[harness::Timed]) -> Option<&harness::Timed> {
    find(times, &format!("{OURS} AVX2")).or_else(|| find(times, OURS))
}

fn goal_of_streams(law: Law, direction: &str, length: usize, times: &[harness::Timed], report: &mut Report) {
    if length == STREAM && law == Law::Ulaw {
        let found = find(times, OURS).zip(find(times, MEMCPY)).map(|(ours, memcpy)| ours.ratio_to(memcpy));
        let promise = format!("mu-law {direction}, 1 Mi samples: within 1.6 of a memcpy of the same traffic");
        report.goals.push(Goal::at_most(promise, 1.6, found));
    }
}

/// Test audio of `length` samples at least: speech, so that a table's entries are used as they are in calls.
fn speech(length: usize) -> Vec<i16> {
    signal::speech(8_000, length * if length == FRAME { FRAMES } else { 1 })
}

/// A row for each decoder.
fn decode_rows(law: Law, length: usize, peers: &Peers) -> Vec<Row> {
    let samples = speech(length);
    let encode_table = law.encode_table();
    let codes: Vec<u8> = samples.iter().map(|&sample| encode_table[sample as u16 as usize]).collect();
    let mut rows = vec![memcpy_row(length)];
    rows.extend(our_decoders(law, length, &codes));
    let table = law.decode_table();
    rows.push(row(LUT_256, length, &codes, move |codes, samples| {
        for (sample, &code) in samples.iter_mut().zip(codes) {
            *sample = table[code as usize];
        }
    }));
    let mut crate_decoder = create_decoder(codec_type(law));
    rows.push(row("crate audio-codec", length, &codes, move |codes, samples| {
        crate_decoder.decode_into(codes, samples).expect("the output is long enough");
    }));
    let decode = match law {
        Law::Ulaw => audio_codec_algorithms::decode_ulaw,
        Law::Alaw => audio_codec_algorithms::decode_alaw,
    };
    rows.push(row("crate audio-codec-algorithms", length, &codes, move |codes, samples| {
        for (sample, &code) in samples.iter_mut().zip(codes) {
            *sample = decode(code);
        }
    }));
    if let Some(avcodec) = peers.avcodec {
        let mut decoder = avcodec.decoder(law);
        rows.push(row("libavcodec", length, &codes, move |codes, samples| decoder.decode(codes, samples)));
    }
    rows
}

/// The product's own decoders: what is chosen when nothing is said, then each instruction set by name.
fn our_decoders(law: Law, length: usize, codes: &[u8]) -> Vec<Row> {
    let (decode, decode_on) = match law {
        Law::Ulaw => (ulaw::decode as fn(&[u8], &mut [i16]) -> usize, ulaw::decode_on as DecodeOn),
        Law::Alaw => (alaw::decode as fn(&[u8], &mut [i16]) -> usize, alaw::decode_on as DecodeOn),
    };
    let mut rows = vec![row(OURS, length, codes, move |codes, samples| {
        decode(codes, samples);
    })];
    rows.extend(InstructionSet::available().into_iter().map(|set| {
        row(&format!("{OURS} {}", set.name()), length, codes, move |codes, samples| {
            decode_on(set, codes, samples);
        })
    }));
    rows
}

/// A row for each encoder.
fn encode_rows(law: Law, length: usize, peers: &Peers) -> Vec<Row> {
    let samples = speech(length);
    let mut rows = vec![memcpy_row(length)];
    rows.extend(our_encoders(law, length, &samples));
    let table = law.encode_table();
    rows.push(row(LUT_64K, length, &samples, move |samples, codes| {
        for (code, &sample) in codes.iter_mut().zip(samples) {
            *code = table[sample as u16 as usize];
        }
    }));
    let mut crate_encoder = create_encoder(codec_type(law));
    rows.push(row("crate audio-codec", length, &samples, move |samples, codes| {
        crate_encoder.encode_into(samples, codes).expect("the output is long enough");
    }));
    let encode = match law {
        Law::Ulaw => audio_codec_algorithms::encode_ulaw,
        Law::Alaw => audio_codec_algorithms::encode_alaw,
    };
    rows.push(row("crate audio-codec-algorithms", length, &samples, move |samples, codes| {
        for (code, &sample) in codes.iter_mut().zip(samples) {
            *code = encode(sample);
        }
    }));
    if let Some(avcodec) = peers.avcodec {
        let mut encoder = avcodec.encoder(law);
        rows.push(row("libavcodec", length, &samples, move |samples, codes| encoder.encode(samples, codes)));
    }
    rows
}

/// The product's own encoders, likewise.
fn our_encoders(law: Law, length: usize, samples: &[i16]) -> Vec<Row> {
    let (encode, encode_on) = match law {
        Law::Ulaw => (ulaw::encode as fn(&[i16], &mut [u8]) -> usize, ulaw::encode_on as EncodeOn),
        Law::Alaw => (alaw::encode as fn(&[i16], &mut [u8]) -> usize, alaw::encode_on as EncodeOn),
    };
    let mut rows = vec![row(OURS, length, samples, move |samples, codes| {
        encode(samples, codes);
    })];
    rows.extend(InstructionSet::available().into_iter().map(|set| {
        row(&format!("{OURS} {}", set.name()), length, samples, move |samples, codes| {
            encode_on(set, samples, codes);
        })
    }));
    rows
}

/// A decoder and an encoder that are told which instructions to use.
type DecodeOn = fn(InstructionSet, &[u8], &mut [i16]) -> usize;
type EncodeOn = fn(InstructionSet, &[i16], &mut [u8]) -> usize;

const fn codec_type(law: Law) -> CodecType {
    match law {
        Law::Ulaw => CodecType::PCMU,
        Law::Alaw => CodecType::PCMA,
    }
}

/// A row that converts the frames of `signal`, each `length` long, one after the other.
fn row<A: Copy + 'static, B: Copy + Default + 'static>(
    name: &str,
    length: usize,
    signal: &[A],
    mut convert: impl FnMut(&[A], &mut [B]) + 'static,
) -> Row {
    let mut frames = Frames::new(signal.to_vec(), length);
    let mut output = vec![B::default(); length];
    Row::new(name, move || {
        convert(black_box(frames.next()), &mut output);
        black_box(&mut output);
    })
}

/// Copying reads and writes as many bytes as either direction does: 3 n for n samples.
fn memcpy_row(length: usize) -> Row {
    let bytes = length * 3 / 2;
    let source = vec![1u8; bytes * if length == FRAME { FRAMES } else { 1 }];
    row(MEMCPY, bytes, &source, |from, to: &mut [u8]| to.copy_from_slice(from))
}
