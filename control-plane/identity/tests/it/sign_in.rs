use crate::support::{NOW, PASSWORD, SECOND, client, elsewhere, house, secret};
use identity::{Client, IdentityError, sign_in::SignedIn};
use store::model::identity::{Role, User, UserStatus};

#[tokio::test]
async fn the_right_password_opens_a_session_and_leaves_a_line() {
    let house = house().await;
    let tenant = house.tenant("one").await;
    let user = house.person("carla@example.com", &tenant, Role::Operator).await;
    let signed_in =
        house.identity.sign_in(" Carla@Example.COM ", &secret(PASSWORD), &client(), NOW).await.unwrap();
    let SignedIn::Session(tokens) = signed_in else { panic!() };
    assert_eq!(tokens.user, user);
    let sessions = house.identity.sessions(&user, NOW).await.unwrap();
    assert_eq!(sessions[0].value.ip.as_deref(), Some("192.0.2.7"));
    assert_eq!(sessions[0].value.user_agent.as_deref(), Some("a browser"));
    assert_eq!(house.actions(user.as_str()).await[0], "user.sign_in");
}

#[tokio::test]
async fn who_is_refused_learns_nothing() {
    let house = house().await;
    let tenant = house.tenant("one").await;
    let active = house.person("carla@example.com", &tenant, Role::Viewer).await;
    let disabled = house.person("dora@example.com", &tenant, Role::Viewer).await;
    house.identity.set_enabled(&disabled, false, &crate::support::actor(), NOW).await.unwrap();
    let wrong = [
        ("carla@example.com", "four words of hers"),
        ("dora@example.com", PASSWORD),
        ("nobody@example.com", PASSWORD),
        ("not an address", PASSWORD),
        ("carla@example.com\0", PASSWORD),
        ("carla@example.com", ""),
    ];
    let mut said = Vec::new();
    for (email, password) in wrong {
        let refused = house.identity.sign_in(email, &secret(password), &client(), NOW).await.unwrap_err();
        assert!(matches!(refused, IdentityError::Refused), "{email}: {refused:?}");
        said.push(refused.to_string());
    }
    said.dedup();
    assert_eq!(said.len(), 1);
    assert_eq!(house.user(&active).await.value.failed_sign_ins, 2);
}

#[tokio::test]
async fn wrong_passwords_lock_the_user_out_for_a_while_and_the_right_one_clears_them() {
    let house = house().await;
    let tenant = house.tenant("one").await;
    let user = house.person("carla@example.com", &tenant, Role::Viewer).await;
    let sign_in = async |password: &str, now: i64| {
        house.identity.sign_in("carla@example.com", &secret(password), &Client::default(), now).await
    };
    for _ in 0..5 {
        assert!(matches!(sign_in("wrong", NOW).await, Err(IdentityError::Refused)));
    }
    assert_eq!(house.user(&user).await.value.locked_until, Some(NOW + 30 * SECOND));
    assert!(matches!(sign_in(PASSWORD, NOW + 29 * SECOND).await, Err(IdentityError::Refused)));
    assert_eq!(house.user(&user).await.value.failed_sign_ins, 5, "what is locked is not tried");
    assert!(sign_in(PASSWORD, NOW + 30 * SECOND).await.is_ok());
    let after = house.user(&user).await.value;
    assert_eq!((after.failed_sign_ins, after.locked_until), (0, None));
}

#[tokio::test]
async fn tries_are_limited_by_user_and_by_network_whether_there_is_such_a_user_or_not() {
    let house = house().await;
    let sign_in = async |email: &str, client: &Client| {
        house.identity.sign_in(email, &secret("wrong"), client, NOW).await.unwrap_err()
    };
    for number in 0..10 {
        let refused = sign_in("nobody@example.com", &elsewhere(number)).await;
        assert!(matches!(refused, IdentityError::Refused), "{refused:?}");
    }
    let refused = sign_in("nobody@example.com", &elsewhere(10)).await;
    assert!(matches!(refused, IdentityError::TooMany { .. }), "{refused:?}");

    for number in 0..20 {
        let refused = sign_in(&format!("nobody{number}@example.com"), &client()).await;
        assert!(matches!(refused, IdentityError::Refused), "{refused:?}");
    }
    let refused = sign_in("another@example.com", &client()).await;
    assert!(matches!(refused, IdentityError::TooMany { .. }), "{refused:?}");
}

#[tokio::test]
async fn a_hash_of_old_parameters_is_made_again() {
    // `password`, hashed by the reference implementation with 256 KiB.
    const OLD: &str = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
    let house = house().await;
    let user = house.admin("ann@example.com").await;
    let stored = house.user(&user).await;
    let mut tx = house.store.platform().begin(&crate::support::actor(), NOW).await.unwrap();
    let old = User { password_hash: Some(OLD.to_owned()), status: UserStatus::Active, ..stored.value };
    tx.update(&user, stored.version, old).await.unwrap();
    tx.commit().await.unwrap();
    house.identity.sign_in("ann@example.com", &secret("password"), &client(), NOW).await.unwrap();
    let hash = house.user(&user).await.value.password_hash.unwrap();
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    house.identity.sign_in("ann@example.com", &secret("password"), &client(), NOW).await.unwrap();
}

#[tokio::test]
async fn another_password_ends_the_other_sessions() {
    let house = house().await;
    let user = house.admin("ann@example.com").await;
    let (this, other) = (house.session("ann@example.com").await, house.session("ann@example.com").await);
    let change = async |current: &str, new: &str| {
        let (current, new) = (secret(current), secret(new));
        house.identity.change_password(&user, &this.session, (&current, &new), &client(), NOW).await
    };
    assert!(matches!(change("wrong", "other words of mine").await, Err(IdentityError::Refused)));
    assert!(matches!(change(PASSWORD, "short").await, Err(IdentityError::Unfit(_))));
    change(PASSWORD, "other words of mine").await.unwrap();
    assert!(house.identity.authenticate(&this.access.token, NOW).await.is_ok());
    assert!(house.identity.authenticate(&other.access.token, NOW).await.is_err());
    assert!(house.identity.sign_in("ann@example.com", &secret(PASSWORD), &client(), NOW).await.is_err());
}
