//! From which of its numbers a tenant calls: one that is active and can place calls; the primary one where none is named.

use store::{
    Stored,
    model::number::{Number, NumberStatus},
};

/// Why there is no number to call from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CallerIdError {
    /// The tenant has no such number, or it is not active.
    #[error("it must be one of the tenant's own active numbers")]
    NotOwn,
    /// The number cannot place calls.
    #[error("the number cannot be used for calls")]
    NoVoice,
    /// There is none at all.
    #[error("the tenant has no active number that can be used for calls")]
    None,
}

/// The number to call from, of all that the tenant has.
pub(crate) fn choose<'n>(
    numbers: &'n [Stored<Number>],
    wanted: Option<&str>,
) -> Result<&'n Stored<Number>, CallerIdError> {
    let is_active = |number: &&Stored<Number>| number.value.status == NumberStatus::Active;
    if let Some(wanted) = wanted {
        let number = numbers.iter().filter(is_active).find(|number| number.value.e164 == wanted);
        let number = number.ok_or(CallerIdError::NotOwn)?;
        return if number.value.capabilities.voice { Ok(number) } else { Err(CallerIdError::NoVoice) };
    }
    let usable = || numbers.iter().filter(is_active).filter(|number| number.value.capabilities.voice);
    // Ids sort by time: the oldest.
    usable()
        .find(|number| number.value.primary)
        .or_else(|| usable().min_by(|one, other| one.id.cmp(&other.id)))
        .ok_or(CallerIdError::None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::{
        ids::NumberId,
        model::number::{Capabilities, Routing},
    };

    fn number(e164: &str, status: NumberStatus, voice: bool, primary: bool) -> Stored<Number> {
        let value = Number {
            e164: e164.to_owned(),
            carrier_sid: None,
            account: None,
            name: String::new(),
            status,
            primary,
            capabilities: Capabilities { voice, ..Capabilities::default() },
            greeting: None,
            voice: None,
            flow: None,
            routing: Routing::default(),
        };
        Stored { id: NumberId::generate(), version: 1, created_at: 0, updated_at: 0, value }
    }

    #[test]
    fn only_own_active_numbers_that_can_call_are_shown_to_the_one_called() {
        let numbers = [
            number("+15550101", NumberStatus::Active, true, false),
            number("+15550102", NumberStatus::Active, false, false),
            number("+15550103", NumberStatus::Inactive, true, false),
            number("+15550104", NumberStatus::Active, true, true),
        ];
        let chosen = |wanted| choose(&numbers, wanted).map(|number| number.value.e164.as_str());
        assert_eq!(chosen(None), Ok("+15550104"), "the primary");
        assert_eq!(chosen(Some("+15550101")), Ok("+15550101"));
        assert_eq!(chosen(Some("+15550102")), Err(CallerIdError::NoVoice));
        assert_eq!(chosen(Some("+15550103")), Err(CallerIdError::NotOwn));
        assert_eq!(chosen(Some("+15550199")), Err(CallerIdError::NotOwn));
        assert_eq!(choose(&numbers[..3], None).unwrap().value.e164, "+15550101", "the oldest");
        assert_eq!(choose(&numbers[1..3], None).map(|_| ()), Err(CallerIdError::None));
    }
}
