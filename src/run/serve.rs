//! `tandem serve`: the product.

use super::{Failure, Outcome, log, runtime, write_out};
use crate::{
    cli::Serve,
    config::{Config, ConfigError},
    server::Server,
};
use std::{path::Path, time::Duration};

/// Read if no other file is named and it is there.
const DEFAULT_FILE: &str = "tandem.toml";

/// Live calls may go on for this long after the first signal; the second one ends them at once. Container
/// runtimes kill after their own limit, so it should be below that.
const PATIENCE: Duration = Duration::from_secs(25);

pub(super) fn run(serve: &Serve) -> Result<Outcome, Failure> {
    if serve.print_example {
        write_out(Config::example())?;
        return Ok(Outcome::Success);
    }
    let config = configuration(serve.config.as_deref())?;
    log(&config.log);
    for problem in config.missing_for_calls() {
        tracing::warn!(%problem, "not ready for calls of a real carrier");
    }
    runtime(config.worker_threads)?.block_on(until_signal(config))
}

/// The configuration of the file that was named, or of the usual one if it is there, with the environment over it.
pub(super) fn configuration(named: Option<&Path>) -> Result<Config, ConfigError> {
    let environment = std::env::vars().collect();
    match named {
        Some(path) => Config::read(path, &environment),
        None if Path::new(DEFAULT_FILE).exists() => Config::read(Path::new(DEFAULT_FILE), &environment),
        None => Config::load(None, &environment),
    }
}

async fn until_signal(config: Config) -> Result<Outcome, Failure> {
    let public = config.base_url.clone();
    let server = Server::start(config).await?;
    if let Some(key) = &server.first_key {
        // The only time that it is shown; it is no log line.
        println!("The API key of this installation, shown only now:\n\n    {}\n", key.reveal());
    }
    let public = public.unwrap_or_else(|| format!("http://{}", server.address));
    tracing::info!(
        listen = %server.address,
        voice_webhook = %format!("{public}/api/voice/incoming"),
        status_callback = %format!("{public}/api/voice/status"),
        "answering calls"
    );
    let background = server.background();
    signal().await?;
    drop(background);
    tracing::info!(
        calls = server.engine.live_calls(),
        "stopping: no new calls, live ones may end; again to cut them"
    );
    tokio::select! {
        stopped = server.stop(PATIENCE) => stopped?,
        second = signal() => {
            second?;
            return Err(Failure::new("stopped by a second signal: live calls were cut"));
        }
    }
    Ok(Outcome::Success)
}

async fn signal() -> std::io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}
