//! What a load run measured: raw samples in, percentiles out, as a table, as JSON and as a page with plots.
//!
//! Times are in milliseconds, and every percentile is an observed value (nearest rank), never an
//! interpolation.

use serde::{Deserialize, Serialize};
use std::time::Duration;

mod html;
mod percentile;
mod plot;
mod table;
#[cfg(test)]
mod tests;

pub use percentile::{Distribution, percentile};

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadSettings {
    /// Calls at the same time.
    pub calls: u32,
    /// Recorded calls, in turns.
    pub fixtures: Vec<String>,
    /// The server's voice webhook.
    pub to: String,
    /// New calls per second until all were up.
    pub ramp_per_second: f64,
    /// How long ended calls were replaced, in seconds; `None`: each call once.
    pub duration_s: Option<u64>,
    /// What the stand-in services take by design between the caller's last word and the first audible sample, in ms,
    /// give or take a frame, which each answer has for itself; `None` if the server's services are not ours to know.
    pub fixed_delay_ms: Option<f64>,
}

/// Everything that a load run saw.
#[derive(Clone, Debug, Default)]
pub struct LoadSamples {
    /// One for each call that was started.
    pub calls: Vec<CallSample>,
    /// The server process, if its id is known.
    pub server: Option<ProcessUse>,
    /// The same load against a bare echo server, if it was run.
    pub floor: Option<FloorSamples>,
}

/// One call.
#[derive(Clone, Debug, Default)]
pub struct CallSample {
    /// When it was started, since the start of the run.
    pub started: Duration,
    /// When it was over, since the start of the run.
    pub ended: Duration,
    /// Why it is lost: refused, broken off, or not as its script expects. `None`: it went as expected.
    pub lost: Option<String>,
    /// From the voice webhook's request to its TwiML; `None` if the call could not be placed.
    pub webhook: Option<Duration>,
    /// From the voice webhook's request to the start of the stream; `None` if there was none.
    pub setup: Option<Duration>,
    /// Answers, in order.
    pub responses: Vec<ResponseSample>,
    /// From the caller's onset of speech over the assistant to the carrier's receipt of `clear`, each.
    pub barge_ins: Vec<Duration>,
    /// Silences that a listener hears inside an answer, each.
    pub underruns: Vec<Duration>,
    /// Messages that the carrier would have refused.
    pub carrier_warnings: Vec<String>,
}

/// One answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseSample {
    /// End of the caller's speech, since the start of the run.
    pub at: Duration,
    /// From there to the first audible sample of the answer.
    pub latency: Duration,
    /// Of that, what the stand-in services take by design; `None` if they are not ours to know.
    pub fixed: Option<Duration>,
}

/// What a server process used during a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProcessUse {
    /// CPU time spent during the run.
    pub cpu: Duration,
    /// Memory before the first call, in bytes.
    pub resident_before: u64,
    /// The most memory seen during the run, in bytes.
    pub resident_peak: u64,
}

/// The same load against a bare echo server.
#[derive(Clone, Debug, Default)]
pub struct FloorSamples {
    /// One for each call that was started.
    pub calls: Vec<CallSample>,
    /// The echo server's process, if its id is known.
    pub server: Option<ProcessUse>,
}

/// The report of a load run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadReport {
    /// What was asked for.
    pub settings: LoadSettings,
    /// How the calls went.
    pub calls: CallCounts,
    /// From the voice webhook's request to its TwiML: signature, tenant, routing and the call's row.
    #[serde(default)]
    pub webhook_ms: Option<Distribution>,
    /// From the voice webhook's request to the start of the stream.
    #[serde(default)]
    pub setup_ms: Option<Distribution>,
    /// Response latency less the fixed delays; `None` where those are not known or nothing was answered.
    /// Below zero, the fixed delays were stated too long.
    pub overhead_ms: Option<Distribution>,
    /// From the end of the caller's speech to the first audible sample.
    pub response_ms: Option<Distribution>,
    /// From the caller's onset of speech over the assistant to `clear`.
    pub barge_in_ms: Option<Distribution>,
    /// Silences inside answers.
    pub underruns: Underruns,
    /// Messages that the carrier would have refused.
    pub carrier_warnings: WarningCounts,
    /// What the server process used, if its id is known.
    pub server: Option<ProcessFigures>,
    /// The same load against a bare echo server, if it was run.
    pub floor: Option<FloorFigures>,
    /// What the plots show.
    pub series: Series,
}

/// How the calls went.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CallCounts {
    /// Started.
    pub started: usize,
    /// Went as their script expects.
    pub completed: usize,
    /// Did not.
    pub lost: usize,
    /// The most at the same time.
    pub peak_concurrent: usize,
    /// Minutes of all calls together.
    pub minutes: f64,
    /// Why calls were lost, with how many, most frequent first.
    pub lost_because: Vec<(String, usize)>,
}

/// Silences that a listener hears inside answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Underruns {
    /// How many.
    pub count: usize,
    /// How many per minute of call.
    pub per_call_minute: f64,
    /// All together, in ms.
    pub total_ms: f64,
}

/// Messages that the carrier would have refused.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WarningCounts {
    /// How many.
    pub count: usize,
    /// Which, with how many, most frequent first.
    pub kinds: Vec<(String, usize)>,
}

/// What a server process used, per call.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProcessFigures {
    /// CPU seconds per minute of call.
    pub cpu_s_per_call_minute: f64,
    /// Memory above that before the first call, per concurrent call, in bytes.
    pub resident_bytes_per_call: f64,
    /// The most memory seen, in bytes.
    pub resident_peak_bytes: u64,
}

/// The same load against a bare echo server, and the server as multiples of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FloorFigures {
    /// How the calls went there.
    pub calls: CallCounts,
    /// What the echo server used, if its id is known.
    pub server: Option<ProcessFigures>,
    /// The server's CPU time per call-minute over the echo server's.
    pub cpu_ratio: Option<f64>,
    /// The server's memory per call over the echo server's.
    pub memory_ratio: Option<f64>,
}

/// What the plots show.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// Cumulative share of answers (0 to 1) over overhead in ms (response latency where that is not known).
    pub overhead_cdf: Vec<(f64, f64)>,
    /// Response latency over the run.
    pub latency: Vec<LatencySlice>,
    /// Calls up, over seconds since the start; each value holds until the next.
    pub concurrent: Vec<(f64, usize)>,
    /// How long each call took to come up, in the order in which they ended, so that several runs can be put together.
    #[serde(default)]
    pub beginnings: Vec<Beginning>,
}

/// How a call came up, in ms from the voice webhook's request.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Beginning {
    /// Until its TwiML; `None` if the call could not be placed.
    pub webhook_ms: Option<f64>,
    /// Until the start of the stream; `None` if there was none.
    pub setup_ms: Option<f64>,
}

/// The answers of one slice of the run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LatencySlice {
    /// Middle of the slice, in seconds since the start.
    pub at_s: f64,
    /// Response latency of its answers.
    pub response_ms: Distribution,
}

/// Slices of the latency plot, at most: about as many as can be told apart on a page.
const SLICES: usize = 100;
/// Points of the cumulative plot, at most.
const CDF_POINTS: usize = 400;

impl LoadReport {
    /// Works the samples out.
    #[must_use]
    pub fn new(settings: LoadSettings, samples: &LoadSamples) -> Self {
        let calls = CallCounts::of(&samples.calls);
        let responses: Vec<_> =
            samples.calls.iter().flat_map(|call| call.responses.iter().copied()).collect();
        let latencies: Vec<_> = responses.iter().map(|response| ms(response.latency)).collect();
        let overhead = |response: &ResponseSample| Some(ms(response.latency) - ms(response.fixed?));
        let overheads: Option<Vec<_>> = responses.iter().map(overhead).collect();
        let barge_ins: Vec<_> =
            samples.calls.iter().flat_map(|call| &call.barge_ins).copied().map(ms).collect();
        let server = samples.server.and_then(|used| ProcessFigures::of(used, &calls));
        let of_calls = |of: fn(&CallSample) -> Option<Duration>| {
            Distribution::of(&samples.calls.iter().filter_map(of).map(ms).collect::<Vec<_>>())
        };
        Self {
            webhook_ms: of_calls(|call| call.webhook),
            setup_ms: of_calls(|call| call.setup),
            overhead_ms: overheads.as_deref().and_then(Distribution::of),
            response_ms: Distribution::of(&latencies),
            barge_in_ms: Distribution::of(&barge_ins),
            underruns: Underruns::of(&samples.calls, &calls),
            carrier_warnings: WarningCounts::of(&samples.calls),
            floor: samples.floor.as_ref().map(|floor| FloorFigures::of(floor, server)),
            series: Series {
                overhead_cdf: cdf(overheads.as_deref().unwrap_or(&latencies)),
                latency: slices(&responses),
                concurrent: concurrent(&samples.calls),
                beginnings: samples.calls.iter().map(Beginning::of).collect(),
            },
            server,
            calls,
            settings,
        }
    }

    /// For a terminal.
    #[must_use]
    pub fn to_table(&self) -> String {
        table::render(self)
    }

    /// A page that needs nothing beside itself.
    #[must_use]
    pub fn to_html(&self) -> String {
        html::render(self)
    }
}

impl Beginning {
    fn of(call: &CallSample) -> Self {
        Self { webhook_ms: call.webhook.map(ms), setup_ms: call.setup.map(ms) }
    }
}

impl CallCounts {
    fn of(calls: &[CallSample]) -> Self {
        let lost: Vec<_> = calls.iter().filter_map(|call| call.lost.as_deref()).collect();
        let length: Duration = calls.iter().map(|call| call.ended.saturating_sub(call.started)).sum();
        Self {
            started: calls.len(),
            completed: calls.len() - lost.len(),
            lost: lost.len(),
            peak_concurrent: concurrent(calls).into_iter().map(|(_, up)| up).max().unwrap_or(0),
            minutes: length.as_secs_f64() / 60.0,
            lost_because: frequencies(lost),
        }
    }
}

impl Underruns {
    fn of(calls: &[CallSample], counts: &CallCounts) -> Self {
        let gaps: Vec<Duration> = calls.iter().flat_map(|call| call.underruns.iter().copied()).collect();
        Self {
            count: gaps.len(),
            per_call_minute: if counts.minutes > 0.0 { gaps.len() as f64 / counts.minutes } else { 0.0 },
            total_ms: ms(gaps.iter().sum()),
        }
    }
}

impl WarningCounts {
    fn of(calls: &[CallSample]) -> Self {
        let all: Vec<_> = calls.iter().flat_map(|call| &call.carrier_warnings).map(String::as_str).collect();
        Self { count: all.len(), kinds: frequencies(all) }
    }
}

impl ProcessFigures {
    /// `None` if there was no call to divide by.
    fn of(used: ProcessUse, calls: &CallCounts) -> Option<Self> {
        (calls.minutes > 0.0 && calls.peak_concurrent > 0).then(|| Self {
            cpu_s_per_call_minute: used.cpu.as_secs_f64() / calls.minutes,
            resident_bytes_per_call: used.resident_peak.saturating_sub(used.resident_before) as f64
                / calls.peak_concurrent as f64,
            resident_peak_bytes: used.resident_peak,
        })
    }
}

impl FloorFigures {
    fn of(floor: &FloorSamples, server: Option<ProcessFigures>) -> Self {
        let calls = CallCounts::of(&floor.calls);
        let bare = floor.server.and_then(|used| ProcessFigures::of(used, &calls));
        let ratio = |figure: fn(&ProcessFigures) -> f64| {
            let (ours, theirs) = (figure(&server?), figure(&bare?));
            (theirs > 0.0).then(|| ours / theirs)
        };
        Self {
            cpu_ratio: ratio(|figures| figures.cpu_s_per_call_minute),
            memory_ratio: ratio(|figures| figures.resident_bytes_per_call),
            server: bare,
            calls,
        }
    }
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

/// Each text with how often it occurs, most frequent first, then by name.
fn frequencies(texts: Vec<&str>) -> Vec<(String, usize)> {
    let mut counts = std::collections::BTreeMap::<&str, usize>::new();
    for text in texts {
        *counts.entry(text).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().map(|(text, count)| (text.to_owned(), count)).collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}

/// Calls up after each start and end. A call that ends at the instant another starts makes room for it first.
fn concurrent(calls: &[CallSample]) -> Vec<(f64, usize)> {
    let mut changes: Vec<(Duration, i64)> =
        calls.iter().flat_map(|call| [(call.started, 1), (call.ended, -1)]).collect();
    changes.sort_unstable();
    let mut up = 0_i64;
    let mut series: Vec<(f64, usize)> = Vec::with_capacity(changes.len());
    for (at, change) in changes {
        up += change;
        let point = (at.as_secs_f64(), usize::try_from(up).unwrap_or(0));
        match series.last_mut() {
            Some(last) if last.0 == point.0 => *last = point,
            _ => series.push(point),
        }
    }
    series
}

fn cdf(values: &[f64]) -> Vec<(f64, f64)> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let step = sorted.len().div_ceil(CDF_POINTS).max(1);
    // The axis begins at zero; what is below it shows in the figures.
    let point = |index: usize| (sorted[index].max(0.0), (index + 1) as f64 / sorted.len() as f64);
    let mut points: Vec<_> = (0..sorted.len()).step_by(step).map(point).collect();
    if let Some(last) = sorted.len().checked_sub(1)
        && last % step != 0
    {
        points.push(point(last));
    }
    points
}

fn slices(responses: &[ResponseSample]) -> Vec<LatencySlice> {
    let Some(end) = responses.iter().map(|response| response.at.as_secs_f64()).max_by(f64::total_cmp) else {
        return Vec::new();
    };
    // At least a second wide: thinner slices hold single answers, whose percentiles say nothing.
    let width = (end / SLICES as f64).max(1.0);
    let mut buckets = std::collections::BTreeMap::<u64, Vec<f64>>::new();
    for response in responses {
        buckets.entry((response.at.as_secs_f64() / width) as u64).or_default().push(ms(response.latency));
    }
    let slice = |(index, latencies): (u64, Vec<f64>)| {
        Some(LatencySlice { at_s: (index as f64 + 0.5) * width, response_ms: Distribution::of(&latencies)? })
    };
    buckets.into_iter().filter_map(slice).collect()
}
