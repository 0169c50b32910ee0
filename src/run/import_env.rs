//! `tandem import-env`: takes credentials out of the environment into the database.

use super::{Failure, Outcome, runtime, serve::configuration, store::open_store, tool_log};
use crate::{cli::ImportEnv, config::Config, wiring};
use control_plane::{
    import::{Done, Found, FoundNumber, ImportError, Importer},
    messengers::Messengers,
};
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

/// WhatsApp's tokens in the order in which they stand in for each other: their variables, ids and names.
const WHAPI: [(&str, &str, &str); 3] = [
    ("WHAPI_TOKEN", "whapi", "Whapi"),
    ("WHAPI_TOKEN_BACKUP_1", "whapi-backup-1", "Whapi, first backup"),
    ("WHAPI_TOKEN_BACKUP_2", "whapi-backup-2", "Whapi, second backup"),
];

/// Values that templates of messages know: their variables, and their names in templates.
const TEMPLATE_VARIABLES: [(&str, &str); 2] =
    [("STORE_ADDRESS", "store_address"), ("STORE_PHONE", "store_phone")];
/// What they are called together.
const VALUES: &str = "Values for templates";

/// Where a mailbox is unless `ARA_IMAP_HOST` says otherwise.
const IMAP_HOST: &str = "imap.gmail.com";

pub(super) fn run(import: &ImportEnv) -> Result<Outcome, Failure> {
    tool_log();
    let config = configuration(import.config.as_deref())?;
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    let found = look(&variable)?;
    let values: Vec<(&str, String)> =
        TEMPLATE_VARIABLES.iter().filter_map(|(name, known)| Some((*known, variable(name)?))).collect();
    let mut shown = Vec::new();
    let mut refused = false;
    if import.dry_run {
        shown.extend(found.iter().map(|account| (account.name, "found", None)));
        shown.extend((!values.is_empty()).then_some((VALUES, "found", None)));
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
            if !values.is_empty() {
                let done = importer.template_variables(&values).await?;
                shown.push((VALUES, if done == Done::Stored { "stored" } else { "known" }, None));
            }
            Ok::<_, Failure>(())
        })?;
    }
    show(import, &config, &shown);
    Ok(if refused { Outcome::NotAsExpected } else { Outcome::Success })
}

/// The accounts whose variables are set, each as often as it has numbers.
fn look(variable: &impl Fn(&str) -> Option<String>) -> Result<Vec<Found>, Failure> {
    let mut found = Vec::new();
    for (prefix, name, role, priority) in TWILIO {
        let of = |what: &str| variable(&format!("{prefix}_{what}"));
        let (Some(sid), Some(token)) = (of("ACCOUNT_SID"), of("AUTH_TOKEN")) else { continue };
        let account = |number| Found {
            kind: "twilio",
            sid: Some(sid.trim().to_owned()),
            name,
            secret: Secret::new(token.trim()),
            roles: vec![role],
            priority,
            more: Vec::new(),
            properties: Vec::new(),
            number,
        };
        let numbers = of("PHONE_NUMBER").unwrap_or_default();
        let mut numbers = numbers.split(',').map(str::trim).filter(|number| !number.is_empty()).peekable();
        if numbers.peek().is_none() {
            found.push(account(None));
        }
        for number in numbers {
            if !is_e164(number) {
                let detail =
                    format!("{prefix}_PHONE_NUMBER: {number} is no number in E.164, such as +15550100");
                return Err(Failure::new(detail));
            }
            found.push(account(Some(FoundNumber { e164: number.to_owned(), sms: role != "voice" })));
        }
    }
    for (name_of_variable, kind, name) in SERVICES {
        let Some(key) = variable(name_of_variable) else { continue };
        found.push(plain(kind, None, name, &key, 0));
    }
    for ((name_of_variable, sid, name), priority) in WHAPI.into_iter().zip(0..) {
        let Some(token) = variable(name_of_variable) else { continue };
        found.push(plain("whapi", Some(sid), name, &token, priority));
    }
    if let Some(key) = variable("ONESIGNAL_REST_API_KEY") {
        let Some(app) = variable("ONESIGNAL_APP_ID") else {
            return Err(Failure::new(
                "ONESIGNAL_REST_API_KEY is set, and ONESIGNAL_APP_ID is not".to_owned(),
            ));
        };
        let properties = vec![("app_id", app.trim().to_owned())];
        found.push(Found { properties, ..plain("onesignal", None, "OneSignal", &key, 0) });
    }
    found.extend(mailbox(variable)?);
    Ok(found)
}

/// The mailbox that is connected with OAuth2, if its variables are set.
fn mailbox(variable: &impl Fn(&str) -> Option<String>) -> Result<Option<Found>, Failure> {
    let Some(user) = variable("ARA_EMAIL_USER") else { return Ok(None) };
    let needed = |name: &str| {
        variable(name).ok_or_else(|| Failure::new(format!("ARA_EMAIL_USER is set, and {name} is not")))
    };
    let (client, secret) = (needed("ARA_CLIENT_ID")?, needed("ARA_CLIENT_SECRET")?);
    let host = variable("ARA_IMAP_HOST").unwrap_or_else(|| IMAP_HOST.to_owned());
    let mut properties = vec![
        ("host", host.trim().to_owned()),
        ("address", user.trim().to_owned()),
        ("client_id", client.trim().to_owned()),
    ];
    properties.extend(variable("ARA_IMAP_PORT").map(|port| ("port", port.trim().to_owned())));
    let more = vec![("client_secret", Secret::new(secret.trim()))];
    let found = plain("imap", None, "Mailbox", &needed("ARA_REFRESH_TOKEN")?, 0);
    Ok(Some(Found { properties, more, ..found }))
}

/// An account without a number.
fn plain(kind: &'static str, sid: Option<&str>, name: &'static str, secret: &str, priority: i32) -> Found {
    Found {
        kind,
        sid: sid.map(str::to_owned),
        name,
        secret: Secret::new(secret.trim()),
        more: Vec::new(),
        roles: Vec::new(),
        priority,
        properties: Vec::new(),
        number: None,
    }
}

fn is_e164(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
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
    let messengers = Messengers::new(twilio, wiring::messengers(config)?)?;
    let tenant = (config.tenant.id.as_str(), config.tenant.name.as_str());
    let importer =
        Importer::new(store, ring, (messengers, wiring::service_addresses(config)?), tenant).await?;
    // Only where this server is reached from outside can somebody tell it something.
    Ok(importer.reached_at(config.base_url.as_deref().map(|_| wiring::public_url(config)).transpose()?))
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
