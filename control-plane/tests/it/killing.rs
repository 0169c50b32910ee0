//! A process that is killed in the middle of its work and goes on with it when it is started again.

use control_plane::settings::ControlPlaneSettings;
use std::{
    ffi::OsStr,
    process::{Command, Stdio},
    time::Duration,
};

/// Work of a killed process is soon taken again.
pub(crate) fn soon_again(settings: &mut ControlPlaneSettings) {
    settings.limits.work.concurrent = 2;
    settings.limits.work.poll = Duration::from_millis(5);
    settings.limits.work.lease = Duration::from_millis(200);
    settings.limits.work.retry_first = Duration::from_millis(5);
    settings.limits.work.retry_longest = Duration::from_millis(20);
}

/// Runs a test of this program in a process of its own and kills it, wherever it is then. Nothing is waited for: the time is the moment of
/// the kill.
pub(crate) async fn run_and_kill(test: &str, variables: &[(&str, &OsStr)], after: Duration) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test])
        .envs(variables.iter().copied())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    tokio::time::sleep(after).await;
    child.kill().unwrap();
    child.wait().unwrap();
}
