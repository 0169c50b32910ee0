//! Limits of the directory.

use std::time::Duration;

/// How much the directory keeps, and for how long it is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DirectoryOptions {
    /// For how long a tenant's view is believed before the store is asked what other processes have changed: a change on another
    /// node counts after so long at the latest. Default 2 s: nobody who changes a prompt calls sooner, and it costs one small
    /// question every 2 s, however many tenants there are. Also for how long it is believed that nobody has a number or an
    /// account.
    pub fresh_for: Duration,
    /// Longest wait for what others have changed; then the tenant's own stamp is read. Default 500 ms: it takes one or two, and a
    /// caller waits for it.
    pub hearing: Duration,
    /// For how long the last view is believed while the database does not serve. Default 5 min: calls that are up can be
    /// ended in order, and a token that was taken away is not believed for ever.
    pub believed_for: Duration,
    /// Tenants whose views are kept. Default 10,000.
    pub tenants: usize,
    /// What they may take, in bytes, as far as it is known. Default 256 MiB: a tenant with ten numbers and an assistant
    /// takes some 20 KiB.
    pub bytes: usize,
    /// Numbers and accounts that are remembered with whoever has them, or with nobody. Default 65,536 of each: some 10 MB.
    pub lookups: usize,
    /// Rows of a kind that a view holds. Default 10,000: no tenant has as many numbers.
    pub rows: u16,
}

impl Default for DirectoryOptions {
    fn default() -> Self {
        Self {
            fresh_for: Duration::from_secs(2),
            hearing: Duration::from_millis(500),
            believed_for: Duration::from_secs(300),
            tenants: 10_000,
            bytes: 256 * 1024 * 1024,
            lookups: 65_536,
            rows: 10_000,
        }
    }
}
