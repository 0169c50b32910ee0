//! Prints what each resampler's filter does: `cargo run --example filter_response`.
//!
//! The figures are computed from the integer taps in use. The pass band ends at 0.425 of the lower rate and the stop
//! band starts at 0.575 (3.4 and 4.6 kHz when that is 8 kHz). Beyond it lies what an image or an alias is made of.

use audio_dsp::resample::Resampler;

const RATES_HZ: [u32; 4] = [8_000, 16_000, 24_000, 48_000];

/// Frequencies looked at in each band.
const STEPS: u32 = 1_000;

fn main() {
    println!("from Hz   to Hz   delay   pass band   stop band   at the lower rate's half");
    for from_hz in RATES_HZ {
        for to_hz in RATES_HZ {
            if let Ok(resampler) = Resampler::new(from_hz, to_hz) {
                report(&resampler);
            }
        }
    }
}

fn report(resampler: &Resampler) {
    let (from_hz, to_hz) = (resampler.input_hz(), resampler.output_hz());
    let lower_hz = f64::from(from_hz.min(to_hz));
    let (pass_hz, stop_hz) = (0.425 * lower_hz, 0.575 * lower_hz);
    let top_hz = f64::from(from_hz.max(to_hz)) / 2.0;
    let gain_db = |frequency_hz| 20.0 * resampler.gain(frequency_hz).log10();
    let share = |step| f64::from(step) / f64::from(STEPS);

    let ripple_db = (0..=STEPS).map(|step| gain_db(pass_hz * share(step)).abs()).fold(0.0, f64::max);
    let rejection_db = (0..=STEPS)
        .map(|step| gain_db(stop_hz + (top_hz - stop_hz) * share(step)))
        .fold(f64::NEG_INFINITY, f64::max);
    let delay_ms = resampler.latency_samples() as f64 * 1_000.0 / f64::from(to_hz);
    println!(
        "{from_hz:7} {to_hz:7} {delay_ms:5.2} ms  ±{ripple_db:.4} dB  {rejection_db:6.1} dB   {:6.1} dB",
        gain_db(lower_hz / 2.0),
    );
}
