//! Where a sealed secret is kept, which is part of what seals it.

use crate::aead::associated_data;
use store::{
    TenantId,
    ids::{AccountId, AssistantId, DataKeyId, EndpointId, UserId},
};

/// Where a secret is kept. What was sealed for one place opens at no other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// The table.
    pub table: &'static str,
    /// The row's id.
    pub id: String,
    /// Which of the row's secrets. The value before it, kept while it is being exchanged, has the same place.
    pub field: String,
}

impl Place {
    /// A secret of an account at a provider, such as `auth_token`.
    #[must_use]
    pub fn provider_account(account: &AccountId, name: &str) -> Self {
        Self { table: "provider_accounts", id: account.as_str().to_owned(), field: name.to_owned() }
    }

    /// What signs the requests to one of an assistant's tools.
    #[must_use]
    pub fn tool(assistant: &AssistantId, tool: &str) -> Self {
        Self {
            table: "assistants",
            id: assistant.as_str().to_owned(),
            field: format!("tools.{tool}.signing_secret"),
        }
    }

    /// What signs the messages to an endpoint.
    #[must_use]
    pub fn webhook_endpoint(endpoint: &EndpointId) -> Self {
        Self { table: "webhook_endpoints", id: endpoint.as_str().to_owned(), field: "secret".to_owned() }
    }

    /// The secret of a user's one-time passwords; users belong to the platform.
    #[must_use]
    pub fn totp(user: &UserId) -> Self {
        Self { table: "users", id: user.as_str().to_owned(), field: "totp".to_owned() }
    }

    /// What a secret at this place, of this tenant and sealed with this data key, is bound to.
    pub(crate) fn bind(&self, tenant: &TenantId, key: &DataKeyId) -> Vec<u8> {
        associated_data(
            "tandem sealed secret",
            &[tenant.as_str(), self.table, &self.id, &self.field, key.as_str()],
        )
    }
}
