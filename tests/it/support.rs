//! Rehearsals, in virtual time or not, each in a folder of its own.

pub(crate) use fixtures::wait::until;

use fixtures::{
    call::Fixture,
    carrier::CarrierEvent,
    sandbox::{Event, SandboxOptions, Service},
    virtual_time,
};
use std::path::{Path, PathBuf};
use tandem::{
    config::Config,
    rehearsal::{Performance, Rehearsal, sandbox_options},
};
use tokio::sync::oneshot;

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

/// Calls a server of a rehearsal, and does something once the call has its stream.
pub(crate) async fn call_and<T>(
    rehearsal: &Rehearsal,
    fixture: &Fixture,
    act: impl Future<Output = T>,
) -> (Performance, T) {
    let (started, streaming) = oneshot::channel();
    let mut started = Some(started);
    let call = rehearsal.call(fixture, rehearsal.carrier_options(), |event| {
        if matches!(event, CarrierEvent::StreamStarted { .. })
            && let Some(started) = started.take()
        {
            started.send(()).unwrap();
        }
    });
    let acting = async {
        streaming.await.unwrap();
        act.await
    };
    let (performance, came) = tokio::join!(call, acting);
    (performance.unwrap(), came)
}

/// Waits until the voice is to say something with these words.
pub(crate) async fn until_said(rehearsal: &Rehearsal, words: &str) {
    let is_said = async || {
        let all = rehearsal.sandbox.log().of(Service::Elevenlabs);
        let said = |event: &Event| matches!(event, Event::Text { text, .. } if text.contains(words));
        all.iter().any(|entry| said(&entry.event)).then_some(())
    };
    until(is_said, words).await;
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
