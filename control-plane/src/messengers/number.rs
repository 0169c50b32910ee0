//! Numbers as Whapi writes them: digits without a plus, and Mexican mobiles with the 1 that they once had (requirements S0-56, S0-59,
//! S0-60 and decision B18).

use messaging::phone::{Phone, Provider};

/// E.164 as Whapi wants it; `None`: it is no number.
pub(crate) fn to_whapi(e164: &str) -> Option<String> {
    let phone = Phone::parse(e164, None).ok()?;
    Some(phone.for_provider(Provider::Whapi))
}

/// E.164 of what Whapi writes; `None`: it is no number.
pub(crate) fn from_whapi(digits: &str) -> Option<String> {
    let phone = Phone::parse(&format!("+{digits}"), None).ok()?;
    Some(phone.e164())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mexican_mobile_has_a_one_at_whapi_and_none_elsewhere() {
        assert_eq!(to_whapi("+525555550100").as_deref(), Some("5215555550100"));
        assert_eq!(to_whapi("+5215555550100").as_deref(), Some("5215555550100"));
        assert_eq!(to_whapi("+15555550100").as_deref(), Some("15555550100"));
        assert_eq!(from_whapi("5215555550100").as_deref(), Some("+525555550100"));
        assert_eq!(from_whapi("525555550100").as_deref(), Some("+525555550100"));
        assert_eq!(from_whapi("15555550100").as_deref(), Some("+15555550100"));
        for none in ["", "+", "12", "nobody"] {
            assert_eq!(from_whapi(none), None, "{none}");
            assert_eq!(to_whapi(none), None, "{none}");
        }
    }
}
