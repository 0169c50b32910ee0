//! What happens when a person dials from a softphone: only people of the tenant, and only to where its people may call.

use crate::{
    decide::{Book, is_number},
    render::identity,
};
use store::ids::{QueueId, UserId};

/// Who is dialled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dialled {
    /// A number, E.164.
    Number(String),
    /// Another person's softphone.
    User(UserId),
    /// Whoever has waited longest in a queue.
    Queue(QueueId),
}

/// Why a call from a softphone is not put through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotDialled {
    /// The softphone belongs to nobody who takes the tenant's calls.
    #[error("the softphone belongs to nobody who takes the tenant's calls")]
    UnknownUser,
    /// Neither a number, nor a person or queue of the tenant.
    #[error("what was dialled is neither a number nor a person or queue of the tenant")]
    UnknownTarget,
}

/// Whether the carrier says that a call comes from a softphone: the name under which it is registered.
#[must_use]
pub fn caller(from: &str) -> Option<&str> {
    from.strip_prefix("client:")
}

/// Who calls, and whom: `to` is a number, `user:usr_…` or `queue:que_…`.
///
/// # Errors
/// See [`NotDialled`].
pub fn dialled(book: &Book, registered: &str, to: &str) -> Result<(UserId, Dialled), NotDialled> {
    let user = book.users.iter().find(|user| identity(user.as_str()) == registered);
    let user = user.ok_or(NotDialled::UnknownUser)?.clone();
    let to = to.trim();
    let target = if let Some(queue) = to.strip_prefix("queue:") {
        book.queues.keys().find(|known| known.as_str() == queue).cloned().map(Dialled::Queue)
    } else if let Some(other) = to.strip_prefix("user:") {
        book.users.iter().find(|known| known.as_str() == other).cloned().map(Dialled::User)
    } else {
        is_number(to).then(|| Dialled::Number(to.to_owned()))
    };
    target.map(|target| (user, target)).ok_or(NotDialled::UnknownTarget)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_dial_only_what_is_theirs() {
        let (one, two, stranger) = (UserId::generate(), UserId::generate(), UserId::generate());
        let book = Book { users: [one.clone(), two.clone()].into(), ..Book::default() };
        let dial = |from: &UserId, to: &str| dialled(&book, &identity(from.as_str()), to);
        assert_eq!(dial(&one, "+15550142"), Ok((one.clone(), Dialled::Number("+15550142".to_owned()))));
        assert_eq!(dial(&one, &format!("user:{two}")), Ok((one.clone(), Dialled::User(two.clone()))));
        assert_eq!(dial(&stranger, "+15550142"), Err(NotDialled::UnknownUser));
        for to in ["", "911", "queue:que_1", &format!("user:{stranger}"), "client:x", "sip:a@example.test"] {
            assert_eq!(dial(&one, to), Err(NotDialled::UnknownTarget), "{to}");
        }
        assert_eq!(caller("client:usr_1"), Some("usr_1"));
        assert_eq!(caller("+15550100"), None);
    }
}
