use super::*;
use proptest::prelude::*;

const SECOND: i64 = 1_000_000;
/// The secret of the RFCs' vectors.
const ASCII: &[u8] = b"12345678901234567890";

fn secret() -> Secret {
    Secret::new(&base32(ASCII))
}

#[test]
fn the_codes_are_those_of_rfc_4226_appendix_d() {
    let codes: Vec<_> = (0..10).map(|counter| hotp(ASCII, counter, 6)).collect();
    let expected =
        ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"];
    assert_eq!(codes, expected);
}

#[test]
fn the_codes_are_those_of_rfc_6238_appendix_b() {
    let vectors: [(i64, &str); 6] = [
        (59, "94287082"),
        (1_111_111_109, "07081804"),
        (1_111_111_111, "14050471"),
        (1_234_567_890, "89005924"),
        (2_000_000_000, "69279037"),
        (20_000_000_000, "65353130"),
    ];
    for (seconds, code) in vectors {
        assert_eq!(hotp(ASCII, (seconds / STEP_S).unsigned_abs(), 8), code, "{seconds}");
        let six = &code[2..];
        assert_eq!(
            accepted_step(&secret(), six, seconds * SECOND, None),
            Some(seconds / STEP_S),
            "{seconds}"
        );
    }
}

#[test]
fn a_code_is_good_one_step_early_and_late_and_no_more() {
    let code = hotp(ASCII, 100, 6);
    let at = |step: i64| accepted_step(&secret(), &code, step * STEP_S * SECOND, None);
    assert_eq!([at(98), at(99), at(100), at(101), at(102)], [None, Some(100), Some(100), Some(100), None]);
}

#[test]
fn a_code_is_used_once() {
    let now = 100 * STEP_S * SECOND;
    let code = |step| hotp(ASCII, step, 6);
    assert_eq!(accepted_step(&secret(), &code(100), now, Some(99)), Some(100));
    assert_eq!(accepted_step(&secret(), &code(100), now, Some(100)), None, "used already");
    assert_eq!(accepted_step(&secret(), &code(99), now, Some(100)), None, "older than the one used last");
    assert_eq!(accepted_step(&secret(), &code(101), now, Some(100)), Some(101));
}

#[test]
fn base_32_is_that_of_rfc_4648() {
    let vectors = [
        ("", ""),
        ("f", "MY"),
        ("fo", "MZXQ"),
        ("foo", "MZXW6"),
        ("foob", "MZXW6YQ"),
        ("fooba", "MZXW6YTB"),
        ("foobar", "MZXW6YTBOI"),
    ];
    for (plain, text) in vectors {
        assert_eq!(base32(plain.as_bytes()), text);
        assert_eq!(from_base32(text).unwrap(), plain.as_bytes());
    }
    assert_eq!(from_base32("M1"), None);
}

#[test]
fn the_address_names_issuer_and_user() {
    let address = address("Tandem (example)", "a+b@example.com", &secret());
    assert_eq!(
        address.reveal(),
        "otpauth://totp/Tandem%20%28example%29:a%2Bb%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
         &issuer=Tandem%20%28example%29&algorithm=SHA1&digits=6&period=30"
    );
}

#[test]
fn a_new_secret_has_160_bits_and_is_never_the_same() {
    assert_eq!(from_base32(new_secret().reveal()).unwrap().len(), SECRET_BYTES);
    assert_ne!(new_secret().reveal(), new_secret().reveal());
}

proptest! {
    #[test]
    fn only_the_codes_of_the_window_are_good(code in "[0-9]{6}", step in 1_i64..1_000_000) {
        let good: Vec<_> = (step - 1..=step + 1).map(|step| hotp(ASCII, step.unsigned_abs(), 6)).collect();
        let accepted = accepted_step(&secret(), &code, step * STEP_S * SECOND, None);
        prop_assert_eq!(accepted.is_some(), good.contains(&code));
    }

    #[test]
    fn no_text_makes_it_panic(code in "\\PC*", secret in "\\PC*", now: i64) {
        prop_assume!(secret.len() != 32);
        prop_assert_eq!(accepted_step(&Secret::new(&secret), "", now, None), None);
        let step = accepted_step(&Secret::new(&secret), &code, now, None);
        prop_assert!(step.is_none() || code.len() == 6);
    }

    #[test]
    fn what_is_written_in_base_32_is_read_again(bytes: Vec<u8>) {
        prop_assert_eq!(from_base32(&base32(&bytes)), Some(bytes));
    }
}
