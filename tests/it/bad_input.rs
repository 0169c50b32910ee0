//! What strangers and broken carriers send: a clear error or a clean close, no panic, and a call that goes on at the
//! same time in the same server is exactly as it would be without.

mod after_start;
mod before_start;
mod doors;
mod random;
mod rest;
mod secrets;
mod stranger;
mod webhooks;

use crate::support::Folder;
use fixtures::{call::Fixture, virtual_time};
use std::{cell::Cell, sync::Once};
use stranger::Stranger;
use tandem::{
    config::Config,
    rehearsal::{Performance, Rehearsal, sandbox_options},
};

thread_local! {
    /// Panics on this thread: in virtual time everything but the file system's work runs on the test's own.
    static PANICS: Cell<u32> = const { Cell::new(0) };
}

fn panics() -> u32 {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let earlier = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            PANICS.with(|panics| panics.set(panics.get() + 1));
            earlier(panic);
        }));
    });
    PANICS.with(Cell::get)
}

/// The call that must not notice anything: a tool call, answers of several sentences, a recording.
const GOOD_CALL: &str = "order-status";

/// Runs `attack` from the moment at which a recorded call in the same server has its stream.
fn beside_a_good_call(attack: impl AsyncFnOnce(&Stranger<'_>)) -> Folder {
    beside_a_good_call_with(|_| {}, attack)
}

fn beside_a_good_call_with(
    tune: impl FnOnce(&mut Config),
    attack: impl AsyncFnOnce(&Stranger<'_>),
) -> Folder {
    let fixture = Fixture::named(GOOD_CALL).unwrap();
    let folder = Folder::new();
    let panics_before = panics();
    virtual_time::run(async {
        let rehearsal = Rehearsal::start(sandbox_options(), &fixture, folder.path(), tune).await.unwrap();
        let (started, streaming) = tokio::sync::oneshot::channel();
        let mut started = Some(started);
        let good = rehearsal.call(&fixture, rehearsal.carrier_options(), |event| {
            if matches!(event, fixtures::carrier::CarrierEvent::StreamStarted { .. })
                && let Some(started) = started.take()
            {
                started.send(()).unwrap();
            }
        });
        let attacked = async {
            streaming.await.unwrap();
            let stranger = Stranger::new(&rehearsal);
            attack(&stranger).await;
            stranger.all_calls_end().await;
        };
        let (good, ()) = tokio::join!(good, attacked);
        is_untouched(&good.unwrap());
        rehearsal.end().await.unwrap();
    });
    assert_eq!(panics(), panics_before, "something panicked");
    folder
}

/// The call went as its recording expects, without a gap, and none of its actors was lost.
fn is_untouched(good: &Performance) {
    assert!(good.mismatches.is_empty(), "{:?}", good.mismatches);
    assert!(good.report.problems.is_empty(), "{:?}", good.report.problems);
    assert!(good.report.underruns.is_empty(), "{:?}", good.report.underruns);
    assert!(good.recording.is_some());
    let degraded: Vec<_> = good.call.events.iter().filter(|event| event.kind == "degraded").collect();
    assert!(degraded.is_empty(), "{degraded:?}");
    assert_eq!(good.call.streams, 1);
}
