//! A file is there whole or not at all, and nothing is left beside it.

use super::*;
use engine::provider::Secret;
use futures_util::TryStreamExt;

/// A folder that goes with the test.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tandem-objects-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, content: &[u8]) -> PathBuf {
        let path = self.0.join("made.wav");
        fs::write(&path, content).unwrap();
        path
    }

    fn store(&self) -> Folder {
        let links = Links::new("http://localhost/media".parse().unwrap(), Secret::new(&"k".repeat(32)));
        Folder::new(self.0.join("store"), links.unwrap())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Left behind is only what the system clears away by itself.
        drop(fs::remove_dir_all(&self.0));
    }
}

fn key(text: &str) -> Key {
    text.parse().unwrap()
}

async fn read(store: &Folder, key: &Key, range: Option<Range<u64>>) -> Result<Vec<u8>, ObjectError> {
    let pieces: Vec<Bytes> = store.get(key, range).await?.body.try_collect().await?;
    Ok(pieces.concat())
}

#[tokio::test]
async fn what_was_put_is_read_back_whole_and_in_part_until_it_is_deleted() {
    let folder = Temporary::new("round");
    let (store, key) = (folder.store(), key("recordings/a/b.wav"));
    let content: Vec<u8> = (0..200_000_u32).map(|n| (n % 251) as u8).collect();
    let file = LocalFile::measure(&folder.file(&content), "audio/wav").await.unwrap();
    assert!(store.head(&key).await.unwrap().is_none());
    assert!(matches!(store.get(&key, None).await, Err(ObjectError::Missing)));
    for _again in 0..2 {
        store.put(&key, &file).await.unwrap();
    }
    assert_eq!(store.head(&key).await.unwrap().unwrap().length, 200_000);
    assert_eq!(read(&store, &key, None).await.unwrap(), content);
    assert_eq!(read(&store, &key, Some(70_000..140_001)).await.unwrap(), content[70_000..140_001]);
    assert_eq!(read(&store, &key, Some(199_999..900_000)).await.unwrap(), content[199_999..]);
    assert_eq!(
        fs::read_dir(store.path(&key).parent().unwrap()).unwrap().count(),
        1,
        "nothing is left beside it"
    );
    for _again in 0..2 {
        store.delete(&key).await.unwrap();
    }
    assert!(store.head(&key).await.unwrap().is_none());
}

#[tokio::test]
async fn a_file_that_grew_since_it_was_measured_is_not_kept() {
    let folder = Temporary::new("grown");
    let (store, key, path) = (folder.store(), key("a"), folder.file(b"half"));
    let file = LocalFile::measure(&path, "audio/wav").await.unwrap();
    fs::write(&path, b"half and the rest").unwrap();
    assert!(matches!(store.put(&key, &file).await, Err(ObjectError::Changed { .. })));
    assert_eq!(fs::read_dir(folder.0.join("store")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_file_that_is_where_it_is_to_be_kept_stays_there() {
    let folder = Temporary::new("same");
    let (store, key) = (folder.store(), key("recordings/a.wav"));
    let path = store.local_path(&key).unwrap();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, b"audio").unwrap();
    let file = LocalFile::measure(&path, "audio/wav").await.unwrap();
    store.put(&key, &file).await.unwrap();
    assert_eq!(fs::read(path).unwrap(), b"audio");
}

#[tokio::test]
async fn a_folder_under_an_objects_name_is_no_object() {
    let folder = Temporary::new("folder");
    let store = folder.store();
    fs::create_dir_all(folder.0.join("store/a/b")).unwrap();
    assert!(store.head(&key("a/b")).await.unwrap().is_none());
    fs::write(folder.0.join("store/file"), b"").unwrap();
    assert!(store.head(&key("file/b")).await.unwrap().is_none());
    store.delete(&key("file/b")).await.unwrap();
}
