//! What a database said, in the store's words.

use store::StoreError;

/// Classifies what the database said while `doing` something.
pub(crate) fn failed(doing: &'static str) -> impl FnOnce(sqlx::Error) -> StoreError {
    move |error| {
        let source = Box::new(error);
        if contradicts(&source) {
            StoreError::Conflict { doing, source }
        } else {
            StoreError::Unavailable { doing, source }
        }
    }
}

/// As [`failed`], where the only thing that can be there twice is `what`.
pub(crate) fn taken(doing: &'static str, what: &'static str) -> impl FnOnce(sqlx::Error) -> StoreError {
    move |error| {
        if error.as_database_error().is_some_and(|error| error.is_unique_violation()) {
            StoreError::Taken { what }
        } else {
            failed(doing)(error)
        }
    }
}

fn contradicts(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| {
        // Class 22 of SQLSTATE, which has five characters: the value itself cannot be stored.
        let cannot_be_stored = error.code().is_some_and(|code| code.len() == 5 && code.starts_with("22"));
        cannot_be_stored
            || error.is_unique_violation()
            || error.is_foreign_key_violation()
            || error.is_check_violation()
    })
}
