//! A price is in force from its own time until that of the next, to the microsecond.

use super::*;
use proptest::{collection::vec, prelude::*};

fn price(country: &str, price_micros: i64, effective_from: i64) -> Price {
    Price {
        provider: "twilio".to_owned(),
        country: country.to_owned(),
        kind: "voice_inbound".to_owned(),
        unit: "minute".to_owned(),
        price_micros,
        currency: "USD".to_owned(),
        effective_from,
    }
}

fn at(book: &PriceBook, country: &str, at: i64) -> Option<i64> {
    book.quote("twilio", country, "voice_inbound", "minute", at).map(|quote| quote.price_micros)
}

#[test]
fn a_price_is_in_force_from_its_very_microsecond() {
    let book = PriceBook::new([price("*", 20, 2_000), price("*", 10, 1_000)]);
    assert_eq!(at(&book, "US", 999), None);
    assert_eq!(at(&book, "US", 1_000), Some(10));
    assert_eq!(at(&book, "US", 1_999), Some(10));
    assert_eq!(at(&book, "US", 2_000), Some(20));
    assert_eq!(at(&book, "US", i64::MAX), Some(20));
}

#[test]
fn a_countrys_own_price_goes_over_the_one_for_everywhere_once_it_is_in_force() {
    let book = PriceBook::new([price("*", 10, 0), price("DE", 7, 1_000), price("*", 11, 2_000)]);
    assert_eq!(at(&book, "DE", 999), Some(10));
    assert_eq!(at(&book, "DE", 1_000), Some(7));
    assert_eq!(at(&book, "DE", 2_000), Some(7));
    assert_eq!(at(&book, "FR", 2_000), Some(11));
    assert_eq!(book.quote("other", "DE", "voice_inbound", "minute", 2_000), None);
}

proptest! {
    /// As a slow search over the list finds it, in whatever order the prices were written down.
    #[test]
    fn the_latest_price_that_has_begun_counts(
        times in vec(0_i64..50, 0..20), asked in 0_i64..60,
    ) {
        let prices: Vec<_> = times.iter().map(|time| price("*", time * 100, *time)).collect();
        let expected = times.iter().filter(|time| **time <= asked).max().map(|time| time * 100);
        prop_assert_eq!(at(&PriceBook::new(prices), "US", asked), expected);
    }
}
