//! One connection to one server: greeting, TLS, login, and messages one after another. Every step says whether the server can have
//! taken the message by then.

use super::{
    EnhancedCode, NotSent, Refusal, SmtpOptions, Stage,
    reply::{Failure, one_line},
};
use crate::{
    address::EmailAddress,
    compose::Composed,
    net::{self, Login, Security, Server, SetupError},
    oauth::AccessToken,
};
use base64_simd::STANDARD;
use engine::provider::{Secret, masked};
use lettre::transport::smtp::{
    Error,
    authentication::Mechanism,
    client::{AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters},
    commands::{Data, Mail, Rcpt, Rset},
    extension::ClientId,
    response::Response,
};
use std::{fmt, time::Duration};
use tokio::time::{Instant, timeout};

/// Where messages go, and how.
pub(super) struct Target {
    server: Server,
    login: Login,
    pub(super) options: SmtpOptions,
    tls: TlsParameters,
}

impl Target {
    pub(super) fn new(server: Server, login: Login, options: SmtpOptions) -> Result<Self, SetupError> {
        net::check(&server, &login)?;
        if options.hello.is_empty() || !options.hello.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(SetupError::Host(options.hello));
        }
        let mut tls =
            TlsParameters::builder(server.host.clone()).certificate_store(CertificateStore::WebpkiRoots);
        for certificate in net::certificates(options.extra_roots.as_deref())? {
            let certificate = Certificate::from_der(certificate.to_vec());
            tls = tls.add_root_certificate(certificate.map_err(|_| SetupError::Certificates)?);
        }
        let tls = tls.build().map_err(|_| SetupError::Certificates)?;
        Ok(Self { server, login, options, tls })
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({}:{})", self.server.host, self.server.port)
    }
}

/// What went wrong with a message on a connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The server said no.
    Refused(Refusal),
    /// It cannot have taken it.
    Lost(String),
    /// It may have taken it.
    LostAfterMessage(String),
}

/// A connection that is logged in.
pub(super) struct Connection {
    smtp: AsyncSmtpConnection,
    command: Duration,
    message: Duration,
    /// Messages that were sent on it.
    pub(super) uses: u32,
    /// It was in the pool: the server may have closed it since.
    pub(super) was_kept: bool,
    /// Since when nothing was done with it.
    pub(super) idle_since: Instant,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connection({} uses)", self.uses)
    }
}

impl Connection {
    /// Connects and logs in.
    pub(super) async fn open(target: &Target) -> Result<Self, NotSent> {
        let token = match &target.login {
            Login::OAuth2 { tokens, .. } => Some(tokens.token().await?),
            Login::Nobody | Login::Password { .. } => None,
        };
        match (Self::open_with(target, token.as_ref()).await, token, &target.login) {
            // The token may have been revoked before its end.
            (Err(NotSent::Login(_)), Some(refused), Login::OAuth2 { tokens, .. }) => {
                let token = tokens.renewed(&refused).await?;
                Self::open_with(target, Some(&token)).await
            }
            (outcome, _, _) => outcome,
        }
    }

    async fn open_with(target: &Target, token: Option<&AccessToken>) -> Result<Self, NotSent> {
        let options = &target.options;
        let addresses = net::resolve(&target.server, options.may_reach, options.connect)
            .await
            .map_err(|error| NotSent::Unreachable(error.to_string()))?;
        let hello = ClientId::Domain(options.hello.clone());
        let implicit = (target.server.security == Security::Tls).then(|| target.tls.clone());
        let opening = async {
            let mut last = NotSent::Unreachable("no address".to_owned());
            for address in addresses {
                let connected = AsyncSmtpConnection::connect_tokio1(
                    address,
                    Some(options.connect),
                    &hello,
                    implicit.clone(),
                    None,
                );
                match connected.await {
                    Ok(smtp) => return Ok(smtp),
                    Err(error) => last = unreachable(error),
                }
            }
            Err(last)
        };
        let late = |_| NotSent::Unreachable(format!("no greeting within {:?}", options.greeting));
        let mut smtp = timeout(options.greeting, opening).await.map_err(late)??;
        let entering = async {
            if target.server.security == Security::StartTls {
                if !smtp.can_starttls() {
                    return Err(NotSent::NotOffered("STARTTLS"));
                }
                smtp.starttls(target.tls.clone(), &hello).await.map_err(unreachable)?;
            }
            log_in(&mut smtp, &target.login, token).await
        };
        timeout(options.greeting, entering)
            .await
            .map_err(|_| NotSent::Unreachable(format!("no login within {:?}", options.greeting)))??;
        Ok(Self {
            smtp,
            command: options.command,
            message: options.message,
            uses: 0,
            was_kept: false,
            idle_since: Instant::now(),
        })
    }

    /// Sends one message and gives the server's last words.
    pub(super) async fn send(&mut self, message: &Composed) -> Result<String, Fault> {
        let from = address(&message.envelope_from)?;
        self.command(Mail::new(Some(from), Vec::new()), Stage::Sender, None, &[250]).await?;
        for to in &message.envelope_to {
            let recipient = Rcpt::new(address(to)?, Vec::new());
            self.command(recipient, Stage::Recipient, Some(to), &[250, 251]).await?;
        }
        self.command(Data, Stage::Data, None, &[354]).await?;
        // The line end before the closing dot is the message's own.
        let bytes = message.bytes.strip_suffix(b"\r\n").unwrap_or(&message.bytes);
        let unknown = |cause: String| Fault::LostAfterMessage(cause);
        let sent = timeout(self.message, self.smtp.message(bytes)).await;
        let sent =
            sent.map_err(|_| unknown(format!("no answer within {:?} after the message", self.message)))?;
        self.uses += 1;
        match sent.map_err(Failure::from) {
            Ok(reply) if reply.has_code(250) => Ok(words(&reply)),
            Ok(reply) => Err(unknown(format!("an answer {} to the message", reply.code()))),
            Err(Failure::No { code, text }) => Err(Fault::Refused(refusal(Stage::Message, None, code, text))),
            Err(Failure::Lost(cause)) => Err(unknown(cause)),
        }
    }

    async fn command(
        &mut self,
        command: impl fmt::Display,
        stage: Stage,
        recipient: Option<&EmailAddress>,
        expected: &[u16],
    ) -> Result<(), Fault> {
        let reply = timeout(self.command, self.smtp.command(command)).await;
        let reply = reply.map_err(|_| Fault::Lost(format!("no answer within {:?}", self.command)))?;
        match reply.map_err(Failure::from) {
            Ok(reply) if expected.iter().any(|code| reply.has_code(*code)) => Ok(()),
            // Out of step: what comes next would be the answer to something else.
            Ok(reply) => Err(Fault::Lost(format!("an unexpected answer {}", reply.code()))),
            Err(Failure::No { code, text }) => Err(Fault::Refused(refusal(stage, recipient, code, text))),
            Err(Failure::Lost(cause)) => Err(Fault::Lost(cause)),
        }
    }

    /// Makes it ready for another message after a no; says whether it is.
    pub(super) async fn reset(&mut self) -> bool {
        matches!(timeout(self.command, self.smtp.command(Rset)).await, Ok(Ok(reply)) if reply.has_code(250))
    }

    /// Says goodbye; whether anybody hears it does not matter.
    pub(super) async fn quit(mut self) {
        if timeout(self.command.min(Duration::from_secs(2)), self.smtp.quit()).await.is_err() {
            tracing::debug!("a mail server did not answer the goodbye");
        }
    }
}

async fn log_in(
    smtp: &mut AsyncSmtpConnection,
    login: &Login,
    token: Option<&AccessToken>,
) -> Result<(), NotSent> {
    let offers = |mechanism| smtp.server_info().supports_auth_mechanism(mechanism);
    match (login, token) {
        (Login::Nobody, _) => Ok(()),
        (Login::Password { user, password }, _) => {
            if offers(Mechanism::Plain) {
                let both = STANDARD.encode_to_string(format!("\0{user}\0{}", password.reveal()));
                return authenticated(smtp.command(format!("AUTH PLAIN {both}\r\n")).await, password);
            }
            if !offers(Mechanism::Login) {
                return Err(NotSent::NotOffered("a login with a password"));
            }
            for answer in ["AUTH LOGIN".to_owned(), STANDARD.encode_to_string(user)] {
                let reply = smtp.command(format!("{answer}\r\n")).await;
                if !matches!(&reply, Ok(reply) if reply.has_code(334)) {
                    return authenticated(reply, password);
                }
            }
            let secret = STANDARD.encode_to_string(password.reveal());
            authenticated(smtp.command(format!("{secret}\r\n")).await, password)
        }
        (Login::OAuth2 { user, .. }, Some(token)) => {
            if !offers(Mechanism::Xoauth2) {
                return Err(NotSent::NotOffered("a login with an access token"));
            }
            let both = STANDARD.encode_to_string(net::xoauth2(user, token.secret()));
            let mut reply = smtp.command(format!("AUTH XOAUTH2 {both}\r\n")).await;
            if matches!(&reply, Ok(reply) if reply.has_code(334)) {
                // The reason of a refusal, which has to be answered before the refusal itself comes.
                reply = smtp.command("\r\n").await;
            }
            authenticated(reply, token.secret())
        }
        (Login::OAuth2 { .. }, None) => Err(NotSent::NotOffered("a login without an access token")),
    }
}

/// Whether the answer to a login is a yes. A temporary no (454) is no verdict on the credentials.
fn authenticated(reply: Result<Response, Error>, secret: &Secret) -> Result<(), NotSent> {
    match reply.map_err(Failure::from) {
        Ok(reply) if reply.has_code(235) => Ok(()),
        Ok(reply) => Err(NotSent::Unreachable(format!("an unexpected answer {} to the login", reply.code()))),
        Err(Failure::No { code, text }) => {
            let said = masked(&format!("{code} {text}"), secret);
            Err(if code < 500 { NotSent::Unreachable(said) } else { NotSent::Login(said) })
        }
        Err(Failure::Lost(cause)) => Err(NotSent::Unreachable(cause)),
    }
}

fn unreachable(error: Error) -> NotSent {
    NotSent::Unreachable(match Failure::from(error) {
        Failure::No { code, text } => format!("{code} {text}"),
        Failure::Lost(cause) => cause,
    })
}

fn refusal(stage: Stage, recipient: Option<&EmailAddress>, code: u16, text: String) -> Refusal {
    let enhanced = EnhancedCode::at_start_of(&text);
    Refusal { temporary: code < 500, stage, recipient: recipient.cloned(), code, enhanced, text }
}

fn address(address: &EmailAddress) -> Result<lettre::Address, Fault> {
    lettre::Address::new(address.local_part(), address.domain())
        .map_err(|error| Fault::Lost(error.to_string()))
}

fn words(reply: &Response) -> String {
    one_line(&reply.message().collect::<Vec<_>>().join(" "))
}
