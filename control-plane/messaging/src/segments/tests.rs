use super::*;
use proptest::prelude::*;

fn counted(text: &str) -> (Encoding, usize, usize) {
    let segments = count(text);
    (segments.encoding, segments.units, segments.segments)
}

#[test]
fn the_default_alphabet_has_127_characters_beside_its_escape() {
    assert_eq!(BASIC.chars().count(), 127);
    assert_eq!(EXTENSION.chars().count(), 10);
}

#[test]
fn one_part_holds_160_and_each_of_several_153() {
    for (length, segments) in [(0, 0), (1, 1), (160, 1), (161, 2), (306, 2), (307, 3), (1_530, 10)] {
        assert_eq!(counted(&"a".repeat(length)), (Encoding::Gsm7, length, segments));
    }
}

#[test]
fn one_other_character_makes_it_70_and_67() {
    for (length, segments) in [(1, 1), (70, 1), (71, 2), (134, 2), (135, 3)] {
        let text = format!("ł{}", "a".repeat(length - 1));
        assert_eq!(counted(&text), (Encoding::Ucs2, length, segments));
    }
    assert_eq!(count("naïve “quotes”").outside_gsm7, ['ï', '“', '”']);
}

#[test]
fn an_escaped_character_counts_twice_and_is_not_split() {
    assert_eq!(counted("€"), (Encoding::Gsm7, 2, 1));
    assert_eq!(counted(&"€".repeat(80)), (Encoding::Gsm7, 160, 1));
    // 153 is odd: the last unit of each part stays empty.
    assert_eq!(counted(&"€".repeat(153)), (Encoding::Gsm7, 306, 3));
    let text = format!("{}€{}", "a".repeat(152), "b".repeat(100));
    let parts: Vec<_> = split(&text).iter().map(|part| part.chars().count()).collect();
    assert_eq!(parts, [152, 101]);
}

#[test]
fn an_emoji_counts_twice_and_is_not_split() {
    assert_eq!(counted("👍"), (Encoding::Ucs2, 2, 1));
    assert_eq!(counted(&"👍".repeat(35)), (Encoding::Ucs2, 70, 1));
    // 33 to a part.
    assert_eq!(counted(&"👍".repeat(67)), (Encoding::Ucs2, 134, 3));
}

proptest! {
    #[test]
    fn the_parts_are_the_text_and_as_many_as_counted(text in "[a-z€łé👍 ]{0,400}") {
        let (parts, counted) = (split(&text), count(&text));
        prop_assert_eq!(parts.concat(), text.as_str());
        prop_assert_eq!(parts.len(), counted.segments);
        let (single, several) = capacity(counted.encoding);
        let most = if parts.len() > 1 { several } else { single };
        for part in parts {
            let units: usize = part.chars().map(|c| units(c, counted.encoding)).sum();
            prop_assert!(units <= most);
        }
    }
}
