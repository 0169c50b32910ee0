use crate::support::{House, Receiver, quick};
use deliveries::{EventType, Lookup, SenderOptions};
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use std::{io, net::IpAddr, sync::Arc, time::Duration};

/// Answers one after the other, the last one for ever: a name that is rebound.
struct Rebinding(Mutex<Vec<Vec<IpAddr>>>);

impl Rebinding {
    fn new(answers: &[&[&str]]) -> Arc<Self> {
        let parsed = |answer: &&[&str]| answer.iter().map(|text| text.parse().unwrap()).collect();
        Arc::new(Self(Mutex::new(answers.iter().rev().map(parsed).collect())))
    }
}

impl Lookup for Rebinding {
    fn lookup(&self, _: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let mut answers = self.0.lock();
        let answer = if answers.len() > 1 { answers.pop() } else { answers.last().cloned() };
        Box::pin(async move { Ok(answer.unwrap_or_default()) })
    }
}

/// What is said of a message to `url` when names resolve like this.
async fn said(url: &str, lookup: Arc<dyn Lookup>) -> String {
    let house = House::new().await;
    let tenant = house.tenant("one").await;
    house.endpoint(&tenant, url, &[]).await;
    let options = SenderOptions { whole: Duration::from_millis(300), ..SenderOptions::default() };
    let worker = house.worker_with(quick(), options, lookup);
    house.happens(&tenant, EventType::CallStarted).await;
    worker.wake();
    let deliveries = house.deliveries_when(&tenant, |all| all.len() == 1 && all[0].value.attempts == 1).await;
    deliveries[0].value.last_error.clone().unwrap()
}

const CLOSED: &str = "the name leads to an address that is not of the public internet";

#[tokio::test]
async fn a_name_that_leads_into_the_own_network_is_refused_after_it_was_resolved() {
    for answer in [
        &["127.0.0.1"][..],
        &["10.0.0.1"],
        &["169.254.169.254"],
        &["100.64.0.1"],
        &["::1"],
        &["::ffff:127.0.0.1"],
        &["64:ff9b::7f00:1"],
        &["fd00:ec2::254"],
        &["1.1.1.1", "127.0.0.1"],
    ] {
        let said = said("https://hooks.example.com/", Rebinding::new(&[answer])).await;
        assert_eq!(said, CLOSED, "{answer:?}");
    }
}

#[tokio::test]
async fn an_address_that_is_written_as_a_number_is_refused_too() {
    for url in ["https://127.0.0.1/", "https://[::1]/", "https://2130706433/", "http://hooks.example.com/"] {
        let said = said(url, Rebinding::new(&[&["1.1.1.1"]])).await;
        assert!(said.starts_with("the address cannot be used"), "{url}: {said}");
    }
}

/// The name is resolved once for each connection, and the connection goes to what was looked at: a second answer, for the own
/// network, is never asked for.
#[tokio::test]
async fn a_name_that_is_rebound_leads_to_the_address_that_was_looked_at() {
    let inside = Receiver::that_takes().await;
    let port = inside.url.split(':').nth(2).unwrap().split('/').next().unwrap().to_owned();
    // An address that is public by our lists and leads nowhere from here.
    let lookup = Rebinding::new(&[&["192.0.0.0"], &["127.0.0.1"]]);
    let said_first = said(&format!("https://hooks.example.com:{port}/hook"), lookup).await;
    assert_eq!(said_first, CLOSED);
    let lookup = Rebinding::new(&[&["240.0.0.1"], &["127.0.0.1"]]);
    assert_eq!(said(&format!("https://hooks.example.com:{port}/hook"), lookup).await, CLOSED);
    assert!(inside.came().is_empty());
}
