//! `tandem doctor`: what is wrong is found, said with its remedy, and mended where that can be; nothing secret is shown.

use crate::support::Folder;
use fixtures::sandbox::{Sandbox, SandboxOptions};
use serde_json::Value;
use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpListener},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

const ACCOUNT: &str = "AC00000000000000000000000000000000";
/// The sandbox's own token; a canary, since it is looked for in everything that is said.
const TOKEN: &str = "sandbox";
const NUMBER: &str = "+15550100";
/// Nothing that is waited for takes a tenth of this.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Installation {
    pub(crate) folder: Folder,
    pub(crate) variables: Vec<(&'static str, String)>,
    public: String,
}

/// A server that ends with its test.
pub(crate) struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Installation {
    pub(crate) fn new(sandbox: &Sandbox) -> Self {
        let listen = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let folder = Folder::new();
        let public = format!("http://{listen}");
        let variables = vec![
            ("TANDEM_DATA_DIR", folder.path().display().to_string()),
            ("TANDEM_LISTEN", listen.to_string()),
            ("BASE_URL", public.clone()),
            ("TWILIO_ACCOUNT_SID", ACCOUNT.to_owned()),
            ("TWILIO_AUTH_TOKEN", TOKEN.to_owned()),
            ("TWILIO_PHONE_NUMBER", NUMBER.to_owned()),
            ("TWILIO_BASE_URL", sandbox.base_url()),
            ("DEEPGRAM_API_KEY", "x".to_owned()),
            ("ANTHROPIC_API_KEY", "x".to_owned()),
            ("ELEVENLABS_API_KEY", "x".to_owned()),
            ("ELEVENLABS_VOICE_ID", "x".to_owned()),
        ];
        Self { folder, variables, public }
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
        command
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value.as_str())))
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .args(arguments);
        command
    }

    pub(crate) fn serve(&self) -> Server {
        let child = self.command(&["serve"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let server = Server(child);
        let began = Instant::now();
        let address = self.public.strip_prefix("http://").unwrap();
        // Nothing tells when another process serves: it is looked at now and then.
        while !answers(address) {
            assert!(began.elapsed() < PATIENCE, "the server does not start");
            std::thread::sleep(Duration::from_millis(10));
        }
        server
    }

    /// What the doctor says: its exit code, and its findings by check.
    pub(crate) async fn doctor(&self, arguments: &[&str]) -> (Option<i32>, Value) {
        let command = self.command(&[&["doctor", "--json"], arguments].concat());
        let output = output_of(command).await;
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(!said.contains(&format!("{TOKEN}\"")) && !said.contains("auth_token="), "{said}");
        (output.status.code(), serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}")))
    }
}

/// Whether a server answers there: then its database and its keys are made.
fn answers(address: &str) -> bool {
    let asked = std::net::TcpStream::connect(address).and_then(|mut stream| {
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    });
    asked.is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

/// The sandbox lives on this thread, so the program is waited for on another.
pub(crate) async fn output_of(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

fn state(report: &Value, check: &str) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap().iter();
    findings
        .filter(|finding| finding["check"] == check)
        .map(|finding| finding["state"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn webhooks_that_lead_elsewhere_are_found_and_mended() {
    let sandbox = Sandbox::start(SandboxOptions::without_delay()).await.unwrap();
    let installation = Installation::new(&sandbox);
    let _server = installation.serve();
    let (code, report) = installation.doctor(&[]).await;
    assert_eq!((code, &report["sound"]), (Some(1), &Value::Bool(false)), "{report:#}");
    for check in
        ["configuration", "database", "keys", "carrier", "address", "credentials", "balance", "signature"]
    {
        assert_eq!(state(&report, check), ["ok"], "{check}: {report:#}");
    }
    assert_eq!(state(&report, "webhooks"), ["failed"]);
    let webhooks =
        report["findings"].as_array().unwrap().iter().find(|finding| finding["check"] == "webhooks").unwrap();
    assert!(webhooks["what"].as_str().unwrap().contains("voice_url"), "{webhooks}");
    assert!(
        webhooks["mend"].as_str().unwrap().contains("--fix") && webhooks["why"].is_string(),
        "{webhooks}"
    );

    let (code, report) = installation.doctor(&["--fix"]).await;
    assert_eq!((code, state(&report, "webhooks")), (Some(0), vec!["fixed".to_owned()]), "{report:#}");
    let number = &sandbox.twilio()[ACCOUNT]["numbers"][0];
    assert_eq!(number["voice_url"], format!("{}/api/voice/incoming", installation.public));
    assert_eq!(number["sms_url"], format!("{}/hooks/twilio/sms", installation.public));
    let (code, report) = installation.doctor(&["--tenant", "default"]).await;
    assert_eq!((code, state(&report, "webhooks")), (Some(0), vec!["ok".to_owned()]), "{report:#}");
    let (code, report) = installation.doctor(&["--tenant", "nobody"]).await;
    assert_eq!((code, state(&report, "tenant")), (Some(1), vec!["failed".to_owned()]), "{report:#}");
}

#[tokio::test]
async fn a_server_without_services_of_its_own_starts_and_the_doctor_says_what_is_lacking() {
    let sandbox = Sandbox::start(SandboxOptions::without_delay()).await.unwrap();
    let mut installation = Installation::new(&sandbox);
    installation.variables.retain(|(name, _)| !name.ends_with("_API_KEY"));
    let _server = installation.serve();
    let (_, report) = installation.doctor(&[]).await;
    assert_eq!(state(&report, "services"), ["warning"], "{report:#}");
}

#[tokio::test]
async fn wrong_credentials_and_a_server_that_does_not_run_are_found() {
    let sandbox = Sandbox::start(SandboxOptions::without_delay()).await.unwrap();
    let mut installation = Installation::new(&sandbox);
    drop(installation.serve());
    for (name, value) in &mut installation.variables {
        if *name == "TWILIO_AUTH_TOKEN" {
            *value = "CANARY".to_owned();
        }
    }
    let (code, report) = installation.doctor(&[]).await;
    assert_eq!(code, Some(1), "{report:#}");
    assert_eq!(
        (state(&report, "credentials"), state(&report, "address")),
        (vec!["failed".to_owned()], vec!["failed".to_owned()])
    );
    let output = output_of(installation.command(&["doctor"])).await;
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("why:") && said.contains("mend:") && !said.contains("CANARY"), "{said}");
}
