//! The two conversions of every call: the caller's mu-law for a speech recogniser, and a synthesiser's PCM for the
//! caller. One stream whose state is in the first cache, and a thousand streams one after the other.

use crate::g711::Law;
use crate::harness::{self, Row, Timed};
use crate::peers::{Contestant, OUTPUT_MAX, Peers, Resample, names};
use crate::quality;
use crate::signal::{self, FRAMES, Frames, frame_length};
use crate::table::{Against, Goal, Report, Table, find};
use audio_dsp::chain::{PcmToUlaw, UlawToPcm};
use std::hint::black_box;
use std::rc::Rc;

/// Rate that the recogniser is given, in Hz.
const RECOGNISER_HZ: u32 = 16_000;

/// Rate of the synthesiser, in Hz.
const SYNTHESISER_HZ: u32 = 24_000;

/// Rate of the telephone, in Hz.
const TELEPHONE_HZ: u32 = 8_000;

/// Streams that are served in turn, as in a server with that many calls.
const CROWD: usize = 1_000;

/// Peers whose latency is at most this (ms) are compared with: twice what ours may have.
const COMPARABLE_MS: f64 = 4.4;

/// Our fused chain's row.
const FUSED: &str = "audio-dsp, fused";

/// One conversion from 20 ms of `A` to 20 ms of `B`.
type Chain<A, B> = Box<dyn FnMut(&[A], &mut [B])>;

/// Makes a stream of a contestant's chain.
type MakeChain<'a, A, B> = Box<dyn Fn() -> Chain<A, B> + 'a>;

/// A chain that takes part.
struct Entrant<'a, A, B> {
    name: String,
    resampler: &'a str,
    in_crowds: bool,
    make: MakeChain<'a, A, B>,
}

/// Measures both directions.
pub(crate) fn run(peers: &Peers, report: &mut Report) {
    let codes = encoded(signal::speech(TELEPHONE_HZ, 160 * FRAMES));
    let title = "Caller to recogniser: mu-law 8 kHz to PCM 16 kHz, 20 ms";
    let latency = |contestant: &Contestant| quality::latency_ms(contestant, TELEPHONE_HZ, RECOGNISER_HZ);
    let found = direction(title, &inward(peers), &codes, 160, &latency, peers, report);
    let promise = "mu-law 8 kHz to PCM 16 kHz";
    report.goals.extend([
        found.goal_of_fastest(promise, 8.0),
        found.goal(promise, names::SPEEXDSP_Q3, 25.0),
        found.goal_of_latency(promise),
    ]);

    let length = frame_length(SYNTHESISER_HZ);
    let samples = signal::speech(SYNTHESISER_HZ, length * FRAMES);
    let title = "Synthesiser to caller: PCM 24 kHz to mu-law 8 kHz, 20 ms";
    let latency = |contestant: &Contestant| quality::latency_ms(contestant, SYNTHESISER_HZ, TELEPHONE_HZ);
    let found = direction(title, &outward(peers), &samples, length, &latency, peers, report);
    let promise = "PCM 24 kHz to mu-law 8 kHz";
    report.goals.extend([
        found.goal(promise, names::SWRESAMPLE, 6.0),
        found.goal(promise, names::SPEEXDSP_Q3, 20.0),
        found.goal_of_latency(promise),
    ]);
}

/// What one direction's table says.
struct Found {
    /// How many times as long as ours each resampler's chain takes.
    factors: Vec<(String, f64)>,
    /// The resampler of the fastest chain of comparable latency that is not ours.
    fastest: String,
    latency_ms: f64,
}

impl Found {
    fn goal(&self, promise: &str, resampler: &str, factor: f64) -> Goal {
        Goal::at_least(
            format!("{promise}: {factor} times as fast as {resampler}"),
            factor,
            self.factor(resampler),
        )
    }

    fn goal_of_fastest(&self, promise: &str, factor: f64) -> Goal {
        let promise = format!("{promise}: {factor} times as fast as the fastest peer of comparable latency");
        Goal::at_least(promise, factor, self.factor(&self.fastest)).detail(&format!(" ({})", self.fastest))
    }

    fn factor(&self, resampler: &str) -> Option<f64> {
        self.factors.iter().find(|(name, _)| name == resampler).map(|(_, factor)| *factor)
    }

    fn goal_of_latency(&self, promise: &str) -> Goal {
        Goal::at_most(format!("{promise}: latency at most 2.2 ms"), 2.2, Some(self.latency_ms))
    }
}

fn direction<A: Copy + 'static, B: Copy + Default + 'static>(
    title: &str,
    entrants: &[Entrant<'_, A, B>],
    signal: &[A],
    length: usize,
    latency: &dyn Fn(&Contestant) -> f64,
    peers: &Peers,
    report: &mut Report,
) -> Found {
    let latencies: Vec<(&str, f64)> = entrants
        .iter()
        .filter_map(|entrant| Some((entrant.name.as_str(), latency(peers.resampler(entrant.resampler)?))))
        .collect();
    let latency_of = |name: &str| latencies.iter().find(|(other, _)| *other == name).map(|(_, ms)| *ms);

    let times = harness::time(entrants.iter().map(|entrant| hot_row(entrant, signal, length)).collect());
    let comparable = |time: &&Timed| {
        let theirs =
            entrants.iter().any(|entrant| entrant.name == time.name && entrant.resampler != names::OURS);
        theirs && latency_of(&time.name).is_some_and(|ms| ms <= COMPARABLE_MS)
    };
    let fastest = times.iter().filter(comparable).min_by(|a, b| a.median_ns().total_cmp(&b.median_ns()));
    let fastest = fastest.map_or(String::new(), |time| time.name.clone());
    let row_of = |resampler: &str| {
        let entrant = entrants.iter().find(|entrant| entrant.resampler == resampler);
        entrant.map_or(String::new(), |entrant| entrant.name.clone())
    };
    let (speexdsp, swresample) = (row_of(names::SPEEXDSP_Q3), row_of(names::SWRESAMPLE));
    let against = [
        Against { head: "ours", row: FUSED },
        Against { head: "fastest peer of comparable latency", row: &fastest },
        Against { head: "speexdsp q3", row: &speexdsp },
        Against { head: "libswresample", row: &swresample },
    ];
    let latency_text = |name: &str| latency_of(name).map_or_else(String::new, |ms| format!("{ms:.2}"));
    let note = format!(
        "Of comparable latency is who holds sound back for at most {COMPARABLE_MS} ms; the fastest peer of these: {fastest}."
    );
    report.add(
        Table::of_times(format!("{title}, one stream"), &times, &against)
            .column("latency ms", latency_text)
            .note(note)
            .for_readme(),
    );

    let crowd = entrants.iter().filter(|entrant| entrant.in_crowds);
    let crowd_times = harness::time(crowd.map(|entrant| crowd_row(entrant, signal, length)).collect());
    report.add(
        Table::of_times(format!("{title}, {CROWD} streams in turn"), &crowd_times, &against).for_readme(),
    );

    let ours = find(&times, FUSED);
    let factors = entrants.iter().filter(|entrant| entrant.resampler != names::OURS).filter_map(|entrant| {
        Some((entrant.resampler.to_owned(), find(&times, &entrant.name)?.ratio_to(ours?)))
    });
    let fastest = entrants.iter().find(|entrant| entrant.name == fastest);
    Found {
        factors: factors.collect(),
        fastest: fastest.map_or(String::new(), |entrant| entrant.resampler.to_owned()),
        latency_ms: latency_of(FUSED).unwrap_or(f64::NAN),
    }
}

/// One stream, its frames and its output in the first cache.
fn hot_row<A: Copy + 'static, B: Copy + Default + 'static>(
    entrant: &Entrant<'_, A, B>,
    signal: &[A],
    length: usize,
) -> Row {
    let mut frames = Frames::new(signal.to_vec(), length);
    let mut chain = (entrant.make)();
    let mut output = vec![B::default(); OUTPUT_MAX];
    let work = move || {
        chain(black_box(frames.next()), &mut output);
        black_box(&mut output);
    };
    Row::new(&entrant.name, work).repeats_at_least(32)
}

/// Many streams, each with its own state, frames and output, served in turn.
fn crowd_row<A: Copy + 'static, B: Copy + Default + 'static>(
    entrant: &Entrant<'_, A, B>,
    signal: &[A],
    length: usize,
) -> Row {
    let mut streams: Vec<_> = (0..CROWD)
        .map(|number| {
            let offset = number % FRAMES * length;
            ((entrant.make)(), signal[offset..offset + length].to_vec(), vec![B::default(); length * 3])
        })
        .collect();
    let mut next = 0;
    Row::new(&entrant.name, move || {
        let (chain, frame, output) = &mut streams[next];
        chain(black_box(frame), output);
        black_box(output);
        next = (next + 1) % CROWD;
    })
    .repeats_at_least(CROWD as u32)
}

fn encoded(samples: Vec<i16>) -> Vec<u8> {
    let table = Law::Ulaw.encode_table();
    samples.into_iter().map(|sample| table[sample as u16 as usize]).collect()
}

/// Mu-law to PCM.
fn inward(peers: &Peers) -> Vec<Entrant<'_, u8, i16>> {
    let fused = Entrant {
        name: FUSED.to_owned(),
        resampler: names::OURS,
        in_crowds: true,
        make: Box::new(|| {
            let mut chain = UlawToPcm::new(RECOGNISER_HZ).expect("a rate it has");
            Box::new(move |codes, samples| {
                black_box(chain.process_into(codes, samples)).expect("the output is long enough");
            })
        }),
    };
    let table: Rc<[i16; 256]> = Law::Ulaw.decode_table().into();
    let composed = peers.resamplers.iter().map(move |contestant| {
        let table = Rc::clone(&table);
        let make: MakeChain<'_, u8, i16> = Box::new(move || {
            let mut resampler: Box<dyn Resample> = (contestant.make)(TELEPHONE_HZ, RECOGNISER_HZ);
            let table = Rc::clone(&table);
            let mut decoded = [0; 160];
            Box::new(move |codes, samples| {
                for (sample, &code) in decoded.iter_mut().zip(codes) {
                    *sample = table[code as usize];
                }
                black_box(resampler.process(&decoded, samples));
            })
        });
        Entrant {
            name: format!("table of 256, {}", contestant.name),
            resampler: contestant.name,
            in_crowds: contestant.in_crowds,
            make,
        }
    });
    std::iter::once(fused).chain(composed).collect()
}

/// PCM to mu-law.
fn outward(peers: &Peers) -> Vec<Entrant<'_, i16, u8>> {
    let fused = Entrant {
        name: FUSED.to_owned(),
        resampler: names::OURS,
        in_crowds: true,
        make: Box::new(|| {
            let mut chain = PcmToUlaw::new(SYNTHESISER_HZ).expect("a rate it has");
            Box::new(move |samples, codes| {
                black_box(chain.process_into(samples, codes)).expect("the output is long enough");
            })
        }),
    };
    let table: Rc<[u8]> = Law::Ulaw.encode_table().into();
    let composed = peers.resamplers.iter().map(move |contestant| {
        let table = Rc::clone(&table);
        let make: MakeChain<'_, i16, u8> = Box::new(move || {
            let mut resampler: Box<dyn Resample> = (contestant.make)(SYNTHESISER_HZ, TELEPHONE_HZ);
            let table = Rc::clone(&table);
            let mut resampled = vec![0; OUTPUT_MAX];
            Box::new(move |samples, codes| {
                let count = resampler.process(samples, &mut resampled);
                for (code, &sample) in codes.iter_mut().zip(&resampled[..count]) {
                    *code = table[sample as u16 as usize];
                }
            })
        });
        Entrant {
            name: format!("{}, table of 65,536", contestant.name),
            resampler: contestant.name,
            in_crowds: contestant.in_crowds,
            make,
        }
    });
    std::iter::once(fused).chain(composed).collect()
}
