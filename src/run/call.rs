//! `tandem call`: the carrier's side alone, against any server.

use super::{Failure, Outcome, observe, runtime, tool_log, write_out};
use crate::cli::{Call, Target};
use fixtures::{
    call::Fixture,
    carrier::{Carrier, CarrierEvent, CarrierOptions, CarrierReport},
};

pub(super) fn run(arguments: &Call) -> Result<Outcome, Failure> {
    tool_log();
    let fixture = Fixture::named(&arguments.fixture)?;
    let carrier = Carrier::new(carrier_options(&arguments.target))?;
    let show = !arguments.json;
    let report = runtime(None)?.block_on(carrier.run(&fixture, |event: CarrierEvent| {
        if show && let Some(line) = observe::line(&event) {
            eprintln!("{line}");
        }
    }))?;
    if arguments.json {
        write_out(serde_json::to_string(&report)? + "\n")?;
    } else {
        write_out(table(&report))?;
    }
    let faults = observe::faults(&fixture, &report);
    for fault in &faults {
        eprintln!("not as expected: {fault}");
    }
    Ok(if faults.is_empty() { Outcome::Success } else { Outcome::NotAsExpected })
}

/// How the carrier calls.
pub(super) fn carrier_options(target: &Target) -> CarrierOptions {
    CarrierOptions {
        from: target.from.clone(),
        to: target.to_number.clone(),
        ..CarrierOptions::new(target.to.as_str(), target.account_sid.as_str(), target.auth_token.reveal())
    }
}

fn table(report: &CarrierReport) -> String {
    let mut text = format!("{} lasted {:.1} s\n", report.call_sid, report.duration_ms as f64 / 1_000.0);
    for exchange in &report.exchanges {
        let answered = match exchange.response_ms {
            Some(ms) => format!("answered after {ms:.0} ms"),
            None => "not answered".to_owned(),
        };
        text.push_str(&format!("  \"{}\" {answered}\n", exchange.text));
    }
    for barge_in in &report.barge_ins {
        let reaction = match barge_in.reaction_ms {
            Some(ms) => format!("silent after {ms:.0} ms"),
            None => "the assistant spoke on".to_owned(),
        };
        text.push_str(&format!("  interrupted at {:.1} s: {reaction}\n", barge_in.onset_ms / 1_000.0));
    }
    text
}
