//! What was used, what it costs, and how much of it may be spent. Money is in millionths of the currency's unit.

use super::{resource, words};
use crate::ids::{BudgetId, CallId, PriceId};
use serde::{Deserialize, Serialize};

/// Something that was used. One source tells of one use once; told again, it replaces what was known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Names the use, such as `call_…:twilio_voice`; unique within the tenant.
    pub source: String,
    /// What was used, such as `call_cost` or `llm_tokens`.
    pub kind: String,
    /// How much, in millionths of the unit.
    pub quantity_micros: i64,
    /// Of what, such as `minute` or `usd`.
    pub unit: String,
    /// What it costs.
    pub cost_micros: i64,
    /// In which currency (ISO 4217).
    pub currency: String,
    /// Whether the cost comes from the price book, not from the provider.
    pub estimated: bool,
    /// For which call.
    pub call: Option<CallId>,
    /// From when.
    pub period_start: i64,
    /// To when.
    pub period_end: i64,
}

/// What was used of one kind in a span of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageTotal {
    /// What.
    pub kind: String,
    /// Of what.
    pub unit: String,
    /// In which currency the cost is.
    pub currency: String,
    /// How often.
    pub uses: i64,
    /// How much, in millionths of the unit.
    pub quantity_micros: i64,
    /// What it costs.
    pub cost_micros: i64,
}

/// A price, from some time on. Belongs to the platform; `parent` is the provider, `lookup` all that tells it from others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// Whose price, such as `twilio`.
    pub provider: String,
    /// Where (ISO 3166), `*` for everywhere.
    pub country: String,
    /// For what, such as `voice_inbound`.
    pub kind: String,
    /// Per what, such as `minute`.
    pub unit: String,
    /// How much.
    pub price_micros: i64,
    /// In which currency (ISO 4217).
    pub currency: String,
    /// From when.
    pub effective_from: i64,
}
resource!(Price, PriceId, Prices);

/// How much a tenant wants to spend. `lookup` is the name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// For people.
    pub name: String,
    /// Of what, as in [`Usage::kind`]; `None`: everything.
    pub kind: Option<String>,
    /// How long it has to last.
    pub period: BudgetPeriod,
    /// How much.
    pub limit_micros: i64,
    /// In which currency (ISO 4217).
    pub currency: String,
    /// Whether calls are refused beyond it.
    pub hard: bool,
    /// An alert is given at each of these percentages.
    pub alert_percents: Vec<u8>,
    /// Start of the period for which alerts were given, and the highest of them.
    #[serde(default)]
    pub alerted: Option<(i64, u8)>,
}
resource!(Budget, BudgetId, Budgets);

/// How long a budget has to last, in the tenant's time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BudgetPeriod {
    /// A day.
    Day,
    /// A month.
    Month,
}
words!(BudgetPeriod, "budget period", { Day => "day", Month => "month" });
