//! Whose word is taken for the address that a request comes from.

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, de::Error as _};
use std::net::IpAddr;

/// Most proxies between a client and this server that are looked at.
const MOST_HOPS: usize = 16;

/// The proxies before this server. What they say in `X-Forwarded-For` is believed; what anybody else says there is not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl<'de> Deserialize<'de> for TrustedProxies {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let network = |text: &String| text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).ok();
        let texts = Vec::<String>::deserialize(deserializer)?;
        let networks = texts.iter().map(network).collect::<Option<Vec<_>>>();
        networks.map(Self).ok_or_else(|| {
            D::Error::custom("a proxy is an address or a network, such as 127.0.0.1 or 10.0.0.0/8")
        })
    }
}

impl TrustedProxies {
    /// From where a request comes that `peer` has sent, with the lines of its `X-Forwarded-For`.
    ///
    /// Every proxy adds at the end from whom it has the request. So the list is read from its end, for as long as the one that
    /// said so is trusted: whatever a client wrote there itself comes before that, and is never reached. An entry that is no
    /// address ends it too.
    #[must_use]
    pub fn client<'a>(&self, peer: IpAddr, forwarded: impl DoubleEndedIterator<Item = &'a str>) -> IpAddr {
        let mut client = peer.to_canonical();
        let entries = forwarded.rev().flat_map(|line| line.rsplit(','));
        for entry in entries.take(MOST_HOPS) {
            if !self.trusts(client) {
                break;
            }
            let Some(before) = address(entry) else { break };
            client = before;
        }
        client
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// An address, with a port or without; of IPv6 in brackets or without.
fn address(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim();
    let bare = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(entry);
    let with_port = || entry.parse::<std::net::SocketAddr>().ok().map(|address| address.ip());
    bare.parse().ok().or_else(with_port).map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn client(trusted: &[&str], peer: &str, forwarded: &[&str]) -> String {
        let proxies = TrustedProxies::deserialize(serde_json::json!(trusted)).expect("networks");
        proxies.client(peer.parse().expect("an address"), forwarded.iter().copied()).to_string()
    }

    #[test]
    fn nobody_is_believed_unless_they_are_trusted() {
        assert_eq!(client(&[], "127.0.0.1", &["203.0.113.9"]), "127.0.0.1");
        assert_eq!(client(&["10.0.0.0/8"], "203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
        assert_eq!(client(&["10.0.0.0/8"], "10.1.2.3", &[]), "10.1.2.3");
    }

    #[test]
    fn what_the_last_trusted_proxy_says_counts_and_what_the_client_wrote_does_not() {
        let trusted = ["127.0.0.1", "10.0.0.0/8", "2001:db8::/32"];
        for (peer, forwarded, from) in [
            ("127.0.0.1", ["203.0.113.9"].as_slice(), "203.0.113.9"),
            // The client wrote the first ones itself.
            ("127.0.0.1", &["10.9.9.9, 198.51.100.1, 203.0.113.9"], "203.0.113.9"),
            ("127.0.0.1", &["198.51.100.1", "203.0.113.9"], "203.0.113.9"),
            // Through two proxies of ours.
            ("127.0.0.1", &["198.51.100.1, 203.0.113.9, 10.0.0.7"], "203.0.113.9"),
            ("::ffff:127.0.0.1", &["203.0.113.9"], "203.0.113.9"),
            ("127.0.0.1", &["2001:db9::9"], "2001:db9::9"),
            ("127.0.0.1", &["[2001:db9::9]:4711"], "2001:db9::9"),
            ("127.0.0.1", &["203.0.113.9:4711"], "203.0.113.9"),
            ("127.0.0.1", &["::ffff:203.0.113.9"], "203.0.113.9"),
            // What is no address tells of nobody further away.
            ("127.0.0.1", &["203.0.113.9, unknown"], "127.0.0.1"),
            ("127.0.0.1", &[""], "127.0.0.1"),
            ("127.0.0.1", &["203.0.113.9,"], "127.0.0.1"),
            // All are ours: the one that is furthest away.
            ("127.0.0.1", &["10.0.0.8, 10.0.0.7"], "10.0.0.8"),
        ] {
            assert_eq!(client(&trusted, peer, forwarded), from, "{peer} {forwarded:?}");
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for wrong in ["localhost", "10.0.0.0/33", "", "*"] {
            assert!(TrustedProxies::deserialize(serde_json::json!([wrong])).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn whatever_a_client_writes_it_is_known_by_the_address_that_the_proxy_saw(
            written in proptest::collection::vec("[ -~]{0,60}", 0..4), last in "[ -~]{0,60}",
        ) {
            let line = format!("{last}, 203.0.113.9");
            let mut lines: Vec<&str> = written.iter().map(String::as_str).collect();
            lines.push(&line);
            prop_assert_eq!(client(&["127.0.0.1", "10.0.0.0/8"], "127.0.0.1", &lines), "203.0.113.9");
        }
    }
}
