//! `tandem keys`: makes, changes and counts the keys that protect stored credentials.

use super::{Failure, Outcome, runtime, serve::configuration, store::open_store, tool_log};
use crate::cli::{Keys, KeysCommand, Rotate};
use serde_json::json;
use std::collections::BTreeMap;
use vault::{KekId, Mode, Status, Vault, new_key};

/// One thread waits for the database, one is enough for all else.
const THREADS: usize = 1;

pub(super) fn run(keys: &Keys) -> Result<Outcome, Failure> {
    tool_log();
    if matches!(keys.command, KeysCommand::New) {
        println!("{}", new_key()?.reveal());
        eprintln!(
            "A new key. Add it at the end of secrets.keys, or as the last line of the key file, on every node; then run\n\
             `tandem keys rotate`. Keep a copy apart from the database."
        );
        return Ok(Outcome::Success);
    }
    let config = configuration(keys.config.as_deref())?;
    let ring = config.known_key_ring()?;
    runtime(Some(THREADS))?.block_on(async {
        let vault = Vault::new(open_store(&config).await?, ring);
        match &keys.command {
            KeysCommand::New => Ok(Outcome::Success),
            KeysCommand::Status { json } => status(&vault, *json).await,
            KeysCommand::Rotate(how) => rotate(&vault, how).await,
        }
    })
}

async fn status(vault: &Vault, json: bool) -> Result<Outcome, Failure> {
    let status = vault.status(None).await?;
    let sound = status.shut == 0 && status.secrets_shut == 0;
    if json {
        let ring = vault.ring().ids().map(|id| {
            json!({
                "id": id.as_str(),
                "active": id == vault.ring().active(),
                "data_keys": status.data_keys.get(id).copied().unwrap_or(0),
            })
        });
        let shown = json!({
            "keys": ring.collect::<Vec<_>>(),
            "missing_keys": missing(vault, &status.data_keys),
            "tenants": status.tenants,
            "data_keys": { "all": status.data_keys.values().sum::<u64>(), "retired": status.retired, "shut": status.shut },
            "secrets": { "active": status.secrets, "retired": status.secrets_of_retired, "shut": status.secrets_shut },
        });
        println!("{shown}");
    } else {
        for id in vault.ring().ids() {
            let count = status.data_keys.get(id).copied().unwrap_or(0);
            let role = if id == vault.ring().active() { "wraps" } else { "opens only" };
            println!("{id}  {role}, {count} data keys");
        }
        for (id, count) in missing(vault, &status.data_keys) {
            println!("{id}  not among this node's keys, {count} data keys cannot be opened");
        }
        println!(
            "{} tenants: {} data keys ({} of them retired, {} do not open); {} secrets with the active data key, {} with one \
             before it, {} do not open",
            status.tenants,
            status.data_keys.values().sum::<u64>(),
            status.retired,
            status.shut,
            status.secrets,
            status.secrets_of_retired,
            status.secrets_shut
        );
        advise(vault, &status);
    }
    Ok(if sound { Outcome::Success } else { Outcome::NotAsExpected })
}

/// Keys that are needed and not there, and by how many data keys.
fn missing<'a>(vault: &Vault, needed: &'a BTreeMap<KekId, u64>) -> BTreeMap<&'a str, u64> {
    let known = |id: &KekId| vault.ring().ids().any(|known| known == id);
    needed.iter().filter(|(id, _)| !known(id)).map(|(id, count)| (id.as_str(), *count)).collect()
}

fn advise(vault: &Vault, status: &Status) {
    let idle =
        vault.ring().ids().filter(|id| *id != vault.ring().active() && !status.data_keys.contains_key(id));
    for id in idle {
        println!(
            "{id} wraps nothing any more: take it out on every node, and keep it with backups of the time before"
        );
    }
}

async fn rotate(vault: &Vault, how: &Rotate) -> Result<Outcome, Failure> {
    let mode = if how.dry_run { Mode::DryRun } else { Mode::Apply };
    let rewrapped = vault.rewrap(mode).await?;
    let renewed = if how.data_keys { Some(vault.renew_data_keys(mode).await?) } else { None };
    let sound = rewrapped.unknown.is_empty()
        && rewrapped.damaged == 0
        && renewed.as_ref().is_none_or(|renewed| renewed.left == 0);
    if how.json {
        let shown = json!({
            "dry_run": how.dry_run,
            "active_key": vault.ring().active().as_str(),
            "tenants": rewrapped.tenants,
            "rewrapped": rewrapped.rewrapped,
            "unchanged": rewrapped.unchanged,
            "missing_keys": missing(vault, &rewrapped.unknown),
            "damaged": rewrapped.damaged,
            "data_keys": renewed.as_ref().map(|renewed| json!({
                "continued": renewed.continued,
                "new": renewed.data_keys,
                "resealed": renewed.resealed,
                "left": renewed.left,
            })),
        });
        println!("{shown}");
        return Ok(if sound { Outcome::Success } else { Outcome::NotAsExpected });
    }
    let would = if how.dry_run { "would be" } else { "are" };
    println!(
        "{} tenants: {} data keys {would} wrapped with {} now, {} were already",
        rewrapped.tenants,
        rewrapped.rewrapped,
        vault.ring().active(),
        rewrapped.unchanged
    );
    for (id, count) in &rewrapped.unknown {
        println!(
            "{count} data keys are wrapped with {id}, which is not among this node's keys: they stay as they are"
        );
    }
    if rewrapped.damaged > 0 {
        println!(
            "{} data keys were changed or moved and do not open: they stay as they are",
            rewrapped.damaged
        );
    }
    if let Some(renewed) = renewed {
        if renewed.continued {
            println!("going on with a renewal that was cut off before");
        }
        println!(
            "{} tenants {} a new data key; {} secrets {would} sealed with it, {} stay as they are",
            renewed.data_keys,
            if how.dry_run { "would have" } else { "have" },
            renewed.resealed,
            renewed.left
        );
    }
    if !how.dry_run {
        advise(vault, &vault.status(None).await?);
    }
    Ok(if sound { Outcome::Success } else { Outcome::NotAsExpected })
}
