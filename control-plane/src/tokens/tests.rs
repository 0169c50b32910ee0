//! Which streams are let in.

use super::*;
use crate::directory::testing::answering;

const TTL: Duration = Duration::from_secs(60);

fn claim(call_sid: &str, token: Option<&str>) -> StreamClaim {
    StreamClaim {
        account_sid: "AC00000000000000000000000000000001".to_owned(),
        call_sid: call_sid.to_owned(),
        stream_sid: "MZ1".to_owned(),
        token: token.map(Secret::new),
    }
}

fn waiting(call: &str) -> WaitingCall {
    WaitingCall {
        call: call.into(),
        tenant: "ten_1".into(),
        account: "AC00000000000000000000000000000001".to_owned(),
        answering: answering(),
        record: true,
        from: "+15550100".to_owned(),
        to: "+15550199".to_owned(),
        had_stream: false,
    }
}

#[test]
fn a_token_is_good_once_for_its_own_call() {
    let now = Instant::now();
    let mut tokens = StreamTokens::new(TTL, 10);
    tokens.hand_out(now, "CA1", "one", waiting("call_1")).unwrap();
    tokens.hand_out(now, "CA2", "two", waiting("call_2")).unwrap();

    let refused = |tokens: &mut StreamTokens, claim| tokens.spend(now, &claim).unwrap_err();
    assert_eq!(refused(&mut tokens, claim("CA1", None)), Refusal::TokenMissing);
    assert_eq!(refused(&mut tokens, claim("CA1", Some("two"))), Refusal::TokenUnknown);
    assert_eq!(refused(&mut tokens, claim("CA3", Some("one"))), Refusal::TokenUnknown);
    let other_account = StreamClaim { account_sid: "AC9".to_owned(), ..claim("CA1", Some("one")) };
    assert_eq!(refused(&mut tokens, other_account), Refusal::TokenUnknown);

    assert_eq!(tokens.spend(now, &claim("CA1", Some("one"))).unwrap().call.0, "call_1");
    assert_eq!(refused(&mut tokens, claim("CA1", Some("one"))), Refusal::TokenUnknown);
    assert_eq!(tokens.spend(now, &claim("CA2", Some("two"))).unwrap().call.0, "call_2");
}

#[test]
fn a_token_expires() {
    let now = Instant::now();
    let mut tokens = StreamTokens::new(TTL, 10);
    tokens.hand_out(now, "CA1", "one", waiting("call_1")).unwrap();
    tokens.sweep(now + TTL);
    let late = tokens.spend(now + TTL, &claim("CA1", Some("one"))).unwrap_err();
    assert_eq!(late, Refusal::TokenExpired);
    tokens.hand_out(now, "CA1", "two", waiting("call_1")).unwrap();
    tokens.sweep(now + TTL + TTL);
    assert_eq!(tokens.len(), 0);
}

#[test]
fn a_newer_token_replaces_the_older() {
    let now = Instant::now();
    let mut tokens = StreamTokens::new(TTL, 1);
    tokens.hand_out(now, "CA1", "one", waiting("call_1")).unwrap();
    tokens.hand_out(now, "CA1", "two", waiting("call_1")).unwrap();
    assert_eq!(tokens.spend(now, &claim("CA1", Some("one"))).unwrap_err(), Refusal::TokenUnknown);
    assert!(tokens.spend(now, &claim("CA1", Some("two"))).is_ok());
}

#[test]
fn only_so_many_calls_wait_and_expired_ones_make_room() {
    let now = Instant::now();
    let mut tokens = StreamTokens::new(TTL, 2);
    tokens.hand_out(now, "CA1", "one", waiting("call_1")).unwrap();
    tokens.hand_out(now, "CA2", "two", waiting("call_2")).unwrap();
    assert_eq!(tokens.hand_out(now, "CA3", "three", waiting("call_3")), Err(TooManyWaiting));
    assert_eq!(tokens.hand_out(now + TTL, "CA3", "three", waiting("call_3")), Ok(()));
    assert_eq!(tokens.len(), 1);
}
