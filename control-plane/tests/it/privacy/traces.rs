//! Looks for texts in the files of a data folder, and in all that its database gives out.

use crate::support::Folder;
use std::{fs, path::Path, process::Command};

/// Every line of a dump of the folder's database.
pub(super) async fn dump(folder: &Folder) -> Vec<String> {
    let output = match store_postgres::test_server::again::url(&folder.0).await {
        Some(url) => {
            let programs = fs::read_dir("/usr/lib/postgresql").unwrap();
            let program = programs.map(|version| version.unwrap().path().join("bin/pg_dump")).max().unwrap();
            Command::new(program).arg("--inserts").arg(url).output().unwrap()
        }
        None => Command::new("sqlite3").arg(folder.0.join("tandem.db")).arg(".dump").output().unwrap(),
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.to_lowercase().contains("insert into"), "{text}");
    text.lines().map(str::to_owned).collect()
}

/// The files below a folder that have one of the texts, and which.
pub(super) fn in_files(folder: &Path, texts: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(in_files(&path, texts));
            continue;
        }
        let bytes = fs::read(&path).unwrap_or_default();
        for text in texts {
            if bytes.windows(text.len()).any(|window| window == text.as_bytes()) {
                found.push(format!("{text} in {}", path.display()));
            }
        }
    }
    found
}
