//! Signed voice webhooks at a steady rate. A request's time runs from when it was due, so that one that had to wait for
//! others shows it.

use crate::{plane::Plane, seed::Target};
use base64_simd::STANDARD;
use engine::provider::http::{HttpOptions, http_client};
use hmac::{Hmac, KeyInit, Mac};
use rand::{RngExt, rng};
use reqwest::Client;
use sha1::Sha1;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};
use url::form_urlencoded;

/// How long requests took, in ms.
#[derive(Debug, Default)]
pub struct Latencies(Vec<f64>);

impl Latencies {
    pub fn extend(&mut self, more: Latencies) {
        self.0.extend(more.0);
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// By nearest rank.
    pub fn percentile(&self, percent: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let rank = (sorted.len() * percent).div_ceil(100).max(1);
        sorted.get(rank - 1).copied().unwrap_or(f64::NAN)
    }
}

pub struct Driver {
    client: Client,
    every: Duration,
    /// Calls so far: each has an id of its own.
    calls: AtomicU64,
}

impl Driver {
    /// So many requests a second.
    pub fn new(rate: u32) -> Self {
        let client = http_client(HttpOptions::default()).unwrap();
        Self { client, every: Duration::from_secs(1) / rate, calls: AtomicU64::new(0) }
    }

    /// One call for each tenant.
    pub async fn each_once(&self, plane: &Plane) -> Latencies {
        self.send(plane, plane.targets.iter().step_by(3).cloned().collect()).await
    }

    /// Calls to numbers at random.
    pub async fn for_a_while(&self, plane: &Plane, time: Duration) -> Latencies {
        let calls = time.as_nanos() / self.every.as_nanos();
        let targets = (0..calls).map(|_| {
            let chosen = rng().random_range(0..plane.targets.len());
            plane.targets[chosen].clone()
        });
        self.send(plane, targets.collect()).await
    }

    async fn send(&self, plane: &Plane, targets: Vec<Target>) -> Latencies {
        let url: Arc<str> = format!("{}/api/voice/incoming", plane.base_url).into();
        let mut running = JoinSet::new();
        let start = Instant::now();
        for (target, place) in targets.into_iter().zip(0_u32..) {
            let due = start + self.every * place;
            sleep_until(due).await;
            let call = self.calls.fetch_add(1, Ordering::Relaxed);
            let (client, url) = (self.client.clone(), Arc::clone(&url));
            running.spawn(async move {
                let answer = incoming(&client, &url, &target, call).await;
                assert!(answer.contains("<Stream "), "{answer}");
                due.elapsed().as_secs_f64() * 1_000.0
            });
        }
        Latencies(running.join_all().await)
    }
}

async fn incoming(client: &Client, url: &str, target: &Target, call: u64) -> String {
    let sid = format!("CA{call:032}");
    let mut fields = [
        ("AccountSid", target.account_sid.as_str()),
        ("CallSid", sid.as_str()),
        ("CallStatus", "ringing"),
        ("Direction", "inbound"),
        ("From", "+15550100"),
        ("To", target.number.as_str()),
    ];
    fields.sort_unstable();
    let mut mac = Hmac::<Sha1>::new_from_slice(target.auth_token.as_bytes()).unwrap();
    mac.update(url.as_bytes());
    for (name, value) in fields {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    let request = client
        .post(url)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("x-twilio-signature", STANDARD.encode_to_string(mac.finalize().into_bytes()))
        .body(form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish());
    request.send().await.unwrap().text().await.unwrap()
}
