//! What this process knows of the calls it has: whose they are, whether the engine still has them, and how
//! their streams ended. It is known here at once; the store learns of it a moment later.

use crate::after_stream::StreamOutcome;
use engine::{
    ids::{CallId, TenantId},
    ports::CallEvent,
};
use parking_lot::Mutex;
use std::{collections::HashMap, time::Duration};
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// A stream was let in, and the engine has not said so yet.
    Admitted,
    /// The engine has a stream of it.
    Streaming,
    /// The stream ended so; a lost one may come back.
    Over(StreamOutcome),
}

struct Live {
    tenant: TenantId,
    stage: watch::Sender<Stage>,
    transfer_to: Option<String>,
    /// A person wants the caller handed there, whether it is one of the tenant's targets or not.
    ordered_transfer: Option<String>,
    last_event: Instant,
}

/// The calls of this process.
#[derive(Default)]
pub(crate) struct LiveCalls {
    calls: Mutex<HashMap<CallId, Live>>,
}

impl LiveCalls {
    /// A stream of the call was let in. True if the engine here still has the call.
    pub(crate) fn admit(&self, call: &CallId, tenant: &TenantId) -> bool {
        let mut calls = self.calls.lock();
        let live = calls.entry(call.clone()).or_insert_with(|| Live {
            tenant: tenant.clone(),
            stage: watch::Sender::new(Stage::Admitted),
            transfer_to: None,
            ordered_transfer: None,
            last_event: Instant::now(),
        });
        live.last_event = Instant::now();
        let stage = *live.stage.borrow();
        match stage {
            Stage::Streaming | Stage::Over(StreamOutcome::Lost) => true,
            Stage::Admitted => false,
            Stage::Over(StreamOutcome::Ended(_)) => {
                live.stage.send_replace(Stage::Admitted);
                false
            }
        }
    }

    /// Whether the engine here still has the call.
    pub(crate) fn has(&self, call: &CallId) -> bool {
        self.calls.lock().get(call).is_some_and(|live| {
            matches!(*live.stage.borrow(), Stage::Streaming | Stage::Over(StreamOutcome::Lost))
        })
    }

    /// Whether the engine here has a stream of the call now.
    pub(crate) fn is_streaming(&self, call: &CallId) -> bool {
        self.calls.lock().get(call).is_some_and(|live| *live.stage.borrow() == Stage::Streaming)
    }

    /// Waits until the call is over, or forgotten.
    pub(crate) async fn over(&self, call: &CallId) {
        let Some(mut stage) = self.calls.lock().get(call).map(|live| live.stage.subscribe()) else { return };
        let over = stage.wait_for(|stage| matches!(stage, Stage::Over(StreamOutcome::Ended(_)))).await;
        // It is forgotten where nobody can say so any more.
        drop(over);
    }

    /// Learns from what the engine tells. Says whose call it is.
    pub(crate) fn note(&self, call: &CallId, event: &CallEvent) -> Option<TenantId> {
        let mut calls = self.calls.lock();
        let live = calls.get_mut(call)?;
        let stage = match event {
            CallEvent::StreamStarted { .. } => Some(Stage::Streaming),
            CallEvent::StreamLost => Some(Stage::Over(StreamOutcome::Lost)),
            CallEvent::Ended(summary) => {
                if let Some(to) = &summary.transfer_to {
                    live.transfer_to = Some(to.clone());
                }
                Some(Stage::Over(StreamOutcome::Ended(summary.reason)))
            }
            CallEvent::Journal { .. } | CallEvent::Turn(_) | CallEvent::Degraded { .. } => None,
        };
        if let Some(stage) = stage {
            live.stage.send_replace(stage);
            live.last_event = Instant::now();
        }
        Some(live.tenant.clone())
    }

    /// Whose call it is.
    pub(crate) fn tenant(&self, call: &CallId) -> Option<TenantId> {
        self.calls.lock().get(call).map(|live| live.tenant.clone())
    }

    /// Remembers to whom the caller is to be handed.
    pub(crate) fn set_transfer(&self, call: &CallId, to: &str) {
        if let Some(live) = self.calls.lock().get_mut(call) {
            live.transfer_to = Some(to.to_owned());
        }
    }

    /// Remembers where a person wants the caller handed to: a number, E.164; `None`: nowhere any more.
    pub(crate) fn order_transfer(&self, call: &CallId, to: Option<&str>) {
        if let Some(live) = self.calls.lock().get_mut(call) {
            live.ordered_transfer = to.map(str::to_owned);
        }
    }

    /// Where a person wants the caller handed to.
    pub(crate) fn ordered_transfer(&self, call: &CallId) -> Option<String> {
        self.calls.lock().get(call).and_then(|live| live.ordered_transfer.clone())
    }

    /// To whom the caller is to be handed.
    pub(crate) fn transfer_to(&self, call: &CallId) -> Option<String> {
        self.calls.lock().get(call).and_then(|live| live.transfer_to.clone())
    }

    /// How the call's last stream ended. The carrier and the engine tell of it at the same time, so the engine
    /// is given `patience`; a call that it says nothing about has lost its stream.
    pub(crate) async fn outcome(&self, call: &CallId, patience: Duration) -> StreamOutcome {
        let Some(mut stage) = self.calls.lock().get(call).map(|live| live.stage.subscribe()) else {
            return StreamOutcome::Lost;
        };
        let over = stage.wait_for(|stage| matches!(stage, Stage::Over(_)));
        match timeout(patience, over).await {
            Ok(Ok(stage)) => match *stage {
                Stage::Over(outcome) => outcome,
                Stage::Admitted | Stage::Streaming => StreamOutcome::Lost,
            },
            Ok(Err(_)) | Err(_) => StreamOutcome::Lost,
        }
    }

    /// Forgets calls that ended `kept` ago, or were let in and never heard of again.
    pub(crate) fn sweep(&self, now: Instant, kept: Duration) {
        self.calls.lock().retain(|_, live| {
            let stage = *live.stage.borrow();
            stage == Stage::Streaming || now.saturating_duration_since(live.last_event) < kept
        });
    }

    /// Calls that the engine has a stream of.
    pub(crate) fn streaming(&self) -> usize {
        self.calls.lock().values().filter(|live| *live.stage.borrow() == Stage::Streaming).count()
    }
}

#[cfg(test)]
mod tests;
