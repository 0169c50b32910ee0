use super::*;
use proptest::prelude::*;

/// As it was written, the country that was assumed, kept, found by, for Whapi.
const TABLE: &[(&str, Option<&str>, &str, &str, &str)] = &[
    // Mexico: ten digits, twelve, thirteen with the 1 of WhatsApp (S0-56 to S0-60, B18).
    ("5512345678", Some("MX"), "+525512345678", "+525512345678", "5215512345678"),
    ("55 1234 5678", Some("MX"), "+525512345678", "+525512345678", "5215512345678"),
    ("525512345678", Some("MX"), "+525512345678", "+525512345678", "5215512345678"),
    ("525512345678", None, "+525512345678", "+525512345678", "5215512345678"),
    ("5215512345678", None, "+525512345678", "+525512345678", "5215512345678"),
    ("5215512345678@s.whatsapp.net", None, "+525512345678", "+525512345678", "5215512345678"),
    ("whatsapp:+5215512345678", None, "+525512345678", "+525512345678", "5215512345678"),
    ("+52 1 55 1234 5678", Some("US"), "+525512345678", "+525512345678", "5215512345678"),
    // Argentina: with and without the 9 it is the same person.
    ("+5491123456789", None, "+5491123456789", "+541123456789", "5491123456789"),
    ("5491123456789", None, "+5491123456789", "+541123456789", "5491123456789"),
    ("+541123456789", None, "+541123456789", "+541123456789", "5491123456789"),
    // Brazil: the ninth digit of mobile phones, and a line at home, which has none.
    ("+5511987654321", None, "+5511987654321", "+5511987654321", "5511987654321"),
    ("551187654321", None, "+5511987654321", "+5511987654321", "5511987654321"),
    ("+551133334444", None, "+551133334444", "+551133334444", "551133334444"),
    // Everybody else.
    ("+1 (212) 555-0100", None, "+12125550100", "+12125550100", "12125550100"),
    ("(212) 555-0100", Some("US"), "+12125550100", "+12125550100", "12125550100"),
    ("12125550100", Some("MX"), "+12125550100", "+12125550100", "12125550100"),
    ("020 7946 0000", Some("GB"), "+442079460000", "+442079460000", "442079460000"),
    ("+442079460000", Some("MX"), "+442079460000", "+442079460000", "442079460000"),
];

#[test]
fn every_form_of_a_number_is_kept_and_found_as_one() {
    for (written, country, e164, key, whapi) in TABLE {
        let phone = Phone::parse(written, *country).unwrap_or_else(|error| panic!("{written}: {error}"));
        assert_eq!(phone.e164(), *e164, "{written}");
        assert_eq!(phone.key(), *key, "{written}");
        assert_eq!(phone.for_provider(Provider::Whapi), *whapi, "{written}");
        assert_eq!(phone.for_provider(Provider::Twilio), *e164, "{written}");
        assert_eq!(phone.for_provider(Provider::Vapi), *e164, "{written}");
    }
}

#[test]
fn the_last_ten_digits_are_the_same_in_several_countries() {
    let (mexico, usa) =
        (Phone::parse("+522125550100", None).unwrap(), Phone::parse("+12125550100", None).unwrap());
    assert_eq!((mexico.last10(), usa.last10()), ("2125550100", "2125550100"));
    assert_ne!(mexico.key(), usa.key());
}

#[test]
fn what_is_no_number_is_refused() {
    for text in ["", "12345", "hello", "+", "+999", "STOP", &"1".repeat(100)] {
        assert!(Phone::parse(text, None).is_err(), "{text}");
        assert!(Phone::parse(text, Some("US")).is_err(), "{text}");
    }
}

#[test]
fn a_number_is_not_shown_in_a_log() {
    let phone = Phone::parse("+12125550100", None).unwrap();
    assert_eq!(format!("{phone:?}"), "Phone(…00)");
    assert_eq!(serde_json::to_string(&phone).unwrap(), "\"+12125550100\"");
}

proptest! {
    /// What is kept is kept the same the next time, and what Whapi is given is understood when it comes back.
    #[test]
    fn a_kept_number_stays_as_it_is(code in prop_oneof![Just("52"), Just("521"), Just("54"), Just("549"), Just("55"), Just("1"), Just("44")], rest in "[1-9][0-9]{7,10}") {
        if let Ok(phone) = Phone::parse(&format!("+{code}{rest}"), None) {
            prop_assert_eq!(Phone::parse(&phone.e164(), None), Ok(phone.clone()));
            let back = Phone::parse(&phone.for_provider(Provider::Whapi), None).unwrap();
            prop_assert_eq!(back.key(), phone.key());
        }
    }

    #[test]
    fn no_text_makes_it_panic(text: String, country in prop_oneof![Just(None), Just(Some("MX")), Just(Some("XX"))]) {
        if let Ok(phone) = Phone::parse(&text, country) {
            prop_assert!(phone.e164().len() <= 16 && phone.last10().len() <= 10);
        }
    }
}

#[test]
fn somebody_is_found_by_each_form_of_their_number() {
    for (plain, other) in [
        ("+525555550100", "+5215555550100"),
        ("+541155550100", "+5491155550100"),
        ("+5511987654321", "+551187654321"),
    ] {
        let all = forms(other);
        assert!(all.contains(&plain.to_owned()) && all.contains(&other.to_owned()), "{all:?}");
        assert!(forms(plain).contains(&other.to_owned()), "{:?}", forms(plain));
    }
    assert_eq!(forms("+5215555550100")[0], "+525555550100", "as it is kept comes first");
    assert_eq!(forms("+15550100"), ["+15550100"]);
    assert_eq!(forms("+551135550100"), ["+551135550100"], "a line at home has no ninth digit");
    assert_eq!(
        (&forms("anonymous")[..], &forms("")[..]),
        (&["anonymous".to_owned()][..], &[String::new()][..])
    );
}

#[test]
fn both_forms_of_a_number_are_settled_as_one() {
    assert_eq!(settled("+5215555550100"), "+525555550100");
    assert_eq!(settled("+525555550100"), "+525555550100");
    assert_eq!(settled("+551188880100"), "+5511988880100");
    assert_eq!(settled("+551122220100"), "+551122220100", "a line at home");
    assert_eq!(settled("+5491155550100"), "+5491155550100");
    for other in ["+15550100", "", "+", "+52é", "nobody", "sip:a@example.com", "+5", "+52", "+55"] {
        assert_eq!(settled(other), other);
    }
}
