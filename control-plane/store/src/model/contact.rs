//! People who talk to a tenant, and where they are reached.

use super::{resource, words};
use crate::ids::{ContactAddressId, ContactId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Somebody who talks to a tenant. `status` is how far they have come as a lead.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Contact {
    /// For people; empty if it is not known.
    pub name: String,
    /// Where they work.
    pub company: Option<String>,
    /// BCP 47 language, such as `en`.
    pub language: Option<String>,
    /// IANA name of where they are; `None`: it is guessed from their number.
    pub time_zone: Option<String>,
    /// What an assistant should know of them.
    pub notes: Option<String>,
    /// The tenant's own fields, by their name.
    pub fields: BTreeMap<String, String>,
    /// How far they have come as a lead, a word of the tenant's own.
    pub lead_status: Option<String>,
    /// How promising they are, 0 to 100.
    pub lead_score: Option<u8>,
    /// Where they are reached; each is a [`ContactAddress`] too, by which the contact is found.
    pub addresses: Vec<Address>,
    /// Contacts that turned out to be the same person, and are part of this one now.
    pub merged: Vec<ContactId>,
}
resource!(Contact, ContactId, Contacts);

/// An address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Address {
    /// What kind of address.
    pub kind: AddressKind,
    /// The address: E.164 for a phone, lower case for an email address.
    pub address: String,
}

/// Where a contact is reached, for finding it. `lookup` is `kind:address`, `parent` the contact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactAddress {
    /// Whose it is.
    pub contact: ContactId,
    /// Where.
    #[serde(flatten)]
    pub address: Address,
}
resource!(ContactAddress, ContactAddressId, ContactAddresses);

impl ContactAddress {
    /// The lookup key of an address.
    #[must_use]
    pub fn lookup(kind: AddressKind, address: &str) -> String {
        format!("{kind}:{address}")
    }
}

/// What kind of address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AddressKind {
    /// A phone number, for calls and messages.
    Phone,
    /// An email address.
    Email,
    /// A name at the push service.
    Push,
}
words!(AddressKind, "address kind", { Phone => "phone", Email => "email", Push => "push" });
