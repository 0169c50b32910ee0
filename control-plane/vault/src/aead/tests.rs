#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use super::*;
use proptest::prelude::*;

proptest! {
    #[test]
    fn what_is_sealed_opens_with_the_same_key_and_data_only(
        plain in proptest::collection::vec(any::<u8>(), 0..300),
        bound in ".{0,40}",
        other in ".{0,40}",
    ) {
        let (key, stranger) = (Key::random().unwrap(), Key::random().unwrap());
        let sealed = key.seal(bound.as_bytes(), &plain).unwrap();
        prop_assert_eq!(&*key.open(bound.as_bytes(), &sealed).unwrap(), &plain);
        prop_assert!(stranger.open(bound.as_bytes(), &sealed).is_none());
        if other != bound {
            prop_assert!(key.open(other.as_bytes(), &sealed).is_none());
        }
    }

    #[test]
    fn one_bit_that_was_changed_keeps_it_shut(
        plain in proptest::collection::vec(any::<u8>(), 0..100),
        at in any::<proptest::sample::Index>(),
        bit in 0..8_u8,
    ) {
        let key = Key::random().unwrap();
        let mut bytes = STANDARD.decode_to_vec(key.seal(b"here", &plain).unwrap()).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(key.open(b"here", &STANDARD.encode_to_string(bytes)).is_none());
    }

    #[test]
    fn no_text_makes_opening_panic(text in ".{0,200}", bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let key = Key::random().unwrap();
        prop_assert!(key.open(b"", &text).is_none());
        prop_assert!(key.open(b"", &STANDARD.encode_to_string(bytes)).is_none());
    }

    #[test]
    fn no_two_lists_of_texts_are_bound_alike(
        one in proptest::collection::vec("[ab]{0,3}", 1..4),
        two in proptest::collection::vec("[ab]{0,3}", 1..4),
    ) {
        let data = |texts: &[String]| {
            associated_data("p", &texts.iter().map(String::as_str).collect::<Vec<_>>())
        };
        prop_assert_eq!(one == two, data(&one) == data(&two));
    }
}

#[test]
fn the_same_secret_never_looks_the_same_twice() {
    let key = Key::random().unwrap();
    assert_ne!(key.seal(b"", b"token").unwrap(), key.seal(b"", b"token").unwrap());
}

#[test]
fn a_key_is_not_shown() {
    let key = Key::from_bytes(&[65; KEY_BYTES]).unwrap();
    assert_eq!(format!("{key:?}"), "Key(…)");
    assert!(Key::from_bytes(&[65; KEY_BYTES - 1]).is_none());
}
