//! Who wants to be written to, and who does not.

use super::{message::Channel, resource, words};
use crate::ids::ConsentId;
use serde::{Deserialize, Serialize};

/// What somebody said about messages of a sender on a channel. `lookup` is `channel:sender:address`, `parent` the address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// How.
    pub channel: Channel,
    /// From whom: one of the tenant's addresses, or `*` for all of them.
    pub sender: String,
    /// To whom.
    pub address: String,
    /// Whether they want it.
    pub status: ConsentStatus,
    /// When it became so.
    pub since: i64,
    /// How it is known, the newest last.
    pub proofs: Vec<Proof>,
}
resource!(Consent, ConsentId, Consents);

impl Consent {
    /// Every sender of the tenant's.
    pub const ANY_SENDER: &'static str = "*";

    /// In place of a sender: the address was found to be nobody's on this channel, and nothing more is sent there.
    pub const NOBODY: &'static str = "nobody";

    /// In place of a sender: what goes to many at once. Whoever wants no more of that still gets what is meant for them alone.
    pub const BULK: &'static str = "bulk";

    /// The lookup key of a consent.
    #[must_use]
    pub fn lookup(channel: Channel, sender: &str, address: &str) -> String {
        format!("{channel}:{sender}:{address}")
    }
}

/// Whether somebody wants to be written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConsentStatus {
    /// They asked for it.
    OptedIn,
    /// They want nothing more.
    OptedOut,
}
words!(ConsentStatus, "consent status", { OptedIn => "opted_in", OptedOut => "opted_out" });

/// How a consent is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// When.
    pub at: i64,
    /// What they wanted then.
    pub status: ConsentStatus,
    /// Where it comes from: `message`, `provider`, `api`, `import`, `link`.
    pub source: String,
    /// Their own words, the provider's code, or who said so.
    pub evidence: String,
}
