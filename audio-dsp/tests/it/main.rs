//! What only a whole program can show: nothing is allocated per frame.
#![allow(unsafe_code, reason = "a counting allocator can only be written with unsafe")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use audio_dsp::agc::{Agc, AgcOptions};
use audio_dsp::call_progress::SignalDetector;
use audio_dsp::chain::{PcmToUlaw, UlawToPcm};
use audio_dsp::comfort_noise::ComfortNoise;
use audio_dsp::dtmf::{DtmfDetector, DtmfGenerator, DtmfOptions};
use audio_dsp::g711::{alaw, ulaw};
use audio_dsp::gain::{Gain, Ramp};
use audio_dsp::limiter::{Limiter, LimiterOptions};
use audio_dsp::resample::{AnyRatio, Resample, Resampler};
use audio_dsp::vad::{Vad, VadOptions};
use audio_dsp::{level, mix, stereo};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations_of(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

const FRAMES: usize = 200;

/// 20 ms of something with a pitch, loud in every second half second.
fn frame(number: usize, rate_hz: usize, samples: &mut [i16]) {
    let gain = if (number / 25).is_multiple_of(2) { 8_000.0 } else { 10.0 };
    let first = number * samples.len();
    for (n, sample) in samples.iter_mut().enumerate() {
        let time = (first + n) as f32 / rate_hz as f32;
        *sample = (gain * (time * 900.0 + (time * 20.0).sin()).sin().powi(5)) as i16;
    }
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations_of(|| drop(std::hint::black_box(Box::new(1)))), 1);
}

#[test]
fn a_resampler_allocates_nothing_per_frame() {
    for from_hz in [8_000, 16_000, 24_000, 48_000] {
        for to_hz in [8_000, 16_000, 24_000, 48_000] {
            let Ok(mut resampler) = Resampler::new(from_hz, to_hz) else { continue };
            let mut input = vec![0; from_hz as usize / 50];
            let mut output = Vec::with_capacity(resampler.max_output(input.len()) + resampler.max_output(1));
            let allocations = allocations_of(|| {
                for number in 0..FRAMES {
                    frame(number, from_hz as usize, &mut input);
                    output.clear();
                    resampler.process(&input, &mut output);
                    resampler.process(&input[..1], &mut output);
                    output.resize(resampler.output_length(input.len()), 0);
                    assert!(resampler.process_into(&input, &mut output).is_ok());
                }
                output.clear();
                resampler.flush(&mut output);
            });
            assert_eq!(allocations, 0, "{from_hz} to {to_hz} Hz");
        }
    }
}

#[test]
fn a_resampler_of_any_ratio_allocates_nothing_per_frame() {
    for (from_hz, to_hz) in [(44_100, 8_000), (8_000, 44_100)] {
        let mut resampler = AnyRatio::new(from_hz, to_hz).unwrap();
        let mut input = vec![0; from_hz as usize / 50];
        let mut output = Vec::with_capacity(to_hz as usize / 10);
        let allocations = allocations_of(|| {
            for number in 0..FRAMES {
                frame(number, from_hz as usize, &mut input);
                output.clear();
                resampler.process(&input, &mut output);
            }
            resampler.flush(&mut output);
        });
        assert_eq!(allocations, 0, "{from_hz} to {to_hz} Hz");
    }
}

#[test]
fn a_chain_allocates_nothing_per_frame() {
    for rate_hz in [16_000, 24_000, 48_000] {
        let (mut to_caller, mut from_caller) =
            (PcmToUlaw::new(rate_hz).unwrap(), UlawToPcm::new(rate_hz).unwrap());
        let bytes = vec![7; rate_hz as usize / 25];
        let mut codes = Vec::with_capacity(400);
        let mut samples = Vec::with_capacity(rate_hz as usize / 25);
        let allocations = allocations_of(|| {
            for _ in 0..FRAMES {
                codes.clear();
                to_caller.process_le_bytes(&bytes[..101], &mut codes);
                to_caller.process_le_bytes(&bytes[101..], &mut codes);
                samples.clear();
                from_caller.process(&codes, &mut samples);
                assert!(from_caller.process_into(&codes, &mut samples).is_ok());
                assert_eq!(to_caller.process_into(&samples, &mut codes), Ok(160));
            }
            to_caller.flush(&mut codes);
        });
        assert_eq!(allocations, 0, "{rate_hz} Hz");
    }
}

#[test]
fn the_rest_allocates_nothing_per_frame() {
    let mut vad = Vad::new(VadOptions::default());
    let (mut samples, mut codes, mut mixed, mut stereo_frame) = ([0; 160], [0; 160], [0; 160], [0; 320]);
    let mut events = 0;
    let allocations = allocations_of(|| {
        for number in 0..FRAMES {
            frame(number, 8_000, &mut samples);
            alaw::encode(&samples, &mut codes);
            alaw::decode(&codes, &mut samples);
            ulaw::encode(&samples, &mut codes);
            ulaw::decode(&codes, &mut samples);
            vad.push_ulaw(&codes, |_| events += 1);
            vad.push_pcm(&samples[..100], |_| events += 1);
            vad.skip(60);
            assert!(level::of_ulaw(&codes).rms_dbfs <= 0.0 && level::of_pcm(&samples).peak_dbfs <= 0.0);
            mix::mix(&[&samples, &samples], &mut mixed);
            stereo::interleave(&samples, &mixed, &mut stereo_frame);
            stereo::deinterleave(&stereo_frame, &mut samples, &mut mixed);
        }
    });
    assert_eq!(allocations, 0);
}

#[test]
fn keys_and_signals_allocate_nothing_per_frame() {
    let mut keys = DtmfGenerator::new("0123456789", DtmfOptions::default()).unwrap();
    let (mut dtmf, mut signals) = (DtmfDetector::new(), SignalDetector::new());
    let (mut samples, mut codes, mut events) = ([0; 160], [0; 160], 0);
    let allocations = allocations_of(|| {
        for number in 0..FRAMES {
            // Keys first, then a voice, a beep, and a loss.
            if keys.fill(&mut samples) < samples.len() {
                frame(number, 8_000, &mut samples);
            }
            if number > FRAMES / 2 {
                samples.fill_with(|| 0);
                samples.iter_mut().step_by(8).for_each(|sample| *sample = 8_000);
                samples[4..].iter_mut().step_by(8).for_each(|sample| *sample = -8_000);
            }
            ulaw::encode(&samples, &mut codes);
            dtmf.push_ulaw(&codes, |_| events += 1);
            signals.push_ulaw(&codes, |_| events += 1);
            if number % 50 == 49 {
                dtmf.skip(160, |_| events += 1);
                signals.skip(160, |_| events += 1);
            }
        }
        dtmf.finish(|_| events += 1);
    });
    assert_eq!(allocations, 0);
    assert!(events >= 20, "{events} events of ten keys");
}

#[test]
fn levels_allocate_nothing_per_frame() {
    let mut gain = Gain::new(0.0);
    let mut agc = Agc::new(AgcOptions::default());
    let mut limiter = Limiter::new(LimiterOptions::default());
    let mut noise = ComfortNoise::new(-60.0, 1);
    let mut samples = [0; 160];
    let allocations = allocations_of(|| {
        for number in 0..FRAMES {
            frame(number, 8_000, &mut samples);
            gain.ramp_to((number % 20) as f64 - 10.0, 100, Ramp::Exponential);
            gain.apply(&mut samples);
            agc.process(&mut samples, number % 3 > 0);
            noise.add(&mut samples);
            limiter.process(&mut samples);
            noise.fill(&mut samples);
        }
    });
    assert_eq!(allocations, 0);
}
