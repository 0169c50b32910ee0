//! Who may do what, and who is who.
//!
//! Values alone, without a store:
//! - [`permission`]: what can be allowed, and the one table of roles and scopes.
//! - [`principal`]: who asks, and [`principal::allows`], the one place that decides.
//! - [`token`]: signed tokens of sessions and of the steps of signing in.
//! - [`password`], [`lockout`], [`throttle`]: passwords, and how often they may be wrong.
//! - [`totp`], [`recovery`]: one-time passwords, and codes for whoever lost them.
//! - [`api_key`]: keys for the API.
//! - [`random`]: what must not be guessed.
//!
//! [`Identity`] puts them on the store: signing in ([`sign_in`], [`openid`]), sessions ([`session`]), who stands behind a request
//! ([`Identity::authenticate`]), what users do about themselves ([`account`]), and who is in a tenant ([`invitation`], [`team`]).

pub mod account;
pub mod api_key;
mod bearer;
mod client;
mod error;
pub mod invitation;
pub mod lockout;
pub mod openid;
pub mod password;
pub mod permission;
pub mod principal;
pub mod random;
pub mod recovery;
mod service;
pub mod session;
pub mod sign_in;
pub mod team;
pub mod throttle;
pub mod token;
pub mod totp;

pub use client::Client;
pub use error::IdentityError;
pub use service::{Identity, IdentityOptions, normalized_email};
