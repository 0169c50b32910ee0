//! Signed voice webhooks. At a steady rate a request's time runs from when it was due, so that one that had to wait for
//! others shows it.

use crate::{seed::Target, server::Server};
use base64_simd::STANDARD;
use engine::provider::http::{HttpOptions, http_client};
use hmac::{Hmac, KeyInit, Mac};
use rand::{RngExt, rng};
use reqwest::Client;
use sha1::Sha1;
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};
use url::form_urlencoded;

pub struct Driver {
    client: Client,
    /// Calls so far: each has an id of its own.
    calls: AtomicU64,
}

impl Driver {
    pub fn new() -> Self {
        Self { client: http_client(HttpOptions::default()).unwrap(), calls: AtomicU64::new(0) }
    }

    /// A call to each of the numbers, so many a second; how long each took, in ms.
    pub async fn at_a_rate(&self, server: &Server, targets: Vec<Target>, rate: u32) -> Vec<f64> {
        let every = Duration::from_secs(1) / rate;
        let mut running = JoinSet::new();
        let start = Instant::now();
        for (target, place) in targets.into_iter().zip(0_u32..) {
            let due = start + every * place;
            sleep_until(due).await;
            let asking = self.incoming(server, &target);
            running.spawn(async move {
                asking.await;
                due.elapsed().as_secs_f64() * 1_000.0
            });
        }
        running.join_all().await
    }

    /// Calls to numbers at random.
    pub async fn for_a_while(&self, server: &Server, rate: u32, time: Duration) -> Vec<f64> {
        let calls = time.as_secs_f64() * f64::from(rate);
        let targets = (0..calls as usize).map(|_| at_random(server).clone()).collect();
        self.at_a_rate(server, targets, rate).await
    }

    /// Calls to numbers at random, each as soon as one of `at_once` has been answered: how many a second.
    pub async fn rush(&self, server: &Server, at_once: usize, time: Duration) -> f64 {
        let begin = Instant::now();
        let mut answered = 0_u32;
        let mut running = JoinSet::new();
        for _ in 0..at_once {
            running.spawn(self.incoming(server, at_random(server)));
        }
        while let Some(done) = running.join_next().await {
            done.unwrap();
            answered += 1;
            if begin.elapsed() < time {
                running.spawn(self.incoming(server, at_random(server)));
            }
        }
        f64::from(answered) / begin.elapsed().as_secs_f64()
    }

    /// Asks what to do with a call that comes in, and expects a stream.
    fn incoming(&self, server: &Server, target: &Target) -> impl Future<Output = ()> + Send + use<> {
        let url = format!("{}/api/voice/incoming", server.served.base_url);
        let sid = format!("CA{:032}", self.calls.fetch_add(1, Ordering::Relaxed));
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
        let request = self
            .client
            .post(url)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("x-twilio-signature", STANDARD.encode_to_string(mac.finalize().into_bytes()))
            .body(form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish());
        async move {
            let answer = request.send().await.unwrap().text().await.unwrap();
            assert!(answer.contains("<Stream "), "{answer}");
        }
    }
}

fn at_random(server: &Server) -> &Target {
    &server.targets[rng().random_range(0..server.targets.len())]
}
