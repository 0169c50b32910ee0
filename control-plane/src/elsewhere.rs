//! What other nodes have and tell, over the bus.
//!
//! - Whoever has a live call listens on a subject of its own (`tandem.call.<id>`) as long as it is live: nobody keeps a list of who
//!   has what, and where nobody listens the call is live nowhere.
//! - An order for a call that is not here is asked of whoever has it, for a bounded time ([`ElsewhereOptions::answer`]).
//! - Listening in on such a call goes to a subject that whoever listens makes up; each second is handed over before the next one is.
//! - A unit of work that told something calls the other nodes to look (`tandem.told`).
//!
//! Messages name their tenant, which is compared with the call's; they hold no secrets.

mod audio;
mod message;

pub(crate) use audio::Ears;

use crate::{shared::Shared, streams::Streams};
use bus::{Bus, BusError};
use bytes::Bytes;
use engine::{
    call::{listen::Sides, turn::Command},
    provider::AbortOnDrop,
};
use message::{Ask, Reply, What};
use parking_lot::Mutex;
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Weak},
    time::Duration,
};
use store::{CallId, Change, Store, TenantId};
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};
use tracing::{debug, warn};

/// Where nodes call each other to look for what happened.
const TOLD: &str = "tandem.told";
/// What was asked of other nodes, by what came of it.
const ASKED: &str = "tandem_bus_requests_total";

/// How other nodes are spoken with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ElsewhereOptions {
    /// How long the node that has a call may take to answer. Default 2 s: whoever ordered waits, and a unit of work with them.
    pub answer: Duration,
    /// A listener of another node's call who hears nothing for so long is told that the call is over. Default 10 s: a block comes
    /// each second.
    pub silence: Duration,
    /// Calls of this node that are listened to from other nodes at the same time, at most. Default 64.
    pub relays: usize,
    /// Pause before a call's subject, or that of what happens, is listened to again after the bus failed. Default 1 s.
    pub again: Duration,
    /// Pause between two calls to look for what happened. Default 5 ms: those of one moment are said once.
    pub gather: Duration,
}

impl Default for ElsewhereOptions {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(2),
            silence: Duration::from_secs(10),
            relays: 64,
            again: Duration::from_secs(1),
            gather: Duration::from_millis(5),
        }
    }
}

/// Why something cannot be done at another node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotDone {
    /// No node has the call, or it can do so no more.
    Gone,
    /// The node that has it did not answer; whether it was done is not known.
    Silent,
}

/// The other nodes.
pub(crate) struct Elsewhere {
    bus: Arc<dyn Bus>,
    options: ElsewhereOptions,
    /// Calls on whose subjects this node listens.
    held: Mutex<HashMap<CallId, AbortOnDrop>>,
    relays: Arc<audio::Relays>,
    _tasks: [AbortOnDrop; 2],
}

/// Tenants in which something happened that other nodes have not been called for.
#[derive(Default)]
struct Untold {
    tenants: Mutex<HashSet<TenantId>>,
    some: Notify,
}

impl Elsewhere {
    pub(crate) fn new(
        bus: Arc<dyn Bus>,
        options: ElsewhereOptions,
        store: &dyn Store,
        streams: &Arc<Streams>,
    ) -> Self {
        let untold = Arc::new(Untold::default());
        if bus.is_shared() {
            let kept = Arc::downgrade(&untold);
            store.on_change(Arc::new(move |change| {
                if let (Some(untold), Change::Told(tenant)) = (kept.upgrade(), change) {
                    untold.tenants.lock().insert(tenant.clone());
                    untold.some.notify_one();
                }
            }));
        }
        let calling = tokio::spawn(call_others(Arc::clone(&bus), untold, options));
        let listening = tokio::spawn(hear_others(Arc::clone(&bus), Arc::downgrade(streams), options));
        Self {
            bus,
            options,
            held: Mutex::default(),
            relays: Arc::default(),
            _tasks: [AbortOnDrop(calling), AbortOnDrop(listening)],
        }
    }

    /// Orders something in a call that another node has.
    pub(crate) async fn order(
        &self,
        tenant: &TenantId,
        call: &CallId,
        command: Command,
    ) -> Result<(), NotDone> {
        self.ask(tenant, call, What::Order(command)).await
    }

    /// Whether another node has the call.
    pub(crate) async fn has(&self, tenant: &TenantId, call: &CallId) -> bool {
        self.ask(tenant, call, What::Have).await.is_ok()
    }

    /// Listens in on a call that another node has.
    pub(crate) async fn listen(
        &self,
        tenant: &TenantId,
        call: &CallId,
        sides: Sides,
    ) -> Result<Ears, NotDone> {
        if !self.bus.is_shared() {
            return Err(NotDone::Gone);
        }
        let to = audio::subject();
        let subscription = self.bus.subscribe(&to).await.map_err(|_| NotDone::Silent)?;
        self.ask(tenant, call, What::Listen { to, mixed: sides == Sides::Mixed }).await?;
        Ok(Ears::there(subscription, self.options.silence))
    }

    async fn ask(&self, tenant: &TenantId, call: &CallId, what: What) -> Result<(), NotDone> {
        if !self.bus.is_shared() {
            return Err(NotDone::Gone);
        }
        let ask = Ask { tenant: tenant.clone(), call: call.clone(), what };
        let asked = self.bus.request(&subject(call), ask.write(), self.options.answer).await;
        let done = match &asked {
            Ok(answer) => match Reply::read(answer) {
                Some(Reply::Done) => Ok(()),
                Some(Reply::Gone) => Err(NotDone::Gone),
                // One of another version, which does not know what was asked.
                Some(Reply::NotKnown) | None => Err(NotDone::Silent),
            },
            Err(BusError::Nobody) => Err(NotDone::Gone),
            Err(BusError::TimedOut | BusError::TooLong(_) | BusError::Down(_)) => Err(NotDone::Silent),
        };
        let outcome = match done {
            Ok(()) => "done",
            Err(NotDone::Gone) => "gone",
            Err(NotDone::Silent) => "silent",
        };
        metrics::counter!(ASKED, "outcome" => outcome).increment(1);
        if let (Err(NotDone::Silent), Err(error)) = (&done, &asked) {
            warn!(%call, %error, "the node that has a call could not be asked");
        }
        done
    }
}

fn subject(call: &CallId) -> String {
    format!("tandem.call.{call}")
}

/// A call has a stream here: whoever orders something for it at another node is heard until it is over.
pub(crate) fn hold(shared: &Arc<Shared>, call: &CallId) {
    let elsewhere = &shared.elsewhere;
    if !elsewhere.bus.is_shared() {
        return;
    }
    let mut held = elsewhere.held.lock();
    if held.contains_key(call) {
        return;
    }
    let (weak, live, bus) = (Arc::downgrade(shared), Arc::clone(&shared.live), Arc::clone(&elsewhere.bus));
    let (id, again) = (call.clone(), elsewhere.options.again);
    let task = tokio::spawn(async move {
        let live_id = engine::ids::CallId::from(id.as_str());
        tokio::select! {
            () = live.over(&live_id) => {}
            () = serve(&*bus, &weak, &id, again) => {}
        }
        if let Some(shared) = weak.upgrade() {
            shared.elsewhere.held.lock().remove(&id);
        }
    });
    held.insert(call.clone(), AbortOnDrop(task));
}

/// Answers those who ask about a call, as long as this node serves.
async fn serve(bus: &dyn Bus, shared: &Weak<Shared>, call: &CallId, again: Duration) {
    loop {
        match bus.subscribe(&subject(call)).await {
            Ok(mut subscription) => {
                while let Some(heard) = subscription.next().await {
                    let Some(shared) = shared.upgrade() else { return };
                    if let Some(reply) = obey(&shared, call, &heard.message) {
                        heard.answer(reply.write());
                    }
                }
            }
            Err(error) => {
                warn!(%call, %error, "a call cannot be reached from other nodes; it is tried again")
            }
        }
        sleep(again).await;
    }
}

/// Does what another node asks; `None`: this node has no stream of the call now, and another one may.
fn obey(shared: &Shared, call: &CallId, message: &[u8]) -> Option<Reply> {
    if !shared.live.is_streaming(&call.as_str().into()) {
        return None;
    }
    let Some(ask) = Ask::read(message) else { return Some(Reply::NotKnown) };
    let owner = shared.live.tenant(&call.as_str().into());
    if ask.call != *call || owner.is_none_or(|owner| owner.0.as_str() != ask.tenant.as_str()) {
        return Some(Reply::Gone);
    }
    let done = match ask.what {
        What::Have => true,
        What::Order(command) => shared.command(call, command).is_ok(),
        What::Listen { to, mixed } => {
            let sides = if mixed { Sides::Mixed } else { Sides::Stereo };
            let elsewhere = &shared.elsewhere;
            let seat = elsewhere.relays.take(elsewhere.options.relays);
            let options = engine::call::listen::ListenOptions { sides, ..Default::default() };
            match (seat, shared.listen(call, options)) {
                (Some(seat), Ok(listener)) => {
                    let bus = Arc::clone(&elsewhere.bus);
                    tokio::spawn(audio::relay(bus, listener, to, elsewhere.options.answer, seat));
                    true
                }
                _ => false,
            }
        }
    };
    Some(if done { Reply::Done } else { Reply::Gone })
}

/// Calls the other nodes to look for what happened here.
async fn call_others(bus: Arc<dyn Bus>, untold: Arc<Untold>, options: ElsewhereOptions) {
    loop {
        untold.some.notified().await;
        let tenants = std::mem::take(&mut *untold.tenants.lock());
        for tenant in tenants {
            // Whoever does not hear it looks by themselves before long.
            if let Err(error) = bus.publish(TOLD, Bytes::from(tenant.as_str().to_owned())).await {
                debug!(%error, "other nodes could not be called to look for what happened");
            }
        }
        sleep(options.gather).await;
    }
}

/// Looks for what happened when another node calls.
async fn hear_others(bus: Arc<dyn Bus>, streams: Weak<Streams>, options: ElsewhereOptions) {
    if !bus.is_shared() {
        return;
    }
    loop {
        match timeout(options.answer, bus.subscribe(TOLD)).await {
            Ok(Ok(mut subscription)) => {
                while let Some(heard) = subscription.next().await {
                    let tenant =
                        std::str::from_utf8(&heard.message).ok().and_then(|id| TenantId::parse(id).ok());
                    match (streams.upgrade(), tenant) {
                        (Some(streams), Some(tenant)) => streams.wake(&tenant),
                        (Some(_), None) => debug!("another node names no tenant"),
                        (None, _) => return,
                    }
                }
            }
            Ok(Err(error)) => warn!(%error, "other nodes cannot be heard; it is tried again"),
            Err(_) => warn!("other nodes cannot be heard in time; it is tried again"),
        }
        sleep(options.again).await;
    }
}
