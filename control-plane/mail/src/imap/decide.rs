//! What is fetched next, decided without a connection.

use super::{ImapOptions, Position, Trouble};
use crate::oauth::OAuthError;
use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
use std::time::Duration;

/// How a poll reads a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// What is new since the mark, and what is unread below it.
    After(u32),
    /// The first time: what is unread. The mark is set when all of it is kept.
    First,
    /// The server has numbered its mails anew: what is unread, and all of the last days, read or not. The mark is set when all of it
    /// is kept.
    Renumbered,
}

pub(super) fn plan(known: Option<Position>, uid_validity: u32) -> Plan {
    match known {
        None => Plan::First,
        Some(known) if known.uid_validity == uid_validity => Plan::After(known.last_uid),
        Some(_) => Plan::Renumbered,
    }
}

impl Plan {
    /// What is asked for besides the UIDs above the mark.
    pub(super) fn search(self, since: &str) -> String {
        match self {
            Self::After(_) | Self::First => format!("UID SEARCH UNDELETED UNSEEN SINCE {since}"),
            Self::Renumbered => format!("UID SEARCH UNDELETED SINCE {since}"),
        }
    }

    /// Search for what is above the mark; `*` stands for the last mail, which comes even where it is not above it.
    pub(super) fn search_new(self) -> Option<String> {
        match self {
            Self::After(last) => Some(format!("UID SEARCH UNDELETED UID {}:*", last.checked_add(1)?)),
            Self::First | Self::Renumbered => None,
        }
    }

    /// Whether a mail moves the mark.
    pub(super) fn moves(self, uid: u32) -> bool {
        matches!(self, Self::After(last) if uid > last)
    }
}

/// The UIDs to fetch, in order: what is unread, and what is new.
pub(super) fn wanted(plan: Plan, unread: Vec<u32>, new: Vec<u32>) -> Vec<u32> {
    let mut uids = unread;
    uids.extend(new.into_iter().filter(|uid| plan.moves(*uid)));
    uids.sort_unstable();
    uids.dedup();
    uids
}

/// `21-Nov-2026`, so many days before `now` (unix µs).
pub(super) fn since(now: i64, days: u16) -> String {
    let now = Timestamp::from_microsecond(now).unwrap_or_default();
    let day = now.to_zoned(TimeZone::UTC).date();
    day.checked_sub(i64::from(days).days()).unwrap_or(day).strftime("%d-%b-%Y").to_string()
}

/// What follows from a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Again after so long.
    Wait(Duration),
    /// Somebody has to act; once more after so long all the same.
    Owner(Duration),
    /// Somebody has to act; trying again cannot help.
    OwnerOnly,
}

/// Decides after the `failures`-th failure in a row (from 1). `chance` is evenly spread over 0..=255.
pub(super) fn next(options: &ImapOptions, trouble: &Trouble, failures: u32, chance: u8) -> Next {
    match trouble {
        Trouble::Token(OAuthError::ReconnectNeeded(_)) => Next::OwnerOnly,
        trouble if trouble.needs_owner() => Next::Owner(options.refused_wait),
        trouble => {
            let factor = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
            let whole = options.first_wait.saturating_mul(factor).min(options.longest_wait);
            let wait = whole / 2 + (whole / 2) * u32::from(chance) / 255;
            let asked = match trouble {
                Trouble::Token(OAuthError::Unavailable { after, .. }) => after.unwrap_or_default(),
                _ => Duration::ZERO,
            };
            Next::Wait(wait.max(asked.min(options.longest_wait)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::InboxError;
    use proptest::prelude::*;

    #[test]
    fn a_mail_above_the_mark_is_wanted_whether_read_or_not_and_one_below_it_only_unread() {
        let known = Position { uid_validity: 7, last_uid: 10 };
        let plan = plan(Some(known), 7);
        assert_eq!(plan, Plan::After(10));
        // `11:*` gives 10 when there is nothing above it.
        assert_eq!(wanted(plan, vec![3, 12], vec![10]), [3, 12]);
        assert_eq!(wanted(plan, vec![12], vec![14, 11, 12]), [11, 12, 14]);
        assert_eq!(plan.search_new().unwrap(), "UID SEARCH UNDELETED UID 11:*");
        assert!(plan.moves(11) && !plan.moves(10));
        assert_eq!(Plan::After(u32::MAX).search_new(), None);
    }

    #[test]
    fn a_new_numbering_sets_no_mark_before_all_is_kept() {
        let known = Position { uid_validity: 7, last_uid: 10 };
        let plan = plan(Some(known), 8);
        assert_eq!(plan, Plan::Renumbered);
        assert!(!plan.moves(u32::MAX) && plan.search_new().is_none());
        assert_eq!(plan.search("07-Nov-2026"), "UID SEARCH UNDELETED SINCE 07-Nov-2026");
        assert_eq!(super::plan(None, 8), Plan::First);
    }

    #[test]
    fn days_are_written_as_imap_has_them() {
        assert_eq!(since(1_795_219_200_000_000, 14), "07-Nov-2026");
        assert_eq!(since(i64::MIN, 14), "18-Dec-1969");
    }

    #[test]
    fn a_mailbox_that_lost_its_permission_is_left_alone_and_a_refused_login_hardly_tried() {
        let options = ImapOptions::default();
        let gone = Trouble::Token(OAuthError::ReconnectNeeded("invalid_grant".to_owned()));
        assert_eq!(next(&options, &gone, 1, 0), Next::OwnerOnly);
        assert_eq!(next(&options, &Trouble::Login("no".to_owned()), 1, 0), Next::Owner(options.refused_wait));
    }

    proptest! {
        #[test]
        fn waits_grow_and_are_bounded(failures in 1_u32..100, chance: u8) {
            let options = ImapOptions::default();
            let trouble = Trouble::Inbox(InboxError(String::new()));
            let Next::Wait(wait) = next(&options, &trouble, failures, chance) else { panic!("it waits") };
            let whole = options.first_wait.saturating_mul(1 << (failures - 1).min(20)).min(options.longest_wait);
            prop_assert!(wait >= whole / 2 && wait <= whole);
        }
    }
}
