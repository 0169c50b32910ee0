//! `tandem import-env`: takes credentials out of the environment into the database.

use super::{Failure, Outcome, runtime, serve::configuration, store::open_store, tool_log};
use crate::{cli::ImportEnv, config::Config, wiring};
use control_plane::import::{Done, Found, FoundNumber, ImportError, Importer};
use engine::provider::Secret;
use serde_json::{Value, json};
use std::sync::Arc;
use store_sqlite::{SqliteOptions, SqliteStore};
use twilio_rest::TwilioClient;

/// One thread waits for answers, one is enough for all else.
const THREADS: usize = 1;

/// Twilio's accounts by what they are for: the beginning of their variables, and how they are called and used. A voice account's
/// number takes calls alone.
const TWILIO: [(&str, &str, &str, i32); 3] = [
    ("TWILIO", "Twilio for calls", "voice", 0),
    ("TWILIO_SMS", "Twilio for messages", "sms", 1),
    ("TWILIO_BACKUP", "Twilio for emergencies", "backup", 10),
];
/// The other providers: their variable, kind and name.
const SERVICES: [(&str, &str, &str); 4] = [
    ("DEEPGRAM_API_KEY", "deepgram", "Deepgram"),
    ("ANTHROPIC_API_KEY", "anthropic", "Anthropic"),
    ("OPENAI_API_KEY", "openai", "OpenAI"),
    ("ELEVENLABS_API_KEY", "elevenlabs", "ElevenLabs"),
];

pub(super) fn run(import: &ImportEnv) -> Result<Outcome, Failure> {
    tool_log();
    let config = configuration(import.config.as_deref())?;
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    let found = look(&variable);
    let mut shown = Vec::new();
    let mut refused = false;
    if import.dry_run {
        shown.extend(found.iter().map(|account| (account.name, "found", None)));
    } else {
        let ring = config.key_ring()?;
        runtime(Some(THREADS))?.block_on(async {
            let importer = importer(&config, ring).await?;
            for account in &found {
                shown.push(match importer.take_over(account).await {
                    Ok(Done::Stored) => (account.name, "stored", None),
                    Ok(Done::Known) => (account.name, "known", None),
                    Err(ImportError::Refused { why, .. }) => {
                        refused = true;
                        (account.name, "refused", Some(why))
                    }
                    Err(cause) => return Err(Failure::from(cause)),
                });
            }
            Ok::<_, Failure>(())
        })?;
    }
    show(import, &config, &shown);
    Ok(if refused { Outcome::NotAsExpected } else { Outcome::Success })
}

/// The accounts whose variables are set.
fn look(variable: &impl Fn(&str) -> Option<String>) -> Vec<Found> {
    let twilio = TWILIO.into_iter().filter_map(|(prefix, name, role, priority)| {
        let of = |what: &str| variable(&format!("{prefix}_{what}"));
        let number = of("PHONE_NUMBER").map(|e164| FoundNumber { e164, sms: role != "voice" });
        Some(Found {
            kind: "twilio",
            sid: Some(of("ACCOUNT_SID")?),
            name,
            secret: Secret::new(&of("AUTH_TOKEN")?),
            roles: vec![role],
            priority,
            number,
        })
    });
    let services = SERVICES.into_iter().filter_map(|(name_of_variable, kind, name)| {
        let secret = Secret::new(&variable(name_of_variable)?);
        Some(Found { kind, sid: None, name, secret, roles: Vec::new(), priority: 0, number: None })
    });
    twilio.chain(services).collect()
}

/// The database, which is made if the server was never started.
async fn store(config: &Config) -> Result<Arc<dyn store::Store>, Failure> {
    let file = config.database_file();
    if config.store.url.is_some() || file.exists() {
        return open_store(config).await;
    }
    Ok(Arc::new(SqliteStore::open(&file, SqliteOptions::default()).await?))
}

async fn importer(config: &Config, ring: vault::KeyRing) -> Result<Importer, Failure> {
    let store = store(config).await?;
    let twilio = TwilioClient::new(wiring::carrier_api(config)?)?;
    let tenant = (config.tenant.id.as_str(), config.tenant.name.as_str());
    Ok(Importer::new(store, ring, (twilio, wiring::service_addresses(config)?), tenant).await?)
}

fn show(import: &ImportEnv, config: &Config, shown: &[(&str, &str, Option<String>)]) {
    if import.json {
        let accounts: Vec<Value> = shown
            .iter()
            .map(|(name, outcome, why)| json!({ "account": name, "outcome": outcome, "why": why }))
            .collect();
        println!("{}", json!({ "tenant": config.tenant.id, "accounts": accounts }));
        return;
    }
    for (name, outcome, why) in shown {
        match why {
            Some(why) => println!("{name}: {outcome}: {why}"),
            None => println!("{name}: {outcome}"),
        }
    }
    if shown.is_empty() {
        println!("no account's variables are set");
    }
}
