//! Which channel and account comes next.

use super::*;

#[test]
fn a_message_that_arrives_is_over() {
    let mut story = Story::of(MessageType::Instant);
    let attempt = story.taken();
    assert_eq!(story.dispatch.status(), Status::Sent);
    story.callback(attempt, Status::Delivered);
    assert_eq!(story.ended(), Some((Status::Delivered, Reason::Done)));
    assert_eq!(story.sent, ["whatsapp-1"]);
    story.callback(attempt, Status::Read);
    assert_eq!(story.ended(), Some((Status::Read, Reason::Done)));
}

#[test]
fn the_next_account_is_tried_before_the_next_channel() {
    let mut story = Story::of(MessageType::Instant);
    for _ in 0..6 {
        story.refused(FailureClass::Account);
    }
    assert_eq!(story.sent, ["whatsapp-1", "whatsapp-2", "sms-1", "sms-2", "push-1", "push-2"]);
    assert_eq!(
        story.ended(),
        Some((Status::Failed, Reason::Exhausted)),
        "what is not retryable is not retried"
    );
    assert!(story.decided(|decision| matches!(decision, Decision::AllAccountsFailed { channel: Sms, .. })));
    assert!(story.effects.iter().any(|effect| matches!(effect, Effect::Alert { .. })));
}

#[test]
fn a_failure_of_the_person_goes_to_the_next_channel_at_once() {
    for class in [FailureClass::BadAddress, FailureClass::Unreachable, FailureClass::Message] {
        let mut story = Story::of(MessageType::Instant);
        story.refused(class);
        assert_eq!(story.sent, ["whatsapp-1", "sms-1"], "{class}");
        let suppressed =
            story.effects.iter().any(|effect| matches!(effect, Effect::Suppress { channel: Whatsapp, .. }));
        assert_eq!(suppressed, class == FailureClass::BadAddress);
    }
}

#[test]
fn a_chain_that_failed_is_tried_again_after_1_2_and_4_minutes_as_far_as_it_may_succeed() {
    let mut story = Story::of(MessageType::Instant);
    story.refused(FailureClass::Unreachable);
    story.refused(FailureClass::BadAddress);
    story.refused(FailureClass::Unreachable);
    let mut waits = Vec::new();
    while story.ended().is_none() {
        let before = story.at;
        story.wake();
        waits.push((story.at - before) / MINUTE);
        story.refused(FailureClass::Unreachable);
        story.refused(FailureClass::Unreachable);
    }
    assert_eq!(waits, [1, 2, 4]);
    let again = ["whatsapp-1", "push-1"];
    assert_eq!(story.sent[3..], [again, again, again].concat());
    assert_eq!(story.ended(), Some((Status::Failed, Reason::Exhausted)));
}

#[test]
fn a_provider_that_asks_for_a_longer_wait_gets_it() {
    let plan = Plan::explicit(vec![Step::of(&[Sms])], EmailBackup::Off).unwrap();
    let mut one = world();
    one.channels.get_mut(&Sms).unwrap().accounts.truncate(1);
    let mut story = Story::with(MessageType::Instant, plan, one);
    let failure = failure(FailureClass::Busy).with_retry_after(Some(90));
    story.outcome(Outcome::Refused { failure });
    assert_eq!(story.dispatch.wake_at(), Some(NOON + 90 * SECOND));
}

#[test]
fn accounts_that_are_down_or_cannot_or_must_not_are_passed_over() {
    let mut world = world();
    let accounts = &mut world.channels.get_mut(&Whatsapp).unwrap().accounts;
    accounts[0].admission = Admission::Refused { until: NOON + MINUTE };
    accounts[1].windowed = true;
    let accounts = &mut world.channels.get_mut(&Sms).unwrap().accounts;
    accounts[0].capable = false;
    accounts[1].admission = Admission::Trial;
    let plan = Plan::of(MessageType::Instant, EmailBackup::Off, false);
    let story = Story::with(MessageType::Instant, plan, world);
    assert_eq!(story.sent, ["sms-2"]);
    assert!(story.effects.iter().any(|effect| matches!(effect, Effect::Send { trial: true, .. })));
    for (wanted, why) in
        [("whatsapp-1", Pass::Down), ("whatsapp-2", Pass::WindowClosed), ("sms-1", Pass::NotCapable)]
    {
        assert!(story.decided(
            |decision| matches!(decision, Decision::PassedOver { account, why: said, .. } if account == wanted && *said == why)
        ));
    }
}

#[test]
fn a_closed_window_is_passed_with_a_template() {
    let mut world = world();
    let reach = world.channels.get_mut(&Whatsapp).unwrap();
    reach.template = true;
    reach.accounts[0].windowed = true;
    let plan = Plan::of(MessageType::Instant, EmailBackup::Off, false);
    let story = Story::with(MessageType::Instant, plan, world);
    assert!(story.effects.iter().any(
        |effect| matches!(effect, Effect::Send { form: Form::Template, account, .. } if account == "whatsapp-1")
    ));
}

#[test]
fn a_slow_account_comes_after_the_others_of_its_tier_and_paid_ones_before_trials() {
    let mut world = world();
    let accounts = &mut world.channels.get_mut(&Whatsapp).unwrap().accounts;
    accounts.insert(0, Account { tier: Tier::Trial, ..account("whatsapp-0", 0) });
    accounts[1].slow = true;
    let order: Vec<_> =
        world.channels[&Whatsapp].in_order().iter().map(|account| account.id.clone()).collect();
    assert_eq!(order, ["whatsapp-2", "whatsapp-1", "whatsapp-0"]);
}

#[test]
fn a_transactional_message_goes_by_both_channels_and_each_is_retried_on_its_own() {
    let mut story = Story::of(MessageType::Transactional);
    assert_eq!(story.sent, ["email-1", "whatsapp-1"]);
    let email = story.taken();
    story.refused(FailureClass::Unreachable);
    assert_eq!(story.dispatch.wake_at(), Some(NOON + MINUTE));
    story.callback(email, Status::Delivered);
    assert_eq!(story.ended(), None);
    story.wake();
    let whatsapp = story.taken();
    story.callback(whatsapp, Status::Delivered);
    assert_eq!(story.ended(), Some((Status::Delivered, Reason::Done)));
    let results = story.dispatch.results();
    assert!(results.iter().all(|leg| leg.status == Some(Status::Delivered)));
    assert_eq!(story.sent, ["email-1", "whatsapp-1", "whatsapp-1"]);
}

#[test]
fn a_critical_message_goes_by_all_channels_and_is_delivered_when_one_is() {
    let mut story = Story::of(MessageType::Critical);
    assert_eq!(story.sent, ["sms-1", "whatsapp-1", "email-1", "push-1"]);
    story.refused(FailureClass::BadAddress);
    story.refused(FailureClass::BadAddress);
    let email = story.taken();
    story.taken();
    story.callback(email, Status::Delivered);
    assert_eq!(story.dispatch.status(), Status::Delivered);
    assert_eq!(story.ended(), None, "the receipt of the push is awaited");
    story.wake();
    assert_eq!(story.ended(), Some((Status::Delivered, Reason::Done)));
    let results = story.dispatch.results();
    let statuses: Vec<_> = results.iter().map(|leg| leg.status.unwrap()).collect();
    assert_eq!(statuses, [Status::Failed, Status::Failed, Status::Delivered, Status::Sent]);
}

#[test]
fn the_email_along_with_a_message_is_a_part_of_it_and_does_not_hold_it_up() {
    let plan = Plan::of(MessageType::Instant, EmailBackup::Always, false);
    let mut story = Story::with(MessageType::Instant, plan, world());
    assert_eq!(story.sent, ["whatsapp-1", "email-1"]);
    story.refused(FailureClass::BadAddress);
    assert_eq!(story.sent, ["whatsapp-1", "email-1", "sms-1"]);
    story.refused(FailureClass::BadAddress);
    let sms = story.taken();
    story.callback(sms, Status::Delivered);
    assert_eq!(story.ended(), Some((Status::Delivered, Reason::Done)));
}

#[test]
fn where_only_the_email_got_through_the_message_got_through() {
    let plan = Plan::of(MessageType::Instant, EmailBackup::Always, false);
    let mut story = Story::with(MessageType::Instant, plan, world());
    story.refused(FailureClass::BadAddress);
    let email = story.taken();
    story.refused(FailureClass::BadAddress);
    story.refused(FailureClass::BadAddress);
    story.callback(email, Status::Delivered);
    let ending = story.dispatch.ending().unwrap();
    assert_eq!((ending.status, ending.channel), (Status::Delivered, Some(Email)));
}

#[test]
fn without_a_receipt_in_time_the_next_step_begins_too() {
    let steps = vec![Step { channels: vec![Push], escalate_after_s: Some(300) }, Step::of(&[Channel::Voice])];
    let plan = Plan::explicit(steps, EmailBackup::Off).unwrap();
    let mut story = Story::with(MessageType::Critical, plan.clone(), world());
    story.taken();
    story.wake();
    assert_eq!(story.at, NOON + 300 * SECOND);
    assert_eq!(story.sent, ["push-1", "voice-1"]);
    assert!(story.decided(|decision| matches!(decision, Decision::NextStep { escalated: true, .. })));

    let mut story = Story::with(MessageType::Critical, plan, world());
    let push = story.taken();
    story.callback(push, Status::Delivered);
    assert_eq!(story.ended(), Some((Status::Delivered, Reason::Done)));
    assert_eq!(story.sent, ["push-1"]);
}
