use super::*;
use proptest::{collection::vec, prelude::*};

#[test]
fn a_name_that_players_could_not_read_is_refused() {
    for name in ["", "A=B", "Ärger", "tilde~", "new\nline"] {
        let refused = Tags::new().with(name, "value").to_bytes();
        assert!(matches!(refused, Err(WriteError::TagName(of)) if of == name), "{name}");
    }
}

#[test]
fn tags_that_do_not_fit_on_a_page_are_refused() {
    let refused = Tags::new().with("COMMENT", "x".repeat(OWN_PACKET_MAX)).to_bytes();
    assert!(matches!(refused, Err(WriteError::TagsTooLong)));
}

#[test]
fn a_count_of_billions_costs_nothing() {
    let packet = [MAGIC.as_slice(), &[0; 4], &[0xFF; 4], &[0; 8]].concat();
    assert!(matches!(Tags::parse(&packet), Err(ReadError::Tags)));
}

proptest! {
    #[test]
    fn tags_come_back_as_they_were(comments in vec(("[ -<>-}]{1,12}", any::<String>()), 0..8)) {
        let tags = comments.iter().fold(Tags::new(), |tags, (name, value)| tags.with(name, value));
        let read = Tags::parse(&tags.to_bytes().unwrap()).unwrap();
        prop_assert_eq!(&read, &tags);
        if let Some((name, value)) = comments.first() {
            prop_assert_eq!(read.get(&name.to_lowercase()), Some(value.as_str()));
        }
    }

    #[test]
    fn no_packet_causes_a_panic(packet in vec(any::<u8>(), 0..64)) {
        let packet = [MAGIC.as_slice(), &packet].concat();
        drop(Tags::parse(&packet));
    }
}
