//! What a resampler does to the sound, measured from outside with tones, the same way for everybody.
//!
//! Every figure comes from streams of 20 ms frames, 16 bits in and out, after the start has passed. Frequencies are
//! those of the telephone band when the lower rate is 8 kHz: flat to 3.4 kHz, nothing beyond 4.6 kHz. For other rates
//! they are scaled with the lower rate.

mod fit;

use crate::peers::{Contestant, OUTPUT_MAX, Peers, names::OURS};
use crate::signal::{frame_length, tones};
use crate::table::{Goal, Report, Table};
use fit::{amplitude_at, fit, power};

/// The rates that are measured (Hz).
pub(crate) const RATIOS: [(u32, u32); 10] = [
    (8_000, 16_000),
    (16_000, 8_000),
    (8_000, 24_000),
    (24_000, 8_000),
    (8_000, 48_000),
    (48_000, 8_000),
    (16_000, 24_000),
    (24_000, 16_000),
    (16_000, 48_000),
    (48_000, 16_000),
];

/// -6 dBFS.
const AMPLITUDE: f64 = 16_422.0;

/// What passes before anything is measured, in frames: more than soxr holds back.
const SETTLE: usize = 25;

/// What is measured, in frames: 0.4 s, in which every multiple of 2.5 Hz makes whole periods.
const MEASURED: usize = 20;

/// Everything about one contestant at one ratio.
struct Quality {
    latency_ms: f64,
    group_delay_ms: f64,
    ripple_db: f64,
    gain_34_db: f64,
    gain_38_db: f64,
    rejection_db: f64,
    edge_db: f64,
    snr_db: f64,
    two_tone_db: f64,
    frame_out: (usize, usize),
}

/// Measures all contestants at all ratios.
pub(crate) fn run(peers: &Peers, report: &mut Report) {
    let mut ours = Vec::new();
    for (from_hz, to_hz) in RATIOS {
        let mut rows = Vec::new();
        for contestant in &peers.resamplers {
            let quality = measure(contestant, from_hz, to_hz);
            rows.push(quality.row(contestant.name));
            if contestant.name == OURS {
                ours.push(quality);
            }
        }
        let heads = [
            "",
            "latency ms",
            "delay ms",
            "ripple dB",
            "3.4 kHz",
            "3.8 kHz",
            "rejection",
            "edge",
            "SNR 1 kHz",
            "two tones",
            "samples out",
        ];
        report.add(Table {
            title: format!("Quality, {from_hz} to {to_hz} Hz"),
            note: note(from_hz, to_hz),
            in_readme: matches!((from_hz, to_hz), (8_000, 16_000) | (24_000, 8_000)),
            heads: heads.map(String::from).into(),
            rows,
        });
    }
    report.goals.extend(goals(&ours));
}

/// The columns, explained once; the frequencies of higher rates.
fn note(from_hz: u32, to_hz: u32) -> String {
    if (from_hz, to_hz) == RATIOS[0] {
        "Latency: age of the newest sample given, at worst. Ripple: 300 to 3,400 Hz. Gains in dB beside that at 1 kHz. \
         Rejection in dB: the loudest image above, or alias from above, 4.6 kHz; edge: the same from 4.0 to 4.6 kHz. \
         SNR in dB of 1,019 Hz at -6 dBFS, and of 700 and 3,000 Hz at -12 dBFS each. Samples given per frame."
            .to_owned()
    } else if from_hz.min(to_hz) == 8_000 {
        String::new()
    } else {
        format!("All frequencies but 1 kHz are times {}.", from_hz.min(to_hz) / 8_000)
    }
}

fn goals(ours: &[Quality]) -> Vec<Goal> {
    let worst = |figure: fn(&Quality) -> f64| ours.iter().map(figure).reduce(f64::max);
    let least = |figure: fn(&Quality) -> f64| ours.iter().map(figure).reduce(f64::min);
    vec![
        Goal::at_most("latency at every ratio: at most 2.2 ms", 2.2, worst(|quality| quality.latency_ms)),
        Goal::at_most(
            "ripple to 3.4 kHz, every ratio: at most 0.05 dB",
            0.05,
            worst(|quality| quality.ripple_db),
        ),
        Goal::at_most(
            "images and aliases beyond the transition, every ratio: at most -75 dB",
            -75.0,
            worst(|quality| quality.rejection_db),
        ),
        Goal::at_least(
            "SNR of 1 kHz at -6 dBFS, every ratio: at least 78 dB",
            78.0,
            least(|quality| quality.snr_db),
        ),
    ]
}

/// The age of the newest sample that has come out when a frame has gone in, in ms, at worst.
pub(crate) fn latency_ms(contestant: &Contestant, from_hz: u32, to_hz: u32) -> f64 {
    latency(contestant, from_hz, to_hz).0
}

/// Latency and group delay around 1 kHz, in ms.
fn latency(contestant: &Contestant, from_hz: u32, to_hz: u32) -> (f64, f64) {
    // The phase at two frequencies so near that the difference tells delays up to 40 ms apart.
    let (low_hz, high_hz) = (1_000.0, 1_025.0);
    let low = Steady::of_tone(contestant, from_hz, to_hz, low_hz);
    let high = Steady::of_tone(contestant, from_hz, to_hz, high_hz);
    let turns = (low.tone(low_hz).phase - high.tone(high_hz).phase) / std::f64::consts::TAU;
    let period_ms = 1_000.0 / (high_hz - low_hz);
    // Between -5 and 35 ms.
    let delay_ms = (turns * period_ms + 5.0).rem_euclid(period_ms) - 5.0;
    (low.held_back_ms + delay_ms, delay_ms)
}

fn measure(contestant: &Contestant, from_hz: u32, to_hz: u32) -> Quality {
    let lower_hz = from_hz.min(to_hz);
    let scale = f64::from(lower_hz) / 8_000.0;
    let (latency_ms, group_delay_ms) = latency(contestant, from_hz, to_hz);
    let run = |hz: f64| Steady::of_tone(contestant, from_hz, to_hz, hz * scale);
    let amplitude = |hz: f64| run(hz).tone(hz * scale).amplitude;

    let at_1k = amplitude(1_000.0);
    let pass = || (0..=31).map(|step| 300.0 + 100.0 * f64::from(step));
    let gains = pass().map(|hz| decibels(amplitude(hz) / at_1k));
    let (least, most) =
        gains.fold((f64::MAX, f64::MIN), |(least, most), gain| (least.min(gain), most.max(gain)));

    // Up: tones in the pass band and what appears above the transition. Down: tones above it and what appears below.
    let unwanted = |hz: f64, from: f64, to: f64| run(hz).unwanted(hz * scale, from * scale, to * scale);
    let top = f64::from(from_hz.max(to_hz)) / 2.0 / scale;
    let worst = |figures: &mut dyn Iterator<Item = f64>| decibels(figures.fold(0.0, f64::max) / AMPLITUDE);
    let (rejection_db, edge_db) = if from_hz < to_hz {
        let edge = || (0..=5).map(|step| 3_450.0 + 100.0 * f64::from(step));
        (
            worst(&mut pass().map(|hz| unwanted(hz, 4_600.0, top))),
            worst(&mut edge().map(|hz| unwanted(hz, 4_000.0, 4_600.0))),
        )
    } else {
        let steps = ((top - 4_650.0) / 100.0) as u32;
        let above = || (0..steps).map(|step| 4_650.0 + 100.0 * f64::from(step));
        let edge = || (0..=5).map(|step| 4_050.0 + 100.0 * f64::from(step));
        (
            worst(&mut above().map(|hz| unwanted(hz, 0.0, 3_400.0))),
            worst(&mut edge().map(|hz| unwanted(hz, 3_400.0, 4_000.0))),
        )
    };

    let single = Steady::of_tone(contestant, from_hz, to_hz, 1_019.0);
    let pair = [(700.0 * scale, AMPLITUDE / 2.0), (3_000.0 * scale, AMPLITUDE / 2.0)];
    let double = Steady::of(contestant, from_hz, to_hz, &pair);
    Quality {
        latency_ms,
        group_delay_ms,
        ripple_db: most - least,
        gain_34_db: decibels(amplitude(3_400.0) / at_1k),
        gain_38_db: decibels(amplitude(3_800.0) / at_1k),
        rejection_db,
        edge_db,
        snr_db: single.signal_to_noise_db(&[1_019.0]),
        two_tone_db: double.signal_to_noise_db(&pair.map(|(hz, _)| hz)),
        frame_out: single.frame_out,
    }
}

impl Quality {
    fn row(&self, name: &str) -> Vec<String> {
        let (least, most) = self.frame_out;
        vec![
            name.to_owned(),
            format!("{:.2}", self.latency_ms),
            format!("{:.2}", self.group_delay_ms),
            format!("{:.3}", self.ripple_db),
            format!("{:.3}", self.gain_34_db),
            format!("{:.2}", self.gain_38_db),
            format!("{:.1}", self.rejection_db),
            format!("{:.1}", self.edge_db),
            format!("{:.1}", self.snr_db),
            format!("{:.1}", self.two_tone_db),
            if least == most { most.to_string() } else { format!("{least} to {most}") },
        ]
    }
}

/// What came out of one stream after it had settled.
struct Steady {
    rate_hz: f64,
    samples: Vec<f64>,
    /// When the first of `samples` stands in the output, in s.
    start: f64,
    /// Sound that had gone in and not come out after a frame, in ms, at worst; without the group delay.
    held_back_ms: f64,
    /// The fewest and the most samples that a frame gave.
    frame_out: (usize, usize),
    from_hz: f64,
}

impl Steady {
    fn of_tone(contestant: &Contestant, from_hz: u32, to_hz: u32, hz: f64) -> Self {
        Self::of(contestant, from_hz, to_hz, &[(hz, AMPLITUDE)])
    }

    /// Sends tones (Hz, amplitude) through a new stream.
    fn of(contestant: &Contestant, from_hz: u32, to_hz: u32, sum: &[(f64, f64)]) -> Self {
        let length = frame_length(from_hz);
        let input = tones(from_hz, length * (SETTLE + MEASURED), sum);
        let mut stream = (contestant.make)(from_hz, to_hz);
        let mut frame = vec![0; OUTPUT_MAX];
        let mut output: Vec<i16> = Vec::new();
        let (mut held_back_ms, mut frame_out) = (f64::MIN, (usize::MAX, 0));
        for (number, input) in input.chunks_exact(length).enumerate() {
            let count = stream.process(input, &mut frame);
            output.extend(&frame[..count]);
            if number >= SETTLE - MEASURED / 2 {
                let given_ms = output.len() as f64 * 1_000.0 / f64::from(to_hz);
                held_back_ms = f64::max(held_back_ms, 20.0 * (number + 1) as f64 - given_ms);
                frame_out = (frame_out.0.min(count), frame_out.1.max(count));
            }
        }
        // Counted from the end: who holds sound back has given less by now, and all of it has settled.
        let first = output.len().saturating_sub(MEASURED * frame_length(to_hz));
        Self {
            rate_hz: f64::from(to_hz),
            samples: output[first..].iter().map(|&sample| f64::from(sample)).collect(),
            start: first as f64 / f64::from(to_hz),
            held_back_ms,
            frame_out,
            from_hz: f64::from(from_hz),
        }
    }

    /// The tone of that frequency.
    fn tone(&self, hz: f64) -> fit::Tone {
        fit(&self.samples, self.rate_hz, self.start, &[hz])[0]
    }

    /// The largest amplitude of an image or alias of a tone of `hz` that lies between two frequencies (Hz).
    fn unwanted(&self, hz: f64, from: f64, to: f64) -> f64 {
        let within = |other: f64| other >= from && other <= to && (other - hz).abs() > 1.0;
        let mut residual = self.samples.clone();
        if hz < self.rate_hz / 2.0 {
            fit::subtract(&mut residual, self.rate_hz, self.start, &[hz]);
        }
        let found = self.copies(hz).into_iter().filter(|&copy| within(copy));
        found.map(|copy| amplitude_at(&residual, self.rate_hz, copy)).fold(0.0, f64::max)
    }

    /// Where copies of a tone may appear: mirrored at multiples of the input's rate, folded to below half the output's.
    fn copies(&self, hz: f64) -> Vec<f64> {
        let carriers = (0..=6).map(|times| f64::from(times) * self.from_hz);
        let mirrored = carriers.flat_map(|carrier| [carrier + hz, (carrier - hz).abs()]);
        let mut copies: Vec<f64> = mirrored
            .map(|copy| {
                let folded = copy % self.rate_hz;
                folded.min(self.rate_hz - folded)
            })
            .collect();
        copies.sort_by(f64::total_cmp);
        copies.dedup();
        copies
    }

    /// The power of these tones over that of everything else, in dB.
    fn signal_to_noise_db(&self, wanted_hz: &[f64]) -> f64 {
        let mut residual = self.samples.clone();
        fit::subtract(&mut residual, self.rate_hz, self.start, wanted_hz);
        let noise = power(&residual);
        10.0 * ((power(&self.samples) - noise) / noise).log10()
    }
}

/// An amplitude ratio in dB; what is too quiet for 16 bits to show is taken to be -180.
fn decibels(ratio: f64) -> f64 {
    (20.0 * ratio.log10()).max(-180.0)
}
