//! How a mail server is reached: where it is, whether the way is private, and who we are there.
//!
//! Without TLS nothing goes farther than the own machine, whatever is configured.

use crate::oauth::TokenSource;
use engine::provider::Secret;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::{
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// Longest host name, in bytes.
const LONGEST_HOST: usize = 253;

/// A server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its name, which its certificate has to bear; or an address.
    pub host: String,
    /// 587 (`StartTls`) or 465 (`Tls`) for sending, 993 (`Tls`) for fetching.
    pub port: u16,
    /// How the way there is kept private.
    pub security: Security,
}

/// How the way to a server is kept private.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte.
    Tls,
    /// TLS after a first exchange; a server that does not offer it is not used. For sending only.
    StartTls,
    /// Not at all: only to an address of the own machine.
    Plain,
}

/// As whom we come.
#[derive(Clone, Debug)]
pub enum Login {
    /// As nobody: a relay that knows us by our address.
    Nobody,
    /// With a password.
    Password {
        /// The account, mostly its address.
        user: String,
        /// Its password.
        password: Secret,
    },
    /// With an access token (XOAUTH2).
    OAuth2 {
        /// The account's address.
        user: String,
        /// Where tokens come from.
        tokens: TokenSource,
    },
}

impl Login {
    pub(crate) fn user(&self) -> &str {
        match self {
            Self::Nobody => "",
            Self::Password { user, .. } | Self::OAuth2 { user, .. } => user,
        }
    }
}

/// Why a server cannot be used as it is configured.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// No name and no address.
    #[error("`{0}` is no host name and no address")]
    Host(String),
    /// Not PEM with certificates.
    #[error("the additional certificates are not certificates in PEM")]
    Certificates,
    /// The way there is not private, and it is not the own machine.
    #[error("without TLS only a server on the own machine is used")]
    PlainToElsewhere,
    /// Mailboxes are fetched over TLS from the first byte.
    #[error("a mailbox is reached with TLS from the first byte, not with STARTTLS")]
    StartTlsForMailbox,
    /// A line break or another control character in a user name or password.
    #[error("the user name or the password has a control character")]
    Login,
    /// TLS is not there.
    #[error("failed to set up TLS")]
    Tls(#[source] rustls::Error),
}

/// Checks a server's settings as far as they can be without asking it.
pub(crate) fn check(server: &Server, login: &Login) -> Result<ServerName<'static>, SetupError> {
    let wrong = || SetupError::Host(server.host.chars().take(LONGEST_HOST).collect());
    if server.host.len() > LONGEST_HOST {
        return Err(wrong());
    }
    let name = ServerName::try_from(server.host.clone()).map_err(|_| wrong())?;
    if server.security == Security::Plain && !may_be_here(&server.host) {
        return Err(SetupError::PlainToElsewhere);
    }
    let clean = |text: &str| !text.chars().any(char::is_control);
    let secret = match login {
        Login::Password { password, .. } => password.reveal(),
        Login::Nobody | Login::OAuth2 { .. } => "",
    };
    if clean(login.user()) && clean(secret) { Ok(name) } else { Err(SetupError::Login) }
}

/// Whether a host can be the own machine. What it resolves to is checked again before anything is sent.
fn may_be_here(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The public web's certificates and those that are given (PEM).
pub(crate) fn tls_config(extra_roots: Option<&str>) -> Result<ClientConfig, SetupError> {
    let mut roots = RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    for certificate in certificates(extra_roots)? {
        roots.add(certificate).map_err(|_| SetupError::Certificates)?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(SetupError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

pub(crate) fn certificates(pem: Option<&str>) -> Result<Vec<CertificateDer<'static>>, SetupError> {
    let Some(pem) = pem else { return Ok(Vec::new()) };
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    found.ok().filter(|found| !found.is_empty()).ok_or(SetupError::Certificates)
}

/// Which addresses may be spoken to; `deliveries::is_public` for what a tenant configures.
pub(crate) type MayReach = fn(IpAddr) -> bool;

/// The addresses of a server that may be spoken to.
pub(crate) async fn resolve(
    server: &Server,
    may_reach: MayReach,
    limit: Duration,
) -> io::Result<Vec<SocketAddr>> {
    let found = timeout(limit, lookup_host((server.host.as_str(), server.port)))
        .await
        .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "the name was not resolved in time"))??;
    let allowed = |address: &SocketAddr| match server.security {
        Security::Plain => address.ip().is_loopback(),
        Security::Tls | Security::StartTls => may_reach(address.ip()),
    };
    let addresses: Vec<SocketAddr> = found.filter(allowed).collect();
    if addresses.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "the name stands for no address that may be spoken to",
        ));
    }
    Ok(addresses)
}

/// A connection to the first address that answers, each within `limit`.
pub(crate) async fn connect(addresses: &[SocketAddr], limit: Duration) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "no address");
    for address in addresses {
        match timeout(limit, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Ok(Err(error)) => last = error,
            Err(_) => last = io::Error::new(io::ErrorKind::TimedOut, "no connection in time"),
        }
    }
    Err(last)
}

/// TLS on a connection.
pub(crate) async fn secure(
    stream: TcpStream,
    config: &Arc<ClientConfig>,
    name: &ServerName<'static>,
    limit: Duration,
) -> io::Result<TlsStream<TcpStream>> {
    timeout(limit, TlsConnector::from(config.clone()).connect(name.clone(), stream))
        .await
        .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "no TLS in time"))?
}

/// What both directions say to log in with a token, not yet in base64.
pub(crate) fn xoauth2(user: &str, token: &Secret) -> String {
    format!("user={user}\x01auth=Bearer {}\x01\x01", token.reveal())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(host: &str, security: Security) -> Server {
        Server { host: host.to_owned(), port: 25, security }
    }

    #[test]
    fn without_tls_only_the_own_machine_is_reached() {
        for host in ["localhost", "127.0.0.1", "127.1.2.3", "::1"] {
            assert!(check(&server(host, Security::Plain), &Login::Nobody).is_ok(), "{host}");
        }
        for host in ["mail.example.com", "192.0.2.1", "localhost.example.com"] {
            let refused = check(&server(host, Security::Plain), &Login::Nobody);
            assert!(matches!(refused, Err(SetupError::PlainToElsewhere)), "{host}");
        }
    }

    #[test]
    fn a_password_cannot_carry_a_command() {
        let login = |user: &str, password: &str| Login::Password {
            user: user.to_owned(),
            password: Secret::new(password),
        };
        let there = server("mail.example.com", Security::Tls);
        assert!(check(&there, &login("a@example.com", "päss word\"\\")).is_ok());
        assert!(matches!(check(&there, &login("a\r\nb", "c")), Err(SetupError::Login)));
        assert!(matches!(check(&there, &login("a", "b\r\nc")), Err(SetupError::Login)));
    }

    #[tokio::test]
    async fn an_address_that_may_not_be_reached_is_not_spoken_to() {
        let there = server("127.0.0.1", Security::Tls);
        let refused = resolve(&there, |address| !address.is_loopback(), Duration::from_secs(5)).await;
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(resolve(&there, |_| true, Duration::from_secs(5)).await.unwrap().len(), 1);
    }
}
