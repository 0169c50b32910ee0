//! Numbers as Whapi writes them: digits without a plus, and Mexican mobiles with the 1 that they once had (requirements S0-56, S0-59,
//! S0-60 and decision B18).

/// E.164 as Whapi wants it; `None`: it is no number.
pub(crate) fn to_whapi(e164: &str) -> Option<String> {
    let digits = e164.strip_prefix('+')?;
    if !is_number(digits) {
        return None;
    }
    Some(match digits.strip_prefix("52") {
        Some(national) if national.len() == 10 => format!("521{national}"),
        Some(_) | None => digits.to_owned(),
    })
}

/// E.164 of what Whapi writes; `None`: it is no number.
pub(crate) fn from_whapi(digits: &str) -> Option<String> {
    if !is_number(digits) {
        return None;
    }
    Some(match digits.strip_prefix("521") {
        Some(national) if national.len() == 10 => format!("+52{national}"),
        Some(_) | None => format!("+{digits}"),
    })
}

fn is_number(digits: &str) -> bool {
    (7..=15).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && !digits.starts_with('0')
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
        for none in ["", "+", "12", "0155555501", "1555555010a", "+15555550100"] {
            assert_eq!(from_whapi(none), None, "{none}");
        }
        assert_eq!(to_whapi("15555550100"), None);
    }
}
