//! The ways to reach somebody, and how urgent a message is.

use crate::words::words;

words! {
    /// A way to reach somebody (requirement S0-02).
    pub enum Channel, "channel" {
        /// Text messages, with or without pictures.
        Sms => "sms",
        /// WhatsApp, by whichever provider.
        Whatsapp => "whatsapp",
        /// Email.
        Email => "email",
        /// A notification in the tenant's app.
        Push => "push",
        /// A phone call in which the message is spoken.
        Voice => "voice",
    }
}

impl Channel {
    /// Whether it goes to a phone number.
    #[must_use]
    pub const fn by_phone(self) -> bool {
        matches!(self, Self::Sms | Self::Whatsapp | Self::Voice)
    }
}

words! {
    /// What a message is about, which says by what channels it goes (requirements S0-03 to S0-06).
    pub enum MessageType, "message type" {
        /// Time-sensitive: WhatsApp, then SMS, then push.
        Instant => "instant",
        /// General news: WhatsApp, then email, then push.
        Informational => "informational",
        /// Orders and receipts: email and WhatsApp at once.
        Transactional => "transactional",
        /// Security alerts: all channels at once, at any hour.
        Critical => "critical",
    }
}

impl MessageType {
    /// Whether it goes out in quiet hours too. It never overrides an opt-out.
    #[must_use]
    pub const fn passes_quiet_hours(self) -> bool {
        matches!(self, Self::Critical)
    }
}
