//! What a number costs by the month.
//!
//! A number is charged for every month, in the tenant's time zone, in which it is had. In the month in which it comes it is charged
//! from the beginning of that day on, by the share of the month that is left; in the month in which it is given back nothing is given
//! back. The price is the one of the number's country that was in force when the charge began, else the one for everywhere.

use crate::{
    Period, PriceBook, kind,
    money::{MICROS, TooLarge, scaled},
};
use store::{ids::NumberId, model::usage::Usage};

/// A number in a month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberMonth {
    /// Which.
    pub number: NumberId,
    /// The carrier, such as `twilio`.
    pub carrier: String,
    /// Where the number is (ISO 3166), where that is known.
    pub country: Option<String>,
    /// The month.
    pub month: Period,
    /// What it is called, `2026-11`: the same if the tenant's time zone is changed within it.
    pub name: String,
    /// The beginning of the day on which it came, unix µs.
    pub since: i64,
}

/// The line of the usage log, always under the same name; `None` if the price book knows no price, or the number came later.
///
/// # Errors
/// When an amount is beyond anything real.
pub fn price_number(book: &PriceBook, used: &NumberMonth) -> Result<Option<Usage>, TooLarge> {
    let Period { start, end } = used.month;
    let from = start.max(used.since);
    if from >= end {
        return Ok(None);
    }
    let country = used.country.as_deref().unwrap_or_default();
    let Some(quote) = book.quote(&used.carrier, country, kind::PHONE_NUMBER, kind::MONTH, from) else {
        return Ok(None);
    };
    let (held, whole) = (end - from, end - start);
    Ok(Some(Usage {
        source: format!("{}:month:{}", used.number, used.name),
        kind: kind::PHONE_NUMBER.to_owned(),
        quantity_micros: scaled(MICROS, held, whole)?,
        unit: kind::MONTH.to_owned(),
        cost_micros: scaled(quote.price_micros, held, whole)?,
        currency: quote.currency.to_ascii_uppercase(),
        estimated: true,
        call: None,
        period_start: from,
        period_end: end,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::model::usage::Price;

    const DAY: i64 = 24 * 3_600 * 1_000_000;
    const JUNE: Period = Period { start: 100 * DAY, end: 130 * DAY };

    fn book() -> PriceBook {
        let german = Price {
            provider: "twilio".to_owned(),
            country: "DE".to_owned(),
            kind: kind::PHONE_NUMBER.to_owned(),
            unit: kind::MONTH.to_owned(),
            price_micros: 3_000_000,
            currency: "eur".to_owned(),
            effective_from: 0,
        };
        PriceBook::new(crate::defaults().chain([german]))
    }

    fn month(country: Option<&str>, since: i64) -> NumberMonth {
        NumberMonth {
            number: NumberId::known("num_1"),
            carrier: "twilio".to_owned(),
            country: country.map(str::to_owned),
            month: JUNE,
            name: "2026-06".to_owned(),
            since,
        }
    }

    fn cost(used: &NumberMonth) -> (i64, i64, String) {
        let line = price_number(&book(), used).unwrap().unwrap();
        (line.quantity_micros, line.cost_micros, line.currency)
    }

    #[test]
    fn a_number_that_was_there_before_is_charged_for_the_whole_month() {
        assert_eq!(cost(&month(Some("US"), 0)), (MICROS, 1_150_000, "USD".to_owned()));
        assert_eq!(cost(&month(None, JUNE.start)), (MICROS, 1_150_000, "USD".to_owned()));
    }

    #[test]
    fn a_number_that_comes_within_the_month_is_charged_for_its_share() {
        assert_eq!(cost(&month(Some("DE"), 115 * DAY)), (500_000, 1_500_000, "EUR".to_owned()));
        assert_eq!(cost(&month(Some("DE"), 129 * DAY)), (33_333, 100_000, "EUR".to_owned()));
        assert_eq!(price_number(&book(), &month(None, JUNE.end)), Ok(None));
    }

    #[test]
    fn a_month_of_a_number_has_one_name() {
        let name = |since| price_number(&book(), &month(None, since)).unwrap().unwrap().source;
        assert_eq!(name(0), name(115 * DAY));
        let (july, name_of_july) = (Period { start: JUNE.end, end: 160 * DAY }, "2026-07".to_owned());
        let next = NumberMonth { month: july, name: name_of_july, ..month(None, 0) };
        assert_ne!(price_number(&book(), &next).unwrap().unwrap().source, name(0));
    }

    #[test]
    fn without_a_price_there_is_no_line() {
        let none = PriceBook::new([]);
        assert_eq!(price_number(&none, &month(None, 0)), Ok(None));
    }
}
