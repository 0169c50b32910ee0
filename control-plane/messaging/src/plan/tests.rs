use super::*;
use Channel::{Email, Push, Sms, Voice, Whatsapp};

fn chain(plan: &Plan) -> Vec<Vec<Channel>> {
    plan.steps().iter().map(|step| step.channels.clone()).collect()
}

#[test]
fn each_type_has_its_chain() {
    let of = |kind| chain(&Plan::of(kind, EmailBackup::Off, false));
    assert_eq!(of(MessageType::Instant), [[Whatsapp], [Sms], [Push]]);
    assert_eq!(of(MessageType::Informational), [[Whatsapp], [Email], [Push]]);
    assert_eq!(of(MessageType::Transactional), [[Email, Whatsapp]]);
    assert_eq!(of(MessageType::Critical), [[Sms, Whatsapp, Email, Push]]);
}

#[test]
fn an_instant_message_has_an_email_along_with_it_unless_told_otherwise() {
    let backup = EmailBackup::default_for(MessageType::Instant);
    assert!(Plan::of(MessageType::Instant, backup, false).email_along());
    let on_failure = Plan::of(MessageType::Instant, EmailBackup::OnFailure, true);
    assert_eq!(chain(&on_failure), [[Whatsapp], [Sms], [Push], [Email], [Voice]]);
    assert!(!on_failure.email_along());
}

#[test]
fn a_critical_message_is_followed_by_a_call_unless_a_receipt_comes() {
    let with_call = Plan::of(MessageType::Critical, EmailBackup::Off, true);
    assert_eq!(chain(&with_call), [vec![Sms, Whatsapp, Email, Push], vec![Voice]]);
    assert_eq!(with_call.steps()[0].escalate_after_s, Some(120));
    let of = |kind, voice| Plan::of(kind, EmailBackup::Off, voice);
    assert_eq!(of(MessageType::Critical, false).steps()[0].escalate_after_s, None, "nobody is called");
    let instant = of(MessageType::Instant, true);
    assert!(instant.steps().iter().all(|step| step.escalate_after_s.is_none()));
}

#[test]
fn a_chain_with_email_has_no_email_along_with_it() {
    for kind in [MessageType::Informational, MessageType::Transactional, MessageType::Critical] {
        for backup in EmailBackup::ALL {
            let plan = Plan::of(kind, *backup, false);
            assert_eq!(plan.channels().filter(|channel| *channel == Email).count(), 1, "{kind} {backup}");
            assert!(!plan.email_along());
        }
    }
}

#[test]
fn a_chain_of_the_sender_tells_nobody_twice_and_ends_with_the_call() {
    let explicit = |steps: &[&[Channel]]| {
        Plan::explicit(steps.iter().map(|step| Step::of(step)).collect(), EmailBackup::Off)
    };
    assert_eq!(chain(&explicit(&[&[Sms, Push], &[Voice]]).unwrap()), [vec![Sms, Push], vec![Voice]]);
    assert_eq!(explicit(&[]), Err(PlanError::Empty));
    assert_eq!(explicit(&[&[Sms], &[]]), Err(PlanError::Empty));
    assert_eq!(explicit(&[&[Sms], &[Push, Sms]]), Err(PlanError::Twice(Sms)));
    assert_eq!(explicit(&[&[Voice], &[Sms]]), Err(PlanError::VoiceNotLast));
    assert_eq!(explicit(&[&[Sms, Voice]]), Err(PlanError::VoiceNotLast));
    let wait = |seconds| vec![Step { channels: vec![Sms], escalate_after_s: Some(seconds) }];
    assert!(Plan::explicit(wait(300), EmailBackup::Off).is_ok());
    assert_eq!(Plan::explicit(wait(0), EmailBackup::Off), Err(PlanError::Wait));
}

#[test]
fn paid_accounts_come_before_backups_and_trials_and_then_by_priority() {
    let mut accounts = [
        (Tier::Trial, 0, "t"),
        (Tier::Paid, 2, "b"),
        (Tier::Backup, 0, "e"),
        (Tier::Paid, 1, "z"),
        (Tier::Paid, 1, "a"),
    ];
    accounts.sort_by_key(|(tier, priority, id)| account_order(*tier, *priority, id));
    assert_eq!(accounts.map(|account| account.2), ["a", "z", "b", "e", "t"]);
}

#[test]
fn a_mexican_number_is_for_calls_unless_its_provider_says_otherwise() {
    assert!(!can_text("+525512345678", None));
    assert!(can_text("+525512345678", Some(true)));
    assert!(can_text("+15550100", None));
    assert!(!can_text("+15550100", Some(false)));
}
