use crate::support::{NOW, SECOND, actor, client, house};
use identity::{Identity, IdentityError, session::SessionTokens};

const DAY: i64 = 24 * 3_600 * SECOND;

async fn refresh(
    identity: &Identity,
    tokens: &SessionTokens,
    now: i64,
) -> Result<SessionTokens, IdentityError> {
    identity.refresh(&tokens.refresh, &client(), now).await
}

#[tokio::test]
async fn a_refresh_token_is_good_once_and_gives_the_next() {
    let house = house().await;
    house.admin("ann@example.com").await;
    let first = house.session("ann@example.com").await;
    let second = refresh(&house.identity, &first, NOW).await.unwrap();
    let third = refresh(&house.identity, &second, NOW).await.unwrap();
    assert_eq!(first.session, third.session);
    assert_ne!(second.refresh.reveal(), third.refresh.reveal());
    assert!(house.identity.authenticate(&third.access.token, NOW).await.is_ok());
}

#[tokio::test]
async fn a_used_token_however_old_ends_the_session() {
    let house = house().await;
    house.admin("ann@example.com").await;
    for uses in [1, 3] {
        let first = house.session("ann@example.com").await;
        let mut last = first.clone();
        for _ in 0..uses {
            last = refresh(&house.identity, &last, NOW).await.unwrap();
        }
        assert!(matches!(refresh(&house.identity, &first, NOW).await, Err(IdentityError::Refused)));
        assert!(matches!(refresh(&house.identity, &last, NOW).await, Err(IdentityError::Refused)));
        assert!(house.identity.authenticate(&last.access.token, NOW).await.is_err(), "at once");
        assert_eq!(house.actions(first.session.as_str()).await, ["session.reused_token"]);
    }
}

#[tokio::test]
async fn what_is_no_token_of_ours_ends_nothing() {
    let house = house().await;
    house.admin("ann@example.com").await;
    let tokens = house.session("ann@example.com").await;
    let token = tokens.refresh.reveal();
    let (unmarked, _) = token.rsplit_once('.').unwrap();
    let forged = format!("{unmarked}.AAAAAAAAAAAAAAAAAAAAAA");
    for text in
        ["", "a.b.c", tokens.session.as_str(), &forged, &token[..token.len() - 1], &tokens.access.token]
    {
        let refused = house.identity.refresh(&crate::support::secret(text), &client(), NOW).await;
        assert!(matches!(refused, Err(IdentityError::Refused)), "{text}");
    }
    assert!(refresh(&house.identity, &tokens, NOW).await.is_ok());
}

#[tokio::test]
async fn of_two_at_once_with_one_token_at_most_one_goes_on() {
    let house = house().await;
    house.admin("ann@example.com").await;
    let tokens = house.session("ann@example.com").await;
    let (one, two) =
        tokio::join!(refresh(&house.identity, &tokens, NOW), refresh(&house.identity, &tokens, NOW));
    assert!(one.is_err() || two.is_err());
    for tokens in [one, two].into_iter().flatten() {
        assert!(house.identity.authenticate(&tokens.access.token, NOW).await.is_err(), "it was used twice");
    }
}

#[tokio::test]
async fn a_session_ends_when_it_is_not_used_and_at_last_however_it_is_used() {
    let house = house().await;
    house.admin("ann@example.com").await;
    let idle = house.session("ann@example.com").await;
    assert_eq!(idle.refresh_until, NOW + 14 * DAY);
    assert!(matches!(refresh(&house.identity, &idle, NOW + 14 * DAY).await, Err(IdentityError::Refused)));

    let mut used = house.session("ann@example.com").await;
    for day in (10..90).step_by(10) {
        used = refresh(&house.identity, &used, NOW + day * DAY).await.unwrap();
    }
    assert_eq!(used.refresh_until, NOW + 90 * DAY);
    assert!(matches!(refresh(&house.identity, &used, NOW + 90 * DAY).await, Err(IdentityError::Refused)));
    assert_eq!(house.identity.forget_sessions(10, NOW + 90 * DAY).await.unwrap(), 0);
    assert_eq!(house.identity.forget_sessions(10, NOW + 91 * DAY).await.unwrap(), 2);
}

#[tokio::test]
async fn signing_out_counts_at_once() {
    let house = house().await;
    let user = house.admin("ann@example.com").await;
    let (one, two, three) = (
        house.session("ann@example.com").await,
        house.session("ann@example.com").await,
        house.session("ann@example.com").await,
    );
    house.identity.sign_out(&user, &one.session, &client(), NOW).await.unwrap();
    assert!(matches!(house.identity.authenticate(&one.access.token, NOW).await, Err(IdentityError::Refused)));
    assert!(matches!(refresh(&house.identity, &one, NOW).await, Err(IdentityError::Refused)));
    assert!(house.identity.authenticate(&two.access.token, NOW).await.is_ok());

    let ended =
        house.identity.sign_out_everywhere(&user, Some(&three.session), &client(), NOW).await.unwrap();
    assert_eq!(ended, 1);
    assert!(house.identity.authenticate(&two.access.token, NOW).await.is_err());
    assert!(house.identity.authenticate(&three.access.token, NOW).await.is_ok());
}

#[tokio::test]
async fn nobody_ends_anothers_session() {
    let house = house().await;
    house.admin("ann@example.com").await;
    let other = house.admin("bea@example.com").await;
    let tokens = house.session("ann@example.com").await;
    let refused = house.identity.sign_out(&other, &tokens.session, &client(), NOW).await;
    assert!(matches!(refused, Err(IdentityError::Missing("session"))));
}

#[tokio::test]
async fn a_disabled_user_is_out_at_once_and_stays_out_when_enabled_again() {
    let house = house().await;
    let user = house.admin("ann@example.com").await;
    let tokens = house.session("ann@example.com").await;
    house.identity.set_enabled(&user, false, &actor(), NOW).await.unwrap();
    assert!(house.identity.authenticate(&tokens.access.token, NOW).await.is_err());
    house.identity.set_enabled(&user, true, &actor(), NOW).await.unwrap();
    assert!(house.identity.authenticate(&tokens.access.token, NOW).await.is_err());
    assert!(matches!(refresh(&house.identity, &tokens, NOW).await, Err(IdentityError::Refused)));
    house.session("ann@example.com").await;
}

#[tokio::test]
async fn the_oldest_of_too_many_sessions_ends() {
    let house = house().await;
    let user = house.admin("ann@example.com").await;
    let mut tx = house.store.platform().begin(&actor(), NOW).await.unwrap();
    for number in 0..50 {
        let session = store::model::identity::Session {
            user: user.clone(),
            token_hash: number.to_string(),
            previous_token_hash: None,
            status: store::model::identity::SessionStatus::Active,
            expires_at: NOW + DAY,
            ip: None,
            user_agent: None,
        };
        tx.insert(session).await.unwrap();
    }
    tx.commit().await.unwrap();
    house.session("ann@example.com").await;
    let left = house.identity.sessions(&user, NOW).await.unwrap();
    assert_eq!(left.len(), 50);
    assert!(left.iter().all(|session| session.value.token_hash != "0"));
}
