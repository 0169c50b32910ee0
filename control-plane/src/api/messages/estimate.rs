//! What a text message will need and cost: its parts are counted here, its price is the price book's.

use crate::shared::Shared;
use messaging::{Channel, quiet, segments};
use outbox::{NewMessage, Text};
use pricing::{
    PriceBook, kind,
    money::{MICROS, decimal},
};
use serde::Serialize;
use store::{StoreError, TenantId};
use utoipa::ToSchema;

/// Who carries text messages.
const CARRIER: &str = "twilio";

/// What a text message needs.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = SmsEstimate)]
pub(crate) struct SmsView {
    /// How many parts it has: each is paid for.
    #[schema(minimum = 0)]
    segments: usize,
    /// In which alphabet: `gsm7` has room for 160 characters, `ucs2` for 70.
    #[schema(example = "gsm7")]
    encoding: &'static str,
    /// The characters because of which it is not `gsm7`, the first few.
    outside_gsm7: Vec<String>,
    /// What it costs by the price book; none if that has no price for it, or it has pictures.
    cost: Option<CostView>,
}

/// What something costs.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = EstimatedCost)]
pub(crate) struct CostView {
    /// A decimal number.
    #[schema(example = "0.0158")]
    amount: String,
    /// ISO 4217.
    #[schema(example = "USD")]
    currency: String,
    /// Whether it is the price book's and not the provider's.
    estimated: bool,
}

impl SmsView {
    /// Without a price.
    pub(crate) fn of(text: &Text) -> Self {
        let counted = segments::count(&text.text);
        Self {
            segments: counted.segments,
            encoding: counted.encoding.as_str(),
            outside_gsm7: counted.outside_gsm7.into_iter().map(String::from).collect(),
            cost: None,
        }
    }

    fn priced(self, book: &PriceBook, to: &str, now: i64) -> Self {
        let country = quiet::country(to).unwrap_or_default();
        let quote = book.quote(CARRIER, &country, kind::SMS_OUTBOUND, kind::SEGMENT, now);
        let parts = i64::try_from(self.segments).ok().and_then(|parts| parts.checked_mul(MICROS));
        let cost = quote.zip(parts).and_then(|(quote, parts)| {
            let amount = pricing::money::cost(parts, quote.price_micros).ok()?;
            Some(CostView { amount: decimal(amount), currency: quote.currency.clone(), estimated: true })
        });
        Self { cost, ..self }
    }
}

/// What a message needs if it goes as a text message; none if it never does.
pub(crate) async fn of(shared: &Shared, new: &NewMessage, now: i64) -> Result<Option<SmsView>, StoreError> {
    let Some((text, to)) = new.texts.get(&Channel::Sms).zip(new.to.phone.as_deref()) else { return Ok(None) };
    let view = SmsView::of(text);
    if !text.media.is_empty() {
        return Ok(Some(view));
    }
    let platform = shared.store_of(&TenantId::platform());
    let book = shared.prices.book(&*platform, now).await?;
    Ok(Some(view.priced(&book, to, now)))
}
