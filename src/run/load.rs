//! `tandem load`: many recorded calls at once against any server, and what came of them.

use super::{Failure, Outcome, call::carrier_options, observe, runtime, sandbox::variables, tool_log};
use crate::{
    cli::Load,
    process_stats::ProcessStats,
    report::{CallSample, FloorSamples, LoadReport, LoadSamples, LoadSettings, ProcessUse, ResponseSample},
};
use fixtures::{
    call::{Action, Fixture, Step, Utterance, When},
    carrier::{Carrier, CarrierOptions, CarrierReport},
    mulaw::{FRAME_MS, FRAME_SAMPLES},
    sandbox::{Knobs, Sandbox, SandboxOptions, VoiceMode, end_of_speech},
    stage,
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};

mod numbers;

/// Silence after which the sandbox's recogniser, asked as the server asks by default, calls speech finished, ms.
const ENDPOINTING_MS: u64 = 300;

/// At 8 kHz.
const SAMPLES_PER_MS: usize = 8;

/// How often a process's memory is read.
const MEMORY_EVERY: Duration = Duration::from_millis(250);

/// Length of a call to the echo server, ms: about that of the recorded calls.
const FLOOR_CALL_MS: u64 = 25_000;

pub(super) fn run(arguments: &Load) -> Result<Outcome, Failure> {
    tool_log();
    let fixtures: Result<Vec<_>, _> =
        arguments.fixture.iter().map(|name| Fixture::named(name).map(Arc::new)).collect();
    let fixtures = fixtures?;
    let numbers = arguments.numbers.as_deref().map(numbers::read).transpose()?.unwrap_or_default();
    let report = runtime(None)?.block_on(measure(arguments, &fixtures, numbers))?;
    if arguments.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print!("{}", report.to_table());
    }
    if let Some(path) = &arguments.report {
        std::fs::write(path, report.to_html())?;
        eprintln!("The page with the plots: {}", path.display());
    }
    Ok(if report.calls.lost == 0 { Outcome::Success } else { Outcome::NotAsExpected })
}

async fn measure(
    arguments: &Load,
    fixtures: &[Arc<Fixture>],
    numbers: Vec<numbers::Number>,
) -> Result<LoadReport, Failure> {
    let knobs = load_knobs();
    let delays =
        Duration::from_millis(knobs.deepgram.delay_ms + knobs.anthropic.delay_ms + knobs.elevenlabs.delay_ms);
    let delays = arguments.sandbox.then_some(delays);
    let sandbox = match arguments.sandbox {
        true => Some(Sandbox::start(sandbox_options(arguments.sandbox_listen, knobs)).await?),
        false => None,
    };
    if let Some(sandbox) = sandbox.as_ref().filter(|_| !arguments.json) {
        eprint!("{}", variables(&sandbox.base_url()));
        eprintln!();
    }
    let floor = match &arguments.floor {
        Some(url) => {
            let options = CarrierOptions { sign: false, ..CarrierOptions::new(url.as_str(), "AC0", "") };
            let silent: Vec<_> = fixtures.iter().take(1).map(|fixture| Arc::new(silent(fixture))).collect();
            let run = Run { options, ..Run::new(arguments, silent, arguments.floor_pid, "echo floor", None) };
            let (calls, server) = run.go().await?;
            Some(FloorSamples { calls, server })
        }
        None => None,
    };
    let run = Run::new(arguments, fixtures.to_vec(), arguments.server_pid, "calls", delays);
    let (calls, server) = Run { numbers, ..run }.go().await?;
    let settings = LoadSettings {
        calls: arguments.calls.get(),
        fixtures: arguments.fixture.clone(),
        to: arguments.target.to.to_string(),
        ramp_per_second: arguments.ramp_per_second,
        duration_s: arguments.duration.map(|duration| duration.as_secs()),
        fixed_delay_ms: delays.map(|delays| ENDPOINTING_MS as f64 + delays.as_secs_f64() * 1_000.0),
    };
    drop(sandbox);
    Ok(LoadReport::new(settings, &LoadSamples { calls, server, floor }))
}

/// Delays that are the same for every answer, whatever its words: the pace of tokens and chunks is left out.
fn load_knobs() -> Knobs {
    let mut knobs = Knobs::default();
    knobs.anthropic.pace_ms = 0;
    knobs.openai.pace_ms = 0;
    knobs.elevenlabs.pace_ms = 0;
    knobs.openai_speech.pace_ms = 0;
    knobs
}

/// From the frame with the last sample of an utterance to the first sample of its answer, if the server took no time
/// at all: endpointing, which is decided when a whole frame has come, and the delays of the services.
fn fixed(utterance: &Utterance, fixture: &Fixture, delays: Duration) -> Duration {
    let decided = end_of_speech(fixture.samples(utterance.cut)) + ENDPOINTING_MS as usize * SAMPLES_PER_MS;
    let frames = decided.div_ceil(FRAME_SAMPLES).saturating_sub(utterance.speech.1 / FRAME_SAMPLES + 1);
    delays + Duration::from_millis(FRAME_MS) * u32::try_from(frames).unwrap_or(u32::MAX)
}

fn sandbox_options(listen: SocketAddr, knobs: Knobs) -> SandboxOptions {
    // Tones begin with their first sample; a voice has a little silence before its first word.
    SandboxOptions { knobs, voice: VoiceMode::Tone, log_entries: 1, ..stage::sandbox_options(listen) }
}

/// A call that says nothing and is not answered: the frames alone.
fn silent(fixture: &Fixture) -> Fixture {
    let hang_up = Step { when: When::AfterPrevious(FLOOR_CALL_MS), action: Action::HangUp };
    let mut silent = fixture.clone();
    silent.steps = vec![hang_up];
    silent
}

/// One load on one server.
struct Run {
    options: CarrierOptions,
    fixtures: Vec<Arc<Fixture>>,
    /// Numbers that are called in turns; none: the one of the options.
    numbers: Vec<numbers::Number>,
    calls: usize,
    ramp_per_second: f64,
    duration: Option<Duration>,
    pid: Option<u32>,
    /// What the stand-in services take, if they are ours.
    delays: Option<Duration>,
    progress: ProgressBar,
}

impl Run {
    fn new(
        arguments: &Load,
        fixtures: Vec<Arc<Fixture>>,
        pid: Option<u32>,
        what: &'static str,
        delays: Option<Duration>,
    ) -> Self {
        let calls = arguments.calls.get() as usize;
        let target = if arguments.json { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let style = ProgressStyle::with_template("{msg} {bar:40} {pos}/{len} done, {prefix} up, {elapsed}");
        let progress = ProgressBar::with_draw_target(Some(calls as u64), target).with_message(what);
        Self {
            options: carrier_options(&arguments.target),
            fixtures,
            numbers: Vec::new(),
            calls,
            ramp_per_second: arguments.ramp_per_second,
            duration: arguments.duration,
            pid,
            delays,
            progress: progress.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())),
        }
    }

    async fn go(self) -> Result<(Vec<CallSample>, Option<ProcessUse>), Failure> {
        let carrier = Carrier::new(self.options.clone())?;
        let before = self.pid.map(ProcessStats::of).transpose()?;
        let start = Instant::now();
        let mut running = JoinSet::new();
        let mut samples = Vec::new();
        let mut started = 0;
        let mut peak = before.as_ref().map_or(0, |stats| stats.resident_bytes);
        let mut memory = tokio::time::interval(MEMORY_EVERY);
        loop {
            let next_at = start + Duration::from_secs_f64(started as f64 / self.ramp_per_second);
            let more = started < self.calls;
            if !more && running.is_empty() {
                break;
            }
            tokio::select! {
                () = sleep_until(next_at), if more => {
                    self.spawn(&mut running, &carrier, start, started);
                    started += 1;
                }
                Some(ended) = running.join_next(), if !running.is_empty() => {
                    samples.push(ended?);
                    self.progress.inc(1);
                    if self.duration.is_some_and(|duration| start.elapsed() < duration) {
                        self.progress.inc_length(1);
                        self.spawn(&mut running, &carrier, start, samples.len());
                    }
                }
                _ = memory.tick(), if self.pid.is_some() => {
                    let stats = self.pid.map(ProcessStats::of).transpose()?;
                    peak = peak.max(stats.map_or(0, |stats| stats.resident_bytes));
                }
            }
            self.progress.set_prefix(running.len().to_string());
        }
        self.progress.finish();
        let after = self.pid.map(ProcessStats::of).transpose()?;
        let server = before.zip(after).map(|(before, after)| ProcessUse {
            cpu: after.cpu.saturating_sub(before.cpu),
            resident_before: before.resident_bytes,
            resident_peak: peak,
        });
        Ok((samples, server))
    }

    fn spawn(&self, running: &mut JoinSet<CallSample>, carrier: &Carrier, start: Instant, index: usize) {
        let Some(fixture) = self.fixtures.get(index % self.fixtures.len().max(1)).cloned() else { return };
        let carrier = match self.numbers.get(index % self.numbers.len().max(1)) {
            Some(number) => number.carrier(carrier),
            None => carrier.clone(),
        };
        let delays = self.delays;
        running.spawn(async move {
            let started = start.elapsed();
            let outcome = carrier.run(&fixture, |_| {}).await;
            let ended = start.elapsed();
            match outcome {
                Ok(report) => sample(&fixture, &report, delays, started, ended),
                Err(error) => {
                    CallSample { started, ended, lost: Some(error.to_string()), ..CallSample::default() }
                }
            }
        });
    }
}

fn sample(
    fixture: &Fixture,
    report: &CarrierReport,
    delays: Option<Duration>,
    started: Duration,
    ended: Duration,
) -> CallSample {
    let milliseconds = |ms: f64| Duration::from_secs_f64(ms.max(0.0) / 1_000.0);
    // The first sample of speech of a call lies this far after its start.
    let clock = ended.saturating_sub(Duration::from_millis(report.duration_ms));
    let responses = report.exchanges.iter().filter_map(|exchange| {
        let latency = milliseconds(exchange.response_from_sent_ms?);
        let utterance = fixture.steps.get(exchange.step).and_then(|step| match &step.action {
            Action::Say(utterance) => Some(utterance),
            Action::Dtmf(_) | Action::HangUp | Action::Listen => None,
        });
        let fixed = delays.zip(utterance).map(|(delays, utterance)| fixed(utterance, fixture, delays));
        Some(ResponseSample { at: clock + milliseconds(exchange.speech_end_sent_ms), latency, fixed })
    });
    let speaks = fixture.steps.iter().any(|step| matches!(step.action, Action::Say(_)));
    let lost = observe::faults(fixture, report).into_iter().next().filter(|_| speaks);
    CallSample {
        started,
        ended,
        lost,
        webhook: Some(milliseconds(report.webhook_ms)),
        setup: report.setup_ms.map(milliseconds),
        responses: responses.collect(),
        barge_ins: report.barge_ins.iter().filter_map(|cut| cut.reaction_ms).map(milliseconds).collect(),
        underruns: report.underruns.iter().map(|gap| Duration::from_micros(gap.duration_us)).collect(),
        carrier_warnings: report.problems.iter().map(ToString::to_string).collect(),
    }
}
