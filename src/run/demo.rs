//! `tandem demo`: a whole recorded call through the real engine, against the sandbox.

use super::{Failure, Outcome, observe, runtime, tool_log, write_out};
use crate::{
    cli::Demo,
    rehearsal::{Performance, Rehearsal, Turn, sandbox_options},
};
use fixtures::{call::Fixture, carrier::CarrierEvent, virtual_time};
use serde_json::json;
use std::path::{Path, PathBuf};

const DEFAULT_FIXTURE: &str = "order-status";

pub(super) fn run(demo: &Demo) -> Result<Outcome, Failure> {
    tool_log();
    let fixture = Fixture::named(demo.fixture.as_deref().unwrap_or(DEFAULT_FIXTURE))?;
    let folder = folder(demo.keep.as_deref())?;
    if !demo.json {
        eprintln!("{}: {}\n", fixture.name, fixture.title);
    }
    let work = hold_call(&fixture, &folder, !demo.json);
    let performance = if demo.fast { virtual_time::run(work) } else { runtime(None)?.block_on(work) }?;
    if demo.json {
        write_out(format_args!("{}\n", as_json(&performance)))?;
    } else {
        write_out(as_text(&performance))?;
    }
    for mismatch in &performance.mismatches {
        eprintln!("not as expected: {mismatch}");
    }
    let as_expected = performance.mismatches.is_empty() && performance.report.problems.is_empty();
    for problem in &performance.report.problems {
        eprintln!("the carrier complains: {problem}");
    }
    Ok(if as_expected { Outcome::Success } else { Outcome::NotAsExpected })
}

async fn hold_call(fixture: &Fixture, folder: &Path, show: bool) -> Result<Performance, Failure> {
    let rehearsal = Rehearsal::start(sandbox_options(), fixture, folder, |_| {}).await?;
    let observer = |event: CarrierEvent| {
        if show && let Some(line) = observe::line(&event) {
            eprintln!("{line}");
        }
    };
    let performance = rehearsal.call(fixture, rehearsal.carrier_options(), observer).await?;
    rehearsal.end().await?;
    Ok(performance)
}

fn folder(keep: Option<&Path>) -> Result<PathBuf, Failure> {
    let folder = match keep {
        Some(folder) => folder.to_owned(),
        None => {
            let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
            std::env::temp_dir().join(format!("tandem-demo-{}-{}", std::process::id(), since.as_nanos()))
        }
    };
    std::fs::create_dir_all(&folder)
        .map_err(|error| Failure::new(format!("failed to make the folder {}: {error}", folder.display())))?;
    Ok(std::path::absolute(folder)?)
}

fn as_json(performance: &Performance) -> serde_json::Value {
    let turns: Vec<_> = performance
        .call
        .turns
        .iter()
        .map(|turn| {
            json!({
                "number": turn.number,
                "caller": turn.caller,
                "assistant": turn.assistant,
                "interrupted": turn.interrupted,
                "tools": turn.tools.iter().map(|tool| &tool.name).collect::<Vec<_>>(),
            })
        })
        .collect();
    let latency: Vec<_> = performance
        .call
        .turns
        .iter()
        .map(|turn| json!({ "turn": turn.number, "waterfall": turn.waterfall, "stages": turn.latency }))
        .collect();
    json!({ "turns": turns, "latency": latency, "recording": performance.recording })
}

fn as_text(performance: &Performance) -> String {
    let mut text = String::from("\nTranscript\n");
    for turn in &performance.call.turns {
        if !turn.caller.is_empty() {
            text.push_str(&format!("  caller     {}\n", turn.caller));
        }
        for tool in &turn.tools {
            let arguments = serde_json::Value::Object(tool.arguments.clone());
            text.push_str(&format!("  tool       {} {arguments}\n", tool.name));
        }
        let cut = if turn.interrupted { " [interrupted]" } else { "" };
        text.push_str(&format!("  assistant  {}{cut}\n", turn.assistant));
    }
    text.push_str("\nWhere the time went, from the caller's last word to the first audio (ms)\n");
    text.push_str("  turn  endpointing  first token  first clause  first audio  sent   total\n");
    for turn in performance.call.turns.iter().filter(|turn| turn.waterfall.speech_end_ms.is_some()) {
        text.push_str(&waterfall_line(turn));
    }
    match &performance.recording {
        Some(path) => {
            text.push_str(&format!("\nRecording (caller left, assistant right)\n  {}\n", path.display()))
        }
        None => text.push_str("\nThere is no recording.\n"),
    }
    text
}

fn waterfall_line(turn: &Turn) -> String {
    let stage = |name: &str| match turn.latency.get(name).and_then(serde_json::Value::as_i64) {
        Some(ms) => ms.to_string(),
        None => "-".to_owned(),
    };
    format!(
        "  {:>4}  {:>11}  {:>11}  {:>12}  {:>11}  {:>4}  {:>6}\n",
        turn.number,
        stage("endpointing_ms"),
        stage("llm_first_token_ms"),
        stage("first_sentence_ms"),
        stage("tts_first_byte_ms"),
        stage("first_frame_ms"),
        stage("total_ms"),
    )
}
