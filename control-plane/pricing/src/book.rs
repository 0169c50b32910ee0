//! Which price was in force where and when.

use crate::EVERYWHERE;
use std::collections::{BTreeMap, HashMap};
use store::model::usage::Price;

#[cfg(test)]
mod tests;

/// A price that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// For one unit.
    pub price_micros: i64,
    /// ISO 4217.
    pub currency: String,
}

/// What tells prices from each other, apart from the time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Subject {
    provider: String,
    country: String,
    kind: String,
    unit: String,
}

/// All prices, each in force from its own time until that of the next for the same subject.
#[derive(Clone, Debug, Default)]
pub struct PriceBook {
    prices: HashMap<Subject, BTreeMap<i64, Quote>>,
}

impl PriceBook {
    /// A book of these prices. Of two for the same subject and time the later in the list counts.
    #[must_use]
    pub fn new(prices: impl IntoIterator<Item = Price>) -> Self {
        let mut book = Self::default();
        for price in prices {
            let Price { provider, country, kind, unit, price_micros, currency, effective_from } = price;
            let subject = Subject { provider, country, kind, unit };
            book.prices.entry(subject).or_default().insert(effective_from, Quote { price_micros, currency });
        }
        book
    }

    /// The price in force at `at` (unix µs) in the country (ISO 3166, two letters), else the one for everywhere; `None` if
    /// there was none yet.
    #[must_use]
    pub fn quote(&self, provider: &str, country: &str, kind: &str, unit: &str, at: i64) -> Option<&Quote> {
        let in_force = |country: &str| {
            let subject = Subject {
                provider: provider.to_owned(),
                country: country.to_owned(),
                kind: kind.to_owned(),
                unit: unit.to_owned(),
            };
            self.prices.get(&subject)?.range(..=at).next_back().map(|(_, quote)| quote)
        };
        in_force(country).or_else(|| in_force(EVERYWHERE))
    }
}
