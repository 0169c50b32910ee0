//! Any cut of a stream gives the same output on every instruction set, and as much of it as is promised.
#![no_main]

use audio_dsp::InstructionSet;
use audio_dsp::resample::Resampler;
use libfuzzer_sys::fuzz_target;

const RATES_HZ: [u32; 4] = [8_000, 16_000, 24_000, 48_000];

fuzz_target!(|input: (u8, Vec<u16>, Vec<i16>)| {
    let (ratio, cuts, samples) = input;
    let (from_hz, to_hz) = (RATES_HZ[usize::from(ratio % 4)], RATES_HZ[usize::from(ratio / 4 % 4)]);
    let Ok(mut whole) = Resampler::with_instruction_set(from_hz, to_hz, InstructionSet::PORTABLE) else {
        assert_eq!(from_hz, to_hz);
        return;
    };
    let mut expected = Vec::new();
    let promised = whole.output_length(samples.len());
    let count = whole.process(&samples, &mut expected);
    assert_eq!(count, promised);
    assert_eq!(count, expected.len());
    assert!(count <= whole.max_output(samples.len()));
    whole.flush(&mut expected);

    for set in InstructionSet::available() {
        let Ok(mut pieces) = Resampler::with_instruction_set(from_hz, to_hz, set) else { unreachable!() };
        let mut output = Vec::new();
        let mut rest = samples.as_slice();
        for cut in &cuts {
            let (piece, later) = rest.split_at(usize::from(*cut).min(rest.len()));
            let count = pieces.process(piece, &mut output);
            assert!(count <= pieces.max_output(piece.len()));
            rest = later;
        }
        pieces.process(rest, &mut output);
        pieces.flush(&mut output);
        assert_eq!(output, expected);
    }
});
