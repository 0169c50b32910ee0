//! The restart policy, table by table.

use super::{Cause, Decision, RestartOptions, RestartPolicy, Role};
use crate::call::time::CallTime;
use proptest::prelude::*;
use std::time::Duration;

fn restart(ms: u64) -> Decision {
    Decision::Restart { after: Duration::from_millis(ms) }
}

/// Decisions for deaths at these times (ms).
fn deaths(role: Role, times: &[u64]) -> Vec<Decision> {
    let mut policy = RestartPolicy::new(RestartOptions::default());
    times.iter().map(|&at| policy.child_died(role, Cause::Failed, CallTime::from_ms(at))).collect()
}

#[test]
fn the_first_restart_is_immediate_and_the_budget_ends_the_call() {
    for role in [Role::Stt, Role::LlmTurn, Role::Tts] {
        assert_eq!(
            deaths(role, &[0, 10, 20, 30, 40, 50]),
            [restart(0), restart(50), restart(100), restart(200), restart(400), Decision::EndCall]
        );
    }
}

#[test]
fn the_recorder_is_given_up_and_the_call_goes_on() {
    assert_eq!(
        deaths(Role::Recorder, &[0, 10, 20, 30]),
        [restart(0), restart(50), restart(100), Decision::Degrade]
    );
}

#[test]
fn a_lost_stream_is_waited_for() {
    assert_eq!(deaths(Role::Stream, &[0]), [Decision::Detach]);
}

#[test]
fn deaths_before_the_window_are_forgotten() {
    let times: Vec<u64> = (0..20).map(|n| n * 15_000).collect();
    let decisions = deaths(Role::Tts, &times);
    assert_eq!(decisions[0], restart(0));
    assert!(decisions[4..].iter().all(|&decision| decision == restart(200)), "{decisions:?}");
    assert_eq!(deaths(Role::Tts, &[0, 60_000]), [restart(0), restart(0)]);
}

#[test]
fn a_child_that_ended_in_order_is_not_missed() {
    let mut policy = RestartPolicy::new(RestartOptions::default());
    for role in [Role::Stream, Role::Stt, Role::LlmTurn, Role::Tts, Role::Recorder] {
        assert_eq!(policy.child_died(role, Cause::Finished, CallTime::ZERO), Decision::Ignore);
    }
}

proptest! {
    /// Never more restarts within any window than the budget, and one child's deaths cost no other's budget.
    #[test]
    fn no_window_holds_more_restarts_than_the_budget(gaps in prop::collection::vec((0..20_000_u64, any::<bool>()), 1..80)) {
        let mut policy = RestartPolicy::new(RestartOptions::default());
        let mut alone = RestartPolicy::new(RestartOptions::default());
        let mut now = 0;
        let mut restarts: Vec<u64> = Vec::new();
        for (gap, is_tts) in gaps {
            now += gap;
            let at = CallTime::from_ms(now);
            if !is_tts {
                policy.child_died(Role::Stt, Cause::Stalled, at);
                continue;
            }
            let decision = policy.child_died(Role::Tts, Cause::Failed, at);
            prop_assert_eq!(decision, alone.child_died(Role::Tts, Cause::Failed, at));
            if matches!(decision, Decision::Restart { .. }) {
                restarts.push(now);
            }
            let within = restarts.iter().filter(|&&restart| now - restart < 60_000).count();
            prop_assert!(within <= 5);
            prop_assert!(decision != Decision::EndCall || within == 5);
        }
    }
}
