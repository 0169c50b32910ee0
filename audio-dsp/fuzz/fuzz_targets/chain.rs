//! Bytes of a speech service, cut anywhere, odd pieces too, give the same codes; and the caller's codes, cut
//! anywhere, the same samples.
#![no_main]

use audio_dsp::chain::{PcmToUlaw, UlawToPcm};
use libfuzzer_sys::fuzz_target;

const RATES_HZ: [u32; 3] = [16_000, 24_000, 48_000];

fuzz_target!(|input: (u8, Vec<u16>, Vec<u8>)| {
    let (rate, cuts, bytes) = input;
    let rate_hz = RATES_HZ[usize::from(rate % 3)];
    let (Ok(mut to_caller), Ok(mut from_caller)) = (PcmToUlaw::new(rate_hz), UlawToPcm::new(rate_hz)) else {
        panic!("{rate_hz} Hz");
    };
    let (mut to_caller_whole, mut from_caller_whole) = (to_caller.clone(), from_caller.clone());

    let (mut codes, mut codes_whole) = (Vec::new(), Vec::new());
    let (mut samples, mut samples_whole) = (Vec::new(), Vec::new());
    to_caller_whole.process_le_bytes(&bytes, &mut codes_whole);
    from_caller_whole.process(&bytes, &mut samples_whole);
    assert_eq!(codes_whole.len(), bytes.len() / 2 / (rate_hz as usize / 8_000));
    assert_eq!(samples_whole.len(), bytes.len() * (rate_hz as usize / 8_000));

    let mut rest = bytes.as_slice();
    for cut in cuts.into_iter().map(usize::from).chain([usize::MAX]) {
        let (piece, later) = rest.split_at(cut.min(rest.len()));
        to_caller.process_le_bytes(piece, &mut codes);
        from_caller.process(piece, &mut samples);
        rest = later;
    }
    assert_eq!(codes, codes_whole);
    assert_eq!(samples, samples_whole);

    to_caller_whole.flush(&mut codes_whole);
    to_caller.flush(&mut codes);
    assert_eq!(codes, codes_whole);
});
