//! `tandem store`: backup while the database is in use, restore when it is not.

use crate::support::Folder;
use std::{
    path::Path,
    process::{Command, Output, Stdio},
};
use store_sqlite::{SqliteOptions, SqliteStore};

fn tandem_store(data: &Path, verb: &str, file: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tandem"))
        .env_clear()
        .env("TANDEM_DATA_DIR", data)
        .current_dir(data)
        .stdin(Stdio::null())
        .args(["store", verb])
        .arg(file)
        .output()
        .expect("the program runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test]
async fn one_command_backs_up_a_running_database_and_one_brings_it_back() {
    let folder = Folder::new();
    let data = folder.path();
    let backup = data.join("backup.db");
    let nothing = tandem_store(data, "backup", &backup);
    assert_eq!(nothing.status.code(), Some(2), "{nothing:?}");
    assert!(text(&nothing.stderr).contains("there is no database"), "{nothing:?}");

    let open = SqliteStore::open(&data.join("tandem.db"), SqliteOptions::default()).await.expect("it opens");
    let backed_up = tandem_store(data, "backup", &backup);
    assert!(backed_up.status.success(), "{backed_up:?}");
    assert!(text(&backed_up.stdout).contains("recordings"), "it says what is not in it: {backed_up:?}");
    let refused = tandem_store(data, "restore", &backup);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert!(text(&refused.stderr).contains("in use"), "{refused:?}");

    store::Store::close(&open).await;
    drop(open);
    let restored = tandem_store(data, "restore", &backup);
    assert!(restored.status.success(), "{restored:?}");
    assert!(data.join("tandem.db.before-restore-1").exists());
    SqliteStore::open(&data.join("tandem.db"), SqliteOptions::default()).await.expect("it opens again");
}

#[test]
fn a_server_database_is_backed_up_with_its_own_tools() {
    let folder = Folder::new();
    let said = Command::new(env!("CARGO_BIN_EXE_tandem"))
        .env_clear()
        .env("TANDEM_STORE_URL", "postgres://tandem:CANARY@localhost/tandem")
        .current_dir(folder.path())
        .args(["store", "backup", "x.db"])
        .output()
        .expect("the program runs");
    assert_eq!(said.status.code(), Some(2), "{said:?}");
    let said = text(&said.stderr);
    assert!(said.contains("pg_dump") && !said.contains("CANARY"), "{said}");
}
