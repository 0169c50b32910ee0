//! What the words say about whether more is to come.

use crate::call::endpointing::{EndpointingOptions, allowance::allowance, backchannel::is_backchannel};
use proptest::prelude::*;

#[test]
fn the_allowance_follows_from_the_text_and_the_question() {
    let number = Some("What is your phone number?");
    for (text, asked, ms) in [
        ("Two tickets, please.", None, 0),
        ("really?", None, 0),
        ("Well…", None, 0),
        ("He said \"no.\"", None, 0),
        ("はい。", None, 0),
        ("two tickets", None, 700),
        ("yes", None, 700),
        ("two tickets,", None, 1_200),
        ("two tickets and", None, 1_200),
        ("I would like um", None, 1_200),
        ("quiero dos mesas pero", None, 1_200),
        ("una mesa para", None, 1_200),
        ("je voudrais euh", None, 1_200),
        ("deux places et", None, 1_200),
        ("a table for two", None, 400),
        ("at 7", None, 400),
        ("At 7.", None, 0),
        ("una mesa para dos", None, 400),
        ("my number is 555", None, 1_500),
        ("My number is 555.", None, 1_500),
        ("my number is five five five", None, 1_500),
        ("555 0100.", number, 1_500),
        ("555-0100", number, 1_500),
        ("555 010 1234.", number, 0),
        ("555 010 1234", number, 400),
        ("Two tickets, please.", number, 0),
        ("I do not know", number, 700),
        ("mi teléfono es seis uno dos", None, 1_500),
        ("cinco cinco cinco", Some("¿Cuál es su número?"), 1_500),
        ("zéro six douze", Some("Quel est votre numéro ?"), 1_500),
        ("le code est 12", None, 1_500),
    ] {
        let allowed = allowance(text, asked, &EndpointingOptions::default()).as_millis();
        assert_eq!(allowed, ms, "{text:?} after {asked:?}");
    }
}

#[test]
fn a_backchannel_is_short_and_wants_nothing() {
    for (text, language) in [
        ("uh-huh", "en"),
        ("Mm-hm.", "en-US"),
        ("Yeah, okay, right.", "en"),
        ("Okay, I see", "en"),
        ("Sí, claro.", "es-MX"),
        ("vale", "es"),
        ("D’accord.", "fr"),
        ("ouais ouais", "fr-FR"),
        ("oui", "multi"),
        ("mhm", "de"),
    ] {
        assert!(is_backchannel(text, language), "{text:?} in {language}");
    }
    for (text, language) in [
        ("no", "en"),
        ("No.", "es"),
        ("stop", "en"),
        ("wait", "en"),
        ("Okay, stop.", "en"),
        ("yeah no", "en"),
        ("right?", "en"),
        ("yeah yeah yeah yeah", "en"),
        ("oui", "en"),
        ("", "en"),
        ("…", "en"),
        ("espera", "es"),
        ("attends", "fr"),
        ("okay I want", "en"),
    ] {
        assert!(!is_backchannel(text, language), "{text:?} in {language}");
    }
}

proptest! {
    #[test]
    fn any_text_has_an_allowance_within_the_longest(text in any::<String>(), asked in prop::option::of(any::<String>())) {
        let options = EndpointingOptions::default();
        prop_assert!(allowance(&text, asked.as_deref(), &options) <= options.dictation);
        prop_assert!(!is_backchannel(&(text + "?"), "en"));
    }

    #[test]
    fn a_refusal_is_never_a_backchannel(
        words in prop::collection::vec(prop::sample::select(vec!["yeah", "okay", "sí", "oui", "mm-hm"]), 0..3),
        refusal in prop::sample::select(vec!["no", "stop", "wait", "non", "espera", "arrête"]),
        at in 0_usize..3,
        language in prop::sample::select(vec!["en", "es", "fr", "multi"]),
    ) {
        let mut words = words;
        words.insert(at.min(words.len()), refusal);
        prop_assert!(!is_backchannel(&words.join(" "), language));
    }
}
