//! The program, running with a secret in every credential of its configuration, and those who speak with it: all that it says to
//! anybody is kept.

use super::{
    echo::Echo,
    secret::{Canary, Search, text_for},
};
use crate::support::Folder;
use engine::provider::http::http_client;
use fixtures::{
    carrier::sign,
    sandbox::{Sandbox, TwilioSetup},
};
use reqwest::Method;
use serde_json::Value;
use std::{
    collections::BTreeSet,
    fs::File,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    sync::Mutex,
    time::{Duration, Instant},
};

/// Nothing that is waited for takes a tenth of this.
const PATIENCE: Duration = Duration::from_secs(60);

/// The platform's account at the carrier.
pub(super) const PLATFORM_SID: &str = "AC00000000000000000000000000000000";
pub(super) const OWN_NUMBER: &str = "+15550100";

/// Something that the program said.
#[derive(Clone, Debug)]
pub(super) struct Said {
    /// To whom, and about what.
    pub(super) what: String,
    pub(super) bytes: Vec<u8>,
    /// The secrets that it shows on purpose, because it is the answer to whoever asked for them.
    shows: BTreeSet<String>,
}

/// An answer of the API.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) text: String,
    pub(super) json: Value,
    /// Which of what was said it is.
    said: usize,
}

/// Who asks.
#[derive(Clone, Debug, Default)]
pub(super) struct As {
    pub(super) bearer: Option<String>,
    /// For which tenant.
    pub(super) tenant: Option<String>,
    /// Other headers.
    pub(super) headers: Vec<(&'static str, String)>,
}

/// The program with everything around it.
pub(super) struct House {
    pub(super) folder: Folder,
    pub(super) address: SocketAddr,
    pub(super) echo: Echo,
    pub(super) sandbox: Sandbox,
    /// The configured tenant's account at the carrier, and its token.
    pub(super) own_account: (String, String),
    /// The tenant's first key.
    pub(super) first_key: String,
    http: reqwest::Client,
    server: Option<Child>,
    canaries: Mutex<Vec<Canary>>,
    codes: Mutex<Vec<String>>,
    said: Mutex<Vec<Said>>,
}

impl As {
    pub(super) fn bearer(token: &str) -> Self {
        Self { bearer: Some(token.to_owned()), ..Self::default() }
    }

    pub(super) fn of(&self, tenant: &str) -> Self {
        Self { tenant: Some(tenant.to_owned()), ..self.clone() }
    }

    pub(super) fn with(&self, name: &'static str, value: &str) -> Self {
        let mut with = self.clone();
        with.headers.push((name, value.to_owned()));
        with
    }
}

impl House {
    /// Starts the program. `store` is a database of another server, if it is not to have a file; recordings go to a bucket if
    /// `bucket`.
    pub(super) async fn open(store: Option<&str>, bucket: bool) -> Self {
        let platform_token = text_for("config platform.twilio.auth_token");
        let mut options = tandem::rehearsal::sandbox_options();
        options.twilio =
            TwilioSetup { auth_token: platform_token, numbers: Vec::new(), ..TwilioSetup::default() };
        let sandbox = Sandbox::start(options).await.unwrap();
        let echo = Echo::start(sandbox.base_url()).await;
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let mut house = Self {
            folder: Folder::new(),
            address,
            echo,
            sandbox,
            own_account: Default::default(),
            first_key: String::new(),
            http: http_client(Default::default()).unwrap(),
            server: None,
            canaries: Mutex::default(),
            codes: Mutex::default(),
            said: Mutex::default(),
        };
        house.own_account = house.account_at_carrier("config tenant.twilio.auth_token").await;
        let config = house.configuration(store, bucket);
        std::fs::create_dir_all(house.folder.path().join("logs")).unwrap();
        std::fs::write(house.folder.path().join("tandem.toml"), config).unwrap();
        house.start();
        house
    }

    /// A secret to be put in.
    pub(super) fn plant(&self, field: &str) -> String {
        let text = text_for(field);
        self.made(field, &text);
        text
    }

    /// A secret that was made by others.
    pub(super) fn made(&self, field: &str, core: &str) {
        self.canaries.lock().unwrap().push(Canary::made(field, core));
    }

    /// A secret that the program made, and shows in this answer. `core` is what of it cannot be known otherwise.
    pub(super) fn shown(&self, answer: &Answer, field: &str, core: &str) {
        self.made(field, core);
        self.said.lock().unwrap()[answer.said].shows.insert(field.to_owned());
    }

    /// A one-time code that is being used.
    pub(super) fn code(&self, code: &str) {
        self.codes.lock().unwrap().push(code.to_owned());
    }

    pub(super) fn search(&self) -> Search {
        Search::new(&self.canaries.lock().unwrap(), &self.codes.lock().unwrap())
    }

    pub(super) fn planted(&self) -> Vec<String> {
        self.canaries.lock().unwrap().iter().map(|canary| canary.field.clone()).collect()
    }

    pub(super) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Another account at the carrier, whose token is a secret from the beginning: the carrier makes it.
    pub(super) async fn account_at_carrier(&self, field: &str) -> (String, String) {
        let token = text_for("config platform.twilio.auth_token");
        let url = format!("{}/2010-04-01/Accounts.json", self.sandbox.base_url());
        let made = self.http.post(url).basic_auth(PLATFORM_SID, Some(token)).form(&[("FriendlyName", field)]);
        let made: Value = made.send().await.unwrap().json().await.unwrap();
        let text = |name: &str| made[name].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
        self.made(field, &text("auth_token"));
        (text("sid"), text("auth_token"))
    }

    fn configuration(&self, store: Option<&str>, bucket: bool) -> String {
        let plant = |option: &str| self.plant(&format!("config {option}"));
        let (echo, sandbox) = (self.echo.at(""), self.sandbox.base_url());
        let (sid, token) = &self.own_account;
        // As base64 these are the 32 bytes of a key.
        let master = format!("{:A<32}", plant("secrets.keys"));
        let master = super::secret::base64_padded(master.as_bytes());
        let link = plant("recording.link_secret").repeat(2);
        let store = store.map_or_else(String::new, |url| {
            let (scheme, rest) = url.split_once("://owner@").unwrap();
            format!("url = \"{scheme}://owner:{}@{rest}\"", plant("store.url"))
        });
        let bucket = if bucket {
            format!(
                "[recording.s3]\nbucket = \"kept\"\nendpoint = \"{echo}/s3\"\naccess_key_id = \"AKIAEXAMPLE\"\n\
                 secret_access_key = \"{}\"\nsession_token = \"{}\"\n",
                plant("recording.s3.secret_access_key"),
                plant("recording.s3.session_token"),
            )
        } else {
            String::new()
        };
        format!(
            "listen = \"{address}\"\nbase_url = \"http://{address}\"\ndata_dir = {data:?}\n\
             [log]\nlevel = \"trace\"\n[store]\n{store}\n[secrets]\nkeys = [\"{master}\"]\n\
             [webhooks]\nallow_own_network = true\n\
             [openid]\nname = \"realm\"\nissuer = \"https://{echo_address}/realm\"\nclient_id = \"tandem\"\nclient_secret = \"{openid}\"\n\
             [platform.twilio]\naccount_sid = \"{PLATFORM_SID}\"\nauth_token = \"{platform}\"\n\
             [tenant]\nid = \"shop\"\n[tenant.twilio]\nbase_url = \"{echo}\"\naccount_sid = \"{sid}\"\nauth_token = \"{token}\"\n\
             previous_auth_token = \"{previous}\"\nnumbers = [\"{OWN_NUMBER}\"]\n\
             [recording]\nlink_secret = \"{link}\"\n{bucket}\
             [voice]\nstt = [\"deepgram\"]\nllm = [\"anthropic\", \"openai\"]\ntts = [\"elevenlabs\", \"openai\"]\n\
             [providers.deepgram]\nbase_url = \"{sandbox}\"\napi_key = \"{deepgram}\"\n\
             [providers.anthropic]\nbase_url = \"{echo}/strict\"\napi_key = \"{anthropic}\"\n\
             [providers.openai]\nbase_url = \"{sandbox}/v1\"\napi_key = \"{openai}\"\n\
             [providers.elevenlabs]\nbase_url = \"{echo}/sockets\"\napi_key = \"{elevenlabs}\"\nvoice = \"sandbox\"\n\
             [assistant]\ngreeting = \"Hello! How can I help you?\"\n\
             [[assistant.tools]]\nname = \"lookup_order\"\nkind = \"http\"\ndescription = \"Where an order is.\"\n\
             url = \"{echo}/tools/lookup_order\"\nsigning_secret = \"{tool}\"\nread_only = true\n\
             [[assistant.tools]]\nname = \"end_call\"\nkind = \"end_call\"\n",
            address = self.address,
            data = self.data(),
            echo_address = self.echo.address,
            openid = plant("openid.client_secret"),
            platform = plant("platform.twilio.auth_token"),
            previous = plant("tenant.twilio.previous_auth_token"),
            deepgram = plant("providers.deepgram.api_key"),
            anthropic = plant("providers.anthropic.api_key"),
            openai = plant("providers.openai.api_key"),
            elevenlabs = plant("providers.elevenlabs.api_key"),
            tool = plant("assistant.tools.signing_secret"),
        )
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
        command.env_clear().env("RUST_LOG", "trace").stdin(Stdio::null()).current_dir(self.folder.path());
        command.args(arguments).arg("--config").arg(self.folder.path().join("tandem.toml"));
        command
    }

    fn log(&self, name: &str) -> PathBuf {
        self.folder.path().join("logs").join(name)
    }

    fn start(&mut self) {
        let kept = |name: &str| File::create(self.log(name)).unwrap();
        let mut command = self.command(&["serve"]);
        self.server = Some(command.stdout(kept("stdout")).stderr(kept("stderr")).spawn().unwrap());
        let began = Instant::now();
        let shown = loop {
            let shown = std::fs::read_to_string(self.log("stdout")).unwrap();
            if shown.contains("API key")
                && shown.ends_with("\n\n")
                && std::net::TcpStream::connect(self.address).is_ok()
            {
                break shown;
            }
            let log = || std::fs::read_to_string(self.log("stderr")).unwrap_or_default();
            assert!(began.elapsed() < PATIENCE, "the server does not start: {}", log());
            std::thread::sleep(Duration::from_millis(20));
        };
        let key = shown.split_whitespace().find(|word| word.starts_with("tdm_")).unwrap().to_owned();
        self.made("the first key", after_hint(&key));
        self.first_key = key;
    }

    /// Ends the program in order, and keeps what it logged.
    pub(super) fn stop(&mut self) {
        let mut server = self.server.take().unwrap();
        let kill = format!("kill -TERM {}", server.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        let status = server.wait().unwrap();
        let read = |name: &str| std::fs::read(self.log(name)).unwrap();
        let (stdout, stderr) = (read("stdout"), read("stderr"));
        assert!(status.success(), "{status}: {}", String::from_utf8_lossy(&stderr));
        let trace = String::from_utf8_lossy(&stderr);
        assert!(trace.contains(" TRACE ") && trace.lines().count() > 1_000, "everything is logged");
        assert!(trace.contains("(credential)"), "what providers say is logged, without what it repeats");
        self.keep("the server's standard output", stdout, &["the first key"]);
        self.keep("the server's log", stderr, &[]);
    }

    /// Runs another command of the program to its end.
    pub(super) fn run(&self, arguments: &[&str]) -> (Output, usize) {
        // The server has the address of the configuration.
        let output = self.command(arguments).env("TANDEM_LISTEN", "127.0.0.1:0").output().unwrap();
        let what = format!("tandem {}", arguments.join(" "));
        self.keep(&format!("standard error of {what}"), output.stderr.clone(), &[]);
        let said = self.keep(&format!("standard output of {what}"), output.stdout.clone(), &[]);
        (output, said)
    }

    /// Notes that a command showed a secret on purpose.
    pub(super) fn shown_by_command(&self, said: usize, field: &str, core: &str) {
        self.made(field, core);
        self.said.lock().unwrap()[said].shows.insert(field.to_owned());
    }

    /// Keeps what was said for the search.
    pub(super) fn keep(&self, what: &str, bytes: Vec<u8>, shows: &[&str]) -> usize {
        let mut said = self.said.lock().unwrap();
        let shows = shows.iter().map(|field| (*field).to_owned()).collect();
        said.push(Said { what: what.to_owned(), bytes, shows });
        said.len() - 1
    }

    /// Every secret that something said shows without being asked for it.
    pub(super) fn leaks_of_what_was_said(&self, search: &Search) -> Vec<String> {
        let said = self.said.lock().unwrap();
        let mut leaks = Vec::new();
        for Said { what, bytes, shows } in said.iter() {
            for (field, form) in search.leaks_of_text(bytes) {
                if !shows.contains(&field) {
                    leaks.push(format!("{field} in {form} in {what}{}", line_with(search, bytes, &field)));
                }
            }
        }
        leaks
    }

    /// Asks the API.
    pub(super) async fn ask(&self, who: &As, method: Method, path: &str, body: Option<Value>) -> Answer {
        let mut request = self.http.request(method.clone(), self.url(path));
        if let Some(bearer) = &who.bearer {
            request = request.bearer_auth(bearer);
        }
        if let Some(tenant) = &who.tenant {
            request = request.header("tandem-tenant", tenant);
        }
        for (name, value) in &who.headers {
            request = request.header(*name, value);
        }
        if let Some(body) = &body {
            request = request.json(body);
        }
        self.send(&format!("{method} {path}"), request).await
    }

    pub(super) async fn get(&self, who: &As, path: &str) -> Answer {
        self.ask(who, Method::GET, path, None).await
    }

    pub(super) async fn post(&self, who: &As, path: &str, body: Value) -> Answer {
        self.ask(who, Method::POST, path, Some(body)).await
    }

    /// The same for what must succeed.
    pub(super) async fn done(&self, who: &As, method: Method, path: &str, body: Value) -> Answer {
        let answer = self.ask(who, method, path, Some(body)).await;
        assert!((200..300).contains(&answer.status), "{path}: {} {}", answer.status, answer.text);
        answer
    }

    /// A body that is sent as it stands.
    pub(super) async fn raw(&self, who: &As, path: &str, kind: &str, body: String) -> Answer {
        let mut request = self.http.post(self.url(path)).header("content-type", kind).body(body);
        if let Some(bearer) = &who.bearer {
            request = request.bearer_auth(bearer);
        }
        for (name, value) in &who.headers {
            request = request.header(*name, value);
        }
        self.send(&format!("POST {path}"), request).await
    }

    /// A webhook of the carrier's, signed with a token.
    pub(super) async fn hook(&self, path: &str, token: &str, fields: &[(&str, &str)]) -> Answer {
        let fields: Vec<_> =
            fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let signature = sign(token, &self.url(path), &fields);
        let request = self.http.post(self.url(path)).header("x-twilio-signature", signature).form(&fields);
        self.send(&format!("webhook {path}"), request).await
    }

    async fn send(&self, what: &str, request: reqwest::RequestBuilder) -> Answer {
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let headers: Vec<_> = answer
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let body = answer.bytes().await.unwrap();
        let text = String::from_utf8_lossy(&body).into_owned();
        let json = serde_json::from_slice(&body).unwrap_or_default();
        let head: String = headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
        let said =
            self.keep(&format!("the answer {status} to {what}"), [head.as_bytes(), &body].concat(), &[]);
        Answer { status, text, json, said }
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            // It may have ended by itself.
            drop(server.kill());
            drop(server.wait());
        }
    }
}

/// A key of ours without its beginning, which is kept to tell it from others.
pub(super) fn after_hint(key: &str) -> &str {
    &key["tdm_live_".len() + 4..]
}

/// The beginning of the line that leaks, for whoever has to find out why.
fn line_with(search: &Search, bytes: &[u8], field: &str) -> String {
    let line = bytes
        .split(|byte| *byte == b'\n')
        .find(|line| search.leaks_of_text(line).iter().any(|(found, _)| found == field));
    line.map_or_else(String::new, |line| {
        format!(": {}", String::from_utf8_lossy(line).chars().take(600).collect::<String>())
    })
}
