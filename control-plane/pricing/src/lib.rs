//! What calls cost: price book, usage and budgets. Everything in here is computed from values; nothing reads a clock or does I/O.
//!
//! - [`money`]: amounts in millionths, computed exactly and rounded once.
//! - [`PriceBook`]: which price was in force where and when.
//! - [`price_call`]: what a call used and cost; what the provider charged goes over the estimate.
//! - [`price_number`]: what a number costs by the month.
//! - [`budget`]: periods, alerts and limits.
//! - [`defaults`]: the price list that a new installation begins with.

mod book;
pub mod budget;
mod call;
mod defaults;
pub mod money;
mod number;
mod period;

pub use book::{PriceBook, Quote};
pub use call::{CallUse, Charged, kind, price_call};
pub use defaults::{EVERYWHERE, defaults};
pub use number::{NumberMonth, price_number};
pub use period::{Period, PeriodError, period};
