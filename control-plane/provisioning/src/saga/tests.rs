#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use super::*;
use proptest::prelude::*;

/// What a carrier does with a request.
#[derive(Clone, Copy, Debug)]
enum Luck {
    /// It does it and says so.
    Does,
    /// It does it, and the answer is lost.
    DoesSilently,
    /// It does not, and nobody knows.
    Loses,
    /// It says that it has no time.
    Busy,
    /// The worker dies after the announcement, before anything is sent.
    DiesBefore,
    /// The worker dies after it was done, before that is stored.
    DiesAfter,
}

fn luck() -> impl Strategy<Value = Luck> {
    prop_oneof![
        4 => Just(Luck::Does),
        1 => Just(Luck::DoesSilently),
        1 => Just(Luck::Loses),
        1 => Just(Luck::Busy),
        1 => Just(Luck::DiesBefore),
        1 => Just(Luck::DiesAfter),
    ]
}

fn plan() -> impl Strategy<Value = Plan> {
    prop_oneof![Just(Plan::Subaccount), Just(Plan::OwnAccount), Just(Plan::Purchase), Just(Plan::Adoption)]
}

/// What there is of each step.
#[derive(Debug, Default)]
struct World(Vec<(Step, u32)>);

impl World {
    fn count(&self, step: Step) -> u32 {
        self.0.iter().find(|(there, _)| *there == step).map_or(0, |(_, count)| *count)
    }

    fn set(&mut self, step: Step, count: u32) {
        self.0.retain(|(there, _)| *there != step);
        self.0.push((step, count));
    }
}

/// One action in the world; `None` if the worker died.
fn carry_out(world: &mut World, action: Action, luck: Luck) -> Option<Outcome> {
    let does = matches!(luck, Luck::Does | Luck::DoesSilently | Luck::DiesAfter);
    if does {
        match action {
            Action::Create(step) => world.set(step, world.count(step) + 1),
            Action::Do(step) => world.set(step, 1),
            Action::Undo(step) | Action::FindAndUndo(step, _) => world.set(step, 0),
            Action::Find(..) | Action::Close | Action::Nothing => {}
        }
    }
    match (luck, action) {
        (Luck::DiesBefore | Luck::DiesAfter, _) => None,
        (Luck::Busy, _) => Some(Outcome::Later(None)),
        (Luck::DoesSilently | Luck::Loses, _) => Some(Outcome::Unknown),
        (Luck::Does, Action::Find(step, _)) => {
            Some(if world.count(step) > 0 { Outcome::Done } else { Outcome::Absent })
        }
        (Luck::Does, _) => Some(Outcome::Done),
    }
}

proptest! {
    #[test]
    fn nothing_is_made_twice_whatever_happens_and_nothing_is_left_when_it_is_undone(
        plan in plan(),
        lucks in proptest::collection::vec(luck(), 0..60),
        cancel_after in proptest::option::of(0..40_usize),
    ) {
        let mut world = World::default();
        // What is in the store; what a worker holds is lost when it dies.
        let mut stored = Saga::new(plan);
        // Luck runs out of misfortune in the end, and what is called off late still has to be undone.
        let lucks = lucks.into_iter().chain(std::iter::repeat_n(Luck::Does, 80));
        for (turn, luck) in lucks.enumerate() {
            if cancel_after == Some(turn) {
                stored.cancel();
            }
            if stored.stuck {
                stored.retry();
            }
            let action = stored.next();
            if matches!(action, Action::Create(_)) {
                stored.announce(turn as i64);
            }
            let Some(outcome) = carry_out(&mut world, action, luck) else { continue };
            stored.handle(action, outcome);
            for step in plan.steps() {
                prop_assert!(world.count(*step) <= 1, "two of {step:?}");
            }
        }
        let expected = u32::from(cancel_after.is_none());
        prop_assert!(stored.is_over(), "{stored:?}");
        for step in plan.steps() {
            prop_assert_eq!(world.count(*step), expected, "{:?}", step);
        }
    }

    #[test]
    fn a_stored_saga_is_read_back(plan in plan(), done in 0..4_usize, at in proptest::option::of(any::<i64>())) {
        let saga = Saga { done, announced_at: at, ..Saga::new(plan) };
        let read: Saga = serde_json::from_value(serde_json::to_value(&saga).unwrap()).unwrap();
        prop_assert_eq!(read, saga);
    }
}

#[test]
fn waits_grow_to_a_quarter_of_an_hour_and_end_with_a_person() {
    let mut saga = Saga::new(Plan::OwnAccount);
    let mut waits = Vec::new();
    loop {
        let action = saga.next();
        match saga.handle(action, Outcome::Later(None)) {
            Follow::After(wait) => waits.push(wait.as_secs()),
            Follow::Now => panic!("a failure is not tried again at once"),
            Follow::Never => break,
        }
    }
    assert_eq!(waits[..4], [2, 4, 8, 16]);
    assert_eq!(waits.last(), Some(&900));
    assert!(saga.stuck && saga.next() == Action::Nothing);
    saga.retry();
    assert_eq!(saga.next(), Action::Create(Step::Application));
}

#[test]
fn what_the_carrier_asks_for_is_waited() {
    let mut saga = Saga::new(Plan::Purchase);
    let hour = Duration::from_secs(3_600);
    assert_eq!(saga.handle(saga.next(), Outcome::Later(Some(hour))), Follow::After(hour));
}

#[test]
fn a_number_that_is_not_to_be_had_is_over_and_a_refused_account_waits_for_a_person() {
    let mut number = Saga::new(Plan::Purchase);
    assert_eq!(number.handle(number.next(), Outcome::Refused), Follow::Now);
    assert_eq!((number.next(), number.is_over()), (Action::Close, false));
    assert_eq!(number.handle(Action::Close, Outcome::Done), Follow::Never);
    assert!(number.is_over() && !number.stuck && number.direction == Direction::Back);
    let mut tenant = Saga::new(Plan::Subaccount);
    assert_eq!(tenant.handle(tenant.next(), Outcome::Refused), Follow::Never);
    assert!(tenant.stuck && tenant.direction == Direction::Forward);
}

#[test]
fn a_list_that_cannot_be_read_does_not_let_it_create_again() {
    let mut saga = Saga::new(Plan::Purchase);
    saga.announce(5);
    for outcome in [Outcome::Later(None), Outcome::Unknown, Outcome::Refused] {
        assert_eq!(saga.next(), Action::Find(Step::Purchase, 5), "{outcome:?}");
        let mut after = saga.clone();
        after.handle(Action::Find(Step::Purchase, 5), outcome);
        assert!(!matches!(after.next(), Action::Create(_)), "{outcome:?}: {after:?}");
    }
}
