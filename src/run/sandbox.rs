//! `tandem sandbox`: the stand-ins alone, to develop against.

use super::{Failure, Outcome, runtime, tool_log, write_out};
use crate::cli::{ACCOUNT_SID, AUTH_TOKEN, Sandbox as Arguments, TO_NUMBER};
use fixtures::{sandbox::Sandbox, stage};

pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    tool_log();
    let options = stage::sandbox_options(arguments.listen);
    runtime(None)?.block_on(async {
        let sandbox = Sandbox::start(options).await?;
        write_out(variables(&sandbox.base_url()))?;
        tokio::signal::ctrl_c().await?;
        Ok(Outcome::Success)
    })
}

/// What points a server at the stand-ins.
pub(super) fn variables(base_url: &str) -> String {
    let names = [
        "DEEPGRAM_BASE_URL",
        "ANTHROPIC_BASE_URL",
        "OPENAI_BASE_URL",
        "ELEVENLABS_BASE_URL",
        "TWILIO_BASE_URL",
    ];
    let mut text = format!("The stand-ins listen on {base_url}. Point a server at them:\n\n");
    for name in names {
        let path = if name == "OPENAI_BASE_URL" { "/v1" } else { "" };
        text.push_str(&format!("export {name}={base_url}{path}\n"));
    }
    text.push_str(&format!(
        "export WHAPI_BASE_URL={base_url}/whapi\nexport ONESIGNAL_BASE_URL={base_url}/onesignal\nexport MAIL_TOKEN_URL={base_url}/google/token\n"
    ));
    let keys = ["DEEPGRAM_API_KEY", "ANTHROPIC_API_KEY", "ELEVENLABS_API_KEY"];
    for name in keys {
        text.push_str(&format!("export {name}=sandbox\n"));
    }
    text.push_str("export ELEVENLABS_VOICE_ID=sandbox\n");
    text.push_str(&format!(
        "\nAnd for calls by `tandem call` and `tandem load`:\n\n\
         export TWILIO_ACCOUNT_SID={ACCOUNT_SID} TWILIO_AUTH_TOKEN={AUTH_TOKEN} TWILIO_PHONE_NUMBER={TO_NUMBER}\n"
    ));
    text.push_str(&format!(
        "\nDelays and faults: curl {base_url}/sandbox/knobs; what they saw: {base_url}/sandbox/log\n\
         What Twilio's REST API remembers: {base_url}/sandbox/twilio\n\
         Whapi is at {base_url}/whapi (tokens sandbox-whapi-1 to -3), OneSignal at {base_url}/onesignal (app \
         00000000-0000-4000-8000-000000000001, key sandbox-onesignal)\n\
         Google's access tokens: {base_url}/google/token (client sandbox.apps.googleusercontent.com, secret GOCSPX-sandbox, refresh \
         token 1//sandbox- and the mailbox's address)\n"
    ));
    text
}
