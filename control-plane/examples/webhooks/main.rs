//! Whether many tenants make webhooks slower: the voice webhook of two control planes, one with 2 tenants and one with
//! 10,000 with 3 numbers each, asked in turns in one run. `benches/measure-webhooks` runs it.
//!
//! `cargo run --release -p control-plane --example webhooks -- [TENANTS] [REQUESTS_PER_SECOND] [ROUNDS]`, with
//! `TANDEM_TEST_STORE=postgres` on a PostgreSQL server of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "it says what went wrong by ending")]
#![allow(missing_docs, unreachable_pub, reason = "a program without a library")]

mod drive;
mod plane;
mod seed;

use drive::{Driver, Latencies};
use plane::Plane;
use std::{env, time::Duration};

/// How long each of the two is asked before it is the other's turn.
const TURN: Duration = Duration::from_secs(3);

#[tokio::main]
async fn main() {
    let number = |index: usize, usual: u32| {
        env::args().nth(index).map_or(usual, |text| text.parse().expect("a number is wanted"))
    };
    let (many, rate, rounds) = (number(1, 10_000), number(2, 60), number(3, 8));
    let few = Plane::open(2).await;
    let crowded = Plane::open(many).await;
    let driver = Driver::new(rate);

    println!("{:<36}{:>9}{:>9}{:>9}{:>9}{:>8}", "voice webhook, ms", "p50", "p95", "p99", "max", "count");
    // Every tenant once: what the first call of a tenant costs, whose view has to be read.
    let first = driver.each_once(&crowded).await;
    row(&format!("first call of each of {many} tenants"), &first);
    driver.each_once(&few).await;

    let (mut of_few, mut of_crowded) = (Latencies::default(), Latencies::default());
    for round in 0..rounds {
        // Who begins changes, so that whatever else the machine does meets both.
        let turns = [(&few, &mut of_few), (&crowded, &mut of_crowded)];
        let turns: Vec<_> = if round % 2 == 0 { turns.into() } else { turns.into_iter().rev().collect() };
        for (plane, latencies) in turns {
            latencies.extend(driver.for_a_while(plane, TURN).await);
        }
    }
    row("2 tenants", &of_few);
    row(&format!("{many} tenants"), &of_crowded);
    let ratio = |percent| of_crowded.percentile(percent) / of_few.percentile(percent);
    println!(
        "\n{many} tenants over 2: p50 x {:.2}, p95 x {:.2}, p99 x {:.2}",
        ratio(50),
        ratio(95),
        ratio(99)
    );
    few.close().await;
    crowded.close().await;
}

fn row(name: &str, latencies: &Latencies) {
    let [p50, p95, p99, max] = [50, 95, 99, 100].map(|percent| latencies.percentile(percent));
    println!("{name:<36}{p50:>9.2}{p95:>9.2}{p99:>9.2}{max:>9.2}{:>8}", latencies.count());
}
