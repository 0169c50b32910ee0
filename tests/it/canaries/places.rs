//! The places where secrets are looked for beside what is said: files, and a PostgreSQL server with all that it keeps.

use super::secret::Search;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

/// What leaks into the files below a folder that were written since then.
pub(super) fn leaks_of_files(search: &Search, folder: &Path, since: SystemTime) -> Vec<String> {
    let mut leaks = Vec::new();
    let (mut searched, mut bytes_searched) = (0, 0);
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        // A server deletes files of its own while it works.
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let (path, Ok(about)) = (entry.path(), entry.metadata()) else { continue };
            if about.is_dir() {
                folders.push(path);
            } else if about.is_file() && about.modified().unwrap() >= since {
                let bytes = fs::read(&path).unwrap_or_default();
                (searched, bytes_searched) = (searched + 1, bytes_searched + bytes.len());
                let found = search.leaks(&bytes);
                leaks.extend(
                    found.into_iter().map(|(field, form)| format!("{field} in {form} in {}", path.display())),
                );
            }
        }
    }
    assert!(
        searched > 0 && bytes_searched > 10_000,
        "{}: {searched} files, {bytes_searched} bytes",
        folder.display()
    );
    leaks
}

/// A database of the tests' own PostgreSQL server.
pub(super) struct Postgres {
    pub(super) url: String,
    /// The server's folder: its data, its log, its socket.
    folder: PathBuf,
    database: String,
}

impl Postgres {
    /// `None` where there is no PostgreSQL.
    pub(super) async fn new() -> Option<Self> {
        let url = store_postgres::test_server::database().await?;
        let (before, folder) = url.split_once("?host=").unwrap();
        let (folder, database) = (PathBuf::from(folder), before.rsplit_once('/').unwrap().1.to_owned());
        Some(Self { folder, database, url })
    }

    /// What the database gives out, and whatever is in the server's files, log and journal included.
    pub(super) fn leaks(&self, search: &Search, since: SystemTime) -> Vec<String> {
        self.run("psql", &["-c", "checkpoint"]);
        let dump = self.run("pg_dump", &["--inserts"]);
        let text = String::from_utf8_lossy(&dump);
        assert!(
            text.contains("INSERT INTO public.provider_accounts")
                && text.contains("INSERT INTO public.audit_log"),
            "{text}"
        );
        let found = search.leaks(&dump);
        let mut leaks: Vec<_> =
            found.into_iter().map(|(field, form)| format!("{field} in {form} in the database")).collect();
        leaks.extend(leaks_of_files(search, &self.folder, since));
        leaks
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Vec<u8> {
        let versions = fs::read_dir("/usr/lib/postgresql").unwrap();
        let program = versions
            .map(|version| version.unwrap().path().join("bin").join(program))
            .filter(|path| path.exists())
            .max()
            .unwrap();
        let mut command = Command::new(program);
        command
            .env_clear()
            .arg("-h")
            .arg(&self.folder)
            .args(["-U", "owner", "-d", &self.database])
            .args(arguments);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }
}
