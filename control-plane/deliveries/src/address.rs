//! Where a message may not go: into the own network, or into any other that is not the public internet. Pure.
//!
//! The lists are the IANA special-purpose address registries (RFC 6890 and its updates), and multicast. Addresses that carry
//! another one inside (mapped, translated, tunnelled) are refused whatever is inside: no public server needs one.

use ipnet::{Ipv4Net, Ipv6Net};
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::LazyLock,
};
use url::{Host, Url};

/// Not the public internet.
const CLOSED_V4: [(Ipv4Addr, u8); 17] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),       // this network
    (Ipv4Addr::new(10, 0, 0, 0), 8),      // private
    (Ipv4Addr::new(100, 64, 0, 0), 10),   // carrier-grade NAT
    (Ipv4Addr::new(127, 0, 0, 0), 8),     // loopback
    (Ipv4Addr::new(169, 254, 0, 0), 16),  // link-local, clouds' metadata
    (Ipv4Addr::new(172, 16, 0, 0), 12),   // private
    (Ipv4Addr::new(192, 0, 0, 0), 24),    // protocol assignments
    (Ipv4Addr::new(192, 0, 2, 0), 24),    // documentation
    (Ipv4Addr::new(192, 31, 196, 0), 24), // AS112
    (Ipv4Addr::new(192, 52, 193, 0), 24), // AMT
    (Ipv4Addr::new(192, 88, 99, 0), 24),  // 6to4 relays
    (Ipv4Addr::new(192, 168, 0, 0), 16),  // private
    (Ipv4Addr::new(192, 175, 48, 0), 24), // AS112
    (Ipv4Addr::new(198, 18, 0, 0), 15),   // benchmarks
    (Ipv4Addr::new(198, 51, 100, 0), 24), // documentation
    (Ipv4Addr::new(203, 0, 113, 0), 24),  // documentation
    (Ipv4Addr::new(224, 0, 0, 0), 3),     // multicast, reserved, broadcast
];

/// All that is public is in here; the rest is not.
const OPEN_V6: (Ipv6Addr, u8) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// Of what is in there, this is not public.
const CLOSED_V6: [(Ipv6Addr, u8); 5] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // Teredo, ORCHID and other protocol assignments
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16), // 6to4
    (Ipv6Addr::new(0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0), 48), // AS112
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documentation
];

struct Nets {
    closed_v4: Vec<Ipv4Net>,
    open_v6: Ipv6Net,
    closed_v6: Vec<Ipv6Net>,
}

static NETS: LazyLock<Nets> = LazyLock::new(|| Nets {
    closed_v4: CLOSED_V4.iter().map(|(address, length)| Ipv4Net::new_assert(*address, *length)).collect(),
    open_v6: Ipv6Net::new_assert(OPEN_V6.0, OPEN_V6.1),
    closed_v6: CLOSED_V6.iter().map(|(address, length)| Ipv6Net::new_assert(*address, *length)).collect(),
});

/// Whether an address is one of the public internet.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    let nets = &*NETS;
    match address {
        IpAddr::V4(address) => !nets.closed_v4.iter().any(|net| net.contains(&address)),
        // Mapped (::ffff:0:0/96), compatible (::/96), NAT64 (64:ff9b::/96, 64:ff9b:1::/48), unique local, link-local, multicast and
        // loopback addresses are outside of what is open.
        IpAddr::V6(address) => {
            nets.open_v6.contains(&address) && !nets.closed_v6.iter().any(|net| net.contains(&address))
        }
    }
}

/// Which addresses may be spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// Those of the public internet, encrypted.
    #[default]
    Public,
    /// All, also without TLS: for tests and for trying out on one machine.
    Anywhere,
}

/// Why an address of an endpoint cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    /// It is no URL.
    #[error("it must be a URL")]
    NotAUrl,
    /// It is not `https`.
    #[error("it must begin with https://")]
    NotEncrypted,
    /// It has a user, a password or a fragment, or no host.
    #[error("it must have a host, and neither user, password nor fragment")]
    Shape,
    /// It names an address that is not of the public internet.
    #[error("it must be an address of the public internet")]
    NotPublic,
}

/// Reads the address of an endpoint. What its name resolves to is looked at when a message is sent.
///
/// # Errors
/// [`BadAddress`].
pub fn check(text: &str, reach: Reach) -> Result<Url, BadAddress> {
    let url = Url::parse(text).map_err(|_| BadAddress::NotAUrl)?;
    match (url.scheme(), reach) {
        ("https", _) | ("http", Reach::Anywhere) => {}
        (_, _) => return Err(BadAddress::NotEncrypted),
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(BadAddress::Shape);
    }
    let is_open = match url.host().ok_or(BadAddress::Shape)? {
        Host::Ipv4(address) => is_public(address.into()),
        Host::Ipv6(address) => is_public(address.into()),
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            !(name.is_empty()
                || name == "localhost"
                || name.ends_with(".localhost")
                || name.ends_with(".internal"))
        }
    };
    if is_open || reach == Reach::Anywhere { Ok(url) } else { Err(BadAddress::NotPublic) }
}

#[cfg(test)]
mod tests;
