//! The tenant that is set up at the start, and its account at the carrier.

use engine::provider::Secret;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The tenant that is set up at the start.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tenant {
    /// Its id, in URLs, in the database and as the name of a folder.
    pub id: String,
    /// Its name, for people.
    pub name: String,
    /// Whether its calls are recorded.
    pub record: bool,
    /// To whom the assistant may hand a call: name to number (E.164). Nobody else, or a caller could talk it
    /// into dialling any number at the tenant's cost.
    pub transfer_targets: BTreeMap<String, String>,
    /// Its account at the carrier.
    pub twilio: Twilio,
}

impl Default for Tenant {
    fn default() -> Self {
        Self {
            id: "default".to_owned(),
            name: "Default".to_owned(),
            record: true,
            transfer_targets: BTreeMap::new(),
            twilio: Twilio::default(),
        }
    }
}

/// An account at Twilio.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Twilio {
    /// Where its REST API is.
    pub base_url: String,
    /// `AC` and 32 hexadecimal digits.
    pub account_sid: Option<String>,
    /// Its primary auth token: what webhooks are signed with.
    pub auth_token: Option<Secret>,
    /// The token before the current one, believed as well while tokens are being changed.
    pub previous_auth_token: Option<Secret>,
    /// The numbers it owns, in E.164; calls to others are not answered.
    pub numbers: Vec<String>,
}

impl Default for Twilio {
    fn default() -> Self {
        Self {
            base_url: "https://api.twilio.com".to_owned(),
            account_sid: None,
            auth_token: None,
            previous_auth_token: None,
            numbers: Vec::new(),
        }
    }
}
