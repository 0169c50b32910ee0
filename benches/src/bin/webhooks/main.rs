//! Whether many tenants make calls slower: servers with few tenants and with many, on a database file and on PostgreSQL, are
//! called in turns in one run, so that whatever else the machine does meets them all. `benches/measure-webhooks` runs it.
//!
//! Each figure is of a real `tandem serve` in a process of its own, reached over HTTP with signed webhooks, or of `tandem load`
//! against it, to numbers spread over all of its tenants.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "it says what went wrong by ending")]
#![allow(missing_docs, unreachable_pub, reason = "a program without a library")]

mod calls;
mod drive;
mod plan;
mod seed;
mod server;
mod table;

use benches::{served::Database, tenants::carrier_accounts};
use drive::Driver;
use fixtures::{
    sandbox::{Sandbox, SandboxOptions},
    stage,
};
use plan::Plan;
use server::Server;
use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};
use table::{Pair, machine};

/// How long a server is asked before it is another's turn.
const TURN: Duration = Duration::from_secs(5);
/// How long it is asked as fast as it answers.
const RUSH: Duration = Duration::from_secs(3);
/// Requests at the same time then.
const AT_ONCE: usize = 8;
/// Webhooks a second while a server gets to know its tenants: no more calls wait for their stream than it allows.
const FILL_RATE: u32 = 120;

/// What is measured of the two servers on one database.
struct Measured {
    database: Database,
    few: Server,
    many: Server,
    /// A tenant's first call after a start, ms.
    first: Pair,
    /// Any later call, ms.
    later: Pair,
    /// Webhooks a second, as many as can be.
    rush: Pair,
    /// In calls of `tandem load`: until the TwiML, ms.
    load_webhook: Pair,
    /// The same until the start of the stream, ms.
    load_stream: Pair,
}

impl Measured {
    fn of(database: Database, few: Server, many: Server) -> Self {
        let [first, later, rush, load_webhook, load_stream] = [(); 5].map(|()| Pair::default());
        Self { database, few, many, first, later, rush, load_webhook, load_stream }
    }
}

#[tokio::main]
async fn main() {
    let plan = Plan::read(std::env::args().skip(1));
    println!("{}", machine());
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let sandbox = SandboxOptions { log_entries: 1, ..stage::sandbox_options(listen) };
    let sandbox = Sandbox::start(sandbox).await.unwrap();
    let accounts = carrier_accounts(&sandbox.base_url(), plan.many).await.unwrap();
    let mut all = Vec::new();
    for database in Database::ALL {
        let few = Server::found(database, &accounts[..plan.few], &sandbox.base_url()).await;
        let many = Server::found(database, &accounts, &sandbox.base_url()).await;
        match few.zip(many) {
            Some((few, many)) => all.push(Measured::of(database, few, many)),
            None => println!("{database}: left out, its programs are not there (deploy/test-servers)"),
        }
    }

    let driver = Driver::new();
    let first = async |server: &mut Server| {
        server.served.start().await.unwrap();
        let targets = server.some_tenants(plan.few);
        let times = driver.at_a_rate(server, targets, plan.rate).await;
        server.served.stop().await.unwrap();
        vec![times]
    };
    in_turns(&mut all, plan.rounds, "first calls", first, |of| vec![&mut of.first]).await;

    for measured in &mut all {
        for server in [&mut measured.few, &mut measured.many] {
            eprintln!("every tenant of a server on {} calls once", measured.database);
            server.served.start().await.unwrap();
            driver.at_a_rate(server, server.some_tenants(usize::MAX), FILL_RATE).await;
        }
    }
    let later = async |server: &mut Server| {
        let times = driver.for_a_while(server, plan.rate, TURN).await;
        vec![times, vec![driver.rush(server, AT_ONCE, RUSH).await]]
    };
    in_turns(&mut all, plan.rounds, "later calls", later, |of| vec![&mut of.later, &mut of.rush]).await;
    let load = async |server: &mut Server| calls::load(server, plan.calls).await.into();
    in_turns(&mut all, plan.rounds.div_ceil(2), "tandem load", load, |of| {
        vec![&mut of.load_webhook, &mut of.load_stream]
    })
    .await;

    println!("{}\n", machine());
    print!("{}", table::render(&plan, &all));
    for measured in &mut all {
        measured.few.served.stop().await.unwrap();
        measured.many.served.stop().await.unwrap();
    }
}

/// Asks each server in each round, and who begins changes with every round.
async fn in_turns(
    all: &mut [Measured],
    rounds: usize,
    what: &str,
    ask: impl AsyncFn(&mut Server) -> Vec<Vec<f64>>,
    kept: impl for<'a> Fn(&'a mut Measured) -> Vec<&'a mut Pair>,
) {
    for round in 0..rounds {
        eprintln!("{what}: round {} of {rounds}", round + 1);
        let mut turns: Vec<_> = (0..all.len()).flat_map(|of| [(of, false), (of, true)]).collect();
        if round % 2 == 1 {
            turns.reverse();
        }
        for (of, is_many) in turns {
            let measured = &mut all[of];
            let server = if is_many { &mut measured.many } else { &mut measured.few };
            let figures = ask(server).await;
            for (pair, figures) in kept(measured).into_iter().zip(figures) {
                pair.add(is_many, figures);
            }
        }
    }
}
