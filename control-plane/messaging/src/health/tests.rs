use super::*;
use proptest::{collection::vec, prelude::*};

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;

fn failed() -> AccountFact {
    AccountFact::Failed { class: FailureClass::Temporary }
}

fn down_at_zero() -> Health {
    let mut health = Health::default();
    for _ in 0..3 {
        health.learn(0, &failed(), false);
    }
    health
}

#[test]
fn no_failure_is_healthy_one_or_two_degraded_three_or_more_down() {
    let mut health = Health::default();
    let mut standings = vec![health.standing(0)];
    for _ in 0..4 {
        health.learn(0, &failed(), false);
        standings.push(health.standing(0));
    }
    use Standing::{Degraded, Down, Healthy};
    assert_eq!(standings, [Healthy, Degraded, Degraded, Down, Down]);
    assert_eq!(health.admission(0), Admission::Refused { until: MINUTE });
}

#[test]
fn the_first_success_makes_it_healthy() {
    for failures in 1..5 {
        let mut health = Health::default();
        for _ in 0..failures {
            health.learn(0, &failed(), false);
        }
        health.learn(SECOND, &AccountFact::Succeeded, false);
        assert_eq!(
            (health.standing(SECOND), health.admission(SECOND)),
            (Standing::Healthy, Admission::Admitted)
        );
    }
}

#[test]
fn exactly_one_trial_is_let_through_after_the_cool_off() {
    let mut health = down_at_zero();
    assert!(!health.begin_trial(MINUTE - 1));
    assert_eq!(health.admission(MINUTE), Admission::Trial);
    assert!(health.begin_trial(MINUTE));
    assert!(!health.begin_trial(MINUTE), "another has it");
    assert!(matches!(health.admission(2 * MINUTE), Admission::Refused { .. }));
    health.learn(2 * MINUTE, &AccountFact::Succeeded, true);
    assert_eq!(health.standing(2 * MINUTE), Standing::Healthy);
}

#[test]
fn the_cool_off_doubles_up_to_a_quarter_of_an_hour() {
    let mut health = down_at_zero();
    let (mut at, mut waits) = (0, Vec::new());
    for _ in 0..6 {
        let Admission::Refused { until } = health.admission(at) else { panic!() };
        waits.push((until - at) / MINUTE);
        at = until;
        assert!(health.begin_trial(at));
        health.learn(at, &failed(), true);
    }
    assert_eq!(waits, [1, 2, 4, 8, 15, 15]);
}

#[test]
fn failures_of_what_was_under_way_do_not_lengthen_the_cool_off() {
    let mut health = down_at_zero();
    for second in 0..50 {
        health.learn(second * SECOND, &failed(), false);
    }
    assert_eq!(health.admission(MINUTE), Admission::Trial);
}

#[test]
fn a_trial_that_shows_nothing_or_is_never_heard_of_gives_way_to_another() {
    let mut health = down_at_zero();
    assert!(health.begin_trial(MINUTE));
    health.learn(MINUTE + SECOND, &AccountFact::Answered, true);
    assert!(health.begin_trial(MINUTE + SECOND));
    assert!(health.begin_trial(MINUTE + SECOND + 5 * MINUTE));
}

#[test]
fn an_account_without_messages_recovers_by_probes_and_a_slow_one_is_degraded() {
    let mut health = down_at_zero();
    assert!(health.begin_trial(MINUTE));
    health.probed(MINUTE, Probe::Failed(FailureClass::Temporary));
    assert_eq!(health.admission(2 * MINUTE), Admission::Refused { until: 3 * MINUTE });
    health.probed(3 * MINUTE, Probe::Answered(Duration::from_secs(3)));
    assert_eq!(health.standing(3 * MINUTE), Standing::Degraded);
    health.probed(4 * MINUTE, Probe::Answered(Duration::from_millis(200)));
    assert_eq!(health.standing(4 * MINUTE), Standing::Healthy);
}

#[test]
fn somebody_can_say_that_it_works() {
    let mut health = down_at_zero();
    let changes = health.reset(SECOND);
    assert_eq!(changes, [Change::Standing { from: Standing::Down, to: Standing::Healthy }]);
    assert_eq!(health.admission(SECOND), Admission::Admitted);
}

fn alerts(changes: &[Change]) -> Vec<Standing> {
    let alert = |change: &Change| match change {
        Change::Alert { standing, .. } => Some(*standing),
        Change::Standing { .. } => None,
    };
    changes.iter().filter_map(alert).collect()
}

#[test]
fn administrators_are_told_at_most_once_in_a_quarter_of_an_hour_and_of_the_worst_in_the_end() {
    let mut health = Health::default();
    assert_eq!(alerts(&health.learn(0, &failed(), false)), [Standing::Degraded]);
    assert_eq!(alerts(&health.learn(SECOND, &failed(), false)), []);
    assert_eq!(alerts(&health.learn(2 * SECOND, &failed(), false)), [], "down, but told a moment ago");
    assert_eq!(health.wake_at(2 * SECOND), Some(15 * MINUTE));
    assert_eq!(alerts(&health.wake(15 * MINUTE)), [Standing::Down]);
    assert_eq!(alerts(&health.wake(16 * MINUTE)), []);
    health.learn(17 * MINUTE, &AccountFact::Succeeded, false);
    assert_eq!(alerts(&health.learn(18 * MINUTE, &failed(), false)), [], "it comes and goes");
    assert_eq!(health.wake_at(18 * MINUTE), Some(30 * MINUTE));
}

/// Sends messages that take so many seconds, evenly over 15 minutes.
fn sends(health: &mut Health, took_s: &[u64]) -> i64 {
    let every = 15 * MINUTE / i64::try_from(took_s.len()).unwrap();
    let mut at = 0;
    for took in took_s {
        health.taken(at, "MX");
        let took = Duration::from_secs(*took);
        health.delivered(after(at, took), "MX", took);
        at += every;
    }
    at - 1
}

#[test]
fn an_account_whose_messages_arrive_late_is_slow_unless_all_are() {
    let (mut fast, mut slow) = (Health::default(), Health::default());
    sends(&mut fast, &[3; 20]);
    let at = sends(&mut slow, &[[3; 17].as_slice(), &[400; 3]].concat());
    judge(&mut [&mut fast, &mut slow], "MX", at);
    assert!(slow.is_slow(at, "MX") && !slow.is_slow(at, "US") && !fast.is_slow(at, "MX"));
    assert_eq!(alerts(&slow.wake(at)), [Standing::Degraded]);
    assert_eq!(slow.standing(at + 15 * MINUTE), Standing::Healthy, "it is forgiven");

    let mut also_slow = Health::default();
    sends(&mut also_slow, &[400; 20]);
    let mut slow = Health::default();
    sends(&mut slow, &[400; 20]);
    judge(&mut [&mut also_slow, &mut slow], "MX", at);
    assert!(!slow.is_slow(at, "MX"), "it is the country's carriers");
}

#[test]
fn what_does_not_arrive_is_slow_where_receipts_come_at_all() {
    let (mut fast, mut lost, mut silent) = (Health::default(), Health::default(), Health::default());
    let at = sends(&mut fast, &[3; 20]);
    for health in [&mut lost, &mut silent] {
        for second in 0..40 {
            health.taken(second * 10 * SECOND, "MX");
        }
    }
    lost.delivered(3 * SECOND, "MX", Duration::from_secs(3));
    judge(&mut [&mut fast, &mut lost, &mut silent], "MX", at);
    assert!(lost.is_slow(at, "MX"));
    assert!(!silent.is_slow(at, "MX"));
}

#[test]
fn a_few_late_messages_say_nothing() {
    let (mut fast, mut few) = (Health::default(), Health::default());
    let at = sends(&mut fast, &[3; 20]);
    sends(&mut few, &[400; 5]);
    judge(&mut [&mut fast, &mut few], "MX", at);
    assert!(!few.is_slow(at, "MX"));
}

#[derive(Clone, Debug)]
enum Event {
    Fact(AccountFact, bool),
    Claim,
    Restart,
    Wait(i64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => any::<bool>().prop_map(|trial| Event::Fact(failed(), trial)),
        1 => any::<bool>().prop_map(|trial| Event::Fact(AccountFact::Succeeded, trial)),
        1 => any::<bool>().prop_map(|trial| Event::Fact(AccountFact::Answered, trial)),
        2 => Just(Event::Claim),
        1 => Just(Event::Restart),
        3 => (0..20 * MINUTE).prop_map(Event::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    /// Whatever happened to an account, from the moment its provider works it is healthy after one message, and that message is let
    /// through within a cool-off and a trial that was forgotten.
    #[test]
    fn health_recovers_when_the_provider_does(events in vec(event(), 0..60)) {
        let mut health = Health::default();
        let mut at = 0;
        let mut alerted = Vec::new();
        for event in events {
            let changes = match event {
                Event::Fact(fact, trial) => health.learn(at, &fact, trial),
                Event::Claim => {
                    let due = health.admission(at) == Admission::Trial;
                    prop_assert_eq!(health.begin_trial(at), due);
                    prop_assert!(!health.begin_trial(at), "exactly one");
                    vec![]
                }
                Event::Restart => {
                    health = serde_json::from_str(&serde_json::to_string(&health).unwrap()).unwrap();
                    vec![]
                }
                Event::Wait(time) => {
                    at += time;
                    health.wake(at)
                }
            };
            alerted.extend(alerts(&changes).iter().map(|_| at));
            prop_assert_eq!(health.standing(at) == Standing::Down, health.failures() >= DOWN_FAILURES);
        }
        prop_assert!(alerted.windows(2).all(|pair| pair[1] - pair[0] >= 15 * MINUTE), "{alerted:?}");
        // The provider works from here on.
        if let Admission::Refused { until } = health.admission(at) {
            prop_assert!(until - at <= after(0, COOL_OFF_MAX.max(TRIAL_WITHIN)));
            at = until;
        }
        let trial = match health.admission(at) {
            Admission::Admitted => false,
            Admission::Trial => health.begin_trial(at),
            Admission::Refused { .. } => panic!("{health:?}"),
        };
        health.learn(at, &AccountFact::Succeeded, trial);
        prop_assert_eq!(health.standing(at), Standing::Healthy);
        prop_assert_eq!(health.admission(at), Admission::Admitted);
    }

    /// No times make it panic or grow.
    #[test]
    fn latency_is_bounded(times in vec((any::<i64>(), any::<u32>(), "[A-Z]{2}"), 0..300)) {
        let mut health = Health::default();
        for (at, took, country) in times {
            health.taken(at, &country);
            health.delivered(at, &country, Duration::from_secs(took.into()));
            judge(&mut [&mut health], &country, at);
        }
        prop_assert!(health.latency.len() <= COUNTRIES_MAX);
        prop_assert!(health.latency.values().all(|latency| latency.minutes() <= latency::WINDOW_MIN));
    }
}
