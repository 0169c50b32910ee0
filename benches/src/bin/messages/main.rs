//! What becomes of many messages: how many are lost or sent twice when the server is killed again and again, answers of the carrier
//! get lost, requests are refused in storms and receipts are shuffled; how fast they are handed over; and whether one tenant's batch
//! makes another's requests slower. `benches/measure-messages` runs it.
//!
//! Each figure is of a real `tandem serve` in a process of its own. The carrier is the sandbox, which knows every message that it
//! took: a recipient who is there twice was told twice.
#![allow(missing_docs, unreachable_pub, reason = "a program without a library")]

mod house;
mod measure;

use benches::served::Database;
use fixtures::{
    sandbox::{Sandbox, SandboxOptions},
    stage,
};
use house::{Failure, House};
use std::net::{Ipv4Addr, SocketAddr};

/// How much is measured; `NAME=VALUE` changes it.
struct Plan {
    /// Messages that are sent while everything goes wrong.
    loss: usize,
    /// Messages that are sent the same way by a carrier that cannot be asked what it took.
    unasked: usize,
    /// Messages whose handing over is timed.
    throughput: usize,
    /// Whose they are.
    tenants: usize,
    /// Recipients of the batch beside which another tenant's requests are timed.
    batch: usize,
    /// Those requests.
    requests: usize,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut plan = Plan {
        loss: 20_000,
        unasked: 5_000,
        throughput: 20_000,
        tenants: 8,
        batch: 100_000,
        requests: 1_000,
    };
    for argument in std::env::args().skip(1) {
        let known = argument.split_once('=').and_then(|(name, value)| Some((name, value.parse().ok()?)));
        match known {
            Some(("loss", value)) => plan.loss = value,
            Some(("unasked", value)) => plan.unasked = value,
            Some(("throughput", value)) => plan.throughput = value,
            Some(("tenants", value)) if value > 0 => plan.tenants = value,
            Some(("batch", value)) => plan.batch = value,
            Some(("requests", value)) => plan.requests = value,
            _ => panic!(
                "write loss=N, unasked=N, throughput=N, tenants=N, batch=N or requests=N, not {argument}"
            ),
        }
    }
    for database in Database::ALL {
        println!("{database}");
        for (count, can_be_asked) in [(plan.loss, true), (plan.unasked, false)] {
            if count > 0 {
                let Some((house, sandbox)) = start(database, 1).await? else { continue };
                measure::loss(house, &sandbox, count, can_be_asked).await?;
            }
        }
        if plan.throughput > 0 {
            let Some((house, sandbox)) = start(database, plan.tenants).await? else { continue };
            measure::throughput(house, &sandbox, plan.throughput, plan.tenants).await?;
        }
        if plan.batch > 0 {
            let (Some(alone), Some(loaded)) = (start(database, 2).await?, start(database, 2).await?) else {
                continue;
            };
            measure::beside([alone, loaded], plan.batch, plan.requests).await?;
        }
    }
    Ok(())
}

/// A carrier of its own, and a server that is not started yet; `None`: there is no such database here.
async fn start(database: Database, tenants: usize) -> Result<Option<(House, Sandbox)>, Failure> {
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let options = SandboxOptions { log_entries: 1, ..stage::sandbox_options(listen) };
    let sandbox = Sandbox::start(options).await?;
    let house = House::found(database, &sandbox.base_url(), tenants).await?;
    if house.is_none() {
        println!("  left out, its programs are not there (deploy/test-servers)");
    }
    Ok(house.map(|house| (house, sandbox)))
}
