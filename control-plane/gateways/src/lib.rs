//! Gateways that are neither Twilio nor mail: Whapi (WhatsApp without the Business API), OneSignal (push), and Shopify's
//! webhooks.
//!
//! - [`whapi`]: a client whose [`whapi::Channel`] is one token, which is one phone number; its webhooks as plain types.
//! - [`onesignal`]: a client whose [`onesignal::App`] creates notifications, looks at them and takes them back.
//! - [`shopify`]: whether a webhook is Shopify's, and what it says. Pure.
//! - [`GatewayError`] says what happened; its [`Class`] what follows from it.
//!
//! One call here is one request: nothing is ever sent again by itself. Whether another account, another channel or a
//! later time is tried is decided by whoever asks, from the [`Class`]. A send whose answer was lost ends in
//! [`GatewayError::UnknownOutcome`]: with OneSignal it may be repeated with the same key, with Whapi one has to look
//! first ([`whapi::Channel::find_sent`]).

mod error;
mod http;
pub mod onesignal;
mod pace;
pub mod shopify;
mod value;
pub mod whapi;
mod word;

pub use error::{Class, ClientError, Gateway, GatewayError, Refusal};
pub use pace::{Pace, Window};
pub use value::ShapeError;
