//! Levels, mixes and interleaved frames of any audio are what their definitions say.
#![no_main]

use audio_dsp::{g711::ulaw, level, mix, stereo};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u16, Vec<i16>, Vec<i16>, Vec<i16>)| {
    let (room, first, second, third) = input;
    let room = usize::from(room);
    let mut mixed = vec![1; room];
    mix::mix(&[&first, &second, &third], &mut mixed);
    let at = |input: &[i16], n: usize| i32::from(input.get(n).copied().unwrap_or_default());
    for (n, &sample) in mixed.iter().enumerate() {
        let sum = at(&first, n) + at(&second, n) + at(&third, n);
        assert_eq!(i32::from(sample), sum.clamp(-32_768, 32_767));
    }

    let mut stereo_frame = vec![1; room];
    let pairs = stereo::interleave(&first, &second, &mut stereo_frame);
    assert_eq!(pairs, first.len().min(second.len()).min(room / 2));
    for (n, pair) in stereo_frame.as_chunks::<2>().0.iter().enumerate().take(pairs) {
        assert_eq!(*pair, [first[n], second[n]]);
    }
    assert!(stereo_frame[2 * pairs..].iter().all(|&sample| sample == 1));

    let level = level::of_pcm(&first);
    assert!(level.rms_dbfs <= level.peak_dbfs + 0.001 && level.peak_dbfs <= 0.001);
    assert!(level.rms_dbfs >= level::SILENCE_DBFS);
    let codes: Vec<u8> = first.iter().map(|&sample| ulaw::encode_sample(sample)).collect();
    let decoded: Vec<i16> = codes.iter().map(|&code| ulaw::decode_sample(code)).collect();
    assert_eq!(level::of_ulaw(&codes), level::of_pcm(&decoded));
});
