//! Looks at every value and says all that is wrong, with what to write instead.

mod shape;

use self::shape::{is_account_sid, is_e164, is_loopback, is_name, is_postgres};
use super::{Config, Origin, Problem, Tool, ToolKind};
use std::{collections::BTreeSet, ops::RangeInclusive};
use tracing_subscriber::EnvFilter;
use url::Url;

/// Most worker threads; more than any machine has cores.
const WORKER_THREADS: RangeInclusive<usize> = 1..=1_024;
/// Longest answer of the model, in tokens. Beyond a few hundred a caller would be read to for minutes.
const MAX_TOKENS: RangeInclusive<u32> = 16..=8_192;
/// How long a tool may take, in ms: a caller does not wait longer than a minute.
const TOOL_TIMEOUT_MS: RangeInclusive<u64> = 100..=60_000;

/// All values that cannot be used.
pub(super) fn problems(config: &Config) -> Vec<Problem> {
    let mut found = Found(super::bus::problems(config));
    top_level(config, &mut found);
    secrets(config, &mut found);
    platform(config, &mut found);
    openid(config, &mut found);
    tenant(config, &mut found);
    recording(config, &mut found);
    assistant(config, &mut found);
    providers(config, &mut found);
    call(config, &mut found);
    found.0
}

/// What a real call needs and is not there.
pub(super) fn missing_for_calls(config: &Config) -> Vec<Problem> {
    const UNSET: &str = "is not set";
    const UNUSABLE: &str = "names no service that can be used";
    let twilio = &config.tenant.twilio;
    let speakers = config.usable_tts();
    let needs = [
        (
            config.base_url.is_none(),
            ("base_url", UNSET),
            "write the https:// address under which the carrier reaches this server (BASE_URL)",
        ),
        (
            twilio.account_sid.is_none(),
            ("tenant.twilio.account_sid", UNSET),
            "write the account SID of the Twilio console (TWILIO_ACCOUNT_SID)",
        ),
        (
            twilio.auth_token.is_none(),
            ("tenant.twilio.auth_token", UNSET),
            "write the auth token of the Twilio console (TWILIO_AUTH_TOKEN)",
        ),
        (
            twilio.numbers.is_empty(),
            ("tenant.twilio.numbers", "is empty"),
            "write the number that callers dial, in E.164 (TWILIO_PHONE_NUMBER)",
        ),
        (
            config.usable_stt().is_empty(),
            ("voice.stt", UNUSABLE),
            "write providers.deepgram.api_key (DEEPGRAM_API_KEY)",
        ),
        (
            config.usable_llm().is_empty(),
            ("voice.llm", UNUSABLE),
            "write providers.anthropic.api_key (ANTHROPIC_API_KEY) or providers.openai.api_key (OPENAI_API_KEY)",
        ),
        (
            speakers.is_empty(),
            ("voice.tts", UNUSABLE),
            "write providers.elevenlabs.api_key (ELEVENLABS_API_KEY)",
        ),
        (
            speakers.iter().any(|&name| config.voice_of(name).is_none()),
            ("providers.elevenlabs.voice", UNSET),
            "write the id of one of your ElevenLabs voices (ELEVENLABS_VOICE_ID)",
        ),
    ];
    let mut found = Found::default();
    for (is_missing, (key, wrong), write) in needs {
        if is_missing {
            found.add(key, wrong, write);
        }
    }
    found.0
}

#[derive(Default)]
struct Found(Vec<Problem>);

impl Found {
    fn add(&mut self, key: impl Into<String>, wrong: impl Into<String>, write: impl Into<String>) {
        self.0.push(Problem {
            key: key.into(),
            wrong: wrong.into(),
            write: write.into(),
            origin: Origin::Unset,
        });
    }

    fn range<T: PartialOrd + std::fmt::Display>(
        &mut self,
        key: impl Into<String>,
        unit: &str,
        value: T,
        allowed: &RangeInclusive<T>,
    ) {
        if !allowed.contains(&value) {
            let (least, most) = (allowed.start(), allowed.end());
            self.add(key, format!("is {value}"), format!("write a number of {unit} from {least} to {most}"));
        }
    }

    fn filled(&mut self, key: impl Into<String>, text: &str, write: &str) {
        if text.trim().is_empty() {
            self.add(key, "is empty", write);
        }
    }

    fn secret(&mut self, key: &str, secret: Option<&engine::provider::Secret>) {
        if secret.is_some_and(|secret| secret.reveal().trim().is_empty()) {
            self.add(key, "is empty", "write the credential, or take the line out");
        }
    }

    fn url(&mut self, key: impl Into<String>, text: &str, write: &str) {
        match Url::parse(text) {
            Ok(url) if !matches!(url.scheme(), "http" | "https") => {
                self.add(key, format!("begins with `{}:`", url.scheme()), write);
            }
            Ok(url) if url.query().is_some() || url.fragment().is_some() => {
                self.add(
                    key,
                    "has a query or a fragment",
                    "write the address without what follows `?` or `#`",
                );
            }
            Ok(_) => {}
            Err(error) => self.add(key, format!("is not an address ({error})"), write),
        }
    }
}

fn top_level(config: &Config, found: &mut Found) {
    if let Some(base_url) = &config.base_url {
        let write = "write an address such as https://calls.example.com";
        found.url("base_url", base_url, write);
        if let Ok(url) = Url::parse(base_url)
            && url.scheme() == "http"
            && !is_loopback(&url)
        {
            found.add(
                "base_url",
                "is not encrypted",
                "write an https:// address: the carrier opens only wss:// streams",
            );
        }
    }
    if config.data_dir.as_os_str().is_empty() {
        found.add("data_dir", "is empty", "write the folder for the database and the recordings");
    }
    if config.store.url.as_ref().is_some_and(|url| !is_postgres(url.reveal())) {
        found.add(
            "store.url",
            "is no address of a PostgreSQL database",
            "write postgres://user:password@host/database, or take the line out",
        );
    }
    if let Some(threads) = config.worker_threads {
        found.range("worker_threads", "threads", threads, &WORKER_THREADS);
    }
    if let Err(error) = EnvFilter::builder().parse(&config.log.level) {
        found.add(
            "log.level",
            format!("is not a filter ({error})"),
            "write error, warn, info, debug or trace, or a filter such as info,engine=debug",
        );
    }
}

fn openid(config: &Config, found: &mut Found) {
    let openid = &config.openid;
    if !is_name(&openid.name) || openid.name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        found.add("openid.name", "is not a name", "write 1 to 64 lower-case letters, digits, `_` or `-`");
    }
    let Some(issuer) = &openid.issuer else { return };
    found.url("openid.issuer", issuer, "write the issuer identifier, such as https://accounts.example.com");
    if issuer.starts_with("http:") {
        found.add("openid.issuer", "is not encrypted", "write an https:// address");
    }
    if openid.client_id.as_deref().is_none_or(|id| id.trim().is_empty()) {
        found.add(
            "openid.client_id",
            "is not set",
            "write the name that the provider has given to this server",
        );
    }
    match &openid.client_secret {
        None => found.add(
            "openid.client_secret",
            "is not set",
            "write the secret that the provider has given to this server",
        ),
        secret => found.secret("openid.client_secret", secret.as_ref()),
    }
}

fn tenant(config: &Config, found: &mut Found) {
    let (tenant, twilio) = (&config.tenant, &config.tenant.twilio);
    if !is_name(&tenant.id) || tenant.id.bytes().any(|byte| byte.is_ascii_uppercase()) {
        found.add("tenant.id", "is not an id", "write 1 to 64 lower-case letters, digits, `_` or `-`");
    }
    found.filled("tenant.name", &tenant.name, "write the tenant's name");
    found.url("tenant.twilio.base_url", &twilio.base_url, "write an address such as https://api.twilio.com");
    if let Some(sid) = &twilio.account_sid
        && !is_account_sid(sid)
    {
        found.add(
            "tenant.twilio.account_sid",
            "is not an account SID",
            "write `AC` and 32 hexadecimal digits",
        );
    }
    found.secret("tenant.twilio.auth_token", twilio.auth_token.as_ref());
    found.secret("tenant.twilio.previous_auth_token", twilio.previous_auth_token.as_ref());
    for (name, number) in &tenant.transfer_targets {
        if name.trim().is_empty() || !is_e164(number) {
            found.add(
                format!("tenant.transfer_targets.{name}"),
                format!("is `{number}`"),
                "write a name and its number in E.164, such as { reception = \"+15550101\" }",
            );
        }
    }
    let mut seen = BTreeSet::new();
    for number in &twilio.numbers {
        if !is_e164(number) {
            found.add(
                "tenant.twilio.numbers",
                format!("holds `{number}`"),
                "write numbers in E.164, such as +15550100",
            );
        } else if !seen.insert(number) {
            found.add("tenant.twilio.numbers", format!("holds {number} twice"), "write each number once");
        }
    }
}

fn recording(config: &Config, found: &mut Found) {
    let recording = &config.recording;
    if !recording.keep_wav && !recording.opus {
        let write = "write true, or recording.opus = true; tenant.record = false records nothing";
        found.add("recording.keep_wav", "is false, but no other file is made", write);
    }
    if recording.link_secret.as_ref().is_some_and(|secret| secret.reveal().len() < 32) {
        found.add("recording.link_secret", "is too short", "write at least 32 random characters");
    }
    let s3 = &recording.s3;
    if s3.bucket.is_none() {
        return;
    }
    if recording.folder.is_some() {
        let write = "take out this one or recording.s3.bucket: recordings stay in one place";
        found.add("recording.folder", "is set beside a bucket", write);
    }
    if s3.access_key_id.is_none() {
        found.add("recording.s3.access_key_id", "is not set", "write the id of the bucket's access key");
    }
    if s3.secret_access_key.is_none() {
        found.add("recording.s3.secret_access_key", "is not set", "write the bucket's secret access key");
    }
    let addresses =
        [("recording.s3.endpoint", &s3.endpoint), ("recording.s3.public_endpoint", &s3.public_endpoint)];
    for (key, address) in addresses {
        let is_web = |text: &String| {
            url::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "https" | "http") && url.has_host())
        };
        if address.as_ref().is_some_and(|text| !is_web(text)) {
            found.add(key, "is no address", "write one that begins with https://");
        }
    }
}

fn assistant(config: &Config, found: &mut Found) {
    let assistant = &config.assistant;
    let speech = [
        ("assistant.prompt", &assistant.prompt, "write the instructions for the model"),
        ("assistant.goodbye", &assistant.goodbye, "write what is said before hanging up"),
        ("assistant.apology", &assistant.apology, "write what is said when nothing can answer"),
        ("assistant.tool_filler", &assistant.tool_filler, "write what is said while a tool runs"),
        ("assistant.language", &assistant.language, "write a language such as en or es-MX"),
    ];
    for (key, text, write) in speech {
        found.filled(key, text, write);
    }
    if assistant.idle_prompts.iter().any(|prompt| prompt.trim().is_empty()) {
        found.add(
            "assistant.idle_prompts",
            "holds an empty text",
            "write what is said, or take it out of the list",
        );
    }
    if assistant.keyterms.iter().any(|term| term.trim().is_empty()) {
        found.add("assistant.keyterms", "holds an empty word", "write a word, or take it out of the list");
    }
    if assistant.voice.as_ref().is_some_and(|voice| voice.trim().is_empty()) {
        found.add("assistant.voice", "is empty", "write a voice's id, or take the line out");
    }
    found.range("assistant.max_tokens", "tokens", assistant.max_tokens, &MAX_TOKENS);
    let mut names = BTreeSet::new();
    for (index, tool) in assistant.tools.iter().enumerate() {
        let key = |option: &str| format!("assistant.tools.{index}.{option}");
        if !names.insert(&tool.name) {
            found.add(
                key("name"),
                format!("is `{}` for the second time", tool.name),
                "write a name of its own",
            );
        }
        one_tool(tool, key, found);
        if tool.kind == ToolKind::TransferCall && config.tenant.transfer_targets.is_empty() {
            let write = "write tenant.transfer_targets, such as { reception = \"+15550101\" }";
            found.add(key("kind"), "is \"transfer_call\", but there is nobody to hand a call to", write);
        }
    }
}

fn one_tool(tool: &Tool, key: impl Fn(&str) -> String, found: &mut Found) {
    if !is_name(&tool.name) {
        found.add(key("name"), "is not a tool's name", "write 1 to 64 letters, digits, `_` or `-`");
    }
    found.range(key("timeout_ms"), "milliseconds", tool.timeout_ms, &TOOL_TIMEOUT_MS);
    if let Some(fault) = tool.own_parameters.as_ref().and_then(super::Parameters::fault) {
        found.add(
            key("parameters"),
            format!("is not the JSON Schema of an object: {fault}"),
            "write { type = \"object\", properties = { order = { type = \"string\" } }, required = [\"order\"] }",
        );
    }
    found.secret(&key("signing_secret"), tool.signing_secret.as_ref());
    match tool.kind {
        ToolKind::Http => {
            found.filled(key("description"), tool.description(), "write when the model should use the tool");
            match &tool.url {
                Some(url) => match Url::parse(url) {
                    Ok(parsed) if matches!(parsed.scheme(), "http" | "https") => {}
                    _ => {
                        found.add(key("url"), "is not a web address", "write an http:// or https:// address")
                    }
                },
                None => found.add(key("url"), "is not set", "write the address that carries the tool out"),
            }
            if tool.signing_secret.is_none() {
                let write =
                    "write a long random text that your server knows too, so that it can tell our requests";
                found.add(key("signing_secret"), "is not set", write);
            }
        }
        ToolKind::EndCall
        | ToolKind::TransferCall
        | ToolKind::SendSms
        | ToolKind::SendWhatsapp
        | ToolKind::SendEmail
        | ToolKind::EscalateToHuman => {
            if let Some(name) = tool.kind.required_name().filter(|name| *name != tool.name) {
                found.add(key("name"), "is not the name of this tool", format!("write name = \"{name}\""));
            }
            let is_set = [("url", tool.url.is_some()), ("signing_secret", tool.signing_secret.is_some())];
            for (option, _) in is_set.iter().filter(|(_, is_set)| *is_set) {
                found.add(
                    key(option),
                    "is of no use to a built-in tool",
                    "take it out, or write kind = \"http\"",
                );
            }
        }
    }
}

fn providers(config: &Config, found: &mut Found) {
    let providers = &config.providers;
    let services = [
        ("deepgram", &providers.deepgram.base_url, &providers.deepgram.api_key, &providers.deepgram.model),
        (
            "anthropic",
            &providers.anthropic.base_url,
            &providers.anthropic.api_key,
            &providers.anthropic.model,
        ),
        ("openai", &providers.openai.base_url, &providers.openai.api_key, &providers.openai.model),
        (
            "elevenlabs",
            &providers.elevenlabs.base_url,
            &providers.elevenlabs.api_key,
            &providers.elevenlabs.model,
        ),
    ];
    for (name, base_url, api_key, model) in services {
        let key = |option: &str| format!("providers.{name}.{option}");
        found.url(key("base_url"), base_url, "write an http:// or https:// address");
        found.secret(&key("api_key"), api_key.as_ref());
        found.filled(key("model"), model, "write the name of a model");
    }
    for (name, base_url) in
        [("whapi", &providers.whapi.base_url), ("onesignal", &providers.onesignal.base_url)]
    {
        let key = format!("providers.{name}.base_url");
        found.url(key, base_url, "write an http:// or https:// address");
    }
    found.url(
        "providers.mail.token_url".to_owned(),
        &providers.mail.token_url,
        "write an http:// or https:// address",
    );
    found.filled(
        "providers.openai.speech_model",
        &providers.openai.speech_model,
        "write the name of a model",
    );
    found.filled(
        "providers.openai.speech_voice",
        &providers.openai.speech_voice,
        "write the name of a voice",
    );
    if providers.anthropic.version.as_ref().is_some_and(|version| version.trim().is_empty()) {
        found.add("providers.anthropic.version", "is empty", "write a version, or take the line out");
    }
    if providers.elevenlabs.voice.as_ref().is_some_and(|voice| voice.trim().is_empty()) {
        found.add("providers.elevenlabs.voice", "is empty", "write a voice's id, or take the line out");
    }
    let voice = &config.voice;
    order("voice.stt", &voice.stt, "write [\"deepgram\"]", found);
    order("voice.llm", &voice.llm, "write [\"anthropic\", \"openai\"], or one of them", found);
    order("voice.tts", &voice.tts, "write [\"elevenlabs\", \"openai\"], or one of them", found);
}

fn order<T: PartialEq>(key: &str, names: &[T], write: &str, found: &mut Found) {
    if names.is_empty() {
        found.add(key, "names no service", write);
    }
    if names.iter().enumerate().any(|(index, name)| names[..index].contains(name)) {
        found.add(key, "names a service twice", write);
    }
}

fn platform(config: &Config, found: &mut Found) {
    let twilio = &config.platform.twilio;
    if twilio.account_sid.as_deref().is_some_and(|sid| !is_account_sid(sid)) {
        let write = "write `AC` and 32 hexadecimal digits";
        found.add("platform.twilio.account_sid", "is not an account SID", write);
    }
    if let Some(url) = &config.platform.outage_url {
        found.url("platform.outage_url", url, "write where the file of `tandem outage-twiml` is");
    }
    found.secret("platform.twilio.auth_token", twilio.auth_token.as_ref());
    if twilio.account_sid.is_some() != twilio.auth_token.is_some() {
        let write = "write both platform.twilio.account_sid and platform.twilio.auth_token, or neither";
        found.add("platform.twilio", "is half set", write);
    }
}

fn secrets(config: &Config, found: &mut Found) {
    let secrets = &config.secrets;
    if secrets.keys.is_empty() {
        return;
    }
    if let Err(error) = vault::KeyRing::new(&secrets.keys) {
        found.add("secrets.keys", format!("is of no use: {error}"), "write keys that `tandem keys new` made");
    }
    if secrets.key_file.is_some() {
        found.add("secrets.key_file", "is set beside secrets.keys", "write one of them");
    }
}

fn call(config: &Config, found: &mut Found) {
    let call = &config.call;
    for (option, unit, value, allowed) in call.timers() {
        found.range(format!("call.{option}"), unit, value, &allowed);
    }
    if call.max_silence_s.saturating_mul(1_000) <= call.idle_after_ms {
        found.add(
            "call.max_silence_s",
            format!("is {} s, so the call would end before the first idle prompt", call.max_silence_s),
            format!("write more than call.idle_after_ms, which is {} ms", call.idle_after_ms),
        );
    }
}
