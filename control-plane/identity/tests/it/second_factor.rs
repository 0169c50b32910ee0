use crate::support::{House, NOW, PASSWORD, SECOND, client, house, secret};
use engine::provider::Secret;
use hmac::{Hmac, KeyInit, Mac};
use identity::{Client, IdentityError, sign_in::SignedIn};
use sha1::Sha1;
use store::ids::UserId;

/// What an authenticator app shows, by code of its own.
fn app(secret: &Secret, now: i64) -> Secret {
    let mut bits = String::new();
    for letter in secret.reveal().chars() {
        let value = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(letter).unwrap();
        bits.push_str(&format!("{value:05b}"));
    }
    let key: Vec<u8> = (0..bits.len() / 8)
        .map(|byte| u8::from_str_radix(&bits[byte * 8..byte * 8 + 8], 2).unwrap())
        .collect();
    let counter = u64::try_from(now / SECOND / 30).unwrap();
    let mac = Hmac::<Sha1>::new_from_slice(&key).unwrap().chain_update(counter.to_be_bytes());
    let hash = mac.finalize().into_bytes();
    let at = usize::from(hash[19] & 15);
    let number = u32::from_be_bytes(hash[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
    Secret::new(&format!("{:06}", number % 1_000_000))
}

async fn enrolled(house: &House, user: &UserId) -> (Secret, Vec<Secret>) {
    let begun = house.identity.begin_totp(user, &secret(PASSWORD), &Client::default(), NOW).await.unwrap();
    let code = app(&begun.secret, NOW);
    let codes = house.identity.confirm_totp(user, &code, &Client::default(), NOW).await.unwrap();
    (begun.secret, codes)
}

async fn asked(house: &House, now: i64) -> String {
    let signed_in =
        house.identity.sign_in("ann@example.com", &secret(PASSWORD), &Client::default(), now).await.unwrap();
    let SignedIn::SecondFactor(issued) = signed_in else { panic!("no second factor is asked for") };
    issued.token
}

#[tokio::test]
async fn one_time_passwords_are_asked_for_from_the_first_right_one_on() {
    let house = house().await;
    let user = house.admin("ann@example.com").await;
    let begun = house.identity.begin_totp(&user, &secret(PASSWORD), &client(), NOW).await.unwrap();
    house.session("ann@example.com").await;
    let wrong = house.identity.confirm_totp(&user, &secret("000000"), &client(), NOW).await;
    assert!(matches!(wrong, Err(IdentityError::Refused)));
    house.session("ann@example.com").await;
    house.identity.confirm_totp(&user, &app(&begun.secret, NOW), &client(), NOW).await.unwrap();
    asked(&house, NOW).await;
}

#[tokio::test]
async fn a_code_opens_a_session_once() {
    let house = house().await;
    let user = house.admin("ann@example.com").await;
    let (totp, _) = enrolled(&house, &user).await;
    let later = NOW + 60 * SECOND;
    let (token, code) = (asked(&house, later).await, app(&totp, later));
    let opened = house.identity.second_factor(&token, &code, &client(), later).await.unwrap();
    assert_eq!(opened.user, user);
    let again = house.identity.second_factor(&token, &code, &client(), later).await;
    assert!(matches!(again, Err(IdentityError::Refused)), "a code is used once");
}

#[tokio::test]
async fn of_two_at_once_with_one_code_one_gets_in() {
    let house = house().await;
    let user = house.admin("ann@example.com").await;
    let (totp, _) = enrolled(&house, &user).await;
    let later = NOW + 60 * SECOND;
    let (token, code) = (asked(&house, later).await, app(&totp, later));
    let from = Client::default();
    let (one, two) = tokio::join!(
        house.identity.second_factor(&token, &code, &from, later),
        house.identity.second_factor(&token, &code, &from, later),
    );
    assert!(one.is_ok() != two.is_ok());
}

#[tokio::test]
async fn a_recovery_code_stands_in_once() {
    let house = house().await;
    let user = house.admin("ann@example.com").await;
    let (_, codes) = enrolled(&house, &user).await;
    let token = asked(&house, NOW).await;
    house.identity.second_factor(&token, &codes[0], &client(), NOW).await.unwrap();
    assert!(house.identity.second_factor(&token, &codes[0], &client(), NOW).await.is_err());
    house.identity.second_factor(&token, &codes[1], &client(), NOW).await.unwrap();
    let kept = serde_json::to_string(&house.user(&user).await.value).unwrap();
    assert!(codes.iter().all(|code| !kept.contains(code.reveal())));
}

#[tokio::test]
async fn wrong_codes_lock_out_as_wrong_passwords_do() {
    let house = house().await;
    let user = house.admin("ann@example.com").await;
    let (totp, _) = enrolled(&house, &user).await;
    let later = NOW + 60 * SECOND;
    let token = asked(&house, later).await;
    for _ in 0..5 {
        let refused =
            house.identity.second_factor(&token, &secret("000000"), &Client::default(), later).await;
        assert!(matches!(refused, Err(IdentityError::Refused)));
    }
    assert_eq!(house.user(&user).await.value.locked_until, Some(later + 30 * SECOND));
    let locked = house.identity.second_factor(&token, &app(&totp, later), &Client::default(), later).await;
    assert!(matches!(locked, Err(IdentityError::Refused)));
    // The password alone must not clear what wrong codes counted.
    let after = later + 31 * SECOND;
    asked(&house, after).await;
    assert_eq!(house.user(&user).await.value.failed_sign_ins, 5);
}

#[tokio::test]
async fn the_token_between_the_steps_is_no_session_and_ends() {
    let house = house().await;
    let user = house.admin("ann@example.com").await;
    let (totp, _) = enrolled(&house, &user).await;
    let token = asked(&house, NOW).await;
    assert!(house.identity.authenticate(&token, NOW).await.is_err());
    let late = NOW + 301 * SECOND;
    let refused = house.identity.second_factor(&token, &app(&totp, late), &client(), late).await;
    assert!(matches!(refused, Err(IdentityError::Refused)));
    assert_eq!(house.user(&user).await.value.failed_sign_ins, 0);
}

#[tokio::test]
async fn one_time_passwords_end_with_password_and_code_alone() {
    let house = house().await;
    let user = house.admin("ann@example.com").await;
    let (totp, codes) = enrolled(&house, &user).await;
    let later = NOW + 60 * SECOND;
    let remove = async |password: &str, code: &Secret| {
        house.identity.remove_totp(&user, (&secret(password), code), &Client::default(), later).await
    };
    assert!(remove("wrong", &app(&totp, later)).await.is_err());
    assert!(remove(PASSWORD, &secret("000000")).await.is_err());
    remove(PASSWORD, &app(&totp, later)).await.unwrap();
    house.session("ann@example.com").await;
    let after = house.user(&user).await.value;
    assert!(after.totp.is_none() && after.proofs.recovery_codes.is_empty());
    drop(codes);
}

#[tokio::test]
async fn neither_secrets_nor_hashes_stand_in_the_audit_log() {
    let house = house().await;
    let user = house.admin("ann@example.com").await;
    let (totp, _) = enrolled(&house, &user).await;
    let filter = store::model::audit::AuditFilter { limit: 100, ..Default::default() };
    let log = house.store.platform().audit_log(&filter).await.unwrap();
    let text = format!("{log:?}");
    let value = house.user(&user).await.value;
    for hidden in
        [totp.reveal(), value.password_hash.as_deref().unwrap(), &value.proofs.recovery_codes[0], PASSWORD]
    {
        assert!(!text.contains(hidden), "{hidden}");
    }
    assert!(text.contains("user.totp"));
}
