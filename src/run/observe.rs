//! What the carrier's side sees of a call, in words.

use fixtures::{
    call::Fixture,
    carrier::{CarrierEvent, CarrierReport, Ended},
};

/// One line of live progress; nothing for what only tests want to know.
pub(super) fn line(event: &CarrierEvent) -> Option<String> {
    let at = |ms: u64, text: String| Some(format!("{:6.2} s  {text}", ms as f64 / 1_000.0));
    match event {
        CarrierEvent::Ringing { call_sid } => Some(format!("ringing   {call_sid}")),
        CarrierEvent::Verb { .. } | CarrierEvent::Unparked | CarrierEvent::Recorded { .. } => None,
        CarrierEvent::Parked { place, name, .. } => Some(format!("waits in   {place} {name}")),
        CarrierEvent::StreamStarted { at_ms, .. } => at(*at_ms, "answered: the media stream is up".into()),
        CarrierEvent::StepStarted { what, at_ms, .. } => at(*at_ms, format!("caller    {what}")),
        CarrierEvent::AssistantAudible { at_ms } => at(*at_ms, "assistant speaks".into()),
        CarrierEvent::Cleared { at_ms, dropped_ms } => {
            at(*at_ms, format!("assistant falls silent ({dropped_ms} ms were on their way)"))
        }
        CarrierEvent::Problem(problem) => Some(format!("          ! {problem}")),
        CarrierEvent::StreamEnded { at_ms } => at(*at_ms, "the media stream is over".into()),
        CarrierEvent::Ended(ended) => Some(format!("          {}", end(ended))),
    }
}

fn end(ended: &Ended) -> String {
    match ended {
        Ended::CallerHungUp => "the caller hung up".into(),
        Ended::CallerGaveUp => "the caller gave up waiting for an answer".into(),
        Ended::ServerHungUp => "the assistant ended the call".into(),
        Ended::Rejected { cause } => format!("the call was rejected: {cause}"),
        Ended::TimeLimit => "the call was longer than a call may be".into(),
        Ended::ApplicationError { code } => {
            format!("the caller heard that an application error has occurred ({code})")
        }
    }
}

/// What a carrier or a caller would complain about.
pub(super) fn faults(fixture: &Fixture, report: &CarrierReport) -> Vec<String> {
    let mut faults: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
    let broken = match &report.ended {
        Ended::CallerHungUp | Ended::ServerHungUp => None,
        other @ (Ended::CallerGaveUp
        | Ended::Rejected { .. }
        | Ended::TimeLimit
        | Ended::ApplicationError { .. }) => Some(end(other)),
    };
    faults.extend(broken);
    if report.answers_ms.is_empty() {
        faults.push("the assistant said nothing".into());
    }
    let unanswered = report.exchanges.iter().filter(|exchange| exchange.answer_start_ms.is_none());
    let expected = fixture.unanswered_steps();
    for exchange in unanswered.filter(|exchange| !expected.contains(&exchange.step)) {
        faults.push(format!("\"{}\" was not answered", exchange.text));
    }
    faults
}
