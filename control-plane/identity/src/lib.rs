//! Who may do what, and who is who.
//!
//! - [`permission`]: what can be allowed, and the one table of roles and scopes.
//! - [`principal`]: who asks, and [`principal::allows`], the one place that decides.
//! - [`token`]: signed tokens of sessions and of the steps of signing in.
//! - [`random`]: what must not be guessed.

pub mod permission;
pub mod principal;
pub mod random;
pub mod token;
