//! Who may do what, and who is who.
//!
//! - [`permission`]: what can be allowed, and the one table of roles and scopes.
//! - [`principal`]: who asks, and [`principal::allows`], the one place that decides.
//! - [`token`]: signed tokens of sessions and of the steps of signing in.
//! - [`password`], [`lockout`], [`throttle`]: passwords, and how often they may be wrong.
//! - [`totp`], [`recovery`]: one-time passwords, and codes for whoever lost them.
//! - [`random`]: what must not be guessed.

pub mod lockout;
pub mod password;
pub mod permission;
pub mod principal;
pub mod random;
pub mod recovery;
pub mod throttle;
pub mod token;
pub mod totp;
