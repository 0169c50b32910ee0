//! Names of the store's things, as types: a prefix that says what it is, and a UUID version 7 in 26 characters of
//! Crockford's base 32, lower case. Ids sort by the time they were made; one kind is never taken for another.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

/// Crockford's alphabet: no `i`, `l`, `o`, `u`. In ASCII order, so that text sorts as the numbers do.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Characters of 128 bits, 5 bits each.
const DIGITS: usize = 26;

/// The text is no id of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id that begins with {prefix}_")]
pub struct IdError {
    /// How such an id begins.
    pub prefix: &'static str,
}

/// What all ids have in common.
pub trait Id: Clone + fmt::Debug + fmt::Display + PartialEq + Send + Sync + Sized + 'static {
    /// What it begins with, without the underscore.
    const PREFIX: &'static str;

    /// A new one, later in order than those this process made before it.
    fn generate() -> Self;

    /// Reads an id that comes from outside.
    ///
    /// # Errors
    /// When it is not one of this kind.
    fn parse(text: &str) -> Result<Self, IdError>;

    /// Text that is known to be an id of this kind because the store or this process made it.
    fn known(text: impl Into<String>) -> Self;

    /// The text.
    fn as_str(&self) -> &str;
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $accepts:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// A new one, later in order than those this process made before it.
            #[must_use]
            pub fn generate() -> Self {
                Self(new_id($prefix))
            }

            /// Reads an id that comes from outside.
            ///
            /// # Errors
            /// When it is not one of this kind.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                let accepts: fn(&str) -> bool = $accepts;
                if accepts(text) { Ok(Self(text.to_owned())) } else { Err(IdError { prefix: $prefix }) }
            }

            /// Text that is known to be an id of this kind because the store or this process made it.
            #[must_use]
            pub fn known(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Id for $name {
            const PREFIX: &'static str = $prefix;

            fn generate() -> Self {
                Self::generate()
            }

            fn parse(text: &str) -> Result<Self, IdError> {
                Self::parse(text)
            }

            fn known(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::parse(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        id!($(#[$doc])* $name, $prefix, |text| is_id($prefix, text));
    };
}

id!(
    /// A tenant: `ten_…`, or the name that the configuration gives the tenant it sets up, which contains no such
    /// prefix of another kind.
    TenantId, "ten", |text| is_id("ten", text) || is_configured_name(text)
);
id!(
    /// A call.
    CallId, "call"
);
id!(
    /// A user of the console or the API.
    UserId, "usr"
);
id!(
    /// A user's session.
    SessionId, "ses"
);
id!(
    /// A user's part in a tenant.
    MembershipId, "mem"
);
id!(
    /// A key for the API.
    KeyId, "key"
);
id!(
    /// A tenant's data key.
    DataKeyId, "dek"
);
id!(
    /// An account at a provider.
    AccountId, "acc"
);
id!(
    /// A phone number.
    NumberId, "num"
);
id!(
    /// Business hours.
    HoursId, "hrs"
);
id!(
    /// An assistant.
    AssistantId, "asst"
);
id!(
    /// A queue of callers.
    QueueId, "que"
);
id!(
    /// A caller in a queue.
    QueueEntryId, "qent"
);
id!(
    /// A message that a caller left.
    VoicemailId, "vm"
);
id!(
    /// A recording.
    RecordingId, "rec"
);
id!(
    /// A price.
    PriceId, "prc"
);
id!(
    /// A budget.
    BudgetId, "bud"
);
id!(
    /// An address that a tenant wants to be told at.
    EndpointId, "whk"
);
id!(
    /// A message to such an address.
    DeliveryId, "whd"
);
id!(
    /// Something that a provider told us.
    InboundEventId, "inb"
);
id!(
    /// A piece of background work.
    JobId, "job"
);
id!(
    /// What is known of a provider's health.
    HealthId, "hlt"
);
id!(
    /// A call flow.
    FlowId, "flw"
);
id!(
    /// Somebody who talks to a tenant.
    ContactId, "con"
);
id!(
    /// Where a contact is reached.
    ContactAddressId, "adr"
);
id!(
    /// A conversation.
    ConversationId, "cnv"
);
id!(
    /// A message of a conversation.
    MessageId, "msg"
);
id!(
    /// Something that happened.
    EventId, "evt"
);
id!(
    /// A try to hand a message to a provider.
    AttemptId, "att"
);
id!(
    /// Messages to many.
    BatchId, "bat"
);
id!(
    /// Some recipients of a batch.
    BatchChunkId, "bch"
);
id!(
    /// A template.
    TemplateId, "tpl"
);
id!(
    /// A state of a template.
    TemplateVersionId, "tpv"
);
id!(
    /// What somebody said about being written to.
    ConsentId, "cns"
);
id!(
    /// Where conversations of a channel begin.
    ChannelChipId, "chip"
);
id!(
    /// A column of the board.
    BoardColumnId, "col"
);
id!(
    /// An answer that is sent often.
    CannedReplyId, "cnr"
);
id!(
    /// A team.
    TeamId, "team"
);
id!(
    /// How far a mailbox was read.
    MailboxId, "mbx"
);
id!(
    /// How a channel's account fares.
    ChannelHealthId, "chh"
);

impl TenantId {
    /// The platform's own part of the store: its users, prices and accounts, which belong to no tenant.
    #[must_use]
    pub fn platform() -> Self {
        Self("ten_00000000000000000000000000".to_owned())
    }
}

impl CallId {
    /// A new one, later in order than those this process made before it.
    #[must_use]
    #[expect(
        clippy::new_without_default,
        reason = "a default is a constant; every call of this gives another id"
    )]
    pub fn new() -> Self {
        Self::generate()
    }
}

/// A new id, `kind_` and a UUID version 7: ids sort by the time they were made.
#[must_use]
pub fn new_id(kind: &str) -> String {
    let bits = Uuid::now_v7().as_u128();
    let mut text = String::with_capacity(kind.len() + 1 + DIGITS);
    text.push_str(kind);
    text.push('_');
    for digit in (0..DIGITS).rev() {
        // The remainder is below 32, so the index is always good.
        let value = usize::try_from((bits >> (5 * digit)) & 31).unwrap_or_default();
        text.push(char::from(ALPHABET[value]));
    }
    text
}

fn is_id(prefix: &str, text: &str) -> bool {
    text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')).is_some_and(|digits| {
        digits.len() == DIGITS
            && digits.bytes().all(|digit| ALPHABET.contains(&digit))
            // 26 digits hold 130 bits; the first two must not be used.
            && digits.as_bytes()[0] <= b'7'
    })
}

/// The names that a configuration may give its tenant: fit for a folder, at most 64 characters.
fn is_configured_name(text: &str) -> bool {
    let looks_like_an_id =
        text.split_once('_').is_some_and(|(prefix, rest)| is_id(prefix, &format!("{prefix}_{rest}")));
    !looks_like_an_id
        && !text.is_empty()
        && text.len() <= 64
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn later_ids_sort_after_earlier_ones() {
        let ids: Vec<_> = (0..1_000).map(|_| NumberId::generate()).collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn an_id_of_one_kind_is_not_taken_for_another() {
        let call = CallId::generate();
        assert_eq!(CallId::parse(call.as_str()), Ok(call.clone()));
        assert_eq!(NumberId::parse(call.as_str()), Err(IdError { prefix: "num" }));
        assert!(TenantId::parse(call.as_str()).is_err());
        assert!(serde_json::from_value::<NumberId>(call.as_str().into()).is_err());
    }

    #[test]
    fn what_is_not_an_id_is_refused() {
        let good = CallId::generate().as_str().to_owned();
        for bad in [
            "",
            "call_",
            "call",
            "call_1",
            &good[..good.len() - 1],
            &format!("{good}0"),
            &good.to_uppercase(),
        ] {
            assert!(CallId::parse(bad).is_err(), "{bad}");
        }
        assert!(CallId::parse("call_8zzzzzzzzzzzzzzzzzzzzzzzzz").is_err(), "more than 128 bits");
        assert!(CallId::parse("call_7zzzzzzzzzzzzzzzzzzzzzzzzz").is_ok());
    }

    #[test]
    fn the_configuration_may_name_its_tenant() {
        for good in ["default", "demo", "ten_a", TenantId::platform().as_str()] {
            assert!(TenantId::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "..", "a/b", "Ten"] {
            assert!(TenantId::parse(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_parsing_panic(text in "\\PC*") {
            drop((CallId::parse(&text), TenantId::parse(&text)));
        }
    }
}
