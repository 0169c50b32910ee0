//! Access tokens for softphones: JSON Web Tokens (HS256) signed with an API key's secret.
//!
//! Issuer is the key, subject the account that the key belongs to: for a tenant with a subaccount both are the
//! subaccount's. Twilio refuses mixed ones (20103, 20151).

use crate::{AccountSid, ApplicationSid, KeySid};
use base64_simd::URL_SAFE_NO_PAD;
use engine::provider::Secret;
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::Sha256;
use std::time::Duration;

/// Twilio refuses tokens that are good for longer (20157).
pub const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a token is good unless told otherwise.
pub const DEFAULT: Duration = Duration::from_secs(60 * 60);

/// What a softphone may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VoiceGrant {
    /// Whether it can be called.
    pub incoming_allow: bool,
    /// Through which application it calls.
    pub outgoing_application_sid: Option<ApplicationSid>,
    /// What the application is told of each call.
    pub outgoing_application_params: Option<Map<String, Value>>,
    /// Wakes a phone for a call (`CR…`).
    pub push_credential_sid: Option<String>,
    /// Names one of several devices.
    pub endpoint_id: Option<String>,
}

/// A token to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessToken {
    /// The account that the key belongs to.
    pub account_sid: AccountSid,
    /// The key, a standard one.
    pub key_sid: KeySid,
    /// Its secret.
    pub key_secret: Secret,
    /// Who the softphone is: `<Dial><Client>` reaches it under this name. Letters, digits and `_` are safe.
    pub identity: Option<String>,
    /// What it may do.
    pub voice: VoiceGrant,
    /// How long it is good; more than [`LONGEST`] is cut off.
    pub ttl: Duration,
    /// Twilio's region, such as `au1`, where the key is from there.
    pub region: Option<String>,
    /// Good from then on, in Unix seconds; `None`: from now on.
    pub not_before: Option<u64>,
}

#[derive(Serialize)]
struct Payload<'a> {
    jti: String,
    grants: Value,
    iss: &'a KeySid,
    exp: u64,
    nbf: u64,
    sub: &'a AccountSid,
}

impl AccessToken {
    /// A token for an hour.
    #[must_use]
    pub fn new(account_sid: AccountSid, key_sid: KeySid, key_secret: Secret, identity: &str) -> Self {
        Self {
            account_sid,
            key_sid,
            key_secret,
            identity: Some(identity.to_owned()),
            voice: VoiceGrant::default(),
            ttl: DEFAULT,
            region: None,
            not_before: None,
        }
    }

    /// Makes the token. `now` is in Unix seconds. What comes back opens the account's voice to whoever has it.
    #[must_use]
    pub fn sign(&self, now: u64) -> Secret {
        let mut header = json!({"typ": "JWT", "alg": "HS256", "cty": "twilio-fpa;v=1"});
        if let Some(region) = &self.region {
            header["twr"] = region.as_str().into();
        }
        let payload = Payload {
            jti: format!("{}-{now}", self.key_sid),
            grants: self.grants(),
            iss: &self.key_sid,
            exp: now.saturating_add(self.ttl.min(LONGEST).as_secs()),
            nbf: self.not_before.unwrap_or(now),
            sub: &self.account_sid,
        };
        let part = |value: Value| URL_SAFE_NO_PAD.encode_to_string(value.to_string());
        let signed = format!("{}.{}", part(header), part(json!(payload)));
        let signature = signature(&self.key_secret, &signed);
        Secret::new(&format!("{signed}.{signature}"))
    }

    fn grants(&self) -> Value {
        let mut voice = Map::new();
        if self.voice.incoming_allow {
            voice.insert("incoming".to_owned(), json!({"allow": true}));
        }
        if let Some(application) = &self.voice.outgoing_application_sid {
            let mut outgoing = json!({"application_sid": application});
            if let Some(params) = &self.voice.outgoing_application_params {
                outgoing["params"] = Value::Object(params.clone());
            }
            voice.insert("outgoing".to_owned(), outgoing);
        }
        for (name, value) in [
            ("push_credential_sid", &self.voice.push_credential_sid),
            ("endpoint_id", &self.voice.endpoint_id),
        ] {
            if let Some(value) = value {
                voice.insert(name.to_owned(), value.as_str().into());
            }
        }
        let mut grants = json!({"voice": voice});
        if let Some(identity) = &self.identity {
            grants["identity"] = identity.as_str().into();
        }
        grants
    }
}

/// HS256 over header and payload.
#[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
fn signature(secret: &Secret, signed: &str) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.reveal().as_bytes()).expect("HMAC takes keys of every length");
    mac.update(signed.as_bytes());
    URL_SAFE_NO_PAD.encode_to_string(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &Value) -> Option<String> {
        value.as_str().map(str::to_owned)
    }

    fn token(input: &Value) -> AccessToken {
        let grant = &input["voice_grant"];
        let now = input["now"].as_u64().unwrap();
        let until = input["valid_until"].as_u64().unwrap_or(now + input["ttl"].as_u64().unwrap());
        AccessToken {
            account_sid: text(&input["account_sid"]).unwrap().parse().unwrap(),
            key_sid: text(&input["api_key_sid"]).unwrap().parse().unwrap(),
            key_secret: Secret::new(input["api_key_secret"].as_str().unwrap()),
            identity: text(&input["identity"]),
            voice: VoiceGrant {
                incoming_allow: grant["incoming_allow"] == true,
                outgoing_application_sid: text(&grant["outgoing_application_sid"])
                    .map(|sid| sid.parse().unwrap()),
                outgoing_application_params: grant["outgoing_application_params"].as_object().cloned(),
                push_credential_sid: text(&grant["push_credential_sid"]),
                endpoint_id: text(&grant["endpoint_id"]),
            },
            ttl: Duration::from_secs(until - now),
            region: text(&input["region"]),
            not_before: input["nbf"].as_u64(),
        }
    }

    #[test]
    fn tokens_are_those_of_the_official_library() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/vectors/twilio_access_token.json");
        let vectors: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let mut minted = 0;
        for case in vectors["cases"].as_array().unwrap().iter().filter(|case| case["op"] == "mint") {
            let input = &case["input"];
            let made = token(input).sign(input["now"].as_u64().unwrap());
            let parts: Vec<_> = made.reveal().split('.').collect();
            let decoded = |part: &str| -> Value {
                serde_json::from_slice(&URL_SAFE_NO_PAD.decode_to_vec(part).unwrap()).unwrap()
            };
            assert_eq!(decoded(parts[0]), case["expect"]["header"], "{}", case["id"]);
            assert_eq!(decoded(parts[1]), case["expect"]["payload"], "{}", case["id"]);
            // The order of the fields is free, so the signatures differ; the library's own is made again.
            let (signed, by_library) = case["sdk_token"].as_str().unwrap().rsplit_once('.').unwrap();
            assert_eq!(signature(&token(input).key_secret, signed), by_library, "{}", case["id"]);
            minted += 1;
        }
        assert_eq!(minted, 9);
    }

    #[test]
    fn no_token_is_good_for_more_than_a_day() {
        let sid = |prefix: &str| format!("{prefix}{}", "0".repeat(32));
        let mut token =
            AccessToken::new(sid("AC").parse().unwrap(), sid("SK").parse().unwrap(), Secret::new("s"), "me");
        token.ttl = Duration::from_secs(u64::MAX);
        let made = token.sign(1_000);
        let payload = made.reveal().split('.').nth(1).unwrap();
        let payload: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode_to_vec(payload).unwrap()).unwrap();
        assert_eq!(payload["exp"], 1_000 + 86_400);
    }
}
