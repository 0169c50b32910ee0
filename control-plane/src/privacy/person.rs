//! Who a person is, and what is theirs.

use super::state::Subject;
use crate::contacts::with_address;
use messaging::phone::forms;
use serde::{Deserialize, Serialize};
use store::{
    CallFilter, CallId, Filter, Page, StoreError, TenantStore,
    ids::{ContactId, ConversationId},
    model::{
        consent::Consent,
        contact::{AddressKind, Contact, ContactAddress},
        message::Conversation,
        queue::Voicemail,
    },
};

/// Rows that are read at once.
pub(super) const PAGE: u16 = 200;

/// A tenant's part of the store.
pub(crate) type Part = dyn TenantStore;

/// A person, and what is theirs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Person {
    pub(crate) contacts: Vec<ContactId>,
    /// Numbers, email addresses, names at the push service.
    pub(crate) addresses: Vec<String>,
    pub(crate) names: Vec<String>,
    pub(crate) conversations: Vec<ConversationId>,
    pub(crate) calls: Vec<CallId>,
    /// Calls that a legal hold keeps as they are.
    pub(crate) held: Vec<CallId>,
    /// Ids of what else is theirs: addresses' rows, consents, voicemails.
    pub(crate) others: Vec<String>,
}

fn add<T: PartialEq>(to: &mut Vec<T>, one: T) -> bool {
    let is_new = !to.contains(&one);
    if is_new {
        to.push(one);
    }
    is_new
}

impl Person {
    /// Adds an address; a number in all forms in which somebody may be known by it.
    fn add_address(&mut self, address: String) {
        if address.starts_with('+') {
            for form in forms(&address) {
                add(&mut self.addresses, form);
            }
        }
        add(&mut self.addresses, address);
    }

    /// Finds what is there now of whoever is meant, beside what was known before.
    pub(crate) async fn find(mut self, part: &Part, subject: &Subject) -> Result<Self, StoreError> {
        let phone = subject.phone.iter().map(|phone| (AddressKind::Phone, phone.clone()));
        let email = subject.email.iter().map(|email| (AddressKind::Email, email.to_lowercase()));
        for (kind, address) in phone.chain(email) {
            if let Some(row) = with_address(part, kind, &address).await? {
                add(&mut self.contacts, row.id);
            }
            self.add_address(address);
        }
        if let Some(contact) = &subject.contact {
            add(&mut self.contacts, contact.clone());
        }
        self.read_contacts(part).await?;
        self.find_conversations(part).await?;
        self.find_calls(part).await?;
        for address in self.addresses.clone() {
            for row in part.list::<Consent>(&Filter::first(PAGE).of(address)).await? {
                add(&mut self.others, row.id.to_string());
            }
        }
        Ok(self)
    }

    async fn read_contacts(&mut self, part: &Part) -> Result<(), StoreError> {
        let mut next = 0;
        while let Some(contact) = self.contacts.get(next).cloned() {
            next += 1;
            let Some(row) = part.get::<Contact>(&contact).await? else { continue };
            for address in row.value.addresses {
                self.add_address(address.address);
            }
            for merged in row.value.merged {
                add(&mut self.contacts, merged);
            }
            if !row.value.name.trim().is_empty() {
                add(&mut self.names, row.value.name);
            }
            for row in part.list::<ContactAddress>(&Filter::first(PAGE).of(contact.as_str())).await? {
                self.add_address(row.value.address.address);
                add(&mut self.others, row.id.to_string());
            }
        }
        Ok(())
    }

    async fn find_conversations(&mut self, part: &Part) -> Result<(), StoreError> {
        for contact in self.contacts.clone() {
            if let Some(row) = part.find::<Conversation>(contact.as_str()).await? {
                add(&mut self.conversations, row.id);
            }
        }
        for address in self.addresses.clone() {
            let mut filter = Filter::first(PAGE).of(address);
            loop {
                let rows = part.list::<Conversation>(&filter).await?;
                let Some(last) = rows.last() else { break };
                filter = filter.after(last.id.as_str());
                for row in rows {
                    if self.is_theirs(part, &row.value).await? {
                        add(&mut self.conversations, row.id);
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether a conversation with one of the addresses is not of another contact.
    async fn is_theirs(&self, part: &Part, conversation: &Conversation) -> Result<bool, StoreError> {
        let Some(contact) = &conversation.contact else { return Ok(true) };
        Ok(self.contacts.contains(contact) || part.get::<Contact>(contact).await?.is_none())
    }

    async fn find_calls(&mut self, part: &Part) -> Result<(), StoreError> {
        for address in self.addresses.clone() {
            for address in [address.clone(), format!("whatsapp:{address}")] {
                let from = CallFilter { from_number: Some(address.clone()), ..CallFilter::default() };
                let to = CallFilter { to_number: Some(address.clone()), ..CallFilter::default() };
                for filter in [from, to] {
                    self.find_calls_of(part, &filter).await?;
                }
            }
        }
        for call in self.calls.clone() {
            for row in part.list::<Voicemail>(&Filter::first(PAGE).of(call.as_str())).await? {
                add(&mut self.others, row.id.to_string());
            }
        }
        Ok(())
    }

    async fn find_calls_of(&mut self, part: &Part, filter: &CallFilter) -> Result<(), StoreError> {
        let mut page = Page { after: None, limit: PAGE };
        loop {
            let calls = part.calls(filter, &page).await?;
            let Some(last) = calls.last() else { return Ok(()) };
            page.after = Some((last.created_at, last.id.clone()));
            for call in calls {
                add(&mut self.calls, call.id);
            }
        }
    }

    /// Whether an address of a call is the person's.
    pub(crate) fn has(&self, address: &str) -> bool {
        let bare = address.strip_prefix("whatsapp:").unwrap_or(address);
        self.addresses.iter().any(|own| own == bare || own.eq_ignore_ascii_case(bare))
    }
}
