//! What happened is kept for a while, so that whoever follows can come back, and then forgotten.

use crate::{clock::now_us, streams::StreamOptions};
use store::{StoreError, TenantStore};

/// Events that are put in order or deleted at once: SQLite serves one writer, and nobody is to wait for this one.
const PORTION: u16 = 500;

/// Deletes events that are older than is kept. Those that nobody has followed get their places first, so that whoever comes back
/// later is told that something is missing.
pub(super) async fn forget(part: &dyn TenantStore, options: &StreamOptions) -> Result<(), StoreError> {
    let kept = i64::try_from(options.kept.as_micros()).unwrap_or(i64::MAX);
    let mut placed = part.place_events(PORTION).await?;
    loop {
        let last = part.place_events(PORTION).await?;
        if last == placed {
            break;
        }
        placed = last;
    }
    while part.forget_events(now_us().saturating_sub(kept), PORTION).await? > 0 {}
    Ok(())
}
