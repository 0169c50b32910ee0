use super::*;

fn secret(text: &str) -> Secret {
    Secret::new(text)
}

#[test]
fn short_long_and_obvious_passwords_are_refused() {
    let of = |password: &str| check(&secret(password), "carla.moreno@example.com");
    assert_eq!(of("too short"), Err(Unfit::TooShort));
    assert_eq!(of(&"ab1".repeat(100)), Err(Unfit::TooLong));
    assert_eq!(of("aaaaaaaaaaaaaa"), Err(Unfit::Obvious));
    assert_eq!(of("abcabcabcabcabc"), Err(Unfit::Obvious));
    assert_eq!(of("Carla.Moreno1!"), Err(Unfit::Obvious));
    assert_eq!(of("four words of mine"), Ok(()));
    // Twelve characters, not twelve bytes.
    assert_eq!(of("äöüäß"), Err(Unfit::TooShort));
}

#[tokio::test]
async fn the_right_password_is_right_and_no_other() {
    let passwords = Passwords::new(PasswordOptions::default());
    let stored = passwords.hash(&secret("four words of mine")).await.unwrap();
    assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
    let compare = async |text: &str| passwords.compare(&secret(text), Some(&stored)).await.unwrap();
    assert_eq!(compare("four words of mine").await, Comparison::Right { outdated: false });
    assert_eq!(compare("four words of mines").await, Comparison::Wrong);
    assert_eq!(compare(&"four words of mine".repeat(100)).await, Comparison::Wrong);
    assert_ne!(stored, passwords.hash(&secret("four words of mine")).await.unwrap(), "the salt is random");
}

#[tokio::test]
async fn nobodys_password_is_always_wrong() {
    let passwords = Passwords::new(PasswordOptions::default());
    for text in ["of nobody", "somebody", ""] {
        assert_eq!(passwords.compare(&secret(text), None).await.unwrap(), Comparison::Wrong);
    }
}

/// The vector of RFC 9106, section 5.3, has a secret and data beside the password, which a stored hash cannot carry; this one
/// is of the reference implementation (`test.c`, version 0x13, Argon2id: t=2, m=256 KiB, p=1).
const OLDER: &str = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";

#[tokio::test]
async fn a_hash_of_other_parameters_is_right_and_outdated() {
    let passwords = Passwords::new(PasswordOptions::default());
    let compared = passwords.compare(&secret("password"), Some(OLDER)).await.unwrap();
    assert_eq!(compared, Comparison::Right { outdated: true });
}

#[tokio::test]
async fn a_stored_hash_that_is_none_is_an_error_and_not_a_wrong_password() {
    let passwords = Passwords::new(PasswordOptions::default());
    let compared = passwords.compare(&secret("password"), Some("plain text")).await;
    assert!(matches!(compared, Err(PasswordError::Unreadable(_))), "{compared:?}");
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_sign_ins_is_turned_away_and_not_queued() {
    let wait = Duration::from_secs(5);
    let passwords = Passwords::new(PasswordOptions { at_once: 1, waiting: 1, wait });
    let held = Arc::clone(&passwords.turns).acquire_owned().await.unwrap();
    let password = secret("password");
    let waits = passwords.compare(&password, None);
    let refused = async {
        let _place = Arc::clone(&passwords.places).try_acquire_owned().unwrap();
        passwords.compare(&password, None).await
    };
    let (waited, refused) = tokio::join!(waits, refused);
    assert!(matches!(refused, Err(PasswordError::Busy)), "both places are taken: {refused:?}");
    assert!(matches!(waited, Err(PasswordError::Busy)), "no turn within the time: {waited:?}");
    drop(held);
    assert_eq!(passwords.compare(&password, None).await.unwrap(), Comparison::Wrong);
}
