//! Tries credentials at the provider whose they are. The cheapest request that needs them is sent; nothing is changed there.

use super::{form::Kind, rejected};
use crate::{
    mail_servers::{AccountFault, PASSWORD, REFRESH_TOKEN, Said},
    messengers::{APP, Messengers, TOKEN},
    problem::{Code, Problem},
    providers::Service,
};
use engine::provider::{
    Secret,
    http::{HttpOptions, http_client},
};
use gateways::{
    GatewayError,
    onesignal::AppCredentials,
    whapi::{Health, WebhookSettings},
};
use mail::{NotSent, OAuthError, Poller, Trouble};
use reqwest::{RequestBuilder, StatusCode};
use std::{collections::BTreeMap, time::Duration};
use store::model::account::ProviderAccount;
use tokio::time::timeout;
use tracing::info;
use twilio_rest::{AccountSid, AccountStatus, Credentials, TwilioError};
use url::Url;

/// The version of Anthropic's API that is asked.
const ANTHROPIC_VERSION: &str = "2023-06-01";

/// The header in which Whapi's webhooks show their secret.
pub(crate) const WEBHOOK_HEADER: &str = "X-Tandem-Secret";
/// The id of no notification.
const NOBODYS: &str = "00000000-0000-4000-8000-00000000dead";

/// Tries credentials.
#[derive(Debug)]
pub(crate) struct Trial {
    messengers: Messengers,
    http: reqwest::Client,
    addresses: BTreeMap<Service, Url>,
    patience: Duration,
}

/// What is tried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tried<'a> {
    pub(super) kind: Kind,
    pub(super) sid: &'a str,
    pub(super) secrets: &'a BTreeMap<String, Secret>,
    pub(super) properties: &'a BTreeMap<String, String>,
}

impl<'a> Tried<'a> {
    /// A stored account with its secrets.
    pub(crate) fn of(
        account: &'a ProviderAccount,
        secrets: &'a BTreeMap<String, Secret>,
    ) -> Result<Self, Problem> {
        let unknown = || Problem::new(Code::Conflict, "this version does not know the account's provider");
        let kind = Kind::of(account).ok_or_else(unknown)?;
        Ok(Self { kind, sid: &account.sid, secrets, properties: &account.properties })
    }

    /// Credentials at Twilio.
    pub(crate) fn at_twilio(
        sid: &'a str,
        secrets: &'a BTreeMap<String, Secret>,
        properties: &'a BTreeMap<String, String>,
    ) -> Self {
        Self { kind: Kind::Twilio, sid, secrets, properties }
    }
}

impl Trial {
    pub(crate) fn new(
        messengers: Messengers,
        addresses: BTreeMap<Service, Url>,
        patience: Duration,
    ) -> Result<Self, reqwest::Error> {
        Ok(Self { messengers, http: http_client(HttpOptions::default())?, addresses, patience })
    }

    /// Tries credentials; a problem if the provider does not take them, or does not answer.
    pub(crate) async fn try_at(&self, tried: Tried<'_>) -> Result<(), Problem> {
        let verdict = async {
            match tried.kind {
                Kind::Twilio => self.try_at_twilio(tried).await,
                Kind::Whapi => self.whapi_health(tried).await.map(drop),
                Kind::Onesignal => self.try_at_onesignal(tried).await,
                // Its secret only shows in what Shopify tells.
                Kind::Shopify => secret(tried, Kind::Shopify.main_secret()).map(drop),
                Kind::Smtp => self.try_sending(tried).await,
                Kind::Imap => self.try_mailbox(tried).await,
                kind @ (Kind::Deepgram | Kind::Anthropic | Kind::Openai | Kind::Elevenlabs) => {
                    self.try_key(kind, tried).await
                }
            }
        };
        timeout(self.patience, verdict).await.map_err(|_| unavailable(tried.kind))?
    }

    async fn try_at_twilio(&self, tried: Tried<'_>) -> Result<(), Problem> {
        let account_sid: AccountSid = tried
            .sid
            .parse()
            .map_err(|_| rejected("/sid", "the account's id must be AC and 32 hexadecimal digits"))?;
        let token = secret(tried, "auth_token")?;
        let credentials =
            Credentials::AuthToken { account_sid: account_sid.clone(), auth_token: token.clone() };
        let account = self.messengers.twilio.account(credentials).fetch_account().await;
        let account = account.map_err(|cause| refused(&cause, "/secrets/auth_token"))?;
        if account.status != AccountStatus::Active {
            let detail = format!("the account is {} at Twilio", account.status);
            return Err(rejected("/sid", detail));
        }
        let Some(key_secret) = tried.secrets.get("api_key_secret") else { return Ok(()) };
        let key_sid = tried.properties.get("api_key_sid").and_then(|sid| sid.parse().ok());
        let Some(key_sid) = key_sid else {
            let detail = "an api_key_secret needs the key's id: SK and 32 hexadecimal digits";
            return Err(rejected("/properties/api_key_sid", detail));
        };
        let credentials = Credentials::ApiKey { account_sid, key_sid, secret: key_secret.clone() };
        let applications = self.messengers.twilio.account(credentials).list_applications(None);
        let asked = async { applications?.next_page().await };
        asked.await.map(drop).map_err(|cause| refused(&cause, "/secrets/api_key_secret"))
    }

    /// How a channel at Whapi is, if it can send.
    async fn whapi_health(&self, tried: Tried<'_>) -> Result<Health, Problem> {
        let token = secret(tried, TOKEN)?;
        let health = self.messengers.whapi.channel(token.clone()).health().await;
        let health = health.map_err(|cause| gateway_refused(Kind::Whapi, &cause))?;
        if health.is_ready() {
            return Ok(health);
        }
        let detail = format!("the channel is not logged in at Whapi: its state is {}", health.state);
        Err(rejected("/secrets/token", detail))
    }

    /// Lets a channel at Whapi tell at `url`, with `shown` as the secret; the number that it has there, in digits.
    pub(crate) async fn connect_whapi(
        &self,
        tried: Tried<'_>,
        url: Url,
        shown: &Secret,
    ) -> Result<Option<String>, Problem> {
        let connected = async {
            let health = self.whapi_health(tried).await?;
            let settings = WebhookSettings { url, header: WEBHOOK_HEADER.to_owned(), secret: shown.clone() };
            let channel = self.messengers.whapi.channel(secret(tried, TOKEN)?.clone());
            let set = channel.set_webhook(&settings).await;
            set.map_err(|cause| gateway_refused(Kind::Whapi, &cause))?;
            Ok(health.phone)
        };
        timeout(self.patience, connected).await.map_err(|_| unavailable(Kind::Whapi))?
    }

    /// A notification that nobody has is asked for: who may ask is told so.
    async fn try_at_onesignal(&self, tried: Tried<'_>) -> Result<(), Problem> {
        let api_key = secret(tried, Kind::Onesignal.main_secret())?.clone();
        let Some(app_id) = tried.properties.get(APP).cloned() else {
            return Err(rejected("/properties/app_id", "the app's id is needed"));
        };
        let app = self.messengers.onesignal.app(AppCredentials { app_id, api_key });
        match app.view(NOBODYS).await {
            Ok(_) => Ok(()),
            Err(cause) if cause.status() == Some(404) => Ok(()),
            Err(cause) => Err(gateway_refused(Kind::Onesignal, &cause)),
        }
    }

    /// Logs in where mail is sent by.
    async fn try_sending(&self, tried: Tried<'_>) -> Result<(), Problem> {
        let sending = self.messengers.mail.sending(said(tried)).map_err(|fault| at_fault(&fault))?;
        let checked = sending.sender.check().await;
        sending.sender.close().await;
        checked.map_err(|cause| {
            info!(error = &cause as &dyn std::error::Error, "credentials were tried at a mail server");
            match &cause {
                NotSent::Login(_) => {
                    rejected(&login_pointer(tried), "the mail server does not take this login")
                }
                NotSent::NotOffered(what) => {
                    rejected("/properties/security", format!("the mail server does not offer {what}"))
                }
                NotSent::Token(cause) => token_refused(Kind::Smtp, cause),
                NotSent::Unreachable(_) | NotSent::Busy => unavailable(Kind::Smtp),
            }
        })
    }

    /// Logs in to a mailbox and opens its folder.
    async fn try_mailbox(&self, tried: Tried<'_>) -> Result<(), Problem> {
        let servers = &self.messengers.mail;
        let fetching = servers.fetching(said(tried), "trial".to_owned()).map_err(|fault| at_fault(&fault))?;
        let checked = Poller::check(fetching.account, &servers.fetch_options()).await;
        let checked = checked.map_err(|fault| at_fault(&AccountFault::from(fault)))?;
        checked.map_err(|cause| {
            info!(error = &cause as &dyn std::error::Error, "credentials were tried at a mailbox");
            match &cause {
                Trouble::Login(_) => rejected(&login_pointer(tried), "the mailbox does not take this login"),
                Trouble::Refused { .. } => rejected("/properties/folder", "the mailbox has no such folder"),
                Trouble::Token(cause) => token_refused(Kind::Imap, cause),
                Trouble::Unreachable(_) | Trouble::Protocol | Trouble::Inbox(_) | Trouble::Inside => {
                    unavailable(Kind::Imap)
                }
            }
        })
    }

    async fn try_key(&self, kind: Kind, tried: Tried<'_>) -> Result<(), Problem> {
        let key = secret(tried, kind.main_secret())?.reveal();
        let base = match tried.properties.get("base_url") {
            Some(own) => {
                Url::parse(own).map_err(|_| rejected("/properties/base_url", "it must be an address"))?
            }
            None => self.address(kind).ok_or_else(|| unavailable(kind))?.clone(),
        };
        let get = |path: &str| self.http.get(below(&base, path));
        let request = match kind {
            Kind::Deepgram => get("v1/projects").header("authorization", format!("Token {key}")),
            Kind::Anthropic => {
                get("v1/models").header("x-api-key", key).header("anthropic-version", ANTHROPIC_VERSION)
            }
            Kind::Elevenlabs => get("v1/models").header("xi-api-key", key),
            Kind::Openai
            | Kind::Twilio
            | Kind::Whapi
            | Kind::Onesignal
            | Kind::Shopify
            | Kind::Smtp
            | Kind::Imap => get("v1/models").bearer_auth(key),
        };
        judge(kind, request).await
    }

    fn address(&self, kind: Kind) -> Option<&Url> {
        let service = Service::ALL.into_iter().find(|service| service.name() == kind.as_str())?;
        self.addresses.get(&service)
    }
}

fn said(tried: Tried<'_>) -> Said<'_> {
    Said { properties: tried.properties, secrets: tried.secrets }
}

/// What an account for mail lacks.
fn at_fault(fault: &AccountFault) -> Problem {
    rejected(&fault.pointer(), fault.to_string())
}

fn login_pointer(tried: Tried<'_>) -> String {
    let name = if tried.secrets.contains_key(PASSWORD) { PASSWORD } else { REFRESH_TOKEN };
    format!("/secrets/{name}")
}

fn token_refused(kind: Kind, cause: &OAuthError) -> Problem {
    match cause {
        OAuthError::ReconnectNeeded(_) => {
            rejected("/secrets/refresh_token", "the mailbox has to be connected again")
        }
        OAuthError::Configuration(_) => rejected("/properties/client_id", "the OAuth2 client is refused"),
        OAuthError::Unavailable { .. } => unavailable(kind),
    }
}

async fn judge(kind: Kind, request: RequestBuilder) -> Result<(), Problem> {
    let response = request.send().await.map_err(|cause| {
        let cause = cause.without_url();
        info!(
            kind = kind.as_str(),
            error = &cause as &dyn std::error::Error,
            "credentials could not be tried"
        );
        unavailable(kind)
    })?;
    match response.status() {
        status if status.is_success() => Ok(()),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            let pointer = format!("/secrets/{}", kind.main_secret());
            Err(rejected(&pointer, format!("{} does not take this key", kind.as_str())))
        }
        status => {
            info!(kind = kind.as_str(), %status, "credentials could not be tried");
            Err(unavailable(kind))
        }
    }
}

/// `path`, which begins with `v1`, below an address that may end with `v1` already.
fn below(base: &Url, path: &str) -> Url {
    let prefix = base.path().trim_end_matches('/');
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", prefix.strip_suffix("/v1").unwrap_or(prefix)));
    url
}

fn secret<'a>(tried: Tried<'a>, name: &str) -> Result<&'a Secret, Problem> {
    tried.secrets.get(name).ok_or_else(|| rejected(&format!("/secrets/{name}"), "this secret is needed"))
}

/// What follows from Twilio's refusal. What Twilio says is not repeated: it may quote what it was sent.
fn refused(cause: &TwilioError, pointer: &str) -> Problem {
    info!(error = cause as &dyn std::error::Error, "credentials were tried at Twilio");
    if cause.is_unauthorized() || cause.is_gone() {
        rejected(pointer, "Twilio does not take these credentials")
    } else {
        unavailable(Kind::Twilio)
    }
}

/// What follows from a gateway's refusal. What it says is not repeated: it may quote what it was sent.
fn gateway_refused(kind: Kind, cause: &GatewayError) -> Problem {
    info!(kind = kind.as_str(), error = cause as &dyn std::error::Error, "credentials were tried");
    // 400 and 404: there is no such app or channel.
    if cause.is_unauthorized() || matches!(cause.status(), Some(400 | 402 | 404)) {
        let pointer = format!("/secrets/{}", kind.main_secret());
        rejected(&pointer, format!("{} does not take these credentials", kind.as_str()))
    } else {
        unavailable(kind)
    }
}

fn unavailable(kind: Kind) -> Problem {
    let detail = format!("{} does not answer as it should; nothing was stored", kind.as_str());
    Problem::new(Code::ProviderUnavailable, detail)
}
