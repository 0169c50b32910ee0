//! The `tandem` program's own parts: the only place that knows every other crate.
//!
//! - [`run`]: carries commands out.
//! - [`server`]: control plane and engine behind one listener.
//! - [`wiring`]: from a configuration to running parts.
//! - [`rehearsal`]: the server with the sandbox around it.
//! - [`cli`]: what can be typed, as types, with the help that goes with it.
//! - [`config`]: the configuration file, the environment over it, and what is wrong with either.
//! - [`report`]: what a load run measured, as a table, as JSON and as a page with plots.
//! - [`process_stats`]: CPU time and memory of a process, from `/proc`.

pub mod cli;
pub mod config;
mod doctor;
pub mod process_stats;
pub mod rehearsal;
pub mod report;
pub mod run;
pub mod server;
pub mod wiring;
