//! What can be typed, as types. The help is the first documentation anybody reads, so each command's teaches
//! by example.

use clap::{Args, Parser, Subcommand};
use engine::provider::Secret;
use std::{net::SocketAddr, num::NonZeroU32, path::PathBuf, time::Duration};
use url::Url;

#[cfg(test)]
mod tests;

/// Tandem: answers phone calls with an AI assistant.
#[derive(Debug, Parser)]
#[command(name = "tandem", version, arg_required_else_help = true, max_term_width = 100)]
#[command(
    after_help = "Start here:\n  tandem demo               one recorded call, no keys and no accounts\n  \
                        tandem help <command>     what a command does, with an example"
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a whole recorded call on this machine, without keys or accounts
    Demo(Demo),
    /// Answer calls
    Serve(Serve),
    /// Call a server with a recorded caller
    Call(Call),
    /// Call a server many times at once and report percentiles
    Load(Box<Load>),
    /// Serve stand-ins for the outside services
    Sandbox(Sandbox),
    /// Back up the embedded database, or bring it back
    Store(Store),
    /// Make, change and count the keys that protect stored credentials
    Keys(Keys),
    /// Find out why calls do not come in, and mend what can be mended
    Doctor(Doctor),
    /// Let somebody in who runs the platform
    Admin(Admin),
    /// Take credentials out of the environment into the database, sealed
    ImportEnv(ImportEnv),
    /// Write the file that callers hear when nothing of this installation runs
    OutageTwiml(OutageTwiml),
}

/// Runs a whole recorded call through the real engine. The outside services (carrier, speech recognition,
/// language model, speech synthesis) are stand-ins on this machine, so it needs no keys and no network.
///
/// Shows the call live, then the transcript, where the time of each turn went, and where the recording lies.
/// The exit code is 0 if all went as the recorded call expects.
#[derive(Args, Debug)]
#[command(after_long_help = "Examples:\n  tandem demo\n  tandem demo --fixture barge-in --keep ./out\n  \
                             tandem demo --fast --json | jq .latency")]
pub struct Demo {
    /// The recorded call [default: order-status]
    #[arg(long, value_name = "NAME")]
    pub fixture: Option<String>,
    /// Print one JSON object (`turns`, `latency`, `recording`) and nothing else on standard output
    #[arg(long)]
    pub json: bool,
    /// Run in virtual time: the whole call in about a second
    #[arg(long)]
    pub fast: bool,
    /// Keep database and recording in this folder [default: a folder of its own in the temporary folder]
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
}

/// Answers the calls of a Twilio number: serves its webhooks, its media streams and the REST API.
///
/// Reads the configuration file, then the environment over it. Without --config it reads tandem.toml in the
/// current folder if there is one. The first start prints the API key once.
#[derive(Args, Debug)]
#[command(after_long_help = "Examples:\n  tandem serve --print-example > tandem.toml\n  \
                             tandem serve --config tandem.toml\n  \
                             TANDEM_LISTEN=0.0.0.0:8080 BASE_URL=https://calls.example.com tandem serve")]
pub struct Serve {
    /// The configuration file
    #[arg(long, value_name = "FILE", env = "TANDEM_CONFIG")]
    pub config: Option<PathBuf>,
    /// Print the commented example configuration (every option, with its default) and exit
    #[arg(long)]
    pub print_example: bool,
}

/// Plays the carrier for one call: posts the signed voice webhook to a server, parses its TwiML, opens its
/// media stream, and speaks as the recorded caller does.
///
/// Works against any server of Twilio Media Streams. The exit code is 0 if all went as the recorded call
/// expects.
#[derive(Args, Debug)]
#[command(
    after_long_help = "Example:\n  tandem call --fixture barge-in --to http://127.0.0.1:8080/api/voice/incoming"
)]
pub struct Call {
    /// The recorded call
    #[arg(long, value_name = "NAME")]
    pub fixture: String,
    /// Who is called, and as whom
    #[command(flatten)]
    pub target: Target,
    /// Print one JSON object and nothing else on standard output
    #[arg(long)]
    pub json: bool,
}

/// Plays the carrier for many calls at once, and reports percentiles: the server's own share of the response
/// latency, its reaction when a caller interrupts, underruns as a listener would hear them, lost calls.
///
/// The server's own share (overhead) is the response latency less the fixed delays of the stand-in services;
/// with --sandbox this process serves them, and the server must have been pointed at them.
#[derive(Args, Debug)]
#[command(after_long_help = "Example, in two terminals:\n  \
    tandem load --calls 50 --fixture load --to http://127.0.0.1:8080/api/voice/incoming \\\n              \
    --sandbox --report load.html\n  \
    DEEPGRAM_BASE_URL=http://127.0.0.1:9100 … tandem serve")]
pub struct Load {
    /// Calls at the same time
    #[arg(long, value_name = "N")]
    pub calls: NonZeroU32,
    /// The recorded call; may be given several times, the calls then take turns
    #[arg(long, value_name = "NAME", required = true)]
    pub fixture: Vec<String>,
    /// Who is called, and as whom
    #[command(flatten)]
    pub target: Target,
    /// Numbers that the calls go to in turns, instead of the one: a file with `NUMBER ACCOUNT_SID AUTH_TOKEN` on each line
    #[arg(long, value_name = "FILE")]
    pub numbers: Option<PathBuf>,
    /// New calls per second until all are up
    #[arg(long, value_name = "N", default_value = "10", value_parser = rate)]
    pub ramp_per_second: f64,
    /// Replace calls that end until this has passed, such as 90s or 10m [default: each call once]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub duration: Option<Duration>,
    /// Process id of the server, if it runs on this machine: its CPU time and memory are measured too
    #[arg(long, value_name = "PID")]
    pub server_pid: Option<u32>,
    /// Voice webhook of a bare echo server (`cargo run --release -p benches --bin echo-floor`): the same load
    /// goes there first, and the report compares
    #[arg(long, value_name = "URL", value_parser = web_address)]
    pub floor: Option<Url>,
    /// Process id of the echo server
    #[arg(long, value_name = "PID", requires = "floor")]
    pub floor_pid: Option<u32>,
    /// Serve the stand-ins for the outside services from this process as well
    #[arg(long)]
    pub sandbox: bool,
    /// Where the stand-ins listen
    #[arg(long, value_name = "ADDRESS", default_value = SANDBOX_LISTEN, requires = "sandbox")]
    pub sandbox_listen: SocketAddr,
    /// Print one JSON object and nothing else on standard output
    #[arg(long)]
    pub json: bool,
    /// Write a page with plots; it needs nothing beside itself
    #[arg(long, value_name = "FILE.html")]
    pub report: Option<PathBuf>,
}

/// Serves stand-ins for Deepgram, Anthropic, OpenAI, ElevenLabs and Twilio's REST API, to develop against
/// without keys or accounts. Prints the variables that point a server at them.
#[derive(Args, Debug)]
#[command(after_long_help = "Example:\n  tandem sandbox --listen 127.0.0.1:9100")]
pub struct Sandbox {
    /// Where they listen
    #[arg(long, value_name = "ADDRESS", default_value = SANDBOX_LISTEN)]
    pub listen: SocketAddr,
}

/// Backs up the embedded database, also while the server runs, or puts a backup in its place.
///
/// Reads the configuration as `tandem serve` does, to know where the database is. The recordings are files beside it and
/// are not part of a backup. A PostgreSQL database is backed up with its own tools (pg_dump).
#[derive(Args, Debug)]
#[command(after_long_help = "Examples:\n  tandem store backup /backup/tandem.db\n  \
                             tandem store restore /backup/tandem.db")]
pub struct Store {
    /// What to do
    #[command(subcommand)]
    pub command: StoreCommand,
    /// The configuration file
    #[arg(long, value_name = "FILE", env = "TANDEM_CONFIG", global = true)]
    pub config: Option<PathBuf>,
}

/// What to do with the embedded database.
#[derive(Debug, Subcommand)]
pub enum StoreCommand {
    /// Copy the database to a new file and check the copy
    Backup {
        /// Where the backup goes; there must be nothing yet
        file: PathBuf,
    },
    /// Put a backup in the place of the database, which is kept under another name; the server must not run
    Restore {
        /// The backup
        file: PathBuf,
    },
}

/// Makes, changes and counts the keys that protect stored credentials. Works while the server runs.
///
/// Reads the configuration as `tandem serve` does, to know where the keys and the database are. A key-encryption key wraps the
/// tenants' data keys, which seal their credentials. To change it: make one (`new`), add it at the end of secrets.keys or of the
/// key file, restart the nodes, `rotate`, and take the old one out when `status` says that it wraps nothing.
#[derive(Args, Debug)]
#[command(after_long_help = "Examples:\n  tandem keys new >> data/secrets.key\n  tandem keys rotate\n  \
                             tandem keys rotate --data-keys --dry-run\n  tandem keys status --json")]
pub struct Keys {
    /// What to do
    #[command(subcommand)]
    pub command: KeysCommand,
    /// The configuration file
    #[arg(long, value_name = "FILE", env = "TANDEM_CONFIG", global = true)]
    pub config: Option<PathBuf>,
}

/// Lets somebody in who runs the platform: all tenants, with every right.
///
/// Works on the database itself, beside a running server. What it prints is shown once; whoever has it sets the password.
#[derive(Args, Debug)]
#[command(
    after_long_help = "Example:\n  tandem admin create --email ann@example.com --config tandem.toml\n  \
                       curl https://calls.example.com/v1/auth/invitations/accept \\\n    \
                       --json '{\"token\":\"…\",\"password\":\"…\"}'"
)]
pub struct Admin {
    /// What to do
    #[command(subcommand)]
    pub command: AdminCommand,
    /// The configuration file
    #[arg(long, value_name = "FILE", env = "TANDEM_CONFIG", global = true)]
    pub config: Option<PathBuf>,
}

/// Takes the accounts whose variables are set over into the database, for the tenant of the configuration: Twilio's for calls
/// (TWILIO_ACCOUNT_SID, …), for messages (TWILIO_SMS_ACCOUNT_SID, …) and for emergencies (TWILIO_BACKUP_ACCOUNT_SID, …), each with
/// its auth token and number, Whapi's tokens (WHAPI_TOKEN, WHAPI_TOKEN_BACKUP_1, WHAPI_TOKEN_BACKUP_2), OneSignal's app
/// (ONESIGNAL_APP_ID, ONESIGNAL_REST_API_KEY), a mailbox (ARA_EMAIL_USER, ARA_CLIENT_ID, ARA_CLIENT_SECRET, ARA_REFRESH_TOKEN), and the keys of Deepgram, Anthropic, OpenAI and ElevenLabs.
///
/// Each is tried at its provider and stored sealed; what is stored already stays as it is. Afterwards the variables can be taken
/// out of the environment. The exit code is 1 if an account was refused.
#[derive(Args, Debug)]
#[command(
    after_long_help = "Examples:\n  tandem import-env --dry-run\n  tandem import-env --config tandem.toml"
)]
pub struct ImportEnv {
    /// Only say what is there
    #[arg(long)]
    pub dry_run: bool,
    /// Print one JSON object (`accounts`) and nothing else on standard output
    #[arg(long)]
    pub json: bool,
    /// The configuration file
    #[arg(long, value_name = "FILE", env = "TANDEM_CONFIG")]
    pub config: Option<PathBuf>,
}

/// Writes TwiML that asks the caller to call later, for a web server that does not depend on this installation. Its address goes
/// into `platform.outage_url`: the numbers' voice fallback URL.
#[derive(Args, Debug)]
#[command(after_long_help = "Examples:\n  tandem outage-twiml > outage.xml\n  \
                             tandem outage-twiml --text \"Please call back tomorrow.\" --voice Polly.Amy --out outage.xml")]
pub struct OutageTwiml {
    /// What is said [default: that we cannot take the call, and to call back later]
    #[arg(long, value_name = "TEXT", default_value = OUTAGE_TEXT, hide_default_value = true)]
    pub text: String,
    /// The carrier's voice that says it
    #[arg(long, value_name = "NAME", default_value = "Polly.Amy")]
    pub voice: String,
    /// The file to write [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// What is said when nothing runs.
pub(crate) const OUTAGE_TEXT: &str = "We cannot take your call right now. Please call back later.";

/// Whom to let in.
#[derive(Debug, Subcommand)]
pub enum AdminCommand {
    /// Make somebody a platform admin and print an invitation. Whoever had this account before loses it
    Create(Person),
    /// Print an invitation to set another password, for a user who lost theirs
    Reset(Person),
}

/// Who it is.
#[derive(Args, Debug)]
pub struct Person {
    /// The email address
    #[arg(long, value_name = "ADDRESS")]
    pub email: String,
    /// The name [default: the address]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Print one JSON object (`user`, `token`, `expires_at`) and nothing else on standard output
    #[arg(long)]
    pub json: bool,
}

/// What to do with the keys.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Print a new key; nothing is changed
    New,
    /// Say which keys are in use, and whether everything opens; the exit code is 1 if something does not
    Status {
        /// Print one JSON object and nothing else on standard output
        #[arg(long)]
        json: bool,
    },
    /// Wrap all data keys with the newest key. What was cut off goes on when it is started again
    Rotate(Rotate),
}

/// How keys are changed.
#[derive(Args, Debug)]
pub struct Rotate {
    /// Also give every tenant a new data key, and seal all its credentials with it
    #[arg(long)]
    pub data_keys: bool,
    /// Only count what would be changed
    #[arg(long)]
    pub dry_run: bool,
    /// Print one JSON object and nothing else on standard output
    #[arg(long)]
    pub json: bool,
}

/// Checks an installation: configuration, keys, database, the public address, the clock, and for each tenant its credentials, account,
/// numbers, their webhooks at the carrier, signatures and balance. Says what is wrong, why it matters and how to mend it.
///
/// Reads the configuration as `tandem serve` does, and asks the carrier's real API. Changes nothing without --fix. The exit code is 0
/// if nothing failed, 1 if something did.
#[derive(Args, Debug)]
#[command(after_long_help = "Examples:\n  tandem doctor\n  tandem doctor --tenant example --fix\n  \
                             tandem doctor --json | jq '.findings[] | select(.state == \"failed\")'")]
pub struct Doctor {
    /// Only this tenant, by its id or short name [default: all]
    #[arg(long, value_name = "TENANT")]
    pub tenant: Option<String>,
    /// Point webhooks at this server that point elsewhere
    #[arg(long)]
    pub fix: bool,
    /// Print one JSON object and nothing else on standard output
    #[arg(long)]
    pub json: bool,
    /// The configuration file
    #[arg(long, value_name = "FILE", env = "TANDEM_CONFIG")]
    pub config: Option<PathBuf>,
}

/// Who is called, and as whom.
#[derive(Args, Debug)]
pub struct Target {
    /// The server's voice webhook
    #[arg(long, value_name = "URL", value_parser = web_address)]
    pub to: Url,
    /// The account that calls
    #[arg(
        long,
        value_name = "SID",
        env = "TWILIO_ACCOUNT_SID",
        default_value = ACCOUNT_SID
    )]
    pub account_sid: String,
    /// Signs the webhooks: the server's auth token of that account. Better given by the variable, where
    /// others on the machine cannot read it
    #[arg(
        long,
        value_name = "TOKEN",
        env = "TWILIO_AUTH_TOKEN",
        hide_env_values = true,
        default_value = AUTH_TOKEN
    )]
    #[arg(value_parser = secret)]
    pub auth_token: Secret,
    /// The caller's number
    #[arg(long, value_name = "NUMBER", default_value = "+15550199")]
    pub from: String,
    /// The number that is called
    #[arg(long, value_name = "NUMBER", env = "TWILIO_PHONE_NUMBER", default_value = TO_NUMBER)]
    pub to_number: String,
}

/// As whom a server is called unless told otherwise; the server is set up with the same.
pub(crate) const ACCOUNT_SID: &str = "AC00000000000000000000000000000000";
/// Its auth token.
pub(crate) const AUTH_TOKEN: &str = "sandbox";
/// Which number is called.
pub(crate) const TO_NUMBER: &str = "+15550100";

/// Where the stand-ins listen unless told otherwise: loopback, because they believe everybody.
const SANDBOX_LISTEN: &str = "127.0.0.1:9100";

fn secret(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::new(text))
}

fn web_address(text: &str) -> Result<Url, String> {
    let example = "write an address such as http://127.0.0.1:8080/api/voice/incoming";
    let url = Url::parse(text).map_err(|error| format!("{error}; {example}"))?;
    if matches!(url.scheme(), "http" | "https") { Ok(url) } else { Err(example.to_owned()) }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate > 0.0 => Ok(rate),
        _ => Err("write a number above 0, such as 10 or 0.5".to_owned()),
    }
}

/// `90`, `90s`, `10m` or `2h`.
fn duration(text: &str) -> Result<Duration, String> {
    let (digits, seconds_per_unit) = match text.as_bytes().last() {
        Some(b's') => (&text[..text.len() - 1], 1),
        Some(b'm') => (&text[..text.len() - 1], 60),
        Some(b'h') => (&text[..text.len() - 1], 3_600),
        _ => (text, 1),
    };
    match digits.parse::<u64>().ok().and_then(|count| count.checked_mul(seconds_per_unit)) {
        Some(seconds) if seconds > 0 => Ok(Duration::from_secs(seconds)),
        _ => Err("write a time such as 90s, 10m or 2h".to_owned()),
    }
}
