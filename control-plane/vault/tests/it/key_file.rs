//! The file with the keys.

use crate::support::Folder;
use std::os::unix::fs::MetadataExt as _;
use vault::{KeyFileError, KeyRing, KeyRingError, new_key};

#[test]
fn the_first_start_makes_a_file_that_only_its_owner_reads_and_later_ones_read_it() {
    let folder = Folder::new();
    let path = folder.0.join("data/secrets.key");
    let made = KeyRing::read_or_create(&path).unwrap();
    assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o600);
    let again = KeyRing::read_or_create(&path).unwrap();
    assert_eq!(made.active(), again.active());
    let files: Vec<_> = path.parent().unwrap().read_dir().unwrap().collect();
    assert_eq!(files.len(), 1, "no copy of the key stays behind: {files:?}");
}

#[test]
fn starts_at_the_same_time_end_with_one_key() {
    let folder = Folder::new();
    let path = folder.0.join("secrets.key");
    let starts: Vec<_> = (0..8)
        .map(|_| {
            let path = path.clone();
            std::thread::spawn(move || KeyRing::read_or_create(&path).unwrap().active().clone())
        })
        .collect();
    let ids: std::collections::HashSet<_> = starts.into_iter().map(|start| start.join().unwrap()).collect();
    assert_eq!(ids.len(), 1);
}

#[test]
fn a_key_that_is_added_at_the_end_wraps_from_then_on() {
    let folder = Folder::new();
    let path = folder.0.join("secrets.key");
    let first = KeyRing::read_or_create(&path).unwrap();
    let mut text = std::fs::read_to_string(&path).unwrap();
    text.push_str(&format!("\n# since today\n  {}  \n", new_key().unwrap().reveal()));
    std::fs::write(&path, text).unwrap();
    let both = KeyRing::read(&path).unwrap();
    assert_ne!(both.active(), first.active());
    assert_eq!(both.ids().next(), Some(first.active()));
}

#[test]
fn a_file_that_is_of_no_use_says_why_and_shows_nothing() {
    let folder = Folder::new();
    let path = folder.0.join("secrets.key");
    assert!(matches!(KeyRing::read(&path), Err(KeyFileError::Io { .. })), "one that was named must be there");
    std::fs::write(&path, "# nothing\n").unwrap();
    let refused = KeyRing::read_or_create(&path).unwrap_err();
    assert!(matches!(refused, KeyFileError::Ring { source: KeyRingError::Empty, .. }), "{refused:?}");
    std::fs::write(&path, "CANARY\n").unwrap();
    let refused = format!("{:?}", KeyRing::read(&path).unwrap_err());
    assert!(!refused.contains("CANARY"), "{refused}");
}
