use super::{FailureClass::*, *};

fn twilio(code: u32) -> FailureClass {
    of_twilio(Some(code), None).class
}

#[test]
fn twilios_table_is_in_order_so_that_it_can_be_searched() {
    assert!(tables::twilio_table().is_sorted_by(|a, b| a.0 < b.0));
    for (code, class) in tables::twilio_table() {
        assert_eq!(twilio(*code), *class);
    }
}

#[test]
fn twilios_codes_say_what_to_do_next() {
    for code in
        [20_429, 20_500, 20_503, 30_001, 30_017, 30_020, 30_021, 30_022, 30_410, 21_611, 63_009, 63_018]
    {
        let rule = twilio(code).rule();
        assert!(
            rule.retryable && rule.next_account && !rule.alerts,
            "{code}: soon again, by another account now"
        );
    }
    for code in [30_003, 30_008, 30_023, 30_027, 14_107] {
        assert_eq!(twilio(code), Unreachable, "{code}: later, by another channel now");
    }
    for code in
        [21_408, 21_612, 21_614, 30_004, 30_005, 30_006, 30_007, 30_011, 30_034, 63_003, 63_016, 63_033]
    {
        assert!(!twilio(code).rule().retryable, "{code}: another channel");
    }
    for code in [21_211, 21_614, 30_005, 30_006] {
        assert!(twilio(code).rule().suppresses_address, "{code}: nobody is there");
    }
    for code in [20_003, 21_606, 30_002, 63_015] {
        let rule = twilio(code).rule();
        assert!(rule.alerts && rule.hurts_account && rule.next_account, "{code}: the account");
    }
    assert_eq!(twilio(21_610), OptedOut);
    assert_eq!(twilio(30_610), QuietHours);
    assert!(twilio(21_617).rule().alerts && !twilio(21_617).rule().next_account);
}

#[test]
fn a_code_that_is_new_is_judged_by_the_http_status() {
    assert_eq!(of_twilio(Some(99_999), Some(503)).class, Temporary);
    assert_eq!(of_twilio(Some(99_999), Some(400)).class, Message);
    assert_eq!(of_twilio(None, Some(401)), Failure::new(Account).with_code("HTTP 401"));
    assert_eq!(of_twilio(Some(99_999), None), Failure::new(Unreachable).with_code("99999"));
    assert_eq!(of_twilio(None, None).class, Unreachable);
}

#[test]
fn http_statuses_fall_into_classes() {
    let table = [
        (400, Message),
        (401, Account),
        (402, Account),
        (403, Account),
        (408, Temporary),
        (429, Busy),
        (503, Temporary),
    ];
    for (status, class) in table {
        assert_eq!(of_http(status).class, class, "{status}");
    }
}

#[test]
fn whapi_says_with_404_that_nobody_is_there_and_with_200_that_it_was_not_sent() {
    let table = [
        (200, Temporary),
        (400, Message),
        (401, Account),
        (402, Account),
        (404, BadAddress),
        (413, Message),
        (429, Busy),
        (500, Temporary),
    ];
    for (status, class) in table {
        assert_eq!(of_whapi(status).class, class, "{status}");
    }
}

#[test]
fn an_empty_id_of_onesignal_is_a_failure() {
    assert_eq!(of_onesignal(200, true), Failure::new(BadAddress).with_code("empty_id"));
    assert_eq!(of_onesignal(429, false).class, Busy);
    assert_eq!(of_onesignal(403, false).class, Account);
}

#[test]
fn mail_answers_with_4_may_succeed_later_and_with_5_never() {
    for (reply, enhanced) in [
        (421, None),
        (450, None),
        (451, Some((4, 7, 1))),
        (452, Some((4, 2, 2))),
        (454, None),
        (0, Some((4, 4, 1))),
    ] {
        assert!(of_smtp(reply, enhanced).class.rule().retryable, "{reply} {enhanced:?}");
    }
    for (reply, enhanced) in
        [(550, None), (552, None), (553, None), (554, None), (535, Some((5, 7, 8))), (0, Some((5, 0, 0)))]
    {
        assert!(!of_smtp(reply, enhanced).class.rule().retryable, "{reply} {enhanced:?}");
    }
    assert_eq!(of_smtp(550, Some((5, 1, 1))), Failure::new(BadAddress).with_code("5.1.1"));
    assert_eq!(of_smtp(535, Some((5, 7, 8))).class, Account);
    assert_eq!(of_smtp(550, Some((5, 7, 1))).class, NotCarried);
    assert_eq!(of_smtp(552, Some((5, 2, 2))).class, Unreachable, "a full mailbox is emptied some day");
    assert_eq!(of_smtp(552, Some((5, 3, 4))).class, Message);
}
