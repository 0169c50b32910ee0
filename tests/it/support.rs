//! A rehearsal in virtual time, in a folder of its own; and the wait for what comes about in its own time.

use fixtures::{call::Fixture, sandbox::SandboxOptions, virtual_time};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use tandem::{
    config::Config,
    rehearsal::{Performance, Rehearsal, sandbox_options},
};

/// Bound of every wait for an effect: far beyond what a busy machine needs, so that only what never comes about runs into it.
const SOON: Duration = Duration::from_secs(120);
/// How long until one looks again.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A folder that goes with its test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("tandem-it-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Left behind is only what the system clears away by itself.
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// Plays a recorded call through the whole product, in virtual time.
pub(crate) fn play(name: &str) -> (Performance, Folder) {
    play_with(name, sandbox_options(), |_| {})
}

/// The same with a sandbox and a configuration of one's own.
pub(crate) fn play_with(
    name: &str,
    sandbox: SandboxOptions,
    tune: impl FnOnce(&mut Config),
) -> (Performance, Folder) {
    let fixture = Fixture::named(name).unwrap();
    let folder = Folder::new();
    let performance = virtual_time::run(async {
        let rehearsal = Rehearsal::start(sandbox, &fixture, folder.path(), tune).await.unwrap();
        let mut carrier = rehearsal.carrier_options();
        carrier.keep_audio = true;
        let performance = rehearsal.call(&fixture, carrier, |_| {}).await.unwrap();
        rehearsal.end().await.unwrap();
        performance
    });
    (performance, folder)
}

/// Looks until there is something to see. For effects that nothing tells of: of another process, of a file, of what only the public API
/// shows. Whatever can be awaited is awaited instead.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(look: impl Fn() -> F, what: &str) -> T {
    let found = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    tokio::time::timeout(SOON, found).await.unwrap_or_else(|_| panic!("there is never {what}"))
}
