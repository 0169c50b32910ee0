//! What of a contact can be set, and which contacts are listed.

use crate::{
    api::{body::Check, item::Named, phone, schema},
    problem::{FaultCode, Faults},
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};
use store::model::contact::{Address, AddressKind, Contact};
use utoipa::{IntoParams, ToSchema};

/// Addresses of a contact; nobody is reached in more ways.
const ADDRESSES_MAX: usize = 20;
/// Fields of the tenant's own; all of them are told to an assistant.
const FIELDS_MAX: usize = 50;

/// Somebody who talks to the tenant.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ContactForm {
    /// For people, and for the assistant; empty if it is not known.
    #[schema(max_length = 100, example = "Ann Example")]
    name: String,
    /// Where they work.
    #[schema(min_length = 1, max_length = 100)]
    company: Option<String>,
    /// BCP 47 language.
    #[schema(min_length = 2, max_length = 35, example = "en")]
    language: Option<String>,
    /// Where they are, as an IANA time zone; without it, it is guessed from their number.
    #[schema(min_length = 1, max_length = 64, example = "America/New_York")]
    time_zone: Option<String>,
    /// What the assistant should know of them.
    #[schema(min_length = 1, max_length = 2000)]
    notes: Option<String>,
    /// Fields of the tenant's own, by their name. A prompt may name them: `{{contact.plan}}`.
    fields: BTreeMap<String, String>,
    /// How far they have come as a lead, a word of the tenant's own.
    #[schema(min_length = 1, max_length = 50)]
    lead_status: Option<String>,
    /// How promising they are.
    #[schema(minimum = 0, maximum = 100)]
    lead_score: Option<u8>,
    /// Where they are reached. An address is one contact's.
    #[schema(max_items = 20)]
    addresses: Vec<AddressForm>,
}

/// An address.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ContactAddress)]
pub(crate) struct AddressForm {
    /// What kind of address.
    #[schema(schema_with = schema::word::<AddressKind>)]
    kind: AddressKind,
    /// A phone number in E.164, an email address, or a name at the push service.
    #[schema(min_length = 1, max_length = 254, example = "+15550100")]
    address: String,
}

impl AddressForm {
    /// As it is stored and compared.
    fn plain(&self) -> Address {
        let address = match self.kind {
            AddressKind::Phone => phone::of_person(self.address.clone()),
            AddressKind::Email => self.address.trim().to_lowercase(),
            AddressKind::Push => self.address.trim().to_owned(),
        };
        Address { kind: self.kind, address }
    }
}

impl Named for ContactForm {
    const NAME: &'static str = "Contact";
}

impl ContactForm {
    pub(super) fn of(contact: Contact) -> Self {
        let address = |Address { kind, address }| AddressForm { kind, address };
        Self {
            name: contact.name,
            company: contact.company,
            language: contact.language,
            time_zone: contact.time_zone,
            notes: contact.notes,
            fields: contact.fields,
            lead_status: contact.lead_status,
            lead_score: contact.lead_score,
            addresses: contact.addresses.into_iter().map(address).collect(),
        }
    }
}

impl From<ContactForm> for Contact {
    fn from(form: ContactForm) -> Self {
        Self {
            addresses: form.addresses.iter().map(AddressForm::plain).collect(),
            name: form.name,
            company: form.company,
            language: form.language,
            time_zone: form.time_zone,
            notes: form.notes,
            fields: form.fields,
            lead_status: form.lead_status,
            lead_score: form.lead_score,
            merged: Vec::new(),
        }
    }
}

impl Check for ContactForm {
    fn check(&self, faults: &mut Faults) {
        faults.text("name", &self.name, 0, 100);
        faults.text_if("company", self.company.as_deref(), 1, 100);
        faults.text_if("language", self.language.as_deref(), 2, 35);
        if let Some(zone) = &self.time_zone {
            faults.time_zone("time_zone", zone);
        }
        faults.text_if("notes", self.notes.as_deref(), 1, 2_000);
        faults.text_if("lead_status", self.lead_status.as_deref(), 1, 50);
        if let Some(score) = self.lead_score {
            faults.number("lead_score", score, 0, 100);
        }
        faults.field("fields", |faults| {
            if self.fields.len() > FIELDS_MAX {
                faults.add(FaultCode::OutOfRange, format!("there may be at most {FIELDS_MAX} fields"));
            }
            for (name, value) in &self.fields {
                if !is_name(name) {
                    let detail = "a field's name has 1 to 50 letters, digits and underscores";
                    faults.add_at(name, FaultCode::InvalidValue, detail);
                }
                faults.text(name, value, 0, 500);
            }
        });
        faults.at_most("addresses", &self.addresses, ADDRESSES_MAX);
        let mut seen = HashSet::new();
        faults.each("addresses", &self.addresses, |faults, form| {
            let plain = form.plain();
            match plain.kind {
                AddressKind::Phone => faults.e164("address", &plain.address),
                AddressKind::Email => faults.email("address", &plain.address),
                AddressKind::Push => faults.text("address", &plain.address, 1, 128),
            }
            if !seen.insert(plain) {
                faults.add_at("address", FaultCode::Duplicate, "this address is in the list already");
            }
        });
    }
}

fn is_name(name: &str) -> bool {
    (1..=50).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Which contacts to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ContactParams {
    /// Who has this phone number.
    #[param(example = "+15550100")]
    pub(super) phone: Option<String>,
    /// Who has this email address.
    pub(super) email: Option<String>,
    /// Who have come so far as a lead.
    pub(super) lead_status: Option<String>,
}
