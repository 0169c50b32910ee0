//! The measurements.

use crate::house::{Failure, House};
use fixtures::sandbox::{Delivery, Sandbox, TwilioFault, TwilioRule};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};
use tokio::time::{sleep, sleep_until};

/// Messages that come to their end slower than one in this time, all disturbances included, never will.
const SLOWEST: Duration = Duration::from_millis(200);
/// The shortest patience: what waits for a retry waits for minutes.
const PATIENCE: Duration = Duration::from_secs(1_200);
/// A server lives so long before it is killed.
const LIVES: Duration = Duration::from_secs(4);
/// The carrier is disturbed anew so often.
const DISTURBED: Duration = Duration::from_millis(300);
/// Requests that a server is asked in a row before it is the other's turn: some seconds.
const A_TURN: usize = 100;
/// A server that stood still catches up before it is timed.
const SETTLE: Duration = Duration::from_secs(1);
/// What waits to be handed over.
const WAITS: [&str; 4] = ["queued", "sending", "held", "scheduled"];

fn batch(count: usize) -> Value {
    let recipients: Vec<_> = (0..count).map(|number| json!({ "phone": recipient(number) })).collect();
    json!({
        "name": "News", "recipients": recipients,
        "message": { "text": "Your parcel is on its way.", "chain": [{ "channels": ["sms"] }] },
    })
}

fn recipient(number: usize) -> String {
    format!("+1555{number:07}")
}

/// Starts a batch, and says its id.
async fn begin(house: &House, tenant: usize, count: usize) -> Result<String, Failure> {
    let made = house.accepted(tenant, "/v1/messages/batch", &batch(count), "the-batch").await;
    Ok(made["id"].as_str().ok_or("the batch that was accepted has no id")?.to_owned())
}

/// How far a batch is.
#[derive(Debug)]
struct Progress {
    /// Recipients that have no message yet.
    left: u64,
    /// Messages by their status.
    messages: HashMap<String, u64>,
}

impl Progress {
    async fn of(house: &House, tenant: usize, batch: &str) -> Option<Self> {
        let shown = house.get(tenant, &format!("/v1/batches/{batch}")).await?;
        let messages = shown["messages"].as_object()?;
        Some(Self {
            left: shown["batch"]["left"].as_u64()?,
            messages: messages
                .iter()
                .map(|(name, count)| (name.clone(), count.as_u64().unwrap_or(0)))
                .collect(),
        })
    }

    fn count(&self, is_counted: impl Fn(&str) -> bool) -> usize {
        let counted = self.messages.iter().filter(|(status, _)| is_counted(status));
        usize::try_from(counted.map(|(_, count)| count).sum::<u64>()).unwrap_or(usize::MAX)
    }

    /// Messages that have left.
    fn handed_over(&self) -> usize {
        self.count(|status| !WAITS.contains(&status))
    }
}

/// How long it may take until so many messages have come to their end.
fn patience(count: usize) -> Duration {
    PATIENCE.max(SLOWEST.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX)))
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

fn fault(resource: &str, method: &str, fault: TwilioFault) -> TwilioRule {
    TwilioRule {
        resource: resource.to_owned(),
        method: Some(method.to_owned()),
        fault: Some(fault),
        ..TwilioRule::default()
    }
}

/// One of a hundred answers is lost; every third second everything is refused for a while. A carrier that cannot be asked fails each
/// question what it took.
fn disturb(sandbox: &Sandbox, storm: bool, can_be_asked: bool) {
    let mut rules = vec![if storm {
        let refused = TwilioFault::Error { status: 429, code: Some(20429), retry_after_ms: Some(1_000) };
        TwilioRule { times: Some(200), ..fault("Messages", "POST", refused) }
    } else {
        TwilioRule { after: 100, times: Some(3), ..fault("Messages", "POST", TwilioFault::LoseAnswer) }
    }];
    if !can_be_asked {
        let failed = TwilioFault::Error { status: 500, code: None, retry_after_ms: None };
        rules.push(fault("Messages", "GET", failed));
    }
    sandbox.knobs().change(|knobs| knobs.twilio_rest.rules = rules);
}

/// Messages with kills, lost answers, refusals in storms and shuffled receipts.
pub async fn loss(
    mut house: House,
    sandbox: &Sandbox,
    count: usize,
    can_be_asked: bool,
) -> Result<(), Failure> {
    let receipts = Delivery { shuffle: true, duplicates: 1, late_ms: 5, pace_ms: 5, ..Delivery::default() };
    sandbox.knobs().change(|knobs| knobs.twilio_rest.messages = receipts);
    house.served.start().await?;
    let id = begin(&house, 0, count).await?;
    let began = Instant::now();
    let (mut kills, mut storms, mut next_kill) = (0, 0, began + LIVES);
    let last = loop {
        let storm = began.elapsed().as_secs() % 3 == 2;
        storms += u32::from(storm);
        disturb(sandbox, storm, can_be_asked);
        sleep(DISTURBED).await;
        let progress = Progress::of(&house, 0, &id).await;
        if Instant::now() >= next_kill && progress.as_ref().is_some_and(|progress| progress.left > 0) {
            house.served.kill_9()?;
            kills += 1;
            house.served.start().await?;
            next_kill = Instant::now() + LIVES;
            eprintln!("    {:.0} s, {kills} kills: {progress:?}", began.elapsed().as_secs_f64());
        }
        let Some(progress) = progress else {
            if began.elapsed() > patience(count) {
                return Err("the server does not show how far it is any more".into());
            }
            continue;
        };
        let waits = |status: &str| WAITS.contains(&status) || status == "sent" && can_be_asked;
        let is_over = progress.left == 0 && progress.count(waits) == 0;
        if is_over || began.elapsed() > patience(count) {
            break progress;
        }
    };
    let told = told(sandbox);
    let never = (0..count).filter(|number| !told.contains_key(&recipient(*number))).count();
    let twice = told.values().filter(|times| **times > 1).count();
    let asked = if can_be_asked { "" } else { " by a carrier that fails every question" };
    println!(
        "  {count} messages{asked}, {kills} kills, {storms} storms of refusals, one answer in a hundred lost, {:.0} s:",
        began.elapsed().as_secs_f64()
    );
    println!("    never at the carrier: {never}, more than once: {twice}; in the end {last:?}");
    Ok(())
}

/// Messages of so many tenants without anything wrong: from their acceptance to the carrier's answer.
pub async fn throughput(
    mut house: House,
    sandbox: &Sandbox,
    count: usize,
    tenants: usize,
) -> Result<(), Failure> {
    sandbox.knobs().change(|knobs| knobs.twilio_rest.messages.statuses = vec!["delivered".to_owned()]);
    house.served.start().await?;
    let began = Instant::now();
    let each = count.div_ceil(tenants);
    let mut batches = Vec::new();
    for tenant in 0..tenants {
        batches.push(begin(&house, tenant, each).await?);
    }
    let accepted = began.elapsed();
    let mut running: Vec<_> = batches.iter().enumerate().collect();
    while !running.is_empty() {
        sleep(Duration::from_millis(100)).await;
        let mut others = Vec::new();
        for (tenant, batch) in running {
            let progress = Progress::of(&house, tenant, batch).await;
            if progress.is_none_or(|progress| progress.left > 0 || progress.handed_over() < each) {
                others.push((tenant, batch));
            }
        }
        running = others;
        assert!(began.elapsed() < patience(count), "they are never all handed over");
    }
    let taken = began.elapsed().as_secs_f64();
    println!(
        "  {} messages of {tenants} tenants accepted in {:.2} s, all handed over after {taken:.1} s: {:.0} a second",
        each * tenants,
        accepted.as_secs_f64(),
        (each * tenants) as f64 / taken
    );
    Ok(())
}

/// One tenant's requests to send, alone and beside another's batch: of two servers, one has the batch, and they are asked in turns while
/// the other stands still, so that whatever else the machine does meets both.
pub async fn beside(
    houses: [(House, Sandbox); 2],
    recipients: usize,
    requests: usize,
) -> Result<(), Failure> {
    let [(mut alone, first), (mut loaded, second)] = houses;
    for (house, sandbox) in [(&mut alone, &first), (&mut loaded, &second)] {
        sandbox.knobs().change(|knobs| knobs.twilio_rest.messages.statuses = vec!["delivered".to_owned()]);
        house.served.start().await?;
        timed(house, 2 * A_TURN, "warm").await;
    }
    let id = begin(&loaded, 0, recipients).await?;
    let (mut idle, mut busy, mut ran) = (Vec::new(), Vec::new(), Duration::ZERO);
    let mut began = Instant::now();
    for turn in 0..requests.div_ceil(A_TURN) {
        for (house, other, times) in [(&alone, &loaded, &mut idle), (&loaded, &alone, &mut busy)] {
            other.served.stand_still()?;
            house.served.go_on()?;
            began = Instant::now();
            sleep(SETTLE).await;
            times.extend(timed(house, A_TURN, &format!("turn-{turn}")).await);
        }
        ran += began.elapsed();
    }
    let progress = Progress::of(&loaded, 0, &id).await.ok_or("the batch is not shown")?;
    let [i50, i99, b50, b99] = [(&idle, 50), (&idle, 99), (&busy, 50), (&busy, 99)].map(percentile);
    println!(
        "  {} requests of another tenant, ms: alone p50 {i50:.2} p99 {i99:.2}, beside a batch of {recipients} p50 {b50:.2} \
         p99 {b99:.2}: {:.2} times the p99 (of the batch {:.0} a second were handed over meanwhile, {} recipients were left)",
        busy.len(),
        b99 / i99,
        progress.handed_over() as f64 / ran.as_secs_f64(),
        progress.left
    );
    Ok(())
}

/// Requests at a steady rate; how long each took from when it was due, in ms.
async fn timed(house: &House, requests: usize, name: &str) -> Vec<f64> {
    const EVERY: Duration = Duration::from_millis(60);
    let mut times = Vec::new();
    let start = tokio::time::Instant::now();
    for (number, _) in (0_u32..).zip(0..requests) {
        let due = start + EVERY * number;
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
