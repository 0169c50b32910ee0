//! What is needed to place a call, what became of that, and what is to be done next.

use crate::vapi::place::VapiPlan;
use serde::{Deserialize, Serialize};
use store::{Call, CallStatus};
use utoipa::ToSchema;

/// The plan of a call, kept in its row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// How long it rings, in s.
    pub(crate) ring_s: u32,
    /// What is done if a machine answers; `None`: it is not found out.
    #[serde(default)]
    pub(crate) voicemail: Option<OnVoicemail>,
    /// Not placed before this time, unix µs.
    pub(crate) not_before: i64,
    /// The carrier was asked to place it at this time, and has not said yet what came of it.
    #[serde(default)]
    pub(crate) sent_at: Option<i64>,
    /// Vapi places it and speaks in it, not we.
    #[serde(default)]
    pub(crate) vapi: Option<VapiPlan>,
    /// What is to be done with the machine was begun.
    #[serde(default)]
    pub(crate) machine_handled: bool,
}

/// What is done if a machine answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum OnVoicemail {
    /// It is hung up.
    HangUp,
    /// This is said after the beep, then it is hung up.
    LeaveMessage {
        /// What.
        #[schema(min_length = 1, max_length = 1000)]
        message: String,
    },
    /// The assistant talks to it.
    Assistant,
}

impl Plan {
    /// The plan in a call's row, if we are to place it.
    ///
    /// # Errors
    /// When it was written by another version and cannot be read.
    pub(crate) fn of(call: &Call) -> Result<Option<Self>, serde_json::Error> {
        call.outbound.as_deref().map(serde_json::from_str).transpose()
    }

    /// For the row.
    ///
    /// # Errors
    /// When it has no JSON form, which would be a fault of ours.
    pub(crate) fn text(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }
}

/// The next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Ask the carrier to place it.
    Place,
    /// The carrier was asked at this time: find out what came of it.
    FindOut(i64),
    /// A machine has answered: hang up.
    HangUp,
    /// A machine has answered: say the message.
    LeaveMessage,
    /// It is over: note what it cost.
    Settle,
    /// Nothing.
    Nothing,
}

/// What is to be done with a call.
pub(crate) fn next(call: &Call, plan: Option<&Plan>) -> Step {
    if call.status.is_final() {
        return Step::Settle;
    }
    let Some(plan) = plan else { return Step::Nothing };
    if call.carrier_sid.is_none() {
        return match (call.status, plan.sent_at) {
            (CallStatus::Queued, None) => Step::Place,
            (_, Some(sent_at)) => Step::FindOut(sent_at),
            (_, None) => Step::Nothing,
        };
    }
    match &plan.voicemail {
        Some(OnVoicemail::HangUp) if is_machine(call) && !plan.machine_handled => Step::HangUp,
        Some(OnVoicemail::LeaveMessage { .. }) if is_machine(call) && !plan.machine_handled => {
            Step::LeaveMessage
        }
        Some(OnVoicemail::HangUp | OnVoicemail::LeaveMessage { .. } | OnVoicemail::Assistant) | None => {
            Step::Nothing
        }
    }
}

/// Whether a machine has answered, by the carrier's words.
fn is_machine(call: &Call) -> bool {
    call.answered_by.as_deref().is_some_and(|who| who.starts_with("machine") || who == "fax")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::call;

    fn plan() -> Plan {
        Plan { ring_s: 30, voicemail: None, not_before: 0, sent_at: None, vapi: None, machine_handled: false }
    }

    #[test]
    fn a_call_is_placed_only_while_nobody_has_asked_for_it() {
        assert_eq!(next(&call(), Some(&plan())), Step::Place);
        let sent = Plan { sent_at: Some(5), ..plan() };
        assert_eq!(next(&call(), Some(&sent)), Step::FindOut(5));
        let placed = Call { carrier_sid: Some("CA1".to_owned()), ..call() };
        assert_eq!(next(&placed, Some(&sent)), Step::Nothing);
        assert_eq!(next(&Call { status: CallStatus::Canceled, ..call() }, Some(&plan())), Step::Settle);
        assert_eq!(next(&call(), None), Step::Nothing, "it came in");
    }

    #[test]
    fn a_machine_is_dealt_with_once_and_as_planned() {
        let answered = |who: &str| Call {
            carrier_sid: Some("CA1".to_owned()),
            status: CallStatus::InProgress,
            answered_by: Some(who.to_owned()),
            ..call()
        };
        let on = |voicemail| Plan { voicemail: Some(voicemail), ..plan() };
        let message = OnVoicemail::LeaveMessage { message: "Call back.".to_owned() };
        assert_eq!(next(&answered("machine_end_beep"), Some(&on(message.clone()))), Step::LeaveMessage);
        assert_eq!(next(&answered("machine_start"), Some(&on(OnVoicemail::HangUp))), Step::HangUp);
        assert_eq!(next(&answered("fax"), Some(&on(OnVoicemail::HangUp))), Step::HangUp);
        assert_eq!(next(&answered("machine_start"), Some(&on(OnVoicemail::Assistant))), Step::Nothing);
        assert_eq!(next(&answered("human"), Some(&on(message.clone()))), Step::Nothing);
        let handled = Plan { machine_handled: true, ..on(message) };
        assert_eq!(next(&answered("machine_end_beep"), Some(&handled)), Step::Nothing);
    }

    #[test]
    fn a_plan_is_read_back() {
        let plan = Plan { voicemail: Some(OnVoicemail::HangUp), ..plan() };
        let call = Call { outbound: Some(plan.text().unwrap()), ..call() };
        assert_eq!(Plan::of(&call).unwrap(), Some(plan));
    }
}
