//! How customers' servers are told what happens.

use serde::Deserialize;

/// How customers' servers are told what happens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Webhooks {
    /// Whether they, and the tools of stored assistants, may be in the own network, and without TLS. For trying out on one machine
    /// only: whoever may set up an endpoint or a tool can then make this server speak to any other that it reaches.
    pub allow_own_network: bool,
}
