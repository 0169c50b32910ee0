//! Runs what was typed: a runtime, a log, a command, an exit code.

use crate::cli::{Cli, Command};
use std::{
    fmt,
    io::{self, Write as _},
    process::ExitCode,
};

mod admin;
mod call;
mod demo;
mod doctor;
mod import_env;
mod keys;
mod load;
mod log;
mod observe;
mod outage;
mod sandbox;
mod serve;
mod store;

use log::{log, tool_log};

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
        Command::ImportEnv(import) => import_env::run(&import),
        Command::OutageTwiml(outage) => outage::run(&outage),
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
