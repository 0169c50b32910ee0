//! Phone numbers as people write them: `+1 (555) 010-0123` is `+15550100123`. What is stored and compared is E.164; how it
//! was written is not kept. A number without its country cannot be completed and stays as it is, to be refused.

use serde::{Deserialize, Deserializer};

/// Takes out what only separates digits. Without a `+` in front, or with anything else in it, the text stays as it is.
pub(crate) fn tidied(text: String) -> String {
    let Some(rest) = text.trim().strip_prefix('+') else { return text };
    // The trunk prefix of some countries, which is not dialled from abroad.
    let rest = rest.replace("(0)", "");
    let separates = |c: char| matches!(c, ' ' | '-' | '.' | '(' | ')' | '/' | '\u{a0}');
    if !rest.chars().all(|c| c.is_ascii_digit() || separates(c)) {
        return text;
    }
    std::iter::once('+').chain(rest.chars().filter(char::is_ascii_digit)).collect()
}

/// A person's number, tidied and in the form that is kept: where two forms are the same phone, what its owner said counts for both.
pub(crate) fn of_person(text: String) -> String {
    messaging::phone::settled(&tidied(text))
}

/// Reads a number.
pub(crate) fn number<'de, D: Deserializer<'de>>(text: D) -> Result<String, D::Error> {
    String::deserialize(text).map(tidied)
}

/// Reads a number that may be missing.
pub(crate) fn optional<'de, D: Deserializer<'de>>(text: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(text)?.map(tidied))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_separates_digits_is_left_out() {
        for written in [
            "+15550100123",
            "+1-555-010-0123",
            " +1 (555) 010-0123 ",
            "+1.555.010.0123",
            "+1\u{a0}555/0100123",
        ] {
            assert_eq!(tidied(written.to_owned()), "+15550100123", "{written}");
        }
        assert_eq!(tidied("+49 (0) 30 123456".to_owned()), "+4930123456");
    }

    #[test]
    fn what_is_no_number_stays_as_it_is() {
        for text in ["", "5550100", "+1 555 call me", "anonymous", "sip:a@example.com"] {
            assert_eq!(tidied(text.to_owned()), text);
        }
    }

    proptest! {
        #[test]
        fn tidying_twice_is_tidying_once(text in "\\PC*") {
            let once = tidied(text);
            prop_assert_eq!(tidied(once.clone()), once);
        }
    }
}
