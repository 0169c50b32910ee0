//! Which resources hold sealed secrets, and where. A new one belongs here, or its secrets keep the data key that they were first
//! sealed with.

use crate::{Place, VaultError};
use serde_json::Value;
use std::collections::HashMap;
use store::{
    Resource, StoreError,
    ids::{AccountId, AssistantId, EndpointId, JobId, UserId},
    model::{
        account::{ProviderAccount, Sealed},
        assistant::Assistant,
        identity::User,
        webhook::WebhookEndpoint,
        work::Job,
    },
};

/// The kind of the job that orders a new tenant to be set up.
const ADMISSION: &str = "admit_tenant";

/// A resource that holds sealed secrets.
pub(crate) trait HoldsSecrets: Resource {
    /// All of them, each with its place.
    fn secrets(&self, id: &Self::Id) -> Vec<(Place, Sealed)>;
}

impl HoldsSecrets for ProviderAccount {
    fn secrets(&self, id: &AccountId) -> Vec<(Place, Sealed)> {
        let secrets = self.secrets.iter().flat_map(|(name, credential)| {
            let place = Place::provider_account(id, name);
            [Some(&credential.current), credential.previous.as_ref()]
                .into_iter()
                .flatten()
                .map(move |sealed| (place.clone(), sealed.clone()))
        });
        secrets.collect()
    }
}

impl HoldsSecrets for WebhookEndpoint {
    fn secrets(&self, id: &EndpointId) -> Vec<(Place, Sealed)> {
        let place = Place::webhook_endpoint(id);
        let both = [Some(&self.secret), self.previous_secret.as_ref()];
        both.into_iter().flatten().map(|sealed| (place.clone(), sealed.clone())).collect()
    }
}

impl HoldsSecrets for User {
    fn secrets(&self, id: &UserId) -> Vec<(Place, Sealed)> {
        self.totp.iter().map(|sealed| (Place::totp(id), sealed.clone())).collect()
    }
}

impl HoldsSecrets for Assistant {
    fn secrets(&self, id: &AssistantId) -> Vec<(Place, Sealed)> {
        let tools = self.config.get("tools").and_then(Value::as_array).into_iter().flatten();
        let secrets = tools.filter_map(|tool| {
            let sealed = serde_json::from_value(tool.get("signing_secret")?.clone()).ok()?;
            Some((Place::tool(id, tool.get("name")?.as_str()?), sealed))
        });
        secrets.collect()
    }
}

/// The order to set a new tenant up holds the account that the tenant brings, until it was given in the tenant's own part.
impl HoldsSecrets for Job {
    fn secrets(&self, _: &JobId) -> Vec<(Place, Sealed)> {
        let Some(own) = self.state.get("own").filter(|_| self.kind == ADMISSION) else { return Vec::new() };
        let account = own.get("account").and_then(Value::as_str).and_then(|id| AccountId::parse(id).ok());
        let sealed = own.get("auth_token").and_then(|sealed| serde_json::from_value(sealed.clone()).ok());
        account
            .zip(sealed)
            .map(|(id, sealed)| (Place::provider_account(&id, "auth_token"), sealed))
            .into_iter()
            .collect()
    }
}

/// The resource with other sealed secrets: `exchanged` holds the new one by the ciphertext of the old one, which no other has.
pub(crate) fn exchange<T: Resource>(value: &T, exchanged: &HashMap<String, Sealed>) -> Result<T, VaultError> {
    let unreadable = |source| StoreError::Unreadable { what: T::TABLE.noun(), source };
    let mut value = serde_json::to_value(value).map_err(unreadable)?;
    exchange_in(&mut value, exchanged)?;
    Ok(serde_json::from_value(value).map_err(unreadable)?)
}

fn exchange_in(value: &mut Value, exchanged: &HashMap<String, Sealed>) -> Result<(), StoreError> {
    let known = value.get("sealed").and_then(Value::as_str).and_then(|sealed| exchanged.get(sealed));
    if let Some(sealed) = known {
        *value = serde_json::to_value(sealed)
            .map_err(|source| StoreError::Unreadable { what: "sealed secret", source })?;
        return Ok(());
    }
    match value {
        Value::Object(fields) => fields.values_mut().try_for_each(|value| exchange_in(value, exchanged)),
        Value::Array(values) => values.iter_mut().try_for_each(|value| exchange_in(value, exchanged)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}
