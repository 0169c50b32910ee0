//! Runs what was typed: a runtime, a log, a command, an exit code.

use crate::{
    cli::{Cli, Command},
    config::{Log, LogFormat},
};
use std::{
    fmt,
    io::{self, IsTerminal as _, Write as _},
    process::ExitCode,
};
use tracing_subscriber::EnvFilter;

mod admin;
mod call;
mod demo;
mod doctor;
mod keys;
mod load;
mod observe;
mod sandbox;
mod serve;
mod store;

/// Why a command failed, for the person who typed it.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl<E: std::error::Error> From<E> for Failure {
    /// The error and what caused it, in one line.
    fn from(error: E) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            if !text.contains(&cause_text) {
                text.push_str(": ");
                text.push_str(&cause_text);
            }
            source = cause.source();
        }
        Self(text)
    }
}

impl Failure {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// Writes a result to standard output. Whoever reads it may have seen enough and be gone, as `head` is.
fn write_out(text: impl fmt::Display) -> Result<(), Failure> {
    match write!(io::stdout().lock(), "{text}").and_then(|()| io::stdout().flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::new(format!("failed to write to standard output: {error}"))),
        Ok(()) => Ok(()),
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// As it should.
    Success,
    /// It ran, and something was not as expected; that has been said.
    NotAsExpected,
}

/// Runs one command to its end.
#[must_use]
pub fn run(cli: Cli) -> ExitCode {
    let outcome = match cli.command {
        Command::Demo(demo) => demo::run(&demo),
        Command::Serve(serve) => serve::run(&serve),
        Command::Call(call) => call::run(&call),
        Command::Load(load) => load::run(&load),
        Command::Sandbox(sandbox) => sandbox::run(&sandbox),
        Command::Store(store) => store::run(&store),
        Command::Keys(keys) => keys::run(&keys),
        Command::Doctor(doctor) => doctor::run(&doctor),
        Command::Admin(admin) => admin::run(&admin),
    };
    match outcome {
        Ok(Outcome::Success) => ExitCode::SUCCESS,
        Ok(Outcome::NotAsExpected) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("tandem: {failure}");
            ExitCode::from(2)
        }
    }
}

/// A runtime with as many threads as cores, or as asked for.
fn runtime(threads: Option<usize>) -> io::Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = threads {
        builder.worker_threads(threads);
    }
    builder.enable_all().build()
}

/// Logs to standard error; standard output belongs to results.
fn log(log: &Log) {
    let filter = EnvFilter::try_new(&log.level).unwrap_or_else(|_| EnvFilter::new("info"));
    // Colours are for people: a file or a log collector gets plain text.
    let colours = io::stderr().is_terminal();
    let subscriber =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(colours);
    let installed = match log.format {
        LogFormat::Text => subscriber.try_init(),
        LogFormat::Json => subscriber.json().try_init(),
    };
    if installed.is_err() {
        tracing::debug!("a log was set up before");
    }
}

/// The log of a tool: what goes wrong, unless `RUST_LOG` asks for more.
fn tool_log() {
    let level = std::env::var("RUST_LOG").unwrap_or_else(|_| "error".to_owned());
    log(&Log { level, format: LogFormat::Text });
}
