//! The page's fields, by the names that they had.

use crate::{
    api::{body::Check, phone, schema, secret::NewSecret},
    problem::{FaultCode, Faults},
};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use store::model::number::{Number, NumberStatus};
use utoipa::ToSchema;

/// A tenant's telephony. Credentials are not in it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TwilioConfig)]
pub(super) struct ConfigView {
    /// The account.
    #[schema(example = "AC00000000000000000000000000000001")]
    pub(super) account_sid: Option<String>,
    /// Whether the account's token is stored.
    pub(super) has_auth_token: bool,
    /// The id of the account's API key.
    pub(super) api_key: Option<String>,
    /// Whether the secret of the API key is stored.
    pub(super) has_api_secret: bool,
    /// The number to call from.
    pub(super) phone_number: Option<String>,
    /// The numbers.
    pub(super) phone_numbers: Vec<NumberView>,
    /// What answers the number to call from.
    pub(super) call_routing_mode: RoutingMode,
    /// Where its calls are forwarded to.
    pub(super) forward_number: Option<String>,
    /// Whether calls are recorded.
    pub(super) recording_enabled: bool,
    /// Said to the one who answers a forwarded call.
    pub(super) whisper_message: Option<String>,
    /// When something of it was changed last.
    #[schema(format = DateTime)]
    pub(super) last_updated: Option<String>,
}

/// A number.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TwilioConfigNumber)]
pub(super) struct NumberView {
    /// The number.
    phone_number: String,
    /// For people.
    friendly_name: String,
    /// Whether its calls are answered.
    #[schema(schema_with = schema::word::<NumberStatus>)]
    status: NumberStatus,
    /// Whether it is the one to call from.
    is_primary: bool,
}

impl NumberView {
    pub(super) fn of(number: Number) -> Self {
        Self {
            phone_number: number.e164,
            friendly_name: number.name,
            status: number.status,
            is_primary: number.primary,
        }
    }
}

/// What answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RoutingMode {
    /// The assistant.
    AiAgent,
    /// The caller leaves a message.
    Voicemail,
    /// Another number is called.
    Forward,
}

/// A change of a tenant's telephony. What is not there, or `null`, stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = TwilioConfigChange)]
pub(super) struct ConfigForm {
    /// The account.
    #[schema(pattern = "^AC[0-9a-f]{32}$", example = "AC00000000000000000000000000000001")]
    pub(super) account_sid: Option<String>,
    /// The account's token.
    #[schema(nullable = false)]
    pub(super) auth_token: Option<NewSecret>,
    /// The id of the account's API key.
    #[schema(pattern = "^SK[0-9a-f]{32}$")]
    pub(super) api_key: Option<String>,
    /// The secret of the API key.
    #[schema(nullable = false)]
    pub(super) api_secret: Option<NewSecret>,
    /// The number to call from.
    #[serde(default, deserialize_with = "phone::optional")]
    #[schema(schema_with = schema::optional_phone, required = false)]
    pub(super) phone_number: Option<String>,
    /// The numbers. Those that are not in the list are not answered any more.
    #[schema(max_items = 100)]
    pub(super) phone_numbers: Option<Vec<NumberForm>>,
    /// What answers all of them.
    pub(super) call_routing_mode: Option<RoutingMode>,
    /// Where calls are forwarded to.
    #[serde(default, deserialize_with = "phone::optional")]
    #[schema(schema_with = schema::optional_phone, required = false)]
    pub(super) forward_number: Option<String>,
    /// Whether calls are recorded.
    pub(super) recording_enabled: Option<bool>,
    /// Said to the one who answers a forwarded call.
    #[schema(min_length = 1, max_length = 1000)]
    pub(super) whisper_message: Option<String>,
}

/// A number.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = TwilioConfigNumberChange)]
pub(super) struct NumberForm {
    /// The number.
    #[serde(deserialize_with = "phone::number")]
    #[schema(schema_with = schema::phone)]
    pub(super) phone_number: String,
    /// For people.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 100)]
    pub(super) friendly_name: Option<String>,
    /// Whether its calls are answered.
    #[serde(default)]
    pub(super) status: SwitchForm,
    /// Whether it is the one to call from.
    #[serde(default)]
    pub(super) is_primary: bool,
}

/// Whether a number's calls are answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = TwilioConfigNumberStatus)]
pub(super) enum SwitchForm {
    /// They are.
    #[default]
    Active,
    /// Not for now.
    Inactive,
}

impl Check for ConfigForm {
    fn check(&self, faults: &mut Faults) {
        if self.account_sid.as_ref().is_some_and(|sid| sid.parse::<twilio_rest::AccountSid>().is_err()) {
            faults.add_at("accountSid", FaultCode::InvalidValue, "it must be AC and 32 hexadecimal digits");
        }
        if self.api_key.as_ref().is_some_and(|sid| sid.parse::<twilio_rest::KeySid>().is_err()) {
            faults.add_at("apiKey", FaultCode::InvalidValue, "it must be SK and 32 hexadecimal digits");
        }
        for (name, secret) in [("authToken", &self.auth_token), ("apiSecret", &self.api_secret)] {
            if let Some(secret) = secret {
                secret.check(faults, name);
            }
        }
        for (name, number) in [("phoneNumber", &self.phone_number), ("forwardNumber", &self.forward_number)] {
            if let Some(number) = number {
                faults.e164(name, number);
            }
        }
        faults.text_if("whisperMessage", self.whisper_message.as_deref(), 1, 1_000);
        let numbers = self.phone_numbers.as_deref().unwrap_or_default();
        faults.at_most("phoneNumbers", numbers, 100);
        let mut seen = HashSet::new();
        let mut has_primary = false;
        faults.each("phoneNumbers", numbers, |faults, number| {
            faults.e164("phoneNumber", &number.phone_number);
            faults.text_if("friendlyName", number.friendly_name.as_deref(), 1, 100);
            if !seen.insert(number.phone_number.clone()) {
                faults.add_at("phoneNumber", FaultCode::Duplicate, "this number is in the list already");
            }
            if number.is_primary && std::mem::replace(&mut has_primary, true) {
                faults.add_at("isPrimary", FaultCode::Duplicate, "another number is the one to call from");
            }
            if number.is_primary && number.status == SwitchForm::Inactive {
                faults.add_at("isPrimary", FaultCode::InvalidValue, "the one to call from must be active");
            }
        });
    }
}
