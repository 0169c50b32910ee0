//! A list `members` in a body, of which each names a `user`: those of a queue, those of a team.

use super::crud::Reference;
use crate::problem::{FaultCode, Faults};
use std::collections::HashSet;
use store::{Table, ids::UserId};

/// Most who are in one list.
const MOST: usize = 200;

/// One in the list.
pub(super) trait Listed {
    /// Who.
    fn user(&self) -> &UserId;
}

/// Nobody is in a list twice, and no list is endless.
pub(super) fn check(faults: &mut Faults, members: &[impl Listed]) {
    faults.at_most("members", members, MOST);
    let mut seen = HashSet::new();
    faults.each("members", members, |faults, member| {
        if !seen.insert(member.user().clone()) {
            faults.add_at("user", FaultCode::Duplicate, "this user is in the list already");
        }
    });
}

/// Everybody in a list must be there.
pub(super) fn references(members: &[impl Listed]) -> Vec<Reference> {
    let pointer = |index| format!("/members/{index}/user");
    let members = members.iter().enumerate();
    members.map(|(index, member)| Reference::new(pointer(index), Table::Users, member.user())).collect()
}
