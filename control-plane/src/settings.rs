//! What the program gives in, with every timeout, queue and limit.

pub use crate::{
    directory::DirectoryOptions, elsewhere::ElsewhereOptions, mailboxes::MailboxOptions,
    streams::StreamOptions, upkeep::UpkeepOptions, work::WorkOptions,
};
use crate::{
    directory::is_e164,
    messengers::MessengerOptions,
    providers::{Providers, Services},
};
use bus::NatsOptions;
use deliveries::{SenderOptions, WorkerOptions};
use engine::{ids::TenantId, ports::Assistant, provider::Secret};
use identity::{
    IdentityOptions,
    openid::{OpenIdOptions, OpenIdProvider},
};
use metrics_exporter_prometheus::PrometheusHandle;
pub use objects::{Encryption, S3Options};
use outbox::OutboxOptions;
use std::{collections::HashMap, path::PathBuf, sync::Arc, time::Duration};
use store_postgres::PostgresOptions;
use store_sqlite::SqliteOptions;
use twilio_rest::Credentials;
pub use twilio_rest::TwilioOptions;
use url::Url;
use vault::KeyRing;

/// Everything that a control plane is opened with.
#[derive(Clone)]
pub struct ControlPlaneSettings {
    /// The address at which the carrier reaches this program, `https://` except on the same machine. Signatures
    /// are checked against it and TwiML points to it; what a request says of its host is not believed.
    pub base_url: Url,
    /// Holds the database and the recordings; made if it is not there.
    pub data_dir: PathBuf,
    /// Where what is kept is kept.
    pub store: StoreSettings,
    /// How it speaks with other nodes.
    pub bus: BusSettings,
    /// What protects stored credentials.
    pub keys: KeyRing,
    /// How people sign in.
    pub sign_in: SignInSettings,
    /// The tenant that is there from the start. Others are stored.
    pub tenant: TenantSettings,
    /// How Twilio's REST API is reached.
    pub twilio: TwilioOptions,
    /// How those are reached that carry messages besides Twilio.
    pub messengers: MessengerOptions,
    /// The services that serve every tenant without an account of its own there.
    pub services: Services,
    /// What becomes of recordings.
    pub recording: RecordingSettings,
    /// The account in which subaccounts are made for tenants, by its auth token; `None`: every tenant brings its own.
    pub platform_account: Option<Credentials>,
    /// A file elsewhere that callers hear when we are not there: the voice fallback of numbers that are set up. `None`: our own.
    pub outage_url: Option<Url>,
    /// Renders `/metrics`; the program has installed its recorder.
    pub metrics: PrometheusHandle,
    /// Limits.
    pub limits: ControlPlaneOptions,
}

/// How people sign in.
#[derive(Clone, Debug, Default)]
pub struct SignInSettings {
    /// Lifetimes and limits.
    pub options: IdentityOptions,
    /// OpenID providers at which they can sign in; each sends them back to `/v1/auth/oidc/{name}/callback`.
    pub openid: Vec<OpenIdProvider>,
    /// How those are asked.
    pub openid_options: OpenIdOptions,
}

/// What becomes of recordings when their call is over.
#[derive(Clone, Debug)]
pub struct RecordingSettings {
    /// Whether they are converted to Ogg/Opus.
    pub opus: bool,
    /// Whether the WAV file stays after that.
    pub keep_wav: bool,
    /// Where they stay.
    pub place: RecordingPlace,
    /// Whether the carrier's own recordings are deleted there once they are stored here: in the subaccounts that the platform
    /// made, where a tenant does not say.
    pub delete_at_carrier: bool,
    /// Signs links to recordings in a folder, at least 32 bytes, the same on all nodes. `None`: made once, and kept in the
    /// data folder.
    pub link_secret: Option<Secret>,
}

/// Where recordings stay.
#[derive(Clone, Debug)]
pub enum RecordingPlace {
    /// In the data folder, or in another that all nodes share.
    Folder(Option<PathBuf>),
    /// In a bucket.
    S3(Box<S3Options>),
}

impl Default for RecordingSettings {
    fn default() -> Self {
        Self {
            opus: false,
            keep_wav: true,
            place: RecordingPlace::Folder(None),
            delete_at_carrier: true,
            link_secret: None,
        }
    }
}

/// How the nodes speak with each other.
#[derive(Clone, Debug, Default)]
pub enum BusSettings {
    /// There is only this one, or they do not.
    #[default]
    Local,
    /// Over a NATS server.
    Nats {
        /// `nats://user:password@host:4222`, or several with commas between them.
        url: Secret,
    },
}

/// Where what is kept is kept.
#[derive(Clone, Debug, Default)]
pub enum StoreSettings {
    /// In a file in the data folder, for this process alone.
    #[default]
    Embedded,
    /// In a PostgreSQL database, which other nodes share.
    Postgres {
        /// `postgres://user:password@host/database`.
        url: Secret,
    },
}

/// A tenant: a company with its own carrier account.
#[derive(Clone, Debug)]
pub struct TenantSettings {
    /// Lower-case letters, digits, `_` and `-`, at most 64; names a folder.
    pub id: TenantId,
    /// For people.
    pub name: String,
    /// Its account at the carrier.
    pub twilio: TwilioAccount,
    /// Its first numbers, E.164; more are stored. Calls to others are not answered.
    pub numbers: Vec<String>,
    /// Who answers.
    pub assistant: Arc<Assistant>,
    /// Where the assistant's remote tools are, by the tool's name.
    pub remote_tools: HashMap<String, RemoteTool>,
    /// To whom the assistant may hand a call: name to number (E.164). Nobody else, or a caller could talk it
    /// into dialling any number at the tenant's cost.
    pub transfer_targets: HashMap<String, String>,
    /// Who serves its calls; at least one of each.
    pub providers: Providers,
    /// Whether calls are recorded.
    pub record: bool,
    /// What the carrier's own voice says when the assistant cannot.
    pub texts: CarrierTexts,
}

/// An account at Twilio. While its SID or its token is empty, no webhook is believed.
#[derive(Clone, Debug)]
pub struct TwilioAccount {
    /// `AC…`
    pub account_sid: String,
    /// Signs the webhooks.
    pub auth_token: Secret,
    /// The token before or after it, while it is being exchanged.
    pub previous_auth_token: Option<Secret>,
    /// Keys that sign instead where `X-Twilio-Webhooks-Signature-Settings` names them, by their id.
    pub shared_keys: HashMap<String, Secret>,
}

/// Where a tool of the tenant is.
#[derive(Clone, Debug)]
pub struct RemoteTool {
    /// Takes the POST.
    pub url: Url,
    /// Signs it; a `whsec_` secret is decoded as Standard Webhooks has it, others are taken as they are. Empty: the
    /// request is not signed.
    pub signing_secret: Secret,
    /// Who says where it is.
    pub chosen_by: ChosenBy,
}

/// Who says where something is that this program speaks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChosenBy {
    /// Those who run this installation: it may be in their own network.
    Installation,
    /// A tenant: it may be where [`ControlPlaneOptions::delivery`] lets customers' servers be, and nowhere else. They could
    /// otherwise have us speak with whatever is near us and not open to them.
    Tenant,
}

/// What the carrier's own voice says when the assistant cannot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CarrierTexts {
    /// The carrier's voice.
    pub voice: String,
    /// A webhook could not be served.
    pub trouble: String,
    /// The carrier could not reach us, or we take no calls; a message can be left after it.
    pub leave_message: String,
    /// The stream was lost and did not come back.
    pub connection_lost: String,
    /// The assistant failed; said before whoever comes next, which is voicemail at last.
    pub last_resort: String,
    /// The one who was to take over cannot be reached, or is nobody we know.
    pub not_put_through: String,
}

impl Default for CarrierTexts {
    fn default() -> Self {
        Self {
            voice: "Polly.Amy".to_owned(),
            trouble: "We're experiencing issues. Please try again.".to_owned(),
            leave_message:
                "We are experiencing technical difficulties. Please leave a message or try again later."
                    .to_owned(),
            connection_lost: "I'm sorry, the connection was lost. Please call again. Goodbye.".to_owned(),
            last_resort: "I'm sorry, I can't help you right now.".to_owned(),
            not_put_through:
                "I'm sorry, I can't put you through right now. Please call again later. Goodbye.".to_owned(),
        }
    }
}

/// How often a tenant may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// So many requests; at least 1.
    pub requests: u32,
    /// In so long a time. All of them may come at once.
    pub window: Duration,
}

/// How often a tenant may ask, by what it costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimits {
    /// Requests that read. Default 6,000 in 60 s: a console that asks every second for a hundred people.
    pub read: RateLimit,
    /// Requests that write. Default 1,200 in 60 s: each is a flush of the disk, and SQLite serves one at a time.
    pub write: RateLimit,
    /// Requests that cost money or go out to a provider: calls that are placed, numbers that are bought, credentials that
    /// are tried. Default 60 in 60 s: a carrier places one call a second for a new account.
    pub spend: RateLimit,
}

impl Default for RateLimits {
    fn default() -> Self {
        let window = Duration::from_secs(60);
        Self {
            read: RateLimit { requests: 6_000, window },
            write: RateLimit { requests: 1_200, window },
            spend: RateLimit { requests: 60, window },
        }
    }
}

/// Every timeout, queue and limit of the control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlPlaneOptions {
    /// How customers' webhooks are worked on.
    pub deliveries: WorkerOptions,
    /// How they are sent.
    pub delivery: SenderOptions,
    /// At the end, those that are on the way have so long to come to theirs. Default 5 s: what has not is sent again.
    pub deliveries_drain: Duration,
    /// Longest body of a webhook, in bytes. Default 65,536: the carrier's own limit for bodies.
    pub webhook_body_bytes: usize,
    /// Longest time for a webhook, its body included. Default 8 s: the carrier hangs up after 15 s, and the
    /// caller hears nothing until then.
    pub webhook_deadline: Duration,
    /// No webhook that is not believed is answered sooner. Default 25 ms: longer than reading a tenant takes, so that time
    /// does not tell whether there is such an account.
    pub webhook_refusal: Duration,
    /// Answers that are kept to give the same one to a repeated request. Default 1,024: a carrier repeats within
    /// seconds.
    pub repeated_answers: usize,
    /// How long a stream may take to come with its token. Default 60 s: it comes within a second, and the
    /// carrier's signature alone could be replayed for ever.
    pub stream_token_ttl: Duration,
    /// Calls that wait for their stream at the same time. Default 10,000; beyond it callers are asked to leave a
    /// message.
    pub stream_tokens: usize,
    /// How often the carrier is asked to come back after a lost stream. Default 3.
    pub stream_tries: u32,
    /// How long the engine has to say how a stream ended before it counts as lost. Default 3 s: the carrier
    /// tells of the end at the same time as the engine, which finishes the recording first. A lost stream is
    /// known at once.
    pub stream_verdict: Duration,
    /// How long the journal of a call may take to be read when its stream comes back. Default 2 s: the caller
    /// waits in silence.
    pub journal_read: Duration,
    /// Chunks of a journal that are read at once. Default 64: some 100 KiB.
    pub journal_chunks: u16,
    /// Events that wait to be stored. Default 8,192: a minute of 100 calls while the database does not write.
    pub log_queue: usize,
    /// Of those, places kept for everything but journal entries, which the engine offers again. Default 1,024.
    pub log_reserve: usize,
    /// Events stored in one transaction. Default 512: one flush of the disk for all of them.
    pub log_batch: usize,
    /// How long an event waits for others to be stored with. Default 100 ms: with many calls that is one flush of the
    /// disk instead of ten.
    pub log_linger: Duration,
    /// Wait before the database is tried again. Default 200 ms.
    pub log_retry: Duration,
    /// How long closing waits for events to be stored. Default 10 s: container runtimes kill after 30 s.
    pub log_close: Duration,
    /// Ended calls whose recordings wait to be converted. Default 1,024; what does not fit is found in the folder.
    pub conversion_queue: usize,
    /// How long a conversion waits for the end of its call to be stored. Default 10 s; later it is tried again.
    pub conversion_patience: Duration,
    /// How work that goes on in the background is taken.
    pub work: WorkOptions,
    /// How long a link to a recording lasts. Default 15 min.
    pub recording_link: Duration,
    /// How often it is looked at whether somebody who listens in on a call still may. Default 5 s: a look costs some lookups in the
    /// database.
    pub listen_recheck: Duration,
    /// How long until a recording that is held although its retention is over is looked at again. Default 24 h.
    pub hold_recheck: Duration,
    /// How long what is known of an ended call is remembered in memory. Default 10 min: late webhooks.
    pub ended_calls_kept: Duration,
    /// Longest answer of a tool, in bytes. Default 65,536: more than a model should read in a phone call.
    pub tool_answer_bytes: usize,
    /// How long a tool's server may take to accept a connection. Default 3 s.
    pub tool_connect: Duration,
    /// How long the one who is to take over is rung, in s. Default 30.
    pub dial_timeout_s: u32,
    /// Longest message that a caller can leave, in s. Default 60.
    pub voicemail_max_s: u32,
    /// Things in a page of a list. Default 20.
    pub page_default: u16,
    /// Most things in a page of a list. Default 100.
    pub page_max: u16,
    /// Longest body of a request to `/v1`, in bytes. Default 262,144: an assistant's prompt with all of its tools is below
    /// a quarter of it.
    pub api_body_bytes: usize,
    /// Longest body that names very many recipients. Default 32 MiB: 100,000 of them with what their messages need.
    pub batch_body_bytes: usize,
    /// How long such a body may take to come. Default 10 s.
    pub api_body_deadline: Duration,
    /// How long a provider may take to say whether it takes credentials. Default 10 s.
    pub credentials_trial: Duration,
    /// How long an answer is kept for those who send the same request again. Default 24 h.
    pub idempotency_kept: Duration,
    /// How often each tenant may ask.
    pub rate: RateLimits,
    /// How long the answer to "can the database write" is good for. Default 1 s: the question is open to
    /// everybody and costs a flush of the disk.
    pub readiness_cache: Duration,
    /// How long that question may take. Default 2 s.
    pub readiness_deadline: Duration,
    /// How often expired things are cleared away. Default 5 s.
    pub housekeeping: Duration,
    /// When calls whose end nobody told and the numbers' months are looked after.
    pub upkeep: UpkeepOptions,
    /// How mailboxes are held and read.
    pub mailboxes: MailboxOptions,
    /// What is kept of the tenants in memory.
    pub directory: DirectoryOptions,
    /// Other nodes.
    pub elsewhere: ElsewhereOptions,
    /// The bus to them.
    pub nats: NatsOptions,
    /// Those who follow what happens.
    pub streams: StreamOptions,
    /// Sends messages.
    pub outbox: OutboxOptions,
    /// The database file.
    pub sqlite: SqliteOptions,
    /// The PostgreSQL database.
    pub postgres: PostgresOptions,
}

impl Default for ControlPlaneOptions {
    fn default() -> Self {
        Self {
            webhook_body_bytes: 64 * 1024,
            webhook_deadline: Duration::from_secs(8),
            webhook_refusal: Duration::from_millis(25),
            repeated_answers: 1_024,
            stream_token_ttl: Duration::from_secs(60),
            stream_tokens: 10_000,
            stream_tries: 3,
            stream_verdict: Duration::from_secs(3),
            journal_read: Duration::from_secs(2),
            journal_chunks: 64,
            log_queue: 8_192,
            log_reserve: 1_024,
            log_batch: 512,
            log_linger: Duration::from_millis(100),
            log_retry: Duration::from_millis(200),
            log_close: Duration::from_secs(10),
            conversion_queue: 1_024,
            conversion_patience: Duration::from_secs(10),
            work: WorkOptions::default(),
            recording_link: Duration::from_secs(15 * 60),
            listen_recheck: Duration::from_secs(5),
            hold_recheck: Duration::from_secs(24 * 3_600),
            ended_calls_kept: Duration::from_secs(600),
            tool_answer_bytes: 64 * 1024,
            tool_connect: Duration::from_secs(3),
            dial_timeout_s: 30,
            voicemail_max_s: 60,
            page_default: 20,
            page_max: 100,
            api_body_bytes: 256 * 1024,
            batch_body_bytes: 32 * 1024 * 1024,
            api_body_deadline: Duration::from_secs(10),
            credentials_trial: Duration::from_secs(10),
            idempotency_kept: Duration::from_secs(24 * 60 * 60),
            rate: RateLimits::default(),
            readiness_cache: Duration::from_secs(1),
            readiness_deadline: Duration::from_secs(2),
            housekeeping: Duration::from_secs(5),
            upkeep: UpkeepOptions::default(),
            mailboxes: MailboxOptions::default(),
            directory: DirectoryOptions::default(),
            deliveries: WorkerOptions::default(),
            delivery: SenderOptions::default(),
            deliveries_drain: Duration::from_secs(5),
            elsewhere: ElsewhereOptions::default(),
            nats: NatsOptions::default(),
            streams: StreamOptions::default(),
            outbox: OutboxOptions::default(),
            sqlite: SqliteOptions::default(),
            postgres: PostgresOptions::default(),
        }
    }
}

impl TenantSettings {
    /// Whether a carrier account is set up. An empty token would be one that everybody can sign with.
    pub(crate) fn has_account(&self) -> bool {
        !self.twilio.account_sid.is_empty() && !self.twilio.auth_token.reveal().is_empty()
    }

    /// What keeps these settings from being used, if anything.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        if !is_folder_name(&self.id.0) {
            return Some(
                "the tenant's id must be 1 to 64 lower-case letters, digits, underscores or hyphens",
            );
        }
        if !self.numbers.iter().chain(self.transfer_targets.values()).all(|number| is_e164(number)) {
            return Some("numbers must be E.164, such as +15550100");
        }
        None
    }
}

fn is_folder_name(id: &str) -> bool {
    !id.is_empty()
        && id.len() <= 64
        && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenants_id_must_be_fit_for_a_folder() {
        for (id, fits) in [
            ("ten_1", true),
            ("a-b", true),
            ("", false),
            ("..", false),
            ("a/b", false),
            ("Ten", false),
            (&"a".repeat(65), false),
        ] {
            assert_eq!(is_folder_name(id), fits, "{id}");
        }
    }
}
