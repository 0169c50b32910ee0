//! The example file is the code's own truth, the environment goes over the file, and every refusal says
//! where, what and what instead, without a credential in it.

use super::{
    AnthropicAuth, Config, ConfigError, Environment, LlmName, MaxTokensField, Origin, Problems, Source,
    TtsName,
};
use proptest::prelude::*;
use serde_json::json;

const NAME: &str = "tandem.toml";

fn source(text: &str) -> Source<'_> {
    Source { name: NAME, text }
}

fn load(text: &str) -> Result<Config, ConfigError> {
    Config::load(Some(source(text)), &Environment::new())
}

fn with_environment<const N: usize>(text: &str, variables: [(&str, &str); N]) -> Result<Config, ConfigError> {
    Config::load(
        Some(source(text)),
        &variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
    )
}

fn problems(text: &str) -> Problems {
    match load(text) {
        Err(ConfigError::Problems(problems)) => problems,
        other => panic!("expected problems, got {other:?}"),
    }
}

/// The message for a file that cannot be understood.
fn refusal(text: &str) -> String {
    load(text).expect_err("the file is wrong").to_string()
}

/// The example with every option that has no default switched on.
fn example_with_everything() -> String {
    let mut text = String::new();
    for line in Config::example().lines() {
        let option = line.strip_prefix("# ").filter(|rest| {
            let key: String = rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            rest.starts_with("[[") || (!key.is_empty() && rest[key.len()..].starts_with(" = "))
        });
        text.push_str(option.unwrap_or(line));
        text.push('\n');
    }
    text
}

/// What serde says an option may be called in a section, or `None` if `path` is not a section.
fn options_of(path: &str) -> Option<Vec<String>> {
    let header = match path {
        "" => String::new(),
        "assistant.tools" => "[[assistant.tools]]".to_owned(),
        path => format!("[{path}]"),
    };
    let error =
        toml::from_str::<Config>(&format!("{header}\nprobe__ = 1")).expect_err("there is no such option");
    let expected = error.message().strip_prefix("unknown field `probe__`, expected ")?.to_owned();
    Some(expected.split('`').skip(1).step_by(2).map(str::to_owned).collect())
}

#[test]
fn every_default_in_the_example_is_the_codes_default() {
    assert_eq!(load(Config::example()).expect("the example is valid"), Config::default());
    assert_eq!(Config::load(None, &Environment::new()).expect("no file is valid"), Config::default());
}

#[test]
fn every_option_of_the_code_stands_in_the_example_and_no_other() {
    let text = example_with_everything();
    let example: toml::Table = toml::from_str(&text).expect("the example with everything is TOML");
    // Recordings stay in a folder or in a bucket, not in both.
    let loadable = text.replace("\nfolder = ", "\n# folder = ");
    load(&loadable).expect("the example with everything is valid");
    let mut sections = vec![String::new()];
    let mut count = 0;
    while let Some(section) = sections.pop() {
        let value = section.split('.').filter(|name| !name.is_empty()).try_fold(
            toml::Value::Table(example.clone()),
            |value, name| match value.get(name)? {
                toml::Value::Array(tools) => tools.first().cloned(),
                value => Some(value.clone()),
            },
        );
        for option in options_of(&section).expect("a section has options") {
            let path = if section.is_empty() { option.clone() } else { format!("{section}.{option}") };
            assert!(
                value.as_ref().and_then(|section| section.get(&option)).is_some(),
                "{path} is not in the example"
            );
            count += 1;
            if options_of(&path).is_some() {
                sections.push(path);
            }
        }
    }
    assert!(count > 60, "the walk over the options must not stop early: {count}");
}

#[test]
fn every_named_variable_sets_its_option_over_the_file() {
    let config = with_environment(
        "listen = \"127.0.0.1:1\"\n[providers.deepgram]\napi_key = \"from the file\"",
        [
            ("TANDEM_LISTEN", "0.0.0.0:9000"),
            ("TANDEM_DATA_DIR", "/var/lib/tandem"),
            ("BACKEND_URL", "https://former.example.com/"),
            ("BASE_URL", "https://calls.example.com/"),
            ("DEFAULT_ORGANIZATION_ID", "acme"),
            ("TWILIO_ACCOUNT_SID", "AC00000000000000000000000000000001"),
            ("TWILIO_AUTH_TOKEN", "12345678901234567890"),
            ("TWILIO_PHONE_NUMBER", "+15550100"),
            ("TWILIO_BASE_URL", "http://127.0.0.1:1"),
            ("RECORDINGS_BUCKET", "calls"),
            ("AWS_ACCESS_KEY_ID", "key"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("DEEPGRAM_API_KEY", "dg"),
            ("DEEPGRAM_BASE_URL", "http://127.0.0.1:2"),
            ("ANTHROPIC_API_KEY", "an"),
            ("ANTHROPIC_BASE_URL", "http://127.0.0.1:3"),
            ("OPENAI_API_KEY", "oa"),
            ("OPENAI_BASE_URL", "http://127.0.0.1:4/v1/"),
            ("ELEVENLABS_API_KEY", "el"),
            ("ELEVENLABS_BASE_URL", "http://127.0.0.1:5"),
            ("ELEVENLABS_VOICE_ID", "voice"),
            ("WHAPI_BASE_URL", "http://127.0.0.1:6/whapi"),
            ("ONESIGNAL_BASE_URL", "http://127.0.0.1:7/onesignal"),
            ("MAIL_TOKEN_URL", "http://127.0.0.1:8/google/token"),
        ],
    )
    .expect("all of it is valid");
    assert_eq!(config.listen.to_string(), "0.0.0.0:9000");
    assert_eq!(config.data_dir.display().to_string(), "/var/lib/tandem");
    assert_eq!(config.public_url(), "https://calls.example.com");
    assert_eq!(config.tenant.id, "acme");
    let twilio = &config.tenant.twilio;
    assert_eq!(twilio.account_sid.as_deref(), Some("AC00000000000000000000000000000001"));
    assert_eq!(twilio.auth_token.as_ref().map(|secret| secret.reveal()), Some("12345678901234567890"));
    assert_eq!(twilio.numbers, ["+15550100"]);
    assert_eq!(twilio.base_url, "http://127.0.0.1:1");
    assert_eq!(config.recording.s3.bucket.as_deref(), Some("calls"));
    let providers = &config.providers;
    let keys = [
        &providers.deepgram.api_key,
        &providers.anthropic.api_key,
        &providers.openai.api_key,
        &providers.elevenlabs.api_key,
    ];
    assert_eq!(keys.map(|key| key.as_ref().map(|key| key.reveal())), ["dg", "an", "oa", "el"].map(Some));
    assert_eq!(providers.deepgram.base_url, "http://127.0.0.1:2");
    assert_eq!(providers.anthropic.base_url, "http://127.0.0.1:3");
    assert_eq!(providers.openai.base_url, "http://127.0.0.1:4/v1");
    assert_eq!(providers.elevenlabs.base_url, "http://127.0.0.1:5");
    assert_eq!(providers.whapi.base_url, "http://127.0.0.1:6/whapi");
    assert_eq!(providers.onesignal.base_url, "http://127.0.0.1:7/onesignal");
    assert_eq!(providers.mail.token_url, "http://127.0.0.1:8/google/token");
    assert_eq!(config.voice_of(TtsName::Elevenlabs), Some("voice"));
    assert_eq!(config.missing_for_calls(), []);
}

#[test]
fn a_variable_by_path_sets_any_option_whatever_its_type() {
    let config = with_environment(
        "",
        [
            ("TANDEM__WORKER_THREADS", "3"),
            ("TANDEM__TENANT__RECORD", "false"),
            ("TANDEM__TENANT__NAME", "7"),
            ("TANDEM__TENANT__TWILIO__NUMBERS", "+15550100, +15550101"),
            ("TANDEM__ASSISTANT__IDLE_PROMPTS", "[\"Hello, you?\"]"),
            ("TANDEM__VOICE__LLM", "openai"),
            ("TANDEM__PROVIDERS__OPENAI__API_KEY", "77"),
            ("TANDEM__ASSISTANT__TOOLS", "[{ name = \"bye\", kind = \"end_call\" }]"),
        ],
    )
    .expect("all of it is valid");
    assert_eq!(config.worker_threads, Some(3));
    assert!(!config.tenant.record);
    assert_eq!(config.tenant.name, "7");
    assert_eq!(config.tenant.twilio.numbers, ["+15550100", "+15550101"]);
    assert_eq!(config.assistant.idle_prompts, ["Hello, you?"]);
    assert_eq!(config.usable_llm(), [LlmName::Openai]);
    assert_eq!(config.assistant.tools[0].name, "bye");
}

#[test]
fn a_variable_by_path_goes_over_a_named_one_and_an_empty_one_is_not_set() {
    let variables = [("TANDEM_LISTEN", "127.0.0.1:1"), ("TANDEM__LISTEN", "127.0.0.1:2"), ("BASE_URL", " ")];
    let config = with_environment("", variables).expect("valid");
    assert_eq!(config.listen.port(), 2);
    assert_eq!(config.base_url, None);
}

#[test]
fn a_wrong_variable_is_named_and_its_value_is_not_shown() {
    let message = |variables| with_environment("", variables).expect_err("wrong").to_string();
    assert_eq!(
        message([("TANDEM__CALL__BARGE_IN_MS", "soon")]),
        "failed to understand the environment variable TANDEM__CALL__BARGE_IN_MS (option `call.barge_in_ms`): \
         expected u64"
    );
    let unknown = message([("TANDEM__PROVIDERS__OPENAI__APIKEY", "sk-secret")]);
    assert!(unknown.contains("unknown field `apikey`, expected one of `base_url`, `api_key`"), "{unknown}");
    assert!(!unknown.contains("sk-secret"), "{unknown}");
    let inside_a_tool = message([("TANDEM__ASSISTANT__PROMPT__TEXT", "x")]);
    assert!(inside_a_tool.contains("TANDEM__ASSISTANT__PROMPT__TEXT"), "{inside_a_tool}");
}

#[test]
fn an_unknown_option_is_shown_with_line_and_caret_and_the_names_there_are() {
    assert_eq!(
        refusal("[call]\nmax_duration = 5"),
        "failed to understand tandem.toml: unknown field `max_duration`, expected one of `max_duration_s`, \
         `idle_after_ms`, `max_silence_s`, `endpointing_ms`, `utterance_end_ms`, `barge_in_ms`, `tool_filler_ms`\n  \
         |\n2 | max_duration = …\n  | ^^^^^^^^^^^^\nevery option stands in deploy/tandem.example.toml, which \
         `tandem serve --print-example` prints"
    );
}

#[test]
fn a_value_of_the_wrong_type_is_shown_where_it_stands() {
    let message = refusal("# one\n[call]\nbarge_in_ms = \"soon\"");
    assert!(
        message.contains("expected u64\n  |\n3 | barge_in_ms = \"soon\"\n  |               ^^^^^^"),
        "{message}"
    );
    let message = refusal("listen = 8080.1.2");
    assert!(message.contains("1 | listen = 8080.1.2"), "{message}");
}

#[test]
fn a_credential_in_a_wrong_line_is_never_shown() {
    for text in [
        "[providers.openai]\napi_key = 5550199",
        "[providers.openai]\napi_key = 5550199x",
        "[providers.openai]\napi_kye = \"5550199\"",
        "[providers.openai]\napi_kye = 5550199x",
        "[providers.openai]\n5550199",
        "[providers]\nopenai = { api_key = 5550199 }",
        "[tenant]\ntwilio = { auth_token = [5550199] }",
        "[tenant.twilio]\nprevious_auth_token = '5550199",
        "[secrets]\nkeys [\"c5550199=\"]",
        "[secrets]\nc5550199=",
        "[secrets]\nc5550199 = 1",
        "[secrets]\n\"c5550199=\" = 1",
        "[recording.s3]\nsession_token = '5550199",
        "[store]\nurl = 'postgres://tandem:5550199@db/tandem",
        "[bus]\nurl = 'nats://tandem:5550199@bus",
        "[bus]\nurl = 'http://tandem:5550199@bus'",
        "[secrets]\nkeys = \"5550199\"",
        "[secrets]\nkeys = [5550199]",
    ] {
        let error = load(text).expect_err(text);
        assert!(!error.to_string().contains("5550199"), "{error}");
        assert!(!format!("{error:?}").contains("5550199"), "{error:?}");
    }
    let config = load("[providers.openai]\napi_key = \"5550199\"").expect("valid");
    assert!(!format!("{config:?}").contains("5550199"));
}

#[test]
fn a_bus_has_an_address_and_a_database_that_is_shared() {
    let found = problems("[bus]\nurl = \"http://bus\"").to_string();
    assert!(found.contains("`bus.url` is no address of a NATS server"), "{found}");
    assert!(found.contains("`bus.url` needs a database that several nodes share"), "{found}");
    assert!(load("[bus]\nurl = \"nats://bus\"\n[store]\nurl = \"postgres://db/tandem\"").is_ok());
}

#[test]
fn keys_that_are_none_are_refused_and_a_file_beside_them_too() {
    let found = problems("[secrets]\nkeys = [\"5550199\"]\nkey_file = \"k\"").to_string();
    assert!(found.contains("tandem.toml:2: `secrets.keys` is of no use: key 1 is not 32 bytes"), "{found}");
    assert!(found.contains("tandem.toml:3: `secrets.key_file`") && !found.contains("5550199"), "{found}");
    let key = vault::new_key().expect("random numbers");
    let both =
        [("TANDEM_SECRETS_KEYS", format!("{},{}", key.reveal(), vault::new_key().expect("more").reveal()))];
    let config =
        with_environment("", both.each_ref().map(|(name, value)| (*name, value.as_str()))).expect("valid");
    assert_eq!(config.key_ring().expect("keys").ids().count(), 2);
}

#[test]
fn the_wav_file_is_given_up_only_for_another() {
    let both = "[recording]\nopus = true\nkeep_wav = false";
    assert!(!load(both).expect("Ogg alone is enough").recording.keep_wav);
    let neither = problems("[recording]\nkeep_wav = false").to_string();
    assert!(neither.contains("tandem.toml:2: `recording.keep_wav`"), "{neither}");
}

#[test]
fn all_problems_come_at_once_each_with_its_place_and_its_remedy() {
    let text = "base_url = \"http://calls.example.com\"\n\
                [tenant]\n\
                id = \"a b\"\n\
                [tenant.twilio]\n\
                account_sid = \"AC1\"\n\
                auth_token = \"\"\n\
                numbers = [\"555\"]\n\
                [[assistant.tools]]\n\
                name = \"refund\"\n\
                kind = \"http\"\n\
                parameters = { type = \"string\" }\n\
                [call]\n\
                max_silence_s = 6\n\
                [voice]\n\
                tts = []\n";
    let variables = [("TANDEM__CALL__BARGE_IN_MS", "1")];
    let Err(ConfigError::Problems(problems)) = with_environment(text, variables) else {
        panic!("expected problems")
    };
    let expected = expect_test::expect![[r#"
        the configuration has 12 problems:
          tandem.toml:1: `base_url` is not encrypted; write an https:// address: the carrier opens only wss:// streams
          tandem.toml:3: `tenant.id` is not an id; write 1 to 64 lower-case letters, digits, `_` or `-`
          tandem.toml:5: `tenant.twilio.account_sid` is not an account SID; write `AC` and 32 hexadecimal digits
          tandem.toml:6: `tenant.twilio.auth_token` is empty; write the credential, or take the line out
          tandem.toml:7: `tenant.twilio.numbers` holds `555`; write numbers in E.164, such as +15550100
          tandem.toml:11: `assistant.tools.0.parameters` is not the JSON Schema of an object: its `type` is not "object"; write { type = "object", properties = { order = { type = "string" } }, required = ["order"] }
          tandem.toml:8: `assistant.tools.0.description` is empty; write when the model should use the tool
          tandem.toml:8: `assistant.tools.0.url` is not set; write the address that carries the tool out
          tandem.toml:8: `assistant.tools.0.signing_secret` is not set; write a long random text that your server knows too, so that it can tell our requests
          tandem.toml:15: `voice.tts` names no service; write ["elevenlabs", "openai"], or one of them
          TANDEM__CALL__BARGE_IN_MS: `call.barge_in_ms` is 1; write a number of milliseconds from 60 to 2000
          tandem.toml:13: `call.max_silence_s` is 6 s, so the call would end before the first idle prompt; write more than call.idle_after_ms, which is 8000 ms
    "#]];
    expected.assert_eq(&format!("{problems}\n"));
    let barge_in =
        problems.0.iter().find(|problem| problem.key == "call.barge_in_ms").expect("it is among them");
    assert_eq!(barge_in.origin, Origin::Variable("TANDEM__CALL__BARGE_IN_MS".to_owned()));
}

#[test]
fn a_timer_outside_its_range_is_told_the_range() {
    let problems = problems("[call]\nmax_duration_s = 9");
    assert_eq!(
        problems.to_string(),
        "the configuration has a problem:\n  tandem.toml:2: `call.max_duration_s` is 9; write a number of seconds \
         from 10 to 86400"
    );
}

#[test]
fn the_parameters_of_a_tool_may_be_a_table_or_json_text() {
    let head = "[[assistant.tools]]\nname = \"t\"\nkind = \"http\"\ndescription = \"d\"\nurl = \"https://a.example\"\nsigning_secret = \"s\"\n";
    let table =
        format!("{head}parameters = {{ type = \"object\", properties = {{ a = {{ type = \"number\" }} }} }}");
    let text = format!(
        "{head}parameters = '{{\"type\":\"object\",\"properties\":{{\"a\":{{\"type\":\"number\"}}}}}}'"
    );
    let schema = json!({ "type": "object", "properties": { "a": { "type": "number" } } });
    for toml in [table, text] {
        let config = load(&toml).expect("valid");
        assert_eq!(config.parameters_of(&config.assistant.tools[0]), schema);
    }
    assert!(refusal(&format!("{head}parameters = '{{'")).contains("the text is not JSON"));
    let requires_unknown = format!("{head}parameters = {{ type = \"object\", required = [\"b\"] }}");
    assert!(problems(&requires_unknown).to_string().contains("requires `b`"));
}

#[test]
fn a_built_in_tool_brings_its_own_description_and_parameters() {
    let tool = "[[assistant.tools]]\nname = \"to_a_person\"\nkind = \"transfer_call\"";
    let text = format!("[tenant]\ntransfer_targets = {{ reception = \"+15550101\" }}\n{tool}");
    let config = load(&text).expect("valid");
    let parameters = config.parameters_of(&config.assistant.tools[0]);
    assert!(!config.assistant.tools[0].description().is_empty());
    assert_eq!(parameters["properties"]["to"]["enum"], json!(["reception"]));
    assert!(problems(&format!("{text}\nurl = \"https://a.example\"")).to_string().contains("built-in"));
    assert!(problems(tool).to_string().contains("nobody to hand a call to"));
}

#[test]
fn a_service_without_a_key_is_skipped_unless_its_address_is_ones_own() {
    let config = load("[providers.openai]\nbase_url = \"http://127.0.0.1:11434/v1\"").expect("valid");
    assert_eq!(config.usable_llm(), [LlmName::Openai]);
    assert_eq!(config.usable_stt(), []);
    let missing: Vec<_> = config.missing_for_calls().into_iter().map(|problem| problem.key).collect();
    assert_eq!(
        missing,
        [
            "base_url",
            "tenant.twilio.account_sid",
            "tenant.twilio.auth_token",
            "tenant.twilio.numbers",
            "voice.stt",
            "voice.tts"
        ]
    );
}

#[test]
fn what_a_compatible_server_wants_can_be_told() {
    let text = "[providers.anthropic]\nversion = \"2023-06-01\"\nauth = \"x-api-key\"\n\
                [providers.openai]\nmax_tokens_field = \"max_tokens\"";
    let providers = load(text).expect("valid").providers;
    assert_eq!(providers.anthropic.version.as_deref(), Some("2023-06-01"));
    assert_eq!(providers.anthropic.auth, Some(AnthropicAuth::XApiKey));
    assert_eq!(providers.openai.max_tokens_field, Some(MaxTokensField::MaxTokens));
}

#[test]
fn the_assistants_voice_is_for_the_first_speaker_alone() {
    let config =
        load("[assistant]\nvoice = \"mine\"\n[voice]\ntts = [\"elevenlabs\", \"openai\"]").expect("valid");
    assert_eq!(config.voice_of(TtsName::Elevenlabs), Some("mine"));
    assert_eq!(config.voice_of(TtsName::Openai), Some("alloy"));
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "([a-z_]{1,12}( = |=|\\.)?|\\[\\[?[a-z.]{0,20}\\]?\\]?|[\"'{}\\[\\]0-9é\\n .#])*") {
        // Only that it comes back: either way is right for a text like this.
        drop(load(&text));
    }

    #[test]
    fn a_timer_is_accepted_exactly_within_its_range(value in 0_u64..4_000) {
        let loaded = load(&format!("[call]\nbarge_in_ms = {value}"));
        prop_assert_eq!(loaded.is_ok(), (60..=2_000).contains(&value));
    }
}
