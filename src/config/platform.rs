//! What belongs to the platform, not to one tenant.

use engine::provider::Secret;
use serde::Deserialize;

/// What belongs to the platform, not to one tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Platform {
    /// Where callers are sent when nothing of this installation runs: a file with TwiML on another machine. It becomes the voice
    /// fallback of every number that is set up; `None`: our own.
    pub outage_url: Option<String>,
    /// Its account at the carrier.
    pub twilio: PlatformTwilio,
}

/// The account in which subaccounts are made for tenants. Nothing else is done with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PlatformTwilio {
    /// `AC` and 32 hexadecimal digits.
    pub account_sid: Option<String>,
    /// Its auth token: an API key may not make subaccounts.
    pub auth_token: Option<Secret>,
}
