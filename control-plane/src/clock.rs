//! Wall-clock time as the store keeps it.

use jiff::Timestamp;

/// Unix microseconds, now.
pub(crate) fn now_us() -> i64 {
    Timestamp::now().as_microsecond()
}

/// RFC 3339, UTC.
pub(crate) fn rfc3339(at_us: i64) -> String {
    Timestamp::from_microsecond(at_us).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}

/// Unix microseconds, so long from now.
pub(crate) fn after(wait: std::time::Duration) -> i64 {
    now_us().saturating_add(i64::try_from(wait.as_micros()).unwrap_or(i64::MAX))
}
