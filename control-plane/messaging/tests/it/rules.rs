//! The four rules, over random failures, callbacks, restarts, opt-outs and changes of health.

use crate::universe::{Luck, MINUTE, SECOND, START, Universe};
use messaging::{
    Channel, FailureClass, MessageType, Status,
    dispatch::{
        Account, Address, Consent, Dispatch, Effect, Input, OnUnknown, Options, Outcome, Quiet, Reach,
        Recovery, Request, Window, World,
    },
    failure::Failure,
    health::{Health, Standing},
    plan::{EmailBackup, Plan, Step, Tier},
};
use proptest::{collection::vec, prelude::*};
use std::collections::BTreeMap;

/// `PROPTEST_CASES` asks for another number.
fn cases(usual: u32) -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(usual)
}

fn luck() -> impl Strategy<Value = Luck> {
    vec(any::<u8>(), 0..400).prop_map(Luck::new)
}

impl std::fmt::Debug for Luck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("luck")
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(3_000), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nobody_is_told_twice_by_the_same_channel(luck in luck()) {
        let mut universe = Universe::new(luck, OnUnknown::AssumeSent);
        universe.run();
        for (channel, times) in universe.told() {
            prop_assert!(times <= 1, "{times} times by {channel}\n{}", universe.story());
        }
    }

    /// Where a tenant prefers a duplicate to a miss, the log says how often one was risked, and there are no more.
    #[test]
    fn nobody_is_told_more_often_than_the_log_admits(luck in luck()) {
        let mut universe = Universe::new(luck, OnUnknown::AssumeNotSent);
        universe.run();
        let twice: usize = universe.told().values().map(|times| times - 1).sum();
        prop_assert!(twice <= universe.assumed_not_sent(), "{}", universe.story());
    }

    /// At the time of each try nobody said that they do not want it: not to its sender, not to another of its channel, not to the provider.
    #[test]
    fn nobody_who_opted_out_is_told(luck in luck()) {
        let mut universe = Universe::new(luck, OnUnknown::AssumeNotSent);
        universe.run();
        prop_assert!(universe.faults.is_empty(), "{}", universe.story());
    }

    #[test]
    fn every_accepted_message_ends_in_a_final_state(luck in luck()) {
        let mut universe = Universe::new(luck, OnUnknown::AssumeSent);
        let ending = universe.run();
        prop_assert!(ending.is_some(), "{}", universe.story());
        let ending = ending.unwrap();
        prop_assert!(ending.status.is_final() || ending.status == Status::Sent, "{ending:?}");
        prop_assert_eq!(universe.dispatch.status(), ending.status, "{}", universe.story());
        if ending.status.is_arrival() {
            prop_assert!(!universe.told().is_empty(), "nobody was told\n{}", universe.story());
        }
        // All that is told later is told again, and changes nothing.
        let before = universe.dispatch.clone();
        for n in universe.truths.keys() {
            let outcome = Outcome::Unknown;
            let effects = universe.dispatch.step(i64::MAX, Input::Outcome { attempt: *n, outcome }, &universe.world);
            prop_assert!(effects.is_empty(), "{effects:?}\n{}", universe.story());
        }
        prop_assert_eq!(before.ending(), universe.dispatch.ending());
    }

    /// Whatever is told about whatever try, at whatever time, nothing panics and no try is made that the shell did not hear of.
    #[test]
    fn nonsense_does_no_harm(luck in luck(), told in vec((any::<i64>(), 0_u32..4, 0_usize..13), 0..40)) {
        let mut universe = Universe::new(luck, OnUnknown::AssumeSent);
        for (at, attempt, status) in told {
            let status = Status::ALL[status % Status::ALL.len()];
            let report = messaging::dispatch::Report { status, failure: None, provider_id: None };
            for input in [Input::Callback { attempt, report }, Input::Wake, Input::Cancel] {
                universe.dispatch.step(at, input, &universe.world);
            }
        }
    }
}

/// One account behind which the provider is down until a time, and messages that come all the while.
struct Outage {
    healths: Vec<Health>,
    recovery_at: i64,
}

impl Outage {
    /// Sends one message at `at`; gives when it was over.
    fn send(&mut self, at: i64) {
        let plan = Plan::explicit(vec![Step::of(&[Channel::Sms])], EmailBackup::Off).unwrap();
        let request = Request { kind: MessageType::Instant, plan, due_at: at, useful_until: None };
        let mut dispatch = Dispatch::new(request, at);
        // What is refused now is tried again by the messages after it.
        let mut inputs = vec![Input::Wake];
        while let Some(input) = inputs.pop() {
            for effect in dispatch.step(at, input, &self.world(at)) {
                match effect {
                    Effect::Send { attempt, account, trial, .. } => {
                        let health = &mut self.healths[account.parse::<usize>().unwrap()];
                        let outcome = if trial && !health.begin_trial(at) {
                            Outcome::NotAdmitted
                        } else if at < self.recovery_at {
                            Outcome::Refused { failure: Failure::new(FailureClass::Temporary) }
                        } else {
                            Outcome::Accepted { provider_id: "SM1".to_owned() }
                        };
                        inputs.push(Input::Outcome { attempt, outcome });
                    }
                    Effect::Account { account, fact, trial, .. } => {
                        self.healths[account.parse::<usize>().unwrap()].learn(at, &fact, trial);
                    }
                    _ => {}
                }
            }
        }
    }

    fn world(&self, at: i64) -> World {
        let account = |(n, health): (usize, &Health)| Account {
            id: n.to_string(),
            tier: Tier::Paid,
            priority: i32::try_from(n).unwrap(),
            slow: false,
            capable: true,
            windowed: false,
            admission: health.admission(at),
            consent: Consent::Unknown,
            recovery: Recovery::Ask,
        };
        let reach = Reach {
            address: Address::Known("+15550100".to_owned()),
            quiet: Quiet::Open,
            window: Window::Open,
            template: false,
            accounts: self.healths.iter().enumerate().map(account).collect(),
        };
        World { channels: BTreeMap::from([(Channel::Sms, reach)]), options: Options::default() }
    }

    fn standings(&self, at: i64) -> Vec<Standing> {
        self.healths.iter().map(|health| health.standing(at)).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(500), failure_persistence: None, ..ProptestConfig::default() })]

    /// Within a cool-off and a message after the provider is back, the account that is used first is healthy, and it stays so; nobody has
    /// to touch it. The others follow as soon as it is not there.
    #[test]
    fn health_always_recovers_when_the_provider_does(
        accounts in 1_usize..4, outage_min in 1_i64..600, every_s in 1_i64..120,
    ) {
        let recovery_at = START + outage_min * MINUTE;
        let mut outage = Outage { healths: vec![Health::default(); accounts], recovery_at };
        let mut at = START;
        while at < recovery_at + 15 * MINUTE + every_s * SECOND {
            outage.send(at);
            at += every_s * SECOND;
        }
        prop_assert_eq!(outage.standings(at)[0], Standing::Healthy);
        for gone in 0..accounts - 1 {
            outage.healths.remove(0);
            outage.send(at);
            prop_assert_eq!(outage.standings(at)[0], Standing::Healthy, "after {} are gone", gone + 1);
        }
    }
}
