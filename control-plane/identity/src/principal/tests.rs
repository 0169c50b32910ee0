use super::*;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

fn member(role: Role) -> Principal {
    let who = Who::Member { user: UserId::generate(), session: SessionId::generate(), role };
    Principal { tenant: TenantId::generate(), who }
}

fn key(platform: bool, power: KeyPower, mode: KeyMode) -> Principal {
    Principal {
        tenant: TenantId::generate(),
        who: Who::Key { key: KeyId::generate(), platform, power, mode },
    }
}

fn scopes() -> impl Strategy<Value = Vec<Scope>> {
    subsequence(Scope::ALL.to_vec(), 1..=Scope::ALL.len())
}

fn powers() -> impl Strategy<Value = KeyPower> {
    prop_oneof![Just(KeyPower::Full), scopes().prop_map(KeyPower::Scopes)]
}

fn modes() -> impl Strategy<Value = KeyMode> {
    select(KeyMode::ALL.to_vec())
}

#[test]
fn a_tenant_ends_by_its_owner_or_the_platform_alone() {
    let may = |principal: &Principal| allows(principal, Permission::TenantClose);
    assert!(may(&member(Role::Owner)));
    assert!(!may(&member(Role::Admin)));
    assert!(!may(&key(false, KeyPower::Full, KeyMode::Live)));
    assert!(may(&key(true, KeyPower::Full, KeyMode::Live)));
}

#[test]
fn why_not_is_said() {
    assert_eq!(
        require(&member(Role::Viewer), Permission::CallsPlace),
        Err(Denied::Role(Permission::CallsPlace))
    );
    let reads = KeyPower::Scopes(vec![Scope::CallsRead]);
    assert_eq!(
        require(&key(false, reads, KeyMode::Live), Permission::CallsPlace),
        Err(Denied::Scope(Permission::CallsPlace))
    );
    assert_eq!(
        require(&key(false, KeyPower::Full, KeyMode::Test), Permission::CallsPlace),
        Err(Denied::TestKey(Permission::CallsPlace))
    );
    assert_eq!(
        require(&member(Role::Owner), Permission::PricesManage),
        Err(Denied::PlatformOnly(Permission::PricesManage))
    );
}

#[test]
fn a_caller_has_a_part_only_where_it_was_given_one() {
    let (own, foreign) = (TenantId::generate(), TenantId::generate());
    let user = Caller::User(UserCaller {
        user: UserId::generate(),
        session: SessionId::generate(),
        platform_admin: false,
        memberships: vec![UserMembership { tenant: own.clone(), role: Role::Operator }],
    });
    assert!(matches!(user.in_tenant(&own).unwrap().who, Who::Member { role: Role::Operator, .. }));
    assert_eq!(user.in_tenant(&foreign), None);
    assert_eq!(user.in_tenant(&TenantId::platform()), None);
    assert_eq!(user.own_tenant(), Some(&own));

    let key = Caller::Key(KeyCaller {
        key: KeyId::generate(),
        tenant: own.clone(),
        power: KeyPower::Full,
        mode: KeyMode::Live,
    });
    assert!(key.in_tenant(&own).is_some());
    assert_eq!(key.in_tenant(&foreign), None);
    assert_eq!(key.in_tenant(&TenantId::platform()), None);
}

#[test]
fn a_key_with_scopes_makes_no_keys_and_no_members() {
    let all = key(false, KeyPower::Scopes(Scope::ALL.to_vec()), KeyMode::Live);
    assert!(!allows(&all, Permission::KeysManage));
    assert!(!allows(&all, Permission::MembersManage));
    assert!(Role::ALL.iter().all(|role| !all.may_grant_role(*role)));
}

#[test]
fn unknown_scopes_allow_nothing() {
    let stored = ApiKey {
        name: String::new(),
        hash: String::new(),
        hint: String::new(),
        scopes: vec!["of a later version".to_owned()],
        mode: KeyMode::Live,
        status: store::model::identity::KeyStatus::Active,
        expires_at: None,
    };
    assert_eq!(KeyPower::of(&stored), KeyPower::Scopes(Vec::new()));
}

proptest! {
    #[test]
    fn a_test_key_never_reaches_out(platform: bool, power in powers(), permission in select(Permission::ALL.to_vec())) {
        let key = key(platform, power, KeyMode::Test);
        prop_assert!(!allows(&key, permission) || permission.reach() == Reach::Inside);
    }

    #[test]
    fn more_scopes_never_allow_less(scopes in scopes(), permission in select(Permission::ALL.to_vec())) {
        let few = key(false, KeyPower::Scopes(scopes[..1].to_vec()), KeyMode::Live);
        let many = key(false, KeyPower::Scopes(scopes), KeyMode::Live);
        prop_assert!(!allows(&few, permission) || allows(&many, permission));
    }

    #[test]
    fn nobody_makes_a_key_that_may_more_than_they(
        power in powers(), mode in modes(), given in powers(), given_mode in modes(),
        permission in select(Permission::ALL.to_vec()),
    ) {
        let giver = key(false, power, mode);
        if giver.may_grant_key(&given, given_mode) {
            let new = key(false, given, given_mode);
            prop_assert!(!allows(&new, permission) || allows(&giver, permission));
        }
    }

    #[test]
    fn nobody_makes_somebody_that_may_more_than_they(
        role in select(Role::ALL.to_vec()), given in select(Role::ALL.to_vec()),
        permission in select(Permission::ALL.to_vec()),
    ) {
        let giver = member(role);
        if giver.may_grant_role(given) {
            prop_assert!(!allows(&member(given), permission) || allows(&giver, permission));
        }
    }
}
