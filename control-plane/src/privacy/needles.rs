//! What tells of a person in what is kept of others: their addresses, and the ids of what is theirs. Pure.
//!
//! A number is found by its digits as they stand, so `+15550142`, `%2B15550142` and `15550142@s.whatsapp.net` are all it, and a longer
//! row of digits is not. An email address is found in any case, and not within a longer one. A name at the push service is found only
//! as a JSON string of its own.

use super::person::Person;
use std::collections::HashSet;

/// Characters of an id after its underscore.
const ID: usize = 26;

/// What is looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Needles {
    digits: HashSet<String>,
    emails: Vec<String>,
    strings: Vec<String>,
    ids: HashSet<String>,
}

impl Needles {
    pub(crate) fn of(person: &Person) -> Self {
        let mut needles = Self::addresses(&person.addresses);
        let contacts = person.contacts.iter().map(ToString::to_string);
        let conversations = person.conversations.iter().map(ToString::to_string);
        let calls = person.calls.iter().filter(|call| !person.held.contains(call)).map(ToString::to_string);
        needles.ids =
            contacts.chain(conversations).chain(calls).chain(person.others.iter().cloned()).collect();
        needles
    }

    /// The addresses alone.
    pub(crate) fn addresses(addresses: &[String]) -> Self {
        let mut needles = Self::default();
        for address in addresses {
            match address.strip_prefix('+') {
                Some(digits) if digits.len() > 4 && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                    needles.digits.insert(digits.to_owned());
                }
                Some(_) | None if address.contains('@') => needles.emails.push(address.to_lowercase()),
                Some(_) | None => needles.strings.push(serde_json::json!(address).to_string()),
            }
        }
        needles
    }

    /// Whether one of them is in the text.
    pub(crate) fn are_in(&self, text: &str) -> bool {
        self.has_digits(text)
            || self.has_id(text)
            || self.has_email(text)
            || self.strings.iter().any(|string| text.contains(string.as_str()))
    }

    fn has_digits(&self, text: &str) -> bool {
        !self.digits.is_empty()
            && text.split(|c: char| !c.is_ascii_digit()).any(|run| self.digits.contains(run))
    }

    fn has_id(&self, text: &str) -> bool {
        let bytes = text.as_bytes();
        !self.ids.is_empty()
            && bytes.iter().enumerate().filter(|(_, byte)| **byte == b'_').any(|(at, _)| {
                let begin = bytes[..at].iter().rposition(|byte| !byte.is_ascii_lowercase());
                let begin = begin.map_or(0, |before| before + 1);
                text.get(begin..at + 1 + ID).is_some_and(|id| self.ids.contains(id))
            })
    }

    fn has_email(&self, text: &str) -> bool {
        if self.emails.is_empty() || !text.contains('@') {
            return false;
        }
        let text = text.to_lowercase();
        self.emails.iter().any(|email| {
            text.match_indices(email.as_str()).any(|(at, _)| {
                let before = text[..at].chars().next_back();
                let mut after = text[at + email.len()..].chars();
                let (next, over) = (after.next(), after.next());
                let continues = match next {
                    Some('.') => over.is_some_and(|c| c.is_ascii_alphanumeric()),
                    Some(c) => c.is_ascii_alphanumeric() || c == '-',
                    None => false,
                };
                !before.is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '+' | '-'))
                    && !continues
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use store::ids::ContactId;

    fn ann() -> (Needles, ContactId) {
        let contact = ContactId::generate();
        let person = Person {
            contacts: vec![contact.clone()],
            addresses: ["+15550142", "ann@example.com", "ann"].map(str::to_owned).to_vec(),
            ..Person::default()
        };
        (Needles::of(&person), contact)
    }

    #[test]
    fn an_address_is_found_however_it_is_written_and_not_within_another() {
        let (ann, contact) = ann();
        for text in [
            "{\"from\":\"+15550142\"}",
            "To=%2B15550142&x=1",
            "15550142@s.whatsapp.net",
            "<Ann@Example.com>",
            "write to ann@example.com.",
            "{\"external_id\":\"ann\"}",
            &format!("{{\"contact\":\"{contact}\"}}"),
        ] {
            assert!(ann.are_in(text), "{text}");
        }
        for text in [
            "115550142",
            "155501421",
            "joann@example.com",
            "ann@example.company",
            "ann@example.com.au",
            "{\"name\":\"annabel\"}",
            &format!("{contact}0"),
            &ContactId::generate().to_string(),
            "",
            "_",
            "é_ñ",
        ] {
            let is_longer_id = text.starts_with(contact.as_str());
            assert!(is_longer_id || !ann.are_in(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC*") {
            let (ann, _) = ann();
            ann.are_in(&text);
        }
    }
}
