//! Those who carry messages, and their clients: connections that all tenants share, each request with a tenant's own credentials.

pub(crate) mod number;

use crate::mail_servers::{MailOptions, MailServers};
use gateways::{
    ClientError,
    onesignal::{App, AppCredentials, OneSignalClient, OneSignalOptions},
    whapi::{Channel, WhapiClient, WhapiOptions},
};
use twilio_rest::TwilioClient;

/// The kind of an account at Whapi: one token, which is one WhatsApp number.
pub(crate) const WHAPI: &str = "whapi";
/// The kind of an account at OneSignal: one app.
pub(crate) const ONESIGNAL: &str = "onesignal";
/// The kind of a shop at Shopify, whose sid is its domain.
pub(crate) const SHOPIFY: &str = "shopify";
/// The secret of an account at Whapi.
pub(crate) const TOKEN: &str = "token";
/// What an account's webhooks show: set up there by us.
pub(crate) const WEBHOOK_SECRET: &str = "webhook_secret";
/// The number of a channel at Whapi, E.164.
pub(crate) const PHONE: &str = "phone";
/// The app of an account at OneSignal.
pub(crate) const APP: &str = "app_id";

/// How those are reached that carry messages besides Twilio.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessengerOptions {
    /// Whapi (WhatsApp).
    pub whapi: WhapiOptions,
    /// OneSignal (push).
    pub onesignal: OneSignalOptions,
    /// Mail servers.
    pub mail: MailOptions,
}

/// The clients of those who carry messages; clones share their connections.
#[derive(Clone, Debug)]
pub struct Messengers {
    /// Text messages and calls.
    pub(crate) twilio: TwilioClient,
    /// WhatsApp.
    pub(crate) whapi: WhapiClient,
    /// Push.
    pub(crate) onesignal: OneSignalClient,
    /// Mail servers of the tenants.
    pub(crate) mail: MailServers,
}

impl Messengers {
    /// Gets ready; nothing is sent yet.
    ///
    /// # Errors
    /// If an address is of no use, or the operating system gives no resolver.
    pub fn new(twilio: TwilioClient, options: MessengerOptions) -> Result<Self, ClientError> {
        let whapi = WhapiClient::new(options.whapi)?;
        let onesignal = OneSignalClient::new(options.onesignal)?;
        Ok(Self { twilio, whapi, onesignal, mail: MailServers::new(options.mail) })
    }

    /// The channel of an account at Whapi; `None`: its token is not there.
    pub(crate) fn channel(&self, account: &crate::directory::Account) -> Option<Channel> {
        let token = account.secrets.get(TOKEN)?;
        Some(self.whapi.channel(token.current.clone()))
    }

    /// The app of an account at OneSignal; `None`: its key or its id is not there.
    pub(crate) fn app(&self, account: &crate::directory::Account) -> Option<App> {
        let api_key = account.secrets.get("api_key")?.current.clone();
        let app_id = account.properties.get(APP)?.clone();
        Some(self.onesignal.app(AppCredentials { app_id, api_key }))
    }
}
