//! The store's words and the decider's, which are the same.

use messaging::{Channel, Status};
use store::model::message::{Channel as Stored, MessageStatus};

/// The decider's word for a stored channel.
#[must_use]
pub const fn channel_of(channel: Stored) -> Channel {
    match channel {
        Stored::Sms => Channel::Sms,
        Stored::Whatsapp => Channel::Whatsapp,
        Stored::Email => Channel::Email,
        Stored::Push => Channel::Push,
        Stored::Voice => Channel::Voice,
    }
}

/// The store's word for a channel.
#[must_use]
pub const fn channel_to(channel: Channel) -> Stored {
    match channel {
        Channel::Sms => Stored::Sms,
        Channel::Whatsapp => Stored::Whatsapp,
        Channel::Email => Stored::Email,
        Channel::Push => Stored::Push,
        Channel::Voice => Stored::Voice,
    }
}

/// The store's word for a status.
#[must_use]
pub const fn status_to(status: Status) -> MessageStatus {
    match status {
        Status::Scheduled => MessageStatus::Scheduled,
        Status::Queued => MessageStatus::Queued,
        Status::Held => MessageStatus::Held,
        Status::Sending => MessageStatus::Sending,
        Status::Sent => MessageStatus::Sent,
        Status::Delivered => MessageStatus::Delivered,
        Status::Read => MessageStatus::Read,
        Status::Undelivered => MessageStatus::Undelivered,
        Status::Failed => MessageStatus::Failed,
        Status::Bounced => MessageStatus::Bounced,
        Status::Canceled => MessageStatus::Canceled,
        Status::Received => MessageStatus::Received,
    }
}
