//! What a call used and cost: the carrier's minutes, the models' tokens or minutes, the recording's minutes, and their sum.

use crate::{
    PriceBook,
    money::{MICROS, TooLarge, scaled},
};
use store::{CallId, Direction, model::usage::Usage};

#[cfg(test)]
mod tests;

/// Kinds and units of uses, as they stand in the price book and in the usage log.
pub mod kind {
    /// Calls that come in.
    pub const VOICE_INBOUND: &str = "voice_inbound";
    /// Calls that we place.
    pub const VOICE_OUTBOUND: &str = "voice_outbound";
    /// Media Streams.
    pub const MEDIA_STREAM: &str = "media_stream";
    /// Tokens of language models, read and written.
    pub const AI_TOKENS: &str = "ai_tokens";
    /// Minutes in which an assistant was there, for providers that charge so.
    pub const AI_MINUTES: &str = "ai_minutes";
    /// Recordings.
    pub const RECORDING: &str = "recording";
    /// The sum over a call. It costs nothing itself; what it amounts to is its quantity.
    pub const CALL_COST: &str = "call_cost";
    /// Numbers that are had.
    pub const PHONE_NUMBER: &str = "phone_number";
    /// Text messages that are sent.
    pub const SMS_OUTBOUND: &str = "sms_outbound";
    /// A part of a text message.
    pub const SEGMENT: &str = "segment";
    /// A month, in the tenant's time zone.
    pub const MONTH: &str = "month";
    /// 60 s.
    pub const MINUTE: &str = "minute";
    /// 1,000 tokens.
    pub const THOUSAND_TOKENS: &str = "thousand_tokens";
}

/// What the carrier charged for a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charged {
    /// How much, positive.
    pub price_micros: i64,
    /// ISO 4217.
    pub currency: String,
}

/// What is known of a call that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallUse {
    /// Which.
    pub call: CallId,
    /// The carrier, such as `twilio`.
    pub carrier: String,
    /// Who placed it.
    pub direction: Direction,
    /// Where the other side's number is (ISO 3166), where that is known.
    pub country: Option<String>,
    /// When it was answered or, if it was not, made (unix µs). Prices in force then count.
    pub from: i64,
    /// When it was over.
    pub until: i64,
    /// Its length as the carrier bills it, in s; begun minutes count whole.
    pub billed_s: i64,
    /// How long its streams were open, in ms.
    pub streamed_ms: i64,
    /// What the carrier charged, once it is known.
    pub charged: Option<Charged>,
    /// Tokens of language models.
    pub tokens: i64,
    /// Length of its recordings, in ms.
    pub recorded_ms: i64,
}

/// How much of something a call used.
struct Item {
    name: &'static str,
    provider: String,
    kind: &'static str,
    unit: &'static str,
    /// `amount / parts` units.
    amount: i64,
    parts: i64,
}

/// The lines of the usage log for a call, the last of them their sum in each currency. What is not in the price book costs
/// nothing and has no line, unless the carrier charged for it.
///
/// # Errors
/// When an amount is beyond anything real.
pub fn price_call(book: &PriceBook, call: &CallUse) -> Result<Vec<Usage>, TooLarge> {
    let country = call.country.as_deref().unwrap_or_default();
    let mut lines = Vec::new();
    for item in items(call) {
        let charged = call.charged.as_ref().filter(|_| item.name == "voice");
        let quote = book.quote(&item.provider, country, item.kind, item.unit, call.from);
        let (cost_micros, currency) = match (charged, quote) {
            (Some(charged), _) => (charged.price_micros, charged.currency.clone()),
            (None, Some(quote)) if item.amount != 0 => {
                (scaled(quote.price_micros, item.amount, item.parts)?, quote.currency.clone())
            }
            (None, Some(_) | None) => continue,
        };
        lines.push(Usage {
            source: format!("{}:{}", call.call, item.name),
            kind: item.kind.to_owned(),
            quantity_micros: scaled(MICROS, item.amount, item.parts)?,
            unit: item.unit.to_owned(),
            cost_micros,
            currency: currency.to_ascii_uppercase(),
            estimated: charged.is_none(),
            call: Some(call.call.clone()),
            period_start: call.from,
            period_end: call.until,
        });
    }
    let sums = sums(call, &lines)?;
    lines.extend(sums);
    Ok(lines)
}

fn items(call: &CallUse) -> [Item; 5] {
    let voice = match call.direction {
        Direction::Inbound => kind::VOICE_INBOUND,
        Direction::Outbound => kind::VOICE_OUTBOUND,
    };
    let item = |name, provider: &str, kind, unit, amount: i64, parts| Item {
        name,
        provider: provider.to_owned(),
        kind,
        unit,
        amount: amount.max(0),
        parts,
    };
    let minutes_begun = call.billed_s.max(0) / 60 + i64::from(call.billed_s.max(0) % 60 > 0);
    [
        item("voice", &call.carrier, voice, kind::MINUTE, minutes_begun, 1),
        item("media_stream", &call.carrier, kind::MEDIA_STREAM, kind::MINUTE, call.streamed_ms, 60_000),
        item("ai_tokens", "tandem", kind::AI_TOKENS, kind::THOUSAND_TOKENS, call.tokens, 1_000),
        item("ai_minutes", "tandem", kind::AI_MINUTES, kind::MINUTE, call.streamed_ms, 60_000),
        item("recording", "tandem", kind::RECORDING, kind::MINUTE, call.recorded_ms, 60_000),
    ]
}

/// One line for each currency: how much the call came to.
fn sums(call: &CallUse, lines: &[Usage]) -> Result<Vec<Usage>, TooLarge> {
    let mut currencies: Vec<&str> = lines.iter().map(|line| line.currency.as_str()).collect();
    currencies.sort_unstable();
    currencies.dedup();
    let sum_in = |currency: &str| {
        let of_it = lines.iter().filter(|line| line.currency == currency);
        let quantity_micros =
            of_it.clone().try_fold(0_i64, |sum, line| sum.checked_add(line.cost_micros)).ok_or(TooLarge)?;
        let unit = currency.to_ascii_lowercase();
        Ok(Usage {
            source: format!("{}:{}:{unit}", call.call, kind::CALL_COST),
            kind: kind::CALL_COST.to_owned(),
            quantity_micros,
            unit,
            cost_micros: 0,
            currency: currency.to_owned(),
            estimated: of_it.clone().any(|line| line.estimated),
            call: Some(call.call.clone()),
            period_start: call.from,
            period_end: call.until,
        })
    };
    currencies.into_iter().map(sum_in).collect()
}
