//! Tokens that let a person's softphone in, for an hour.

use crate::{ProvisionError, Provisioner, provisioner::TWILIO};
use engine::provider::Secret;
use store::{
    Filter, TenantId,
    model::account::{AccountStatus, ProviderAccount},
};
use twilio_rest::access_token::{AccessToken, DEFAULT, VoiceGrant};
use vault::Place;

/// Longest name of a softphone, in characters (Twilio's limit).
const LONGEST_IDENTITY: usize = 121;
/// Accounts of a tenant that are looked at.
const ACCOUNTS: u16 = 100;

/// A token, for the softphone alone.
#[derive(Clone, Debug)]
pub struct SoftphoneToken {
    /// It. Whoever has it may call and be called at the tenant's cost.
    pub token: Secret,
    /// Under which name the softphone is called.
    pub identity: String,
    /// Until when it is good, in unix seconds.
    pub expires_at: u64,
}

impl Provisioner {
    /// A token for the softphone of `identity`, which is a user's id; good for an hour from `now`, in unix seconds.
    ///
    /// The account that the key belongs to stands in it: a parent's SID with a subaccount's key is refused by the carrier (20103).
    ///
    /// # Errors
    /// [`ProvisionError::NotSetUp`] if the tenant has no key or no application.
    pub async fn softphone_token(
        &self,
        tenant: &TenantId,
        identity: &str,
        now: u64,
    ) -> Result<SoftphoneToken, ProvisionError> {
        let is_safe = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if identity.is_empty() || identity.len() > LONGEST_IDENTITY || !identity.chars().all(is_safe) {
            return Err(ProvisionError::Refused("a softphone's name has letters, digits and `_` only"));
        }
        let filter =
            Filter::first(ACCOUNTS).of(TWILIO).with_status(AccountStatus::Active.as_str()).oldest_first();
        let accounts = self.store.tenant(tenant).list::<ProviderAccount>(&filter).await?;
        let account = accounts
            .into_iter()
            .filter(|account| account.value.properties.contains_key("api_key_sid"))
            .min_by_key(|account| account.value.priority)
            .ok_or(ProvisionError::NotSetUp("key for softphones"))?;
        let property = |name: &str| account.value.properties.get(name);
        let secret = account
            .value
            .secrets
            .get("api_key_secret")
            .ok_or(ProvisionError::NotSetUp("key for softphones"))?;
        let place = Place::provider_account(&account.id, "api_key_secret");
        let secret = self.vault.open(tenant, &place, &secret.current).await?;
        let key_sid =
            property("api_key_sid").ok_or(ProvisionError::NotSetUp("key for softphones"))?.parse()?;
        let application =
            property("application_sid").ok_or(ProvisionError::NotSetUp("application for softphones"))?;
        let mut token = AccessToken::new(account.value.sid.parse()?, key_sid, secret, identity);
        token.voice = VoiceGrant {
            incoming_allow: true,
            outgoing_application_sid: Some(application.parse()?),
            ..VoiceGrant::default()
        };
        Ok(SoftphoneToken {
            token: token.sign(now),
            identity: identity.to_owned(),
            expires_at: now.saturating_add(DEFAULT.as_secs()),
        })
    }
}
