//! A small universe around one message: providers that take, refuse, lose and keep silent, callbacks that come late, twice and in any order,
//! people who say STOP, nodes that crash between any two steps. It knows the truth: what each person was really told, and when.
//!
//! Everything is chosen by a list of numbers, the luck; where it ends, everything goes well.

use messaging::{
    Channel, Failure, FailureClass, MessageType, Status,
    dispatch::{
        Account, Address, Admission, Answer, Consent, Decision, Dispatch, Effect, Ending, Input, OnUnknown,
        Options, Outcome, Quiet, Reach, Recovery, Report, Request, Window, World,
    },
    plan::{EmailBackup, Plan, Step, Tier},
};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) const SECOND: i64 = 1_000_000;
pub(crate) const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
/// When the message is accepted.
pub(crate) const START: i64 = 1_763_726_400_000_000;
/// More than any message takes.
const EVENTS_MAX: usize = 20_000;

/// Chooses. Smaller numbers are luckier.
pub(crate) struct Luck {
    numbers: Vec<u8>,
    next: usize,
}

impl Luck {
    pub(crate) fn new(numbers: Vec<u8>) -> Self {
        Self { numbers, next: 0 }
    }

    fn number(&mut self) -> u8 {
        let number = self.numbers.get(self.next).copied().unwrap_or(0);
        self.next += 1;
        number
    }

    /// One of `count`.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        usize::from(self.number()) % count
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    /// Once in so many times.
    fn once_in(&mut self, count: usize) -> bool {
        self.below(count) == count - 1
    }
}

/// What really came of a try.
#[derive(Clone, Debug)]
pub(crate) struct Truth {
    pub(crate) channel: Channel,
    account: String,
    /// When the provider call was made.
    made_at: i64,
    /// Whether the provider took it.
    took: bool,
    /// Whether the person was told.
    pub(crate) told: bool,
}

/// Something that happens at a time.
#[derive(Clone, Debug)]
enum Event {
    Tell(Input),
    /// The person opts out of a sender.
    Stop(Channel, usize),
    /// An account goes down or comes back.
    Health(Channel, usize, Admission),
}

pub(crate) struct Universe {
    pub(crate) dispatch: Dispatch,
    pub(crate) world: World,
    pub(crate) truths: BTreeMap<u32, Truth>,
    luck: Luck,
    at: i64,
    events: Vec<(i64, Event)>,
    /// Channels of which the provider said that the person opted out.
    opted_out: BTreeSet<Channel>,
    /// What broke a rule when it was done.
    pub(crate) faults: Vec<String>,
}

const REFUSALS: [FailureClass; 9] = [
    FailureClass::Temporary,
    FailureClass::Busy,
    FailureClass::Unreachable,
    FailureClass::NotCarried,
    FailureClass::BadAddress,
    FailureClass::Account,
    FailureClass::Message,
    FailureClass::OptedOut,
    FailureClass::QuietHours,
];

fn plan(kind: MessageType, luck: &mut Luck) -> Plan {
    let backup = luck.of(EmailBackup::ALL);
    if !luck.once_in(3) {
        return Plan::of(kind, backup, luck.once_in(3));
    }
    let mut left = vec![Channel::Sms, Channel::Whatsapp, Channel::Push, Channel::Email];
    let mut steps = Vec::new();
    while !left.is_empty() && (steps.is_empty() || !luck.once_in(3)) {
        let several = if luck.once_in(3) { 2.min(left.len()) } else { 1 };
        let channels = (0..several).map(|_| left.remove(luck.below(left.len()))).collect();
        steps.push(Step { channels, escalate_after_s: luck.once_in(3).then_some(300) });
    }
    if luck.once_in(2) {
        steps.push(Step::of(&[Channel::Voice]));
    }
    Plan::explicit(steps, backup).unwrap()
}

fn account(channel: Channel, n: usize, luck: &mut Luck) -> Account {
    let consents = [Consent::Unknown, Consent::Unknown, Consent::Given, Consent::Unknown, Consent::Withdrawn];
    Account {
        id: format!("{channel}-{n}"),
        tier: luck.of(Tier::ALL),
        priority: i32::try_from(n).unwrap(),
        slow: luck.once_in(4),
        capable: !luck.once_in(8),
        windowed: luck.once_in(3),
        admission: if luck.once_in(6) {
            Admission::Refused { until: START + HOUR }
        } else {
            Admission::Admitted
        },
        consent: luck.of(&consents),
        recovery: luck.of(Recovery::ALL),
    }
}

fn world(luck: &mut Luck) -> World {
    let mut channels = BTreeMap::new();
    for channel in Channel::ALL {
        let known = Address::Known(format!("{channel}@example.com"));
        let address = match luck.below(8) {
            6 => Address::None,
            7 => Address::Suppressed,
            _ => known,
        };
        let quiet = match luck.below(6) {
            4 => Quiet::ClosedUntil(START + 9 * HOUR),
            5 => Quiet::ClosedUntil(START + 90 * SECOND),
            _ => Quiet::Open,
        };
        let accounts = (0..=luck.below(3)).map(|n| account(*channel, n, luck)).collect();
        let window = luck.of(Window::ALL);
        channels.insert(*channel, Reach { address, quiet, window, template: luck.once_in(2), accounts });
    }
    if luck.once_in(10) {
        channels.remove(&Channel::Push);
    }
    let options = Options {
        after_opt_out: luck.of(&[None, Some(messaging::dispatch::AfterOptOut::Others)]),
        critical_twice_rather_than_missed: false,
        ..Options::default()
    };
    World { channels, options }
}

impl Universe {
    /// `on_unknown`: what is believed where a provider cannot be asked.
    pub(crate) fn new(mut luck: Luck, on_unknown: OnUnknown) -> Self {
        let kind = luck.of(MessageType::ALL);
        let plan = plan(kind, &mut luck);
        let mut world = world(&mut luck);
        world.options.on_unknown = on_unknown;
        let due_at = START + luck.of(&[0, 0, 0, HOUR]);
        let useful_until = luck.of(&[None, None, Some(due_at + 3 * MINUTE), Some(due_at + 12 * HOUR)]);
        let dispatch = Dispatch::new(Request { kind, plan, due_at, useful_until }, START);
        let mut events = Vec::new();
        for _ in 0..luck.below(3) {
            let at = START + i64::try_from(luck.below(40)).unwrap() * 20 * SECOND;
            let channel = luck.of(Channel::ALL);
            let n = luck.below(3);
            let event = match luck.below(3) {
                0 => Event::Health(channel, n, Admission::Admitted),
                1 => Event::Health(channel, n, Admission::Refused { until: at + MINUTE }),
                _ => Event::Stop(channel, n),
            };
            events.push((at, event));
        }
        if luck.once_in(8) {
            events.push((START + luck.of(&[0, SECOND, MINUTE, HOUR]), Event::Tell(Input::Cancel)));
        }
        Self {
            dispatch,
            world,
            truths: BTreeMap::new(),
            luck,
            at: START,
            events,
            opted_out: BTreeSet::new(),
            faults: Vec::new(),
        }
    }

    /// Lets everything happen; gives how it ended.
    pub(crate) fn run(&mut self) -> Option<Ending> {
        for _ in 0..EVENTS_MAX {
            let first = self
                .events
                .iter()
                .enumerate()
                .min_by_key(|(_, (at, _))| *at)
                .map(|(place, (at, _))| (place, *at));
            let (at, event) = match (first, self.dispatch.wake_at()) {
                (Some((place, at)), wake) if wake.is_none_or(|wake| at <= wake) => self.events.remove(place),
                // A node may look later than it was asked to.
                (_, Some(wake)) => (wake + self.luck.of(&[0, 0, SECOND]), Event::Tell(Input::Wake)),
                (_, None) => return self.dispatch.ending().cloned(),
            };
            self.at = self.at.max(at);
            match event {
                Event::Tell(input) => self.tell(input),
                Event::Stop(channel, n) => {
                    self.with_account(channel, n, |account| account.consent = Consent::Withdrawn)
                }
                Event::Health(channel, n, admission) => {
                    self.with_account(channel, n, |account| account.admission = admission);
                }
            }
        }
        self.faults.push("it never ends".to_owned());
        None
    }

    fn with_account(&mut self, channel: Channel, n: usize, change: impl FnOnce(&mut Account)) {
        let reach = self.world.channels.get_mut(&channel);
        if let Some(account) = reach.and_then(|reach| reach.accounts.get_mut(n)) {
            change(account);
        }
    }

    fn tell(&mut self, input: Input) {
        // What a provider tells may be taken in by one who calls none.
        let by_another = matches!(input, Input::Callback { .. } | Input::Cancel) && self.luck.once_in(2);
        let effects = if by_another {
            self.dispatch.take_in(self.at, input, &self.world)
        } else {
            self.dispatch.step(self.at, input, &self.world)
        };
        if by_another
            && effects.iter().any(|effect| matches!(effect, Effect::Send { .. } | Effect::Ask { .. }))
        {
            self.faults.push("a provider was to be called by one who calls none".to_owned());
        }
        // Between any two steps a node may end and another go on.
        let stored = serde_json::to_string(&self.dispatch).unwrap();
        let restored: Dispatch = serde_json::from_str(&stored).unwrap();
        if restored != self.dispatch {
            self.faults.push(format!("another state after a restart: {stored}"));
        }
        self.dispatch = restored;
        for effect in effects {
            match effect {
                Effect::Send { attempt, channel, account, again, .. } => {
                    self.send(attempt, channel, &account, again)
                }
                Effect::Ask { attempt, ask, .. } => self.ask(attempt, ask),
                Effect::OptedOut { channel, .. } => {
                    self.opted_out.insert(channel);
                }
                Effect::WakeAt { .. }
                | Effect::Status { .. }
                | Effect::Account { .. }
                | Effect::Suppress { .. }
                | Effect::Alert { .. }
                | Effect::End { .. } => {}
            }
        }
    }

    fn check_consent(&mut self, channel: Channel, account: &str) {
        let accounts = &self.world.channels[&channel].accounts;
        let known = accounts.iter().find(|known| known.id == account).expect("an account of the tenant");
        let stopped = accounts.iter().any(|known| known.consent == Consent::Withdrawn);
        if known.consent == Consent::Withdrawn || (stopped && known.consent != Consent::Given) {
            self.faults.push(format!("{account} was used after STOP"));
        }
        if self.opted_out.contains(&channel) {
            self.faults.push(format!("{account} was used after the provider told of an opt-out"));
        }
    }

    fn later(&mut self) -> i64 {
        self.at + self.luck.of(&[0, SECOND, SECOND, 20 * SECOND, 5 * MINUTE, 7 * HOUR])
    }

    fn send(&mut self, attempt: u32, channel: Channel, account: &str, again: bool) {
        self.check_consent(channel, account);
        // The node may end before the call is made.
        let made = !self.luck.once_in(16);
        let known = self.truths.get(&attempt).is_some_and(|truth| truth.took);
        if again && known {
            // The provider knows the key.
            let accepted = Outcome::Accepted { provider_id: format!("id-{attempt}") };
            let busy = Outcome::Refused { failure: Failure::new(FailureClass::Busy) };
            let outcome = match (made, self.luck.once_in(4)) {
                (true, false) => accepted,
                (true, true) => busy,
                (false, _) => Outcome::Unknown,
            };
            self.tell_outcome(attempt, outcome);
            return;
        }
        let choice = self.luck.below(10);
        let took = made && matches!(choice, 0..=4);
        let truth = Truth { channel, account: account.to_owned(), made_at: self.at, took, told: false };
        self.truths.insert(attempt, truth);
        if took {
            self.carry(attempt);
        }
        match choice {
            _ if !made => self.tell_outcome(attempt, Outcome::Unknown),
            0..=2 => self.tell_outcome(attempt, Outcome::Accepted { provider_id: format!("id-{attempt}") }),
            // Taken, and nobody hears of it; or neither, and not even the node's own time-out.
            3 | 5 => self.tell_outcome(attempt, Outcome::Unknown),
            4 | 6 => {}
            7 if self.luck.once_in(2) => {
                let until = self.later();
                self.tell_outcome(attempt, Outcome::Deferred { until });
            }
            7 => self.tell_outcome(attempt, Outcome::NotAdmitted),
            _ => {
                let retry_after = self.luck.of(&[None, Some(90)]);
                let failure = Failure::new(self.luck.of(&REFUSALS)).with_retry_after(retry_after);
                self.tell_outcome(attempt, Outcome::Refused { failure });
            }
        }
    }

    fn tell_outcome(&mut self, attempt: u32, outcome: Outcome) {
        // A call has ended when its outcome is awaited no more.
        let at = self.at + self.luck.of(&[0, SECOND, SECOND, 20 * SECOND, 100 * SECOND]);
        self.events.push((at, Event::Tell(Input::Outcome { attempt, outcome })));
    }

    /// What the network does with what a provider took, and what is told of it: in any order, some of it twice, some never.
    fn carry(&mut self, attempt: u32) {
        let arrives = !self.luck.once_in(4);
        let told = self.truths.get_mut(&attempt).expect("it was made");
        told.told = arrives;
        let end = if arrives {
            Status::Delivered
        } else {
            self.luck.of(&[Status::Undelivered, Status::Failed, Status::Bounced])
        };
        let failure = (!arrives).then(|| Failure::new(self.luck.of(&REFUSALS)));
        let mut story = vec![(Status::Queued, None), (Status::Sent, None), (end, failure)];
        if arrives && self.luck.once_in(3) {
            story.push((Status::Read, None));
        }
        for (status, failure) in story {
            for _ in 0..self.luck.of(&[1, 1, 0, 2]) {
                let at = self.later();
                let report =
                    Report { status, failure: failure.clone(), provider_id: Some(format!("id-{attempt}")) };
                self.events.push((at, Event::Tell(Input::Callback { attempt, report })));
            }
        }
        // A provider that never tells of a failure cannot be told from one that gives no receipts: the person counts as told, so that
        // the rule stays the stricter one.
    }

    fn ask(&mut self, attempt: u32, ask: u32) {
        let at = self.at + self.luck.of(&[SECOND, SECOND, 40 * SECOND, 3 * MINUTE]);
        let truth = self.truths[&attempt].clone();
        // The provider's list is late by up to 20 s.
        let listed = self.at >= truth.made_at + 20 * SECOND || !self.luck.once_in(2);
        let answer = match self.luck.below(5) {
            3 => Answer::CannotSay,
            4 => return,
            _ if truth.took && listed => Answer::Found {
                report: Report {
                    status: Status::Sent,
                    failure: None,
                    provider_id: Some(format!("id-{attempt}")),
                },
            },
            _ => Answer::NotThere,
        };
        self.events.push((at, Event::Tell(Input::Answer { attempt, ask, answer })));
    }

    /// How often the person was told, by channel.
    pub(crate) fn told(&self) -> BTreeMap<Channel, usize> {
        let mut told = BTreeMap::new();
        for truth in self.truths.values().filter(|truth| truth.told) {
            *told.entry(truth.channel).or_insert(0) += 1;
        }
        told
    }

    /// How often it was assumed that a try was not sent, because nobody could be asked.
    pub(crate) fn assumed_not_sent(&self) -> usize {
        let entries = self.dispatch.log().entries();
        let assumed = entries.filter(
            |entry| matches!(&entry.decision, Decision::Assumed { assumption, .. } if !assumption.sent),
        );
        assumed.count()
    }

    /// The whole story, for a test that failed.
    pub(crate) fn story(&self) -> String {
        let lines = self.dispatch.log().entries().map(|entry| {
            let after = (entry.at - START) / SECOND;
            format!("{after:>8} s  {}", serde_json::to_string(&entry.decision).unwrap())
        });
        let accounts = self
            .truths
            .iter()
            .map(|(n, truth)| format!("{n}: {} took {} told {}", truth.account, truth.took, truth.told));
        format!(
            "{}\n{}\n{:?}",
            lines.collect::<Vec<_>>().join("\n"),
            accounts.collect::<Vec<_>>().join("\n"),
            self.faults
        )
    }
}
