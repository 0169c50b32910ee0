//! The price list that a new installation begins with: list prices of 2024 in US dollars, for everywhere. Whoever pays other
//! prices adds their own, with the day from which they hold.

use crate::kind;
use store::model::usage::Price;

/// The country of prices that hold everywhere.
pub const EVERYWHERE: &str = "*";

/// Provider, kind, unit, price in millionths of a dollar.
const DEFAULTS: [(&str, &str, &str, i64); 7] = [
    // Between 1 and 2 dollars.
    ("twilio", kind::PHONE_NUMBER, kind::MONTH, 1_150_000),
    ("twilio", kind::VOICE_INBOUND, kind::MINUTE, 8_500),
    ("twilio", kind::VOICE_OUTBOUND, kind::MINUTE, 13_000),
    // Without what carriers add, in the United States.
    ("twilio", kind::SMS_OUTBOUND, kind::SEGMENT, 7_900),
    // Included in the price of the call.
    ("twilio", kind::MEDIA_STREAM, kind::MINUTE, 0),
    ("tandem", kind::RECORDING, kind::MINUTE, 2_500),
    ("tandem", kind::AI_TOKENS, kind::THOUSAND_TOKENS, 60_000),
];

/// The default prices, in force since ever.
pub fn defaults() -> impl Iterator<Item = Price> {
    DEFAULTS.iter().map(|&(provider, kind, unit, price_micros)| Price {
        provider: provider.to_owned(),
        country: EVERYWHERE.to_owned(),
        kind: kind.to_owned(),
        unit: unit.to_owned(),
        price_micros,
        currency: "USD".to_owned(),
        effective_from: 0,
    })
}
