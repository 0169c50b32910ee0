//! How the nodes of one installation speak with each other.

use super::{Config, Origin, Problem};
use engine::provider::Secret;
use serde::Deserialize;

/// How the nodes of one installation speak with each other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bus {
    /// A NATS server, `nats://user:password@host:4222`, or several with commas between them. Unset: there is one node, or the nodes do
    /// not speak with each other.
    pub url: Option<Secret>,
}

fn problem(wrong: &str, write: &str) -> Problem {
    let (key, wrong, write) = ("bus.url".to_owned(), wrong.to_owned(), write.to_owned());
    Problem { key, wrong, write, origin: Origin::Unset }
}

/// What cannot be used of it.
pub(super) fn problems(config: &Config) -> Vec<Problem> {
    let Some(url) = &config.bus.url else { return Vec::new() };
    let mut found = Vec::new();
    if !::bus::is_nats(url.reveal()) {
        found.push(problem(
            "is no address of a NATS server",
            "write nats://host:4222 or tls://user:password@host:4222, or take the line out",
        ));
    }
    if config.store.url.is_none() {
        found.push(problem(
            "needs a database that several nodes share",
            "write store.url as well, or take the line out",
        ));
    }
    found
}
