//! What goes out on a connection of somebody who follows, whichever kind of connection it is, and the task that says it.
//!
//! [`Frame`]s wait for the connection in a short queue. When it is full nothing more is read from the database; when the connection
//! takes nothing for [`StreamOptions::patience`](super::StreamOptions::patience) it is closed, and whoever follows goes on after the
//! last place that they saw.

use super::{Seat, Step, Taste, Told};
use crate::{api::caller::Visitor, shared::Shared};
use engine::log_limit::LogLimit;
use identity::{permission::Permission, principal::Principal};
use std::{error::Error, sync::Arc};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, MissedTickBehavior, interval_at, sleep, timeout},
};
use tracing::warn;

/// Connections that ended, by why.
const ENDED: &str = "tandem_event_listeners_ended_total";
/// Events that were told to somebody who follows.
const TOLD: &str = "tandem_events_told_total";

/// What is said on a connection.
#[derive(Clone, Debug)]
pub(crate) enum Frame {
    /// Everything after this place follows.
    Opened(i64),
    /// An event, under these names.
    Told(Arc<Told>, Vec<String>),
    /// Everything up to this place was told; what lies before it was not wanted.
    Reached(i64),
    /// These places are not there any more: what happened there was forgotten before it was told.
    Missing(i64, i64),
    /// Nothing has happened.
    Alive,
    /// The connection ends; everything up to this place was told.
    Ended(End, i64),
}

/// Why a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It took nothing for too long.
    TooSlow,
    /// Whoever follows may not any more.
    NotAllowed,
    /// This node closes.
    Closing,
    /// Whoever followed has gone.
    Gone,
}

impl End {
    /// For programs.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::TooSlow => "too_slow",
            Self::NotAllowed => "not_allowed",
            Self::Closing => "closing",
            Self::Gone => "gone",
        }
    }
}

/// Who follows, and what they are told.
pub(crate) struct Follower {
    pub(crate) seat: Seat,
    pub(crate) taste: Taste,
    pub(crate) principal: Principal,
    pub(crate) visitor: Visitor,
    pub(crate) shared: Arc<Shared>,
    /// Told when this node closes.
    pub(crate) ends: watch::Receiver<u64>,
    /// The place up to which everything was said.
    pub(crate) said: i64,
}

/// What somebody who follows is told, one frame after the other. The last is [`Frame::Ended`].
pub(crate) struct Frames {
    frames: mpsc::Receiver<Frame>,
    end: watch::Receiver<Option<Frame>>,
    is_over: bool,
}

impl Frames {
    /// Begins to tell, after a place or what happens from now on.
    pub(crate) async fn begin(mut follower: Follower, after: Option<i64>) -> Self {
        let (to, frames) = mpsc::channel(follower.shared.limits.streams.queue.max(4));
        let (over, end) = watch::channel(None);
        let missing = follower.seat.begin(after).await;
        follower.said = follower.seat.position();
        tokio::spawn(async move {
            let end = follower.tell(&to, missing).await;
            metrics::counter!(ENDED, "why" => end.as_str()).increment(1);
            over.send_replace(Some(Frame::Ended(end, follower.said)));
        });
        Self { frames, end, is_over: false }
    }

    /// What is said next; `None` after the last.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        if self.is_over {
            return None;
        }
        if let Some(frame) = self.frames.recv().await {
            return Some(frame);
        }
        self.is_over = true;
        self.end.wait_for(Option::is_some).await.ok()?.clone()
    }
}

impl Follower {
    async fn tell(&mut self, to: &mpsc::Sender<Frame>, missing: Option<(i64, i64)>) -> End {
        static LINES: LogLimit = LogLimit::new();
        let options = *self.shared.streams.options();
        let begun = match missing {
            Some((first, last)) => vec![Frame::Missing(first, last), Frame::Opened(self.seat.position())],
            None => vec![Frame::Opened(self.seat.position())],
        };
        if let Err(end) = self.send(to, begun).await {
            return end;
        }
        let mut ticks = interval_at(Instant::now() + options.keep_alive, options.keep_alive);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut known = self.said;
        loop {
            let step = tokio::select! {
                step = self.seat.next() => step,
                _ = ticks.tick() => {
                    let Some(principal) = self.still().await else { return End::NotAllowed };
                    self.principal = principal;
                    // Whoever wants little of what happens need not read all of the rest again when they come back.
                    let frame = if self.said > known { Frame::Reached(self.said) } else { Frame::Alive };
                    known = self.said;
                    match self.send(to, vec![frame]).await {
                        Ok(()) => continue,
                        Err(end) => return end,
                    }
                }
                _ = self.ends.changed() => return End::Closing,
                () = to.closed() => return End::Gone,
            };
            let frames = match step {
                Ok(step) => self.frames_of(step),
                Err(cause) => {
                    if let Some(left_out) = LINES.admit(Instant::now()) {
                        warn!(
                            error = &cause as &dyn Error,
                            left_out, "what happened could not be read; it is tried again"
                        );
                    }
                    sleep(options.poll).await;
                    continue;
                }
            };
            if let Some(Frame::Told(told, _)) = frames.last() {
                known = told.position;
            }
            if let Err(end) = self.send(to, frames).await {
                return end;
            }
            self.said = self.seat.position();
        }
    }

    fn frames_of(&self, step: Step) -> Vec<Frame> {
        let missing = step.missing.map(|(first, last)| Frame::Missing(first, last));
        let told = step.told.into_iter().filter_map(|told| {
            let names = self.taste.names_of(&told, &self.principal);
            let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
            (!names.is_empty()).then_some(Frame::Told(told, names))
        });
        missing.into_iter().chain(told).collect()
    }

    async fn still(&self) -> Option<Principal> {
        let tenant = self.principal.tenant.clone();
        let still = self.visitor.still(&self.shared, &tenant, Permission::EventsRead).await;
        still.unwrap_or_else(|| Some(self.principal.clone()))
    }

    async fn send(&mut self, to: &mpsc::Sender<Frame>, frames: Vec<Frame>) -> Result<(), End> {
        for frame in frames {
            let told = if let Frame::Told(told, _) = &frame { Some(told.position) } else { None };
            match timeout(self.shared.streams.options().patience, to.send(frame)).await {
                Ok(Ok(())) => {
                    if let Some(position) = told {
                        self.said = position;
                        metrics::counter!(TOLD).increment(1);
                    }
                }
                Ok(Err(_)) => return Err(End::Gone),
                Err(_) => return Err(End::TooSlow),
            }
        }
        Ok(())
    }
}
