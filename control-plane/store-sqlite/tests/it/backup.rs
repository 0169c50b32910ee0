//! Backup while the database is in use, and restore when it is not.

use crate::Folder;
use std::fs;
use store::{
    Filter, Store, StoreError,
    contract::seed::{Seed, seed},
    model::tenant::Tenant,
};
use store_sqlite::{BackupError, SqliteOptions, SqliteStore, restore};

async fn tenants(store: &dyn Store) -> i64 {
    store.platform().count::<Tenant>(&Filter::default()).await.unwrap()
}

async fn reopen(folder: &Folder) -> Result<SqliteStore, StoreError> {
    SqliteStore::open(&folder.database(), SqliteOptions::default()).await
}

#[tokio::test]
async fn what_was_backed_up_comes_back_and_the_old_file_is_kept() {
    let opened = crate::open().await;
    let folder = &opened.folder;
    let (database, backup) = (folder.database(), folder.0.join("backup.db"));
    seed(&opened.store, Seed { tenants: 2, numbers_each: 1 }).await;
    SqliteStore::backup(&database, &backup).await.unwrap();
    assert!(matches!(SqliteStore::backup(&database, &backup).await, Err(BackupError::Exists(_))));
    let third = store::TenantId::generate();
    let mut tx = opened.store.platform().begin(&store::model::audit::Actor::system("test"), 1).await.unwrap();
    let value = opened.store.platform().find::<Tenant>("tenant-0").await.unwrap().unwrap().value;
    tx.insert_as(third, Tenant { slug: "third".to_owned(), ..value }).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(tenants(&opened.store).await, 4);

    let refused = restore(&database, &backup).await.unwrap_err();
    assert!(matches!(refused, BackupError::InUse { .. }), "{refused:?}");
    opened.store.close().await;
    drop(opened.store);

    let restored = restore(&database, &backup).await.unwrap();
    let store = reopen(folder).await.unwrap();
    assert_eq!(tenants(&store).await, 3, "the platform and the two that were there");
    store.close().await;
    drop(store);
    let kept = restored.kept.unwrap();
    let old = SqliteStore::open(&kept, SqliteOptions::default()).await.unwrap();
    assert_eq!(tenants(&old).await, 4, "nothing of the old file is lost");
}

#[tokio::test]
async fn a_database_comes_back_where_there_is_none() {
    let opened = crate::open().await;
    let backup = opened.folder.0.join("backup.db");
    SqliteStore::backup(&opened.folder.database(), &backup).await.unwrap();
    let elsewhere = Folder::new();
    assert_eq!(restore(&elsewhere.database(), &backup).await.unwrap().kept, None);
    assert_eq!(tenants(&reopen(&elsewhere).await.unwrap()).await, 1);
}

#[tokio::test]
async fn what_is_no_sound_backup_is_not_restored() {
    let opened = crate::open().await;
    seed(&opened.store, Seed { tenants: 3, numbers_each: 3 }).await;
    let backup = opened.folder.0.join("backup.db");
    SqliteStore::backup(&opened.folder.database(), &backup).await.unwrap();
    let whole = fs::read(&backup).unwrap();
    let mut damaged = whole.clone();
    for byte in &mut damaged[whole.len() / 2..whole.len() / 2 + 4_096] {
        *byte = !*byte;
    }
    let target = Folder::new();
    fs::write(target.database(), "what was there").unwrap();
    for (name, bytes) in
        [("cut", &whole[..whole.len() / 2]), ("damaged", &damaged[..]), ("other", b"hello"), ("empty", b"")]
    {
        let bad = opened.folder.0.join(name);
        fs::write(&bad, bytes).unwrap();
        let refused = restore(&target.database(), &bad).await.unwrap_err();
        assert!(matches!(refused, BackupError::NotSound { .. }), "{name}: {refused:?}");
        assert_eq!(fs::read_to_string(target.database()).unwrap(), "what was there", "{name}");
    }
    let missing = restore(&target.database(), &opened.folder.0.join("none")).await.unwrap_err();
    assert!(matches!(missing, BackupError::NotSound { .. }), "{missing:?}");
}
