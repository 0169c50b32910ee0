//! Phone numbers: one form in which they are kept, one by which they are found, and the forms that providers want.
//!
//! Kept as E.164 by libphonenumber's rules and the table `RULES` of countries where the same number has two forms (decision B18, requirements
//! S0-56 to S0-60). The last ten digits, by which older systems find a number, are the same in several countries and so never enough.

use crate::words::words;
use serde::{Deserialize, Serialize};

/// Longest text that is read as a number: fifteen digits and what people write between them.
const TEXT_MAX: usize = 40;

/// A country where a mobile number has two forms.
struct Rule {
    /// Country code.
    code: &'static str,
    /// What stands after it in the form with the mark.
    mark: &'static str,
    /// Digits after the country code in the form without the mark.
    plain_digits: usize,
    /// Which form is kept.
    kept: Kept,
    /// Which form Whapi wants.
    whapi_marked: bool,
}

/// Which form of a number is kept.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kept {
    /// Without the mark: it is no longer dialled.
    Plain,
    /// As it came: with the mark it is a mobile phone, without it may be a line at home. Found by the form without.
    AsItCame,
    /// With the mark, if it is a mobile number; it stands after the area code.
    NinthDigit,
}

const RULES: &[Rule] = &[
    // Mexico: +52 1 and ten digits was how mobile phones were dialled from abroad until 2019. WhatsApp still names them so.
    Rule { code: "52", mark: "1", plain_digits: 10, kept: Kept::Plain, whapi_marked: true },
    // Argentina: +54 9 and ten digits is a mobile phone.
    Rule { code: "54", mark: "9", plain_digits: 10, kept: Kept::AsItCame, whapi_marked: true },
    // Brazil: mobile numbers got a ninth digit, a 9 after the area code, by 2016. WhatsApp names older ones without.
    Rule { code: "55", mark: "9", plain_digits: 10, kept: Kept::NinthDigit, whapi_marked: false },
];

/// A phone number.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Phone {
    /// Digits without the plus.
    digits: String,
}

/// Why a text is no phone number. Does not hold the text: it may be somebody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PhoneError {
    /// It is none in any country, or none in the country that was assumed.
    #[error("not a phone number")]
    NotANumber,
    /// It has too few or too many digits for E.164: 7 to 15.
    #[error("a phone number has 7 to 15 digits with its country code")]
    Length,
}

words! {
    /// Who wants a number in its own form.
    pub enum Provider, "provider" {
        /// Twilio: E.164 with a plus (S0-57).
        Twilio => "twilio",
        /// Vapi: E.164 with a plus (S0-57).
        Vapi => "vapi",
        /// Whapi: digits, with the mark of mobile phones (S0-56).
        Whapi => "whapi",
    }
}

impl Phone {
    /// Reads a number as somebody wrote it, or as a provider gave it: `+52 55 1234 5678`, `5215512345678@s.whatsapp.net`,
    /// `whatsapp:+525512345678`, `5512345678` where `country`, ISO 3166, says whose it is.
    ///
    /// # Errors
    /// [`PhoneError`].
    pub fn parse(text: &str, country: Option<&str>) -> Result<Self, PhoneError> {
        let text = text.trim();
        let text = text.strip_prefix("whatsapp:").unwrap_or(text);
        let text = text.split('@').next().unwrap_or(text);
        if text.len() > TEXT_MAX {
            return Err(PhoneError::NotANumber);
        }
        let country = country.and_then(|country| country.parse::<phonenumber::country::Id>().ok());
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        if digits.len() < 7 {
            return Err(PhoneError::Length);
        }
        let parsed = if text.starts_with('+') {
            phonenumber::parse(None, text).ok()
        } else {
            // As it is dialled in the country; else as digits with a country code, which providers give without a plus.
            let national = country.and_then(|country| phonenumber::parse(Some(country), text).ok());
            national.filter(phonenumber::is_valid).or_else(|| {
                let international = phonenumber::parse(None, format!("+{digits}")).ok();
                international.filter(|number| country.is_none() || phonenumber::is_valid(number))
            })
        };
        let national_of = || {
            let country = country.filter(|_| !text.starts_with('+'))?;
            phonenumber::parse(Some(country), text).ok()
        };
        let number = parsed.or_else(national_of).ok_or(PhoneError::NotANumber)?;
        let formatted = number.format().mode(phonenumber::Mode::E164).to_string();
        let kept = kept(formatted.trim_start_matches('+'));
        if (7..=15).contains(&kept.len()) { Ok(Self { digits: kept }) } else { Err(PhoneError::Length) }
    }

    /// As it is kept: E.164.
    #[must_use]
    pub fn e164(&self) -> String {
        format!("+{}", self.digits)
    }

    /// By which the person is found: the same for all forms of one number.
    #[must_use]
    pub fn key(&self) -> String {
        match marked(&self.digits) {
            Some((rule, plain)) if rule.kept == Kept::AsItCame => format!("+{plain}"),
            _ => self.e164(),
        }
    }

    /// The form that a provider wants.
    #[must_use]
    pub fn for_provider(&self, provider: Provider) -> String {
        match provider {
            Provider::Twilio | Provider::Vapi => self.e164(),
            Provider::Whapi => match plain(&self.digits) {
                Some(rule) if rule.whapi_marked => {
                    let national = self.digits.get(rule.code.len()..).unwrap_or_default();
                    format!("{}{}{national}", rule.code, rule.mark)
                }
                _ => self.digits.clone(),
            },
        }
    }

    /// Its last ten digits, by which older systems find it (S0-58).
    #[must_use]
    pub fn last10(&self) -> &str {
        let from = self.digits.len().saturating_sub(10);
        self.digits.get(from..).unwrap_or(&self.digits)
    }

    /// Its country, ISO 3166; `None` if it does not say.
    #[must_use]
    pub fn country(&self) -> Option<String> {
        crate::quiet::country(&self.e164())
    }

    /// Whether it is of a form that is given to somebody in its country. A number that is not may still be: plans change.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        phonenumber::parse(None, self.e164()).is_ok_and(|number| phonenumber::is_valid(&number))
    }
}

/// The rule of a number in the form with its mark, and the form without it.
fn marked(digits: &str) -> Option<(&'static Rule, String)> {
    let rule = RULES.iter().find(|rule| rule.kept != Kept::NinthDigit && digits.starts_with(rule.code))?;
    let national = digits.strip_prefix(rule.code)?.strip_prefix(rule.mark)?;
    (national.len() == rule.plain_digits).then(|| (rule, format!("{}{national}", rule.code)))
}

/// The rule of a number in the form without its mark.
fn plain(digits: &str) -> Option<&'static Rule> {
    let rule = RULES.iter().find(|rule| digits.starts_with(rule.code))?;
    (digits.len() == rule.code.len() + rule.plain_digits).then_some(rule)
}

/// The form in which a person's number is kept, of one that is E.164 already: where two forms mean the same phone it is always the same
/// one, so that what they said of it counts however it was written. What is no number stays as it is.
#[must_use]
pub fn settled(e164: &str) -> String {
    match e164.strip_prefix('+') {
        Some(digits) if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("+{}", kept(digits))
        }
        Some(_) | None => e164.to_owned(),
    }
}

/// The form that is kept.
fn kept(digits: &str) -> String {
    if let Some((rule, plain)) = marked(digits)
        && rule.kept == Kept::Plain
    {
        return plain;
    }
    if let Some(rule) = plain(digits)
        && rule.kept == Kept::NinthDigit
    {
        let (area, subscriber) = digits.split_at(rule.code.len() + 2);
        // Those of mobile phones begin with 6 to 9; lines at home with 2 to 5 and have no ninth digit.
        if subscriber.starts_with(['6', '7', '8', '9']) {
            return format!("{area}{}{subscriber}", rule.mark);
        }
    }
    digits.to_owned()
}

/// All forms in which somebody with this number (E.164) may be known, the one that is kept first.
#[must_use]
pub fn forms(e164: &str) -> Vec<String> {
    let given = || e164.strip_prefix('+').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    let first = given().map_or_else(|| e164.to_owned(), |digits| format!("+{}", kept(digits)));
    let digits = first.strip_prefix('+').unwrap_or_default();
    let other = RULES.iter().find_map(|rule| {
        let national = digits.strip_prefix(rule.code)?;
        match rule.kept {
            Kept::NinthDigit => {
                let (area, subscriber) = national.split_at_checked(2)?;
                let without = subscriber.strip_prefix(rule.mark)?;
                let form = format!("{}{area}{without}", rule.code);
                (kept(&form) == digits).then_some(form)
            }
            Kept::Plain | Kept::AsItCame => {
                let marked = format!("{}{}{national}", rule.code, rule.mark);
                let without = national.strip_prefix(rule.mark).map(|rest| format!("{}{rest}", rule.code));
                let fits = |form: &String| form.len() == rule.code.len() + rule.plain_digits;
                match without.filter(fits) {
                    Some(without) => Some(without),
                    None => (national.len() == rule.plain_digits).then_some(marked),
                }
            }
        }
    });
    let other = other.map(|digits| format!("+{digits}"));
    let given = Some(e164.to_owned()).filter(|given| *given != first && Some(given) != other.as_ref());
    std::iter::once(first.clone()).chain(other).chain(given).collect()
}

impl From<Phone> for String {
    fn from(phone: Phone) -> Self {
        phone.e164()
    }
}

impl TryFrom<String> for Phone {
    type Error = PhoneError;

    fn try_from(text: String) -> Result<Self, PhoneError> {
        Self::parse(&text, None)
    }
}

impl std::fmt::Debug for Phone {
    /// The country and the last two digits: a log is no place for somebody's number.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let last = self.digits.get(self.digits.len().saturating_sub(2)..).unwrap_or_default();
        write!(f, "Phone(…{last})")
    }
}

#[cfg(test)]
mod tests;
