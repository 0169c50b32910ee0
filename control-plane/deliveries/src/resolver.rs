//! Resolves names for the sender, and refuses those that lead to where a message may not go. The connection is made to the very
//! addresses that were looked at: a name that resolves to something else a moment later changes nothing.

use crate::address::{Reach, is_public};
use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::{
    error::Error,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

/// Most addresses of a name that are tried.
const MOST_ADDRESSES: usize = 8;

/// Knows the addresses of names.
pub trait Lookup: Send + Sync + 'static {
    /// All addresses of a name.
    fn lookup(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// Asks the operating system.
#[derive(Clone, Copy, Debug)]
pub struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// A name resolves to where a message may not go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name leads to an address that is not of the public internet")]
pub struct NotPublic;

impl NotPublic {
    /// Whether this is why something failed, however deep it lies.
    #[must_use]
    pub fn is_behind(error: &(dyn Error + 'static)) -> bool {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if error.is::<Self>() {
                return true;
            }
            cause = error.source();
        }
        false
    }
}

/// The resolver of an HTTP client that is sent to addresses which others have chosen.
#[derive(Clone)]
pub struct GuardedResolver {
    lookup: Arc<dyn Lookup>,
    reach: Reach,
}

impl GuardedResolver {
    /// Resolves with `lookup`, and refuses what is beyond `reach`.
    #[must_use]
    pub fn new(lookup: Arc<dyn Lookup>, reach: Reach) -> Self {
        Self { lookup, reach }
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (found, reach) = (self.lookup.lookup(name.as_str().to_owned()), self.reach);
        Box::pin(async move {
            let found = found.await?;
            // One that is closed among them is reason enough: whoever gives such an answer means harm.
            if reach == Reach::Public && !found.iter().copied().all(is_public) {
                return Err(NotPublic.into());
            }
            // The client puts the port of the URL in the place of 0.
            let addresses = found.into_iter().take(MOST_ADDRESSES).map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(addresses) as Addrs)
        })
    }
}
