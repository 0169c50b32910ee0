//! The bus of one process: what is said is heard within it.

use crate::{Bus, BusError, BusFuture, Heard, QUEUE, Subscription, check_length, hand};
use bytes::Bytes;
use parking_lot::Mutex;
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

type Subjects = HashMap<String, Vec<mpsc::Sender<Heard>>>;

/// See the module. Clones are the same bus.
#[derive(Clone, Debug, Default)]
pub struct LocalBus(Arc<Mutex<Subjects>>);

impl LocalBus {
    /// Those who listen by now.
    fn with<T>(&self, subject: &str, act: impl FnOnce(&mut Vec<mpsc::Sender<Heard>>) -> T) -> Option<T> {
        let mut subjects = self.0.lock();
        let listeners = subjects.get_mut(subject)?;
        listeners.retain(|listener| !listener.is_closed());
        if listeners.is_empty() {
            subjects.remove(subject);
            return None;
        }
        Some(act(listeners))
    }
}

impl Bus for LocalBus {
    fn is_shared(&self) -> bool {
        false
    }

    fn publish<'a>(&'a self, subject: &'a str, message: Bytes) -> BusFuture<'a, ()> {
        Box::pin(async move {
            check_length(&message)?;
            self.with(subject, |listeners| {
                listeners.retain(|to| hand(to, Heard { message: message.clone(), answer: None }));
            });
            Ok(())
        })
    }

    fn request<'a>(&'a self, subject: &'a str, message: Bytes, within: Duration) -> BusFuture<'a, Bytes> {
        Box::pin(async move {
            check_length(&message)?;
            let asked = self.with(subject, |listeners| {
                let (to, answer) = oneshot::channel();
                let first = listeners.first()?;
                hand(first, Heard { message, answer: Some(to) }).then_some(answer)
            });
            let answer = asked.flatten().ok_or(BusError::Nobody)?;
            match timeout(within, answer).await {
                Ok(Ok(answer)) => Ok(answer),
                Ok(Err(_)) => Err(BusError::Nobody),
                Err(_) => Err(BusError::TimedOut),
            }
        })
    }

    fn subscribe<'a>(&'a self, subject: &'a str) -> BusFuture<'a, Subscription> {
        Box::pin(async move {
            let (to, messages) = mpsc::channel(QUEUE);
            let mut subjects = self.0.lock();
            let listeners = subjects.entry(subject.to_owned()).or_default();
            listeners.retain(|listener| !listener.is_closed());
            listeners.push(to);
            Ok(Subscription { messages, _keeps: None })
        })
    }
}
