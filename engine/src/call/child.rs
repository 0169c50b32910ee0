//! A child of a call: a loop that runs as a task of its own, supervised as an actor.
//!
//! The loop waits for sockets and queues, which a message handler must not do; the actor around it gives it a
//! place in the call's tree: linked, named `{call}/{role}`, killed with its supervisor, its panic and its end
//! reported to it. Data reaches the loop through bounded queues that the supervisor owns, so that a new child goes
//! on where a dead one stopped.

use crate::provider::AbortOnDrop;
use futures_util::{FutureExt as _, future::BoxFuture};
use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, SpawnErr};
use std::panic::AssertUnwindSafe;

/// The actor around the loop.
pub(super) struct Child;

/// What the loop tells its actor.
pub(super) enum ChildMsg {
    /// It has ended, or panicked.
    Finished(Result<(), String>),
}

impl Actor for Child {
    type Msg = ChildMsg;
    type State = AbortOnDrop;
    type Arguments = BoxFuture<'static, ()>;

    async fn pre_start(
        &self,
        me: ActorRef<ChildMsg>,
        body: BoxFuture<'static, ()>,
    ) -> Result<AbortOnDrop, ActorProcessingErr> {
        Ok(AbortOnDrop(tokio::spawn(async move {
            let end = AssertUnwindSafe(body).catch_unwind().await.map_err(|panic| message_of(&*panic));
            if me.cast(ChildMsg::Finished(end)).is_err() {
                tracing::debug!("a call's child ended after its actor");
            }
        })))
    }

    async fn handle(
        &self,
        me: ActorRef<ChildMsg>,
        ChildMsg::Finished(end): ChildMsg,
        _: &mut AbortOnDrop,
    ) -> Result<(), ActorProcessingErr> {
        end?;
        me.stop(None);
        Ok(())
    }
}

/// Starts a loop as a child of `supervisor`.
pub(super) async fn start(
    name: String,
    body: BoxFuture<'static, ()>,
    supervisor: ActorCell,
) -> Result<ActorCell, SpawnErr> {
    let (child, _) = Child::spawn_linked(Some(name), Child, body, supervisor).await?;
    Ok(child.get_cell())
}

fn message_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("panicked: {}", text.as_deref().unwrap_or("no message"))
}
