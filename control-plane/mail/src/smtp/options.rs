//! Every timeout and limit of sending.

use std::{net::IpAddr, time::Duration};

/// How mail is sent. The waits are shorter than RFC 5321 4.5.3.2 asks of a relay (5 to 10 minutes): a sender that tries again with the
/// same `Message-ID` can afford to give up earlier.
#[derive(Clone, Debug)]
pub struct SmtpOptions {
    /// Name resolution and TCP, for each address. Default 10 s.
    pub connect: Duration,
    /// The greeting and what follows until the account is logged in. Default 30 s: some servers wait on purpose.
    pub greeting: Duration,
    /// The answer to a command. Default 60 s: some check a recipient elsewhere.
    pub command: Duration,
    /// Sending the message and the answer after it. Default 180 s: filters read it first, and giving up is not knowing.
    pub message: Duration,
    /// Connections at once. Default 4; Gmail allows some ten for an account.
    pub connections: usize,
    /// Longest wait for one of them. Default 60 s.
    pub busy: Duration,
    /// An unused connection is closed after this long. Default 60 s; servers close theirs after some minutes.
    pub idle: Duration,
    /// Messages on one connection. Default 50; servers have limits of about 100.
    pub messages: u32,
    /// How we introduce ourselves: a host name, or an address in brackets. Default `[127.0.0.1]`, which servers for customers take.
    pub hello: String,
    /// Certificates that are trusted besides the public web's, PEM.
    pub extra_roots: Option<String>,
    /// Which addresses may be spoken to. Default: all.
    pub may_reach: fn(IpAddr) -> bool,
}

impl Default for SmtpOptions {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            greeting: Duration::from_secs(30),
            command: Duration::from_secs(60),
            message: Duration::from_secs(180),
            connections: 4,
            busy: Duration::from_secs(60),
            idle: Duration::from_secs(60),
            messages: 50,
            hello: "[127.0.0.1]".to_owned(),
            extra_roots: None,
            may_reach: |_| true,
        }
    }
}
