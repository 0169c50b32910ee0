//! All tests of a test program once more, on PostgreSQL.
//!
//! A test program whose tests work on whatever store they are given has one test that calls [`every_test`]. That starts the
//! program again with `TANDEM_TEST_STORE=postgres`, and [`url`] then gives each test a database, so that no test is written,
//! or compiled, twice. `TANDEM_TEST_STORE=postgres cargo test NAME` runs single ones.

use super::{NO_PROGRAMS, database, left_out, programs};
use std::{fs, path::Path, process::Command};

/// What must be set, and to what, for tests to work on PostgreSQL.
const STORE: (&str, &str) = ("TANDEM_TEST_STORE", "postgres");
/// In a test's folder: the URL of the database that belongs to it.
const URL_FILE: &str = "postgres-url";

/// Whether tests are to work on PostgreSQL.
#[must_use]
pub fn is_wanted() -> bool {
    std::env::var(STORE.0).as_deref() == Ok(STORE.1)
}

/// The URL of the database that belongs to a test's folder, the same each time; `None` where tests work on SQLite.
///
/// # Panics
/// When PostgreSQL is wanted and there is none, or the folder cannot be written.
pub async fn url(folder: &Path) -> Option<String> {
    if !is_wanted() {
        return None;
    }
    let file = folder.join(URL_FILE);
    if let Ok(url) = fs::read_to_string(&file) {
        return Some(url);
    }
    let Some(url) = database().await else { panic!("{}={} and there is no PostgreSQL", STORE.0, STORE.1) };
    fs::create_dir_all(folder).unwrap();
    fs::write(file, &url).unwrap();
    Some(url)
}

/// Runs every test of this test program on PostgreSQL. Does nothing in that run itself; where there is no PostgreSQL it says
/// so.
///
/// # Panics
/// When a test fails there, which has then been printed.
pub fn every_test() {
    if is_wanted() {
        return;
    }
    if programs().is_none() {
        left_out(NO_PROGRAMS);
        return;
    }
    let program = std::env::current_exe().unwrap();
    let run = Command::new(program).env(STORE.0, STORE.1).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "on PostgreSQL:\n{out}\n{err}");
}
