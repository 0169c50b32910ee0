//! The mailbox of the former systems' environment: it is tried and taken over, and the doctor says how it is. Without a mail server the
//! test is left out and says so.

use crate::doctor::{Installation, output_of};
use fixtures::sandbox::{GoogleSetup, Sandbox, SandboxOptions};
use mail::{
    ImapAccount, Security,
    test_server::{MailServer, MailServerOptions},
};
use serde_json::Value;
use std::time::{Duration, Instant};
use store::{Store as _, TenantId, model::tenant::Tenant};
use store_sqlite::{SqliteOptions, SqliteStore};

/// Nothing that is waited for takes a tenth of this.
const PATIENCE: Duration = Duration::from_secs(90);

/// What the doctor says of mail: state and words.
async fn of_mail(installation: &Installation) -> Vec<(String, String)> {
    let (_, report) = installation.doctor(&[]).await;
    let findings = report["findings"].as_array().unwrap().iter().filter(|one| one["check"] == "mail");
    let text = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
    findings.map(|one| (text(one, "state"), text(one, "what"))).collect()
}

async fn imported(installation: &Installation) -> Vec<(String, String)> {
    let mut command = installation.command(&["import-env", "--json"]);
    for service in ["DEEPGRAM", "ANTHROPIC", "ELEVENLABS"] {
        command.env_remove(format!("{service}_API_KEY"));
    }
    let output = output_of(command).await;
    let said: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    assert!(!format!("{output:?}").contains("GOCSPX"), "a secret is not shown");
    let text = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
    let accounts = said["accounts"].as_array().unwrap().iter();
    accounts.map(|one| (text(one, "account"), text(one, "outcome"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mailbox_of_the_environment_is_taken_over_and_the_doctor_says_how_it_is() {
    let sandbox = Sandbox::start(SandboxOptions::without_delay()).await.unwrap();
    let tokeninfo = Some(format!("{}/google/tokeninfo", sandbox.base_url()));
    let Some(server) = MailServer::start(MailServerOptions { tokeninfo }).await else { return };
    let own = server.mailbox("shop");
    let ImapAccount { server: imap, .. } = server.account(&own, Security::Tls);
    let google = GoogleSetup::default();
    let mut installation = Installation::new(&sandbox);
    let certificates = installation.folder.path().with_extension("pem");
    std::fs::write(&certificates, server.certificate()).unwrap();
    installation.variables.extend([
        ("ARA_EMAIL_USER", own.address.clone()),
        ("ARA_CLIENT_ID", google.client_id),
        ("ARA_CLIENT_SECRET", google.client_secret),
        ("ARA_REFRESH_TOKEN", "of-somebody-else".to_owned()),
        ("ARA_IMAP_HOST", imap.host),
        ("ARA_IMAP_PORT", imap.port.to_string()),
        ("MAIL_TOKEN_URL", format!("{}/google/token", sandbox.base_url())),
        ("TANDEM__PROVIDERS__MAIL__CERTIFICATES", certificates.display().to_string()),
        ("TANDEM__PROVIDERS__MAIL__ALLOW_OWN_NETWORK", "true".to_owned()),
        ("STORE_ADDRESS", "1 Example Street".to_owned()),
        ("STORE_PHONE", "+15550100".to_owned()),
    ]);
    // The database and its keys are made, and the tenant.
    drop(installation.serve());
    let outcome = |outcome: &str| ("Mailbox".to_owned(), outcome.to_owned());
    assert!(imported(&installation).await.contains(&outcome("refused")), "it was tried");
    assert_eq!(of_mail(&installation).await, [], "what was refused is not stored");

    for (name, value) in &mut installation.variables {
        if *name == "ARA_REFRESH_TOKEN" {
            *value = GoogleSetup::refresh_token(&own.address);
        }
    }
    assert!(imported(&installation).await.contains(&outcome("stored")));
    let again = imported(&installation).await;
    assert!(again.contains(&outcome("known")), "{again:?}");
    let settings = {
        let file = installation.folder.path().join("tandem.db");
        let store = SqliteStore::open(&file, SqliteOptions::default()).await.unwrap();
        let tenant = TenantId::known("default");
        store.tenant(&tenant).get::<Tenant>(&tenant).await.unwrap().unwrap().value.settings
    };
    let known = &settings.template_variables;
    assert_eq!((&*known["store_address"], &*known["store_phone"]), ("1 Example Street", "+15550100"));

    let said = of_mail(&installation).await;
    let [login, read, begins] = &said[..] else { panic!("{said:?}") };
    assert!(login.0 == "ok" && login.1.ends_with("takes the login"), "{said:?}");
    assert!(read.0 == "warning" && read.1.ends_with("was never read"), "{said:?}");
    assert!(begins.1.contains("begin in the board's first column"), "{said:?}");

    let _server = installation.serve();
    let began = Instant::now();
    loop {
        let said = of_mail(&installation).await;
        if said[1].0 == "ok" && said[1].1.contains("was read last at 2") {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "it is never read: {said:?}");
    }
    // Somebody takes the consent back.
    sandbox.knobs().change(|knobs| knobs.google_tokens.revoked = true);
    let said = of_mail(&installation).await;
    assert_eq!(said[0].0, "failed", "{said:?}");
}
