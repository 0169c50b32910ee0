//! `tandem admin`: the first person comes in, by a token that is shown once and kept nowhere.

use crate::support::Folder;
use serde_json::Value;
use std::{
    path::Path,
    process::{Command, Output, Stdio},
    sync::Arc,
};
use store::{Store, model::identity::User};
use store_sqlite::{SqliteOptions, SqliteStore};
use vault::KeyRing;

fn tandem_admin(data: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tandem"))
        .env_clear()
        .env("TANDEM_DATA_DIR", data)
        .current_dir(data)
        .stdin(Stdio::null())
        .arg("admin")
        .args(arguments)
        .output()
        .expect("the program runs")
}

async fn open(data: &Path) -> Arc<dyn Store> {
    let file = data.join("tandem.db");
    Arc::new(SqliteStore::open(&file, SqliteOptions::default()).await.expect("it opens"))
}

#[tokio::test]
async fn the_first_admin_is_invited_beside_a_running_server_and_the_token_is_kept_nowhere() {
    let folder = Folder::new();
    let data = folder.path();
    let nothing = tandem_admin(data, &["create", "--email", "ann@example.com"]);
    assert_eq!(nothing.status.code(), Some(2), "{nothing:?}");

    let store = open(data).await;
    drop(KeyRing::read_or_create(&data.join("secrets.key")).expect("it is made"));
    let bad = tandem_admin(data, &["create", "--email", "ann"]);
    assert_eq!(bad.status.code(), Some(2), "{bad:?}");
    let made = tandem_admin(data, &["create", "--email", "Ann@Example.com", "--name", "Ann", "--json"]);
    assert!(made.status.success(), "{made:?}");
    let made: Value = serde_json::from_slice(&made.stdout).expect("it is JSON");
    let token = made["token"].as_str().expect("there is a token");

    let user =
        store.platform().find::<User>("ann@example.com").await.expect("it is read").expect("it is there");
    assert!(user.value.platform_admin && user.value.password_hash.is_none());
    assert_eq!(made["user"], user.id.as_str());
    store.close().await;
    let secret = token.rsplit_once('.').expect("it has a secret part").1.as_bytes();
    for file in std::fs::read_dir(data).expect("it is a folder") {
        let bytes = std::fs::read(file.expect("it is there").path()).expect("it is read");
        assert!(!bytes.windows(secret.len()).any(|window| window == secret));
    }
    let reset = tandem_admin(data, &["reset", "--email", "ann@example.com"]);
    assert!(reset.status.success(), "{reset:?}");
    assert_ne!(String::from_utf8_lossy(&reset.stdout).trim(), token);
    let nobody = tandem_admin(data, &["reset", "--email", "nobody@example.com"]);
    assert_eq!(nobody.status.code(), Some(2), "{nobody:?}");
}
