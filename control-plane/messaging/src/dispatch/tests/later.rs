//! Time, consent, and what is told late, twice, out of order or not at all.

use super::*;

#[test]
fn what_turns_out_not_to_have_arrived_goes_on_at_the_next_channel() {
    let mut story = Story::of(MessageType::Instant);
    let attempt = story.taken();
    story.failing_callback(attempt, Status::Undelivered, Some(FailureClass::Temporary));
    assert_eq!(story.sent, ["whatsapp-1", "sms-1"], "not at the next account");
    story.failing_callback(attempt, Status::Undelivered, Some(FailureClass::Temporary));
    story.callback(attempt, Status::Sent);
    assert_eq!(story.sent, ["whatsapp-1", "sms-1"], "told twice is told once");
}

#[test]
fn what_is_told_where_no_provider_can_be_called_begins_nothing_and_wakes_whoever_can() {
    let mut story = Story::of(MessageType::Instant);
    let attempt = story.taken();
    story.at += MINUTE;
    let failure = Some(failure(FailureClass::Unreachable));
    let report = Report { status: Status::Undelivered, failure, provider_id: None };
    let effects = story.dispatch.take_in(story.at, Input::Callback { attempt, report }, &story.world);
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Send { .. } | Effect::Ask { .. })));
    assert_eq!((story.dispatch.trying(), story.dispatch.ending()), (Vec::new(), None));
    assert_eq!(story.dispatch.wake_at(), Some(story.at));
    story.wake();
    assert_eq!(story.sent, ["whatsapp-1", "sms-1"]);

    let mut story = Story::of(MessageType::Instant);
    let attempt = story.outcome(Outcome::Unknown);
    story.at += MINUTE;
    let report = Report { status: Status::Sent, failure: None, provider_id: None };
    let input = Input::Callback { attempt: attempt + 1, report };
    assert_eq!(story.dispatch.take_in(story.at, input, &story.world), []);
    assert!(story.dispatch.wake_at().is_some_and(|at| at <= story.at));
    story.tell(Input::Wake);
    assert_eq!(story.asked(), 1);
}

#[test]
fn a_receipt_may_come_before_the_provider_call_returns() {
    let mut story = Story::of(MessageType::Instant);
    story.callback(1, Status::Delivered);
    assert_eq!(story.ended(), Some((Status::Delivered, Reason::Done)));
    story.taken();
    story.callback(1, Status::Sent);
    assert_eq!(story.ended(), Some((Status::Delivered, Reason::Done)));

    let mut story = Story::of(MessageType::Instant);
    story.failing_callback(1, Status::Failed, Some(FailureClass::NotCarried));
    assert_eq!(story.sent, ["whatsapp-1", "sms-1"]);
    story.taken();
    assert_eq!(story.sent, ["whatsapp-1", "sms-1"]);
    assert_eq!(story.dispatch.results()[0].status, Some(Status::Failed));
}

#[test]
fn without_a_receipt_sent_is_final_until_one_comes() {
    let mut story = Story::of(MessageType::Instant);
    let attempt = story.taken();
    story.wake();
    assert_eq!(story.at, NOON + 24 * 60 * MINUTE);
    assert_eq!(story.ended(), Some((Status::Sent, Reason::Done)));
    assert_eq!(story.dispatch.wake_at(), None);
    story.at += MINUTE;
    story.failing_callback(attempt, Status::Undelivered, None);
    assert_eq!(story.ended(), None, "it goes on");
    assert_eq!(story.sent, ["whatsapp-1", "sms-1"]);
    story.taken();
    story.callback(2, Status::Delivered);
    assert_eq!(story.ended(), Some((Status::Delivered, Reason::Done)));
}

#[test]
fn a_receipt_that_nobody_tells_is_asked_for_less_and_less_often() {
    let mut world = world();
    world.options.receipt_asked_after_s = [(Push, 60)].into();
    let plan = Plan::explicit(vec![Step::of(&[Push]), Step::of(&[Sms])], EmailBackup::Off).unwrap();
    let mut story = Story::with(MessageType::Instant, plan, world);
    let attempt = story.taken();
    let mut waits = Vec::new();
    for _ in 0..2 {
        story.wake();
        waits.push((story.at - NOON) / SECOND);
        story.answer(attempt, Answer::CannotSay);
    }
    assert_eq!((waits, story.asked()), (vec![60, 180], 2));
    assert_eq!(story.sent, ["push-1"], "it is taken as long as nothing else is known");
    story.wake();
    let report = Report { status: Status::Delivered, failure: None, provider_id: None };
    story.answer(attempt, Answer::Found { report });
    assert_eq!(story.ended(), Some((Status::Delivered, Reason::Done)));

    let mut world = super::world();
    world.options.receipt_asked_after_s = [(Push, 60)].into();
    let plan = Plan::explicit(vec![Step::of(&[Push]), Step::of(&[Sms])], EmailBackup::Off).unwrap();
    let mut story = Story::with(MessageType::Instant, plan, world);
    let attempt = story.taken();
    story.wake();
    let failure = Some(failure(FailureClass::BadAddress));
    let report = Report { status: Status::Undelivered, failure, provider_id: None };
    story.answer(attempt, Answer::Found { report });
    assert_eq!(story.sent, ["push-1", "sms-1"], "what did not arrive goes on at the next channel");
}

#[test]
fn the_provider_is_asked_before_anything_else_is_tried() {
    let mut story = Story::of(MessageType::Instant);
    let attempt = story.outcome(Outcome::Unknown);
    assert_eq!((story.sent.len(), story.asked()), (1, 0));
    story.wake();
    assert_eq!(story.asked(), 1);
    story.answer(attempt, Answer::NotThere);
    assert_eq!(story.sent.len(), 1, "its list may be late");
    story.wake();
    assert_eq!((story.at, story.asked()), (NOON + 30 * SECOND, 2));
    story.answer(attempt, Answer::NotThere);
    assert_eq!(story.sent, ["whatsapp-1", "whatsapp-2"]);
}

#[test]
fn a_question_that_died_with_whoever_put_it_is_put_again_and_counts_for_no_answer() {
    let is_assumed = |decision: &Decision| matches!(decision, Decision::Assumed { .. });
    let mut story = Story::of(MessageType::Instant);
    let attempt = story.outcome(Outcome::Unknown);
    while story.asked() < 9 {
        assert!(!story.decided(is_assumed), "after {} questions", story.asked());
        story.wake();
    }
    story.answer(attempt, Answer::NotThere);
    assert_eq!(story.sent, ["whatsapp-1", "whatsapp-2"]);

    let mut story = Story::of(MessageType::Instant);
    story.outcome(Outcome::Unknown);
    while !story.decided(is_assumed) {
        story.wake();
    }
    assert_eq!(story.asked(), 25, "it comes to an end all the same");
}

#[test]
fn a_try_that_the_provider_has_is_not_made_again() {
    let mut story = Story::of(MessageType::Instant);
    let attempt = story.outcome(Outcome::Unknown);
    story.wake();
    let report = Report { status: Status::Delivered, failure: None, provider_id: Some("SM1".to_owned()) };
    story.answer(attempt, Answer::Found { report });
    assert_eq!(story.ended(), Some((Status::Delivered, Reason::Done)));
    assert_eq!(story.sent, ["whatsapp-1"]);
}

#[test]
fn an_outcome_that_is_never_told_is_unknown_after_a_while() {
    let mut story = Story::of(MessageType::Instant);
    story.wake();
    assert_eq!(story.at, NOON + 120 * SECOND);
    story.wake();
    assert_eq!(story.asked(), 1);
}

fn unknown_where_nobody_can_be_asked(kind: MessageType, recovery: Recovery, options: Options) -> Story {
    let mut world = World { options, ..world() };
    world.channels.get_mut(&Sms).unwrap().accounts[0].recovery = recovery;
    let plan = Plan::explicit(vec![Step::of(&[Sms])], EmailBackup::Off).unwrap();
    let mut story = Story::with(kind, plan, world);
    story.outcome(Outcome::Unknown);
    story.wake();
    story
}

#[test]
fn where_nobody_can_be_asked_the_policy_decides_and_the_log_says_so() {
    let assumed = |story: &Story, sent: bool| {
        story.decided(
            |decision| matches!(decision, Decision::Assumed { assumption, .. } if assumption.sent == sent),
        )
    };
    let story = unknown_where_nobody_can_be_asked(MessageType::Instant, Recovery::None, Options::default());
    assert_eq!((story.sent.len(), story.dispatch.status()), (1, Status::Sent));
    assert!(assumed(&story, true));

    let options = Options { on_unknown: OnUnknown::AssumeNotSent, ..Options::default() };
    let story = unknown_where_nobody_can_be_asked(MessageType::Instant, Recovery::None, options);
    assert_eq!(story.sent, ["sms-1", "sms-2"]);
    assert!(assumed(&story, false));

    let options = Options { critical_twice_rather_than_missed: true, ..Options::default() };
    let story = unknown_where_nobody_can_be_asked(MessageType::Instant, Recovery::None, options.clone());
    assert_eq!(story.sent, ["sms-1"], "that is for critical messages");
    let story = unknown_where_nobody_can_be_asked(MessageType::Critical, Recovery::None, options);
    assert_eq!(story.sent, ["sms-1", "sms-2"]);
}

#[test]
fn where_the_provider_knows_the_key_the_same_try_is_made_again() {
    let mut story =
        unknown_where_nobody_can_be_asked(MessageType::Instant, Recovery::SameKey, Options::default());
    assert_eq!(story.sent, ["sms-1", "sms-1"]);
    assert!(
        story.effects.iter().any(|effect| matches!(effect, Effect::Send { attempt: 1, again: true, .. }))
    );
    story.taken();
    story.callback(1, Status::Delivered);
    assert_eq!(story.ended(), Some((Status::Delivered, Reason::Done)));
}

#[test]
fn a_try_that_was_given_up_wrongly_ends_the_message_when_it_arrives() {
    let mut story = Story::of(MessageType::Instant);
    story.outcome(Outcome::Unknown);
    story.wake();
    story.at += MINUTE;
    story.answer(1, Answer::NotThere);
    assert_eq!(story.sent, ["whatsapp-1"], "the answer is as old as the question");
    story.answer(1, Answer::NotThere);
    assert_eq!(story.sent, ["whatsapp-1", "whatsapp-2"]);
    story.callback(1, Status::Delivered);
    story.refused(FailureClass::Temporary);
    assert_eq!(story.sent.len(), 2, "the person was told");
    assert_eq!(story.ended(), Some((Status::Delivered, Reason::Done)));
}

#[test]
fn quiet_hours_hold_a_message_until_they_end_unless_it_is_critical() {
    let mut night = world();
    for reach in night.channels.values_mut() {
        reach.quiet = Quiet::ClosedUntil(NOON + 60 * MINUTE);
    }
    let plan = |kind| Plan::of(kind, EmailBackup::Off, false);
    let mut story = Story::with(MessageType::Instant, plan(MessageType::Instant), night.clone());
    assert_eq!((story.sent.len(), story.dispatch.status()), (0, Status::Held));
    story.wake();
    assert_eq!((story.at, story.sent.len()), (NOON + 60 * MINUTE, 1));

    let story = Story::with(MessageType::Critical, plan(MessageType::Critical), night);
    assert_eq!(story.sent.len(), 4);
}

#[test]
fn nobody_who_opted_out_is_told_not_even_at_a_critical_time() {
    let mut stop = world();
    for reach in stop.channels.values_mut() {
        reach.accounts[0].consent = Consent::Withdrawn;
    }
    for kind in MessageType::ALL {
        let story = Story::with(*kind, Plan::of(*kind, EmailBackup::Always, true), stop.clone());
        assert!(story.sent.is_empty(), "{kind}: also not by another sender of the same channel");
        assert_eq!(story.ended(), Some((Status::Failed, Reason::OptedOut)), "{kind}");
    }
}

#[test]
fn who_opted_out_of_one_channel_is_told_by_another_only_what_they_must_know_or_asked_for() {
    let mut stop = world();
    stop.channels.get_mut(&Whatsapp).unwrap().accounts[0].consent = Consent::Withdrawn;
    let plan = |kind| Plan::of(kind, EmailBackup::Off, false);
    let sent = |kind, world: &World| Story::with(kind, plan(kind), world.clone()).sent;
    assert_eq!(sent(MessageType::Informational, &stop), Vec::<String>::new());
    assert_eq!(sent(MessageType::Transactional, &stop), ["email-1"]);
    stop.channels.get_mut(&Email).unwrap().accounts[1].consent = Consent::Given;
    assert_eq!(sent(MessageType::Informational, &stop), ["email-2"]);
}

#[test]
fn an_opt_out_that_the_provider_knows_is_learned_and_stops_the_channel() {
    let mut story = Story::of(MessageType::Instant);
    story.refused(FailureClass::OptedOut);
    assert!(story.effects.iter().any(|effect| matches!(effect, Effect::OptedOut { channel: Whatsapp, .. })));
    assert_eq!(story.sent, ["whatsapp-1"], "and no other channel that was not asked for");
    assert_eq!(story.ended(), Some((Status::Failed, Reason::OptedOut)));
}

#[test]
fn nothing_is_sent_after_it_is_of_no_use() {
    let kind = MessageType::Instant;
    let plan = Plan::of(kind, EmailBackup::Off, false);
    let request = Request { kind, plan, due_at: NOON, useful_until: Some(NOON + MINUTE) };
    let mut dispatch = Dispatch::new(request, NOON - MINUTE);
    assert_eq!((dispatch.status(), dispatch.wake_at()), (Status::Scheduled, Some(NOON)));
    assert_eq!(dispatch.step(NOON - MINUTE, Input::Wake, &world()), []);
    let effects = dispatch.step(NOON + MINUTE, Input::Wake, &world());
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Send { .. })));
    assert_eq!(dispatch.ending().unwrap().reason, Reason::Expired);
}

#[test]
fn what_is_taken_back_is_not_sent_any_more() {
    let mut story = Story::of(MessageType::Instant);
    story.tell(Input::Cancel);
    assert_eq!(story.ended(), None, "what is under way cannot be taken back");
    story.refused(FailureClass::Temporary);
    assert_eq!(story.ended(), Some((Status::Canceled, Reason::Canceled)));
    assert_eq!(story.sent, ["whatsapp-1"]);
}

#[test]
fn a_call_that_was_not_made_is_no_try() {
    let mut story = Story::of(MessageType::Instant);
    story.outcome(Outcome::Deferred { until: NOON + SECOND });
    story.wake();
    assert_eq!((story.at, story.sent.len()), (NOON + SECOND, 2));
    assert_eq!(story.sent, ["whatsapp-1", "whatsapp-1"]);
    let Some(Effect::Send { attempt: 2, again: false, .. }) =
        story.effects.iter().rfind(|effect| matches!(effect, Effect::Send { .. }))
    else {
        panic!("{:?}", story.effects)
    };
}

#[test]
fn a_simulation_tells_the_whole_story_without_sending() {
    let kind = MessageType::Instant;
    let plan = Plan::of(kind, EmailBackup::Off, false);
    let request = Request { kind, plan, due_at: NOON, useful_until: None };
    let simulated = simulate(request, NOON, &world(), |channel, account| match (channel, account) {
        (Whatsapp, "whatsapp-1") => Imagined::Unknown { found: false },
        (Whatsapp, _) => Imagined::Refused { failure: failure(FailureClass::BadAddress) },
        _ => Imagined::delivered(3),
    });
    let ending = simulated.ending.unwrap();
    assert_eq!((ending.status, ending.channel), (Status::Delivered, Some(Sms)));
    let words: Vec<String> = simulated
        .decisions
        .iter()
        .map(|entry| serde_json::to_value(entry).unwrap()["decision"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        words,
        [
            "accepted",
            "due",
            "tried",
            "outcome_unknown",
            "asked",
            "not_there",
            "asked",
            "not_there",
            "refused",
            "tried",
            "refused",
            "suppressed",
            "next_step",
            "tried",
            "taken",
            "receipt",
            "ended"
        ]
    );
}

#[test]
fn an_address_is_in_no_log_and_no_state() {
    let mut story = Story::of(MessageType::Critical);
    story.taken();
    let stored = serde_json::to_string(&story.dispatch).unwrap();
    let shown = format!("{:?} {:?}", story.effects, story.world.channels[&Sms].address);
    assert!(!stored.contains("example.com") && !shown.contains("example.com"), "{stored} {shown}");
}

#[test]
fn a_try_that_never_got_there_is_made_again_by_the_same_account_and_does_not_count_as_a_failure() {
    let mut world = world();
    let reach = world.channels.get_mut(&Sms).unwrap();
    reach.accounts.truncate(1);
    let account = reach.accounts[0].id.clone();
    let plan = Plan::explicit(vec![Step::of(&[Sms])], EmailBackup::Off).unwrap();
    let mut story = Story::with(MessageType::Instant, plan, world);
    let lose = |story: &mut Story| {
        let attempt = story.outcome(Outcome::Unknown);
        for ask in 1..=2 {
            story.wake();
            story.tell(Input::Answer { attempt, ask, answer: Answer::NotThere });
        }
    };
    for times in 1..=5 {
        lose(&mut story);
        assert_eq!(story.sent, vec![account.clone(); times + 1], "at once, when that is certain");
        assert_eq!(story.at, NOON + 30 * SECOND * i64::try_from(times).unwrap());
    }
    lose(&mut story);
    assert_eq!(story.sent.len(), 6, "a provider that keeps nothing is one that fails");
    story.wake();
    assert_eq!((story.sent.len(), story.at), (7, NOON + 180 * SECOND + MINUTE), "the first retry of all");
    story.taken();
    story.callback(7, Status::Delivered);
    assert_eq!(story.ended(), Some((Status::Delivered, Reason::Done)));
}
