//! Several control planes on one PostgreSQL database and one NATS server: what happens at one is told to those who follow at
//! another, and whoever followed at one that is gone goes on at the next. Where there is no PostgreSQL or no NATS the tests are left
//! out and say so.

use crate::{
    events_followed::{Followed, sid},
    nodes::Nodes,
    support::*,
};
use bus::test_server;
use control_plane::settings::{BusSettings, ControlPlaneSettings};
use engine::provider::Secret;
use fixtures::sandbox::{Sandbox, SandboxOptions, TwilioFault, TwilioRule};
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};
use twilio_rest::TwilioOptions;

/// Two nodes that hear of each other over the bus alone.
async fn nodes_on_a_bus() -> Option<(Nodes, test_server::NatsServer)> {
    let server = test_server::start()?;
    let url = server.url();
    let nodes = Nodes::new(|settings: &mut ControlPlaneSettings| {
        settings.bus = BusSettings::Nats { url: Secret::new(&url) };
        // Nobody looks by themselves.
        settings.limits.streams.poll = Duration::from_secs(3_600);
    })
    .await?;
    Some((nodes, server))
}

fn calls(told: &[crate::events_followed::Sent]) -> BTreeSet<String> {
    told.iter().map(|sent| sent.data["data"]["carrier_call_id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_at_one_node_is_told_to_those_who_follow_at_another() {
    let Some((nodes, _server)) = nodes_on_a_bus().await else { return };
    let [one, two] = &nodes.nodes;
    let mut at_one = Followed::at(one, "?types=call.started").await;
    let mut at_two = Followed::at(two, "?types=call.started").await;
    for number in 0..20 {
        let node = if number % 2 == 0 { one } else { two };
        assert_eq!(node.incoming(&sid(number)).await.status, 200);
    }
    let (told_by_one, told_by_two) = (at_one.told(20).await, at_two.told(20).await);
    assert_eq!(told_by_one, told_by_two, "everybody is told the same, in one order");
    assert_eq!(calls(&told_by_one).len(), 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_followed_at_a_node_that_is_gone_goes_on_at_another_without_loss() {
    let Some((Nodes { nodes: [one, two], .. }, _server)) = nodes_on_a_bus().await else { return };
    let mut followed = Followed::at(&two, "?types=call.started").await;
    for number in 0..5 {
        one.incoming(&sid(number)).await;
    }
    let mut told = followed.told(3).await;
    let last = followed.last_id.clone();
    // It is gone without a word, and more happens before its listeners come back.
    drop((followed, two));
    for number in 5..10 {
        one.incoming(&sid(number)).await;
    }
    let mut followed = Followed::after(&one, "?types=call.started", &last).await;
    for number in 10..12 {
        one.incoming(&sid(number)).await;
    }
    told.extend(followed.told(9).await);
    let expected: BTreeSet<String> = (0..12).map(sid).collect();
    assert_eq!(calls(&told), expected);
    let places: Vec<i64> = told.iter().map(|sent| sent.id.as_ref().unwrap().parse().unwrap()).collect();
    assert!(places.is_sorted_by(|one, two| one < two), "{places:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_bus_nodes_look_for_what_happened_by_themselves() {
    let looks = |settings: &mut ControlPlaneSettings| {
        settings.limits.streams.poll = Duration::from_millis(20);
    };
    let Some(nodes) = Nodes::new(looks).await else { return };
    let [one, two] = &nodes.nodes;
    let mut followed = Followed::at(two, "").await;
    one.incoming(&sid(1)).await;
    assert_eq!(calls(&followed.told(1).await), [sid(1)].into());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_node_that_is_gone_held_is_sent_by_another_once() {
    const MESSAGES: usize = 12;
    let Some(url) = store_postgres::test_server::database().await else { return };
    let sandbox = Sandbox::start(SandboxOptions::without_delay()).await.unwrap();
    // The carrier takes some and never says so: whoever sent them does not know what came of it.
    let rule = TwilioRule {
        resource: "Messages".to_owned(),
        method: Some("POST".to_owned()),
        times: Some(4),
        fault: Some(TwilioFault::NeverAnswer),
        ..TwilioRule::default()
    };
    sandbox.knobs().change(|knobs| knobs.twilio_rest.rules = vec![rule]);
    let main = format!("AC{}", "0".repeat(32));
    let change = |settings: &mut ControlPlaneSettings| {
        settings.tenant.twilio.account_sid.clone_from(&main);
        settings.tenant.twilio.auth_token = Secret::new("sandbox");
        settings.tenant.numbers = vec!["+15550100".to_owned()];
        settings.twilio = TwilioOptions::at(sandbox.base_url().parse().unwrap());
        settings.limits.outbox.poll = Duration::from_millis(10);
        settings.limits.outbox.lease = Duration::from_millis(500);
    };
    let carried = || {
        let messages = sandbox.twilio()[&main]["messages"].as_array().cloned().unwrap_or_default();
        messages.iter().map(|message| message["to"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let one = Nodes::node(Folder::new(), &url, None, change).await;
    let mut ids = Vec::new();
    for number in 0..MESSAGES {
        let to = format!("+15550{number:03}42");
        let body = json!({ "to": { "phone": to }, "chain": [{ "channels": ["sms"] }], "text": "Hello." });
        let answer = one.post_json("/v1/messages", &body).await;
        assert_eq!(answer.status, 202, "{}", answer.text());
        ids.push(answer.json()["id"].as_str().unwrap().to_owned());
    }
    until(async || (carried().len() >= 4).then_some(()), "a carrier with four messages").await;
    let (key, folder) = (one.key.clone(), Folder::new());
    std::fs::create_dir_all(&folder.0).unwrap();
    std::fs::copy(one.folder.0.join("secrets.key"), folder.0.join("secrets.key")).unwrap();
    drop(one);
    let two = Nodes::node(folder, &url, Some(key), change).await;
    for id in ids {
        let is_sent = |shown: &Value| ["sent", "delivered"].contains(&shown["status"].as_str().unwrap());
        two.shows(&format!("/v1/messages/{id}"), is_sent).await;
    }
    let all = carried();
    assert_eq!(all.len(), MESSAGES, "{all:?}");
    assert_eq!(all.into_iter().collect::<BTreeSet<_>>().len(), MESSAGES, "nothing is sent twice");
}
