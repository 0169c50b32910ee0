//! Which resources hold sealed secrets, and where. A new one belongs here, or its secrets keep the data key that they were first
//! sealed with.

use crate::Place;
use store::{
    Resource,
    ids::{AccountId, EndpointId, UserId},
    model::{
        account::{ProviderAccount, Sealed},
        identity::User,
        webhook::WebhookEndpoint,
    },
};

/// A resource that holds sealed secrets.
pub(crate) trait HoldsSecrets: Resource {
    /// All of them, each with its place.
    fn secrets(&mut self, id: &Self::Id) -> Vec<(Place, &mut Sealed)>;
}

impl HoldsSecrets for ProviderAccount {
    fn secrets(&mut self, id: &AccountId) -> Vec<(Place, &mut Sealed)> {
        let secrets = self.secrets.iter_mut().flat_map(|(name, credential)| {
            let place = Place::provider_account(id, name);
            [Some(&mut credential.current), credential.previous.as_mut()]
                .into_iter()
                .flatten()
                .map(move |sealed| (place.clone(), sealed))
        });
        secrets.collect()
    }
}

impl HoldsSecrets for WebhookEndpoint {
    fn secrets(&mut self, id: &EndpointId) -> Vec<(Place, &mut Sealed)> {
        let place = Place::webhook_endpoint(id);
        let both = [Some(&mut self.secret), self.previous_secret.as_mut()];
        both.into_iter().flatten().map(|sealed| (place.clone(), sealed)).collect()
    }
}

impl HoldsSecrets for User {
    fn secrets(&mut self, id: &UserId) -> Vec<(Place, &mut Sealed)> {
        self.totp.iter_mut().map(|sealed| (Place::totp(id), sealed)).collect()
    }
}
