use super::*;
use crate::principal::Who;
use store::{
    TenantId,
    ids::{KeyId, SessionId, UserId},
    model::identity::Role,
};

const NOW: i64 = 1_780_000_000_000_000;

fn admin() -> Principal {
    let who = Who::Member { user: UserId::generate(), session: SessionId::generate(), role: Role::Admin };
    Principal { tenant: TenantId::generate(), who }
}

fn new(mode: KeyMode) -> NewKey {
    NewKey { name: "shop".to_owned(), scopes: vec![Scope::CallsRead], mode, expires_at: None }
}

#[test]
fn a_key_shows_what_it_is_for_and_only_its_hash_is_kept() {
    for (mode, prefix) in [(KeyMode::Live, LIVE_PREFIX), (KeyMode::Test, TEST_PREFIX)] {
        let (key, stored) = make(&admin(), new(mode), NOW).unwrap();
        assert!(key.reveal().starts_with(prefix));
        assert_eq!(key.reveal().len(), prefix.len() + 43);
        assert_eq!(mode_of(key.reveal()), Some(mode));
        assert_eq!(stored.hash, sha256_hex(key.reveal()));
        assert!(key.reveal().ends_with(&stored.hint));
        let kept = serde_json::to_string(&stored).unwrap();
        assert!(!kept.contains(key.reveal()) && !kept.contains(&key.reveal()[prefix.len()..]));
        assert_eq!(stored.scopes, ["calls:read"]);
    }
}

#[test]
fn an_exchanged_key_lives_beside_the_new_one_for_a_while() {
    let (_, old) = make(&admin(), new(KeyMode::Live), NOW).unwrap();
    let (_, next, ending) = rotate(&admin(), &old, NOW + 10, NOW).unwrap();
    assert_eq!((ending.expires_at, ending.status), (Some(NOW + 10), KeyStatus::Active));
    assert_eq!((next.expires_at, &next.scopes, next.mode), (None, &old.scopes, old.mode));
    assert_ne!(next.hash, old.hash);
    let (_, _, sooner) = rotate(&admin(), &ending, NOW + 100, NOW).unwrap();
    assert_eq!(sooner.expires_at, Some(NOW + 10), "an exchange never lengthens a key's life");
    let gone = ApiKey { status: KeyStatus::Revoked, ..old };
    assert!(matches!(rotate(&admin(), &gone, NOW + 10, NOW), Err(IdentityError::Impossible(_))));
    assert!(matches!(rotate(&admin(), &ending, NOW + 20, NOW + 10), Err(IdentityError::Impossible(_))));
}

#[test]
fn nobody_makes_a_key_above_themselves() {
    let who = Who::Key {
        key: KeyId::generate(),
        platform: false,
        power: KeyPower::Scopes(vec![Scope::CallsRead]),
        mode: KeyMode::Live,
    };
    let reader = Principal { tenant: TenantId::generate(), who };
    let all = NewKey { scopes: Vec::new(), ..new(KeyMode::Live) };
    assert!(matches!(make(&reader, all, NOW), Err(IdentityError::AboveOneself)));
    let past = NewKey { expires_at: Some(NOW), ..new(KeyMode::Live) };
    assert!(matches!(make(&admin(), past, NOW), Err(IdentityError::Impossible(_))));
}

#[test]
fn scopes_are_known_or_refused() {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    assert_eq!(scopes(&texts(&["calls:read", "calls:read"])), Ok(vec![Scope::CallsRead]));
    assert_eq!(scopes(&texts(&["calls:all"])), Err(UnknownScope("calls:all".to_owned())));
}
