//! Links to objects in a folder: the address of the program's own route with what may be read, until when, and a
//! signature over both (HMAC-SHA256) that only this program can make.

use crate::{Key, Link, ObjectError, object::hex};
use engine::provider::Secret;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;
use std::time::Duration;
use url::{Url, form_urlencoded};

/// Shortest key, in bytes: as many as the hash has.
const SHORTEST_KEY: usize = 32;
/// Longest link: what S3 takes too.
pub(crate) const LONGEST: Duration = Duration::from_secs(7 * 24 * 3_600);

/// Why a link is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// It is not one of ours.
    #[error("the link is not valid")]
    Invalid,
    /// It was.
    #[error("the link has ended")]
    Expired,
}

/// Makes links and checks them.
#[derive(Clone, Debug)]
pub struct Links {
    base: Url,
    secret: Secret,
}

impl Links {
    /// Links that begin with `base`, which ends where the key follows, signed with `secret`.
    ///
    /// # Errors
    /// When the secret is shorter than 32 bytes.
    pub fn new(base: Url, secret: Secret) -> Result<Self, ObjectError> {
        if secret.reveal().len() < SHORTEST_KEY {
            return Err(ObjectError::Link("the secret that signs links has fewer than 32 bytes"));
        }
        Ok(Self { base, secret })
    }

    /// A link to the object, made at the time `now`.
    ///
    /// # Errors
    /// When it would last too long, or names what needs quoting.
    pub fn make(&self, key: &Key, link: &Link, now: Timestamp) -> Result<Url, ObjectError> {
        if !link.is_plain() {
            return Err(ObjectError::Link("its media type or file name needs quoting"));
        }
        if link.lasts > LONGEST || link.lasts.is_zero() {
            return Err(ObjectError::Link("a link lasts from one second to seven days"));
        }
        let lasts_s = i64::try_from(link.lasts.as_secs().max(1)).unwrap_or(i64::MAX);
        let expires = now.as_second().saturating_add(lasts_s);
        let mut url = self.base.clone();
        url.set_path(&format!("{}/{key}", self.base.path().trim_end_matches('/')));
        let signature =
            hex(&self.mac(key, expires, &link.media_type, &link.file_name).finalize().into_bytes());
        url.query_pairs_mut()
            .clear()
            .append_pair("expires", &expires.to_string())
            .append_pair("type", &link.media_type)
            .append_pair("name", &link.file_name)
            .append_pair("signature", &signature);
        Ok(url)
    }

    /// What the query of a link to `key` promised.
    ///
    /// # Errors
    /// When it is not one of ours, or has ended.
    pub fn check(&self, key: &Key, query: &str, now: Timestamp) -> Result<Link, LinkError> {
        let (mut expires, mut media_type, mut file_name, mut signature) = (None, None, None, None);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let place = match &*name {
                "expires" => &mut expires,
                "type" => &mut media_type,
                "name" => &mut file_name,
                "signature" => &mut signature,
                _ => return Err(LinkError::Invalid),
            };
            if place.replace(value.into_owned()).is_some() {
                return Err(LinkError::Invalid);
            }
        }
        let (Some(expires), Some(media_type), Some(file_name), Some(signature)) =
            (expires, media_type, file_name, signature)
        else {
            return Err(LinkError::Invalid);
        };
        let expires: i64 = expires.parse().map_err(|_| LinkError::Invalid)?;
        let signature = unhex(&signature).ok_or(LinkError::Invalid)?;
        // Compared in constant time.
        self.mac(key, expires, &media_type, &file_name)
            .verify_slice(&signature)
            .map_err(|_| LinkError::Invalid)?;
        let left = u64::try_from(expires.saturating_sub(now.as_second())).unwrap_or(0);
        if left == 0 {
            return Err(LinkError::Expired);
        }
        Ok(Link { lasts: Duration::from_secs(left), media_type, file_name })
    }

    /// Signs a text that is no link: what is signed for one `purpose` counts for no other, and never as a link.
    #[must_use]
    pub fn sign(&self, purpose: &str, text: &str) -> String {
        hex(&self.mac_for(purpose, text).finalize().into_bytes())
    }

    /// Whether [`sign`](Self::sign) has made this signature; compared in constant time.
    #[must_use]
    pub fn is_signed(&self, purpose: &str, text: &str, signature: &str) -> bool {
        unhex(signature).is_some_and(|signature| self.mac_for(purpose, text).verify_slice(&signature).is_ok())
    }

    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    fn mac_for(&self, purpose: &str, text: &str) -> Hmac<Sha256> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(self.secret.reveal().as_bytes()).expect("a key of any length");
        mac.update(format!("tandem-text-1\n{}\n{purpose}\n{text}", purpose.len()).as_bytes());
        mac
    }

    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    fn mac(&self, key: &Key, expires: i64, media_type: &str, file_name: &str) -> Hmac<Sha256> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(self.secret.reveal().as_bytes()).expect("a key of any length");
        // A line feed occurs in none of them, so no two links have the same text.
        mac.update(format!("tandem-link-1\n{key}\n{expires}\n{media_type}\n{file_name}").as_bytes());
        mac
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .chars()
        .map(|char| char.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()?;
    digits
        .len()
        .is_multiple_of(2)
        .then(|| digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn links() -> Links {
        let base = "https://voice.example.com/media".parse().unwrap();
        Links::new(base, Secret::new(&"k".repeat(32))).unwrap()
    }

    fn link(seconds: u64) -> Link {
        Link {
            lasts: Duration::from_secs(seconds),
            media_type: "audio/ogg".to_owned(),
            file_name: "call.ogg".to_owned(),
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_link_is_good_until_it_ends_and_for_its_object_only() {
        let (links, key) = (links(), "recordings/a/b.ogg".parse::<Key>().unwrap());
        let url = links.make(&key, &link(900), at(1_000)).unwrap();
        assert_eq!(url.path(), "/media/recordings/a/b.ogg");
        let query = url.query().unwrap();
        assert_eq!(links.check(&key, query, at(1_000)), Ok(link(900)));
        assert_eq!(links.check(&key, query, at(1_899)), Ok(link(1)));
        assert_eq!(links.check(&key, query, at(1_900)), Err(LinkError::Expired));
        assert_eq!(
            links.check(&"recordings/a/c.ogg".parse().unwrap(), query, at(1_000)),
            Err(LinkError::Invalid)
        );
        let other = Links::new(links.base.clone(), Secret::new(&"l".repeat(32))).unwrap();
        assert_eq!(other.check(&key, query, at(1_000)), Err(LinkError::Invalid));
    }

    #[test]
    fn a_link_that_cannot_be_kept_is_not_made() {
        let (links, key) = (links(), "a".parse::<Key>().unwrap());
        assert!(links.make(&key, &link(0), at(0)).is_err());
        assert!(links.make(&key, &link(8 * 24 * 3_600), at(0)).is_err());
        let quoted = Link { file_name: "a\".ogg".to_owned(), ..link(1) };
        assert!(links.make(&key, &quoted, at(0)).is_err());
        assert!(Links::new(links.base, Secret::new("short")).is_err());
    }

    proptest! {
        /// Whichever byte of a link is changed, it is no link any more.
        #[test]
        fn no_byte_of_a_link_can_be_changed(place in 0_usize..400, by in 1_u8..=127) {
            let (links, key) = (links(), "recordings/a/b.ogg".parse::<Key>().unwrap());
            let query = links.make(&key, &link(900), at(1_000)).unwrap().query().unwrap().to_owned();
            let mut bytes = query.clone().into_bytes();
            let place = place % bytes.len();
            bytes[place] = (bytes[place] + by) & 0x7F;
            let changed = String::from_utf8(bytes).unwrap();
            // The same values may be written in another way, such as hexadecimal digits in capitals.
            let means = |query: &str| {
                form_urlencoded::parse(query.to_lowercase().as_bytes()).into_owned().collect::<Vec<_>>()
            };
            if means(&changed) != means(&query) {
                prop_assert_eq!(links.check(&key, &changed, at(1_000)), Err(LinkError::Invalid));
            }
        }

        #[test]
        fn no_query_makes_checking_panic(query in "\\PC*") {
            let key = "a".parse::<Key>().unwrap();
            prop_assert!(links().check(&key, &query, at(0)).is_err());
        }
    }
}
