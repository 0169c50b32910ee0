//! `tandem import-env`: credentials go from the environment into the database, sealed, once they were tried.

use crate::support::Folder;
use fixtures::sandbox::{Sandbox, SandboxOptions};
use serde_json::{Value, json};
use std::{
    path::Path,
    process::{Command, Output, Stdio},
    sync::Arc,
};
use store::{
    Store, TenantId,
    model::{account::ProviderAccount, number::Number},
};
use store_sqlite::{SqliteOptions, SqliteStore};
use vault::{KeyRing, Place, Vault};

const ACCOUNT: &str = "AC00000000000000000000000000000000";
const TOKEN: &str = "sandbox";

fn import(data: &Path, sandbox: &Sandbox, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tandem"))
        .env_clear()
        .env("TANDEM_DATA_DIR", data)
        .env("DEFAULT_ORGANIZATION_ID", "acme")
        .env("TWILIO_BASE_URL", sandbox.base_url())
        .env("TWILIO_ACCOUNT_SID", ACCOUNT)
        .env("TWILIO_AUTH_TOKEN", TOKEN)
        .env("TWILIO_PHONE_NUMBER", "+15550100")
        .env("TWILIO_BACKUP_ACCOUNT_SID", "AC00000000000000000000000000000009")
        .env("TWILIO_BACKUP_AUTH_TOKEN", "CANARY")
        .env("TWILIO_BACKUP_PHONE_NUMBER", "+15550109")
        .env("BASE_URL", "https://voice.example.test")
        .env("WHAPI_BASE_URL", format!("{}/whapi", sandbox.base_url()))
        .env("WHAPI_TOKEN", "sandbox-whapi-1")
        .env("WHAPI_TOKEN_BACKUP_1", "sandbox-whapi-2")
        .env("WHAPI_TOKEN_BACKUP_2", "CANARY")
        .env("ONESIGNAL_BASE_URL", format!("{}/onesignal", sandbox.base_url()))
        .env("ONESIGNAL_APP_ID", "00000000-0000-4000-8000-000000000001")
        .env("ONESIGNAL_REST_API_KEY", "sandbox-onesignal")
        .current_dir(data)
        .stdin(Stdio::null())
        .arg("import-env")
        .arg("--json")
        .args(arguments)
        .output()
        .expect("the program runs")
}

fn outcomes(output: &Output) -> Vec<(Value, Value)> {
    let said: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    assert_eq!(said["tenant"], "acme");
    let accounts = said["accounts"].as_array().unwrap().iter();
    accounts.map(|account| (account["account"].clone(), account["outcome"].clone())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_of_the_environment_are_tried_and_stored_once_for_the_tenant() {
    let sandbox = Sandbox::start(SandboxOptions::without_delay()).await.unwrap();
    let folder = Folder::new();
    let data = folder.path();
    std::fs::create_dir_all(data).unwrap();
    let (calls, backup) = (json!("Twilio for calls"), json!("Twilio for emergencies"));
    let looked = import(data, &sandbox, &["--dry-run"]);
    assert_eq!(looked.status.code(), Some(0), "{looked:?}");
    let whapi = [json!("Whapi"), json!("Whapi, first backup"), json!("Whapi, second backup")];
    let push = json!("OneSignal");
    let all = |[good, bad]: [&str; 2]| {
        let (good, bad) = (json!(good), json!(bad));
        vec![
            (calls.clone(), good.clone()),
            (backup.clone(), bad.clone()),
            (whapi[0].clone(), good.clone()),
            (whapi[1].clone(), good.clone()),
            (whapi[2].clone(), bad),
            (push.clone(), good),
        ]
    };
    assert_eq!(outcomes(&looked), all(["found", "found"]));
    assert!(!data.join("tandem.db").exists(), "nothing is done");
    for outcome in ["stored", "known"] {
        let done = import(data, &sandbox, &[]);
        assert_eq!(done.status.code(), Some(1), "one was refused: {done:?}");
        assert_eq!(outcomes(&done), all([outcome, "refused"]));
        assert!(!format!("{done:?}").contains("CANARY"), "a credential is not shown");
    }
    let store = SqliteStore::open(&data.join("tandem.db"), SqliteOptions::default()).await.unwrap();
    let store: Arc<dyn Store> = Arc::new(store);
    let tenant = TenantId::known("acme");
    let part = store.tenant(&tenant);
    let account = part.find::<ProviderAccount>(ACCOUNT).await.unwrap().unwrap();
    let sealed = &account.value.secrets["auth_token"].current;
    let vault = Vault::new(Arc::clone(&store), KeyRing::read(&data.join("secrets.key")).unwrap());
    let opened =
        vault.open(&tenant, &Place::provider_account(&account.id, "auth_token"), sealed).await.unwrap();
    assert_eq!(opened.reveal(), TOKEN);
    let number = part.find::<Number>("+15550100").await.unwrap().unwrap().value;
    assert_eq!((number.account, number.primary), (Some(account.id), true));
    assert!(number.capabilities.voice && !number.capabilities.sms, "its number takes calls alone");
    let first = part.find::<ProviderAccount>("whapi").await.unwrap().unwrap();
    let second = part.find::<ProviderAccount>("whapi-backup-1").await.unwrap().unwrap();
    assert!(first.value.priority < second.value.priority, "the backup comes after it");
    assert!(part.find::<ProviderAccount>("whapi-backup-2").await.unwrap().is_none());
    assert_eq!(first.value.properties["phone"], "+15555550131", "as the channel says");
    let told = sandbox.whapi()["SANDBOX-1"]["settings"]["webhooks"][0]["url"].clone();
    let url = format!("https://voice.example.test/hooks/whapi/{}?tenant=acme", first.id);
    assert_eq!(told, json!(url), "it tells us of what comes in: {}", sandbox.whapi());
    let app = part.find::<ProviderAccount>("onesignal").await.unwrap().unwrap();
    assert_eq!(app.value.properties["app_id"], "00000000-0000-4000-8000-000000000001");
    assert!(part.find::<Number>("+15550109").await.unwrap().is_none(), "what was refused is not stored");
}
