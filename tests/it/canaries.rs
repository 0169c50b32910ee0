//! Secrets are nowhere but where they belong.
//!
//! The real program runs with a canary in every credential of its configuration; another is put into every credential field of
//! the REST API, and everything that the program makes itself (keys, tokens, codes) is one too. Providers refuse and repeat what
//! they were sent, webhooks and tools fail, strangers show what is no credential here. Then all of it is looked for, byte by byte
//! and in every usual encoding, in each log line, at the most verbose level, in each answer but the one that shows it once, in the
//! journals and metrics, in each file of the data folder, in the database and in its server's files.

mod echo;
mod house;
mod places;
mod planting;
mod secret;

use fixtures::{
    call::Fixture,
    carrier::{Carrier, CarrierOptions},
};
use house::{As, House, OWN_NUMBER};
use places::{Postgres, leaks_of_files};
use planting::STORED_NUMBER;
use reqwest::Method;
use serde_json::{Value, json};
use std::{collections::BTreeSet, path::Path, time::SystemTime};

/// The document that describes the API.
const OPENAPI: &str = include_str!("../../control-plane/openapi.json");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_are_nowhere_but_where_they_belong() {
    let since = SystemTime::now();
    let mut house = House::open(None, true).await;
    live(&house).await;
    configurations_that_cannot_be_read(&house);
    // While it runs: the journal beside the database has what is not yet in it.
    let mut leaks = leaks_of_files(&house.search(), &house.data(), since);
    house.stop();
    let search = house.search();
    leaks.extend(leaks_of_files(&search, &house.data(), since));
    leaks.extend(house.leaks_of_what_was_said(&search));
    assert_none(leaks);
    every_credential_was_planted(&house);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_are_nowhere_in_postgresql_but_where_they_belong() {
    let since = SystemTime::now();
    let Some(postgres) = Postgres::new().await else { return };
    let mut house = House::open(Some(&postgres.url), false).await;
    live(&house).await;
    house.stop();
    let search = house.search();
    let mut leaks = postgres.leaks(&search, since);
    leaks.extend(leaks_of_files(&search, &house.data(), since));
    leaks.extend(house.leaks_of_what_was_said(&search));
    assert_none(leaks);
}

fn assert_none(leaks: Vec<String>) {
    let leaks: BTreeSet<_> = leaks.into_iter().collect();
    assert!(
        leaks.is_empty(),
        "{} secrets are where they do not belong:\n{}",
        leaks.len(),
        leaks.into_iter().collect::<Vec<_>>().join("\n")
    );
}

/// All that happens while the program runs.
async fn live(house: &House) {
    let own = {
        let (sid, token) = house.own_account.clone();
        call(house, OWN_NUMBER, sid, token, "order-status")
    };
    let (planted, ()) = tokio::join!(planting::everything(house), own);
    let (sid, token) = planted.stored.clone();
    call(house, STORED_NUMBER, sid, token, "greeting-and-goodbye").await;
    let shop = As::bearer(&house.first_key);
    house.echo.carrier_refuses(true);
    let outbound = json!({ "to": "+15550122", "from": OWN_NUMBER });
    house.post(&shop, "/v1/calls", outbound).await;
    house.post(&shop, "/v1/health/providers/check", json!({})).await;
    house.post(&planted.admin.of(&planted.tenants[2]), "/v1/health/providers/check", json!({})).await;
    let (_, said) = house.run(&["doctor", "--json"]);
    assert!(said > 0);
    house.run(&["keys", "status", "--json"]);
    house.echo.carrier_refuses(false);
    everything_is_read(house, &shop, None).await;
    for tenant in &planted.tenants {
        everything_is_read(house, &planted.admin.of(tenant), Some(tenant)).await;
    }
    everything_is_read(house, &planted.admin, None).await;
    let nobody = As::default();
    let metrics = house.get(&nobody, "/metrics").await;
    assert!(metrics.text.contains("tandem_"), "{}", metrics.text);
    house.done(&planted.admin, Method::POST, "/v1/auth/sign-out", json!({ "everywhere": true })).await;
    for (path, bytes) in house.echo.heard(&["/customer", "/tools"]) {
        house.keep(&format!("what was sent to {path}"), bytes, &[]);
    }
    it_really_hurts(house);
}

/// A call from its ringing to its end, as long as it takes.
async fn call(house: &House, number: &str, sid: String, token: String, fixture: &str) {
    let server = house.url("");
    let options = CarrierOptions {
        to: number.to_owned(),
        status_url: Some(format!("{server}/api/voice/status")),
        ..CarrierOptions::new(format!("{server}/api/voice/incoming"), sid, token)
    };
    let fixture = Fixture::named(fixture).unwrap();
    // By itself: whoever else works here may keep this task waiting, and a call goes on.
    let call =
        tokio::spawn(async move { Carrier::new(options).unwrap().run(&fixture, |_| {}).await.unwrap() });
    let report = call.await.unwrap();
    house.keep("what the carrier tells of a call", format!("{report:?}").into_bytes(), &[]);
    assert!(!report.stream_sids.is_empty(), "{report:?}");
}

/// The secrets were really sent where they belong: whoever repeats them has them to repeat.
fn it_really_hurts(house: &House) {
    let search = house.search();
    let mut sent = BTreeSet::new();
    for (_, bytes) in house.echo.heard(&["/"]) {
        sent.extend(search.leaks(&bytes).into_iter().map(|(field, _)| field));
    }
    for field in [
        "config providers.anthropic.api_key",
        "config providers.elevenlabs.api_key",
        "config tenant.twilio.auth_token",
        "NewProviderAccount.secrets of deepgram",
        "NewProviderAccount.secrets of openai, wrong",
        "SecretForm.secret of deepgram",
        "SecretForm.secret of anthropic",
        "SecretForm.secret of elevenlabs",
        "OwnAccountForm.auth_token refused",
    ] {
        assert!(sent.contains(field), "{field} was never sent: {sent:?}");
    }
    assert!(!house.echo.heard(&["/tools"]).is_empty() && !house.echo.heard(&["/customer"]).is_empty());
}

/// Everything that can be read, is: lists, and what is in them.
async fn everything_is_read(house: &House, who: &As, tenant: Option<&str>) {
    let document: Value = serde_json::from_str(OPENAPI).unwrap();
    let paths: Vec<_> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, item)| item["get"].is_object())
        .map(|(path, _)| path.clone())
        // What goes on for ever cannot be read to its end.
        .filter(|path| !path.ends_with("/listen") && !path.contains("{provider}"))
        .filter(|path| path != "/v1/events" && path != "/v1/ws")
        .collect();
    let own = tenant.unwrap_or("shop");
    let mut ids = Vec::new();
    for path in paths.iter().filter(|path| !path.contains("{id}")) {
        let path = path.replace("{tenant_id}", own);
        let answer = house.get(who, &path).await;
        assert!(answer.status < 500 && answer.status != 429, "{path}: {}", answer.text);
        for item in answer.json["data"].as_array().into_iter().flatten().take(5) {
            if let Some(id) = item["id"].as_str() {
                ids.push((path.clone(), id.to_owned()));
            }
        }
    }
    for (list, id) in ids {
        for path in paths
            .iter()
            .filter(|path| path.strip_prefix(list.as_str()).is_some_and(|rest| rest.starts_with("/{id}")))
        {
            let path = path.replace("{id}", &id);
            let answer = house.get(who, &path).await;
            assert!(answer.status < 500 || answer.status == 502, "{path}: {} {}", answer.status, answer.text);
            if path.ends_with("/url") && answer.status == 200 {
                let url = answer.json["url"].as_str().unwrap();
                let (_, signature) = url.rsplit_once('=').unwrap();
                house.shown(&answer, &format!("a link to recording {id}"), signature);
                follow(house, url).await;
            }
        }
    }
}

/// A link is followed as it is, and with a signature that is not good.
async fn follow(house: &House, url: &str) {
    let Some((_, path)) = url.split_once(&house.address.to_string()) else { return };
    assert_eq!(house.get(&As::default(), path).await.status, 200, "{path}");
    assert_ne!(house.get(&As::default(), &format!("{path}x")).await.status, 200, "{path}");
}

/// Every line of the configuration with a secret, written wrongly: what is said about it does not repeat it.
fn configurations_that_cannot_be_read(house: &House) {
    let search = house.search();
    let file = house.folder.path().join("tandem.toml");
    let good = std::fs::read_to_string(&file).unwrap();
    let mut wrong = 0;
    for line in good.lines().filter(|line| !search.leaks(line.as_bytes()).is_empty()) {
        let (key, value) = line.split_once(" = ").unwrap();
        for line_instead in [
            format!("{key} = {}", value.trim_end_matches(['"', ']'])),
            format!("{key} = {{ it = {value} }}"),
            format!("{key}s = {value}"),
            format!("{key} = {value} {value}"),
            format!("{key} {value}"),
        ] {
            std::fs::write(&file, good.replace(line, &line_instead)).unwrap();
            let (output, _) = house.run(&["keys", "status"]);
            assert_eq!(output.status.code(), Some(2), "{line_instead}");
            wrong += 1;
        }
    }
    assert!(wrong > 40, "{wrong}");
    // A database that is none, or whose address cannot be read.
    let echo = house.echo.address.to_string();
    for (scheme, host) in
        [("postgres", echo.as_str()), ("postgres", "127.0.0.1:port"), ("mysql", "localhost")]
    {
        let password = house.plant(&format!("config store.url {scheme} {host}"));
        let url = format!("{scheme}://tandem:{password}@{host}/tandem");
        std::fs::write(&file, good.replace("[store]\n", &format!("[store]\nurl = \"{url}\"\n"))).unwrap();
        for command in [["serve"].as_slice(), &["keys", "status"], &["doctor"]] {
            let (output, _) = house.run(command);
            assert!(!output.status.success(), "{output:?}");
        }
    }
    std::fs::write(&file, good).unwrap();
}

/// Nobody adds a credential without telling this test.
fn every_credential_was_planted(house: &House) {
    let planted = house.planted();
    let is_planted = |field: &str| {
        planted.iter().any(|known| {
            known
                .strip_prefix(field)
                .is_some_and(|rest| !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_'))
        })
    };
    let document: Value = serde_json::from_str(OPENAPI).unwrap();
    let mut fields = Vec::new();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        for (property, schema) in schema["properties"].as_object().into_iter().flatten() {
            if is_secret(schema) {
                fields.push(format!("{name}.{property}"));
            }
        }
    }
    assert!(fields.len() > 12, "{fields:?}");
    // A code is too short to be found anywhere; it is looked for in texts.
    let missing: Vec<_> =
        fields.iter().filter(|field| !field.ends_with(".code") && !is_planted(field)).collect();
    assert!(missing.is_empty(), "nothing is planted in {missing:?}");

    let mut options = Vec::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            continue;
        }
        let text = std::fs::read_to_string(path).unwrap();
        let option = |line: &str| {
            Some(line.trim().strip_prefix("pub ")?.split_once(": ")?.0.to_owned())
                .filter(|_| line.contains("Secret"))
        };
        options.extend(
            text.lines()
                .filter(|line| line.contains("Secret>") || line.contains(": Secret,"))
                .filter_map(option),
        );
    }
    assert!(options.len() > 8, "{options:?}");
    let missing: Vec<_> = options
        .iter()
        .filter(|option| {
            !planted.iter().any(|known| {
                known.starts_with("config ") && known.split([' ', '.']).any(|part| part == option.as_str())
            })
        })
        .collect();
    assert!(missing.is_empty(), "nothing is planted in {missing:?}");
}

/// Whether a property is a secret, or a list or map of them.
fn is_secret(schema: &Value) -> bool {
    match schema {
        Value::Object(fields) => {
            fields.get("writeOnly") == Some(&json!(true))
                || fields.get("format") == Some(&json!("password"))
                || fields.get("$ref") == Some(&json!("#/components/schemas/Secret"))
                || ["items", "additionalProperties", "oneOf", "allOf", "anyOf"]
                    .iter()
                    .any(|name| fields.get(*name).is_some_and(is_secret))
        }
        Value::Array(options) => options.iter().any(is_secret),
        _ => false,
    }
}
