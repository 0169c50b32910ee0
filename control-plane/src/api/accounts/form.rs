//! Accounts at providers as the API shows and takes them.

use super::{property::wrong, trial::Tried};
use crate::{
    api::{body::Check, item::Named, schema, secret::NewSecret},
    mail_servers::{CLIENT_SECRET, DKIM_KEY, IMAP, PASSWORD, REFRESH_TOKEN, SMTP},
    messengers::{APP, ONESIGNAL, PHONE, SHOPIFY, TOKEN, WEBHOOK_SECRET, WHAPI, number::from_whapi},
    problem::{Fault, FaultCode, Faults, Place, Problem},
};
use engine::provider::Secret;
use gateways::shopify::ShopDomain;
use identity::principal::{Principal, Who};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};
use store::model::account::{AccountMode, AccountStatus, Credential, ProviderAccount};
use twilio_rest::AccountSid;
use utoipa::ToSchema;

/// Begins the name of a key that signs webhooks where their settings name it.
const SHARED_KEY: &str = "webhooks_sharedkey_";
/// The property that says where a provider is.
const ADDRESS: &str = "base_url";

/// A provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ProviderKind)]
pub(crate) enum Kind {
    /// Calls and messages. Needs `sid` (`AC…`) and the secret `auth_token`; `api_key_secret` comes with the property
    /// `api_key_sid`.
    Twilio,
    /// Recognition. Needs the secret `api_key`.
    Deepgram,
    /// Language models. Needs the secret `api_key`.
    Anthropic,
    /// Language models and voices. Needs the secret `api_key`.
    Openai,
    /// Voices. Needs the secret `api_key`.
    Elevenlabs,
    /// WhatsApp. Needs the secret `token`; each token is a number, and those of one tenant stand in for each other.
    Whapi,
    /// Notifications in the tenant's app. Needs the property `app_id` and the secret `api_key`.
    Onesignal,
    /// A shop that tells of its orders. Its `sid` is its domain (`name.myshopify.com`); needs the secret `client_secret`, the app's,
    /// with which it signs.
    Shopify,
    /// A server that mail is sent by. Needs the properties `host` and `from`, and the secret `password`; or, with OAuth2, the secrets
    /// `refresh_token` and `client_secret` and the property `client_id`.
    Smtp,
    /// A mailbox that mail is fetched from. Needs the properties `host` and `address`, and secrets as `smtp` does.
    Imap,
}

/// An account at a provider.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AccountView {
    /// Which provider.
    #[schema(example = "twilio")]
    kind: String,
    /// Whose account it is.
    #[schema(schema_with = schema::word::<AccountMode>)]
    mode: AccountMode,
    /// The provider's id for it.
    #[schema(example = "AC00000000000000000000000000000001")]
    sid: String,
    /// For people.
    name: String,
    /// Which secrets are set. What they are is never shown.
    secrets: Vec<SecretView>,
    /// What is not secret.
    properties: BTreeMap<String, String>,
    /// What it is used for.
    roles: Vec<String>,
    /// Accounts with lower numbers are tried first.
    priority: i32,
    /// Whether it is used.
    #[schema(schema_with = schema::word::<AccountStatus>)]
    status: AccountStatus,
}

/// A secret that is set.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SecretState)]
pub(crate) struct SecretView {
    /// Which.
    #[schema(example = "auth_token")]
    name: String,
    /// Whether the one before it is still believed.
    has_previous: bool,
}

/// An account that is to be used.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewProviderAccount)]
pub(crate) struct NewAccount {
    /// Which provider.
    pub(super) kind: Kind,
    /// The provider's id for it; without it, where the provider has none, a name of its own in this tenant.
    #[serde(default)]
    #[schema(
        min_length = 1,
        max_length = 64,
        pattern = "^[A-Za-z0-9._-]+$",
        example = "AC00000000000000000000000000000001"
    )]
    sid: Option<String>,
    /// For people.
    #[schema(min_length = 1, max_length = 100, example = "Main")]
    name: String,
    /// What is secret, by its name.
    secrets: BTreeMap<String, NewSecret>,
    /// What is not: `api_key_sid`, `application_sid`, `messaging_service_sid` (it sends instead of the numbers), `whatsapp_senders` (numbers at
    /// WhatsApp, separated by commas) and `messages_per_second` of Twilio's; `phone` and `messages_per_second` of Whapi's; `app_id` and
    /// `messages_per_second` of OneSignal's; `trial` (`true`: used after all others) of these; `country_code` of Shopify's; `host`, `port`, `security` (`tls`, `starttls`, `plain`), `user` and `client_id` of mail servers,
    /// with `from`, `from_name`, `reply_to`, `plus_addressing`, `dkim_domain`, `dkim_selector` and `messages_per_second` for sending,
    /// `address` and `folder` for a mailbox; `version`, `auth`, `max_tokens_field` and `base_url` of the others. Where a provider is (`base_url`) only those who run the platform can say.
    #[serde(default)]
    pub(super) properties: BTreeMap<String, String>,
    /// What it is used for, such as `voice`, `sms`, `backup`.
    #[serde(default)]
    #[schema(max_items = 16)]
    roles: Vec<String>,
    /// Accounts with lower numbers are tried first.
    #[serde(default)]
    priority: i32,
}

/// What of an account can be changed.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccountForm {
    /// For people.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// What is not secret.
    #[serde(default)]
    properties: BTreeMap<String, String>,
    /// What it is used for.
    #[serde(default)]
    #[schema(max_items = 16)]
    roles: Vec<String>,
    /// Accounts with lower numbers are tried first.
    #[serde(default)]
    priority: i32,
    /// Whether it is used.
    status: UseForm,
}

/// Whether an account is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AccountUse)]
pub(crate) enum UseForm {
    /// It is.
    Active,
    /// Not for now.
    Suspended,
}

impl Kind {
    const ALL: [Self; 10] = [
        Self::Twilio,
        Self::Deepgram,
        Self::Anthropic,
        Self::Openai,
        Self::Elevenlabs,
        Self::Whapi,
        Self::Onesignal,
        Self::Shopify,
        Self::Smtp,
        Self::Imap,
    ];

    /// As it is stored.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Twilio => "twilio",
            Self::Deepgram => "deepgram",
            Self::Anthropic => "anthropic",
            Self::Openai => "openai",
            Self::Elevenlabs => "elevenlabs",
            Self::Whapi => WHAPI,
            Self::Onesignal => ONESIGNAL,
            Self::Shopify => SHOPIFY,
            Self::Smtp => SMTP,
            Self::Imap => IMAP,
        }
    }

    /// Of a stored account; `None` for one that this version does not know.
    pub(crate) fn of(account: &ProviderAccount) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == account.kind)
    }

    /// Whether an id of an account looks as the provider's do; if not, how it must look.
    fn check_sid(self, sid: &str) -> Result<(), &'static str> {
        let (is_sid, must) = match self {
            Self::Twilio => (sid.parse::<AccountSid>().is_ok(), "it must be AC and 32 hexadecimal digits"),
            Self::Shopify => (
                sid.parse::<ShopDomain>().is_ok_and(|shop| shop.as_str() == sid),
                "it must be the shop's domain, such as name.myshopify.com",
            ),
            Self::Deepgram
            | Self::Anthropic
            | Self::Openai
            | Self::Elevenlabs
            | Self::Whapi
            | Self::Onesignal
            | Self::Smtp
            | Self::Imap => (
                (1..=64).contains(&sid.len())
                    && sid.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b)),
                "it must be 1 to 64 letters, digits, _ or -",
            ),
        };
        if is_sid { Ok(()) } else { Err(must) }
    }

    /// The secret without which it cannot be used.
    pub(crate) const fn main_secret(self) -> &'static str {
        match self {
            Self::Twilio => "auth_token",
            Self::Whapi => TOKEN,
            Self::Shopify => CLIENT_SECRET,
            Self::Smtp | Self::Imap => PASSWORD,
            Self::Deepgram | Self::Anthropic | Self::Openai | Self::Elevenlabs | Self::Onesignal => "api_key",
        }
    }

    /// Whether it has such a secret.
    pub(crate) fn has_secret(self, name: &str) -> bool {
        let is_shared_key = || {
            name.strip_prefix(SHARED_KEY).is_some_and(|rest| {
                (1..=40).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            })
        };
        name == self.main_secret()
            || (self == Self::Twilio && (name == "api_key_secret" || is_shared_key()))
            || (self == Self::Whapi && name == WEBHOOK_SECRET)
            || (matches!(self, Self::Smtp | Self::Imap) && matches!(name, REFRESH_TOKEN | CLIENT_SECRET))
            || (self == Self::Smtp && name == DKIM_KEY)
    }

    /// Whether these secrets are enough.
    fn is_enough(self, secrets: &BTreeMap<String, NewSecret>) -> bool {
        let is_mail = matches!(self, Self::Smtp | Self::Imap);
        secrets.contains_key(self.main_secret()) || (is_mail && secrets.contains_key(REFRESH_TOKEN))
    }

    pub(super) fn has_property(self, name: &str) -> bool {
        match self {
            Self::Twilio => matches!(
                name,
                "api_key_sid"
                    | "application_sid"
                    | "messaging_service_sid"
                    | "whatsapp_senders"
                    | "messages_per_second"
                    | "trial"
            ),
            Self::Deepgram | Self::Anthropic | Self::Openai | Self::Elevenlabs => {
                matches!(name, "version" | "auth" | "max_tokens_field") || name == ADDRESS
            }
            Self::Whapi => matches!(name, PHONE | "messages_per_second" | "trial"),
            Self::Onesignal => matches!(name, APP | "messages_per_second" | "trial"),
            Self::Shopify => name == "country_code",
            Self::Smtp => matches!(
                name,
                "host"
                    | "port"
                    | "security"
                    | "user"
                    | "client_id"
                    | "from"
                    | "from_name"
                    | "reply_to"
                    | "plus_addressing"
                    | "dkim_domain"
                    | "dkim_selector"
                    | "messages_per_second"
                    | "trial"
            ),
            Self::Imap => {
                matches!(name, "host" | "port" | "security" | "user" | "client_id" | "address" | "folder")
            }
        }
    }

    fn check_properties(self, faults: &mut Faults, properties: &BTreeMap<String, String>) {
        faults.field("properties", |faults| {
            for (name, value) in properties.iter().take(16) {
                if !self.has_property(name) {
                    let detail = format!("an account at {} has no such property", self.as_str());
                    faults.add_at(name, FaultCode::InvalidValue, detail);
                } else if name == ADDRESS {
                    faults.web_address(name, value);
                } else {
                    faults.text(name, value, 1, 200);
                    if let Some(detail) = wrong(name, value) {
                        faults.add_at(name, FaultCode::InvalidValue, detail);
                    }
                }
            }
        });
    }
}

impl Named for AccountView {
    const NAME: &'static str = "ProviderAccount";
}

impl Named for AccountForm {
    const NAME: &'static str = "ProviderAccount";
}

impl AccountView {
    pub(super) fn of(account: ProviderAccount) -> Self {
        let secret = |(name, credential): (String, Credential)| SecretView {
            name,
            has_previous: credential.previous.is_some(),
        };
        Self {
            kind: account.kind,
            mode: account.mode,
            sid: account.sid,
            name: account.name,
            secrets: account.secrets.into_iter().map(secret).collect(),
            properties: account.properties,
            roles: account.roles,
            priority: account.priority,
            status: account.status,
        }
    }
}

impl NewAccount {
    fn sid(&self) -> &str {
        self.sid.as_deref().unwrap_or(self.kind.as_str())
    }

    pub(super) fn secrets(&self) -> BTreeMap<String, Secret> {
        self.secrets.iter().map(|(name, secret)| (name.clone(), secret.0.clone())).collect()
    }

    /// The number that a channel at Whapi says it has, unless one was given.
    pub(super) fn learn_phone(&mut self, digits: Option<String>) {
        if let Some(phone) = digits.as_deref().and_then(from_whapi) {
            self.properties.entry(PHONE.to_owned()).or_insert(phone);
        }
    }

    pub(super) fn tried<'a>(&'a self, secrets: &'a BTreeMap<String, Secret>) -> Tried<'a> {
        Tried { kind: self.kind, sid: self.sid(), secrets, properties: &self.properties }
    }

    pub(super) fn into_account(self, secrets: BTreeMap<String, Credential>) -> ProviderAccount {
        ProviderAccount {
            kind: self.kind.as_str().to_owned(),
            mode: AccountMode::Own,
            sid: self.sid().to_owned(),
            name: self.name,
            secrets,
            properties: self.properties,
            roles: self.roles,
            priority: self.priority,
            status: AccountStatus::Active,
        }
    }
}

impl AccountForm {
    pub(super) fn of(account: &ProviderAccount) -> Self {
        let status = match account.status {
            AccountStatus::Active => UseForm::Active,
            AccountStatus::Suspended | AccountStatus::Closed => UseForm::Suspended,
        };
        Self {
            name: account.name.clone(),
            properties: account.properties.clone(),
            roles: account.roles.clone(),
            priority: account.priority,
            status,
        }
    }

    pub(super) fn into_account(self, before: ProviderAccount) -> Result<ProviderAccount, Problem> {
        let mut faults = Faults::default();
        if let Some(kind) = Kind::of(&before) {
            kind.check_properties(&mut faults, &self.properties);
        }
        let status = match (self.status, before.status) {
            (UseForm::Suspended, status @ (AccountStatus::Suspended | AccountStatus::Closed)) => status,
            (UseForm::Active, AccountStatus::Closed) => {
                faults.add_at("status", FaultCode::InvalidValue, "a closed account is not used again");
                AccountStatus::Closed
            }
            (UseForm::Active, AccountStatus::Active | AccountStatus::Suspended) => AccountStatus::Active,
            (UseForm::Suspended, AccountStatus::Active) => AccountStatus::Suspended,
        };
        let found = faults.into_found();
        if !found.is_empty() {
            return Err(Problem::unacceptable(found));
        }
        Ok(ProviderAccount {
            name: self.name,
            properties: self.properties,
            roles: self.roles,
            priority: self.priority,
            status,
            ..before
        })
    }
}

/// Where a provider is only those who run the platform can say: a tenant could otherwise have us speak with whatever is near
/// us and not open to it.
pub(super) fn allow_address(
    principal: &Principal,
    properties: &BTreeMap<String, String>,
    before: &BTreeMap<String, String>,
) -> Result<(), Problem> {
    let is_platforms = matches!(&principal.who, Who::PlatformAdmin { .. } | Who::Key { platform: true, .. });
    if is_platforms || properties.get(ADDRESS).is_none_or(|address| before.get(ADDRESS) == Some(address)) {
        return Ok(());
    }
    Err(Problem::unacceptable(vec![Fault {
        place: Place::Pointer(format!("/properties/{ADDRESS}")),
        code: FaultCode::InvalidValue,
        detail: "only those who run the platform can say where a provider is".to_owned(),
    }]))
}

impl Check for NewAccount {
    fn check(&self, faults: &mut Faults) {
        let kind = self.kind;
        if let Err(detail) = kind.check_sid(self.sid()) {
            faults.add_at("sid", FaultCode::InvalidValue, detail);
        }
        faults.text("name", &self.name, 1, 100);
        faults.field("secrets", |faults| {
            if !kind.is_enough(&self.secrets) {
                faults.add_at(kind.main_secret(), FaultCode::WrongShape, "this secret is needed");
            }
            for (name, secret) in self.secrets.iter().take(16) {
                if kind.has_secret(name) {
                    secret.check(faults, name);
                } else {
                    let detail = format!("an account at {} has no such secret", kind.as_str());
                    faults.add(FaultCode::InvalidValue, detail);
                }
            }
        });
        kind.check_properties(faults, &self.properties);
        check_roles(faults, &self.roles);
    }
}

impl Check for AccountForm {
    fn check(&self, faults: &mut Faults) {
        faults.text("name", &self.name, 1, 100);
        check_roles(faults, &self.roles);
    }
}

fn check_roles(faults: &mut Faults, roles: &[String]) {
    faults.at_most("roles", roles, 16);
    let mut seen = HashSet::new();
    faults.each("roles", roles, |faults, role| {
        faults.own_text(role, 1, 40);
        if !seen.insert(role.clone()) {
            faults.add(FaultCode::Duplicate, "this role is in the list already");
        }
    });
}
