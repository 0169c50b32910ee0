//! The three measurements.

use crate::house::House;
use fixtures::sandbox::{Delivery, Sandbox, TwilioFault, TwilioRule};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};
use tokio::time::{sleep, sleep_until};

/// Everything has come to its end after so long, or never will.
const PATIENCE: Duration = Duration::from_secs(600);
/// A server lives so long before it is killed.
const LIVES: Duration = Duration::from_secs(4);

fn recipients(count: usize) -> Vec<Value> {
    (0..count).map(|number| json!({ "phone": format!("+1555{number:07}") })).collect()
}

fn batch(count: usize) -> Value {
    json!({
        "name": "News", "recipients": recipients(count),
        "message": { "text": "Your parcel is on its way.", "chain": [{ "channels": ["sms"] }] },
    })
}

/// Starts a batch, and says its id. An answer that got lost is asked for again with the same key.
async fn begin(house: &House, tenant: usize, count: usize) -> String {
    let body = batch(count);
    for _ in 0..20 {
        match house.post(tenant, "/v1/messages/batch", &body, "the-batch").await {
            Some((202, made)) => return made["id"].as_str().unwrap().to_owned(),
            Some((status, said)) => panic!("{status} {said}"),
            None => sleep(Duration::from_millis(200)).await,
        }
    }
    panic!("the batch is not accepted");
}

/// How many messages of the batch are in which state, and how many recipients have none.
async fn progress(house: &House, tenant: usize, batch: &str) -> Option<(u64, HashMap<String, u64>)> {
    let shown = house.get(tenant, &format!("/v1/batches/{batch}")).await?;
    let left = shown["batch"]["left"].as_u64()?;
    let counts = shown["messages"].as_object()?;
    Some((left, counts.iter().map(|(name, count)| (name.clone(), count.as_u64().unwrap_or(0))).collect()))
}

fn is_over(state: &str) -> bool {
    matches!(state, "delivered" | "read" | "undelivered" | "failed" | "bounced" | "canceled")
}

/// How often each recipient was told, by what the carrier has.
fn told(sandbox: &Sandbox) -> HashMap<String, u32> {
    let mut told = HashMap::new();
    let accounts = sandbox.twilio();
    for account in accounts.as_object().into_iter().flatten().map(|(_, account)| account) {
        for message in account["messages"].as_array().into_iter().flatten() {
            *told.entry(message["to"].as_str().unwrap_or_default().to_owned()).or_insert(0) += 1;
        }
    }
    told
}

/// Messages with kills, lost answers, refusals in storms and shuffled receipts.
pub async fn loss(mut house: House, sandbox: &Sandbox, count: usize) {
    let receipts = Delivery { shuffle: true, duplicates: 1, late_ms: 5, pace_ms: 5, ..Delivery::default() };
    sandbox.knobs().change(|knobs| knobs.twilio_rest.messages = receipts);
    house.start().await;
    let id = begin(&house, 0, count).await;
    let began = Instant::now();
    let (mut kills, mut storms, mut next_kill) = (0, 0, tokio::time::Instant::now() + LIVES);
    loop {
        // One of a hundred answers is lost; every third second everything is refused for a while.
        let storm = began.elapsed().as_secs() % 3 == 2;
        storms += u32::from(storm);
        let fault = if storm {
            TwilioFault::Error { status: 429, code: Some(20429), retry_after_ms: Some(1_000) }
        } else {
            TwilioFault::LoseAnswer
        };
        let rule = TwilioRule {
            resource: "Messages".to_owned(),
            method: Some("POST".to_owned()),
            after: if storm { 0 } else { 100 },
            times: Some(if storm { 200 } else { 3 }),
            fault: Some(fault),
            ..TwilioRule::default()
        };
        sandbox.knobs().change(|knobs| knobs.twilio_rest.rules = vec![rule]);
        sleep(Duration::from_millis(300)).await;
        if tokio::time::Instant::now() >= next_kill && began.elapsed() < PATIENCE / 2 {
            house.kill_9();
            kills += 1;
            house.start().await;
            next_kill = tokio::time::Instant::now() + LIVES;
            if let Some((left, counts)) = progress(&house, 0, &id).await {
                eprintln!(
                    "    {:.0} s, {kills} kills: {left} left, {counts:?}",
                    began.elapsed().as_secs_f64()
                );
            }
        }
        let Some((left, counts)) = progress(&house, 0, &id).await else { continue };
        let over: u64 = counts.iter().filter(|(state, _)| is_over(state)).map(|(_, count)| count).sum();
        if left == 0 && over >= u64::try_from(count).unwrap() || began.elapsed() > PATIENCE {
            break;
        }
    }
    let (left, counts) = progress(&house, 0, &id).await.unwrap();
    let told = told(sandbox);
    let never = (0..count).filter(|number| !told.contains_key(&format!("+1555{number:07}"))).count();
    let twice = told.values().filter(|times| **times > 1).count();
    println!(
        "  {count} messages, {kills} kills, {storms} storms of refusals, one answer in a hundred lost, {:.0} s:",
        began.elapsed().as_secs_f64()
    );
    println!(
        "    never at the carrier: {never}, more than once: {twice}; recipients left: {left}; states: {counts:?}"
    );
}

/// Messages without anything wrong: from their acceptance to the carrier's answer.
pub async fn throughput(mut house: House, sandbox: &Sandbox, count: usize) {
    sandbox.knobs().change(|knobs| knobs.twilio_rest.messages.statuses = vec!["delivered".to_owned()]);
    house.start().await;
    let began = Instant::now();
    let id = begin(&house, 0, count).await;
    let accepted = began.elapsed();
    let whole = u64::try_from(count).unwrap();
    loop {
        sleep(Duration::from_millis(100)).await;
        let Some((left, counts)) = progress(&house, 0, &id).await else { continue };
        let waits = ["queued", "sending", "held", "scheduled"];
        let handed: u64 =
            counts.iter().filter(|(state, _)| !waits.contains(&state.as_str())).map(|(_, count)| count).sum();
        if left == 0 && handed >= whole {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "they are never all handed over: {left} {counts:?}");
    }
    let taken = began.elapsed().as_secs_f64();
    println!(
        "  {count} messages accepted in {:.2} s, all handed over after {taken:.1} s: {:.0} a second",
        accepted.as_secs_f64(),
        count as f64 / taken
    );
}

/// One tenant's requests to send, alone and beside another's batch.
pub async fn beside(mut house: House, sandbox: &Sandbox, recipients: usize, requests: usize) {
    sandbox.knobs().change(|knobs| knobs.twilio_rest.messages.statuses = vec!["delivered".to_owned()]);
    house.start().await;
    timed(&house, 50, "warm").await;
    let idle = timed(&house, requests, "idle").await;
    let id = begin(&house, 0, recipients).await;
    let busy = timed(&house, requests, "busy").await;
    let (left, _) = progress(&house, 0, &id).await.unwrap();
    let [i50, i99, b50, b99] = [(&idle, 50), (&idle, 99), (&busy, 50), (&busy, 99)].map(percentile);
    println!(
        "  {requests} requests of another tenant, ms: alone p50 {i50:.2} p99 {i99:.2}, beside a batch of {recipients} p50 {b50:.2} \
         p99 {b99:.2}: {:.2} times the p99 ({left} recipients still without a message in the end)",
        b99 / i99
    );
}

/// Requests at a steady rate; how long each took from when it was due, in ms.
async fn timed(house: &House, requests: usize, name: &str) -> Vec<f64> {
    const EVERY: Duration = Duration::from_millis(60);
    let mut times = Vec::new();
    let start = tokio::time::Instant::now();
    for number in 0..requests {
        let due = start + EVERY * u32::try_from(number).unwrap();
        sleep_until(due).await;
        let body = json!({
            "to": { "phone": "+15550199" }, "text": format!("{name} {number}"), "chain": [{ "channels": ["sms"] }],
            "send_at": "2027-10-01T00:00:00Z",
        });
        let answer = house.post(1, "/v1/messages", &body, &format!("{name}-{number}")).await;
        assert_eq!(answer.as_ref().map(|(status, _)| *status), Some(202), "{answer:?}");
        times.push(due.elapsed().as_secs_f64() * 1_000.0);
    }
    times
}

/// By nearest rank.
fn percentile((values, percent): (&Vec<f64>, usize)) -> f64 {
    let mut sorted = values.clone();
    sorted.sort_unstable_by(f64::total_cmp);
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or(f64::NAN)
}
