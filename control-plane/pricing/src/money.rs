//! Amounts in millionths of a unit: money, minutes, tokens. There are no floating-point numbers in here.

/// Millionths in one.
pub const MICROS: i64 = 1_000_000;

/// The amount is beyond what can be written down: some nine billion units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the amount is too large")]
pub struct TooLarge;

/// `amount × numerator / denominator`, rounded half away from zero.
///
/// # Errors
/// When it is too large, or nothing can be divided by `denominator`.
pub fn scaled(amount: i64, numerator: i64, denominator: i64) -> Result<i64, TooLarge> {
    let (product, divisor) = (i128::from(amount) * i128::from(numerator), i128::from(denominator));
    let (whole, rest) = (product.checked_div(divisor), product.checked_rem(divisor));
    let (Some(whole), Some(rest)) = (whole, rest) else { return Err(TooLarge) };
    let away = if rest.unsigned_abs() * 2 >= divisor.unsigned_abs() {
        product.signum() * divisor.signum()
    } else {
        0
    };
    i64::try_from(whole + away).map_err(|_| TooLarge)
}

/// What `quantity_micros` of something cost at `price_micros` for one.
///
/// # Errors
/// When it is too large.
pub fn cost(quantity_micros: i64, price_micros: i64) -> Result<i64, TooLarge> {
    scaled(quantity_micros, price_micros, MICROS)
}

/// As people write it, with a point and without needless digits: `0.0085`, `12.5`, `3`.
#[must_use]
pub fn decimal(micros: i64) -> String {
    let (sign, amount) = (if micros < 0 { "-" } else { "" }, micros.unsigned_abs());
    let million = MICROS.unsigned_abs();
    let text = format!("{sign}{}.{:06}", amount / million, amount % million);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Reads an amount with at most six digits after the point.
#[must_use]
pub fn parse_decimal(text: &str) -> Option<i64> {
    let (is_negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) || fraction.len() > 6 {
        return None;
    }
    let fraction: i64 = format!("{fraction:0<6}").parse().ok()?;
    let micros = whole.parse::<i64>().ok()?.checked_mul(MICROS)?.checked_add(fraction)?;
    Some(if is_negative { -micros } else { micros })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn halves_are_rounded_away_from_zero() {
        for (amount, numerator, denominator, expected) in [
            (1, 1, 2, 1),
            (-1, 1, 2, -1),
            (1, 1, 3, 0),
            (2, 1, 3, 1),
            (5, 1, 2, 3),
            (-5, 1, 2, -3),
            (1, -1, 2, -1),
        ] {
            assert_eq!(
                scaled(amount, numerator, denominator),
                Ok(expected),
                "{amount}×{numerator}/{denominator}"
            );
        }
        assert_eq!(scaled(1, 1, 0), Err(TooLarge));
        assert_eq!(scaled(i64::MAX, 2, 1), Err(TooLarge));
        assert_eq!(scaled(i64::MIN, i64::MIN, -1), Err(TooLarge));
    }

    #[test]
    fn amounts_are_written_without_needless_digits() {
        for (micros, text) in
            [(8_500, "0.0085"), (0, "0"), (3_000_000, "3"), (-12_500_000, "-12.5"), (1, "0.000001")]
        {
            assert_eq!(decimal(micros), text);
            assert_eq!(parse_decimal(text), Some(micros));
        }
        for wrong in ["", "-", ".5", "1.", "1e3", "1,5", "+1", "0.0000001", "99999999999999"] {
            assert_eq!(parse_decimal(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(micros in (i64::MIN + 1)..=i64::MAX) {
            prop_assert_eq!(parse_decimal(&decimal(micros)), Some(micros));
        }

        /// The rounded value is the nearest one.
        #[test]
        fn rounding_is_never_more_than_a_half_off(
            amount in -1_000_000_000_000_i64..1_000_000_000_000, numerator in -1_000_000_i64..1_000_000,
            denominator in 1_i64..1_000_000,
        ) {
            let exact = i128::from(amount) * i128::from(numerator);
            if let Ok(rounded) = scaled(amount, numerator, denominator) {
                let off = (i128::from(rounded) * i128::from(denominator) - exact).abs();
                prop_assert!(off * 2 <= i128::from(denominator));
            }
        }

        #[test]
        fn what_is_charged_back_has_the_opposite_cost(quantity in 0_i64..1_000_000_000_000, price in 0_i64..1_000_000) {
            prop_assert_eq!(cost(-quantity, price), cost(quantity, price).map(|cost| -cost));
        }
    }
}
