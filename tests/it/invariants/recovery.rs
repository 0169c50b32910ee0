//! Nothing wedges silently: a stage that stands still is replaced, or the call ends with a word.

use super::keep_books;
use fixtures::{
    carrier::Ended,
    sandbox::{Fault, Knobs, RequestKnobs, SandboxOptions, ServiceKnobs},
};
use tandem::rehearsal::{Performance, sandbox_options};

/// Longest that a caller waits for an answer while one stage is replaced: the slowest watchdog (the model's first
/// token, 4 s), a reconnect, and the answer itself.
const REPLACED_MS: f64 = 7_500.0;

/// Longest without a word of the assistant while a stage is lost for good: five sessions of the voice, each with its
/// watchdog of 2.5 s and its pause.
const SILENT_MS: u64 = 20_000;

fn of<'k>(knobs: &'k mut Knobs, stage: &str) -> &'k mut ServiceKnobs {
    match stage {
        "stt" => &mut knobs.deepgram,
        "llm" => &mut knobs.anthropic,
        _ => &mut knobs.elevenlabs,
    }
}

fn half_open(stage: &str, requests: &[u64]) -> SandboxOptions {
    let mut sandbox = sandbox_options();
    let fault = Some(Fault::HalfOpen);
    if stage == "llm" && requests.is_empty() {
        sandbox.knobs.openai.fault.clone_from(&fault);
    }
    let knobs = of(&mut sandbox.knobs, stage);
    knobs
        .on_request
        .extend(requests.iter().map(|&n| (n, RequestKnobs { fault: fault.clone(), delay_ms: None })));
    if requests.is_empty() {
        knobs.fault = fault;
    }
    sandbox
}

#[test]
fn invariant_6_nothing_wedges_silently() {
    // Each stage's first connection accepts everything and says nothing: it is replaced, and the call goes as if
    // nothing had happened.
    for stage in ["stt", "llm", "tts"] {
        let books = keep_books("load", half_open(stage, &[1]), |_| {});
        let Performance { report, mismatches, .. } = &books.performance;
        assert!(mismatches.is_empty(), "{stage}: {mismatches:?}");
        let greeted = report.answers_ms[0].0 as f64;
        let waits = report.exchanges.iter().filter_map(|exchange| exchange.response_ms);
        let longest = waits.fold(greeted, f64::max);
        assert!((1_000.0..REPLACED_MS).contains(&longest), "{stage}: the caller waited for {longest} ms");
        assert!(
            books.performance.call.events.iter().any(|event| event.kind == "degraded"),
            "{stage}: unseen"
        );
    }
    // All of them do: the caller is told, and the call ends.
    for (stage, end) in [("stt", "silence"), ("llm", "failed"), ("tts", "failed")] {
        let books = keep_books("load", half_open(stage, &[]), |_| {});
        let Performance { report, call, .. } = &books.performance;
        assert_eq!(call.end_reason.as_deref(), Some(end), "{stage}");
        assert_eq!(report.ended, Ended::ServerHungUp, "{stage}");
        let mut silences = report.answers_ms.clone();
        silences.insert(0, (0, 0));
        silences.push((report.duration_ms, report.duration_ms));
        let longest = silences.windows(2).map(|pair| pair[1].0.saturating_sub(pair[0].1)).max().unwrap();
        assert!(longest < SILENT_MS, "{stage}: nothing was heard for {longest} ms");
        let last = call.turns.last().unwrap();
        let spoken = report.verbs_after_stream.iter().any(|verb| verb == "Say") || !last.assistant.is_empty();
        assert!(spoken, "{stage}: the call ended without a word: {last:?}");
    }
}
