//! Lays environment variables over the file: the names that Tandem has always had and those of the systems it
//! replaces, then `TANDEM__SECTION__KEY` for every option there is. A variable that is set but empty counts
//! as not set, because that is what a compose file writes for one that is missing.

use super::{Config, ConfigError, Environment, file::without_value};
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::{Table, Value};

/// Variables with a name of their own, and the option each stands for.
pub(super) const NAMED: [(&str, &str); 33] = [
    ("TANDEM_LISTEN", "listen"),
    ("TANDEM_DATA_DIR", "data_dir"),
    ("TANDEM_STORE_URL", "store.url"),
    ("TANDEM_BUS_URL", "bus.url"),
    ("TANDEM_SECRETS_KEYS", "secrets.keys"),
    ("TANDEM_SECRETS_KEY_FILE", "secrets.key_file"),
    ("TANDEM_OPENID_CLIENT_SECRET", "openid.client_secret"),
    ("BACKEND_URL", "base_url"),
    ("BASE_URL", "base_url"),
    ("TANDEM_PLATFORM_TWILIO_ACCOUNT_SID", "platform.twilio.account_sid"),
    ("TANDEM_PLATFORM_TWILIO_AUTH_TOKEN", "platform.twilio.auth_token"),
    ("DEFAULT_ORGANIZATION_ID", "tenant.id"),
    ("TWILIO_ACCOUNT_SID", "tenant.twilio.account_sid"),
    ("TWILIO_AUTH_TOKEN", "tenant.twilio.auth_token"),
    ("TWILIO_PHONE_NUMBER", "tenant.twilio.numbers"),
    ("TWILIO_BASE_URL", "tenant.twilio.base_url"),
    ("RECORDINGS_BUCKET", "recording.s3.bucket"),
    ("AWS_REGION", "recording.s3.region"),
    ("AWS_ACCESS_KEY_ID", "recording.s3.access_key_id"),
    ("AWS_SECRET_ACCESS_KEY", "recording.s3.secret_access_key"),
    ("AWS_SESSION_TOKEN", "recording.s3.session_token"),
    ("DEEPGRAM_API_KEY", "providers.deepgram.api_key"),
    ("DEEPGRAM_BASE_URL", "providers.deepgram.base_url"),
    ("ANTHROPIC_API_KEY", "providers.anthropic.api_key"),
    ("ANTHROPIC_BASE_URL", "providers.anthropic.base_url"),
    ("OPENAI_API_KEY", "providers.openai.api_key"),
    ("OPENAI_BASE_URL", "providers.openai.base_url"),
    ("ELEVENLABS_API_KEY", "providers.elevenlabs.api_key"),
    ("ELEVENLABS_BASE_URL", "providers.elevenlabs.base_url"),
    ("ELEVENLABS_VOICE_ID", "providers.elevenlabs.voice"),
    ("WHAPI_BASE_URL", "providers.whapi.base_url"),
    ("ONESIGNAL_BASE_URL", "providers.onesignal.base_url"),
    ("MAIL_TOKEN_URL", "providers.mail.token_url"),
];

/// The beginning of a variable that names an option by its path.
const PREFIX: &str = "TANDEM__";

/// The configuration with the variables over it, and which variable set which option.
pub(super) fn overlay(
    mut config: Config,
    mut table: Table,
    environment: &Environment,
) -> Result<(Config, BTreeMap<String, String>), ConfigError> {
    let named = NAMED.iter().filter_map(|&(variable, key)| {
        let (variable, text) = environment.get_key_value(variable)?;
        Some((variable, key.to_owned(), text))
    });
    let by_path = environment.iter().filter_map(|(variable, text)| {
        let path = variable.strip_prefix(PREFIX)?;
        Some((variable, path.to_ascii_lowercase().replace("__", "."), text))
    });
    let mut overlaid = BTreeMap::new();
    for (variable, key, text) in named.chain(by_path) {
        let text = text.trim();
        if text.is_empty() {
            continue;
        }
        (config, table) = set(&table, &key, text).map_err(|detail| ConfigError::Variable {
            variable: variable.clone(),
            key: key.clone(),
            detail,
        })?;
        overlaid.insert(key, variable.clone());
    }
    Ok((config, overlaid))
}

/// `table` with one option set. The option's type decides how the text is read: as it stands, as a TOML value
/// (`5`, `true`, `["a"]`), or as a list with commas, whichever fits first.
fn set(table: &Table, key: &str, text: &str) -> Result<(Config, Table), String> {
    let as_toml = text.parse::<Value>().ok();
    let as_list = Value::Array(text.split(',').map(|item| Value::String(item.trim().to_owned())).collect());
    let mut cause = None;
    for value in [Some(Value::String(text.to_owned())), as_toml, Some(as_list)].into_iter().flatten() {
        let mut candidate = table.clone();
        insert(&mut candidate, key, value)?;
        match Config::deserialize(candidate.clone()) {
            Ok(config) => return Ok((config, candidate)),
            // The text as it stands comes first, and its refusal says what is expected.
            Err(error) => cause = cause.or_else(|| Some(without_value(error.message().trim_end()))),
        }
    }
    Err(cause.unwrap_or_default())
}

fn insert(table: &mut Table, key: &str, value: Value) -> Result<(), String> {
    match key.split_once('.') {
        None => {
            table.insert(key.to_owned(), value);
            Ok(())
        }
        Some((section, rest)) => match table.entry(section).or_insert_with(|| Value::Table(Table::new())) {
            Value::Table(inner) => insert(inner, rest, value),
            _ => Err(format!("`{section}` is not a section; set it in the file")),
        },
    }
}
