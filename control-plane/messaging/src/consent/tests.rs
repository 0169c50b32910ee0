use super::*;
use proptest::prelude::*;

fn read(body: &str) -> Option<(Keyword, Language)> {
    recognise(body).filter(|word| !word.only_after_stop).map(|word| (word.keyword, word.language))
}

#[test]
fn keywords_are_understood_in_three_languages_in_any_case_with_or_without_accents() {
    use Keyword::{Help, Start, Stop};
    use Language::{En, Es, Fr};
    for word in [
        "STOP",
        "stop",
        " Stop.\n",
        "\"STOP!\"",
        "StopAll",
        "unsubscribe",
        "END",
        "quit",
        "Cancel",
        "OPTOUT",
        "opt-out",
        "revoke",
    ] {
        assert_eq!(read(word), Some((Stop, En)), "{word}");
    }
    for word in ["ARRET", "arrêt", "Arre\u{302}t", "ARRÊT !", "désabonner"] {
        assert_eq!(read(word), Some((Stop, Fr)), "{word}");
    }
    for word in ["BAJA", "parar", "¡Alto!", "cancelar"] {
        assert_eq!(read(word), Some((Stop, Es)), "{word}");
    }
    assert_eq!(
        [read("start"), read("Commencer"), read("iniciar")],
        [Some((Start, En)), Some((Start, Fr)), Some((Start, Es))]
    );
    assert_eq!(
        [read("HELP"), read("aide"), read("¿Ayuda?")],
        [Some((Help, En)), Some((Help, Fr)), Some((Help, Es))]
    );
}

#[test]
fn a_word_in_a_sentence_is_no_keyword() {
    for body in [
        "please stop",
        "Stop it",
        "the end",
        "I need help",
        "",
        "   ",
        "¿?",
        "stop stop",
        "Altoona",
        "👍",
        &"STOP".repeat(100),
    ] {
        assert_eq!(recognise(body), None, "{body}");
    }
}

#[test]
fn yes_counts_only_for_somebody_who_opted_out() {
    for body in ["yes", "Oui", "SÍ"] {
        let word = recognise(body).unwrap();
        assert!(word.only_after_stop && word.keyword == Keyword::Start);
        let event = Event::Said { keyword: word.keyword, only_after_stop: word.only_after_stop };
        assert_eq!(transition(Consent::Unknown, event).to, Consent::Unknown);
        assert_eq!(transition(Consent::Withdrawn, event).to, Consent::Given);
    }
}

#[test]
fn stop_is_confirmed_once_and_help_always() {
    let said = |keyword| Event::Said { keyword, only_after_stop: false };
    let stop = transition(Consent::Given, said(Keyword::Stop));
    assert_eq!(stop, Transition { to: Consent::Withdrawn, recorded: true, answer: Some(Keyword::Stop) });
    let again = transition(Consent::Withdrawn, said(Keyword::Stop));
    assert_eq!(again, Transition { to: Consent::Withdrawn, recorded: false, answer: None });
    for from in Consent::ALL {
        let help = transition(*from, said(Keyword::Help));
        assert_eq!(help, Transition { to: *from, recorded: false, answer: Some(Keyword::Help) });
    }
}

#[test]
fn only_the_person_or_proof_undoes_an_opt_out() {
    for event in [Event::LearnedFromProvider, Event::Unsubscribed, Event::Revoked] {
        for from in Consent::ALL {
            assert_eq!(transition(*from, event).to, Consent::Withdrawn);
            assert_eq!(transition(*from, event).answer, None);
        }
    }
    let granted = |proven| transition(Consent::Withdrawn, Event::Granted { proven });
    assert_eq!((granted(false).to, granted(false).recorded), (Consent::Withdrawn, false));
    assert_eq!((granted(true).to, granted(true).recorded), (Consent::Given, true));
    assert_eq!(transition(Consent::Unknown, Event::Granted { proven: false }).to, Consent::Given);
}

#[test]
fn every_answer_says_who_writes_and_what_to_say_next() {
    for keyword in Keyword::ALL {
        for language in Language::ALL {
            let text = answer(*keyword, *language, "Example Bakery", "help@example.com");
            assert!(text.starts_with("Example Bakery"), "{text}");
            let opposite = text.split_whitespace().any(|word| {
                let word = recognise(word);
                word.is_some_and(|word| word.language == *language && word.keyword != *keyword)
            });
            assert!(opposite, "{text}");
        }
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(body: String) {
        prop_assert!(recognise(&body).is_none_or(|word| body.len() >= word.language.as_str().len()));
    }
}
