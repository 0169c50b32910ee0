//! The ledger against a carrier that plays, marks and clears as the real one does.

mod pacing;
mod properties;
mod sim;
mod truth;
