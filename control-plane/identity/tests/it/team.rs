use crate::support::{NOW, actor, house};
use identity::IdentityError;
use store::{Filter, model::identity::Role};

#[tokio::test]
async fn the_last_owner_stays() {
    let house = house().await;
    let tenant = house.tenant("one").await;
    let first = house.person("one@example.com", &tenant, Role::Owner).await;
    let owner = house.principal("one@example.com", &tenant).await;
    let part = house.membership(&tenant, &first).await;
    let at = (&part.id, part.version);
    let demoted = house.identity.change_role(&owner, at, Role::Admin, &actor(), NOW).await;
    assert!(matches!(demoted, Err(IdentityError::Impossible(_))));
    let removed = house.identity.remove_member(&owner, at, &actor(), NOW).await;
    assert!(matches!(removed, Err(IdentityError::Impossible(_))));
    // Somebody who was only invited does not count.
    let invited =
        house.identity.invite(&owner, ("two@example.com", "Two", Role::Owner), &actor(), NOW).await.unwrap();
    assert!(house.identity.remove_member(&owner, at, &actor(), NOW).await.is_err());
    let password = crate::support::secret(crate::support::PASSWORD);
    let shown = identity::invitation::Shown::With(&password);
    house.identity.accept(&invited.token, shown, &crate::support::client(), NOW).await.unwrap();
    house.identity.remove_member(&owner, at, &actor(), NOW).await.unwrap();
}

#[tokio::test]
async fn of_two_owners_who_remove_each_other_one_stays() {
    let house = house().await;
    let tenant = house.tenant("one").await;
    let mut parts = Vec::new();
    for email in ["one@example.com", "two@example.com"] {
        let user = house.person(email, &tenant, Role::Owner).await;
        parts.push((house.principal(email, &tenant).await, house.membership(&tenant, &user).await));
    }
    let by = actor();
    let (one, two) = tokio::join!(
        house.identity.remove_member(&parts[0].0, (&parts[1].1.id, parts[1].1.version), &by, NOW),
        house.identity.remove_member(&parts[1].0, (&parts[0].1.id, parts[0].1.version), &by, NOW),
    );
    assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
}

#[tokio::test]
async fn nobody_touches_those_above_themselves() {
    let house = house().await;
    let tenant = house.tenant("one").await;
    let boss = house.person("owner@example.com", &tenant, Role::Owner).await;
    house.person("second@example.com", &tenant, Role::Owner).await;
    let own = house.person("admin@example.com", &tenant, Role::Admin).await;
    let admin = house.principal("admin@example.com", &tenant).await;
    let (above, own) = (house.membership(&tenant, &boss).await, house.membership(&tenant, &own).await);
    let change = async |part: &store::Stored<store::model::identity::Membership>, role| {
        house.identity.change_role(&admin, (&part.id, part.version), role, &actor(), NOW).await
    };
    assert!(matches!(change(&above, Role::Viewer).await, Err(IdentityError::AboveOneself)));
    assert!(matches!(change(&own, Role::Owner).await, Err(IdentityError::AboveOneself)));
    let removed = house.identity.remove_member(&admin, (&above.id, above.version), &actor(), NOW).await;
    assert!(matches!(removed, Err(IdentityError::AboveOneself)));
}

#[tokio::test]
async fn a_tenant_sees_its_own_people_alone() {
    let house = house().await;
    let (one, two) = (house.tenant("one").await, house.tenant("two").await);
    let ours = house.person("ours@example.com", &one, Role::Owner).await;
    let theirs = house.person("theirs@example.com", &two, Role::Owner).await;
    let owner = house.principal("ours@example.com", &one).await;
    let members = house.identity.members(&owner, &Filter::first(10)).await.unwrap();
    assert_eq!(members.iter().map(|member| &member.user.id).collect::<Vec<_>>(), [&ours]);
    let foreign = house.membership(&two, &theirs).await;
    let read = house.identity.member(&owner, &foreign.id).await;
    assert!(matches!(read, Err(IdentityError::Missing("member"))));
    let at = (&foreign.id, foreign.version);
    let removed = house.identity.remove_member(&owner, at, &actor(), NOW).await;
    assert!(matches!(removed, Err(IdentityError::Missing("member"))));
}
