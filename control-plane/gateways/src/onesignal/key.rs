//! Keys under which OneSignal does a thing at most once.

use sha1::{Digest, Sha1};
use std::time::Duration;
use uuid::{Builder, Uuid, uuid};

/// Our own namespace, a constant: the same attempt always has the same key.
const NAMESPACE: Uuid = uuid!("6f2c7e0a-3d4b-5c1e-9a87-0d1f5b9e2c44");

/// How long OneSignal keeps a key. An attempt that is older must not be repeated.
pub const IDEMPOTENCY_KEPT: Duration = Duration::from_secs(30 * 86_400);

/// The key of an attempt: a UUID of version 5 (RFC 9562, section 5.5), which is the SHA-1 of a namespace and a name.
#[must_use]
pub fn idempotency_key(attempt: &str) -> Uuid {
    named(NAMESPACE, attempt)
}

fn named(namespace: Uuid, name: &str) -> Uuid {
    let digest = Sha1::new().chain_update(namespace.as_bytes()).chain_update(name.as_bytes()).finalize();
    let mut bytes = [0; 16];
    for (byte, hashed) in bytes.iter_mut().zip(digest) {
        *byte = hashed;
    }
    Builder::from_sha1_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9562, appendix A.4.
    #[test]
    fn keys_are_those_of_the_rfc() {
        let example = named(Uuid::NAMESPACE_DNS, "www.example.com");
        assert_eq!(example.to_string(), "2ed6657d-e927-568b-95e1-2665a8aea6a2");
    }

    #[test]
    fn an_attempt_has_one_key_and_another_has_another() {
        assert_eq!(idempotency_key("att_1"), idempotency_key("att_1"));
        assert_ne!(idempotency_key("att_1"), idempotency_key("att_2"));
        assert_eq!(idempotency_key("att_1").get_version_num(), 5);
    }
}
