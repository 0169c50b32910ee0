//! What changing the rate of one 20 ms frame costs.

use crate::harness::{self, Row};
use crate::peers::{Contestant, OUTPUT_MAX, Peers, names};
use crate::quality::RATIOS;
use crate::signal::{self, FRAMES, Frames, frame_length};
use crate::table::{Against, Report, Table};
use std::hint::black_box;

/// Frames in a batch: soxr works on some of them and only stores the others.
const FRAMES_MIN: u32 = 32;

/// Measures all contestants at all ratios.
pub(crate) fn run(peers: &Peers, report: &mut Report) {
    for (from_hz, to_hz) in RATIOS {
        let mut rows = vec![memcpy_row(from_hz.max(to_hz))];
        rows.extend(peers.resamplers.iter().map(|contestant| row(contestant, from_hz, to_hz)));
        let times = harness::time(rows);
        let against = [
            Against { head: "audio-dsp", row: names::OURS },
            Against { head: "speexdsp q3", row: names::SPEEXDSP_Q3 },
            Against { head: "libswresample", row: names::SWRESAMPLE },
        ];
        report.add(Table::of_times(format!("Resample {from_hz} to {to_hz} Hz, 20 ms"), &times, &against));
    }
}

fn row(contestant: &Contestant, from_hz: u32, to_hz: u32) -> Row {
    let length = frame_length(from_hz);
    let mut frames = Frames::new(signal::speech(from_hz, length * FRAMES), length);
    let mut stream = (contestant.make)(from_hz, to_hz);
    let mut output = vec![0; OUTPUT_MAX];
    let work = move || {
        black_box(stream.process(black_box(frames.next()), &mut output));
        black_box(&mut output);
    };
    Row::new(contestant.name, work).repeats_at_least(FRAMES_MIN)
}

fn memcpy_row(larger_hz: u32) -> Row {
    let length = frame_length(larger_hz);
    let source = vec![1i16; length];
    let mut copy = source.clone();
    Row::new("memcpy of the larger side", move || {
        copy.copy_from_slice(black_box(&source));
        black_box(&mut copy);
    })
}
