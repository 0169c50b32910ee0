//! Stories of single messages. What holds for all of them is in `tests/it/rules.rs`.

mod chains;
mod later;

use super::*;
use crate::{
    failure::{Failure, FailureClass},
    plan::{EmailBackup, Step, Tier},
};
use Channel::{Email, Push, Sms, Whatsapp};
use std::collections::VecDeque;

/// Noon of a day, unix µs.
const NOON: i64 = 1_763_726_400_000_000;
const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;

fn account(id: &str, priority: i32) -> Account {
    Account {
        id: id.to_owned(),
        tier: Tier::Paid,
        priority,
        slow: false,
        capable: true,
        windowed: false,
        admission: Admission::Admitted,
        consent: Consent::Unknown,
        recovery: Recovery::Ask,
    }
}

/// Two accounts in each channel: `sms-1`, `sms-2` and so on.
fn world() -> World {
    let reach = |channel: &Channel| Reach {
        address: Address::Known(format!("{channel}@example.com")),
        quiet: Quiet::Open,
        window: Window::Closed,
        template: false,
        accounts: vec![account(&format!("{channel}-1"), 1), account(&format!("{channel}-2"), 2)],
    };
    World {
        channels: Channel::ALL.iter().map(|channel| (*channel, reach(channel))).collect(),
        options: Options::default(),
    }
}

fn failure(class: FailureClass) -> Failure {
    Failure::new(class)
}

/// A message under way: what was said by whom in which order is what a test asserts.
struct Story {
    dispatch: Dispatch,
    world: World,
    at: i64,
    /// Tries that wait for their outcome: number and account.
    open: VecDeque<(u32, String)>,
    sent: Vec<String>,
    effects: Vec<Effect>,
}

impl Story {
    fn of(kind: MessageType) -> Self {
        Self::with(kind, Plan::of(kind, EmailBackup::Off, false), world())
    }

    fn with(kind: MessageType, plan: Plan, world: World) -> Self {
        let request = Request { kind, plan, due_at: NOON, useful_until: None };
        let mut story = Self {
            dispatch: Dispatch::new(request, NOON),
            world,
            at: NOON,
            open: VecDeque::new(),
            sent: Vec::new(),
            effects: Vec::new(),
        };
        story.tell(Input::Wake);
        story
    }

    fn tell(&mut self, input: Input) {
        // Every step is taken by what was stored.
        let stored = serde_json::to_string(&self.dispatch).unwrap();
        self.dispatch = serde_json::from_str(&stored).unwrap();
        for effect in self.dispatch.step(self.at, input, &self.world) {
            if let Effect::Send { attempt, account, .. } = &effect {
                self.open.push_back((*attempt, account.clone()));
                self.sent.push(account.clone());
            }
            self.effects.push(effect);
        }
    }

    /// What came of the try that is open longest; gives its number.
    fn outcome(&mut self, outcome: Outcome) -> u32 {
        let (attempt, _) = self.open.pop_front().expect("no try is open");
        self.tell(Input::Outcome { attempt, outcome });
        attempt
    }

    fn taken(&mut self) -> u32 {
        self.outcome(Outcome::Accepted { provider_id: "SM1".to_owned() })
    }

    fn refused(&mut self, class: FailureClass) -> u32 {
        self.outcome(Outcome::Refused { failure: failure(class) })
    }

    fn callback(&mut self, attempt: u32, status: Status) {
        self.failing_callback(attempt, status, None);
    }

    fn failing_callback(&mut self, attempt: u32, status: Status, class: Option<FailureClass>) {
        let report = Report { status, failure: class.map(failure), provider_id: None };
        self.tell(Input::Callback { attempt, report });
    }

    fn answer(&mut self, attempt: u32, answer: Answer) {
        let ask = u32::try_from(self.asked()).unwrap();
        self.tell(Input::Answer { attempt, ask, answer });
    }

    /// Lets the time pass to the next waking.
    fn wake(&mut self) {
        self.at = self.dispatch.wake_at().expect("it waits for something");
        self.tell(Input::Wake);
    }

    fn ended(&self) -> Option<(Status, Reason)> {
        self.dispatch.ending().map(|ending| (ending.status, ending.reason))
    }

    fn decided(&self, wanted: impl Fn(&Decision) -> bool) -> bool {
        self.dispatch.log().entries().any(|entry| wanted(&entry.decision))
    }

    fn asked(&self) -> usize {
        self.effects.iter().filter(|effect| matches!(effect, Effect::Ask { .. })).count()
    }
}
