//! The sum is what its parts come to, and what the carrier charged goes over what was estimated.

use super::*;
use crate::defaults;
use proptest::{option, prelude::*};

fn call() -> CallUse {
    CallUse {
        call: CallId::known("call_1"),
        carrier: "twilio".to_owned(),
        direction: Direction::Inbound,
        country: Some("US".to_owned()),
        from: 1_000,
        until: 2_000,
        billed_s: 61,
        streamed_ms: 61_000,
        charged: None,
        tokens: 1_500,
        recorded_ms: 61_000,
    }
}

fn cost_of(lines: &[Usage], kind: &str) -> Option<i64> {
    lines.iter().find(|line| line.kind == kind).map(|line| line.cost_micros)
}

fn total(lines: &[Usage]) -> i64 {
    lines.iter().find(|line| line.kind == kind::CALL_COST).map_or(0, |line| line.quantity_micros)
}

#[test]
fn a_call_is_estimated_by_the_formula_of_the_price_list() {
    let lines = price_call(&PriceBook::new(defaults()), &call()).unwrap();
    // Two begun minutes.
    assert_eq!(cost_of(&lines, kind::VOICE_INBOUND), Some(17_000));
    // 1,500 / 1,000 × 0.06.
    assert_eq!(cost_of(&lines, kind::AI_TOKENS), Some(90_000));
    // 61 / 60 × 0.0025 = 0.002541…
    assert_eq!(cost_of(&lines, kind::RECORDING), Some(2_542));
    assert_eq!(cost_of(&lines, kind::MEDIA_STREAM), Some(0), "included");
    assert_eq!(total(&lines), 109_542);
    assert!(lines.iter().all(|line| line.estimated && line.currency == "USD"));
}

#[test]
fn a_minute_that_goes_out_has_a_price_of_its_own() {
    let outbound = CallUse { direction: Direction::Outbound, ..call() };
    let lines = price_call(&PriceBook::new(defaults()), &outbound).unwrap();
    // Two begun minutes at 0.013.
    assert_eq!(cost_of(&lines, kind::VOICE_OUTBOUND), Some(26_000));
    assert_eq!(cost_of(&lines, kind::VOICE_INBOUND), None);
}

#[test]
fn what_the_carrier_charged_goes_over_the_estimate() {
    let charged = Some(Charged { price_micros: 8_500, currency: "usd".to_owned() });
    let book = PriceBook::new(defaults());
    let (estimated, told) =
        (price_call(&book, &call()).unwrap(), price_call(&book, &CallUse { charged, ..call() }).unwrap());
    let sources = |lines: &[Usage]| lines.iter().map(|line| line.source.clone()).collect::<Vec<_>>();
    assert_eq!(sources(&estimated), sources(&told), "each replaces the one before it");
    let voice = told.iter().find(|line| line.kind == kind::VOICE_INBOUND).unwrap();
    assert_eq!((voice.cost_micros, voice.estimated, voice.currency.as_str()), (8_500, false, "USD"));
    assert_eq!(total(&told), 101_042);
}

#[test]
fn a_call_without_a_price_still_has_the_carriers() {
    let charged = Some(Charged { price_micros: 5, currency: "EUR".to_owned() });
    let lines = price_call(&PriceBook::default(), &CallUse { charged, ..call() }).unwrap();
    assert_eq!(
        lines.iter().map(|line| line.kind.as_str()).collect::<Vec<_>>(),
        [kind::VOICE_INBOUND, kind::CALL_COST]
    );
    assert_eq!((lines[1].unit.as_str(), total(&lines)), ("eur", 5));
    assert_eq!(price_call(&PriceBook::default(), &call()).unwrap(), []);
}

#[test]
fn a_call_that_nobody_answered_costs_nothing() {
    let unanswered = CallUse { billed_s: 0, streamed_ms: 0, tokens: 0, recorded_ms: 0, ..call() };
    assert_eq!(price_call(&PriceBook::new(defaults()), &unanswered).unwrap(), []);
}

proptest! {
    #[test]
    fn the_sum_is_what_the_parts_come_to(
        billed_s in 0_i64..100_000, streamed_ms in 0_i64..100_000_000, tokens in 0_i64..10_000_000,
        recorded_ms in 0_i64..100_000_000, charged in option::of(0_i64..10_000_000),
    ) {
        let charged = charged.map(|price_micros| Charged { price_micros, currency: "USD".to_owned() });
        let call = CallUse { billed_s, streamed_ms, tokens, recorded_ms, charged, ..call() };
        let lines = price_call(&PriceBook::new(defaults()), &call).unwrap();
        let parts: i64 = lines.iter().map(|line| line.cost_micros).sum();
        prop_assert_eq!(total(&lines), parts, "the sum itself costs nothing");
        let mut sources: Vec<_> = lines.iter().map(|line| &line.source).collect();
        sources.sort();
        sources.dedup();
        prop_assert_eq!(sources.len(), lines.len());
    }

    #[test]
    fn a_longer_call_never_costs_less(seconds in 0_i64..100_000, more in 0_i64..1_000) {
        let book = PriceBook::new(defaults());
        let cost = |billed_s| {
            total(&price_call(&book, &CallUse { billed_s, recorded_ms: billed_s * 1_000, ..call() }).unwrap())
        };
        prop_assert!(cost(seconds + more) >= cost(seconds));
    }

    #[test]
    fn no_amount_makes_it_panic(
        billed_s in any::<i64>(), tokens in any::<i64>(), recorded_ms in any::<i64>(), price in any::<i64>(),
    ) {
        let charged = Some(Charged { price_micros: price, currency: String::new() });
        let call = CallUse { billed_s, tokens, recorded_ms, streamed_ms: recorded_ms, charged, ..call() };
        drop(price_call(&PriceBook::new(defaults()), &call));
    }
}
