use std::f64::consts::TAU;

use proptest::prelude::*;

use super::{OutputTooShort, Resampler, UnsupportedRatio, design, taps};
use crate::InstructionSet;

const RATES_HZ: [u32; 4] = [8_000, 16_000, 24_000, 48_000];

fn ratios() -> impl Iterator<Item = (u32, u32)> {
    RATES_HZ
        .into_iter()
        .flat_map(|from| RATES_HZ.into_iter().map(move |to| (from, to)))
        .filter(|(from, to)| from != to)
}

fn resample(from_hz: u32, to_hz: u32, input: &[i16]) -> Vec<i16> {
    let mut output = Vec::new();
    Resampler::new(from_hz, to_hz).unwrap().process(input, &mut output);
    output
}

/// 300 ms of a sine at -6 dBFS, resampled; the middle 100 ms, where the filter has settled.
fn steady_output(from_hz: u32, to_hz: u32, tone_hz: u32) -> Vec<i16> {
    let step = TAU * f64::from(tone_hz) / f64::from(from_hz);
    let tone: Vec<i16> =
        (0..from_hz * 3 / 10).map(|n| (AMPLITUDE * (step * f64::from(n)).sin()).round() as i16).collect();
    let tenth = to_hz as usize / 10;
    resample(from_hz, to_hz, &tone)[tenth..2 * tenth].to_vec()
}

const AMPLITUDE: f64 = 16_384.0;

fn rms(samples: impl ExactSizeIterator<Item = f64>) -> f64 {
    let length = samples.len() as f64;
    (samples.map(|sample| sample * sample).sum::<f64>() / length).sqrt()
}

/// Takes the tone out of 100 ms of `signal`: its amplitude, and the RMS of everything else.
fn split_tone(signal: &[i16], rate_hz: u32, tone_hz: u32) -> (f64, f64) {
    let step = TAU * f64::from(tone_hz) / f64::from(rate_hz);
    let (mut sine, mut cosine) = (0.0, 0.0);
    for (n, &sample) in signal.iter().enumerate() {
        let (s, c) = (step * n as f64).sin_cos();
        sine += f64::from(sample) * s * 2.0 / signal.len() as f64;
        cosine += f64::from(sample) * c * 2.0 / signal.len() as f64;
    }
    let rest = signal.iter().enumerate().map(|(n, &sample)| {
        let (s, c) = (step * n as f64).sin_cos();
        f64::from(sample) - sine * s - cosine * c
    });
    (sine.hypot(cosine), rms(rest))
}

fn decibels(ratio: f64) -> f64 {
    20.0 * ratio.log10()
}

/// The upper end of the pass band and the lower end of the stop band: 3.4 and 4.6 kHz when the lower rate is 8 kHz.
fn band_edges_hz(from_hz: u32, to_hz: u32) -> (u32, u32) {
    let lower = from_hz.min(to_hz);
    (lower * 17 / 40, lower * 23 / 40)
}

fn worst(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(f64::NEG_INFINITY, f64::max)
}

/// The largest departure from a gain of one in the pass band, in dB.
fn ripple_db(from_hz: u32, to_hz: u32) -> f64 {
    let (pass_hz, _) = band_edges_hz(from_hz, to_hz);
    worst((1..=20).map(|n| {
        let tone_hz = pass_hz * n / 20 / 10 * 10;
        let (amplitude, _) = split_tone(&steady_output(from_hz, to_hz, tone_hz), to_hz, tone_hz);
        decibels(amplitude / AMPLITUDE).abs()
    }))
}

/// The loudest unwanted output over tones relative to the tone, in dB: images of tones in the pass band when
/// the rate rises, aliases of tones in the stop band when it falls. What rounding adds is counted as well.
fn rejection_db(from_hz: u32, to_hz: u32) -> f64 {
    let (pass_hz, stop_hz) = band_edges_hz(from_hz, to_hz);
    let tone_rms = AMPLITUDE / 2f64.sqrt();
    if from_hz < to_hz {
        worst((1..=40).map(|n| {
            let tone_hz = pass_hz * n / 40 / 10 * 10;
            decibels(split_tone(&steady_output(from_hz, to_hz, tone_hz), to_hz, tone_hz).1 / tone_rms)
        }))
    } else {
        worst((0..=60).map(|n| {
            let tone_hz = (stop_hz + (from_hz / 2 - 10 - stop_hz) * n / 60) / 10 * 10;
            decibels(rms(steady_output(from_hz, to_hz, tone_hz).into_iter().map(f64::from)) / tone_rms)
        }))
    }
}

/// Signal to everything else for a tone of 1 kHz at -6 dBFS, in dB.
fn signal_to_noise_db(from_hz: u32, to_hz: u32) -> f64 {
    let (amplitude, rest) = split_tone(&steady_output(from_hz, to_hz, 1_000), to_hz, 1_000);
    decibels(amplitude / 2f64.sqrt() / rest)
}

#[test]
fn the_pass_band_is_flat_within_a_twentieth_of_a_decibel() {
    for (from_hz, to_hz) in ratios() {
        let ripple = ripple_db(from_hz, to_hz);
        assert!(ripple <= 0.05, "{from_hz} to {to_hz} Hz: {ripple} dB");
    }
}

#[test]
fn images_and_aliases_are_75_decibels_down() {
    for (from_hz, to_hz) in ratios() {
        let rejection = rejection_db(from_hz, to_hz);
        assert!(rejection <= -75.0, "{from_hz} to {to_hz} Hz: {rejection} dB");
    }
}

#[test]
fn a_1_khz_tone_keeps_78_decibels_of_signal_to_noise() {
    for (from_hz, to_hz) in ratios() {
        let signal_to_noise = signal_to_noise_db(from_hz, to_hz);
        assert!(signal_to_noise >= 78.0, "{from_hz} to {to_hz} Hz: {signal_to_noise} dB");
    }
}

#[test]
fn the_delay_is_what_is_stated_and_at_most_2_2_ms() {
    for (from_hz, to_hz) in ratios() {
        let resampler = Resampler::new(from_hz, to_hz).unwrap();
        let mut pulse = vec![0; 200];
        pulse[0] = 16_384;
        let output = resample(from_hz, to_hz, &pulse);
        let peak = output.iter().enumerate().max_by_key(|(_, sample)| **sample).unwrap().0;
        assert_eq!(peak, resampler.latency_samples(), "{from_hz} to {to_hz} Hz");
        // An input sample waits for the others of its period as well.
        let waits_ms = (resampler.filter().down - 1) as f64 * 1_000.0 / f64::from(from_hz);
        let latency_ms = resampler.latency_samples() as f64 * 1_000.0 / f64::from(to_hz);
        assert!(latency_ms + waits_ms <= 2.2, "{from_hz} to {to_hz} Hz: {latency_ms} + {waits_ms} ms");
    }
}

#[test]
fn a_constant_comes_out_unchanged_even_at_full_scale() {
    for (from_hz, to_hz) in ratios() {
        for constant in [i16::MIN, -1, 0, 1, 12_345, i16::MAX] {
            let output = resample(from_hz, to_hz, &[constant; 2_000]);
            let settled = 2 * Resampler::new(from_hz, to_hz).unwrap().latency_samples() + 2;
            assert!(output[settled..].iter().all(|&sample| sample == constant), "{from_hz} to {to_hz} Hz");
        }
    }
}

#[test]
fn what_overshoots_is_clipped_not_wrapped() {
    for (from_hz, to_hz) in ratios() {
        let square: Vec<i16> =
            (0..2_000).map(|n| if n / 50 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
        let output = resample(from_hz, to_hz, &square);
        // Wrapping would show as a jump from one end of the range to the other between two samples of one half wave.
        let settled = Resampler::new(from_hz, to_hz).unwrap().latency_samples();
        let flips = output[settled..].windows(2).filter(|pair| (pair[0] < 0) != (pair[1] < 0)).count();
        assert!(flips <= 40, "{from_hz} to {to_hz} Hz: {flips} changes of sign");
        assert!(output.contains(&i16::MAX), "{from_hz} to {to_hz} Hz");
    }
}

#[test]
fn no_sum_can_overflow() {
    let filters = [
        &design::UP_2,
        &design::UP_3,
        &design::UP_6,
        &design::UP_3_DOWN_2,
        &design::DOWN_2,
        &design::DOWN_3,
        &design::DOWN_6,
        &design::UP_2_DOWN_3,
    ];
    for filter in filters {
        assert_eq!(filter.rows.len(), filter.up * filter.down);
        for output in 0..filter.up {
            let (mut sum, mut largest_total) = (0, 1 << (design::FRACTION_BITS - 1));
            for row in filter.output(output) {
                let taps = row.taps().as_flattened();
                assert!(row.first + taps.len() <= design::TAPS);
                sum += taps.iter().map(|&tap| i64::from(tap)).sum::<i64>();
                let largest: i64 = taps.iter().map(|&tap| i64::from(tap.unsigned_abs()) << 15).sum();
                assert!(largest <= i64::from(i32::MAX));
                largest_total += (largest >> filter.extra_bits) + 1;
            }
            assert!(largest_total <= i64::from(i32::MAX));
            // So a constant comes out unchanged.
            assert_eq!(sum, 1 << (design::FRACTION_BITS + filter.extra_bits));
        }
    }
}

#[test]
fn searched_taps_are_symmetrical_zero_on_the_lower_rates_samples_and_low_in_the_stop_band() {
    const STEPS: u32 = 4_000;
    let filters: [(&design::Filter, &[i16]); 2] =
        [(&design::DOWN_3, &taps::DOWN_3), (&design::DOWN_6, &taps::DOWN_6)];
    for (filter, outwards) in filters {
        let down = filter.down;
        assert_eq!(filter.rows.len(), down);
        // Pushing a pulse through the rows gives the taps from one end to the other: half of it is what is stored.
        let mut response = Vec::new();
        for n in 0..design::TAPS * down {
            let (n, row) = (n / down, &filter.rows[n % down]);
            let tap = n.checked_sub(row.first).and_then(|n| row.taps().as_flattened().get(n));
            response.push(tap.copied().unwrap_or(0));
        }
        let first = response.iter().position(|&tap| tap != 0).unwrap();
        let centre = first + outwards.len() - 1;
        for (distance, &tap) in outwards.iter().enumerate() {
            assert_eq!((response[centre - distance], response[centre + distance]), (tap, tap));
            assert_eq!(tap == 0, distance > 0 && distance % down == 0, "{distance}");
        }
        assert!(response[centre + outwards.len()..].iter().all(|&tap| tap == 0));

        let steps = |from: f64, to: f64| {
            (0..=STEPS).map(move |step| from + (to - from) * f64::from(step) / f64::from(STEPS))
        };
        let gain_db = |of_lower_rate: f64| decibels(filter.gain(of_lower_rate / down as f64));
        let rejection = worst(steps(0.575, down as f64 / 2.0).map(gain_db));
        assert!(rejection <= -75.5, "1 to {down}: {rejection} dB");
        let ripple = worst(steps(0.0, 0.425).map(gain_db).map(f64::abs));
        assert!(ripple <= 0.01, "1 to {down}: {ripple} dB");
    }
}

#[test]
fn the_largest_possible_sum_is_clipped_by_every_instruction_set() {
    for (from_hz, to_hz) in ratios() {
        let filter = Resampler::new(from_hz, to_hz).unwrap().filter();
        for number in 0..filter.up {
            // Every sample that one output sees is at the end of the range where its tap makes the sum larger.
            let mut input = vec![0; design::TAPS * filter.down];
            for (stream, row) in filter.output(number).iter().enumerate() {
                for (n, &tap) in row.taps().as_flattened().iter().enumerate() {
                    input[(row.first + n) * filter.down + stream] = if tap < 0 { i16::MIN } else { i16::MAX };
                }
            }
            for set in InstructionSet::available() {
                let mut output = Vec::new();
                Resampler::with_instruction_set(from_hz, to_hz, set).unwrap().process(&input, &mut output);
                assert_eq!(output, exact(from_hz, to_hz, &input), "{from_hz} to {to_hz} Hz, {}", set.name());
                assert_eq!(output[output.len() - filter.up + number], i16::MAX);
            }
        }
    }
}

#[test]
fn a_reset_forgets_what_was_filtered_and_what_waits_for_its_period() {
    for (from_hz, to_hz) in ratios() {
        let mut used = Resampler::new(from_hz, to_hz).unwrap();
        used.process(&[i16::MAX; 100], &mut Vec::new());
        used.process(&[i16::MAX; 1], &mut Vec::new());
        used.reset();
        let input: Vec<i16> = (1..1_000).collect();
        let mut output = Vec::new();
        assert_eq!(used.output_length(1), Resampler::new(from_hz, to_hz).unwrap().output_length(1));
        used.process(&input, &mut output);
        let mut expected = Vec::new();
        Resampler::new(from_hz, to_hz).unwrap().process(&input, &mut expected);
        assert_eq!(output, expected, "{from_hz} to {to_hz} Hz");
    }
}

#[test]
fn a_length_that_no_slice_has_is_clipped() {
    for (from_hz, to_hz) in ratios() {
        let mut resampler = Resampler::new(from_hz, to_hz).unwrap();
        resampler.process(&[1], &mut Vec::new());
        for length in [usize::MAX / 2, usize::MAX - 1, usize::MAX] {
            assert!(resampler.output_length(length) <= resampler.max_output(length));
            assert!(resampler.max_output(length) >= usize::MAX / 12, "{from_hz} to {to_hz} Hz");
        }
    }
}

#[test]
fn only_the_stated_ratios_are_supported() {
    assert_eq!(
        Resampler::new(44_100, 8_000).unwrap_err(),
        UnsupportedRatio { from_hz: 44_100, to_hz: 8_000 }
    );
    assert!(Resampler::new(8_000, 8_000).is_err());
    assert!(Resampler::new(0, 8_000).is_err());
    assert_eq!(ratios().filter(|&(from_hz, to_hz)| Resampler::new(from_hz, to_hz).is_ok()).count(), 12);
}

#[test]
fn a_flush_gives_the_tail_and_starts_anew() {
    for (from_hz, to_hz) in ratios() {
        let mut resampler = Resampler::new(from_hz, to_hz).unwrap();
        let input = vec![10_000; 480];
        let mut first = Vec::new();
        resampler.process(&input, &mut first);
        assert_eq!(
            resampler.flush(&mut first),
            first.len() - input.len() * to_hz as usize / from_hz as usize
        );
        let followed_by_silence: Vec<i16> =
            input.iter().copied().chain(std::iter::repeat_n(0, 1_000)).collect();
        assert_eq!(first, resample(from_hz, to_hz, &followed_by_silence)[..first.len()]);

        let mut second = Vec::new();
        resampler.process(&input, &mut second);
        resampler.flush(&mut second);
        assert_eq!(first, second, "{from_hz} to {to_hz} Hz");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_split_of_the_input_gives_the_same_output(
        ratio in prop::sample::select(ratios().collect::<Vec<_>>()),
        input in prop::collection::vec(any::<i16>(), 0..2_500),
        cuts in prop::collection::vec(0usize..700, 0..30),
    ) {
        let (from_hz, to_hz) = ratio;
        let whole = resample(from_hz, to_hz, &input);
        let down = Resampler::new(from_hz, to_hz).unwrap().filter().down;
        prop_assert_eq!(whole.len(), input.len() / down * down * to_hz as usize / from_hz as usize);

        let mut resampler = Resampler::new(from_hz, to_hz).unwrap();
        let mut pieces = Vec::new();
        let mut rest = input.as_slice();
        for cut in cuts {
            let (piece, after) = rest.split_at(cut.min(rest.len()));
            let expected = resampler.output_length(piece.len());
            prop_assert!(expected <= resampler.max_output(piece.len()));
            prop_assert_eq!(resampler.process(piece, &mut pieces), expected);
            rest = after;
        }
        resampler.process(rest, &mut pieces);
        prop_assert_eq!(whole, pieces);
    }
    #[test]
    fn every_instruction_set_gives_the_same_output(
        ratio in prop::sample::select(ratios().collect::<Vec<_>>()),
        input in prop::collection::vec(loud_samples(), 0..2_500),
        cut in 0usize..2_500,
    ) {
        let (from_hz, to_hz) = ratio;
        let (first, second) = input.split_at(cut.min(input.len()));
        let outputs = InstructionSet::available().into_iter().map(|set| {
            let mut resampler = Resampler::with_instruction_set(from_hz, to_hz, set).unwrap();
            let mut output = Vec::new();
            resampler.process(first, &mut output);
            resampler.process(second, &mut output);
            (set, output)
        });
        for (set, output) in outputs {
            prop_assert!(output == exact(from_hz, to_hz, &input), "{}", set.name());
        }
    }
}

/// Anything, and often the ends of the range, where sums are largest.
fn loud_samples() -> impl Strategy<Value = i16> {
    prop_oneof![any::<i16>(), Just(i16::MIN), Just(i16::MAX)]
}

/// The definition, in 64 bits and without any cleverness.
fn exact(from_hz: u32, to_hz: u32, input: &[i16]) -> Vec<i16> {
    let filter = Resampler::new(from_hz, to_hz).unwrap().filter();
    let sample = |position: isize| {
        usize::try_from(position)
            .ok()
            .and_then(|position| input.get(position))
            .map_or(0, |&sample| i64::from(sample))
    };
    let mut output = Vec::new();
    for period in 0..input.len() / filter.down {
        for number in 0..filter.up {
            let mut total = 0;
            for (stream, row) in filter.output(number).iter().enumerate() {
                let taps = row.taps().as_flattened().iter().enumerate();
                let sum: i64 = taps
                    .map(|(n, &tap)| {
                        let age = (design::TAPS - 1 - row.first - n) as isize;
                        let position = (period as isize - age) * filter.down as isize + stream as isize;
                        i64::from(tap) * sample(position)
                    })
                    .sum();
                total += sum >> filter.extra_bits;
            }
            let rounded = (total + (1 << (design::FRACTION_BITS - 1))) >> design::FRACTION_BITS;
            output.push(rounded.clamp(i16::MIN.into(), i16::MAX.into()) as i16);
        }
    }
    output
}

#[test]
fn an_output_that_is_too_short_changes_nothing() {
    let mut resampler = Resampler::new(24_000, 8_000).unwrap();
    let mut output = [7; 160];
    assert_eq!(
        resampler.process_into(&[1_000; 480], &mut output[..159]),
        Err(OutputTooShort { length: 159, needed: 160 })
    );
    assert_eq!(output, [7; 160]);
    assert_eq!(resampler.process_into(&[1_000; 480], &mut output), Ok(160));
    assert_eq!(output[..], resample(24_000, 8_000, &[1_000; 480]));
}
