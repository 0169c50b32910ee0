use super::*;
use crate::outcome::Failure;
use proptest::{collection::vec, option, prelude::*, sample::select};
use store::model::{
    number::{BusinessHours, Capabilities, DateException, Routing, WeeklySpan},
    queue::QueueMember,
};

const CALLER: &str = "+15550142";
const OWN: &str = "+15550199";

#[derive(Debug)]
struct Case {
    status: TenantStatus,
    settings: TenantSettings,
    number: Number,
    book: Book,
    waiting: HashMap<QueueId, u32>,
    caller: String,
    at: Timestamp,
    failed: Vec<Failed>,
}

impl Case {
    /// A tenant with an assistant of its own, open on weekdays from nine to five, but for Christmas.
    fn new(during: Vec<Destination>, after: Vec<Destination>) -> Self {
        let hours = HoursId::known("hrs_1");
        let weekly = (1..=5).map(|weekday| WeeklySpan { weekday, from: "09:00".into(), to: "17:00".into() });
        let christmas =
            DateException { date: "2026-12-25".to_owned(), name: "Christmas".to_owned(), open: Vec::new() };
        let stored = BusinessHours {
            name: "Office".to_owned(),
            time_zone: None,
            weekly: weekly.collect(),
            exceptions: vec![christmas],
        };
        let read = Hours::read(&stored, "Europe/Paris").unwrap();
        let book = Book {
            numbers: [OWN.to_owned()].into(),
            own_assistant: true,
            hours: [(hours.clone(), read)].into(),
            ..Book::default()
        };
        let number = Number {
            e164: OWN.to_owned(),
            carrier_sid: None,
            account: None,
            name: String::new(),
            status: NumberStatus::Active,
            primary: false,
            capabilities: Capabilities::default(),
            greeting: None,
            voice: None,
            flow: None,
            routing: Routing { hours: Some(hours), during, after },
        };
        Self {
            status: TenantStatus::Active,
            settings: TenantSettings::default(),
            number,
            book,
            waiting: HashMap::new(),
            caller: CALLER.to_owned(),
            at: monday(),
            failed: Vec::new(),
        }
    }

    fn at(self, at: &str) -> Self {
        Self { at: at.parse().unwrap(), ..self }
    }

    fn decide(&self) -> Decision {
        decide(&Inputs {
            status: self.status,
            settings: &self.settings,
            number: &self.number,
            book: &self.book,
            waiting: &self.waiting,
            caller: &self.caller,
            at: self.at,
            failed: &self.failed,
        })
    }

    fn steps(&self) -> Vec<Step> {
        self.decide().steps().map(|planned| planned.step.clone()).collect()
    }

    fn codes(&self) -> Vec<&'static str> {
        self.decide().reasons.iter().map(Reason::code).collect()
    }
}

fn monday() -> Timestamp {
    "2026-11-23T10:00:00+01:00".parse().unwrap()
}

fn queue(max_waiting: u32) -> (QueueId, Queue) {
    let queue = Queue {
        name: "Sales".to_owned(),
        members: vec![QueueMember { user: UserId::known("usr_1"), priority: 0 }],
        max_waiting,
        max_wait_s: 600,
        announce_every_s: 30,
        music_url: None,
    };
    (QueueId::known("que_1"), queue)
}

const ASSISTANT: Destination = Destination::Assistant { assistant: None };
const OWN_ASSISTANT: Step = Step::Assistant { assistant: None };

fn voicemail(greeting: Option<&str>) -> Step {
    Step::Voicemail { greeting: greeting.map(str::to_owned) }
}

fn forward(number: &str) -> Destination {
    Destination::Forward { number: number.to_owned(), whisper: None, timeout_s: None }
}

fn message(text: &str) -> Destination {
    Destination::Message { text: text.to_owned() }
}

#[test]
fn the_hours_choose_the_list() {
    let case = Case::new(vec![ASSISTANT], vec![message("We are closed.")]);
    assert_eq!(case.steps(), [OWN_ASSISTANT, voicemail(None)]);
    assert_eq!(case.codes(), ["during_hours", "last_resort"]);
    let case = case.at("2026-11-23T17:00:00+01:00");
    assert_eq!(case.steps(), [Step::Message { text: "We are closed.".to_owned() }]);
    assert_eq!(case.codes(), ["after_hours"]);
}

#[test]
fn a_holiday_is_named() {
    let case = Case::new(vec![], vec![message("Merry Christmas.")]).at("2026-12-25T10:00:00+01:00");
    let decision = case.decide();
    assert_eq!(decision.reasons[0].to_string(), "closed by the hours hrs_1 on the day \"Christmas\"");
    assert!(matches!(decision.now.step, Step::Message { .. }));
}

#[test]
fn without_a_list_the_tenants_own_assistant_answers_at_all_times() {
    let case = Case::new(vec![], vec![]);
    assert_eq!(case.steps()[0], OWN_ASSISTANT);
    let case = case.at("2026-11-22T10:00:00+01:00");
    assert_eq!(case.steps()[0], OWN_ASSISTANT);
    assert_eq!(case.codes(), ["after_hours", "after_as_during", "no_destinations", "last_resort"]);
}

#[test]
fn the_tenants_hours_count_where_the_number_has_none() {
    let mut case = Case::new(vec![ASSISTANT], vec![message("Closed.")]).at("2026-11-22T10:00:00+01:00");
    case.settings.default_hours = case.number.routing.hours.take();
    assert_eq!(case.codes(), ["after_hours"]);
    case.settings.default_hours = None;
    assert_eq!(case.codes(), ["no_hours", "last_resort"]);
    case.settings.default_hours = Some(HoursId::known("hrs_gone"));
    assert_eq!(case.codes(), ["hours_unknown", "last_resort"]);
}

#[test]
fn what_did_not_take_the_call_is_followed_by_the_next_and_at_last_by_voicemail() {
    let mut case = Case::new(vec![forward("+15550143"), ASSISTANT], vec![]);
    let first = Step::Forward { number: "+15550143".to_owned(), whisper: None, timeout_s: 30 };
    assert_eq!(case.steps(), [first, OWN_ASSISTANT, voicemail(None)]);
    case.failed.push(Failed { position: 0, why: Failure::NoAnswer });
    assert_eq!(case.steps(), [OWN_ASSISTANT, voicemail(None)]);
    case.failed.push(Failed { position: 1, why: Failure::AssistantFailed });
    let decision = case.decide();
    assert_eq!((decision.now.position, &decision.now.step), (2, &voicemail(None)));
    assert_eq!(case.codes(), ["during_hours", "no_answer", "assistant_failed", "last_resort"]);
}

#[test]
fn a_call_stays_in_the_hours_in_which_it_came() {
    let mut case =
        Case::new(vec![forward("+15550143"), message("Nobody is here.")], vec![message("Closed.")])
            .at("2026-11-23T16:59:59+01:00");
    case.failed.push(Failed { position: 0, why: Failure::Busy });
    assert_eq!(case.steps(), [Step::Message { text: "Nobody is here.".to_owned() }]);
}

#[test]
fn the_greeting_after_hours_is_the_tenants_unless_the_voicemail_has_its_own() {
    let plain = Destination::Voicemail { greeting: None };
    let own = Destination::Voicemail { greeting: Some("Mine.".to_owned()) };
    let mut case = Case::new(vec![plain.clone()], vec![plain]);
    case.settings.after_hours_greeting = Some("We are closed. Leave a message.".to_owned());
    assert_eq!(case.steps(), [voicemail(None)]);
    let mut case = case.at("2026-11-22T10:00:00+01:00");
    assert_eq!(case.steps(), [voicemail(Some("We are closed. Leave a message."))]);
    case.number.routing.after = vec![own];
    assert_eq!(case.steps(), [voicemail(Some("Mine."))]);
}

#[test]
fn whoever_is_not_served_is_turned_away() {
    let mut case = Case::new(vec![ASSISTANT], vec![]);
    for (status, number, code) in [
        (TenantStatus::Provisioning, NumberStatus::Active, "tenant_not_ready"),
        (TenantStatus::Suspended, NumberStatus::Active, "tenant_suspended"),
        (TenantStatus::Closed, NumberStatus::Inactive, "tenant_closed"),
        (TenantStatus::Active, NumberStatus::Pending, "number_inactive"),
        (TenantStatus::Active, NumberStatus::Inactive, "number_inactive"),
        (TenantStatus::Active, NumberStatus::Released, "number_inactive"),
    ] {
        (case.status, case.number.status) = (status, number);
        assert!(matches!(case.steps()[..], [Step::Reject { .. }]), "{status} {number}");
        assert_eq!(case.codes(), [code]);
    }
}

#[test]
fn a_hidden_caller_is_served_and_known_as_such() {
    for hidden in
        ["anonymous", "Restricted", "+266696687", "+86282452253", "", "sip:a@example.test", "client:usr_1"]
    {
        let case = Case { caller: hidden.to_owned(), ..Case::new(vec![ASSISTANT], vec![]) };
        assert_eq!(case.steps()[0], OWN_ASSISTANT, "{hidden}");
        assert_eq!(case.codes()[0], "caller_unknown", "{hidden}");
    }
}

#[test]
fn what_the_tenant_does_not_have_is_left_out() {
    let unknown = [
        (Destination::Assistant { assistant: Some(AssistantId::known("asst_2")) }, "unknown_assistant"),
        (Destination::User { user: UserId::known("usr_2"), timeout_s: None }, "unknown_user"),
        (Destination::Queue { queue: QueueId::known("que_2") }, "unknown_queue"),
        (forward("911"), "not_a_number"),
        (forward(OWN), "its_own_number"),
        (message("  "), "nothing_to_say"),
    ];
    for (destination, code) in unknown {
        let case = Case::new(vec![destination], vec![]);
        assert_eq!(case.steps(), [voicemail(None)], "{code}");
        assert_eq!(case.codes(), ["during_hours", code, "last_resort"]);
        assert_eq!(case.decide().reasons[1].position(), Some(0));
    }
    let mut case = Case::new(vec![ASSISTANT], vec![]);
    case.book.own_assistant = false;
    assert_eq!(case.codes(), ["during_hours", "no_assistant", "last_resort"]);
    case.book.assistants = [AssistantId::known("asst_1")].into();
    case.settings.default_assistant = Some(AssistantId::known("asst_1"));
    assert_eq!(case.steps()[0], Step::Assistant { assistant: Some(AssistantId::known("asst_1")) });
}

#[test]
fn a_queue_that_is_full_or_that_nobody_takes_is_left_out() {
    let (id, queue) = queue(2);
    let mut case = Case::new(vec![Destination::Queue { queue: id.clone() }], vec![]);
    case.book.queues.insert(id.clone(), queue);
    let waits = Step::Queue { queue: id.clone(), max_waiting: 2, max_wait_s: 600 };
    assert_eq!(case.steps(), [waits.clone(), voicemail(None)]);
    case.waiting.insert(id.clone(), 1);
    assert_eq!(case.steps()[0], waits);
    case.waiting.insert(id.clone(), 2);
    assert_eq!(case.codes(), ["during_hours", "queue_full", "last_resort"]);
    case.waiting.clear();
    case.book.queues.get_mut(&id).unwrap().members.clear();
    assert_eq!(case.codes(), ["during_hours", "nobody_takes_the_queue", "last_resort"]);
}

#[test]
fn a_call_that_we_forwarded_is_not_forwarded_again() {
    let mut case = Case::new(vec![forward("+15550143")], vec![]);
    case.book.numbers.insert("+15550198".to_owned());
    case.caller = "+15550198".to_owned();
    assert_eq!(case.codes(), ["during_hours", "forwarded_already", "last_resort"]);
}

#[test]
fn people_ring_for_a_time_that_the_carrier_takes() {
    for (wanted, rings) in [(None, 30), (Some(0), 5), (Some(45), 45), (Some(9_999), 600)] {
        let user = UserId::known("usr_1");
        let mut case = Case::new(vec![Destination::User { user: user.clone(), timeout_s: wanted }], vec![]);
        case.book.users = [user.clone()].into();
        assert_eq!(case.steps()[0], Step::Ring { user, timeout_s: rings });
    }
}

#[test]
fn a_list_that_is_too_long_is_cut() {
    let mut case = Case::new(vec![forward("+15550143"); 20], vec![]);
    assert_eq!(case.steps().len(), 17);
    assert_eq!(case.codes(), ["during_hours", "too_many_destinations", "last_resort"]);
    case.failed = vec![Failed { position: u32::MAX, why: Failure::Failed }];
    assert_eq!(case.steps(), [voicemail(None)]);
}

#[test]
fn a_decision_is_shown_as_json() {
    let case = Case::new(vec![forward("+15550143")], vec![]);
    let shown = serde_json::to_value(case.decide()).unwrap();
    let expected = serde_json::json!({
        "now": { "position": 0, "do": "forward", "number": "+15550143", "whisper": null, "timeout_s": 30 },
        "then": [{ "position": 1, "do": "voicemail", "greeting": null }],
        "reasons": [
            { "code": "during_hours", "text": "open by the hours hrs_1" },
            {
                "code": "last_resort",
                "text": "nothing in the list takes every call, so the caller can leave a message at last",
            },
        ],
    });
    assert_eq!(shown, expected);
}

#[test]
fn a_flow_goes_over_the_numbers_own_routing_and_one_that_is_gone_does_not() {
    let says = |text: &str| Destination::Message { text: text.to_owned() };
    let mut case = Case::new(vec![says("own")], Vec::new());
    let flow = FlowId::known("flw_1");
    case.number.flow = Some(flow.clone());
    assert_eq!(case.decide().now.step, Step::Message { text: "own".to_owned() });
    assert_eq!(case.decide().reasons[0], Reason::FlowUnknown { flow: flow.clone() });
    let hours = case.number.routing.hours.clone();
    let routing = Routing { hours, during: vec![says("by day")], after: vec![says("by night")] };
    case.book.flows.insert(flow.clone(), routing);
    assert_eq!(case.decide().now.step, Step::Message { text: "by day".to_owned() });
    assert_eq!(case.decide().reasons[0], Reason::Flow { flow });
    let sunday = case.at("2026-11-22T12:00:00Z");
    assert_eq!(sunday.decide().now.step, Step::Message { text: "by night".to_owned() });
}

fn any_destination() -> impl Strategy<Value = Destination> {
    // Some of each are the tenant's, some are another's.
    let name = |prefix: &'static str| (0..4).prop_map(move |n| format!("{prefix}_{n}"));
    let timeout = option::of(any::<u32>());
    prop_oneof![
        option::of(name("asst"))
            .prop_map(|id| Destination::Assistant { assistant: id.map(AssistantId::known) }),
        (name("usr"), timeout.clone())
            .prop_map(|(id, timeout_s)| Destination::User { user: UserId::known(id), timeout_s }),
        name("que").prop_map(|id| Destination::Queue { queue: QueueId::known(id) }),
        option::of(".{0,3}").prop_map(|greeting| Destination::Voicemail { greeting }),
        ".{0,3}".prop_map(|text| Destination::Message { text }),
        (select(vec!["+15550143", OWN, "911", ""]), option::of(".{0,3}"), timeout).prop_map(
            |(number, whisper, timeout_s)| Destination::Forward {
                number: number.to_owned(),
                whisper,
                timeout_s
            }
        ),
    ]
}

prop_compose! {
    fn any_case()(
        during in vec(any_destination(), 0..20),
        after in vec(any_destination(), 0..20),
        status in select(TenantStatus::ALL.to_vec()),
        number_status in select(vec![NumberStatus::Active, NumberStatus::Active, NumberStatus::Inactive]),
        second in 1_767_225_600_i64..1_798_761_600,
        caller in select(vec![CALLER, OWN, "anonymous", ""]),
        (own_assistant, default_assistant) in (any::<bool>(), option::of(0..4)),
        waiting in vec(0_u32..3, 2),
        has_hours in any::<bool>(),
    ) -> Case {
        let mut case = Case::new(during, after);
        (case.status, case.number.status) = (status, number_status);
        case.at = Timestamp::from_second(second).unwrap();
        case.caller = caller.to_owned();
        case.book.own_assistant = own_assistant;
        case.settings.default_assistant = default_assistant.map(|n| AssistantId::known(format!("asst_{n}")));
        case.book.assistants = [0, 1].map(|n| AssistantId::known(format!("asst_{n}"))).into();
        case.book.users = [0, 1].map(|n| UserId::known(format!("usr_{n}"))).into();
        for (n, waiting) in waiting.into_iter().enumerate() {
            let id = QueueId::known(format!("que_{n}"));
            case.book.queues.insert(id.clone(), queue(2).1);
            case.waiting.insert(id, waiting);
        }
        if !has_hours {
            case.book.hours.clear();
        }
        case
    }
}

proptest! {
    #[test]
    fn every_call_comes_to_an_end(mut case in any_case(), why in select(Failure::ALL.to_vec()), changed in any_case()) {
        let mut last_position = None;
        for tried in 0.. {
            prop_assert!(tried <= DESTINATIONS_MAX, "a caller goes in a circle");
            let decision = case.decide();
            prop_assert!(decision.steps().last().unwrap().step.is_last());
            prop_assert_eq!(decision.steps().filter(|planned| planned.step.is_last()).count(), 1);
            if decision.now.step.is_last() {
                break;
            }
            prop_assert!(last_position < Some(decision.now.position), "places only grow");
            last_position = Some(decision.now.position);
            case.failed.push(Failed { position: decision.now.position, why });
            // Somebody sets the number up anew while the caller is on the line.
            if tried == 2 {
                case.number.routing = changed.number.routing.clone();
            }
        }
    }

    #[test]
    fn nobody_is_led_to_another_tenant(case in any_case()) {
        for planned in case.decide().steps() {
            match &planned.step {
                Step::Assistant { assistant: Some(id) } => prop_assert!(case.book.assistants.contains(id)),
                Step::Assistant { assistant: None } => prop_assert!(case.book.own_assistant),
                Step::Ring { user, timeout_s } => {
                    prop_assert!(case.book.users.contains(user));
                    prop_assert!((5..=600).contains(timeout_s));
                }
                Step::Queue { queue, .. } => prop_assert!(case.book.queues.contains_key(queue)),
                Step::Forward { number, .. } => prop_assert!(is_number(number) && number != OWN && case.caller != OWN),
                Step::Voicemail { .. } | Step::Message { .. } | Step::Reject { .. } => {}
            }
        }
    }

    #[test]
    fn the_same_inputs_give_the_same_decision_and_say_why(case in any_case()) {
        let decision = case.decide();
        prop_assert_eq!(&decision, &case.decide());
        prop_assert!(!decision.reasons.is_empty());
        let refused = case.status != TenantStatus::Active || case.number.status != NumberStatus::Active;
        let is_refused = matches!(decision.now.step, Step::Reject { .. });
        prop_assert_eq!(is_refused, refused);
    }

    #[test]
    fn the_steps_that_follow_are_those_that_were_promised(mut case in any_case(), why in select(Failure::ALL.to_vec())) {
        let promised = case.decide();
        if let Some(next) = promised.then.first() {
            case.failed.push(Failed { position: promised.now.position, why });
            let decision = case.decide();
            prop_assert_eq!(&decision.now, next);
            prop_assert_eq!(&decision.then[..], &promised.then[1..]);
        }
    }
}
