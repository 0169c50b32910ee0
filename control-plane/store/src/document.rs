//! Resources: what is set up, changed and read as a whole. Each kind has a table of its own with the same columns; the
//! database takes what it must compare or constrain out of the body itself (`docs/adr/0009-resources-are-documents.md`).

use crate::{StoreError, ids::Id};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// A kind of resource, which is a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is described at its type")]
pub enum Table {
    Tenants,
    Users,
    Sessions,
    Memberships,
    ApiKeys,
    DataKeys,
    ProviderAccounts,
    PhoneNumbers,
    BusinessHours,
    Assistants,
    Queues,
    QueueEntries,
    Voicemails,
    Recordings,
    Prices,
    Budgets,
    WebhookEndpoints,
    WebhookDeliveries,
    InboundEvents,
    Jobs,
    Health,
    Flows,
    Contacts,
    ContactAddresses,
    Conversations,
    Communications,
    Attempts,
    Batches,
    BatchChunks,
    Templates,
    TemplateVersions,
    Consents,
    ChannelChips,
    BoardColumns,
    CannedReplies,
    Teams,
    Mailboxes,
    ChannelHealth,
    TenantEvents,
}

impl Table {
    /// All of them.
    pub const ALL: [Self; 39] = [
        Self::Tenants,
        Self::Users,
        Self::Sessions,
        Self::Memberships,
        Self::ApiKeys,
        Self::DataKeys,
        Self::ProviderAccounts,
        Self::PhoneNumbers,
        Self::BusinessHours,
        Self::Assistants,
        Self::Queues,
        Self::QueueEntries,
        Self::Voicemails,
        Self::Recordings,
        Self::Prices,
        Self::Budgets,
        Self::WebhookEndpoints,
        Self::WebhookDeliveries,
        Self::InboundEvents,
        Self::Jobs,
        Self::Health,
        Self::Flows,
        Self::Contacts,
        Self::ContactAddresses,
        Self::Conversations,
        Self::Communications,
        Self::Attempts,
        Self::Batches,
        Self::BatchChunks,
        Self::Templates,
        Self::TemplateVersions,
        Self::Consents,
        Self::ChannelChips,
        Self::BoardColumns,
        Self::CannedReplies,
        Self::Teams,
        Self::Mailboxes,
        Self::ChannelHealth,
        Self::TenantEvents,
    ];

    /// One of it, in messages and as the beginning of an action in the audit log (`number.update`).
    #[must_use]
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Tenants => "tenant",
            Self::Users => "user",
            Self::Sessions => "session",
            Self::Memberships => "membership",
            Self::ApiKeys => "api_key",
            Self::DataKeys => "data_key",
            Self::ProviderAccounts => "provider_account",
            Self::PhoneNumbers => "number",
            Self::BusinessHours => "business_hours",
            Self::Assistants => "assistant",
            Self::Queues => "queue",
            Self::QueueEntries => "queue_entry",
            Self::Voicemails => "voicemail",
            Self::Recordings => "recording",
            Self::Prices => "price",
            Self::Budgets => "budget",
            Self::WebhookEndpoints => "webhook_endpoint",
            Self::WebhookDeliveries => "webhook_delivery",
            Self::InboundEvents => "inbound_event",
            Self::Jobs => "job",
            Self::Health => "health",
            Self::Flows => "flow",
            Self::Contacts => "contact",
            Self::ContactAddresses => "contact_address",
            Self::Conversations => "conversation",
            Self::Communications => "message",
            Self::Attempts => "attempt",
            Self::Batches => "batch",
            Self::BatchChunks => "batch_chunk",
            Self::Templates => "template",
            Self::TemplateVersions => "template_version",
            Self::Consents => "consent",
            Self::ChannelChips => "channel_chip",
            Self::BoardColumns => "board_column",
            Self::CannedReplies => "canned_reply",
            Self::Teams => "team",
            Self::Mailboxes => "mailbox",
            Self::ChannelHealth => "channel_health",
            Self::TenantEvents => "event",
        }
    }

    /// Whether a tenant's calls are answered by what stands there: a change counts in the tenant's [`Stamp`](crate::Stamp).
    #[must_use]
    pub const fn is_directory(self) -> bool {
        match self {
            Self::Tenants
            | Self::Memberships
            | Self::ProviderAccounts
            | Self::PhoneNumbers
            | Self::BusinessHours
            | Self::Assistants
            | Self::Queues
            | Self::Flows => true,
            Self::Users
            | Self::Sessions
            | Self::ApiKeys
            | Self::DataKeys
            | Self::QueueEntries
            | Self::Voicemails
            | Self::Recordings
            | Self::Prices
            | Self::Budgets
            | Self::WebhookEndpoints
            | Self::WebhookDeliveries
            | Self::InboundEvents
            | Self::Jobs
            | Self::Health
            | Self::Contacts
            | Self::ContactAddresses
            | Self::Conversations
            | Self::Communications
            | Self::Attempts
            | Self::Batches
            | Self::BatchChunks
            | Self::Templates
            | Self::TemplateVersions
            | Self::Consents
            | Self::ChannelChips
            | Self::BoardColumns
            | Self::CannedReplies
            | Self::Teams
            | Self::Mailboxes
            | Self::ChannelHealth
            | Self::TenantEvents => false,
        }
    }

    /// Whether every change is written to the audit log: all that people set up or may see, not what the program notes
    /// for itself while it works.
    #[must_use]
    pub const fn is_audited(self) -> bool {
        match self {
            Self::Sessions
            | Self::QueueEntries
            | Self::WebhookDeliveries
            | Self::InboundEvents
            | Self::Jobs
            | Self::Health
            | Self::Conversations
            | Self::Communications
            | Self::Attempts
            | Self::BatchChunks
            | Self::TemplateVersions
            | Self::Mailboxes
            | Self::ChannelHealth
            | Self::TenantEvents => false,
            Self::Tenants
            | Self::Users
            | Self::Memberships
            | Self::ApiKeys
            | Self::DataKeys
            | Self::ProviderAccounts
            | Self::PhoneNumbers
            | Self::BusinessHours
            | Self::Assistants
            | Self::Queues
            | Self::Voicemails
            | Self::Recordings
            | Self::Prices
            | Self::Budgets
            | Self::WebhookEndpoints
            | Self::Flows
            | Self::Contacts
            | Self::ContactAddresses
            | Self::Templates
            | Self::ChannelChips
            | Self::BoardColumns
            | Self::CannedReplies
            | Self::Teams
            | Self::Consents
            | Self::Batches => true,
        }
    }
}

/// A type whose values are resources.
pub trait Resource: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Its ids.
    type Id: Id;
    /// Where its values are.
    const TABLE: Table;
}

/// A resource as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored<T: Resource> {
    /// Its id.
    pub id: T::Id,
    /// From 1, one more with every change: the resource's ETag.
    pub version: i64,
    /// When it was made.
    pub created_at: i64,
    /// When it was changed last.
    pub updated_at: i64,
    /// It.
    pub value: T,
}

impl<T: Resource> Stored<T> {
    /// Understands a row.
    ///
    /// # Errors
    /// When the body is not one that this version reads.
    pub fn read(row: Document) -> Result<Self, StoreError> {
        let value = serde_json::from_str(&row.body)
            .map_err(|source| StoreError::Unreadable { what: T::TABLE.noun(), source })?;
        Ok(Self {
            id: T::Id::known(row.id),
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
            value,
        })
    }
}

/// A row of any table of resources, before its body is understood.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns are described at Stored")]
pub struct Document {
    pub id: String,
    pub version: i64,
    pub created_at: i64,
    pub updated_at: i64,
    pub body: String,
}

/// A resource's body as it is written: JSON that every database can keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body(String);

impl Body {
    /// Writes `value`.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] when it holds a NUL character, which PostgreSQL cannot keep.
    pub fn write<T: Resource>(value: &T) -> Result<Self, StoreError> {
        let invalid = |why: String| StoreError::Invalid { what: T::TABLE.noun(), why };
        let value = serde_json::to_value(value).map_err(|error| invalid(error.to_string()))?;
        if holds_nul(&value) {
            return Err(invalid("it holds a NUL character".to_owned()));
        }
        Ok(Self(value.to_string()))
    }

    /// What a database has kept.
    #[must_use]
    pub fn stored(body: String) -> Self {
        Self(body)
    }

    /// The JSON.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(values) => values.iter().any(holds_nul),
        Value::Object(fields) => fields.iter().any(|(name, value)| name.contains('\0') || holds_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// In which order a list comes. Ids sort by the time they were made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The newest first.
    #[default]
    Newest,
    /// The oldest first.
    Oldest,
}

/// Which resources of a table to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only those that belong to this: each type says what its parent is.
    pub parent: Option<String>,
    /// Only those in this state, as it is written.
    pub status: Option<String>,
    /// Only those that come after the one with this id.
    pub after: Option<String>,
    /// In which order.
    pub order: Order,
    /// At most this many.
    pub limit: u16,
}

impl Filter {
    /// The first `limit`, newest first.
    #[must_use]
    pub fn first(limit: u16) -> Self {
        Self { limit, ..Self::default() }
    }

    /// Only those that belong to `parent`.
    #[must_use]
    pub fn of(self, parent: impl Into<String>) -> Self {
        Self { parent: Some(parent.into()), ..self }
    }

    /// Only those in the state `status`.
    #[must_use]
    pub fn with_status(self, status: impl Into<String>) -> Self {
        Self { status: Some(status.into()), ..self }
    }

    /// Only those that come after the one with this id.
    #[must_use]
    pub fn after(self, id: impl Into<String>) -> Self {
        Self { after: Some(id.into()), ..self }
    }

    /// The oldest first.
    #[must_use]
    pub fn oldest_first(self) -> Self {
        Self { order: Order::Oldest, ..self }
    }
}
