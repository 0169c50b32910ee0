//! What must not be told: secrets to nobody, what people say and their numbers to no log at INFO and above.

use super::{GOOD_CALL, is_untouched};
use crate::support::Folder;
use engine::provider::Secret;
use fixtures::{call::Fixture, carrier::CarrierOptions, virtual_time};
use serde_json::Value;
use std::{
    io,
    sync::{Arc, Mutex},
};
use tandem::rehearsal::{Rehearsal, sandbox_options};
use tracing_subscriber::fmt::MakeWriter;

/// Everything that was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

const PROVIDER_KEYS: [&str; 4] =
    ["dg-secret-5f2a91", "an-secret-77b0c2", "oa-secret-c410de", "el-secret-09e3aa"];
const TOOL_SECRET: &str = "tool-secret-3d8801";

#[test]
fn no_log_no_answer_and_no_journal_holds_a_secret() {
    let fixture = Fixture::named(GOOD_CALL).unwrap();
    let folder = Folder::new();
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .with_ansi(false)
        .json()
        .finish();
    // In virtual time all tasks run on this thread, so this thread's subscriber sees all of them.
    let guard = tracing::subscriber::set_default(subscriber);
    tracing::callsite::rebuild_interest_cache();
    let (told, secrets, private) = virtual_time::run(async {
        let tune = |config: &mut tandem::config::Config| {
            let [deepgram, anthropic, openai, elevenlabs] = PROVIDER_KEYS.map(|key| Some(Secret::new(key)));
            config.providers.deepgram.api_key = deepgram;
            config.providers.anthropic.api_key = anthropic;
            config.providers.openai.api_key = openai;
            config.providers.elevenlabs.api_key = elevenlabs;
            config.tenant.twilio.auth_token = Some(Secret::new("twilio-secret-e1149f"));
            for tool in &mut config.assistant.tools {
                tool.signing_secret = tool.signing_secret.as_ref().map(|_| Secret::new(TOOL_SECRET));
            }
        };
        let rehearsal = Rehearsal::start(sandbox_options(), &fixture, folder.path(), tune).await.unwrap();
        let carrier =
            CarrierOptions { auth_token: "twilio-secret-e1149f".to_owned(), ..rehearsal.carrier_options() };
        let numbers = [carrier.from.clone(), carrier.to.clone()];
        let stranger = super::stranger::Stranger {
            carrier: carrier.clone(),
            ..super::stranger::Stranger::new(&rehearsal)
        };
        let ticket = stranger.ticket(&super::stranger::new_call_sid()).await;
        stranger.stream(&ticket).await.stop().await;
        let good = rehearsal.call(&fixture, carrier, |_| {}).await.unwrap();
        is_untouched(&good);
        let key = rehearsal.server.first_key.clone().unwrap();
        let mut told = String::new();
        for path in ["/v1/calls", "/healthz", "/readyz", "/metrics"]
            .into_iter()
            .map(str::to_owned)
            .chain(["", "/journal"].map(|page| format!("/v1/calls/{}{page}", good.call.id)))
        {
            let answer =
                stranger.http.get(stranger.url(&path)).bearer_auth(key.reveal()).send().await.unwrap();
            assert!(answer.status().is_success(), "{path}");
            told.push_str(&answer.text().await.unwrap());
        }
        let said: Vec<String> =
            good.call.turns.iter().flat_map(|turn| [turn.caller.clone(), turn.assistant.clone()]).collect();
        let private: Vec<String> = said.into_iter().filter(|text| text.len() > 12).chain(numbers).collect();
        let mut secrets: Vec<String> = PROVIDER_KEYS.map(str::to_owned).to_vec();
        secrets.extend([
            TOOL_SECRET.to_owned(),
            "twilio-secret-e1149f".to_owned(),
            key.reveal().to_owned(),
            ticket.token.clone(),
        ]);
        rehearsal.end().await.unwrap();
        (told, secrets, private)
    });
    drop(guard);
    assert!(private.len() > 4, "{private:?}");
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ours = |line: &&Value| {
        let target = line["target"].as_str().unwrap();
        ["engine", "control_plane", "tandem", "store_sqlite"].iter().any(|name| target.starts_with(name))
    };
    assert!(lines.iter().filter(ours).count() > 4, "the log was not caught: {log:.2000}");
    for secret in &secrets {
        assert!(!told.contains(secret.as_str()), "an answer of the API holds a secret");
        for line in lines.iter().filter(|line| !line["target"].as_str().unwrap().starts_with("fixtures")) {
            assert!(!line.to_string().contains(secret.as_str()), "{line}");
        }
    }
    let shown = lines.iter().filter(|line| {
        matches!(line["level"].as_str(), Some("ERROR" | "WARN" | "INFO"))
            && !line["target"].as_str().unwrap().starts_with("fixtures")
    });
    for line in shown {
        for text in &private {
            assert!(!line.to_string().contains(text.as_str()), "{text}: {line}");
        }
    }
}
