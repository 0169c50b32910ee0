//! The file itself: what is in it after a kill, and that its audit log is only appended to.

use sqlx::{Connection, Executor, SqliteConnection};
use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};
use store::{
    Change, Store,
    contract::seed::{Seed, seed},
};

pub(crate) async fn connect(path: &Path) -> SqliteConnection {
    SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap()
}

const ONE: Seed = Seed { tenants: 1, numbers_each: 1 };

#[tokio::test]
async fn what_was_written_is_there_after_a_kill() {
    let opened = crate::open().await;
    seed(&opened.store, ONE).await;
    // The files as a killed process leaves them: the log of the database is not merged.
    let left_behind = opened.folder.0.join("left.db");
    for suffix in ["", "-wal"] {
        let from = opened.folder.0.join(format!("tandem.db{suffix}"));
        fs::copy(from, opened.folder.0.join(format!("left.db{suffix}"))).unwrap();
    }
    assert!(fs::metadata(opened.folder.0.join("tandem.db-wal")).unwrap().len() > 0);
    let rows = connect(&left_behind).await.fetch_all("select id from phone_numbers").await.unwrap();
    assert_eq!(rows.len(), 1);
}

#[tokio::test]
async fn the_audit_log_is_only_appended_to() {
    let opened = crate::open().await;
    seed(&opened.store, ONE).await;
    let mut database = connect(&opened.folder.database()).await;
    let lines = database.fetch_all("select id from audit_log").await.unwrap().len();
    assert!(lines >= 3, "{lines}");
    for tampering in ["update audit_log set actor = 'nobody'", "delete from audit_log"] {
        let refused = database.execute(tampering).await.unwrap_err();
        assert!(refused.to_string().contains("only appended to"), "{refused}");
    }
}

#[tokio::test]
async fn what_another_process_writes_is_noticed_and_not_what_this_one_writes() {
    let opened = crate::open().await;
    let told = Arc::new(AtomicU32::new(0));
    let kept = Arc::clone(&told);
    opened.store.on_change(Arc::new(move |change| {
        if change == Change::Any {
            kept.fetch_add(1, Ordering::Relaxed);
        }
    }));
    let noticed = async || {
        opened.store.catch_up().await.unwrap();
        told.swap(0, Ordering::Relaxed)
    };
    assert_eq!(noticed().await, 1, "nobody knows what was before");
    seed(&opened.store, ONE).await;
    assert_eq!(noticed().await, 0);
    connect(&opened.folder.database())
        .await
        .execute("update tenants set changes = changes + 1")
        .await
        .unwrap();
    assert_eq!(noticed().await, 1);
    assert_eq!(noticed().await, 0);
}
