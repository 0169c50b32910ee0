//! What the properties of an account may be, where a way out reads more than their text.

use crate::problem::{Fault, FaultCode, Place, Problem};
use routing::is_number;
use std::collections::BTreeMap;

/// What says to which server a password goes, and whether in the open.
const SERVER: [&str; 3] = ["host", "port", "security"];

/// Why a property cannot have a value: what nobody reads would be left out in silence.
pub(super) fn wrong(name: &str, value: &str) -> Option<&'static str> {
    match name {
        "messages_per_second" => {
            let said: Option<f64> = value.parse().ok();
            let can_be = said.is_some_and(|said| said.is_finite() && said > 0.0 && said <= 1_000.0);
            (!can_be).then_some("it must be a number above 0, at most 1000")
        }
        "trial" | "plus_addressing" => {
            (!matches!(value, "true" | "false")).then_some("it must be true or false")
        }
        "messaging_service_sid" => {
            let digits = value.strip_prefix("MG").unwrap_or_default();
            let is_sid = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            (!is_sid).then_some("it must be the sid of a messaging service, MG and 32 hexadecimal digits")
        }
        "whatsapp_senders" => {
            let are_numbers = value.split(',').map(str::trim).all(is_number);
            (!are_numbers).then_some("they must be numbers with their country code, separated by commas")
        }
        _ => None,
    }
}

/// A password goes to the server for which it was given: whoever may change an account could otherwise have it sent to one of their own.
pub(super) fn keep_server(
    properties: &BTreeMap<String, String>,
    before: &BTreeMap<String, String>,
) -> Result<(), Problem> {
    let changed: Vec<_> =
        SERVER.into_iter().filter(|name| properties.get(*name) != before.get(*name)).collect();
    if changed.is_empty() {
        return Ok(());
    }
    let fault = |name: &str| Fault {
        place: Place::Pointer(format!("/properties/{name}")),
        code: FaultCode::InvalidValue,
        detail: "the password of an account is not sent to another server: add an account for that one"
            .to_owned(),
    };
    Err(Problem::unacceptable(changed.into_iter().map(fault).collect()))
}

#[cfg(test)]
mod tests {
    use super::{super::form::Kind, *};

    #[test]
    fn a_password_goes_to_no_other_server_than_the_one_it_was_given_for() {
        let of = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let before = of(&[("host", "mail.example.com"), ("port", "465"), ("from_name", "Shop")]);
        assert!(keep_server(&of(&[("host", "mail.example.com"), ("port", "465")]), &before).is_ok());
        for changed in [
            of(&[("host", "mail.example.net"), ("port", "465")]),
            of(&[("host", "mail.example.com"), ("port", "25")]),
            of(&[("host", "mail.example.com")]),
            of(&[("host", "mail.example.com"), ("port", "465"), ("security", "plain")]),
        ] {
            assert!(keep_server(&changed, &before).is_err(), "{changed:?}");
        }
    }

    #[test]
    fn what_a_way_out_reads_of_an_account_can_be_said_and_nothing_else() {
        for name in ["messaging_service_sid", "whatsapp_senders", "messages_per_second", "trial"] {
            assert!(Kind::Twilio.has_property(name), "{name}");
        }
        assert!(Kind::Onesignal.has_property("messages_per_second") && !Kind::Imap.has_property("trial"));
        let sid = format!("MG{}", "0".repeat(32));
        for (name, value) in [
            ("messages_per_second", "0.5"),
            ("trial", "true"),
            ("messaging_service_sid", sid.as_str()),
            ("whatsapp_senders", "+15550187, +15550188"),
            ("host", "anything"),
        ] {
            assert_eq!(wrong(name, value), None, "{name}");
        }
        for (name, value) in [
            ("messages_per_second", "-1"),
            ("messages_per_second", "inf"),
            ("messages_per_second", "fast"),
            ("trial", "yes"),
            ("messaging_service_sid", "MG1"),
            ("whatsapp_senders", "+15550187,"),
        ] {
            assert!(wrong(name, value).is_some(), "{name} {value}");
        }
    }
}
