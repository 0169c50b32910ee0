//! The bus over a NATS server. While it cannot be reached the node works on alone: it is tried again for ever, and what is said
//! meanwhile is refused or lost, which nobody relies on.

use crate::{Bus, BusError, BusFuture, Heard, QUEUE, Subscription, check_length, hand};
use async_nats::{Client, ConnectOptions, Event, ServerAddr, client::RequestErrorKind};
use bytes::Bytes;
use engine::provider::{AbortOnDrop, Secret};
use futures_util::StreamExt as _;
use std::time::Duration;
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};
use tracing::{info, warn};
use url::Url;

/// Whether the server is reached, as a gauge.
const CONNECTED: &str = "tandem_bus_connected";

/// Where nobody listens.
const NOBODY: &str = "tandem.nobody";

/// How the server is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NatsOptions {
    /// How long connecting may take. Default 5 s.
    pub connect: Duration,
    /// How often the server is asked whether it is there. Default 5 s: two that go unanswered end the connection.
    pub ping: Duration,
    /// Messages that wait to be sent. Default 2,048.
    pub queue: usize,
    /// How long subscribing may take. Default 2 s.
    pub subscribe: Duration,
    /// How long whoever is asked has to answer; nobody waits longer. Default 10 s.
    pub answer: Duration,
}

impl Default for NatsOptions {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            ping: Duration::from_secs(5),
            queue: 2_048,
            subscribe: Duration::from_secs(2),
            answer: Duration::from_secs(10),
        }
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub struct NatsBus {
    client: Client,
    options: NatsOptions,
}

impl NatsBus {
    /// Begins to connect to `url` (`nats://user:password@host:4222`, or `tls://…`), several with commas between them. It is not
    /// waited for: a node serves without its bus.
    ///
    /// # Errors
    /// When the address is none.
    pub async fn connect(url: &Secret, options: NatsOptions) -> Result<Self, BusError> {
        let (servers, user) = servers(url.reveal())?;
        metrics::gauge!(CONNECTED).set(0);
        let connect = ConnectOptions::new()
            .name("tandem")
            .retry_on_initial_connect()
            .connection_timeout(options.connect)
            .ping_interval(options.ping)
            .client_capacity(options.queue)
            .subscription_capacity(QUEUE)
            .event_callback(|event| async move { note(&event) });
        let connect = match user {
            Some((user, Some(password))) => connect.user_and_password(user, password),
            Some((token, None)) => connect.token(token),
            None => connect,
        };
        // The error may show the address, and the address the password.
        let client = connect
            .connect(servers)
            .await
            .map_err(|error| BusError::Down(format!("connecting failed ({})", error.kind())))?;
        Ok(Self { client, options })
    }
}

type User = (String, Option<String>);

/// The servers of an address without who asks, and who that is: the same at all of them. A user without a password is a token.
fn servers(text: &str) -> Result<(Vec<ServerAddr>, Option<User>), BusError> {
    let invalid = || BusError::Down("its address is none, such as nats://host:4222".to_owned());
    let (mut servers, mut user) = (Vec::new(), None);
    for address in text.split(',') {
        let mut address = Url::parse(address.trim()).map_err(|_| invalid())?;
        if !matches!(address.scheme(), "nats" | "tls") || !address.has_host() {
            return Err(invalid());
        }
        if !address.username().is_empty() {
            user.get_or_insert((decoded(address.username()), address.password().map(decoded)));
        }
        address.set_username("").and_then(|()| address.set_password(None)).map_err(|()| invalid())?;
        servers.push(ServerAddr::from_url(address).map_err(|_| invalid())?);
    }
    Ok((servers, user))
}

/// Whether [`NatsBus::connect`] takes this address.
#[must_use]
pub fn is_nats(text: &str) -> bool {
    servers(text).is_ok()
}

/// What stands for bytes that an address cannot hold, as `%40` for `@`, is read back.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, others @ ..] = rest {
        let hex = others.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &others[2..];
            }
            None => {
                bytes.push(*first);
                rest = others;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn note(event: &Event) {
    match event {
        Event::Connected => {
            metrics::gauge!(CONNECTED).set(1);
            info!("the bus is connected");
        }
        Event::Disconnected | Event::Closed => {
            metrics::gauge!(CONNECTED).set(0);
            warn!("the bus is not connected; this node works on alone until it is");
        }
        Event::SlowConsumer(_) => metrics::counter!(crate::DROPPED).increment(1),
        other => info!(event = %other, "the bus says something"),
    }
}

fn down(error: impl std::fmt::Display) -> BusError {
    BusError::Down(error.to_string())
}

impl Bus for NatsBus {
    fn is_shared(&self) -> bool {
        true
    }

    fn publish<'a>(&'a self, subject: &'a str, message: Bytes) -> BusFuture<'a, ()> {
        Box::pin(async move {
            check_length(&message)?;
            let published = self.client.publish(subject.to_owned(), message);
            // Waits only while the queue is full, which it stays without a server.
            timeout(self.options.subscribe, published).await.map_err(|_| BusError::TimedOut)?.map_err(down)
        })
    }

    fn request<'a>(&'a self, subject: &'a str, message: Bytes, within: Duration) -> BusFuture<'a, Bytes> {
        Box::pin(async move {
            check_length(&message)?;
            let request = async_nats::Request::new().payload(message).timeout(Some(within));
            let asked = timeout(within, self.client.send_request(subject.to_owned(), request));
            match asked.await.map_err(|_| BusError::TimedOut)? {
                Ok(answer) => Ok(answer.payload),
                Err(error) => Err(match error.kind() {
                    RequestErrorKind::NoResponders => BusError::Nobody,
                    RequestErrorKind::TimedOut => BusError::TimedOut,
                    _ => down(error),
                }),
            }
        })
    }

    fn subscribe<'a>(&'a self, subject: &'a str) -> BusFuture<'a, Subscription> {
        Box::pin(async move {
            let subscribing = async {
                let subscriber = self.client.subscribe(subject.to_owned()).await.map_err(down)?;
                Ok(subscriber)
            };
            let subscribed = timeout(self.options.subscribe, subscribing).await;
            let mut subscriber = subscribed.map_err(|_| BusError::TimedOut)??;
            // The server has it once it answers what was sent after it: that nobody listens there. Where it does not answer, it is
            // told of the subscription when it is reached again.
            match self.request(NOBODY, Bytes::new(), self.options.subscribe).await {
                Ok(_) | Err(BusError::Nobody) => {}
                Err(error) => {
                    warn!(%error, subject, "the bus does not serve; it is listened there as soon as it does")
                }
            }
            let (to, messages) = mpsc::channel(QUEUE);
            let (client, within) = (self.client.clone(), self.options.answer);
            let keeps = tokio::spawn(async move {
                while let Some(message) = subscriber.next().await {
                    let answer = message.reply.map(|reply| answer_to(&client, reply, within));
                    if !hand(&to, Heard { message: message.payload, answer }) {
                        return;
                    }
                }
            });
            Ok(Subscription { messages, _keeps: Some(AbortOnDrop(keeps)) })
        })
    }
}

/// Where the answer goes to somebody at another node.
fn answer_to(client: &Client, reply: async_nats::Subject, within: Duration) -> oneshot::Sender<Bytes> {
    let (to, answer) = oneshot::channel();
    let client = client.clone();
    tokio::spawn(async move {
        let Ok(Ok(answer)) = timeout(within, answer).await else { return };
        if let Err(error) = client.publish(reply, answer).await {
            warn!(error = &error as &dyn std::error::Error, "an answer could not be given over the bus");
        }
    });
    to
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_servers_and_who_asks() {
        let (all, user) = servers("nats://ann:p%40ss@one:4222, nats://two").unwrap();
        assert_eq!(all.len(), 2);
        assert_eq!(user, Some(("ann".to_owned(), Some("p@ss".to_owned()))));
        assert!(all.iter().all(|server| server.username().is_none()), "it is shown in no log");
        assert_eq!(servers("tls://secret@host").unwrap().1, Some(("secret".to_owned(), None)));
        for bad in ["", "host:4222", "http://host", "nats://", "nats://one,two"] {
            assert!(!is_nats(bad), "{bad}");
        }
    }
}
