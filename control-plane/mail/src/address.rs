//! Addresses that can stand in an SMTP command and in a header as they are: checked once, ASCII, without comments or quoting.
//!
//! What is refused although RFC 5321 allows it: quoted local parts and address literals; nobody's customers have them, and they are
//! how text gets into places where it does not belong. A domain with other letters than ASCII is taken in its `xn--` form.

use std::{fmt, str::FromStr};
use url::Host;

/// RFC 5321 4.5.3.1.1, in bytes.
const LONGEST_LOCAL_PART: usize = 64;
/// RFC 5321 4.5.3.1.3 (256 with the angle brackets), in bytes.
const LONGEST_ADDRESS: usize = 254;
/// Longest name beside an address, in characters; longer ones are refused.
const LONGEST_NAME: usize = 200;

/// Why something is not an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It has not exactly one `@` with something on both sides.
    #[error("an email address has the form local@domain")]
    Form,
    /// Longer than 254 bytes, or 64 before the `@`.
    #[error("the email address is too long")]
    Long,
    /// A character that stands in no unquoted local part, or a dot in the wrong place.
    #[error("the part before the @ has a character that is not allowed")]
    LocalPart,
    /// No host name.
    #[error("the part after the @ is no domain name")]
    Domain,
    /// The name beside the address has a control character, or is longer than 200 characters.
    #[error("the name beside the email address has a control character or is too long")]
    Name,
}

/// An address such as `support@tandem.example`. The domain is in lower case; the part before it is as it was given.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EmailAddress {
    text: String,
    at: usize,
}

impl EmailAddress {
    /// Checks an address.
    ///
    /// # Errors
    /// If it is none, or one of the kinds that are refused here.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let (local, domain) = text.trim().rsplit_once('@').ok_or(AddressError::Form)?;
        if local.is_empty() || domain.is_empty() {
            return Err(AddressError::Form);
        }
        if local.len() > LONGEST_LOCAL_PART {
            return Err(AddressError::Long);
        }
        if !local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atext)) {
            return Err(AddressError::LocalPart);
        }
        let Ok(Host::Domain(domain)) = Host::parse(domain) else { return Err(AddressError::Domain) };
        // What is a host for a browser need not be one in a mail's header.
        let label = |label: &str| {
            !label.is_empty()
                && label.len() <= 63
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if !domain.split('.').all(label) {
            return Err(AddressError::Domain);
        }
        let text = format!("{local}@{domain}");
        if text.len() > LONGEST_ADDRESS {
            return Err(AddressError::Long);
        }
        Ok(Self { text, at: local.len() })
    }

    /// The whole address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Before the `@`.
    #[must_use]
    pub fn local_part(&self) -> &str {
        self.text.get(..self.at).unwrap_or_default()
    }

    /// After it, in lower case.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.text.get(self.at + 1..).unwrap_or_default()
    }

    /// `support+token@…`: where answers come back with a token in the address.
    ///
    /// # Errors
    /// If the token is empty or has characters that an address cannot have, or the address gets too long.
    pub fn with_token(&self, token: &str) -> Result<Self, AddressError> {
        if token.is_empty() || token.contains('+') {
            return Err(AddressError::LocalPart);
        }
        let base = self.local_part().split_once('+').map_or(self.local_part(), |(base, _)| base);
        Self::parse(&format!("{base}+{token}@{}", self.domain()))
    }

    /// The token of an address that was made by [`Self::with_token`] from this one; case does not matter before it, nor in the domain.
    #[must_use]
    pub fn token_in<'a>(&self, text: &'a str) -> Option<&'a str> {
        let (local, domain) = text.trim().rsplit_once('@')?;
        let (base, token) = local.split_once('+')?;
        let same = base.eq_ignore_ascii_case(self.local_part()) && domain.eq_ignore_ascii_case(self.domain());
        (same && !token.is_empty()).then_some(token)
    }

    /// Whether somebody else's way of writing means this address: case does not matter, nor what stands after a `+`.
    #[must_use]
    pub fn is_same_mailbox(&self, text: &str) -> bool {
        let plain = |local: &str| local.split_once('+').map_or(local, |(base, _)| base).to_ascii_lowercase();
        text.trim().rsplit_once('@').is_some_and(|(local, domain)| {
            plain(local) == plain(self.local_part()) && domain.eq_ignore_ascii_case(self.domain())
        })
    }
}

/// RFC 5322 3.2.3.
fn is_atext(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

impl FromStr for EmailAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        Self::parse(text)
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for EmailAddress {
    /// Whose mail it is stays out of logs: the domain says enough to find a fault.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EmailAddress(…@{})", self.domain())
    }
}

/// An address with the name that is shown beside it.
#[derive(Clone, PartialEq, Eq)]
pub struct Mailbox {
    name: Option<String>,
    address: EmailAddress,
}

impl Mailbox {
    /// Puts both together; an empty name is none.
    ///
    /// # Errors
    /// [`AddressError::Name`].
    pub fn new(name: Option<&str>, address: EmailAddress) -> Result<Self, AddressError> {
        let name = name.map(str::trim).filter(|name| !name.is_empty());
        if name.is_some_and(|name| name.chars().any(char::is_control) || name.chars().count() > LONGEST_NAME)
        {
            return Err(AddressError::Name);
        }
        Ok(Self { name: name.map(str::to_owned), address })
    }

    /// As people read it.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Where it goes.
    #[must_use]
    pub fn address(&self) -> &EmailAddress {
        &self.address
    }
}

impl From<EmailAddress> for Mailbox {
    fn from(address: EmailAddress) -> Self {
        Self { name: None, address }
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_people_have_is_taken_and_the_domain_written_alike() {
        for (given, taken) in [
            (" Ada.Lovelace+x@Example.COM ", "Ada.Lovelace+x@example.com"),
            ("o'neil@example.com", "o'neil@example.com"),
            ("a@münchen.example", "a@xn--mnchen-3ya.example"),
        ] {
            assert_eq!(EmailAddress::parse(given).unwrap().as_str(), taken);
        }
    }

    #[test]
    fn what_could_be_read_as_more_than_an_address_is_refused() {
        let long = format!("{}@example.com", "a".repeat(65));
        for (given, error) in [
            ("", AddressError::Form),
            ("nobody", AddressError::Form),
            ("@example.com", AddressError::Form),
            ("a@", AddressError::Form),
            ("a b@example.com", AddressError::LocalPart),
            ("a..b@example.com", AddressError::LocalPart),
            ("\"a\r\nBcc: b\"@example.com", AddressError::LocalPart),
            ("a@b@example.com", AddressError::LocalPart),
            ("a,b@example.com", AddressError::LocalPart),
            ("ä@example.com", AddressError::LocalPart),
            ("a@[127.0.0.1]", AddressError::Domain),
            ("a@127.0.0.1", AddressError::Domain),
            ("a@exa_mple.com", AddressError::Domain),
            ("a@example..com", AddressError::Domain),
            (long.as_str(), AddressError::Long),
        ] {
            assert_eq!(EmailAddress::parse(given).unwrap_err(), error, "{given:?}");
        }
    }

    #[test]
    fn a_token_comes_back_from_the_address_it_was_put_into() {
        let ours = EmailAddress::parse("support@tandem.example").unwrap();
        let with = ours.with_token("c0ffee").unwrap();
        assert_eq!(with.as_str(), "support+c0ffee@tandem.example");
        assert_eq!(ours.token_in(with.as_str()), Some("c0ffee"));
        assert_eq!(ours.token_in("SUPPORT+c0ffee@Tandem.Example"), Some("c0ffee"));
        assert_eq!(ours.token_in("sales+c0ffee@tandem.example"), None);
        assert_eq!(ours.token_in("support@tandem.example"), None);
        assert!(
            ours.is_same_mailbox("Support+x@tandem.example") && !ours.is_same_mailbox("sales@tandem.example")
        );
        assert!(ours.with_token("a b").is_err() && ours.with_token("").is_err());
    }

    #[test]
    fn an_address_is_not_shown_by_debug() {
        let address = EmailAddress::parse("ada@example.com").unwrap();
        let mailbox = Mailbox::new(Some("Ada Lovelace"), address).unwrap();
        assert_eq!(format!("{mailbox:?}"), "EmailAddress(…@example.com)");
    }

    proptest! {
        #[test]
        fn whatever_is_taken_can_stand_in_a_command(text in ".{0,80}|[a-z.+\r\n<>@ ]{1,20}@[a-z.\r\n<> -]{1,20}") {
            if let Ok(address) = EmailAddress::parse(&text) {
                prop_assert!(address.as_str().bytes().all(|byte| byte.is_ascii_graphic() && !b"<>()[]\\,;:\"".contains(&byte)));
                prop_assert_eq!(EmailAddress::parse(address.as_str()).unwrap(), address);
            }
        }
    }
}
