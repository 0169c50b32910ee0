use crate::support::{House, NOW, SECOND, actor, house};
use engine::provider::Secret;
use identity::{
    IdentityError,
    api_key::{NewKey, first},
    permission::{Permission, Scope},
    principal::{Caller, allows},
};
use store::{
    Stored, TenantId,
    model::identity::{ApiKey, KeyMode, KeyStatus, Role},
};

async fn key(house: &House, tenant: &TenantId, new: NewKey) -> (Secret, Stored<ApiKey>) {
    let (secret, row) = first(new);
    let mut tx = house.store.tenant(tenant).begin(&actor(), NOW).await.unwrap();
    let stored = tx.insert(row).await.unwrap();
    tx.commit().await.unwrap();
    (secret, stored)
}

fn new(mode: KeyMode) -> NewKey {
    NewKey { name: "shop".to_owned(), scopes: Vec::new(), mode, expires_at: None }
}

#[tokio::test]
async fn a_key_speaks_for_its_tenant_and_its_use_is_noted_now_and_then() {
    let house = house().await;
    let (ours, theirs) = (house.tenant("ours").await, house.tenant("theirs").await);
    let (secret, stored) = key(&house, &ours, new(KeyMode::Live)).await;
    for now in [NOW, NOW + 59 * SECOND, NOW + 60 * SECOND, NOW + 61 * SECOND] {
        let caller = house.identity.authenticate(secret.reveal(), now).await.unwrap();
        assert_eq!(caller.own_tenant(), Some(&ours));
        assert!(caller.in_tenant(&ours).is_some());
        assert_eq!(caller.in_tenant(&theirs), None);
        let expected = if now < NOW + 60 * SECOND { NOW } else { NOW + 60 * SECOND };
        assert_eq!(house.store.tenant(&ours).key_uses().await.unwrap(), [(stored.id.clone(), expected)]);
    }
}

#[tokio::test]
async fn a_key_that_is_revoked_expired_unknown_or_of_the_other_kind_is_refused() {
    let house = house().await;
    let tenant = house.tenant("one").await;
    let (expiring, _) =
        key(&house, &tenant, NewKey { expires_at: Some(NOW + SECOND), ..new(KeyMode::Live) }).await;
    let (revoked, stored) = key(&house, &tenant, new(KeyMode::Live)).await;
    for secret in [&expiring, &revoked] {
        assert!(house.identity.authenticate(secret.reveal(), NOW).await.is_ok());
    }
    let mut tx = house.store.tenant(&tenant).begin(&actor(), NOW).await.unwrap();
    let gone = ApiKey { status: KeyStatus::Revoked, ..stored.value };
    tx.update(&stored.id, stored.version, gone).await.unwrap();
    tx.commit().await.unwrap();
    let as_test = expiring.reveal().replace("tdm_live_", "tdm_test_");
    for (text, now) in [
        (expiring.reveal(), NOW + SECOND),
        (revoked.reveal(), NOW),
        (&as_test, NOW),
        ("tdm_live_", NOW),
        ("tdm_live_\0", NOW),
        ("", NOW),
    ] {
        let refused = house.identity.authenticate(text, now).await;
        assert!(matches!(refused, Err(IdentityError::Refused)), "{text}");
    }
}

#[tokio::test]
async fn a_key_may_what_its_scopes_say() {
    let house = house().await;
    let tenant = house.tenant("one").await;
    let scoped = NewKey { scopes: vec![Scope::CallsRead], ..new(KeyMode::Live) };
    let (reader, _) = key(&house, &tenant, scoped).await;
    let (tester, _) = key(&house, &tenant, new(KeyMode::Test)).await;
    let may = async |secret: &Secret, permission: Permission| {
        let caller = house.identity.authenticate(secret.reveal(), NOW).await.unwrap();
        allows(&caller.in_tenant(&tenant).unwrap(), permission)
    };
    assert!(may(&reader, Permission::CallsRead).await);
    assert!(!may(&reader, Permission::NumbersRead).await);
    assert!(may(&tester, Permission::RoutingManage).await);
    assert!(!may(&tester, Permission::NumbersOrder).await);
}

#[tokio::test]
async fn a_key_of_the_platform_acts_in_every_tenant() {
    let house = house().await;
    let tenant = house.tenant("one").await;
    let (secret, _) = key(&house, &TenantId::platform(), new(KeyMode::Live)).await;
    let caller = house.identity.authenticate(secret.reveal(), NOW).await.unwrap();
    assert!(allows(&caller.in_tenant(&tenant).unwrap(), Permission::TenantClose));
    assert!(allows(&caller.in_tenant(&TenantId::platform()).unwrap(), Permission::PricesManage));
}

#[tokio::test]
async fn a_role_that_changes_changes_what_a_session_may_at_once() {
    let house = house().await;
    let tenant = house.tenant("one").await;
    let platform = house.platform_principal(&tenant).await;
    house.person("owner@example.com", &tenant, Role::Owner).await;
    let user = house.person("carla@example.com", &tenant, Role::Admin).await;
    let tokens = house.session("carla@example.com").await;
    let may = async || {
        let caller = house.caller(&tokens).await;
        caller.in_tenant(&tenant).map(|principal| allows(&principal, Permission::NumbersManage))
    };
    assert_eq!(may().await, Some(true));
    let part = house.membership(&tenant, &user).await;
    let part = house
        .identity
        .change_role(&platform, (&part.id, part.version), Role::Viewer, &actor(), NOW)
        .await
        .unwrap();
    assert_eq!(may().await, Some(false));
    house.identity.remove_member(&platform, (&part.id, part.version), &actor(), NOW).await.unwrap();
    assert_eq!(may().await, None);
    assert!(matches!(house.caller(&tokens).await, Caller::User(user) if user.memberships.is_empty()));
}
