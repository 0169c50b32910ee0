//! `tandem load` against a server, with numbers of all of its tenants.

use crate::server::Server;
use benches::served::programs;
use rand::{rng, seq::IndexedRandom};
use serde_json::Value;
use std::{fmt::Write, fs, process::Command};
use tokio::task::spawn_blocking;

/// New calls a second.
const RAMP: &str = "15";
/// A short call: what is measured is over when it begins.
const FIXTURE: &str = "hang-up-during-answer";

/// How long so many calls took until their TwiML, and until their stream, in ms.
pub async fn load(server: &Server, calls: usize) -> [Vec<f64>; 2] {
    let mut lines = String::new();
    for target in server.targets.sample(&mut rng(), calls) {
        writeln!(lines, "{} {} {}", target.number, target.account_sid, target.auth_token).unwrap();
    }
    let numbers = server.served.folder.join("numbers.txt");
    fs::write(&numbers, lines).unwrap();
    let mut command = Command::new(programs().unwrap().join("tandem"));
    command.args(["load", "--json", "--fixture", FIXTURE, "--ramp-per-second", RAMP]);
    command.args([
        "--calls",
        &calls.to_string(),
        "--to",
        &format!("{}/api/voice/incoming", server.served.base_url),
    ]);
    command.arg("--numbers").arg(numbers);
    // The stand-ins for the outside services run on meanwhile.
    let run = spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let report: Value = serde_json::from_slice(&run.stdout).unwrap_or_else(|error| {
        panic!("{error}: {}", String::from_utf8_lossy(&run.stderr));
    });
    if report["calls"]["lost"] != 0 {
        eprintln!("calls were lost: {}", report["calls"]["lost_because"]);
    }
    let beginnings = report["series"]["beginnings"].as_array().unwrap();
    ["webhook_ms", "setup_ms"].map(|name| beginnings.iter().filter_map(|of| of[name].as_f64()).collect())
}
