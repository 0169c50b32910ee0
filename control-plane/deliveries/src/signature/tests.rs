use super::*;
use proptest::prelude::*;
use subtle::ConstantTimeEq;

/// The secret, message and signature that the specification's own libraries test with.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A receiver as the specification describes it ("Verifying signatures"), by code of its own.
fn verifies(secret: &Secret, id: &str, timestamp: i64, body: &[u8], header: &str) -> bool {
    let key = STANDARD.decode_to_vec(secret.reveal().trim_start_matches("whsec_")).unwrap();
    let mut signed = format!("{id}.{timestamp}.").into_bytes();
    signed.extend_from_slice(body);
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(&signed);
    let expected = mac.finalize().into_bytes();
    header.split(' ').any(|signature| {
        let Some(("v1", text)) = signature.split_once(',') else { return false };
        STANDARD
            .decode_to_vec(text)
            .is_ok_and(|given| bool::from(given.as_slice().ct_eq(expected.as_slice())))
    })
}

#[test]
fn the_signature_is_that_of_the_published_vector() {
    let body = br#"{"test": 2432232314}"#;
    let signed = sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body, &[Secret::new(SECRET)]).unwrap();
    assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

#[test]
fn what_is_no_secret_signs_nothing() {
    for bad in ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_%%%", "whsec_c2hvcnQ="] {
        assert_eq!(sign("evt_1", 1, b"", &[Secret::new(bad)]), Err(NotASecret), "{bad}");
    }
    let long = format!("whsec_{}", STANDARD.encode_to_string([1; 65]));
    assert_eq!(sign("evt_1", 1, b"", &[Secret::new(&long)]), Err(NotASecret));
}

#[test]
fn new_secrets_sign_and_are_never_the_same() {
    let (one, two) = (new_secret(), new_secret());
    assert_ne!(one.reveal(), two.reveal());
    assert!(sign("evt_1", 1, b"", &[one]).is_ok());
}

proptest! {
    #[test]
    fn whoever_has_either_secret_verifies_and_nobody_else(
        body: Vec<u8>, id in "evt_[0-9a-z]{26}", timestamp in 0_i64..4_000_000_000,
    ) {
        let (new, old, other) = (new_secret(), new_secret(), new_secret());
        let header = sign(&id, timestamp, &body, &[new.clone(), old.clone()]).unwrap();
        prop_assert!(verifies(&new, &id, timestamp, &body, &header));
        prop_assert!(verifies(&old, &id, timestamp, &body, &header));
        prop_assert!(!verifies(&other, &id, timestamp, &body, &header));
        prop_assert!(!verifies(&new, &id, timestamp + 1, &body, &header));
        let mut changed = body.clone();
        changed.push(0);
        prop_assert!(!verifies(&new, &id, timestamp, &changed, &header));
    }
}
