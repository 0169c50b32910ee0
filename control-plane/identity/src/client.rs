//! From where a request comes.

use std::net::IpAddr;
use store::{
    ids::UserId,
    model::audit::{Actor, ActorKind},
};

/// Longest name of a program that is kept, in characters.
const LONGEST_USER_AGENT: usize = 200;

/// From where a request comes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// The address.
    pub ip: Option<IpAddr>,
    /// The program's own name for itself.
    pub user_agent: Option<String>,
    /// Tells the request from others.
    pub request_id: Option<String>,
}

impl Client {
    /// The user, at work from here.
    #[must_use]
    pub fn user(&self, user: &UserId) -> Actor {
        self.actor(ActorKind::User, user.as_str())
    }

    /// A part of the program, at work because of a request from here.
    #[must_use]
    pub(crate) fn system(&self, name: &str) -> Actor {
        self.actor(ActorKind::System, name)
    }

    fn actor(&self, kind: ActorKind, id: &str) -> Actor {
        Actor {
            kind,
            id: id.to_owned(),
            ip: self.ip.map(|ip| ip.to_string()),
            request_id: self.request_id.clone(),
        }
    }

    /// The program's name, fit to be kept.
    pub(crate) fn program(&self) -> Option<String> {
        let text = self.user_agent.as_deref()?;
        Some(text.chars().filter(|char| !char.is_control()).take(LONGEST_USER_AGENT).collect())
    }
}
