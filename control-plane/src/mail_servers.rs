//! Tenants' mail servers: what an account says becomes a way to send mail or a mailbox to fetch. Connections are kept while an account
//! says the same.
//!
//! Properties of both: `host`, `port`, `security` (`tls`; for sending also `starttls`; `plain` reaches the own machine alone), `user`, and
//! `client_id` for OAuth2. For sending also `from`, `from_name`, `reply_to`, `plus_addressing` (`true`: answers come back with the
//! conversation in the address), `dkim_domain` and `dkim_selector`; for a mailbox `folder` and `address`.
//!
//! Secrets of both: `password`, or `refresh_token` with `client_secret`. For sending also `dkim_key`, a private key in PEM.

use crate::directory::Account;
use deliveries::address::{Reach, is_public};
use engine::provider::Secret;
use mail::{
    DkimError, DkimKey, EmailAddress, ImapAccount, ImapOptions, Login, Mailbox, OAuthCredentials,
    OAuthOptions, Poller, Security, Server, SetupError, SmtpOptions, SmtpSender, TokenSource,
};
use parking_lot::Mutex;
use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    net::IpAddr,
    sync::Arc,
    time::Duration,
};
use store::model::account::ProviderAccount;
use url::Url;

/// The kind of an account that mail is sent by.
pub(crate) const SMTP: &str = "smtp";
/// The kind of an account that mail is fetched from.
pub(crate) const IMAP: &str = "imap";
/// The secret of both where they log in with a password.
pub(crate) const PASSWORD: &str = "password";
/// The secret of both where they log in with OAuth2.
pub(crate) const REFRESH_TOKEN: &str = "refresh_token";
/// The secret of our application at the OAuth2 provider.
pub(crate) const CLIENT_SECRET: &str = "client_secret";
/// The secret that signs mail.
pub(crate) const DKIM_KEY: &str = "dkim_key";

/// Senders whose connections are kept; beyond it all are made anew.
const KEPT: usize = 1_000;

/// How mail servers are reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailOptions {
    /// Where access tokens are: Google's, or the sandbox. Only those who run the installation say so.
    pub token_url: Url,
    /// Certificates that are trusted besides the public web's, PEM.
    pub certificates: Option<String>,
    /// Which servers may be spoken to. Default: those of the public internet.
    pub reach: Reach,
    /// From poll to poll of a mailbox. Default 60 s; in between servers tell of new mail.
    pub poll_every: Duration,
}

impl Default for MailOptions {
    fn default() -> Self {
        #[expect(clippy::expect_used, reason = "a constant, which a test parses")]
        let token_url = OAuthCredentials::GOOGLE.parse().expect("an address");
        let poll_every = Duration::from_secs(60);
        Self { token_url, certificates: None, reach: Reach::Public, poll_every }
    }
}

/// What an account says.
#[derive(Clone, Copy)]
pub(crate) struct Said<'a> {
    pub(crate) properties: &'a BTreeMap<String, String>,
    pub(crate) secrets: &'a BTreeMap<String, Secret>,
}

/// Why an account cannot be meant so.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AccountFault {
    #[error("{1}")]
    Property(&'static str, &'static str),
    #[error("{1}")]
    Secret(&'static str, &'static str),
    #[error("{0}")]
    Dkim(#[from] DkimError),
    #[error("{0}")]
    Setup(#[from] SetupError),
    #[error("there is no HTTP client for tokens")]
    Client(#[from] reqwest::Error),
}

impl AccountFault {
    /// Where in a request the fault is.
    pub(crate) fn pointer(&self) -> String {
        match self {
            Self::Property(name, _) => format!("/properties/{name}"),
            Self::Secret(name, _) => format!("/secrets/{name}"),
            Self::Dkim(DkimError::Name) => "/properties/dkim_domain".to_owned(),
            Self::Dkim(_) => format!("/secrets/{DKIM_KEY}"),
            Self::Setup(SetupError::Host(_)) => "/properties/host".to_owned(),
            Self::Setup(SetupError::PlainToElsewhere | SetupError::StartTlsForMailbox) => {
                "/properties/security".to_owned()
            }
            Self::Setup(SetupError::Login) => format!("/secrets/{PASSWORD}"),
            Self::Setup(SetupError::Certificates | SetupError::Tls(_)) | Self::Client(_) => String::new(),
        }
    }
}

/// A way to send mail.
#[derive(Debug)]
pub(crate) struct Sending {
    pub(crate) from: Mailbox,
    pub(crate) reply_to: Option<EmailAddress>,
    /// Whether an address of this server may carry a token behind a `+`.
    pub(crate) plus_addressing: bool,
    pub(crate) dkim: Option<DkimKey>,
    pub(crate) sender: SmtpSender,
}

/// A mailbox that is fetched.
#[derive(Debug)]
pub(crate) struct Fetching {
    pub(crate) account: ImapAccount,
    /// The mailbox's own address.
    pub(crate) address: EmailAddress,
}

/// The tenants' mail servers; clones share connections.
#[derive(Clone)]
pub(crate) struct MailServers {
    options: Arc<MailOptions>,
    kept: Arc<Mutex<HashMap<String, Kept>>>,
}

struct Kept {
    properties: BTreeMap<String, String>,
    secrets: BTreeMap<String, Secret>,
    sending: Arc<Sending>,
}

impl fmt::Debug for MailServers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailServers").field("options", &self.options).finish_non_exhaustive()
    }
}

impl MailServers {
    pub(crate) fn new(options: MailOptions) -> Self {
        Self { options: Arc::new(options), kept: Arc::default() }
    }

    /// The way to send that an account is, with the connections of before.
    pub(crate) fn sending_of(&self, id: String, account: &Account) -> Result<Arc<Sending>, AccountFault> {
        let secrets = secrets_of(account);
        let mut all = self.kept.lock();
        if let Some(kept) = all.get(&id)
            && kept.properties == account.properties
            && kept.secrets == secrets
        {
            return Ok(Arc::clone(&kept.sending));
        }
        let sending = Arc::new(self.sending(Said { properties: &account.properties, secrets: &secrets })?);
        if all.len() >= KEPT {
            all.clear();
        }
        let properties = account.properties.clone();
        all.insert(id, Kept { properties, secrets, sending: Arc::clone(&sending) });
        Ok(sending)
    }

    /// A way to send.
    pub(crate) fn sending(&self, said: Said<'_>) -> Result<Sending, AccountFault> {
        let server = server(said, 587, Security::StartTls)?;
        let from = address(said, "from")?.ok_or(AccountFault::Property("from", "the address is needed"))?;
        let dkim = dkim(said, &from)?;
        let login = self.login(said, from.as_str())?;
        let options = SmtpOptions {
            extra_roots: self.options.certificates.clone(),
            may_reach: self.may_reach(),
            ..SmtpOptions::default()
        };
        let name = said.properties.get("from_name").map(String::as_str);
        let from = Mailbox::new(name, from)
            .map_err(|_| AccountFault::Property("from_name", "this name cannot stand in a mail"))?;
        Ok(Sending {
            from,
            reply_to: address(said, "reply_to")?,
            plus_addressing: said.properties.get("plus_addressing").is_some_and(|plus| plus == "true"),
            dkim,
            sender: SmtpSender::new(server, login, options)?,
        })
    }

    /// A mailbox, under a name for logs.
    pub(crate) fn fetching(&self, said: Said<'_>, label: String) -> Result<Fetching, AccountFault> {
        let server = server(said, 993, Security::Tls)?;
        let user = match said.properties.get("user") {
            Some(_) => address(said, "address")?.or(address(said, "user").ok().flatten()),
            None => address(said, "address")?,
        };
        let address = user.ok_or(AccountFault::Property("address", "the mailbox's address is needed"))?;
        let login = self.login(said, address.as_str())?;
        let folder = said.properties.get("folder").cloned().unwrap_or_else(|| "INBOX".to_owned());
        Ok(Fetching { account: ImapAccount { label, server, login, folder }, address })
    }

    /// How mailboxes are fetched.
    pub(crate) fn fetch_options(&self) -> ImapOptions {
        ImapOptions {
            poll_every: self.options.poll_every,
            extra_roots: self.options.certificates.clone(),
            may_reach: self.may_reach(),
            ..ImapOptions::default()
        }
    }

    fn may_reach(&self) -> fn(IpAddr) -> bool {
        match self.options.reach {
            Reach::Public => is_public,
            Reach::Anywhere => |_| true,
        }
    }

    fn login(&self, said: Said<'_>, address: &str) -> Result<Login, AccountFault> {
        let user = said.properties.get("user").map_or(address, String::as_str).to_owned();
        let secret = |name: &str| said.secrets.get(name).cloned();
        if let Some(password) = secret(PASSWORD) {
            return Ok(Login::Password { user, password });
        }
        let Some(refresh_token) = secret(REFRESH_TOKEN) else {
            return Err(AccountFault::Secret(PASSWORD, "a password or a refresh_token is needed"));
        };
        let client_secret = secret(CLIENT_SECRET)
            .ok_or(AccountFault::Secret(CLIENT_SECRET, "a refresh_token needs the application's secret"))?;
        let client_id = said.properties.get("client_id").cloned();
        let client_id = client_id
            .ok_or(AccountFault::Property("client_id", "a refresh_token needs the application's id"))?;
        let token_url = self.options.token_url.clone();
        let credentials = OAuthCredentials { token_url, client_id, client_secret, refresh_token };
        Ok(Login::OAuth2 { user, tokens: TokenSource::new(credentials, OAuthOptions::default())? })
    }
}

/// Logs in where an account is, for the command line.
///
/// # Errors
/// Why that cannot be done, in words without anything secret.
pub async fn try_out(
    options: &MailOptions,
    account: &ProviderAccount,
    secrets: &BTreeMap<String, Secret>,
) -> Result<(), String> {
    let servers = MailServers::new(options.clone());
    let said = Said { properties: &account.properties, secrets };
    if account.kind == SMTP {
        let sending = servers.sending(said).map_err(|fault| fault.to_string())?;
        return sending.sender.check().await.map_err(|cause| cause.to_string());
    }
    let fetching = servers.fetching(said, "check".to_owned()).map_err(|fault| fault.to_string())?;
    let checked = Poller::check(fetching.account, &servers.fetch_options()).await;
    checked.map_err(|fault| fault.to_string())?.map_err(|trouble| trouble.to_string())
}

/// The secrets of an account that is open, by their names.
pub(crate) fn secrets_of(account: &Account) -> BTreeMap<String, Secret> {
    account.secrets.iter().map(|(name, opened)| (name.clone(), opened.current.clone())).collect()
}

fn server(said: Said<'_>, port: u16, security: Security) -> Result<Server, AccountFault> {
    let property = |name: &str| said.properties.get(name).map(|value| value.trim());
    let host = property("host").filter(|host| !host.is_empty());
    let host = host.ok_or(AccountFault::Property("host", "the server's name is needed"))?.to_owned();
    let port = match property("port") {
        None => port,
        Some(text) => match text.parse() {
            Ok(port) if port != 0 => port,
            Ok(_) | Err(_) => return Err(AccountFault::Property("port", "it must be a port")),
        },
    };
    let security = match property("security") {
        None if port == 465 => Security::Tls,
        None => security,
        Some("tls") => Security::Tls,
        Some("starttls") => Security::StartTls,
        Some("plain") => Security::Plain,
        Some(_) => return Err(AccountFault::Property("security", "it must be tls, starttls or plain")),
    };
    Ok(Server { host, port, security })
}

fn address(said: Said<'_>, name: &'static str) -> Result<Option<EmailAddress>, AccountFault> {
    let parse = |text: &String| {
        EmailAddress::parse(text.trim())
            .map_err(|_| AccountFault::Property(name, "it must be an email address"))
    };
    said.properties.get(name).map(parse).transpose()
}

fn dkim(said: Said<'_>, from: &EmailAddress) -> Result<Option<DkimKey>, AccountFault> {
    let Some(key) = said.secrets.get(DKIM_KEY) else { return Ok(None) };
    let selector = said.properties.get("dkim_selector");
    let selector =
        selector.ok_or(AccountFault::Property("dkim_selector", "a dkim_key needs its selector"))?;
    let domain = said.properties.get("dkim_domain").map_or(from.domain(), String::as_str);
    Ok(Some(DkimKey::from_pem(domain, selector, key)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of<T: Clone>(pairs: &[(&str, T)]) -> BTreeMap<String, T> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    }

    fn fault(properties: &[(&str, &str)], secrets: &[(&str, &str)]) -> String {
        let properties: Vec<_> =
            properties.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let secrets: Vec<_> = secrets.iter().map(|(name, value)| (*name, Secret::new(value))).collect();
        let (properties, secrets) = (of(&properties), of(&secrets));
        let said = Said { properties: &properties, secrets: &secrets };
        MailServers::new(MailOptions::default())
            .sending(said)
            .map_or_else(|fault| fault.pointer(), |_| String::new())
    }

    #[test]
    fn what_an_account_for_mail_lacks_is_named() {
        let whole = [("host", "mail.example.com"), ("from", "shop@example.com"), ("user", "shop")];
        let password = [(PASSWORD, "secret")];
        assert_eq!(fault(&whole, &password), "");
        assert_eq!(fault(&whole[1..], &password), "/properties/host");
        assert_eq!(fault(&whole[..1], &password), "/properties/from");
        assert_eq!(fault(&whole, &[]), "/secrets/password");
        assert_eq!(fault(&whole, &[(REFRESH_TOKEN, "x")]), "/secrets/client_secret");
        assert_eq!(fault(&whole, &[(REFRESH_TOKEN, "x"), (CLIENT_SECRET, "x")]), "/properties/client_id");
        assert_eq!(
            fault(&[&whole[..], &[("security", "plain")]].concat(), &password),
            "/properties/security"
        );
        assert_eq!(fault(&[&whole[..], &[("port", "0")]].concat(), &password), "/properties/port");
        let signed = [(PASSWORD, "secret"), (DKIM_KEY, "no key")];
        assert_eq!(fault(&whole, &signed), "/properties/dkim_selector");
        assert_eq!(fault(&[&whole[..], &[("dkim_selector", "a")]].concat(), &signed), "/secrets/dkim_key");
    }
}
