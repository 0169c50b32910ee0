use crate::support::{NOW, PASSWORD, SECOND, actor, client, house, secret};
use identity::{Client, IdentityError, invitation::Shown, sign_in::SignedIn};
use store::model::identity::{Role, UserStatus};

const WEEK: i64 = 7 * 24 * 3_600 * SECOND;

#[tokio::test]
async fn an_invitation_counts_once_and_for_a_week() {
    let house = house().await;
    let tenant = house.tenant("one").await;
    let platform = house.platform_principal(&tenant).await;
    let invite = async |email: &str| {
        house.identity.invite(&platform, (email, "Carla", Role::Operator), &actor(), NOW).await.unwrap()
    };
    let password = secret(PASSWORD);
    let late = invite("late@example.com").await;
    let from = Client::default();
    let refused = house.identity.accept(&late.token, Shown::With(&password), &from, NOW + WEEK).await;
    assert!(matches!(refused, Err(IdentityError::Refused)));

    let invited = invite("carla@example.com").await;
    assert_eq!(invited.user.value.status, UserStatus::Invited);
    assert_eq!(house.store.memberships_of(&invited.user.id).await.unwrap(), [], "not before it is accepted");
    let accepted =
        house.identity.accept(&invited.token, Shown::With(&password), &client(), NOW).await.unwrap();
    assert_eq!(accepted, (invited.user.id.clone(), Some(tenant.clone())));
    assert_eq!(house.store.memberships_of(&invited.user.id).await.unwrap().len(), 1);
    let again = house.identity.accept(&invited.token, Shown::With(&password), &client(), NOW).await;
    assert!(matches!(again, Err(IdentityError::Refused)));
}

#[tokio::test]
async fn a_new_invitation_voids_the_one_before() {
    let house = house().await;
    let tenant = house.tenant("one").await;
    let platform = house.platform_principal(&tenant).await;
    let first =
        house.identity.invite(&platform, ("c@example.com", "C", Role::Viewer), &actor(), NOW).await.unwrap();
    let twice = house.identity.invite(&platform, ("c@example.com", "C", Role::Viewer), &actor(), NOW).await;
    assert!(matches!(twice, Err(IdentityError::Taken("membership"))));
    let second = house.identity.invite_again(&platform, &first.membership.id, &actor(), NOW).await.unwrap();
    let password = secret(PASSWORD);
    let refused = house.identity.accept(&first.token, Shown::With(&password), &client(), NOW).await;
    assert!(matches!(refused, Err(IdentityError::Refused)));
    house.identity.accept(&second.token, Shown::With(&password), &client(), NOW).await.unwrap();
    let refused = house.identity.invite_again(&platform, &first.membership.id, &actor(), NOW).await;
    assert!(matches!(refused, Err(IdentityError::Impossible(_))));
}

/// Whoever invites sees the token. If that were enough to become the user everywhere, inviting somebody's address would open
/// the other tenants that they are invited to.
#[tokio::test]
async fn an_inviter_who_takes_the_place_of_the_invited_gets_into_no_other_tenant() {
    let house = house().await;
    let (victim, attacker) = (house.tenant("victim").await, house.tenant("attacker").await);
    house.person("mallory@example.com", &attacker, Role::Admin).await;
    let (owner, mallory) =
        (house.platform_principal(&victim).await, house.principal("mallory@example.com", &attacker).await);
    let genuine =
        house.identity.invite(&owner, ("carla@example.com", "C", Role::Owner), &actor(), NOW).await.unwrap();
    let own = house
        .identity
        .invite(&mallory, ("carla@example.com", "C", Role::Viewer), &actor(), NOW)
        .await
        .unwrap();
    assert_eq!(own.user.id, genuine.user.id);
    let stolen = secret("words that mallory chose");
    house.identity.accept(&own.token, Shown::With(&stolen), &client(), NOW).await.unwrap();
    let signed_in =
        house.identity.sign_in("carla@example.com", &stolen, &Client::default(), NOW).await.unwrap();
    let SignedIn::Session(tokens) = signed_in else { panic!() };
    let caller = house.caller(&tokens).await;
    assert!(caller.in_tenant(&attacker).is_some());
    assert_eq!(caller.in_tenant(&victim), None);
    // Whoever has the genuine token cannot become the stolen user by it either.
    let refused = house.identity.accept(&genuine.token, Shown::With(&secret(PASSWORD)), &client(), NOW).await;
    assert!(matches!(refused, Err(IdentityError::Impossible(_))));
}

#[tokio::test]
async fn somebody_with_a_password_signs_in_to_accept_and_nobody_else_can() {
    let house = house().await;
    let (one, two) = (house.tenant("one").await, house.tenant("two").await);
    let carla = house.person("carla@example.com", &one, Role::Viewer).await;
    let dora = house.person("dora@example.com", &one, Role::Viewer).await;
    let platform = house.platform_principal(&two).await;
    let invited = house
        .identity
        .invite(&platform, ("carla@example.com", "C", Role::Admin), &actor(), NOW)
        .await
        .unwrap();
    for shown in [Shown::By(&dora), Shown::With(&secret("words that dora chose"))] {
        assert!(house.identity.accept(&invited.token, shown, &client(), NOW).await.is_err());
    }
    house.identity.accept(&invited.token, Shown::By(&carla), &client(), NOW).await.unwrap();
    assert_eq!(house.store.memberships_of(&carla).await.unwrap().len(), 2);
    house.session("carla@example.com").await;
}

#[tokio::test]
async fn nobody_invites_above_themselves() {
    let house = house().await;
    let tenant = house.tenant("one").await;
    house.person("admin@example.com", &tenant, Role::Admin).await;
    let admin = house.principal("admin@example.com", &tenant).await;
    let refused =
        house.identity.invite(&admin, ("c@example.com", "C", Role::Owner), &actor(), NOW).await.unwrap_err();
    assert!(matches!(refused, IdentityError::AboveOneself));
    house.identity.invite(&admin, ("c@example.com", "C", Role::Admin), &actor(), NOW).await.unwrap();
    let bad = house.identity.invite(&admin, ("nonsense", "C", Role::Viewer), &actor(), NOW).await;
    assert!(matches!(bad, Err(IdentityError::NotAnAddress)));
}

#[tokio::test]
async fn making_somebody_a_platform_admin_takes_the_account_from_whoever_had_it() {
    let house = house().await;
    let tenant = house.tenant("one").await;
    let user = house.person("ann@example.com", &tenant, Role::Viewer).await;
    let tokens = house.session("ann@example.com").await;
    let enabled = house.identity.make_platform_admin("ann@example.com", "Ann", NOW).await.unwrap();
    assert_eq!(enabled.user, user);
    assert!(house.identity.authenticate(&tokens.access.token, NOW).await.is_err());
    let old = house.identity.sign_in("ann@example.com", &secret(PASSWORD), &client(), NOW).await;
    assert!(matches!(old, Err(IdentityError::Refused)));
    let new = secret("words that ann chose");
    let weak = house.identity.accept(&enabled.token, Shown::With(&secret("short")), &client(), NOW).await;
    assert!(matches!(weak, Err(IdentityError::Unfit(_))), "the token is still good");
    house.identity.accept(&enabled.token, Shown::With(&new), &client(), NOW).await.unwrap();
    assert!(house.identity.sign_in("ann@example.com", &new, &client(), NOW).await.is_ok());
    let twice = house.identity.accept(&enabled.token, Shown::With(&new), &client(), NOW).await;
    assert!(matches!(twice, Err(IdentityError::Refused)));
}

#[tokio::test]
async fn no_text_is_an_invitation() {
    let house = house().await;
    for text in ["", ".", "..", "...", "ten_x.mem_x.y", "usr_00000000000000000000000000.x"] {
        let refused = house
            .identity
            .accept(&secret(text), Shown::With(&secret(PASSWORD)), &Client::default(), NOW)
            .await;
        assert!(matches!(refused, Err(IdentityError::Refused)), "{text}");
    }
}
