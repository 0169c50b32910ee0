//! Any bytes in any pieces, with losses between: starts and ends take turns, positions never go back, and the pieces
//! do not matter.
#![no_main]

use audio_dsp::vad::{Vad, VadEvent, VadOptions};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Vec<(u16, u8)>, Vec<u8>)| {
    let (cuts, codes) = input;
    let (mut vad, mut whole) = (Vad::new(VadOptions::default()), Vad::new(VadOptions::default()));
    let (mut events, mut expected) = (Vec::new(), Vec::new());
    let mut rest = codes.as_slice();
    for (cut, lost) in cuts.into_iter().chain([(u16::MAX, 0)]) {
        let (piece, later) = rest.split_at(usize::from(cut).min(rest.len()));
        // In one: the same audio at once. In the other: in small pieces.
        whole.push_ulaw(piece, |event| expected.push(event));
        for small in piece.chunks(usize::from(lost % 7) + 1) {
            vad.push_ulaw(small, |event| events.push(event));
        }
        whole.skip(u64::from(lost));
        vad.skip(u64::from(lost));
        assert_eq!(vad.position(), whole.position());
        rest = later;
    }
    assert_eq!(events, expected);

    let (mut speaking, mut last) = (false, 0);
    for event in events {
        let (at, speaks) = match event {
            VadEvent::SpeechStarted { onset } => {
                assert!(!speaking);
                (onset, true)
            }
            VadEvent::SpeechSustained { onset } => {
                assert!(speaking);
                (onset, true)
            }
            VadEvent::SpeechEnded { end } => {
                assert!(speaking);
                (end, false)
            }
        };
        assert!(at >= last && at <= vad.position());
        (speaking, last) = (speaks, at);
    }
    assert_eq!(speaking, vad.is_speaking());
});
