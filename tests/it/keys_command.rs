//! `tandem keys`: a new key wraps everything, the old one can go, and nothing of a key is shown.

use crate::support::Folder;
use engine::provider::Secret;
use serde_json::Value;
use std::{
    path::Path,
    process::{Command, Output, Stdio},
    sync::Arc,
};
use store::{
    Store, TenantId,
    ids::AccountId,
    model::{
        account::{AccountMode, AccountStatus, Credential, ProviderAccount},
        audit::Actor,
    },
};
use store_sqlite::{SqliteOptions, SqliteStore};
use vault::{KeyRing, Place, Vault};

fn tandem_keys(data: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tandem"))
        .env_clear()
        .env("TANDEM_DATA_DIR", data)
        .envs(variables.iter().copied())
        .current_dir(data)
        .stdin(Stdio::null())
        .arg("keys")
        .args(arguments)
        .output()
        .expect("the program runs")
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A database with one sealed token of the platform's.
async fn database(data: &Path) {
    let store: Arc<dyn Store> = Arc::new(
        SqliteStore::open(&data.join("tandem.db"), SqliteOptions::default()).await.expect("it opens"),
    );
    let ring = KeyRing::read_or_create(&data.join("secrets.key")).expect("it is made");
    let vault = Vault::new(store.clone(), ring);
    let (platform, id) = (TenantId::platform(), AccountId::generate());
    let place = Place::provider_account(&id, "auth_token");
    let current = vault.seal(&platform, &place, &Secret::new("CANARY")).await.expect("it is sealed");
    let account = ProviderAccount {
        kind: "twilio".to_owned(),
        mode: AccountMode::Own,
        sid: "AC00000000000000000000000000000000".to_owned(),
        name: "Main".to_owned(),
        secrets: [("auth_token".to_owned(), Credential { current, previous: None })].into(),
        properties: [].into(),
        roles: Vec::new(),
        priority: 0,
        status: AccountStatus::Active,
    };
    let mut tx = store.platform().begin(&Actor::system("test"), 1).await.expect("it begins");
    tx.insert_as(id, account).await.expect("it is new");
    tx.commit().await.expect("it counts");
    store.close().await;
}

#[tokio::test]
async fn a_new_key_wraps_everything_and_the_old_one_can_go() {
    let folder = Folder::new();
    let data = folder.path();
    let nothing = tandem_keys(data, &["status"], &[]);
    assert_eq!(nothing.status.code(), Some(2), "{nothing:?}");
    assert!(!data.join("secrets.key").exists(), "a tool makes no keys");
    database(data).await;

    let new = tandem_keys(data, &["new"], &[]);
    let new_key = String::from_utf8(new.stdout).expect("it is text");
    let file = data.join("secrets.key");
    let old = std::fs::read_to_string(&file).expect("it is there");
    std::fs::write(&file, format!("{old}{new_key}")).expect("it is written");

    let dry = json(&tandem_keys(data, &["rotate", "--data-keys", "--dry-run", "--json"], &[]));
    assert_eq!((&dry["rewrapped"], &dry["data_keys"]["resealed"]), (&1.into(), &1.into()), "{dry}");
    let done = tandem_keys(data, &["rotate", "--data-keys"], &[]);
    assert!(done.status.success() && text(&done).contains("wraps nothing any more"), "{done:?}");
    let again = json(&tandem_keys(data, &["rotate", "--json"], &[]));
    assert_eq!((&again["rewrapped"], &again["unchanged"]), (&0.into(), &2.into()), "{again}");

    // By a variable, and without the old key.
    let only_new = [("TANDEM_SECRETS_KEYS", new_key.trim())];
    let status = tandem_keys(data, &["status", "--json"], &only_new);
    assert!(status.status.success(), "{status:?}");
    let status = json(&status);
    assert_eq!(status["secrets"], serde_json::json!({ "active": 1, "retired": 0, "shut": 0 }));
    for output in [&dry.to_string(), &text(&done), &status.to_string()] {
        assert!(!output.contains("CANARY") && !output.contains(new_key.trim()), "{output}");
        assert!(
            old.lines().filter(|line| !line.starts_with('#')).all(|key| !output.contains(key)),
            "{output}"
        );
    }
}

#[tokio::test]
async fn a_key_that_is_missing_is_named_and_the_exit_code_says_so() {
    let folder = Folder::new();
    let data = folder.path();
    database(data).await;
    let other = String::from_utf8(tandem_keys(data, &["new"], &[]).stdout).expect("it is text");
    let variables = [("TANDEM_SECRETS_KEYS", other.trim())];
    for arguments in [["status"], ["rotate"]] {
        let output = tandem_keys(data, &arguments, &variables);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(text(&output).contains("not among this node's keys"), "{output:?}");
    }
    let serve = Command::new(env!("CARGO_BIN_EXE_tandem"))
        .env_clear()
        .env("TANDEM_DATA_DIR", data)
        .env("TANDEM_LISTEN", "127.0.0.1:0")
        .env("TANDEM_SECRETS_KEYS", other.trim())
        .env("DEEPGRAM_API_KEY", "x")
        .env("ANTHROPIC_API_KEY", "x")
        .env("ELEVENLABS_API_KEY", "x")
        .env("ELEVENLABS_VOICE_ID", "x")
        .current_dir(data)
        .arg("serve")
        .output()
        .expect("the program runs");
    assert_eq!(serve.status.code(), Some(2), "a server with the wrong key does not start: {serve:?}");
    assert!(text(&serve).contains("kek_"), "{serve:?}");
}

#[test]
fn what_is_no_key_is_refused_and_not_shown() {
    let folder = Folder::new();
    let output = tandem_keys(folder.path(), &["status"], &[("TANDEM_SECRETS_KEYS", "CANARY,CANARY")]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(text(&output).contains("secrets.keys") && !text(&output).contains("CANARY"), "{output:?}");
}
