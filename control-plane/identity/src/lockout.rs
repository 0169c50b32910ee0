//! After several wrong passwords a user cannot sign in for a while, and for longer with each further one.

use store::model::identity::User;

/// Wrong ones that cost nothing: people mistype.
const FREE: u32 = 4;
/// The first wait, in seconds.
const FIRST_S: i64 = 30;
/// The longest wait, in seconds: a guesser gets 24 guesses a day, and whoever is locked out by one gets in again.
const LONGEST_S: i64 = 3_600;

/// Until when nobody signs in after `failed` wrong passwords (or codes) in a row, the last of them at `now`.
#[must_use]
pub fn locked_until(failed: u32, now: i64) -> Option<i64> {
    let beyond = failed.checked_sub(FREE + 1)?;
    let wait = FIRST_S.checked_shl(beyond.min(16)).unwrap_or(LONGEST_S).min(LONGEST_S);
    Some(now.saturating_add(wait * 1_000_000))
}

/// Whether the user cannot sign in at `now`, whatever the password.
#[must_use]
pub fn is_locked(user: &User, now: i64) -> bool {
    user.locked_until.is_some_and(|until| until > now)
}

/// The user after one more wrong password at `now`.
#[must_use]
pub fn after_failure(user: User, now: i64) -> User {
    let failed = user.failed_sign_ins.saturating_add(1);
    User { failed_sign_ins: failed, locked_until: locked_until(failed, now), ..user }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn waits_begin_after_the_fifth_and_double_to_an_hour() {
        let waits: Vec<_> =
            (0..=14).map(|failed| locked_until(failed, 0).map_or(0, |until| until / 1_000_000)).collect();
        assert_eq!(waits, [0, 0, 0, 0, 0, 30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600, 3_600]);
    }

    proptest! {
        #[test]
        fn waits_never_shrink_and_never_pass_an_hour(failed: u32, now in 0_i64..i64::MAX / 2) {
            let wait = |failed| locked_until(failed, now).map_or(0, |until| until - now);
            prop_assert!(wait(failed) <= wait(failed.saturating_add(1)));
            prop_assert!(wait(failed) <= LONGEST_S * 1_000_000);
        }
    }
}
