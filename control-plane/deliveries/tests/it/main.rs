//! Webhooks on a real store, to real servers on this machine.

mod again;
mod failure;
mod fairness;
mod guarded;
mod support;
mod told;
