//! Where a page of a list ended: opaque to whoever asks, and stable while calls come in.

use crate::problem::Problem;
use base64_simd::URL_SAFE_NO_PAD;
use store::{Call, CallId};

/// The cursor after this call.
pub(crate) fn after(call: &Call) -> String {
    URL_SAFE_NO_PAD.encode_to_string(format!("{}:{}", call.created_at, call.id))
}

/// The time and id of the call that a cursor names.
pub(crate) fn read(cursor: &str) -> Result<(i64, CallId), Problem> {
    parse(cursor).ok_or_else(|| Problem::invalid("the cursor is not one that was handed out"))
}

fn parse(cursor: &str) -> Option<(i64, CallId)> {
    let bytes = URL_SAFE_NO_PAD.decode_to_vec(cursor).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (at, id) = text.split_once(':')?;
    Some((at.parse().ok()?, CallId::parse(id).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_cursor_breaks_it(cursor in any::<String>()) {
            drop(read(&cursor));
        }
    }
}
