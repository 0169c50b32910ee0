//! What texts must be that mean something: numbers, times and dates.

use crate::problem::{FaultCode, Faults};
use jiff::tz::TimeZone;

impl Faults {
    /// A phone number, E.164.
    pub(crate) fn e164(&mut self, name: &str, text: &str) {
        if !is_e164(text) {
            self.add_at(name, FaultCode::InvalidValue, "it must be a number in E.164, such as +15550100");
        }
    }

    /// An email address; whether somebody has it, only a message can tell.
    pub(crate) fn email(&mut self, name: &str, text: &str) {
        self.text(name, text, 3, 254);
        let has_both_sides =
            text.split_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty());
        if !has_both_sides || text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            self.add_at(
                name,
                FaultCode::InvalidValue,
                "it must be an email address, such as ann@example.com",
            );
        }
    }

    /// A time of the day, in minutes since its beginning; `24:00` only where `end` is allowed.
    pub(crate) fn clock_time(&mut self, name: &str, text: &str, end: bool) -> Option<u16> {
        let minutes = clock_minutes(text).filter(|minutes| end || *minutes < 24 * 60);
        if minutes.is_none() {
            self.add_at(name, FaultCode::InvalidValue, "it must be a time of the day, HH:MM");
        }
        minutes
    }

    /// The name of a time zone.
    pub(crate) fn time_zone(&mut self, name: &str, text: &str) {
        if text.len() > 64 || TimeZone::get(text).is_err() {
            self.add_at(
                name,
                FaultCode::InvalidValue,
                "it must be the IANA name of a time zone, such as Europe/Berlin",
            );
        }
    }

    /// A language, as BCP 47 writes it, if it is there.
    pub(crate) fn language_if(&mut self, name: &str, text: Option<&str>) {
        if text.is_some_and(|text| !is_language(text)) {
            self.add_at(name, FaultCode::InvalidValue, "it must be a language, such as en or fr-CA");
        }
    }

    /// A web address.
    pub(crate) fn web_address(&mut self, name: &str, text: &str) {
        self.text(name, text, 1, 2_000);
        let is_web = url::Url::parse(text).is_ok_and(|url| {
            matches!(url.scheme(), "https" | "http") && url.has_host() && url.password().is_none()
        });
        if !is_web {
            self.add_at(name, FaultCode::InvalidValue, "it must be an http or https URL");
        }
    }
}

fn is_e164(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

pub(crate) fn is_language(text: &str) -> bool {
    let mut parts = text.split(['-', '_']);
    let first = parts.next().unwrap_or_default();
    text.len() <= 35
        && (2..=8).contains(&first.len())
        && first.bytes().all(|byte| byte.is_ascii_alphabetic())
        && parts.all(|part| {
            (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
}

fn clock_minutes(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |digits: &str| -> Option<u16> {
        (digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| digits.parse().ok())?
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (minutes < 60 && hours * 60 + minutes <= 24 * 60).then_some(hours * 60 + minutes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_time_of_the_day_has_two_digits_each() {
        assert_eq!(
            [clock_minutes("00:00"), clock_minutes("09:05"), clock_minutes("24:00")],
            [Some(0), Some(545), Some(1_440)]
        );
        for bad in ["", ":", "9:05", "24:01", "23:60", "+1:00", "12:5", "12:05:00", "aa:bb"] {
            assert_eq!(clock_minutes(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_number_is_written_as_e164_has_it() {
        for good in ["+15550100", "+4915112345678"] {
            assert!(is_e164(good), "{good}");
        }
        for bad in ["15550100", "+05550100", "+1 555 0100", "+123456", "+1234567890123456", "+", ""] {
            assert!(!is_e164(bad), "{bad}");
        }
    }

    #[test]
    fn a_language_is_written_as_bcp_47_has_it() {
        for good in ["en", "fr-CA", "zh-Hant-TW", "pt_BR"] {
            assert!(is_language(good), "{good}");
        }
        for bad in ["", "e", "-en", "en-", "english language", "fr--CA", "12"] {
            assert!(!is_language(bad), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in "\\PC*") {
            let mut faults = Faults::default();
            faults.e164("a", &text);
            faults.email("a", &text);
            faults.clock_time("a", &text, true);
            faults.time_zone("a", &text);
            faults.web_address("a", &text);
            faults.language_if("a", Some(&text));
        }
    }
}
